"""`usage` reads the session files first, then tells what was used: to people and to programs."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.bootstrap.console import Exit
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.bootstrap.use import UseReader
from poolwatch.cli import usage
from poolwatch.config.load import load
from poolwatch.config.settings import Settings
from poolwatch.domain.quarters import Calendar, UsePeriod
from poolwatch.domain.tokens import GroupBy, ScanState, WhoseBy
from poolwatch.domain.use_report import Narrowed, UseWish, span_of
from poolwatch.domain.use_sums import Group
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.owners import Whose
from poolwatch.sessions.tables import BookProblem
from poolwatch.sessions.titles import titles_of
from tests.cli.desk import Desk, rows
from tests.sessions.builder import Thread, U, thread_id

Tell = Callable[[ScanState], None]
#: The day on which the second conversation was.
NOW = datetime(2026, 10, 11, 12, tzinfo=UTC)
OCTOBER = ("--since", "2026-10-01", "--until", "2026-11-01")


def fill(home: Path) -> None:
    """Two conversations in two projects; one request is of the hour before midnight in UTC."""
    one = Thread("one", "2026-10-10T10:00:00+00:00").head(cwd="/home/user/reef").turn("gpt-6-sol")
    one.tier("default").counter(U(1_000_000, 400_000, 10_000))
    one.at("2026-10-10T23:30:00+00:00").counter(U(1_200_000, 500_000, 20_000), U(200_000, 100_000, 10_000))
    one.write(home)
    other = Thread("other", "2026-10-11T09:00:00+00:00").head(cwd="/home/user/atlas").turn("unheard-of")
    other.counter(U(5_000, 0, 100)).write(home)
    index = [{"id": one.id, "thread_name": "An old title"}, {"id": one.id, "thread_name": "A title"}]
    lines = [json.dumps(each) for each in index]
    (home / "session_index.jsonl").write_text("\n".join(lines) + "\nno json\n")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A machine with session files, which were read; it is only looked at from then on."""
    desk = Desk(tmp_path_factory.mktemp("used"))
    fill(desk.home / ".codex")
    ran = desk.run("usage", *OCTOBER, "--json")
    assert (ran.code, ran.err) == (0, "")
    return desk


def asked(desk: Desk, *arguments: str) -> dict[str, dict[str, object]]:
    """The rows by their groups, without reading anew."""
    ran = desk.run("usage", "--no-scan", *OCTOBER, "--json", *arguments)
    assert ran.code == 0
    return {str(row["group"]): dict(row) for row in rows(ran.json(), "rows")}


def test_session_files_are_read_without_any_account_and_priced(used: Desk) -> None:
    ran = used.run("usage", "--no-scan", *OCTOBER, "--json")
    document = json.loads(ran.out)
    assert document["schema"] == "poolwatch.usage/1"
    assert document["by"] == "model"
    assert document["period"]["since"] == "2026-10-01T00:00:00Z"
    assert document["coverage"]["files"] == 2
    totals = document["totals"]
    assert (totals["requests"], totals["input_tokens"], totals["output_tokens"]) == (3, 1_205_000, 20_100)
    assert (totals["cost_complete"], totals["unpriced_tokens"]) == (False, 5_100)
    sol, unknown = document["rows"]
    assert (sol["group"], unknown["group"], unknown["cost_usd"]) == ("gpt-6-sol", "unheard-of", None)
    assert Decimal(sol["cost_usd"]) == Decimal(totals["cost_usd"]) > 0
    assert not (used.home / ".codex" / "usage.db").exists()


def test_days_are_local_unless_utc_is_wanted(used: Desk) -> None:
    berlin = {"TZ": "Europe/Berlin"}
    arguments = ("usage", "--no-scan", *OCTOBER, "--by", "day", "--csv")
    local = used.run(*arguments, env=berlin)
    utc = used.run(*arguments, "--utc", env=berlin)
    told = [
        [(row["group"], row["requests"]) for row in csv.DictReader(io.StringIO(ran.out))]
        for ran in (local, utc)
    ]
    assert told == [[("2026-10-10", "1"), ("2026-10-11", "2")], [("2026-10-10", "2"), ("2026-10-11", "1")]]


def test_rows_by_project_and_conversation_have_their_names(used: Desk) -> None:
    assert set(asked(used, "--by", "project")) == {"reef", "atlas"}
    masked = asked(used, "--by", "project", "--mask")
    assert all(group.startswith("project-") for group in masked)
    assert len(asked(used, "--by", "project", "--limit", "1")) == 1
    by_id = asked(used, "--by", "conversation")
    titled = asked(used, "--by", "conversation", "--with-titles")
    assert set(by_id) == set(titled)
    assert {row["label"] for row in titled.values()} >= {"A title"}
    assert not any("title" in str(row["label"]) for row in by_id.values())
    assert b"A title" not in (used.state / "usage.db").read_bytes()


def test_people_get_a_table_and_what_it_is_of(used: Desk) -> None:
    ran = used.run("usage", "--no-scan", *OCTOBER)
    assert ran.code == 0
    title, _, heading, *rest = ran.lines
    assert title.startswith(" 1 Oct to 1 Nov by model · session files · prices of ")
    assert heading.split()[:3] == ["MODEL", "REQUESTS", "INPUT"]
    told = "\n".join(rest)
    assert "no price: rates why unheard-of" in told
    assert "Cost is what the API would charge; your plans do not bill it." in told
    assert "≥: 1 request of 1 model without a price." in told
    assert "2 session files in 1 home on this machine" in told
    plain = used.run("usage", "--no-scan", *OCTOBER, "--ascii")
    assert plain.out.isascii()
    empty = used.run("usage", "--no-scan", "--since", "2026-09-01", "--until", "2026-09-02")
    assert "nothing was used in this time, as far as is known" in empty.out
    assert "$0.00" not in empty.out


def test_a_time_may_reach_to_the_end_of_the_calendar(used: Desk) -> None:
    ever = ("--since", "0001-01-01T00:00:00Z", "--until", "9999-12-31T23:59:59Z")
    for form in ((), ("--json",), ("--by", "day", "--csv")):
        ran = used.run("usage", "--no-scan", *ever, *form, env={"TZ": "Pacific/Kiritimati"})
        assert (ran.code, ran.err) == (0, "")
        assert "3" in ran.out


def test_a_home_of_its_own_is_read_into_a_book_of_its_own(used: Desk, tmp_path: Path) -> None:
    fill(tmp_path / "other")
    ran = used.run("usage", "--codex-home", str(tmp_path / "other"), *OCTOBER, "--json")
    assert json.loads(ran.out)["totals"]["requests"] == 3
    assert len(asked(used)) == 2
    missing = used.run("usage", "--codex-home", str(tmp_path / "none"))
    assert (missing.code, missing.out) == (2, "")


def test_without_session_files_it_says_so_and_tells_nothing_as_nothing(desk: Desk) -> None:
    never = desk.run("usage", "--no-scan", "--json")
    assert never.code == 1
    assert "no session files have been read yet" in never.err
    assert "not_scanned" in json.loads(never.out)["coverage"]["reasons"]
    ran = desk.run("usage", "--json")
    assert ran.code == 1
    assert "no session files of Codex were found" in ran.err
    assert json.loads(ran.out)["totals"]["requests"] == 0


def test_what_files_told_is_known_when_they_are_gone(desk: Desk) -> None:
    fill(desk.home / ".codex")
    assert desk.run("usage", *OCTOBER).code == 0
    shutil.rmtree(desk.home / ".codex" / "sessions")
    ran = desk.run("usage", *OCTOBER, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["totals"]["requests"] == 3
    assert json.loads(ran.out)["coverage"]["files"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--json", "--csv"), "--json or --csv"),
        (("--since", "soon"), "--since takes"),
        (("--since", "today", "--until", "2020-01-01"), "--since has to lie before"),
        (("--by", "mood"), "mood"),
    ],
)
def test_what_is_asked_wrongly_is_told_before_anything_is_read(
    desk: Desk, arguments: tuple[str, ...], told: str
) -> None:
    ran = desk.run("usage", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert not desk.state.exists() or not (desk.state / "usage.db").exists()


def test_what_was_imported_is_told_by_user(desk: Desk) -> None:
    lines = [
        {"at": "2026-10-10T11:00:00Z", "user": "eve", "model": "x", "input_tokens": 10, "cost_usd": "0.5"},
        {"at": "2026-10-10T11:00:00Z", "user": "bob", "model": "x", "input_tokens": 10, "cost_usd": "0.25"},
    ]
    (desk.root / "events").write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    assert desk.run("data", "import", str(desk.root / "events")).code == 0
    ran = desk.run("usage", *OCTOBER, "--from", "imported", "--by", "user", "--json")
    assert ran.code == 0
    told = {row["group"]: row["cost_usd"] for row in rows(ran.json(), "rows")}
    assert told == {"eve": "0.50", "bob": "0.25"}


def reader_of(desk: Desk) -> UseReader:
    settings = load(None, {}, {})
    assert isinstance(settings, Settings)
    return UseReader(desk.state, settings, NOW, UTC)


def test_what_is_read_for_the_head_answers_the_table_alike(used: Desk) -> None:
    for by in GroupBy:
        wish = UseWish(UsePeriod.DAYS_30, by)
        span = span_of(wish, NOW, Calendar(UTC))
        with_head, anew = (reader_of(used).report(wish, {}, NOW, each) for each in (None, span))
        assert (with_head.rows, with_head.total, with_head.slices) == (anew.rows, anew.total, anew.slices)
        assert with_head.figures.days_30.requests == 3 == with_head.total.requests
        assert anew.figures.days_30.requests == 0
    # what lies before all that the head is made of is read by itself
    later = NOW.replace(year=2027)
    assert reader_of(used).report(UseWish(UsePeriod.ALL), {}, later).total.requests == 3
    again = reader_of(used)
    # the second time within a minute the head is known
    twice = [again.report(UseWish(UsePeriod.DAYS_30), {}, NOW) for _ in range(2)]
    assert twice[0] == twice[1]


def test_what_is_dated_ahead_is_told_and_in_no_sum(used: Desk) -> None:
    now = datetime(2026, 10, 10, 20, tzinfo=UTC)
    found = reader_of(used).report(UseWish(UsePeriod.ALL), {}, now)
    assert (found.total.requests, found.scan.ahead) == (1, 210_000 + 5_100)
    assert [request.tokens.output for request, _ in found.latest] == [10_000]
    assert reader_of(used).report(UseWish(UsePeriod.ALL), {}, NOW).scan.ahead == 0


def test_what_stands_above_a_group_that_was_opened_is_of_that_group(used: Desk) -> None:
    reader, sol = reader_of(used), Narrowed(GroupBy.MODEL, Group("gpt-6-sol"))
    day, nobody = Narrowed(GroupBy.DAY, Group("2026-10-11")), Narrowed(GroupBy.ACCOUNT, Group("alice"))
    told = []
    # one reader: what it keeps of one group is not told of the next
    for narrow in ((), (sol,), (sol, day), (nobody,)):
        found = reader.report(UseWish(UsePeriod.DAYS_30, narrow=narrow), {}, NOW)
        models = [request.model for request, _ in found.latest]
        told.append(
            (found.figures.days_30.requests, found.figures.today.requests, models, found.total.requests)
        )
    of_sol = ["gpt-6-sol", "gpt-6-sol"]
    assert told == [
        (3, 1, ["unheard-of", *of_sol], 3),
        (2, 0, of_sol, 2),
        # a day has no today
        (2, 0, of_sol, 0),
        (0, 0, [], 0),
    ]


def test_all_that_is_told_is_of_the_use_that_a_filter_lets_through(used: Desk) -> None:
    reader, told = reader_of(used), {}
    # one reader: what it keeps of one filter is not told of the next
    for text in ("", "model:gpt-6", "-model:gpt-6", "unheard", "red or blue", "user:frank", "model:", "oct"):
        found = reader.report(UseWish(UsePeriod.DAYS_30, GroupBy.DAY, filter_text=text), {}, NOW)
        models = {str(request.model) for request, _ in found.latest}
        told[text] = found.figures.days_30.requests, found.total.requests, len(found.slices), models
        assert (found.whole.requests, found.count) == (3, 2)
        assert found.texts.get(GroupBy.MODEL, []) == (["gpt-6-sol", "unheard-of"] if text else [])
    of_sol, all_of_it = (2, 2, 1, {"gpt-6-sol"}), (3, 3, 2, {"gpt-6-sol", "unheard-of"})
    nothing = (0, 0, 0, set[str]())
    assert told == {
        "": all_of_it,
        "model:gpt-6": of_sol,
        "-model:gpt-6": (1, 1, 1, {"unheard-of"}),
        "unheard": (1, 1, 1, {"unheard-of"}),
        "red or blue": nothing,
        "user:frank": nothing,
        # what is not typed to its end lets all through
        "model:": all_of_it,
        "oct": all_of_it,
    }


def test_usage_takes_a_filter_and_tells_what_is_wrong_with_it(used: Desk) -> None:
    told = used.run("usage", *OCTOBER, "--filter", "model:gpt-6 or client:nobody", "--json", "--no-scan")
    assert (told.code, told.out) == (2, "")
    assert told.err == "poolwatch: no client begins with “nobody”; there are: codex_cli_rs cli\n"
    ran = used.run("usage", *OCTOBER, "--filter", " model:gpt-6 ", "--json", "--no-scan")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert (document["filter"], document["totals"]["requests"]) == ("model:gpt-6", 2)
    assert [row["group"] for row in document["rows"]] == ["gpt-6-sol"]
    text = used.run("usage", *OCTOBER, "--filter", "model:gpt-6", "--no-scan").out
    assert "filter model:gpt-6" in text
    assert "total 1 of 2" in text
    none = used.run("usage", *OCTOBER, "--filter", "operation:image", "--no-scan", "--csv")
    assert (none.code, len(none.lines)) == (2, 0)
    assert "no operation begins with “image”" in none.err
    none = used.run("usage", *OCTOBER, "--filter", "zzz", "--no-scan", "--csv")
    assert (none.code, len(none.lines)) == (0, 1)
    assert none.err == "poolwatch: no use matches “zzz”\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("weekly>=80", "“weekly” is of accounts as they stand, not of usage"),
        ("weekly:80", "“weekly” is of accounts as they stand, not of usage"),
        ("status:active", "“status” is of accounts as they stand, not of usage"),
        ("! model:gpt-6", "“!” is of accounts as they stand, not of usage"),
        ("modle:gpt-6", "no field “modle”; model?"),
        ("model>5", "“model” is a text"),
        ("(model:gpt-6", "a parenthesis is not closed"),
        ("@mine", "no saved filter “@mine”"),
    ],
)
def test_what_use_has_not_is_a_mistake(used: Desk, text: str, told: str) -> None:
    ran = used.run("usage", *OCTOBER, "--filter", text, "--no-scan")
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_whose_use_it_was_has_its_cost_beside_the_account(used: Desk, tmp_path: Path) -> None:
    (tmp_path / "usage.db").write_bytes((used.state / "usage.db").read_bytes())
    one = thread_id("one")
    UseBook(tmp_path).put_whose([Whose(one, 0, 2**31, "alice", WhoseBy.HOME)], [one])
    desk = Desk(tmp_path / "other")
    desk.state = tmp_path
    costs = reader_of(desk).costs(NOW)
    assert costs is not None
    assert costs.today == "—"
    today, days = costs.accounts["alice"]
    assert (today, days[0]) == ("$0.00", "$")
    assert reader_of(Desk(tmp_path / "none")).costs(NOW) is None
    # of an account that is listed no more: what is opened is what its row told
    of_none = Narrowed(GroupBy.GROUP, Group(None))
    groups = reader_of(desk).report(UseWish(UsePeriod.ALL, GroupBy.GROUP), {}, NOW)
    opened = reader_of(desk).report(UseWish(UsePeriod.ALL, GroupBy.ACCOUNT, narrow=(of_none,)), {}, NOW)
    assert [row.sum for row in groups.rows] == [opened.total]
    assert {row.group.text for row in opened.rows} == {"alice", None}
    # of files that nobody has read for years nobody knows what today costs
    assert reader_of(desk).costs(NOW.replace(year=9000)) is None


def test_how_far_reading_is_stands_on_a_terminal_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def reads(_: Path, homes: Sequence[str], env: Mapping[str, str], tell: Tell) -> BookProblem | None:
        tell(ScanState(running=True, bytes_done=1, bytes_total=4, newest_since=NOW.timestamp() - 86400 * 3))
        return BookProblem.DENIED if homes == ["full"] else None

    monkeypatch.setattr(usage, "read_sessions", reads)
    around = look_around(Options(), {**desk.env})
    assert isinstance(around, Surroundings)
    usage.scan_files(around, desk.state, [], UTC)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    usage.scan_files(around, desk.state, [], UTC)
    told = capsys.readouterr().err
    assert "reading files 25%, newest first" in told
    assert told.endswith("\r\x1b[K")
    with pytest.raises(Exit) as ended:
        usage.scan_files(around, desk.state, ["full"], UTC)
    assert ended.value.code == 1
    assert "the disk is full, or another program holds it" in capsys.readouterr().err
    # who asks for more than what is new goes on
    monkeypatch.setattr(usage, "session_homes", lambda _: ["full"])
    usage.read_new(around, UTC)
    told = capsys.readouterr().err
    assert "the disk is full, or another program holds it" in told
    assert told.endswith("what follows is what was known before\n")


def test_titles_are_read_of_files_alone_and_bad_lines_cost_nothing_else(tmp_path: Path) -> None:
    lines = [
        b'{"id":"1","thread_name":"old"}',
        b'{"id":"1","thread_name":"\xff"}',
        b"[" * 100_000,
        b'{"id":"1","thread_name":"new"}',
        b'{"id":"1","thread_name":null}',
        b'{"id":"3","thread_name":"of nobody"}',
    ]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "session_index.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    # whoever opens a pipe to read waits for who writes
    os.mkfifo(tmp_path / "b" / "session_index.jsonl")
    homes = [str(tmp_path / name) for name in ("b", "a", "none")]
    assert titles_of(homes, ["1", "2"]) == {"1": "new"}
