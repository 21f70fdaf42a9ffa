"""Rule 12: what the strip says of the pool, figure by figure and tie by tie."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.events import Listed
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.overview import PoolOverview, overview, usd
from poolwatch.domain.pool import apply
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules, Section, Status, is_stale
from poolwatch.domain.usage import Unsaid, UsageSnapshot
from poolwatch.domain.values import replace
from tests.domain.make import (
    EXPIRED,
    FIVE_HOURS,
    MONTH,
    T0,
    after,
    credit,
    failure,
    key,
    limit,
    listed,
    listing,
    many,
    pool_of,
    read,
    reading,
    token,
    window,
)

RULES = PoolRules()


def at_t0(pool: PoolState, rules: PoolRules = RULES) -> PoolOverview:
    return overview(pool, T0, rules)


# -- sections ------------------------------------------------------------------------------------------


def mixed_pool() -> PoolState:
    pool = pool_of(
        listing("ready"), listing("spent"), listing("dead", facts=EXPIRED), listing("off", disabled=True),
        listing("gone"), listing("new"), listing("blocked"),
    )  # fmt: skip
    pool = read(pool, reading(window(10)), "ready")
    pool = read(pool, reading(window(100, resets=after(days=1)), allowed=False), "spent")
    pool = read(pool, reading(window(10)), "blocked", at=after(minutes=-30))
    pool = read(pool, failure(FailureKind.EDGE_BLOCKED), "blocked", at=after(minutes=-20))
    for _ in range(2):
        pool = read(pool, failure(FailureKind.DEACTIVATION_REPORTED), "gone")
    return pool


def test_every_account_stands_in_one_section_and_all_counts_add_up() -> None:
    seen = at_t0(mixed_pool())
    assert seen.by_section == {
        Section.ACTIVE: 1, Section.EXHAUSTED: 1, Section.NEEDS_YOU: 3, Section.REST: 2,
    }  # fmt: skip
    assert seen.by_status == {
        Status.ACTIVE: 2, Status.EXHAUSTED: 1, Status.NEEDS_LOGIN: 1, Status.DISABLED: 1,
        Status.DEACTIVATED: 1, Status.UNKNOWN: 1,
    }  # fmt: skip
    sections = {each.account.key: each.section for each in seen.accounts}
    assert sections[key("off")] is Section.REST
    assert sections[key("gone")] is Section.NEEDS_YOU
    assert seen.by_key[key("gone")].status.kind is Status.DEACTIVATED


def test_an_empty_pool() -> None:
    seen = at_t0(PoolState())
    assert (seen.accounts, seen.stale, seen.oldest_read_at, seen.credits) == ((), 0, None, None)
    assert (seen.highest_weekly, seen.next_reset, seen.next_back, seen.next_up) == (None,) * 4


def test_staleness_is_counted_by_our_own_clock() -> None:
    pool = many([("old", reading(window(1)))], at=after(seconds=-901))
    pool = apply(pool, listed(listing("old", email=None, label="old"), listing("never")))
    seen = at_t0(pool)
    assert (seen.stale, seen.oldest_read_at) == (1, after(seconds=-901))
    skewed = replace(pool, clock_offset=timedelta(hours=5))
    fresh = read(skewed, reading(window(1)), "old")
    assert at_t0(fresh).stale == 0
    assert (at_t0(fresh).now, at_t0(fresh).own_now) == (after(hours=5), T0)


def test_tokens_expire_and_windows_reset_by_the_servers_clock() -> None:
    pool = pool_of(listing(facts=token(expires=after(hours=1))), listing("bob"))
    pool = read(pool, reading(window(100, resets=after(hours=2)), allowed=False), "bob")
    assert at_t0(pool).by_section[Section.NEEDS_YOU] == 0
    assert at_t0(pool).next_back is not None
    ahead = replace(pool, clock_offset=timedelta(hours=3))
    assert at_t0(ahead).by_section[Section.NEEDS_YOU] == 1
    assert at_t0(ahead).next_back is None
    assert at_t0(ahead).next_reset is None


def test_an_edge_block_grows_old_by_our_own_clock() -> None:
    pool = read(many([("a", reading(window(1)))]), failure(FailureKind.EDGE_BLOCKED), "a")
    skewed = replace(pool, clock_offset=timedelta(hours=5))
    assert at_t0(skewed).by_section == {Section.ACTIVE: 1}
    assert overview(skewed, after(minutes=16), RULES).by_section == {Section.NEEDS_YOU: 1}


@pytest.mark.parametrize(
    ("seconds", "stale"), [(0, False), (900, False), (901, True), (-900, False), (-901, True)]
)
def test_stale_is_older_than_the_limit(seconds: int, stale: bool) -> None:
    assert is_stale(T0, after(seconds=seconds), RULES) is stale
    assert not is_stale(None, T0, RULES)


# -- credits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credits", "rate", "dollars"),
    [
        ("1000", "25", "40.00"), ("394.7967250000", "25", "15.79"), ("1234.5600", "25", "49.38"),
        ("0.4075000000", "25", "0.02"), ("0.125", "25", "0.01"), ("0.124", "25", "0.00"),
        ("-0.125", "25", "-0.01"), ("50.25", "25", "2.01"), ("1775.514225", "25", "71.02"),
        ("10", "3", "3.33"), ("999999999999999999.999999999999999999", "25", "40000000000000000.00"),
        ("1000", "0", None), ("1000", "-1", None),
        ("999999999999999999", "0.000000001", "999999999999999999000000000.00"),
        ("0.1249999999999999999999999999999999", "25", "0.00"),
    ],
)  # fmt: skip
def test_usd_is_rounded_once_half_up(credits: str, rate: str, dollars: str | None) -> None:
    rules = PoolRules(credits_per_usd=Decimal(rate))
    assert usd(Decimal(credits), rules) == (None if dollars is None else Decimal(dollars))
    if dollars is not None:
        assert str(usd(Decimal(credits), rules)) == dollars


def test_the_total_is_what_is_known_and_counts_what_is_not() -> None:
    pool = many(
        [
            ("has", UsageSnapshot(credits=credit("10.50"))),
            ("empty", UsageSnapshot(credits=credit("0"))),
            ("negative", UsageSnapshot(credits=credit("-0.5"))),
            ("flagless", UsageSnapshot(credits=credit("7", has=None, unlimited=None))),
            ("flagless-empty", UsageSnapshot(credits=credit("0", has=None, unlimited=None))),
            ("none", UsageSnapshot(credits=credit("99", has=False))),
            ("endless", UsageSnapshot(credits=credit("50", unlimited=True))),
            ("unknown", UsageSnapshot(credits=credit(None))),
            ("null", UsageSnapshot(credits=None)),
            ("rubbish", UsageSnapshot(credits=Unsaid.MALFORMED)),
            ("silent", UsageSnapshot(base=None)),
        ]
    )
    total = at_t0(pool).credits
    assert total is not None
    assert (total.total, total.accounts, total.unlimited, total.unknown) == (Decimal("17.00"), 4, 1, 1)
    assert total.stale == 0


@pytest.mark.parametrize(
    ("snapshot", "shown"),
    [
        (UsageSnapshot(credits=credit("0", has=False)), False),
        (UsageSnapshot(credits=credit(None, has=False)), False),
        (UsageSnapshot(credits=None), False),
        (UsageSnapshot(credits=credit(None)), True),
        (UsageSnapshot(credits=credit(None, unlimited=True)), True),
        (UsageSnapshot(credits=credit("0")), True),
    ],
)
def test_a_pool_without_credits_has_no_total(snapshot: UsageSnapshot, shown: bool) -> None:
    assert (at_t0(many([("a", snapshot)])).credits is not None) is shown


def test_the_stale_part_of_the_total_is_by_field() -> None:
    pool = many([("a", UsageSnapshot(credits=credit("10")))], at=after(hours=-1))
    pool = read(pool, UsageSnapshot(plan="pro"), "a")
    pool = apply(pool, Listed("lb", (listing("b", source="lb"),), T0))
    pool = read(pool, UsageSnapshot(credits=credit("2.5")), "b", source="lb")
    seen = at_t0(pool)
    assert seen.credits is not None
    assert (seen.credits.total, seen.credits.stale) == (Decimal("12.5"), Decimal(10))
    assert seen.stale == 0


def test_disabled_and_deactivated_accounts_are_not_counted() -> None:
    snapshot = reading(window(90, resets=after(days=1)), credits=credit("10"))
    pool = many([("off", snapshot), ("gone", snapshot), ("dead", snapshot)])
    pool = apply(pool, listed(listing("off", disabled=True), listing("gone"), listing("dead", facts=EXPIRED)))
    for _ in range(2):
        pool = read(pool, failure(FailureKind.DEACTIVATION_REPORTED), "gone")
    seen = at_t0(pool)
    assert seen.credits is not None
    assert (seen.credits.total, seen.credits.accounts) == (Decimal(10), 1)
    assert seen.highest_weekly is not None
    assert seen.highest_weekly.judged.account.key == key("dead")
    assert seen.next_reset is not None
    assert seen.next_reset.judged.account.key == key("dead")


@given(st.lists(st.decimals(-(10**18) + 1, 10**18 - 1, places=28, allow_nan=False), min_size=1, max_size=20))
def test_sums_are_exact_whatever_the_number_of_digits(balances: list[Decimal]) -> None:
    pool = many(
        [(f"a{index}", UsageSnapshot(credits=credit(str(each)))) for index, each in enumerate(balances)]
    )
    total = at_t0(pool).credits
    with localcontext() as exact:
        exact.prec = 200
        assert total is not None
        assert total.total == sum(balances)


# -- highest weekly -----------------------------------------------------------------------------------


def highest(pool: PoolState) -> tuple[str, float, int] | None:
    found = at_t0(pool).highest_weekly
    return None if found is None else (found.judged.label, found.used_percent, found.more_full)


def test_the_largest_weekly_use_of_the_base_bucket() -> None:
    week = after(days=3)
    pool = many(
        [
            ("a", reading(window(72, resets=week), window(99, FIVE_HOURS, week))),
            ("b", reading(window(71, resets=week))),
            ("c", UsageSnapshot(base=limit(window(98, MONTH, week)), review=limit(window(97, resets=week)))),
            ("d", reading(window(None, resets=week))),
            ("e", UsageSnapshot(base=None)),
            ("f", UsageSnapshot(credits=None)),
        ]
    )
    assert highest(pool) == ("a", 72, 0)
    assert highest(many([("a", reading(window(9, FIVE_HOURS)))])) is None


def test_a_weekly_limit_whose_reset_has_passed_is_out() -> None:
    passed, ahead = after(seconds=-1), after(days=1)
    pool = many([("a", reading(window(100, resets=passed))), ("b", reading(window(5, resets=ahead)))])
    assert highest(pool) == ("b", 5, 0)
    assert highest(many([("a", reading(window(100, resets=T0)))])) is None


def test_flagged_without_a_figure_counts_as_full() -> None:
    ahead = after(days=1)
    flagged = reading(window(None, resets=ahead, flag=True), window(3, FIVE_HOURS))
    bucket = reading(window(None, resets=ahead), reached=True)
    assert highest(many([("a", flagged), ("b", reading(window(99, resets=ahead)))])) == ("a", 100.0, 0)
    assert highest(many([("a", bucket)])) == ("a", 100.0, 0)


@pytest.mark.parametrize("used", [107, 98])
def test_a_figure_is_shown_as_given_whatever_the_flag_says(used: float) -> None:
    pool = many([("a", reading(window(used, resets=after(days=1), flag=True)))])
    found = at_t0(pool).highest_weekly
    assert found is not None
    assert found.used_percent == used


def test_ties_go_to_the_later_reset_then_label_and_the_other_full_ones_are_counted() -> None:
    near, far = after(days=1), after(days=2)
    full = [
        ("d", reading(window(100, resets=near))), ("c", reading(window(100, resets=far))),
        ("b", reading(window(100, resets=far))), ("a", reading(window(100))),
        ("z", reading(window(99, resets=far))),
    ]  # fmt: skip
    assert highest(many(full)) == ("b", 100, 3)
    assert highest(many(full[::-1])) == ("b", 100, 3)


def test_ties_of_one_label_go_by_id() -> None:
    pool = pool_of(*(listing(name, email=None, label="same") for name in ("x", "y")))
    for name in ("x", "y"):
        pool = read(pool, reading(window(50, resets=after(days=1))), name)
    found = at_t0(pool).highest_weekly
    assert found is not None
    assert found.judged.account.key.id == min(key("x").id, key("y").id)


# -- next reset, next back -----------------------------------------------------------------------------


def test_next_reset_is_the_first_of_a_full_window_else_of_any() -> None:
    pool = many(
        [
            ("a", reading(window(10, FIVE_HOURS, after(minutes=5)))),
            ("b", reading(window(100, resets=after(days=1)), window(100, FIVE_HOURS, after(days=2)))),
            ("c", reading(window(100, FIVE_HOURS, after(minutes=-1)))),
            ("d", UsageSnapshot(review=limit(window(100, resets=after(minutes=1))))),
        ]
    )
    found = at_t0(pool).next_reset
    assert found is not None
    assert (found.judged.label, found.window.kind, found.resets_at) == ("b", "weekly", after(days=1))
    calm = at_t0(
        many(
            [
                ("a", reading(window(10, FIVE_HOURS, after(minutes=5)))),
                ("b", reading(window(10, resets=T0), window(3, FIVE_HOURS))),
            ]
        )
    )
    assert calm.next_reset is not None
    assert (calm.next_reset.judged.label, calm.next_reset.window.kind) == ("a", "5h")


def test_an_untouched_window_has_no_reset_of_its_own() -> None:
    pool = many(
        [
            ("new", reading(window(0, FIVE_HOURS, after(hours=5)), window(0, resets=after(days=7)))),
            ("used", reading(window(30, resets=after(days=3)))),
        ]
    )
    found = at_t0(pool).next_reset
    assert found is not None
    assert (found.judged.label, found.window.kind) == ("used", "weekly")
    untouched = at_t0(many([("new", reading(window(0, resets=after(days=7))))]))
    assert untouched.next_reset is None
    assert untouched.highest_weekly is not None
    assert untouched.highest_weekly.resets_at is None


def test_a_lone_flagged_window_without_a_figure_is_a_full_one() -> None:
    pool = many(
        [
            ("a", reading(window(10, resets=after(minutes=5)))),
            ("b", reading(window(None, resets=after(days=1)), reached=True, allowed=False)),
        ]
    )
    found = at_t0(pool).next_reset
    assert found is not None
    assert found.judged.label == "b"


def test_resets_of_one_instant_go_by_label() -> None:
    pool = many([(name, reading(window(10, resets=after(hours=1)))) for name in ("b", "a", "c")])
    found = at_t0(pool).next_reset
    assert found is not None
    assert found.judged.label == "a"


def test_next_back_is_the_exhausted_account_that_returns_first() -> None:
    def spent(*windows: tuple[int, float]) -> UsageSnapshot:
        return reading(*(window(100, length, after(hours=hours)) for length, hours in windows), allowed=False)

    pool = many(
        [
            ("late", spent((FIVE_HOURS, 1), (604_800, 30))),
            ("soon", spent((FIVE_HOURS, 2))),
            ("tied", spent((FIVE_HOURS, 2))),
            ("due", spent((FIVE_HOURS, -1))),
            ("untold", reading(allowed=False)),
            ("active", reading(window(100, FIVE_HOURS, after(minutes=1)))),
        ]
    )
    found = at_t0(pool).next_back
    assert found is not None
    assert (found.judged.label, found.until) == ("soon", after(hours=2))
    assert found.all_until == (after(hours=2), after(hours=2), after(hours=30))
    assert at_t0(many([("due", spent((FIVE_HOURS, -1)))])).next_back is None
