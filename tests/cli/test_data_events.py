"""`data import` of usage events: counted once, whatever happens in between."""

from __future__ import annotations

import json
import signal
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from poolwatch.domain.tokens import GroupBy, Origin, Tokens, UseAsked, UseCell
from poolwatch.sessions.book import UseBook
from tests.cli.desk import Desk
from tests.cli.test_data import kept

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def line(**fields: object) -> str:
    return json.dumps({"at": AT.isoformat(), "model": "gpt-6-sol", **fields})


def cells(desk: Desk, by: GroupBy | None = None) -> list[UseCell]:
    return UseBook(desk.state).cells(UseAsked(0, 10**9, Origin.IMPORTED, by))


def total(desk: Desk) -> tuple[int, Tokens]:
    found = cells(desk)
    return sum(each.requests for each in found), sum((each.tokens for each in found), Tokens())


def test_lines_of_both_kinds_in_one_file(desk: Desk) -> None:
    other = Desk(desk.root / "other")
    kept(desk, 1)
    figures = desk.run("data", "export").out.splitlines()
    events = [
        line(id="a", input_tokens=100, output_tokens=10, cost_usd="0.001"),
        line(id="a", input_tokens=100, output_tokens=10, cost_usd="0.001"),
        line(input_tokens=7),
        line(input_tokens=7),
        line(input_tokens=-7),
        line(input_chars=9, user="ann"),
    ]
    text = "\n".join([figures[0], *events, *figures[1:]])
    file = other.root / "in"
    file.write_text(text)
    ran = other.run("data", "import", str(file))
    assert ran.code == 1
    assert ran.out == "3 lines of 1 account and 5 usage events taken, 1 of them known before, 1 refused\n"
    assert ran.err == "poolwatch: line 6: input_tokens is no number of at least 0 and below 10^12\n"
    assert total(other) == (4, Tokens(117, output=10))
    [paid] = [each for each in cells(other) if each.told_cost is not None]
    assert (paid.told_cost, paid.told_requests, paid.told_tokens) == (10**9, 1, Tokens(100, output=10))
    assert {each.user: each.estimated for each in cells(other, GroupBy.USER)}["ann"]
    also = UseAsked(0, 10**9, Origin.IMPORTED, None, also=frozenset({GroupBy.USER}))
    assert {each.user for each in UseBook(other.state).cells(also)} == {None, "ann"}
    # once more, and in two halves: nothing is new
    ran = other.run("data", "import", str(file))
    assert ran.out.endswith("5 usage events taken, 5 of them known before, 1 refused\n")
    file.write_text("\n".join(events[3:]))
    assert other.run("data", "import", str(file)).code == 1
    assert total(other) == (4, Tokens(117, output=10))


def test_events_alone_and_their_calendar(desk: Desk) -> None:
    (desk.root / "in").write_text(f"{line(tokenCount=5, creditsUsed='1.25')}\n{line(input_tokens=300_000)}\n")
    assert desk.shell("$P data import - < in").out == "2 usage events taken\n"
    found = {each.long_context: each for each in cells(desk)}
    assert (found[True].requests, found[True].tokens) == (1, Tokens(300_000))
    assert str(found[False].told_credits) == "1.25"
    assert {each.quarter for each in found.values()} == {int(AT.timestamp()) // 900}


def test_an_import_that_is_killed_is_finished_by_the_next(desk: Desk) -> None:
    lines = [line(input_tokens=number % 50) for number in range(2_000)]
    file = desk.root / "in"
    file.write_text("\n".join(lines))
    started = desk.start("data", "import", "-", stdin=subprocess.PIPE)
    assert started.stdin is not None
    started.stdin.write("\n".join([*lines[:1_200], "refused", ""]).encode())
    started.stdin.flush()
    # what comes before it has been taken by then, as far as it fills transactions
    assert started.stderr is not None
    assert b"line 1201" in started.stderr.readline()
    started.send_signal(signal.SIGKILL)
    started.communicate(timeout=10)
    assert total(desk)[0] == 1_000
    ran = desk.run("data", "import", str(file))
    assert ran.out == "2000 usage events taken, 1000 of them known before\n"
    assert total(desk) == (2_000, Tokens(sum(number % 50 for number in range(2_000))))


@pytest.mark.parametrize("damage", ["no database, and longer than a header of one is", ""])
def test_a_book_that_is_damaged_is_set_aside(desk: Desk, damage: str) -> None:
    desk.state.mkdir(parents=True, exist_ok=True)
    (desk.state / "usage.db").write_text(damage * 40)
    (desk.root / "in").write_text(line(input_tokens=1))
    ran = desk.run("data", "import", str(desk.root / "in"))
    assert (ran.code, ran.out, ran.err) == (0, "1 usage event taken\n", "")
    assert total(desk) == (1, Tokens(1))
    assert len(list(desk.state.glob("usage.db.corrupt-*"))) == bool(damage)


def test_a_book_that_cannot_be_written_takes_nothing_and_says_so(desk: Desk) -> None:
    (desk.root / "in").write_text(line(input_tokens=1))
    desk.state.mkdir(parents=True, exist_ok=True)
    (desk.state / "usage.db").mkdir()
    ran = desk.run("data", "import", str(desk.root / "in"))
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "poolwatch: usage.db cannot be used: not a regular file",
        "poolwatch: 1 line not kept. Once they can be, import the file again.",
    ]
