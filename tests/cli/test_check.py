"""`check` says go, stop or that nobody can tell: by its exit code, its words and its JSON."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.sessions.book import UseBook
from poolwatch.sessions.tables import BookError
from tests.cli.desk import Desk, Ran, at, rows
from tests.support.upstream import Upstream

BUDGETS = """
[[budgets]]
name = "team"
limit = "$2"
period = "never"
at_limit = "stop"

[[budgets]]
name = "images"
limit = "$1"
period = "never"
filter = "operation:image"

[[budgets]]
name = "each"
limit = "$1.50"
period = "never"
each = "user"
at_limit = "stop"
"""


def spend(desk: Desk, *amounts: tuple[str, str | None]) -> None:
    """Take usage events in, each an amount of dollars and its user."""
    when = datetime.now(UTC) - timedelta(hours=1)
    lines = [
        json.dumps(
            {"id": f"{time.monotonic_ns()}-{number}", "at": when.isoformat(), "cost_usd": cost, "user": user}
        )
        for number, (cost, user) in enumerate(amounts)
    ]
    file = desk.root / "events.jsonl"
    file.write_text("\n".join(lines) + "\n")
    assert desk.run("data", "import", str(file)).code == 0


def scanned(desk: Desk, *, ago: timedelta = timedelta(0)) -> None:
    """Session files were looked at so long ago."""
    assert desk.run("usage", "--by", "model").code in (0, 1)
    if ago:
        with closing(sqlite3.connect(desk.state / "usage.db", isolation_level=None)) as book:
            (text,) = book.execute("SELECT value FROM meta WHERE name = 'scan'").fetchone()
            progress = json.loads(text)
            progress["complete_at"] = time.time() - ago.total_seconds()
            book.execute("UPDATE meta SET value = ? WHERE name = 'scan'", (json.dumps(progress),))


@pytest.fixture
def budget_desk(desk: Desk) -> Desk:
    """A machine with budgets and no account."""
    config = desk.root / "own.toml"
    config.write_text(BUDGETS)
    desk.env["POOLWATCH_CONFIG"] = str(config)
    return desk


def answered(ran: Ran) -> tuple[int, list[str], str]:
    return ran.code, ran.lines, ran.err


def test_a_limit_that_is_reached_stops_every_way_it_is_asked(budget_desk: Desk) -> None:
    spend(budget_desk, ("1.25", "ann"), ("0.75", "bob"))
    scanned(budget_desk)
    ran = budget_desk.run("check")
    stop = (
        "stop  budget team: $2.00 of $2, exactly at the limit, it never resets: raise the limit;"
        " usage read <1m ago"
    )
    assert answered(ran) == (5, [stop], "")
    assert answered(budget_desk.run("check", "--budget", "team", "--strict")) == (5, [stop], "")
    # of those that do not stop nothing is said
    each = budget_desk.run("check", "--budget", "each")
    assert each.code == 0
    assert each.lines == [
        "go  budget each: ann: $1.25 of $1.50; usage read <1m ago",
        "go  budget each: bob: $0.75 of $1.50; usage read <1m ago",
    ]
    spend(budget_desk, ("0.2500000001", "ann"))
    over = budget_desk.run("check", "--budget", "each")
    assert over.code == 5
    assert over.lines[0].startswith("stop  budget each: ann: $1.50 of $1.50, <$0.01 over, ")


def test_a_limit_that_is_typed_is_judged_like_one_that_is_configured(budget_desk: Desk) -> None:
    spend(budget_desk, ("1.25", "ann"), ("0.75", "bob"))
    scanned(budget_desk)

    def asked(limit: str, *more: str) -> Ran:
        return budget_desk.run("check", "--limit", limit, "--period", "monthly", *more)

    assert asked("$2.01").code == 0
    assert asked("$2").code == 5
    assert asked("$1", "--filter", "user:bob").code == 0
    assert asked("$0.75", "--filter", "user:bob").code == 5
    # one that chooses no use may be misspelt
    for_nobody = asked("$1", "--filter", "user:bbo")
    assert for_nobody.code == 0
    assert for_nobody.err.startswith("poolwatch: no user begins with “bbo”; did you mean “bob”?\n")
    words = asked("$2").out
    assert words.startswith("stop  this limit: $2.00 of $2, exactly at the limit, until ")
    as_json = asked("$1.50", "--json")
    assert as_json.code == 5
    [row] = rows(as_json.json(), "budgets")
    assert (row["name"], row["spent"], row["over"]) == (None, "2.00", "0.50")


def test_what_nobody_can_tell_goes_unless_that_is_asked_for_strictly(budget_desk: Desk) -> None:
    never = budget_desk.run("check")
    assert (never.code, never.out) == (0, "")
    assert never.err.startswith(
        "poolwatch: cannot tell; that stops only with --strict\n  budget team: session files "
    )
    assert budget_desk.run("check", "--strict").code == 4
    # also where nobody has a part of it yet
    assert budget_desk.run("check", "--budget", "each", "--strict").code == 4
    spend(budget_desk, ("1", "ann"))
    scanned(budget_desk, ago=timedelta(minutes=14))
    assert budget_desk.run("check", "--strict").code == 0
    scanned(budget_desk, ago=timedelta(minutes=16))
    old = budget_desk.run("check", "--budget", "team")
    assert (old.code, old.out) == (0, "")
    assert (
        "budget team: $1.00 of $2; usage read 16m ago, which is too old; poolwatch usage reads it" in old.err
    )
    strict = budget_desk.run("check", "--strict", "--json")
    assert strict.code == 4
    assert (at(strict.json(), "verdict"), at(strict.json(), "exit_code")) == ("cannot_tell", 4)
    # known to be over it, that is enough
    spend(budget_desk, ("1", "ann"))
    assert budget_desk.run("check", "--strict").code == 5


def test_a_budget_that_only_warns_stops_who_asks_for_it_by_name(budget_desk: Desk) -> None:
    scanned(budget_desk)
    line = json.dumps(
        {"at": datetime.now(UTC).isoformat(), "cost_usd": "1.5", "operation": "image", "user": "ann"}
    )
    (budget_desk.root / "one").write_text(line + "\n")
    budget_desk.run("data", "import", str(budget_desk.root / "one"))
    named = budget_desk.run("check", "--budget", "images")
    assert named.code == 5
    assert named.err == ""
    assert named.lines[0].startswith("stop  budget images: $1.50 of $1, $0.50 over, ")
    assert "by itself it only warns" in named.lines[0]
    assert "images" not in budget_desk.run("check").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--budget", "taem"), "no budget is called taem; did you mean team?"),
        (("--budget", "xyz"), "no budget is called xyz; there are: team, images, each"),
        (("--budget", "team", "--account", "a"), "ask one at a time"),
        (("--account", "a", "--filter", "b"), "ask one at a time"),
        (("--budget", "team", "--limit", "$1", "--period", "daily"), "ask one at a time"),
        (("--limit", "$1"), "--limit and --period go together"),
        (("--period", "daily"), "--limit and --period go together"),
        (("--limit", "a lot", "--period", "daily"), "not a lot"),
        (("--limit", "80%", "--period", "weekly"), "each account's week"),
        (("--limit", "$1", "--period", "daily", "--filter", "weekly>80"), "not of usage"),
        (("--limit", "$1", "--period", "daily", "--filter", "(a"), "parenthesis"),
        (("--limit", "$1", "--period", "daily", "--filter", "not @nobody"), "no saved filter “@nobody”"),
        (("--limit", "$1", "--period", "hourly"), "hourly"),
        (("--filter", "weekli>80"), "weekly?"),
    ],
)
def test_what_cannot_be_asked_is_2(budget_desk: Desk, arguments: tuple[str, ...], words: str) -> None:
    ran = budget_desk.run("check", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_damaged_usage_blocks_nobody(budget_desk: Desk) -> None:
    budget_desk.state.mkdir(mode=0o700)
    (budget_desk.state / "usage.db").write_bytes(b"no database at all" * 100)
    ran = budget_desk.run("check")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("poolwatch: cannot tell; ")
    assert budget_desk.run("check", "--strict").code == 4


@pytest.mark.parametrize("damage", ["model = x'ff', has_cost = 0", "cost_whole = 'x'", "cost_whole = -5"])
def test_use_that_no_program_wrote_blocks_nobody(budget_desk: Desk, damage: str) -> None:
    spend(budget_desk, ("1.25", "ann"))
    scanned(budget_desk)
    with closing(sqlite3.connect(budget_desk.state / "usage.db")) as book, book:
        book.execute(f"UPDATE told SET {damage}")
    ran = budget_desk.run("check", "--budget", "team")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("poolwatch: cannot tell; ")
    assert "usage.db has a damaged row, so nobody knows what was used" in ran.err
    assert budget_desk.run("check", "--strict").code == 4
    assert budget_desk.run("run", "--", "true").code == 0


@pytest.fixture(scope="module")
def read_desk(tmp_path_factory: pytest.TempPathFactory, served: Upstream) -> Desk:
    """A machine that has just read the small pool; it is only looked at from then on."""
    desk = Desk(tmp_path_factory.mktemp("read"), served.config)
    assert desk.run("status").code == 0
    return desk


def test_while_nobody_was_read(pool_desk: Desk) -> None:
    never = pool_desk.run("check", "--account", "dan@example.com")
    assert (never.code, never.out) == (0, "")
    assert "no account was read yet; poolwatch status reads them" in never.err
    assert pool_desk.run("check", "--filter", "plan:pro", "--strict").code == 4


def test_an_account_goes_while_it_is_active(read_desk: Desk) -> None:
    go = read_desk.run("check", "--account", "dan@example.com", "--strict")
    assert answered(go) == (0, ["go  dan: active; read <1m ago"], "")
    stop = read_desk.run("check", "--account", "bob@example.com", "--json")
    assert stop.code == 5
    [row] = rows(stop.json(), "accounts")
    assert (row["label"], row["verdict"], row["why"]) == ("bob", "stop", "exhausted")
    masked = read_desk.run("check", "--account", "alice@example.com", "--mask")
    assert masked.code == 0
    assert "alice" not in masked.out
    unknown = read_desk.run("check", "--account", "dam")
    assert (unknown.code, unknown.out) == (2, "")
    assert "did you mean dan" in unknown.err


def test_a_filter_goes_while_one_of_them_is_active(read_desk: Desk) -> None:
    one = read_desk.run("check", "--filter", "label:dan or label:bob")
    assert answered(one) == (0, ["go  dan: active; read <1m ago"], "")
    assert read_desk.run("check", "--filter", "label:bob").code == 5
    none = read_desk.run("check", "--filter", "label:dan weekly>99")
    assert answered(none) == (5, ["stop  no account matches now; read <1m ago"], "")
    of_none = read_desk.run("check", "--json", "--filter", "label:dan weekly>99").json()
    assert at(of_none, "none_read_at") == at(
        read_desk.run("check", "--json", "--account", "dan").json(), "accounts", 0, "read_at"
    )
    assert read_desk.run("check", "--filter", "label:nobody-here").code == 2
    # a saved filter
    assert read_desk.run("check", "--filter", "@spare").code == 0
    assert read_desk.run("check", "--filter", "@spaer").code == 2
    foreign = read_desk.run("check", "--filter", "model:gpt")
    assert (foreign.code, foreign.out) == (2, "")
    assert "“model” is of usage; accounts have none" in foreign.err


def test_accounts_of_another_configuration_are_none_of_this_one_s(read_desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("")
    assert "no account was read yet" in read_desk.run("check", "--account", "dan", "--config", str(other)).err


def test_readings_of_a_while_ago_are_not_fresh(pool_desk: Desk) -> None:
    config = pool_desk.root / "strict.toml"
    config.write_text(Path(pool_desk.env["POOLWATCH_CONFIG"]).read_text() + "\n")
    pool_desk.env["POOLWATCH_CONFIG"] = str(config)
    assert pool_desk.run("status").code == 0
    with closing(sqlite3.connect(pool_desk.state / "poolwatch.db", isolation_level=None)) as store:
        for account_id, document in store.execute("SELECT account_id, doc FROM readings").fetchall():
            text = document if isinstance(document, str) else document.decode()
            year = datetime.now(UTC).year
            store.execute(
                "UPDATE readings SET doc = ? WHERE account_id = ?",
                (
                    text.replace(f'"at":"{year}', f'"at":"{year - 1}').replace(
                        f'"read_at":"{year}', f'"read_at":"{year - 1}'
                    ),
                    account_id,
                ),
            )
    old = pool_desk.run("check", "--account", "dan@example.com")
    assert (old.code, old.out) == (0, "")
    assert "dan: active; read " in old.err
    assert "which is too old; poolwatch status reads it anew" in old.err
    assert pool_desk.run("check", "--account", "dan@example.com", "--strict").code == 4


def test_nothing_is_asked_of_the_network(read_desk: Desk) -> None:
    prelude = (
        "import os, socket\n"
        "class Refused(socket.socket):\n"
        "    def __init__(self, *args, **more): os._exit(99)\n"
        "socket.socket = Refused\n"
    )
    for arguments in (("check",), ("check", "--account", "dan"), ("check", "--filter", "label:dan")):
        started = read_desk.start(*arguments, prelude=prelude)
        _, err = started.communicate(timeout=60)
        assert started.returncode == 0, err


def test_while_another_program_keeps_the_usage_to_itself_it_cannot_tell_and_does_not_wait(desk: Desk) -> None:
    desk.run("budgets", "add", "all", "limit=$1", "at_limit=stop")
    UseBook(desk.state).take_events([])
    with closing(sqlite3.connect(desk.state / "usage.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        with pytest.raises(BookError):
            UseBook(desk.state, patience=0.05).scan_state()
        assert time.monotonic() - begun < 1.5
        ran = desk.run("check", "--strict")
        assert (ran.code, ran.out) == (4, "")
        assert "usage.db cannot be used: database is locked" in ran.err
