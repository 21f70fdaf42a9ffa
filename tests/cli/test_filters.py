"""Filters on the command line: who is read for one, what is said of it, and which commands take one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import Desk, at, rows
from tests.support.upstream import Upstream


def labels(desk: Desk, *words: str) -> list[str]:
    return sorted(str(row["label"]) for row in rows(desk.run(*words, "--json").json(), "accounts"))


def test_a_figure_is_read_before_it_is_compared(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    # nothing was read in this state before
    full = labels(desk, "status", "weekly>=98 -!")
    assert "lee@example.com" in full
    # the demo's own saved one
    assert set(full) <= set(labels(desk, "status", "@tight"))


def test_a_filter_is_one_argument(pool_desk: Desk) -> None:
    ran = pool_desk.run("status", "plan:pro", "weekly>=80")
    assert ran.code == 2
    assert ran.out == ""
    assert "in quotes: poolwatch status 'plan:pro weekly>=80'" in ran.err
    assert pool_desk.run("status", "-dan", "--json").code == 2
    assert pool_desk.run("status", "--max-age", "9999", "--", "-dan").code == 0


def test_what_is_wrong_with_a_filter_is_said_whatever_it_finds(pool_desk: Desk) -> None:
    some = pool_desk.run("status", "--max-age", "9999", "dan or weekli>80")
    assert (some.code, "dan" in some.out) == (0, True)
    assert "no field “weekli”; weekly?" in some.err
    assert "“model” is of usage" in pool_desk.run("status", "--max-age", "9999", "model:gpt").err
    assert "a parenthesis is not closed" in pool_desk.run("status", "--max-age", "9999", "(dan").err


def test_the_past_of_those_alone_that_a_filter_finds(pool_desk: Desk) -> None:
    pool_desk.run("status", "--json")
    told = pool_desk.run("history", "--json", "--filter", "label:dan or email:ops@").json()
    assert {str(row["label"]) for row in rows(told, "series")} <= {"dan", "ops@example.com"}
    assert rows(told, "series")
    full = pool_desk.run("history", "--json", "--filter", "weekly>=98").json()
    found = {str(row["label"]) for row in rows(full, "series")}
    assert found == set(labels(pool_desk, "status", "--max-age", "9999", "weekly>=98"))
    assert "lee@example.com" in found
    none = pool_desk.run("history", "--filter", "zzz")
    assert (none.code, none.out) == (1, "")
    assert "no account matches" in none.err
    both = pool_desk.run("history", "dan", "--filter", "label:dan")
    assert (both.code, both.out) == (2, "")
    assert "not both" in both.err


@pytest.mark.parametrize("words", [("history",), ("events",), ("alerts",), ("refresh", "--all")])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("weekli>80", "no field “weekli”; weekly?"),
        ("model:gpt", "“model” is of usage; "),
        ("(dan", "a parenthesis is not closed"),
        ("label:nobody", "no label begins with “nobody”"),
    ],
)
def test_a_mistake_ends_who_acts_on_a_filter_or_looks_back(
    read_desk: Desk, served: Upstream, words: tuple[str, ...], text: str, told: str
) -> None:
    before = served.state().totals
    ran = read_desk.run(*words, "--filter", text)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    after = served.state().totals
    assert (after["token_posts"], after["usage_gets"]) == (before["token_posts"], before["usage_gets"])


@pytest.fixture(scope="module")
def read_desk(tmp_path_factory: pytest.TempPathFactory, served: Upstream) -> Desk:
    """A machine that has read the pool; it is only looked at."""
    desk = Desk(tmp_path_factory.mktemp("read"), served.config)
    desk.run("status", "--json")
    return desk


def test_next_and_the_list_of_accounts_take_one(pool_desk: Desk) -> None:
    pool_desk.run("status", "--json")
    first = pool_desk.run("next", "--json", "--filter", "label:ops or label:frank").json()
    assert at(first, "account", "label") in ("ops@example.com", "frank@example.com")
    none = pool_desk.run("next", "--filter", "label:nobody")
    assert (none.code, none.out) == (1, "")
    assert "no label begins with “nobody”" in none.err
    assert labels(pool_desk, "accounts", "list", "--filter", "label:dan or email:ops@") == [
        "dan",
        "ops@example.com",
    ]
    assert pool_desk.run("accounts", "list", "--filter", "zzz").code == 1
