"""How figures run over time: what a reading adds to an account's history, and what is read from it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.usage import Usage, UsageWindow
from poolwatch.domain.values import replace

#: Upstreams wobble by seconds when they compute a reset anew; less than this is the same reset.
RESET_WOBBLE: Final = timedelta(minutes=2)


#: Where spend limits stand among the buckets of cycles and events.
SPEND_BUCKET: Final = "spend"


class Series(StrEnum):
    """What a row of history speaks of."""

    WINDOW = "window"
    CREDITS = "credits"
    SPEND = "spend"
    PLAN = "plan"


class Figure(Struct, frozen=True):
    """The values of one series at one moment; all None says that there was none any more."""

    used_percent: float | None = None
    resets_at: datetime | None = None
    #: this window's own flag
    limit_reached: bool | None = None
    #: whether the window's bucket let work through
    allowed: bool | None = None
    #: in credits, digit for digit
    balance: Decimal | None = None
    unlimited: bool | None = None
    #: in credits, of the month's limit below
    spent: Decimal | None = None
    spend_limit: Decimal | None = None
    plan: str | None = None


class HistoryRow(Struct, frozen=True):
    """One change of one figure. `bucket` and `window` are empty where the series has none; UTC."""

    account_id: str
    at: datetime
    series: Series
    bucket: str
    window: str
    figure: Figure


#: A figure's series, bucket and window.
Place: TypeAlias = tuple[Series, str, str]


def history_rows(before: Usage, after: Usage, account_id: str, at: datetime) -> tuple[HistoryRow, ...]:
    """A row for every figure that is new, differs or is gone.

    A reset that moves while its window stands unused at the same figure is no change: idle windows
    slide along with the clock.
    """
    was, now = figures(before), figures(after)
    rows = [
        HistoryRow(account_id, at, *place, figure)
        for place, figure in now.items()
        if place not in was or differs(was[place], figure)
    ]
    gone = [HistoryRow(account_id, at, *place, Figure()) for place in was if place not in now]
    return (*rows, *gone)


def differs(was: Figure, now: Figure) -> bool:
    """Whether a figure moved: amounts digit for digit, resets by more than they wobble."""
    if replace(was, resets_at=now.resets_at) != now or _digits(was) != _digits(now):
        return True
    if was.resets_at is None or now.resets_at is None:
        return was.resets_at is not now.resets_at
    return bool(now.used_percent) and abs(now.resets_at - was.resets_at) >= RESET_WOBBLE


def _digits(figure: Figure) -> tuple[str, ...]:
    return tuple(str(amount) for amount in (figure.balance, figure.spent, figure.spend_limit))


def figures(usage: Usage) -> dict[Place, Figure]:
    """All figures that an account's history is made of, as they stand."""
    found: dict[Place, Figure] = {}
    for bucket in usage.buckets:
        if bucket.limit is None:
            continue
        for window in bucket.limit.windows:
            place = (Series.WINDOW, bucket.id, window.kind)
            figure = _of_window(window, bucket.limit.allowed)
            # two windows of one kind: the fuller one is the one that binds
            if place not in found or (figure.used_percent or 0) > (found[place].used_percent or 0):
                found[place] = figure
    if usage.credits is not None and usage.credits.value is not None:
        held = usage.credits.value
        if held.balance is not None or held.unlimited is not None:
            found[Series.CREDITS, "", ""] = Figure(balance=held.balance, unlimited=held.unlimited)
    if usage.spend is not None and usage.spend.value is not None:
        for limit in usage.spend.value.limits:
            found[Series.SPEND, "", limit.kind] = Figure(
                limit.used_percent, limit.resets_at, spent=limit.used, spend_limit=limit.limit
            )
    if usage.plan is not None and usage.plan.value is not None:
        found[Series.PLAN, "", ""] = Figure(plan=usage.plan.value)
    return found


def _of_window(window: UsageWindow, allowed: bool | None) -> Figure:
    return Figure(window.used_percent, window.resets_at, window.limit_reached, allowed)


#: A value of a figure: percent of a window, or an amount of credits.
Amount: TypeAlias = float | Decimal


def amount_of(series: Series, figure: Figure) -> Amount | None:
    """The value of a figure that is drawn and added up: percent of a window, else credits; none of a plan."""
    match series:
        case Series.WINDOW:
            return figure.used_percent
        case Series.CREDITS:
            return figure.balance
        case Series.SPEND:
            return figure.spent
        case Series.PLAN:
            return None


class FigureName(Struct, frozen=True):
    """Which figure of an account: `bucket` and `window` are empty where the series has none."""

    series: Series
    bucket: str = ""
    #: the kind of a window (5h, weekly), or of a spend limit
    window: str = ""


class Point(Struct, frozen=True):
    """What a figure was in a span that begins at `at` (UTC); `low` and `high` are its extremes there.

    They are those of the changes within the span: what held before counts until the first of them. A single
    reading has the same value three times. Only `low` and `high` None: the extremes were not kept. All None:
    there was no such figure any more, or nobody could read it.
    """

    at: datetime
    low: Amount | None
    high: Amount | None
    last: Amount | None
    resets_at: datetime | None = None


class Finest(StrEnum):
    """How finely a figure is told, at most."""

    CHANGE = "change"
    HOUR = "hour"
    DAY = "day"


class Gap(Struct, frozen=True):
    """A time without readings, both ends aware UTC."""

    start: datetime
    end: datetime


def gap_between(former: datetime, at: datetime, longest: timedelta) -> Gap | None:
    """The gap that a reading at `at` ends, where the former one is older than `longest`."""
    return Gap(former, at) if at - former > longest else None


class Timeline(Struct, frozen=True):
    """One figure over a time, in order: days, then hours, then single changes as far as they are kept.

    The first point may lie before the time that was asked for: it held when that began.
    """

    points: tuple[Point, ...] = ()
    gaps: tuple[Gap, ...] = ()
