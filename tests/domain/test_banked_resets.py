"""Which banked reset is used, and when none is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poolwatch.domain.banked_resets import (
    REST,
    Evidence,
    Figure,
    Refusal,
    ResetHistory,
    ResetLook,
    ResetOutcome,
    ResetRoute,
    ResetUse,
    Wish,
    chosen,
    evidence,
    fell,
    soonest,
)
from poolwatch.domain.usage import BankedReset, RateLimit, ResetCredits, UsageSnapshot, UsageWindow
from poolwatch.domain.values import replace

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LATE = BankedReset(NOW + 5 * DAY, status="available", id="late")
SOON = BankedReset(NOW + 9 * DAY, status="available", id="soon", consumable_until=NOW + DAY)
NEVER = BankedReset(None, status="granted", id="never")


def usage(five: float | None = 100.0, weekly: float | None = 71.0, count: int | None = None) -> UsageSnapshot:
    windows = (
        UsageWindow(five, 18_000, NOW + timedelta(minutes=47)),
        UsageWindow(weekly, 604_800, NOW + 2 * DAY),
    )
    counted = {} if count is None else {"reset_credits": ResetCredits(count, None)}
    return UsageSnapshot(base=RateLimit(None, None, windows), **counted)  # type: ignore[arg-type] # one field


def look(*rows: BankedReset, **figures: float | None) -> ResetLook:
    return ResetLook(usage(**figures), rows or (LATE, SOON, NEVER), NOW)  # type: ignore[arg-type] # its names


def use(**changes: object) -> ResetUse:
    first = ResetUse("3f2a90b1-0000", "acc", "ws", ResetRoute.SERVICE, NOW - timedelta(hours=1), "soon")
    return replace(first, **changes)  # type: ignore[arg-type] # the tests name fields of it


def why(found: BankedReset | Refusal | None) -> tuple[ResetOutcome, str]:
    assert isinstance(found, Refusal)
    return found.outcome, found.why.code


def test_the_one_that_ends_first_is_used_by_the_end_of_its_use() -> None:
    assert chosen(look(), ResetRoute.SERVICE, (), Wish()) == SOON
    assert soonest((NEVER, LATE), NOW) == LATE
    assert soonest((NEVER,), NOW) == NEVER


def test_one_without_an_id_or_of_another_plan_is_not_chosen() -> None:
    nameless, foreign = replace(SOON, id=None), replace(SOON, supported=False)
    assert soonest((nameless, foreign, LATE), NOW) == LATE
    assert why(chosen(look(nameless), ResetRoute.SERVICE, (), Wish())) == (ResetOutcome.NONE, "resets.no_ids")
    assert why(chosen(look(foreign), ResetRoute.SERVICE, (), Wish()))[1] == "resets.unsupported"
    assert why(chosen(look(foreign), ResetRoute.SERVICE, (), Wish("soon")))[1] == "resets.unsupported"


@pytest.mark.parametrize(
    "row",
    [
        replace(SOON, status="redeemed"),
        replace(SOON, status=None),
        replace(SOON, consumable_until=NOW),
        replace(SOON, consumable_until=None, expires_at=NOW - DAY),
    ],
)
def test_one_that_was_used_or_has_ended_is_not_used(row: BankedReset) -> None:
    assert why(chosen(look(row), ResetRoute.SERVICE, (), Wish())) == (ResetOutcome.NONE, "resets.none")
    assert why(chosen(look(row, LATE), ResetRoute.SERVICE, (), Wish("soon"))) == (
        ResetOutcome.REFUSED,
        "resets.changed",
    )


def test_one_that_was_named_and_is_gone_is_no_other_one() -> None:
    assert why(chosen(look(LATE), ResetRoute.SERVICE, (), Wish("soon")))[1] == "resets.changed"
    assert chosen(look(), ResetRoute.SERVICE, (), Wish("late")) == LATE


def test_nothing_is_used_while_no_window_is_exhausted_unless_that_is_said() -> None:
    seen = look(five=99.9)
    refused = chosen(seen, ResetRoute.SERVICE, (), Wish())
    assert why(refused) == (ResetOutcome.REFUSED, "resets.not_exhausted")
    assert isinstance(refused, Refusal)
    assert dict(refused.why.arguments) == {"window": "5h", "used": "99.9"}
    assert chosen(seen, ResetRoute.SERVICE, (), Wish(even_if_not_exhausted=True)) == SOON


def test_figures_that_nobody_knows_are_not_exhausted() -> None:
    seen = look(five=None, weekly=None)
    assert why(chosen(seen, ResetRoute.SERVICE, (), Wish()))[1] == "resets.usage_unknown"


@pytest.mark.parametrize("forced", [False, True])
def test_what_is_unknown_holds_back_every_other_use(forced: bool) -> None:
    wish = Wish(even_if_not_exhausted=forced)
    assert why(chosen(look(), ResetRoute.SERVICE, (use(),), wish))[1] == "resets.unresolved"
    for settled in (True, False):
        assert chosen(look(), ResetRoute.SERVICE, (use(settled=settled),), wish) == SOON
    at_it = replace(LATE, status="redeeming")
    assert why(chosen(look(at_it, SOON), ResetRoute.SERVICE, (), wish))[1] == "resets.redeeming"


@pytest.mark.parametrize("outcome", [each for each in ResetOutcome if each.is_good])
def test_figures_may_lag_after_a_use(outcome: ResetOutcome) -> None:
    done = use(outcome=outcome, ended_at=NOW - REST + timedelta(seconds=61))
    held = chosen(look(), ResetRoute.SERVICE, (done,), Wish(even_if_not_exhausted=True))
    assert why(held)[1] == "resets.lately"
    assert isinstance(held, Refusal)
    assert dict(held.why.arguments) == {"minutes": "2"}
    rested = replace(done, ended_at=NOW - REST)
    assert chosen(look(), ResetRoute.SERVICE, (rested,), Wish()) == SOON


def test_an_old_use_that_came_to_nothing_holds_nothing_back() -> None:
    for outcome in (ResetOutcome.NOTHING, ResetOutcome.NONE, ResetOutcome.REFUSED, ResetOutcome.NOT_SENT):
        assert chosen(look(), ResetRoute.SERVICE, (use(outcome=outcome, ended_at=NOW),), Wish()) == SOON


@pytest.mark.parametrize("route", [ResetRoute.CODEX_LB, ResetRoute.CODEX_PROXY])
def test_a_pool_chooses_by_itself(route: ResetRoute) -> None:
    seen = ResetLook(usage(count=2), None, NOW)
    assert chosen(seen, route, (), Wish()) is None
    assert why(chosen(seen, route, (), Wish("soon")))[1] == "resets.pool_chooses"
    assert why(chosen(ResetLook(usage(count=0), None, NOW), route, (), Wish()))[0] is ResetOutcome.NONE
    assert why(chosen(ResetLook(usage(five=3.0), None, NOW), route, (), Wish()))[1] == "resets.not_exhausted"


def test_the_same_request_is_repeated_where_it_cannot_use_another_reset() -> None:
    old = NOW + 30 * DAY
    assert use().may_be_asked_again(old)
    by_pool = use(reset_id=None)
    assert by_pool.may_be_asked_again(by_pool.at + timedelta(hours=23))
    assert not by_pool.may_be_asked_again(by_pool.at + timedelta(hours=24))
    assert not use(outcome=ResetOutcome.RESET).may_be_asked_again(NOW)
    assert not use(settled=False).may_be_asked_again(NOW)


def test_what_is_seen_speaks_for_a_use_or_against_it() -> None:
    lost = use(before=look().figures)
    stands, fallen = look(), look(five=0.0, weekly=0.0)
    assert evidence(lost, stands, None) == (Evidence.AVAILABLE, Evidence.WINDOWS_STAND)
    assert evidence(lost, look(LATE), ResetHistory(())) == (Evidence.MISSING, Evidence.WINDOWS_STAND)
    at_it = look(replace(SOON, status="redeeming"))
    assert evidence(lost, at_it, ResetHistory(()))[0] is Evidence.REDEEMING
    done = replace(fallen, rows=(replace(SOON, status="redeemed"),))
    assert evidence(lost, done, ResetHistory((lost.at,))) == (
        Evidence.REDEEMED,
        Evidence.USED_SINCE,
        Evidence.WINDOWS_FELL,
    )
    assert Evidence.USED_SINCE not in evidence(lost, stands, ResetHistory((lost.at - timedelta(hours=1),)))


def test_a_window_has_fallen_when_it_is_far_lower() -> None:
    before = (Figure("5h", 100.0), Figure("weekly", 71.0), Figure("daily", None))
    assert fell(before, (Figure("5h", 2.0),))
    assert not fell(before, (Figure("5h", 100.0), Figure("weekly", 71.5), Figure("daily", 0.0)))
    assert not fell((Figure("5h", 0.0),), (Figure("5h", 0.0),))


def test_what_a_person_says_was_used_rests_too() -> None:
    settled = use(outcome=ResetOutcome.UNKNOWN, settled=True, ended_at=NOW - timedelta(minutes=1))
    assert why(chosen(look(), ResetRoute.SERVICE, (settled,), Wish()))[1] == "resets.lately"
    assert chosen(look(), ResetRoute.SERVICE, (replace(settled, settled=False),), Wish()) == SOON


def test_after_a_clock_was_put_back_figures_tell_whether_they_lag() -> None:
    ahead = NOW + timedelta(days=300)
    done = use(outcome=ResetOutcome.RESET, at=ahead, ended_at=ahead, before=look().figures)
    even = Wish(even_if_not_exhausted=True)
    assert why(chosen(look(), ResetRoute.SERVICE, (done,), even))[1] == "resets.clock_put_back"
    assert chosen(look(five=3.0), ResetRoute.SERVICE, (done,), even) == SOON
    earlier = tuple(replace(each, resets_at=NOW - DAY) for each in done.before)
    assert chosen(look(), ResetRoute.SERVICE, (replace(done, before=earlier),), Wish()) == SOON
    unsaid = tuple(replace(each, resets_at=None) for each in done.before)
    held = chosen(look(), ResetRoute.SERVICE, (replace(done, before=unsaid),), Wish())
    assert why(held)[1] == "resets.clock_put_back"


@pytest.mark.parametrize(
    ("age", "may"),
    [
        (timedelta(minutes=-4), True),
        (timedelta(minutes=-6), False),
        (timedelta(hours=23), True),
        (timedelta(hours=24), False),
    ],
)
def test_a_pool_is_asked_again_while_it_surely_remembers(age: timedelta, may: bool) -> None:
    asked = use(route=ResetRoute.CODEX_LB, reset_id=None, at=NOW - age)
    assert asked.may_be_asked_again(NOW) is may
    assert replace(asked, reset_id="soon").may_be_asked_again(NOW)


def test_what_a_pool_took_counts_as_used() -> None:
    good = {ResetOutcome.RESET, ResetOutcome.ALREADY, ResetOutcome.ACCEPTED}
    assert {each for each in ResetOutcome if each.is_good} == good


def test_while_the_service_is_at_it_the_same_request_may_be_asked_again_and_no_other() -> None:
    lost = use()
    at_it = look(replace(SOON, status="redeeming"), LATE)
    assert lost.may_be_asked_again(NOW)
    assert why(chosen(at_it, ResetRoute.SERVICE, [lost], Wish()))[1] == "resets.unresolved"
    settled = replace(lost, settled=False)
    assert why(chosen(at_it, ResetRoute.SERVICE, [settled], Wish()))[1] == "resets.redeeming"
