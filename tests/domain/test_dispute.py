"""Two pools that say different things of one account: no figure flips, and both words are kept."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from poolwatch.domain.account import Custody, SourceRef
from poolwatch.domain.events import ReadingArrived
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.pool import apply
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.transitions import contradict
from poolwatch.domain.usage import Aged, RateLimit, UsageWindow
from poolwatch.domain.values import UNDATED
from tests.domain.make import (
    FIVE_HOURS,
    T0,
    WEEK,
    after,
    key,
    listed,
    listing,
    pool_of,
    read,
    reading,
    window,
)

NORTH = listing(source="north", custody=Custody.POOL)
SOUTH = listing(source="south", custody=Custody.POOL)
SUNDAY = after(days=2)


def weekly(used: float | None, resets_at: datetime | None = SUNDAY, seconds: int = WEEK) -> RateLimit:
    return RateLimit(None, None, (UsageWindow(used, seconds, resets_at),))


def said(used: float | None, minutes: float, **more: object) -> Aged[RateLimit]:
    return Aged(weekly(used, **more), after(minutes=minutes), "x")  # type: ignore[arg-type]  # of `weekly`


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (said(34, 0), said(80, 5), True),
        (said(80, 0), said(34, 5), True),
        (said(34, 0), said(40, 5), False),
        (said(34, 0), said(80, 60), False),
        # rounded down here and up there
        (said(34, 0), said(33, 5), False),
        # it has reset since, by itself or by a banked reset
        (said(80, 0, resets_at=after(minutes=3)), said(1, 5), False),
        (said(98, 0), said(1, 5, resets_at=after(days=7)), False),
        (said(98, 0), said(99, 5, resets_at=after(days=7)), False),
        # other windows, or no figures
        (said(34, 0), said(80, 5, seconds=FIVE_HOURS), False),
        (said(34, 0), said(None, 5), False),
        (said(34, 0, resets_at=None), said(80, 5, resets_at=None), True),
        # nobody knows which came first
        (Aged(weekly(34), UNDATED, "x"), said(80, 600), True),
        (Aged(weekly(80), UNDATED, "x"), said(34, 600), True),
        (Aged(weekly(34), UNDATED, "x"), said(40, 600), False),
    ],
)
def test_what_cannot_both_be_true(one: Aged[RateLimit], other: Aged[RateLimit], expected: bool) -> None:
    assert contradict(one, other) is expected
    assert contradict(other, one) is expected


def both() -> PoolState:
    return read(pool_of(NORTH, SOUTH), reading(window(61, resets=SUNDAY)), source="north")


def told(pool: PoolState, source: str, used: float, minutes: float, despite: str | None = None) -> PoolState:
    """A reading at that minute; the other pool was asked before and did not answer."""
    gone = worded(FailureKind.UNREACHABLE, "no answer")
    silent = () if despite is None else ((SourceRef(despite, "alice"), gone),)
    outcome = reading(window(used, resets=SUNDAY))
    return apply(pool, ReadingArrived(key(), source, after(minutes=minutes), outcome, despite=silent))


def shown(pool: PoolState) -> tuple[float | None, str]:
    base = pool.accounts[key()].usage.base
    assert base is not None
    assert base.value is not None
    return base.value.windows[0].used_percent, base.source


def other(pool: PoolState) -> float | None:
    rival = pool.accounts[key()].rival
    return rival.value.windows[0].used_percent if rival is not None and rival.value is not None else None


def test_a_pool_that_is_away_for_a_while_does_not_make_a_figure_flip() -> None:
    pool = told(both(), "south", 20, 5, despite="north")
    assert (shown(pool), other(pool)) == ((61, "north"), 20)
    account = pool.accounts[key()]
    assert (account.read_at, account.tried_at, account.lately) == (T0, after(minutes=5), ())
    pool = told(pool, "north", 62, 10)
    assert (shown(pool), other(pool)) == ((62, "north"), 20)
    pool = told(pool, "south", 21, 15)
    assert (shown(pool), other(pool)) == ((62, "north"), 21)
    # they agree again
    pool = told(pool, "south", 62, 20)
    assert (shown(pool), other(pool)) == ((62, "south"), None)


def test_a_pool_that_stays_away_gives_way_and_takes_over_when_it_is_back() -> None:
    pool = told(both(), "south", 20, 5, despite="north")
    for minutes in (30, 59):
        pool = told(pool, "south", 20, minutes, despite="north")
        assert shown(pool) == (61, "north")
    pool = told(pool, "south", 21, 66, despite="north")
    assert (shown(pool), other(pool)) == ((21, "south"), 61)
    pool = told(pool, "north", 63, 70)
    assert (shown(pool), other(pool)) == ((63, "north"), 21)


def test_a_contradiction_ends() -> None:
    pool = told(both(), "south", 20, 5, despite="north")
    assert other(told(pool, "north", 62, 60 * 25)) is None
    assert other(told(pool, "north", 25, 10)) is None
    assert other(apply(pool, listed(source="south", at=after(minutes=6)))) is None
    assert other(apply(pool, listed(SOUTH, at=after(minutes=6)))) == 20


def test_a_login_file_is_the_services_own_word() -> None:
    pool = pool_of(NORTH, listing(source="homes"))
    pool = read(pool, reading(window(61, resets=SUNDAY)), source="north")
    pool = told(pool, "homes", 20, 5)
    assert (shown(pool), other(pool)) == ((20, "homes"), None)


def test_pools_that_agree_are_read_as_ever() -> None:
    pool = told(both(), "south", 62, 5)
    assert (shown(pool), other(pool)) == ((62, "south"), None)
    account: AccountState = pool.accounts[key()]
    assert account.read_at == after(minutes=5)
    assert account.read_at - T0 == timedelta(minutes=5)
