"""Filters on the command line: who is read for one, what is said of it, and which commands take one."""

from __future__ import annotations

from pathlib import Path

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
