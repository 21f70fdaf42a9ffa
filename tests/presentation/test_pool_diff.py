"""What a refresh of many brought, in words."""

from __future__ import annotations

from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import Usage
from poolwatch.presentation.refresh_line import pool_diff
from tests.presentation.scene import (
    FIVE_HOURS,
    MASKED,
    PREFS,
    WEEK,
    account,
    after,
    balance,
    base,
    dead_token,
    look,
    window,
)


def used(label: str, five: float, weekly: float, *, allowed: bool = True, credits: str = "1") -> AccountState:
    windows = (window(five, FIVE_HOURS, after(hours=3)), window(weekly, WEEK, after(days=3)))
    return account(label, Usage(base=base(*windows, allowed=allowed), credits=balance(credits)))


def test_who_moved_comes_before_what_moved() -> None:
    before = look(
        used("lee", 3, 100, allowed=False),
        used("bob", 90, 50),
        used("kim", 10, 20),
        account("eve"),
        used("d", 1, 1),
    )
    after_it = look(
        used("lee", 0, 0),
        used("bob", 100, 51, allowed=False),
        used("kim", 12, 80, credits="0.5"),
        account("eve", listings=[dead_token("eve")]),
        used("d", 1, 1),
    )
    assert pool_diff(before, after_it, PREFS) == (
        "now needs you: eve",
        "now active: lee",
        "now exhausted: bob",
        "kim weekly 20 → 80%",
        "kim 5h 10 → 12%",
    )


def test_many_are_counted_and_names_are_masked() -> None:
    names = [f"a{n}@example.com" for n in range(5)]
    before = look(*(used(name, 100, 1, allowed=False) for name in names))
    [told] = pool_diff(before, look(*(used(name, 0, 1) for name in names)), MASKED)
    assert told.startswith("now active: account-")
    assert told.endswith(" +2")
    assert "@" not in told


def test_nothing_moved_and_strangers() -> None:
    same = look(used("a", 1, 2))
    assert pool_diff(same, same, PREFS) == ()
    assert pool_diff(same, look(used("b", 50, 50)), PREFS) == ()
