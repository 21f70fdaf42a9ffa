"""`budgets list|add|set|remove`: what is told of budgets, what is written, what is refused, what is noted."""

from __future__ import annotations

import json
import stat
import tomllib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.budgets import EndedPeriod, Limit, LimitUnit
from poolwatch.store.database import Database
from tests.cli.desk import Desk

_BEFORE = """\
# mine
[[budgets]]  # ours
name = "team"
limit = "$300"  # a month

[[accounts]]
match = "x@example.com"
label = "x"
"""


@pytest.fixture
def config(desk: Desk) -> Path:
    path = desk.usual_config
    path.parent.mkdir(parents=True)
    path.write_text(_BEFORE)
    return path


def _import(desk: Desk, *events: tuple[float, dict[str, object]]) -> None:
    """Take in events, each so many hours ago."""
    now = datetime.now(UTC)
    lines = [
        json.dumps({"id": str(number), "at": (now - timedelta(hours=hours)).isoformat(), **event})
        for number, (hours, event) in enumerate(events)
    ]
    file = desk.root / "events.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    assert desk.run("data", "import", str(file)).code == 0


def test_ten_dollars_a_month_is_proposed(desk: Desk) -> None:
    ran = desk.run("budgets", "add", "month")
    assert ran.code == 0
    path = desk.usual_config
    assert ran.lines == [
        "name = month",
        "limit = $10",
        "period = monthly",
        f"written to {path}; a poolwatch that runs takes it up within half a minute",
    ]
    assert "it warns only" in ran.err
    assert "the same: poolwatch budgets add month 'limit=$10' period=monthly" in ran.err
    assert path.read_text() == '[[budgets]]\nname = "month"\nlimit = "$10"\nperiod = "monthly"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = desk.run("budgets", "add", "month")
    assert again.code == 2
    assert "called month already; nothing was written" in again.err


def test_a_limit_of_the_window_is_weekly(desk: Desk) -> None:
    assert desk.run("budgets", "add", "week", "limit=80%").code == 0
    (budget,) = tomllib.loads(desk.usual_config.read_text())["budgets"]
    assert budget == {"name": "week", "limit": "80%", "period": "weekly"}


def test_keys_are_written_where_they_stand(desk: Desk, config: Path) -> None:
    ran = desk.run("budgets", "set", "team", "limit=$450", "warn_at=50,90%", "at_limit=stop", "grace=2h")
    assert ran.code == 0
    assert ran.lines[:4] == ["limit = $450", "warn_at = [50, 90]", "at_limit = stop", "grace = 2h"]
    assert "nothing that runs already is ended" in ran.err
    added = 'limit = "$450"  # a month\nwarn_at = [50, 90]\nat_limit = "stop"\ngrace = "2h"\n'
    assert config.read_text() == _BEFORE.replace('limit = "$300"  # a month\n', added)
    out = desk.run("budgets", "set", "team", "grace=", "warn_at=", "at_limit=", "limit=$300")
    assert out.code == 0
    assert config.read_text() == _BEFORE
    again = desk.run("budgets", "set", "team", "limit=$300")
    assert (again.code, again.lines[-1]) == (0, f"{config} says so already")


def test_one_is_taken_out(desk: Desk, config: Path) -> None:
    ran = desk.run("budgets", "remove", "team")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [f"team: taken out of {config}; how its periods went is kept"]
    assert config.read_text() == "# mine\n\n" + _BEFORE[_BEFORE.index("[[accounts]]") :]
    assert desk.run("budgets", "remove", "team").code == 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("add", ""), 2, "poolwatch: name must not be empty; nothing was written"),
        (("set", "teem", "limit=$1"), 2, "is called teem; did you mean team?; nothing was written"),
        (("set", "team", "limitt=$1"), 2, "(did you mean limit?)"),
        (("set", "team", "grace=10%"), 2, "team: grace means something only with at_limit"),
        (("set", "team", "filter=weekly>=80"), 2, "which changes with every reading"),
        (("add", "more", "starts_on=friday"), 2, "more: starts_on is a day of the week"),
        (("add", "", "limit=$1"), 2, "name must not be empty"),
    ],
)
def test_what_is_wrong_is_told_and_not_written(
    desk: Desk, config: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    ran = desk.run("budgets", *words)
    assert ran.code == code
    assert told in ran.err
    assert ran.out == ""
    assert config.read_text() == _BEFORE


def test_a_file_that_is_wrong_is_not_touched(desk: Desk, config: Path) -> None:
    config.write_text(_BEFORE + "odd = 1\n")
    for words in (("add", "a"), ("remove", "team")):
        ran = desk.run("budgets", *words)
        assert ran.code == 3
        assert "odd" in ran.err
    assert config.read_text().endswith("odd = 1\n")


def test_one_that_is_renamed_keeps_how_its_periods_went(desk: Desk, config: Path) -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC)
    until = day + timedelta(days=1)
    ended = EndedPeriod("team", day, until, Limit(LimitUnit.USD, Decimal(10)))
    with closing(Database(desk.state, day)) as held:
        held.begin_budget("team", day)
        held.end_periods("team", day, until, [ended], [])
    assert desk.run("budgets", "set", "team", "name=staff").code == 0
    with closing(Database(desk.state, day)) as held:
        assert [each.started_at for each in held.ended_periods("staff", None, 9)] == [day]
        assert held.ended_periods("team", None, 9) == ()


def test_changes_are_noted(desk: Desk, config: Path) -> None:
    desk.run("budgets", "add", "more", "limit=$5")
    desk.run("budgets", "set", "more", "limit=$6")
    # nothing was tried where that is refused at once
    assert desk.run("budgets", "set", "nobody", "limit=$6").code == 2
    assert desk.run("budgets", "set", "more", "limit=6 apples").code == 2
    assert desk.run("budgets", "add", "other", "limt=$6").code == 2
    desk.run("budgets", "remove", "more")
    lines = json.loads(desk.run("audit", "--json").out)["entries"]
    begun = [(each["act"], each["what"]) for each in lines if each["outcome"] is None]
    assert begun == [
        ("budget_add", ["more"]),
        ("budget_set", ["more"]),
        ("budget_remove", ["more"]),
    ]
    assert [each["outcome"] for each in lines if each["outcome"]] == ["done", "done", "done"]
    # a value is in none of them
    assert "$5" not in (desk.state / "audit.jsonl").read_text()


def test_how_budgets_stand_as_json(desk: Desk) -> None:
    desk.run("budgets", "add", "day", "limit=$5", "period=never", "at_limit=stop")
    desk.run("budgets", "add", "people", "limit=9M tokens", "period=never", "each=user")
    _import(
        desk,
        (2, {"cost_usd": "3.25", "user": "ann", "input_tokens": 1000}),
        (1, {"cost_usd": "1.75", "user": "ben", "input_tokens": 500}),
    )
    found = json.loads(desk.run("budgets", "--json").out)
    day, ann, ben = found["budgets"]
    assert (found["schema"], found["zone"]) == ("poolwatch.budgets/1", "UTC")
    assert (day["name"], day["spent"], day["remaining"], day["over_by"]) == ("day", "5.00", "0.00", "0.00")
    assert (day["level"], day["blocking"], day["used_percent"]) == ("stopped", True, 100.0)
    assert (ann["for"]["name"], ann["spent"], ben["spent"]) == ("ann", "1000", "500")
    few = json.loads(desk.run("budgets", "--no-scan", "--json", "--filter", "people ann").out)
    assert [each["for"]["name"] for each in few["budgets"]] == ["ann"]
    none = desk.run("budgets", "--no-scan", "--filter", "nights")
    assert (none.code, none.err) == (0, "poolwatch: no budget matches “nights”\n")
    hidden = json.loads(desk.run("budgets", "--json", "--mask").out)
    assert hidden["budgets"][1]["for"]["name"] != "ann"


def test_of_whom_nothing_is_known_yet_it_stands_all_the_same(desk: Desk) -> None:
    """Otherwise a budget that was just added would be nowhere."""
    desk.run("budgets", "add", "people", "limit=5M tokens", "each=user")
    desk.run("budgets", "add", "week", "limit=80%", "each=account")
    people, week = json.loads(desk.run("budgets", "--json").out)["budgets"]
    assert (people["name"], people["for"], people["spent"], people["level"]) == ("people", None, None, None)
    assert (week["measured_by"], week["resets_at"]) == ("window", None)
    told = desk.run("budgets", "list").out
    assert "no user is known that spent any of it" in told
    assert "tokens of all accounts, for each user" in told


def test_without_any_it_is_told_what_one_would_be(desk: Desk) -> None:
    ran = desk.run("budgets")
    assert (ran.code, ran.out) == (0, "")
    assert "poolwatch budgets add NAME proposes $10 a month" in ran.err
    assert json.loads(desk.run("budgets", "--json").out)["budgets"] == []


def test_a_filter_that_finds_nothing_known_is_doubted(desk: Desk) -> None:
    _import(desk, (1, {"cost_usd": "1", "model": "gpt-6", "account": "ann@example.com"}))
    for told, wrong in (
        ("filter=model:gtp-6", "no model begins with “gtp-6”; did you mean “gpt-6”?"),
        ("filter=email:bob@example.com", "no email begins with"),
    ):
        ran = desk.run("budgets", "add", told.replace(":", ""), told)
        assert ran.code == 0
        assert wrong in ran.err
    assert "no model begins with" in desk.run("budgets", "list").err
    fine = desk.run("budgets", "add", "fine", "filter=model:gpt email:ann")
    assert "begins with" not in fine.err


def test_a_book_that_cannot_be_read_is_told(desk: Desk, config: Path) -> None:
    desk.state.mkdir(mode=0o700)
    (desk.state / "usage.db").mkdir()
    ran = desk.run("budgets", "list", "--no-scan")
    assert ran.code == 1
    assert ran.err
