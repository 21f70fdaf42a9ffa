"""Which account to use next: the most perishable weekly room, and who is passed over."""

from __future__ import annotations

import pytest

from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.events import LookedAhead, ReadingArrived
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.outlook import AccountOutlook
from poolwatch.domain.overview import PoolOverview, overview, use_order
from poolwatch.domain.pool import apply
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules, Section, Status, judge
from poolwatch.domain.usage import ReachedType, SpendControl, UsageSnapshot
from poolwatch.domain.values import replace
from tests.domain.make import (
    FIVE_HOURS,
    T0,
    after,
    credit,
    failure,
    key,
    limit,
    listing,
    many,
    pool_of,
    read,
    reading,
    window,
)

RULES = PoolRules()


def at_t0(pool: PoolState, rules: PoolRules = RULES) -> PoolOverview:
    return overview(pool, T0, rules)


def up(pool: PoolState, rules: PoolRules = RULES) -> tuple[str, str] | None:
    found = at_t0(pool, rules).next_up
    return None if found is None else (found.judged.label, found.reason.value)


def order(pool: PoolState, rules: PoolRules = RULES) -> list[str]:
    return [each.label for each in use_order(at_t0(pool, rules).accounts, T0, rules)]


def week_room(used: float | None, hours: float, five: float | None = 10) -> UsageSnapshot:
    return reading(window(used, resets=after(hours=hours)), window(five, FIVE_HOURS, after(hours=4)))


def test_the_room_that_perishes_soonest_goes_first() -> None:
    """40% left for 10 hours perishes faster than 90% left for 100."""
    pool = many([("much", week_room(10, 100)), ("soon", week_room(60, 10)), ("none", week_room(89, 150))])
    assert order(pool) == ["soon", "much", "none"]
    assert up(pool) == ("soon", "perishable")


def foretold(pool: PoolState, name: str, hours: float, chance: float, made: float = 0) -> PoolState:
    """The pool, with the chance that the account's week, which resets in so many hours, is used up before."""
    said = Forecast("codex", "weekly", after(hours=made), after(hours=hours), 90, out_probability=chance)
    outlook = AccountOutlook(said.made_at, AccountBurn(Burn(), Burn()), (said,))
    return apply(pool, LookedAhead({key(name): outlook}))


def test_an_account_that_will_run_out_is_not_first() -> None:
    pool = many([("much", week_room(10, 100)), ("soon", week_room(60, 10))])
    assert up(foretold(pool, "soon", 10, 0.6)) == ("much", "perishable")
    assert order(foretold(pool, "soon", 10, 0.6)) == ["much", "soon"]
    assert up(foretold(pool, "soon", 10, 0.4)) == ("soon", "perishable")
    # of a reset that has moved, and of yesterday
    assert up(foretold(pool, "soon", 30, 0.6)) == ("soon", "perishable")
    assert up(foretold(pool, "soon", 10, 0.6, made=-3)) == ("soon", "perishable")
    every = foretold(foretold(pool, "soon", 10, 0.6), "much", 100, 0.9)
    assert order(every) == ["soon", "much"]
    assert up(every) == ("soon", "perishable")


def test_ties_go_by_the_room_of_the_five_hours_then_label() -> None:
    pool = many([("c", week_room(50, 10, 30)), ("b", week_room(50, 10, 10)), ("a", week_room(50, 10, 10))])
    assert order(pool) == ["a", "b", "c"]
    bare = many([("x", reading(window(50, resets=after(hours=10)))), ("y", week_room(50, 10, 89))])
    assert order(bare) == ["y", "x"]


def test_without_a_weekly_window_after_those_with_one_and_credits_only_last() -> None:
    pool = many(
        [
            ("credits", week_room(100, 10)),
            ("five", reading(window(1, FIVE_HOURS, after(hours=4)))),
            ("weekly", week_room(80, 160)),
            ("bare", UsageSnapshot(base=None, credits=credit("10"))),
        ]
    )
    assert order(pool) == ["weekly", "five", "bare", "credits"]
    assert up(pool) == ("weekly", "perishable")
    assert up(many([("five", reading(window(1, FIVE_HOURS)))])) == ("five", "no_weekly")
    assert up(many([("credits", week_room(100, 10))])) == ("credits", "credits_only")


@pytest.mark.parametrize(
    "snapshot",
    [
        week_room(90, 10),
        week_room(10, 10, 95),
        week_room(None, 10),
        week_room(10, 10, None),
        reading(window(10), allowed=False),
        UsageSnapshot(base=limit(allowed=None)),
    ],
    ids=["weekly red", "five hours red", "weekly unknown", "five hours unknown", "exhausted", "unknown"],
)
def test_what_is_not_recommended(snapshot: UsageSnapshot) -> None:
    assert up(many([("a", snapshot)])) is None


def test_red_is_a_setting() -> None:
    pool = many([("a", week_room(85, 10))])
    assert up(pool) == ("a", "perishable")
    assert up(pool, PoolRules(red_percent=80)) is None


def test_a_troubled_or_stale_account_is_not_recommended_and_stands_behind_the_sound_ones() -> None:
    pool = many([("a", week_room(10, 10)), ("b", week_room(89, 160)), ("c", week_room(95, 10))])
    troubled = read(pool, failure(FailureKind.THROTTLED), "a")
    assert up(troubled) == ("b", "perishable")
    assert order(troubled) == ["b", "c", "a"]
    stale = many([("a", week_room(10, 10))], at=after(hours=-1))
    assert up(stale) is None
    half = read(stale, UsageSnapshot(plan="pro"), "a")
    assert not at_t0(half).by_key[key("a")].stale
    assert at_t0(half).by_key[key("a")].stale_base
    assert up(half) is None
    spent = read(many([("a", week_room(100, 10))]), failure(FailureKind.THROTTLED), "a")
    assert up(spent) is None


def test_a_weekly_window_whose_reset_is_unknown_due_or_its_own_has_no_haste() -> None:
    pool = many(
        [
            ("due", week_room(10, -1)),
            ("untold", reading(window(10))),
            ("slow", week_room(89, 167)),
            ("untouched", week_room(0, 168)),
            ("five", reading(window(1, FIVE_HOURS))),
        ]
    )
    assert order(pool) == ["slow", "due", "untouched", "untold", "five"]


def test_only_the_active_section_is_in_the_order_of_use() -> None:
    pool = read(
        many([("a", week_room(10, 10)), ("b", week_room(10, 10))]), failure(FailureKind.CONFLICT), "a"
    )
    assert order(pool) == ["b"]


def spent(balance: str | None = "10", **more: bool) -> UsageSnapshot:
    credits = credit(balance, over=more.get("over", False), unlimited=more.get("unlimited", False))
    return reading(window(100, resets=after(days=2)), allowed=False, credits=credits)


def resort(pool: PoolState) -> str | None:
    found = at_t0(pool).last_resort
    return None if found is None else found.label


def test_with_nobody_active_the_most_credits_are_the_last_resort() -> None:
    assert resort(many([("a", spent("10")), ("c", spent("500")), ("b", spent("500"))])) == "b"
    assert resort(many([("a", spent("500")), ("b", spent(None, unlimited=True))])) == "b"
    assert resort(many([("a", spent()), ("ready", week_room(95, 10))])) is None
    assert at_t0(many([("a", spent())])).next_up is None


@pytest.mark.parametrize(
    "snapshot",
    [
        spent("0"),
        spent("-3"),
        spent(None),
        spent(over=True),
        replace(spent(), credits=credit("10", has=False)),
        replace(spent(), credits=None),
        replace(spent(), spend=SpendControl(True, "individual", ())),
        replace(spent(), reached_type=ReachedType.MEMBER_CREDITS),
        replace(spent(), reached_type=ReachedType.MEMBER_USAGE),
        UsageSnapshot(base=None, credits=credit("0")),
        UsageSnapshot(credits=credit("10")),
    ],
)
def test_no_last_resort(snapshot: UsageSnapshot) -> None:
    assert resort(many([("a", snapshot)])) is None


def test_old_figures_and_trouble_are_no_last_resort() -> None:
    assert resort(many([("a", spent())], at=after(hours=-1))) is None
    assert resort(read(many([("a", spent())]), failure(FailureKind.THROTTLED), "a")) is None
    mixed = read(many([("a", spent())], at=after(hours=-1)), reading(window(100), allowed=False), "a")
    assert resort(mixed) is None


def test_one_account_can_be_judged_alone() -> None:
    pool = many([("a", week_room(10, 10))])
    alone = judge(pool.accounts[key("a")], T0, RULES)
    assert (alone.section, alone.status.kind, alone.stale, alone.label) == (
        Section.ACTIVE, Status.ACTIVE, False, "a",
    )  # fmt: skip


def test_the_pool_of_a_single_read_event() -> None:
    pool = apply(pool_of(listing()), ReadingArrived(key(), "homes", T0, week_room(10, 10)))
    assert at_t0(pool).by_section == {Section.ACTIVE: 1}
