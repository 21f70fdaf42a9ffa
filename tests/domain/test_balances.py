"""Balances: thresholds, resets by the UTC calendar, and what a failure leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.credit_settings import terms_of
from poolwatch.domain.balances import (
    Balance,
    BalanceLevel,
    BalanceState,
    BalanceTerms,
    Lasting,
    ResetPeriod,
    ResetTime,
    TopUpPlace,
    balance_figure,
    lasting,
)
from poolwatch.domain.events import BalanceRead, BalancesTold
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.pool import apply
from poolwatch.domain.series import Figure, FigureName, Point, Series
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from tests.sources.test_credits_http import preset, source

NOW = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
_D = Decimal
GONE = failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=404)
BROKEN = failure(FailureKind.UPSTREAM_ERROR, "sources.service_fault", status=500)


@pytest.mark.parametrize(
    ("left", "level"),
    [
        ("31", BalanceLevel.OK),
        ("30.01", BalanceLevel.OK),
        ("30", BalanceLevel.LOW),
        ("1", BalanceLevel.LOW),
        ("0.01", BalanceLevel.LOW),
        ("0", BalanceLevel.EMPTY),
        ("-3", BalanceLevel.EMPTY),
    ],
)
def test_the_colours_of_credits(left: str, level: BalanceLevel) -> None:
    assert terms_of(preset("browseros")).level(Balance("credits", _D(left), _D(100))) is level


def test_money_is_low_only_where_somebody_says_so() -> None:
    assert terms_of(preset("openrouter")).level(Balance("USD", _D(1))) is BalanceLevel.OK
    assert terms_of(preset("openrouter", amber_below=10)).level(Balance("USD", _D(10))) is BalanceLevel.LOW
    assert terms_of(preset("reef")).level(Balance("USD", _D("3.20"))) is BalanceLevel.LOW
    red = terms_of(preset("openrouter", amber_below=10, red_at="0.5"))
    assert red.level(Balance("USD", _D("0.5"))) is BalanceLevel.EMPTY


def test_what_nobody_knows_has_no_level() -> None:
    terms = BalanceTerms(_D(30))
    assert terms.level(None) is BalanceLevel.UNKNOWN
    assert terms.level(Balance("credits")) is BalanceLevel.UNKNOWN
    assert terms.level(Balance("credits", unlimited=True)) is BalanceLevel.OK


def test_how_many_requests_are_left() -> None:
    terms = BalanceTerms(cost_per_request=_D("0.3"))
    assert terms.requests_left(Balance("credits", _D(1))) == 3
    assert terms.requests_left(Balance("credits", _D(-1))) == 0
    assert terms.requests_left(Balance("credits")) is None
    assert terms.requests_left(Balance("credits", unlimited=True)) is None
    assert BalanceTerms().requests_left(Balance("credits", _D(1))) is None


def test_where_a_balance_can_be_topped_up() -> None:
    assert terms_of(preset("openrouter")).top_up is TopUpPlace.WEB
    assert terms_of(preset("browseros")).top_up is TopUpPlace.NO
    assert terms_of(preset("openrouter"), tops_up_here=True).top_up is TopUpPlace.HERE


# -- resets


@pytest.mark.parametrize("hours", [-8, 0, 13])
def test_midnight_utc_is_the_same_moment_everywhere(hours: int) -> None:
    there = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
    daily = ResetTime(ResetPeriod.DAILY)
    assert daily.following(there) == datetime(2026, 11, 21, tzinfo=UTC)
    assert daily.following(there + timedelta(seconds=1)) == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("resets", "at", "following"),
    [
        ("daily 04:30 UTC", "2026-11-20T04:29Z", "2026-11-20T04:30Z"),
        ("daily 04:30 UTC", "2026-11-20T04:30Z", "2026-11-21T04:30Z"),
        ("weekly 00:00 UTC", "2026-11-22T23:00Z", "2026-11-23T00:00Z"),
        ("weekly 00:00 UTC", "2026-11-23T00:00Z", "2026-11-30T00:00Z"),
        ("monthly 06:00 UTC", "2026-12-01T05:00Z", "2026-12-01T06:00Z"),
        ("monthly 06:00 UTC", "2026-12-31T23:00Z", "2027-01-01T06:00Z"),
    ],
)  # fmt: skip
def test_resets_by_the_calendar(resets: str, at: str, following: str) -> None:
    terms = terms_of(source(url="http://127.0.0.1:1", remaining="/r", resets=resets))
    assert terms.resets is not None
    assert terms.resets.following(datetime.fromisoformat(at)) == datetime.fromisoformat(following)


@given(
    st.integers(10**9, 4 * 10**9),
    st.sampled_from(ResetPeriod),
    st.integers(0, 1439),
)
def test_the_next_reset_is_ahead_and_no_period_away(seconds: int, period: ResetPeriod, minutes: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    longest = {ResetPeriod.DAILY: 1, ResetPeriod.WEEKLY: 7, ResetPeriod.MONTHLY: 31}[period]
    found = ResetTime(period, timedelta(minutes=minutes)).following(at)
    assert timedelta(0) < found - at <= timedelta(days=longest)


# -- states


def _read(balance: Balance | None = None) -> BalanceState:
    return BalanceState("b", BalanceTerms(_D(30))).read(balance or Balance("credits", _D(87), _D(100)), NOW)


def test_a_failure_keeps_the_last_answer_and_the_next_answer_stands_whole() -> None:
    failed = _read().read(BROKEN, NOW + timedelta(minutes=5)).read(BROKEN, NOW + timedelta(minutes=9))
    assert failed.balance == Balance("credits", _D(87), _D(100))
    assert failed.trouble == BROKEN.since(NOW + timedelta(minutes=5))
    assert (failed.read_at, failed.tried_at) == (NOW, NOW + timedelta(minutes=9))
    # an earlier limit does not stay
    again = failed.read(Balance("credits", _D(86)), NOW + timedelta(minutes=10))
    assert again.balance == Balance("credits", _D(86))
    assert again.trouble is None


def test_a_figure_is_old_by_age_by_a_reset_that_passed_and_where_the_service_is_gone() -> None:
    hour = timedelta(hours=1)
    balance = Balance("credits", _D(0), resets_at=NOW + timedelta(minutes=10))
    state = _read(balance)
    assert not state.is_stale(NOW, hour)
    assert state.is_stale(NOW + timedelta(minutes=10), hour)
    assert state.level is BalanceLevel.EMPTY
    assert _read().is_stale(NOW + hour + timedelta(seconds=1), hour)
    # what is read every two hours is not old after one
    seldom = replace(_read(), terms=BalanceTerms(every=2 * hour))
    ages = [1, 6, 7]
    assert [seldom.is_stale(NOW + age * hour, hour) for age in ages] == [False, False, True]
    gone = _read().read(GONE, NOW)
    assert gone.is_gone
    assert gone.is_stale(NOW, hour)
    assert not BalanceState("b").is_stale(NOW, hour)


def test_of_two_readings_the_newer_counts_and_the_terms_stay() -> None:
    older, newer = _read(), _read(Balance("credits", _D(5))).read(BROKEN, NOW + timedelta(minutes=1))
    assert older.known(newer) == newer
    assert newer.known(older) == newer
    assert BalanceState("b", BalanceTerms(_D(1))).known(newer) == replace(newer, terms=BalanceTerms(_D(1)))
    other = BalanceState("b", asked="elsewhere")
    assert other.known(newer) == other
    assert older.known(None) is older


def test_events_change_the_pool() -> None:
    state = apply(PoolState(), BalanceRead("b", Balance("credits", _D(5)), NOW))
    assert state.balances == {}
    state = apply(state, BalancesTold({"b": BalanceState("b")}))
    state = apply(state, BalanceRead("b", Balance("credits", _D(5)), NOW))
    assert state.balances["b"].balance == Balance("credits", _D(5))
    assert apply(state, BalanceRead("b", GONE, NOW)).balances["b"].is_gone


def test_history_has_a_figure_for_each_unit_and_none_of_what_is_unknown() -> None:
    assert balance_figure(Balance("USD")) is None
    assert balance_figure(Balance("USD", _D("3.20"))) == (
        FigureName(Series.CREDITS, "USD"),
        Figure(balance=_D("3.20")),
    )
    unlimited = balance_figure(Balance("USD", unlimited=True))
    assert unlimited is not None
    assert unlimited[1] == Figure(unlimited=True)


# -- how long it lasts


def _points(*amounts: int | None, every: timedelta = timedelta(days=1)) -> list[Point]:
    """One each day, the last of them now."""
    last = len(amounts) - 1
    values = [None if each is None else _D(each) for each in amounts]
    return [Point(NOW - every * (last - nth), each, each, each) for nth, each in enumerate(values)]


def test_what_rose_is_no_use_and_what_is_left_lasts_by_what_fell() -> None:
    state = _read(Balance("USD", _D(12)))
    runs = lasting(state, _points(10, 6, 16, 12), NOW)
    assert runs is not None
    assert runs.per_day == _D(8) / 3
    assert runs.ends_at == NOW + timedelta(days=4.5)
    assert not runs.to_reset


def test_what_went_before_the_last_week_counts_for_nothing() -> None:
    # it lay still for a month, and then 7 went in two days
    old = Point(NOW - timedelta(days=40), _D(90), _D(90), _D(90))
    held = Point(NOW - timedelta(days=30), _D(12), _D(12), _D(12))
    state = _read(Balance("USD", _D(5)))
    runs = lasting(state, [old, held, *_points(8, 5)], NOW)
    assert runs is not None
    assert runs.per_day == _D(1)
    assert runs.ends_at == NOW + timedelta(days=5)
    still = lasting(state, [old, held], NOW)
    assert still == Lasting(_D(0))


def test_what_went_before_nothing_was_known_counts_for_nothing() -> None:
    points = [*_points(90, 50), Point(NOW - timedelta(hours=40), None, None, None), *_points(8, 5)[-1:]]
    assert lasting(_read(Balance("USD", _D(5))), points, NOW) is None


def test_until_its_reset_it_lasts_or_ends_before() -> None:
    balance = Balance("credits", _D(20), _D(100), resets_at=NOW + timedelta(hours=10))
    lasts = lasting(_read(balance), _points(100, 80, 60), NOW)
    assert lasts is not None
    assert (lasts.to_reset, lasts.ends_at) == (True, None)
    ends = lasting(_read(replace(balance, remaining=_D(5))), _points(100, 80, 60), NOW)
    assert ends is not None
    assert ends.ends_at == NOW + timedelta(hours=6)


@pytest.mark.parametrize(
    "points",
    [[], _points(5), _points(9, 5, every=timedelta(hours=23)), _points(None, None), _points(None, 5)],
)
def test_of_less_than_a_day_nothing_is_said(points: list[Point]) -> None:
    assert lasting(_read(), points, NOW) is None


def test_what_is_not_used_or_not_known_ends_at_no_time() -> None:
    still = lasting(_read(Balance("USD", _D(5))), _points(5, 5, 5), NOW)
    assert still is not None
    assert still == Lasting(_D(0))
    for balance in (Balance("USD", unlimited=True), Balance("USD")):
        runs = lasting(_read(balance), _points(9, 5), NOW)
        assert runs is not None
        assert runs.ends_at is None
