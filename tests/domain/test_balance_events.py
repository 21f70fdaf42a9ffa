"""What happened to a balance between two readings: each event is told, and nothing that did not happen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.balances import Balance, BalanceState, BalanceTerms, ResetPeriod, ResetTime
from poolwatch.domain.event_log import EventKind, balance_events, came_to, credits_that_came
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.values import replace

NOW = datetime(2026, 11, 20, 23, 50, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
LATER = NOW + timedelta(minutes=30)
_D = Decimal
DAILY = BalanceTerms(_D(30), resets=ResetTime(ResetPeriod.DAILY))
GONE = failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=410)
DOWN = failure(FailureKind.UNREACHABLE, "net.refused")


def credits(left: str | None, resets_at: datetime | None = None, **more: object) -> Balance:
    amount = None if left is None else _D(left)
    return Balance("credits", amount, _D(100), resets_at=resets_at, **more)  # type: ignore[arg-type]  # by name


def read(balance: Balance, at: datetime = NOW, terms: BalanceTerms = DAILY) -> BalanceState:
    return BalanceState("BrowserOS", terms).read(balance, at)


def told(before: Balance, after: Balance, terms: BalanceTerms = DAILY) -> list[tuple[str, str | None]]:
    was = read(before, terms=terms)
    found = balance_events(was, was.read(after, LATER))
    assert all((each.source, each.account_id, each.at) == ("BrowserOS", None, LATER) for each in found)
    assert all(each.balance == "BrowserOS" for each in found)
    return [(each.kind.value, each.window) for each in found]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (credits("87"), credits("86"), []),
        (credits("87"), credits("87"), []),
        (credits("1"), credits("0"), [("exhausted", "daily")]),
        (credits("0"), credits("0"), []),
        (credits("0"), credits("-3"), []),
        # over midnight it was filled up, whatever else
        (credits("12", MIDNIGHT), credits("100", MIDNIGHT + timedelta(1)), [("reset", "daily")]),
        (credits("12", MIDNIGHT), credits("0", MIDNIGHT + timedelta(1)), [("exhausted", "daily")]),
        (credits("12"), credits("100", last_reset_at=MIDNIGHT), [("reset", "daily")]),
        # a reset of before that reading is none
        (credits("12"), credits("100", last_reset_at=NOW), [("credits_came", None)]),
        (credits("12", LATER + timedelta(1)), credits("100"), [("credits_came", None)]),
        # what is unknown or without end is no figure
        (credits(None), credits("100"), []),
        (credits("12"), credits(None), []),
        (credits(None, unlimited=True), credits("0"), []),
        (credits("0"), credits(None, unlimited=True), []),
        # units are never mixed
        (Balance("USD", _D(3)), Balance("CNY", _D(12)), []),
        (Balance("USD", _D(3)), Balance("CNY", _D(0)), []),
    ],
)
def test_what_happened(before: Balance, after: Balance, events: list[tuple[str, str | None]]) -> None:
    assert told(before, after) == events


def test_a_top_up_is_told_in_its_own_unit() -> None:
    was = read(Balance("USD", _D("1.40")), terms=BalanceTerms())
    (came,) = balance_events(was, was.read(Balance("USD", _D("11.40")), LATER))
    assert (came.kind, came.before, came.after) == (EventKind.CREDITS_CAME, _D("1.40"), _D("11.40"))
    assert (came.unit, came.unit_name) == (None, "USD")
    assert credits_that_came(came) == _D("10.00")
    assert came_to(came) == "balance:BrowserOS USD"
    assert came_to(replace(came, unit_name=None)) is None


def test_used_up_is_what_the_settings_say() -> None:
    terms = BalanceTerms(red_at=_D("0.50"))
    assert told(Balance("USD", _D("0.51")), Balance("USD", _D("0.50")), terms) == [("exhausted", None)]
    assert told(Balance("USD", _D("0.52")), Balance("USD", _D("0.51")), terms) == []


def test_that_it_is_gone_is_told_when_it_goes_and_not_again_while_it_is() -> None:
    was = read(credits("12"))
    gone = was.read(GONE, LATER)
    (event,) = balance_events(was, gone)
    assert (event.kind, event.at, event.before) == (EventKind.NOT_OFFERED, LATER, None)
    assert balance_events(gone, gone.read(GONE, LATER + timedelta(days=1))) == ()
    assert balance_events(was, was.read(DOWN, LATER)) == ()
    # one that was never read, too
    assert [each.kind for each in balance_events(None, BalanceState("b").read(GONE, NOW))] == [
        EventKind.NOT_OFFERED
    ]


def test_a_balance_that_is_met_anew_and_a_failure_tell_nothing() -> None:
    assert balance_events(None, read(credits("0"))) == ()
    assert balance_events(None, BalanceState("b")) == ()
    # the old figure stands there still, and fell before
    full = read(credits("87"))
    assert balance_events(full, replace(read(credits("0")), tried_at=LATER)) == ()
