"""The chart of many accounts together, and what the cursor in it reads out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from poolwatch.domain.event_log import EventKind
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.past import PoolFigure, holding
from poolwatch.domain.status import Judged
from poolwatch.presentation import figures, outlook
from poolwatch.presentation.chart import (
    PERCENT,
    Ahead,
    Chart,
    Level,
    Mark,
    MarkKind,
    Scale,
    ahead_at,
    nice_scale,
    slices,
)
from poolwatch.presentation.figures import UNKNOWN, credits_text, is_figure, percent_text, usd_text
from poolwatch.presentation.outlook import rate_text
from poolwatch.presentation.pool_history import PoolScene, weekly_reset, weekly_window, weight
from poolwatch.presentation.view import DetailLine, Prefs, Span, Tone
from poolwatch.words import history as words

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
#: How far ahead the room left is drawn.
AHEAD: Final = timedelta(days=3)
#: In so many steps.
_STEPS_AHEAD: Final = 24


def pool_chart(scene: PoolScene, at: Sequence[datetime]) -> Chart:
    """The figure of all over the period; of the room, what is expected in the next three days."""
    now, prefs = scene.now, scene.prefs
    start, end = at[0], at[-1]
    if scene.period.length is None:
        first = next((point.at for point in scene.line.points if point.last is not None), start)
        start = min(first, end - _DAY)
    marks = [Mark(end, MarkKind.NOW, words.NOW())]
    ahead: tuple[Ahead, ...] = ()
    if scene.figure is PoolFigure.ROOM:
        ahead = expected_room(scene.accounts, end, now, prefs)
        relief = relief_of(scene.accounts, now)
        if ahead:
            end = ahead[-1].at
        if relief is not None and relief < end:
            text = words.relief(figures.clock(relief, now, prefs.zone))
            marks.append(Mark(relief, MarkKind.RESET, text))
    for each in scene.events:
        if each.kind is EventKind.UPSTREAM_RESET and start <= each.at:
            text = words.upstream(each.accounts or UNKNOWN, each.of_accounts or UNKNOWN)
            marks.append(Mark(each.at, MarkKind.RESET, text))
    return Chart(
        start,
        end,
        until=at[-1],
        line=scene.line,
        scale=_scale(scene),
        zone=prefs.zone,
        marks=tuple(marks),
        levels=_levels(scene),
        is_scarce_low=True,
        ahead=ahead,
    )


def _scale(scene: PoolScene) -> Scale:
    if scene.figure is PoolFigure.ROOM:
        return PERCENT
    amounts = [float(point.last) for point in scene.line.points if point.last is not None]
    return nice_scale(min(amounts, default=0.0), max(amounts, default=0.0))


def _levels(scene: PoolScene) -> tuple[Level, ...]:
    if scene.figure is not PoolFigure.ROOM:
        return ()
    rules = scene.prefs.rules
    return Level(100 - rules.red_percent, Tone.RED), Level(100 - rules.amber_percent, Tone.AMBER)


def expected_room(
    accounts: Iterable[Judged], begins: datetime, now: datetime, prefs: Prefs
) -> tuple[Ahead, ...]:
    """What of their weekly limits is left in the days from `begins` on, if each goes as is foretold of it.

    One of which nothing is foretold stays as it is until it resets; from its reset on it goes as before.
    """
    found = ((weight(each, prefs), _course(each, now, prefs)) for each in accounts)
    courses = [(part, course) for part, course in found if course is not None]
    if not courses:
        return ()
    ahead = []
    for number in range(_STEPS_AHEAD + 1):
        at = begins + AHEAD * (number / _STEPS_AHEAD)
        room = sum(part * course(at) for part, course in courses) / sum(part for part, _ in courses)
        ahead.append(Ahead(at, room, room, room))
    return tuple(ahead)


def _course(each: Judged, now: datetime, prefs: Prefs) -> Callable[[datetime], float] | None:
    """What is left of an account's weekly limit at an instant to come."""
    window = weekly_window(each)
    if not each.counted or window is None or not is_figure(window.used_percent):
        return None
    used = min(100.0, max(0.0, window.used_percent))
    resets_at = weekly_reset(each, window)
    said = outlook.weekly_ahead(each, now, prefs)
    at_reset = used
    if isinstance(said, Forecast) and is_figure(said.median_percent):
        at_reset = max(used, said.median_percent)
    if resets_at is None or resets_at <= now:
        return lambda _: 100 - used
    rate = (at_reset - used) / ((resets_at - now) / _HOUR)
    burn = each.account.outlook.burn.weekly if each.account.outlook is not None else None
    after = rate
    if burn is not None and is_figure(burn.usual_per_day):
        after = burn.usual_per_day / 24

    def left(at: datetime) -> float:
        if at < resets_at:
            return max(0.0, 100 - used - rate * ((at - now) / _HOUR))
        return max(0.0, 100 - after * ((at - resets_at) / _HOUR))

    return left


def relief_of(accounts: Iterable[Judged], now: datetime) -> datetime | None:
    """When the next weekly limit of one of them comes back that something was used of."""
    found = [
        at
        for each in accounts
        if each.counted and (window := weekly_window(each)) is not None and window.used_percent
        if (at := weekly_reset(each, window)) is not None and at > now
    ]
    return min(found, default=None)


# --- the cursor


def pool_steps(chart: Chart, scene: PoolScene) -> list[datetime]:
    """Where the cursor may stand."""
    last = chart.ahead[-1].at if chart.ahead else scene.now
    found = slices(chart.start, chart.end, scene.period.step, scene.prefs.zone)
    return [each for each in found if each <= last] or [chart.start]


def pool_cursor_line(scene: PoolScene, chart: Chart, at: datetime) -> DetailLine:
    """What was, or is expected, at that time."""
    zone = scene.prefs.zone
    when = figures.weekday_and_day(at, scene.now, zone)
    # figures are those of that instant, burn is that of the whole day
    if scene.period.step < _DAY or scene.figure is not PoolFigure.BURN:
        when = f"{when} {figures.local_time(at, zone):%H:%M}"
    return DetailLine(words.CURSOR(), (Span(when, Tone.STRONG), *_told_at(scene, chart, at)))


def _told_at(scene: PoolScene, chart: Chart, at: datetime) -> list[Span]:
    if at > scene.now:
        there = ahead_at(chart.ahead, at)
        if there is None:
            return [Span(words.NOT_FORETOLD(), Tone.DIM)]
        return [Span(words.room_expected(percent_text(there.median)), Tone.ACCENT)]
    point = holding(scene.line.points, at)
    if point is None or point.last is None:
        return [Span(f"{UNKNOWN} {words.TOO_LITTLE()}", Tone.DIM)]
    number = scene.line.points.index(point)
    known = words.known_of(scene.known[number], len(scene.accounts)) if number < len(scene.known) else ""
    return [Span(_value_text(scene, point.last), chart.tone(float(point.last))), Span(known, Tone.DIM)]


def _value_text(scene: PoolScene, value: float | Decimal) -> str:
    match scene.figure:
        case PoolFigure.ROOM:
            return words.room_was(percent_text(float(value)))
        case PoolFigure.BURN:
            return words.burn_was(rate_text(float(value)))
        case PoolFigure.ACTIVE:
            return words.active_was(f"{float(value):.0f}")
        case PoolFigure.CREDITS:
            amount = Decimal(value)
            return words.credits_were(credits_text(amount), usd_text(amount, scene.prefs.rules))
