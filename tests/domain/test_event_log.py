"""Events out of what changed between two readings, two judgements, two answers of a source."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.event_log import (
    EventKind,
    LoggedEvent,
    Standing,
    Unit,
    event_id,
    fold_resets,
    login_event,
    reading_events,
    source_event,
)
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.state import SourceState
from poolwatch.domain.status import AccountStatus, Status
from poolwatch.domain.usage import Aged, Credits, RateLimit, Usage
from poolwatch.domain.values import replace
from tests.domain.make import FIVE_HOURS, T0, after, credit, failure, limit, window


def usage(base: RateLimit | None = None, credits: Credits | None = None, plan: str | None = None) -> Usage:
    return Usage(
        base=None if base is None else Aged(base, T0, "homes"),
        credits=None if credits is None else Aged(credits, T0, "homes"),
        plan=None if plan is None else Aged(plan, T0, "homes"),
    )


def told(before: Usage, now: Usage) -> list[LoggedEvent]:
    return list(reading_events("alice", Standing.of(before), Standing.of(now), T0))


ACTIVE = usage(limit(window(99, FIVE_HOURS), window(40)))
FULL = usage(limit(window(100, FIVE_HOURS, after(hours=1)), window(41), allowed=False))


def test_an_id_depends_on_all_that_tells_events_apart() -> None:
    ids = [
        event_id("alice", EventKind.RESET, T0),
        event_id("bob", EventKind.RESET, T0),
        event_id("alice", EventKind.BACK, T0),
        event_id("alice", EventKind.RESET, T0 + timedelta(microseconds=1)),
        event_id("alice", EventKind.RESET, T0, "codex"),
        event_id("alice", EventKind.RESET, T0, "codex", "weekly"),
    ]
    assert len(set(ids)) == len(ids)
    # it stands in stores and exports
    # it stands in stores and exports
    assert event_id("alice", EventKind.RESET, T0, "codex", "weekly") == "82bf013c06993466"


def test_a_window_that_fills_up_exhausts_and_its_reset_brings_back() -> None:
    [out] = told(ACTIVE, FULL)
    assert (out.kind, out.bucket, out.window, out.until) == (
        EventKind.EXHAUSTED,
        "codex",
        "5h",
        after(hours=1),
    )
    [back] = told(FULL, ACTIVE)
    assert (back.kind, back.window, back.until) == (EventKind.BACK, "5h", None)
    assert told(FULL, FULL) == told(ACTIVE, ACTIVE) == []


def test_the_first_reading_of_an_account_that_is_out_is_no_event() -> None:
    assert told(usage(), FULL) == []
    assert told(usage(limit(window(None), allowed=None)), FULL) == []


def test_out_of_credits_is_told_by_its_unit() -> None:
    business = Usage(base=Aged(None, T0, "homes"))
    with_some = replace(business, credits=Aged(credit("3.5"), T0, "homes"))
    with_none = replace(business, credits=Aged(credit("0"), T0, "homes"))
    [out] = told(with_some, with_none)
    assert (out.kind, out.unit, out.window) == (EventKind.EXHAUSTED, Unit.CREDITS, None)
    assert [event.kind for event in told(with_none, with_some)] == [EventKind.BACK, EventKind.CREDITS_CAME]


@pytest.mark.parametrize(
    ("before", "now", "came"),
    [
        ("10", "510.5", True),
        ("510", "10", False),
        (None, "500", False),
        ("500", None, False),
        ("5", "5.0", False),
    ],
)
def test_credits_came_when_a_known_balance_rose(before: str | None, now: str | None, came: bool) -> None:
    found = told(usage(credits=credit(before)), usage(credits=credit(now)))
    found = [event for event in found if event.kind is EventKind.CREDITS_CAME]
    assert bool(found) is came
    if came:
        assert (found[0].before, found[0].after, found[0].unit) == (
            Decimal("10"),
            Decimal("510.5"),
            Unit.CREDITS,
        )


def test_without_bounds_no_credits_come() -> None:
    assert told(usage(credits=credit("1", unlimited=True)), usage(credits=credit("9"))) == []


def test_a_plan_that_changes_names_both() -> None:
    [changed] = told(usage(plan="free"), usage(plan="plus"))
    assert (changed.kind, changed.was, changed.now) == (EventKind.PLAN_CHANGED, "free", "plus")
    assert told(usage(), usage(plan="plus")) == told(usage(plan="plus"), usage()) == []


NEEDS = AccountStatus(Status.NEEDS_LOGIN, "expired")
WORKS = AccountStatus(Status.ACTIVE)


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (WORKS, NEEDS, EventKind.LOGIN_DIED),
        (AccountStatus(Status.EXHAUSTED), NEEDS, EventKind.LOGIN_DIED),
        (WORKS, AccountStatus(Status.DEACTIVATED), EventKind.LOGIN_DIED),
        (NEEDS, WORKS, EventKind.SIGNED_IN),
        (NEEDS, AccountStatus(Status.EXHAUSTED), EventKind.SIGNED_IN),
        (NEEDS, NEEDS, None),
        (NEEDS, AccountStatus(Status.DISABLED), None),
        (AccountStatus(Status.DISABLED), NEEDS, None),
        (AccountStatus(Status.DEACTIVATED), WORKS, None),
        (WORKS, AccountStatus(Status.UNKNOWN), None),
    ],
)
def test_logins_die_and_are_signed_in_again(
    before: AccountStatus, now: AccountStatus, kind: EventKind | None
) -> None:
    event = login_event("alice", before, now, T0)
    assert (event.kind if event is not None else None) is kind


def test_a_login_that_died_says_of_what() -> None:
    died = [login_event("alice", WORKS, status, T0) for status in (NEEDS, AccountStatus(Status.DEACTIVATED))]
    assert [event and event.now for event in died] == ["expired", "deactivated"]


def test_a_source_goes_down_and_comes_back() -> None:
    up = SourceState("pool", listed_at=T0)
    down = replace(up, failure=failure(FailureKind.UNREACHABLE), failing_since=after(minutes=3))
    back = SourceState("pool", listed_at=after(minutes=29))
    gone = source_event(up, down, after(minutes=4))
    came = source_event(down, back, after(minutes=30))
    assert gone is not None
    assert came is not None
    assert (gone.kind, gone.at, gone.source) == (EventKind.SOURCE_DOWN, after(minutes=3), "pool")
    assert (came.kind, came.at, came.until) == (EventKind.SOURCE_BACK, after(minutes=29), after(minutes=3))
    assert source_event(up, up, T0) is source_event(down, down, T0) is None


# -- resets of many at once


def early(account: str, minutes: float, bucket: str = "codex") -> LoggedEvent:
    at = after(minutes=minutes)
    made = event_id(account, EventKind.EARLY_RESET, at, bucket, "weekly")
    return LoggedEvent(made, at, EventKind.EARLY_RESET, account, bucket=bucket, window="weekly")


ACCOUNTS = {f"a{n}": "pool" for n in range(12)} | {f"b{n}": "homes" for n in range(30)}


def test_many_early_resets_of_a_source_are_one_event_of_its_upstream() -> None:
    resets = [early(f"a{n}", n) for n in (3, 1, 7, 4, 6)]
    [upstream], waiting = fold_resets(resets, ACCOUNTS)
    assert waiting == ()
    assert (upstream.kind, upstream.source) == (EventKind.UPSTREAM_RESET, "pool")
    assert (upstream.accounts, upstream.of_accounts, upstream.at) == (5, 12, after(minutes=1))
    assert fold_resets(reversed(resets), ACCOUNTS)[0] == (upstream,)


@pytest.mark.parametrize(
    "resets",
    [
        [early(f"a{n}", n) for n in range(4)],
        # of thirty, five are not the third part
        [early(f"b{n}", n) for n in range(5)],
        [early(f"a{n}", n * 6) for n in range(5)],
        [early("a1", n) for n in range(5)],
    ],
    ids=["few", "small_share", "far_apart", "one_account"],
)
def test_few_early_resets_stay_what_they_are(resets: list[LoggedEvent]) -> None:
    assert fold_resets(resets, ACCOUNTS) == (tuple(resets), ())


def test_what_others_may_still_follow_waits() -> None:
    resets = [early(f"a{n}", n) for n in range(4)]
    told_now, waiting = fold_resets(resets, ACCOUNTS, now=after(minutes=30))
    assert (told_now, len(waiting)) == ((), 4)
    told_now, waiting = fold_resets(resets, ACCOUNTS, now=after(minutes=32))
    assert ([event.account_id for event in told_now], len(waiting)) == (["a0", "a1"], 2)


def test_a_lone_reset_before_the_many_is_not_one_of_them() -> None:
    resets = [early("a11", -19), *(early(f"a{n}", n) for n in range(2, 8))]
    told_all, _ = fold_resets(resets, ACCOUNTS)
    assert [(event.kind, event.accounts) for event in told_all] == [
        (EventKind.EARLY_RESET, None),
        (EventKind.UPSTREAM_RESET, 6),
    ]
