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
    assert pool_diff(before, after_it, before.by_key, PREFS) == (
        "now needs you: eve",
        "now active: lee",
        "now exhausted: bob",
        "kim weekly 20 → 80%",
        "kim 5h 10 → 12%",
    )


def test_many_are_counted_and_names_are_masked() -> None:
    names = [f"a{n}@example.com" for n in range(5)]
    before = look(*(used(name, 100, 1, allowed=False) for name in names))
    [told] = pool_diff(before, look(*(used(name, 0, 1) for name in names)), before.by_key, MASKED)
    assert told.startswith("now active: account-")
    assert told.endswith(" +2")
    assert "@" not in told


def test_nothing_moved_and_strangers() -> None:
    same, other = look(used("a", 1, 2)), look(used("b", 50, 50))
    assert pool_diff(same, same, same.by_key, PREFS) == ()
    assert pool_diff(same, other, other.by_key, PREFS) == ()


def test_what_polls_brought_to_others_meanwhile_is_not_told() -> None:
    before = look(used("lee", 100, 1, allowed=False), used("bob", 100, 1, allowed=False), used("kim", 1, 1))
    after_it = look(used("lee", 0, 1), used("bob", 0, 1), used("kim", 50, 1))
    lee = next(key for key, each in before.by_key.items() if each.label == "lee")
    assert pool_diff(before, after_it, {lee}, PREFS) == ("now active: lee",)
