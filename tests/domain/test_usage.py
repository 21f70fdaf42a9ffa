"""Windows by their length, credits by rules 12 and 13, and the merge by field."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.refresh import Change, usage_changes
from poolwatch.domain.usage import (
    FIELD_NAMES,
    Aged,
    BankedReset,
    Bucket,
    Credits,
    RateLimit,
    ResetCredits,
    Unsaid,
    Usage,
    UsageSnapshot,
    UsageWindow,
    own_reset,
    window_kind,
    windows_by_length,
)
from poolwatch.domain.values import UNDATED, replace
from tests.domain.make import (
    BANKED,
    FIVE_HOURS,
    MONTH,
    T0,
    WEEK,
    after,
    credit,
    limit,
    reading,
    window,
)


@pytest.mark.parametrize(
    ("seconds", "kind"),
    [
        (18_000, "5h"), (17_100, "5h"), (18_900, "5h"), (17_099, "285m"), (18_901, "315m"),
        (86_400, "daily"), (82_080, "daily"), (90_720, "daily"), (82_079, "23h"), (90_721, "25h"),
        (604_800, "weekly"), (574_560, "weekly"), (635_040, "weekly"), (574_559, "160h"),
        (2_592_000, "monthly"), (2_678_400, "monthly"), (2_505_600, "monthly"), (2_419_200, "monthly"),
        (2_419_199, "monthly"), (2_682_000, "monthly"), (2_332_800, "27d"), (2_764_800, "32d"),
        (43_200, "12h"), (3_600, "1h"), (5_400, "90m"), (259_200, "3d"), (172_800, "2d"), (129_600, "36h"),
        (60, "1m"), (1, "1m"), (600, "10m"), (31_536_000, "365d"),
        (None, "unknown"), (0, "unknown"), (-5, "unknown"),
    ],
)  # fmt: skip
def test_a_window_is_named_by_its_length(seconds: int | None, kind: str) -> None:
    assert window_kind(seconds) == kind
    assert UsageWindow(1, seconds, None).kind == kind


@pytest.mark.parametrize(
    ("used", "seconds", "ahead", "flag", "has_one"),
    [
        (0, FIVE_HOURS, FIVE_HOURS, None, False),
        (0.0, FIVE_HOURS, FIVE_HOURS + 900, None, False),  # the clocks differ
        (0, FIVE_HOURS, FIVE_HOURS - 300, False, False),
        (0, FIVE_HOURS, FIVE_HOURS - 301, None, True),  # begun, and not a whole percent used
        (0, WEEK, WEEK - 6_048, None, False),
        (0, WEEK, WEEK - 6_049, None, True),
        (1, FIVE_HOURS, FIVE_HOURS, None, True),  # 1% is what is reported
        (None, FIVE_HOURS, FIVE_HOURS, None, True),
        (0, None, FIVE_HOURS, None, True),
        (0, FIVE_HOURS, FIVE_HOURS, True, True),
    ],
)
def test_a_window_that_has_not_begun_has_no_reset_of_its_own(
    used: float | None, seconds: int | None, ahead: int, flag: bool | None, has_one: bool
) -> None:
    resets_at = after(seconds=ahead)
    found = own_reset(UsageWindow(used, seconds, resets_at, flag), T0)
    assert found == (resets_at if has_one else None)
    assert own_reset(UsageWindow(used, seconds, None, flag), T0) is None
    # whether all of it lay ahead, nobody knows of what has no date
    assert own_reset(UsageWindow(used, seconds, resets_at, flag), UNDATED) == resets_at


@given(st.integers(min_value=1, max_value=10**12))
def test_every_length_has_a_name(seconds: int) -> None:
    assert window_kind(seconds) not in ("", "unknown", "0h", "0m", "0d")


@pytest.mark.parametrize(
    ("used", "flag", "full"),
    [
        (100, None, True), (107, None, True), (99.99, None, False), (100, False, True), (0, None, False),
        (None, True, True), (None, None, False), (None, False, False), (83, False, False), (83, True, True),
    ],
)  # fmt: skip
def test_a_full_window(used: float | None, flag: bool | None, full: bool) -> None:
    asked = window(used, flag=flag)
    assert limit(asked, window(1, FIVE_HOURS), reached=True).is_full(asked) is full


@pytest.mark.parametrize(
    ("own", "used", "bucket", "alone", "reached"),
    [
        (True, 10, False, True, True),
        (False, 100, True, True, False),
        (None, 100, False, True, True),
        (None, 99, True, True, False),
        (None, None, True, True, True),
        (None, None, False, True, False),
        (None, None, None, True, None),
        (None, None, True, False, None),
    ],
)
def test_reached_is_the_windows_flag_then_its_figure_then_its_only_buckets_flag(
    own: bool | None, used: float | None, bucket: bool | None, alone: bool, reached: bool | None
) -> None:
    asked = window(used, flag=own)
    others = () if alone else (window(1, FIVE_HOURS),)
    held = limit(asked, *others, reached=bucket)
    assert held.reached(asked) is reached
    assert held.is_full(asked) is (reached is True or used == 100)


@pytest.mark.parametrize(
    ("facility", "counts", "unknown", "shown"),
    [
        (credit("10"), True, False, True),
        (credit("0"), True, False, True),
        (credit("-3.5"), True, False, True),
        (credit("0", has=False), False, False, False),
        (credit("0E+3", has=False), False, False, False),
        (credit("5", has=False), False, False, True),
        (credit("-5", has=False), False, False, True),
        (credit(None, has=False), False, False, False),
        (credit(None), False, True, True),
        (credit(None, unlimited=True), False, False, True),
        (credit(None, has=False, unlimited=True), False, False, True),
        (credit("10", unlimited=True), False, False, True),
        (credit("7", has=None, unlimited=None), True, False, True),
        (credit("0", has=None, unlimited=None), False, False, False),
        (credit("-1", has=None, unlimited=None), False, False, True),
        (credit(None, has=None, unlimited=None), False, False, False),
        (credit(None, has=True, unlimited=None), False, True, True),
    ],
)
def test_credits_in_the_total_unknown_and_on_the_card(
    facility: Credits, counts: bool, unknown: bool, shown: bool
) -> None:
    assert (facility.counts, facility.is_unknown, facility.is_shown) == (counts, unknown, shown)


FULL = UsageSnapshot(
    plan="pro",
    base=limit(window(40), window(5, FIVE_HOURS)),
    review=limit(window(3)),
    extras=(Bucket("spark", "Spark", None),),
    credits=credit("12.50"),
    spend=None,
    reached_type=None,
    reset_credits=BANKED,
    reset_list=(BankedReset(None, None, "available"),),
)


def test_an_absent_field_keeps_its_value_and_its_age() -> None:
    usage = Usage().merged(FULL, T0, "homes").merged(UsageSnapshot(plan="plus"), after(minutes=5), "pool")
    assert usage.plan == Aged("plus", after(minutes=5), "pool")
    assert usage.base == Aged(FULL.base, T0, "homes")
    assert usage.credits == Aged(FULL.credits, T0, "homes")
    assert usage.newest == after(minutes=5)


@pytest.mark.parametrize("name", FIELD_NAMES)
def test_null_replaces_and_rubbish_makes_unknown(name: str) -> None:
    usage = Usage().merged(FULL, T0, "homes")
    at = after(minutes=1)
    nothing = usage.merged(replace(UsageSnapshot(), **{name: None}), at, "homes")
    unreadable: Any = Unsaid.MALFORMED
    rubbish = usage.merged(replace(UsageSnapshot(), **{name: unreadable}), at, "homes")
    assert getattr(nothing, name) == Aged(None, at, "homes", known=True)
    assert getattr(rubbish, name) == Aged(None, at, "homes", known=False)
    for other in FIELD_NAMES:
        if other != name:
            assert getattr(nothing, other) == getattr(usage, other)


def test_an_older_reading_loses_field_by_field() -> None:
    usage = Usage().merged(UsageSnapshot(plan="pro"), after(minutes=10), "homes")
    merged = usage.merged(FULL, T0, "cache")
    assert merged.plan == Aged("pro", after(minutes=10), "homes")
    assert merged.base == Aged(FULL.base, T0, "cache")


def test_of_two_readings_of_one_instant_the_later_taken_stands() -> None:
    usage = Usage().merged(UsageSnapshot(plan="pro"), T0, "a").merged(UsageSnapshot(plan="plus"), T0, "b")
    assert usage.plan == Aged("plus", T0, "b")


def test_windows_of_one_object_are_replaced_together() -> None:
    usage = Usage().merged(FULL, T0, "homes").merged(reading(window(41)), after(minutes=5), "homes")
    assert usage.windows == (window(41),)


def test_an_empty_reading_changes_nothing() -> None:
    usage = Usage().merged(FULL, T0, "homes")
    assert usage.merged(UsageSnapshot(), after(minutes=5), "homes") is usage


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["pro", None, Unsaid.MALFORMED, Unsaid.ABSENT])))
)
def test_the_newest_word_stands_in_whatever_order_words_arrive(
    words: list[tuple[int, str | Unsaid | None]],
) -> None:
    usage = Usage()
    for minute, said in words:
        usage = usage.merged(UsageSnapshot(plan=said), T0 + timedelta(minutes=minute), "homes")
    spoken = [minute for minute, said in words if said is not Unsaid.ABSENT]
    assert (usage.plan is None) is (not spoken)
    if usage.plan is not None:
        assert usage.plan.at == T0 + timedelta(minutes=max(spoken))
        last = [said for minute, said in words if minute == max(spoken) and said is not Unsaid.ABSENT][-1]
        assert usage.plan.known is (last is not Unsaid.MALFORMED)
        assert usage.plan.value == (None if last is Unsaid.MALFORMED else last)


def test_windows_stand_shortest_first_those_of_unknown_length_last() -> None:
    jumbled = limit(window(1, None), window(2, MONTH), window(3, FIVE_HOURS), window(4, WEEK))
    usage = Usage().merged(UsageSnapshot(base=jumbled), T0, "homes")
    assert [each.kind for each in usage.windows] == ["5h", "weekly", "monthly", "unknown"]
    assert [each.kind for each in windows_by_length(jumbled)] == ["5h", "weekly", "monthly", "unknown"]


def test_buckets_base_first_then_review_then_by_id() -> None:
    extras = (Bucket("zeta", "Z", None), Bucket("alpha", "A", limit(window(1))))
    usage = Usage().merged(UsageSnapshot(base=limit(), review=limit(), extras=extras), T0, "homes")
    assert [bucket.id for bucket in usage.buckets] == ["codex", "code_review", "alpha", "zeta"]
    silent = Usage().merged(UsageSnapshot(base=None, review=None, extras=None), T0, "homes")
    assert Usage().buckets == silent.buckets == ()
    assert Usage().windows == silent.windows == silent.full_windows == Usage().full_windows == ()
    assert Usage().newest is None


@pytest.mark.parametrize(
    ("base", "full"),
    [
        (limit(window(100), window(3, FIVE_HOURS)), ["weekly"]),
        (limit(window(100), window(100, FIVE_HOURS)), ["5h", "weekly"]),
        (limit(window(None), reached=True), ["weekly"]),
        (limit(window(None), window(None, FIVE_HOURS), reached=True), []),
        (limit(window(None, flag=True), window(5, FIVE_HOURS)), ["weekly"]),
        (limit(window(99), reached=True), []),
    ],
)
def test_full_windows(base: RateLimit, full: list[str]) -> None:
    usage = Usage().merged(UsageSnapshot(base=base), T0, "homes")
    assert [each.kind for each in usage.full_windows] == full


def _merged(*snapshots: UsageSnapshot) -> Usage:
    usage = Usage()
    at: datetime = T0
    for snapshot in snapshots:
        usage = usage.merged(snapshot, at, "homes")
        at += timedelta(minutes=5)
    return usage


def test_what_a_reading_changed_is_named_window_by_window_then_credits() -> None:
    before = _merged(FULL)
    later = UsageSnapshot(
        base=limit(window(0), window(5, FIVE_HOURS), window(9, MONTH)), credits=credit("10")
    )
    assert usage_changes(before, _merged(FULL, later)) == (
        Change("weekly", 40, 0),
        Change("credits", credit("12.5").balance, credit("10").balance),
    )


@pytest.mark.parametrize("balance", [None, "0", "5"])
def test_credits_that_became_unlimited_are_not_spent(balance: str | None) -> None:
    unlimited = Credits(True, True, None, None if balance is None else Decimal(balance))
    limitless = _merged(FULL, UsageSnapshot(credits=unlimited))
    (there,) = usage_changes(_merged(FULL), limitless)
    (back,) = usage_changes(limitless, _merged(FULL))
    assert there == Change("credits", credit("12.5").balance, None, is_unlimited=True)
    assert back == Change("credits", None, credit("12.5").balance, was_unlimited=True)
    still = _merged(FULL, UsageSnapshot(credits=Credits(True, True, None, Decimal(7))))
    assert usage_changes(limitless, still) == ()


def test_a_figure_that_became_unknown_is_a_change_and_a_first_reading_is_none() -> None:
    lost = UsageSnapshot(base=limit(window(None), window(5, FIVE_HOURS)), credits=Unsaid.MALFORMED)
    assert usage_changes(_merged(FULL), _merged(FULL, lost)) == (
        Change("weekly", 40, None),
        Change("credits", credit("12.5").balance, None),
    )
    assert usage_changes(Usage(), _merged(FULL)) == ()
    assert usage_changes(_merged(FULL), _merged(FULL, FULL)) == ()
    assert usage_changes(_merged(FULL), _merged(FULL, UsageSnapshot(base=None))) == ()


NEVER = BankedReset(None, None, "available")
NOBODY_SAYS = BankedReset(None, None, "granted", expiry_known=False)


def row(status: str = "available", **span: float) -> BankedReset:
    return BankedReset(after(**span), None, status)


def test_usable_resets_first_to_expire_first() -> None:
    rows = (
        NOBODY_SAYS, NEVER, row(days=20), row(days=2), row(hours=-1), row("redeemed", days=1),
        row("redeeming", days=1), row("granted", days=9), BankedReset(after(days=1)),
    )  # fmt: skip
    usage = Usage(reset_list=Aged(rows, T0, "homes"))
    wanted = (row(days=2), row("granted", days=9), row(days=20), NEVER, NOBODY_SAYS)
    assert usage.usable_resets(T0) == wanted
    assert usage.nearest_reset_expiry(T0) == after(days=2)
    assert usage.usable_resets(after(days=2)) == wanted[1:]
    assert usage.nearest_reset_expiry(after(days=2)) == after(days=9)
    assert usage.nearest_reset_expiry(after(days=20)) is None


def test_a_count_does_not_wipe_the_list() -> None:
    first = UsageSnapshot(reset_credits=BANKED, reset_list=(row(days=2), row(days=9)))
    usage = (
        Usage().merged(first, T0, "homes").merged(UsageSnapshot(reset_credits=BANKED), after(days=1), "homes")
    )
    assert usage.reset_list == Aged(first.reset_list, T0, "homes")
    assert usage.nearest_reset_expiry(after(days=1)) == after(days=2)


@pytest.mark.parametrize(
    ("available", "told", "minutes", "usable", "nearest"),
    [
        (0, None, 1, 0, None),
        (0, None, -1, 2, None),
        (0, 24.0, 1, 0, None),
        (None, None, 1, 2, 48.0),
        (2, 24.0, 1, 2, 24.0),
        (2, 24.0, 0, 2, 48.0),
        (2, -24.0, 1, 2, 48.0),
        (1, None, 1, 2, 48.0),
    ],
)
def test_the_count_and_the_list(
    available: int | None, told: float | None, minutes: int, usable: int, nearest: float | None
) -> None:
    """What a count with an expiry of its own, so many minutes newer than the list, makes of it."""
    expiry = None if told is None else after(hours=told)
    usage = Usage(
        reset_credits=Aged(ResetCredits(available, None, expiry), after(minutes=minutes), "lb"),
        reset_list=Aged((row(days=2), row(days=9)), T0, "homes"),
    )
    assert len(usage.usable_resets(T0)) == usable
    assert usage.nearest_reset_expiry(T0) == (None if nearest is None else after(hours=nearest))


def test_an_expiry_that_came_with_the_count_alone() -> None:
    count = Aged(ResetCredits(2, None, after(days=1)), T0, "lb")
    never: tuple[BankedReset, ...] = (NEVER,)
    for listed in (None, Aged(never, T0, "homes")):
        assert Usage(reset_credits=count, reset_list=listed).nearest_reset_expiry(T0) == after(days=1)
    assert Usage(reset_credits=count).nearest_reset_expiry(after(days=1)) is None
    assert Usage().nearest_reset_expiry(T0) is None
