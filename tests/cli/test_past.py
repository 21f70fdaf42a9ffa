"""`history` and `events` tell what the store keeps, to people and to programs; nothing is polled."""

from __future__ import annotations

import csv
import io
import stat
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from poolwatch.cli.past import Form, put
from poolwatch.domain.account import AccountKey, Listing, Name, SourceRef
from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.cycles import Cycle, EndedBy
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.outlook import AccountOutlook
from poolwatch.domain.series import Figure, Gap, HistoryRow, Series
from poolwatch.domain.state import AccountState
from poolwatch.domain.values import replace
from poolwatch.host.instants import instant_text
from poolwatch.store.database import Database
from tests.cli.desk import Desk, at, rows

if TYPE_CHECKING:
    from poolwatch.bootstrap.surroundings import Surroundings

#: Half past an hour, so that hours are told from other instants.
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(minutes=30)
HOUR = timedelta(hours=1)
ALICE = AccountKey("codex", "user-alice", "acc-1")
GONE = AccountKey("codex", "user-gone", "acc-2")
OTHER = AccountKey("codex", "user-other", "acc-3")
CONFIG = '[[sources]]\nkind = "codex-home"\nname = "home"\npath = "~/.codex"\n'


def listed(key: AccountKey, email: str, source: str = "home") -> AccountState:
    listing = Listing(SourceRef(source, f"/{email}"), "codex", key.user_id, key.account_id, email=email)
    return AccountState(key, (listing,), Name(email))


def window(key: AccountKey, before: float, used: float, kind: str = "weekly") -> HistoryRow:
    return HistoryRow(key.id, NOW - before * HOUR, Series.WINDOW, "codex", kind, Figure(used))


def credits(key: AccountKey, before: float, balance: str) -> HistoryRow:
    figure = Figure(balance=Decimal(balance))
    return HistoryRow(key.id, NOW - before * HOUR, Series.CREDITS, "", "", figure)


def event(number: int, before: float, kind: EventKind, key: AccountKey | None) -> LoggedEvent:
    return LoggedEvent(f"{number:016x}", NOW - before * HOUR, kind, None if key is None else key.id)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A machine on which poolwatch has watched for two days; it is only read."""
    desk = Desk(tmp_path_factory.mktemp("kept"))
    desk.usual_config.parent.mkdir(parents=True)
    desk.usual_config.write_text(CONFIG)
    database = Database(desk.state, NOW)
    accounts = [listed(ALICE, "alice@example.com"), listed(OTHER, "other@example.com", "elsewhere")]
    lives = Cycle(ALICE.id, "codex", "weekly", NOW - 40 * HOUR, peak_percent=30.0)
    before = replace(
        lives, started_at=NOW - 200 * HOUR, ended_at=NOW - 40 * HOUR, ended_by=EndedBy.EARLY_RESET
    )
    assert database.save(
        [*accounts, listed(GONE, "gone@example.com")],
        NOW,
        [
            *(window(ALICE, 47, 80), window(ALICE, 40, 0), window(ALICE, 3, 30), window(ALICE, 2, 9, "5h")),
            *(credits(ALICE, 30, "250.5"), window(OTHER, 5, 1), window(GONE, 50, 100)),
        ],
        cycles=[before, lives],
        events=[
            replace(event(1, 40, EventKind.EARLY_RESET, ALICE), bucket="codex", window="weekly"),
            replace(event(2, 30, EventKind.SOURCE_DOWN, None), source="home"),
            replace(event(3, 20, EventKind.SOURCE_DOWN, None), source="elsewhere"),
            event(4, 10, EventKind.EXHAUSTED, OTHER),
            replace(event(5, 1, EventKind.LOGIN_DIED, GONE), now="expired"),
        ],
        gaps=[(ALICE.id, Gap(NOW - 20 * HOUR, NOW - 10 * HOUR))],
    )
    assert database.save([], NOW, gone=[GONE.id])
    burn = AccountBurn(Burn(last_hour=1.5), Burn(last_24h=Decimal("3.10")))
    assert database.put_outlooks({ALICE.id: AccountOutlook(NOW, burn)}, None)
    database.close()
    return desk


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("label:alice", {1}),
        ("alice reset", {1}),
        ("source:home", {1, 2}),
        ("sources", {2}),
        ("login expired", {5}),
        ("-label:alice -sources", {5}),
        ("weekly<80", set[int]()),
    ],
)
def test_events_that_a_filter_lets_through(kept: Desk, text: str, found: set[int]) -> None:
    ran = kept.run("events", "--json", "--filter", text)
    told = [int(str(row["id"]), 16) for row in rows(ran.json(), "events")]
    assert (ran.code, set(told)) == (0, found)
    none = f"poolwatch: none of 3 events matches “{text}”\n"
    assert ran.err == ("" if found else none)


def test_the_history_of_an_account(kept: Desk) -> None:
    ran = kept.run("history", "alice@example.com", "--json")
    assert (ran.code, ran.err) == (0, "")
    series = rows(ran.json(), "series")
    assert [(row["metric"], row["window"]) for row in series] == [
        ("used", "5h"), ("used", "weekly"), ("credits", None),
    ]  # fmt: skip
    weekly = series[1]
    assert [row["value"] for row in rows(weekly, "points")] == [80.0, 0.0, None, 0.0, 30.0]
    assert [row["ended_by"] for row in rows(weekly, "windows_past")] == ["early_reset", None]
    assert (at(weekly, "burn", "last_hour"), at(series[2], "burn", "last_24h")) == (1.5, "3.10")
    assert at(series[0], "burn", "last_hour") is None


def test_a_history_is_narrowed_by_what_is_typed(kept: Desk) -> None:
    def told(*arguments: str) -> list[tuple[object, object, object]]:
        found = rows(kept.run("history", "--json", *arguments).json(), "series")
        return [(row["label"], row["metric"], row["window"]) for row in found]

    everybody = told()
    assert {label for label, _, _ in everybody} == {"alice@example.com", "gone@example.com"}
    assert told("--metric", "credits") == [("alice@example.com", "credits", None)]
    assert told("gone@example.com") == [("gone@example.com", "used", "weekly")]
    assert told("other@example.com") == [("other@example.com", "used", "weekly")]
    assert told("alice@example.com", "--window", "5h") == [("alice@example.com", "used", "5h")]
    assert "example.com" not in kept.run("history", "--json", "--mask").out
    since = instant_text(NOW - 4 * HOUR)
    found = kept.run("history", "alice@example.com", "--window", "weekly", "--since", since, "--json")
    # what held when that began, and what came then
    assert [row["value"] for row in rows(found.json(), "series", 0, "points")] == [0.0, 30.0]


def test_a_history_by_days_has_their_extremes(kept: Desk) -> None:
    ran = kept.run("history", "alice@example.com", "--window", "weekly", "--by", "hour", "--csv")
    header, *found = csv.reader(io.StringIO(ran.out, newline=""))
    assert header[6:9] == ["used_percent", "used_percent_low", "used_percent_high"]
    # all but where the gap begins and ends
    assert [row[6] for row in found if row[0].endswith(":00:00Z")] == ["80.000000", "0.000000", "30.000000"]
    assert ran.code == 0


def test_a_history_for_people_is_a_chart(kept: Desk) -> None:
    ran = kept.run("history", "alice@example.com", env={"COLUMNS": "100"})
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0].startswith(" alice@example.com · weekly used · since ")
    assert ran.lines[2].startswith(" 100 ┤")
    assert max(map(len, ran.lines)) <= 100
    # the line begins at 80%, and stands at 30% now
    assert any("⠤" in line or "⠒" in line or "⠉" in line for line in ran.lines[2:14])
    told = {line.split()[0] for line in ran.lines if line.strip()}
    assert {"FORECAST", "BURN", "PACE", "PAST"} <= told
    assert any("30%" in line and "early reset" in line for line in ran.lines)
    plain = kept.run("history", "alice@example.com", "--ascii", "--mask")
    assert plain.out.isascii()
    assert "example.com" not in plain.out
    everybody = kept.run("history", "--metric", "used")
    assert [line.split()[0] for line in everybody.lines if " · " in line] == [
        *("alice@example.com", "gone@example.com")
    ]
    over = kept.run("history", "alice@example.com", "--until", instant_text(NOW - HOUR)).out
    assert "FORECAST" not in over
    assert "now" not in over.splitlines()[1]
    # a weekday alone would not say of which week
    assert f"weekly used · {NOW - 24 * HOUR * 7 - HOUR:%Y-%m-%d}" in over.splitlines()[0]
    assert over.splitlines()[0].rstrip().endswith(f" to {NOW - HOUR:%Y-%m-%d %H:%M}")


def test_what_happened(kept: Desk) -> None:
    ran = kept.run("events", "--json")
    assert (ran.code, ran.err) == (0, "")
    told = [(row["kind"], row["label"], row["source"]) for row in rows(ran.json(), "events")]
    # not those of accounts and sources that another configuration has
    assert told == [
        ("early_reset", "alice@example.com", None),
        ("source_down", None, "home"),
        ("login_died", "gone@example.com", None),
    ]
    today = rows(kept.run("events", "--json", "--since", "24h").json(), "events")
    assert [row["kind"] for row in today] == ["login_died"]
    lines = kept.run("events").lines
    assert [line.split("  ", 1)[1] for line in lines] == [
        "alice@example.com  weekly: reset early",
        "source home        down",
        "gone@example.com   needs a new login: login expired",
    ]
    assert "example.com" not in kept.run("events", "--mask").out + kept.run("events", "--csv", "--mask").out


def test_csv_goes_into_a_file_of_its_own(kept: Desk) -> None:
    told = kept.run("events", "--csv")
    assert told.out.count("\r\n") == len(told.out.splitlines()) == 4
    ran = kept.run("events", "--csv", "-o", "events.csv")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    file = kept.root / "events.csv"
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (told.out.encode(), 0o600)
    (kept.root / "mine").write_text("mine")
    (kept.root / "link").symlink_to("mine")
    ran = kept.run("history", "--csv", "-o", "link")
    assert (ran.code, ran.out) == (1, "")
    assert "link is not a regular file" in ran.err
    assert (kept.root / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["events", "--since", "yesterday"], "--since takes 24h, 7d, today, month, a date or an RFC 3339"),
        (["events", "--until", "1x"], "--until takes"),
        (["history", "--since", "1h", "--until", "2h"], "--since has to lie before --until"),
        (["history", "--json", "--csv"], "--json or --csv"),
        (["history", "nobody", "--json"], "no account and no balance is called nobody"),
    ],
)
def test_what_cannot_be_meant_is_usage(kept: Desk, arguments: list[str], words: str) -> None:
    ran = kept.run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_where_nothing_is_kept_nothing_is_made(desk: Desk) -> None:
    ran = desk.run("history", "--json")
    assert (ran.code, at(ran.json(), "series")) == (1, [])
    assert ran.err == "poolwatch: nothing is kept of that in that time\n"
    ran = desk.run("events")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "poolwatch: nothing is known to have happened in that time\n"
    assert desk.run("events", "--csv").lines == [
        "id,at,kind,account,label,source,bucket,window,before,after,amount,unit,accounts,rule,budget"
    ]
    assert not desk.state.exists()


def test_what_is_written_for_people_steers_no_terminal(tmp_path: Path) -> None:
    written = tmp_path / "events.txt"
    assert put("a\x1b[2J\u2028b\n", Form(path=str(written)), cast("Surroundings", None)) == 0
    assert written.read_text() == "a\\x1b[2J\\u2028b\n"
