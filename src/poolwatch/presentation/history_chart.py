"""The chart of one account's figure, and what the cursor in it reads out."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from poolwatch.domain.forecast import Forecast
from poolwatch.domain.habit import habit
from poolwatch.domain.look_ahead import path
from poolwatch.domain.past import CREDITS, fallen, holding, in_gap, is_window_of, risen
from poolwatch.domain.profile import workhours_of
from poolwatch.domain.series import Amount, Series, Timeline
from poolwatch.presentation import figures
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
from poolwatch.presentation.history import Scene
from poolwatch.presentation.view import DetailLine, Span, Tone
from poolwatch.words import history as words

_DAY: Final = timedelta(days=1)
#: An axis of time of all there is has at least this length.
_LEAST: Final = _DAY
#: Resets are marked with their time of day up to this length, and with their day beyond it.
_TIMES_UP_TO: Final = timedelta(days=16)
#: The hours at which an account is used are learned from so many of its newest windows.
_LEARNED_FROM: Final = 6
#: A reset that another one follows within this time is the same, however each was learned of.
_SAME_RESET: Final = timedelta(hours=1)


def history_chart(scene: Scene) -> Chart:
    """The figure over the period, and to its reset as far as that is not beyond all proportion."""
    now, zone, step, line = scene.now, scene.prefs.zone, scene.period.step, scene.line
    length = scene.period.length
    if length is None:
        began = line.points[0].at if line.points else now
        length = max(_LEAST, now - began)
    around = slices(now - length - step, now + step, step, zone)
    start = max((each for each in around if each <= now - length), default=now - length)
    # the clock moves the chart by whole steps: it stands still in between
    now_mark = min((each for each in around if each >= now), default=now)
    resets_at = scene.resets_at
    end = now_mark
    if resets_at is not None:
        end = max(end, min(resets_at, now_mark + length))
    resets = _resets(scene, start)
    marks = [Mark(now_mark, MarkKind.NOW, words.NOW())]
    marks += [Mark(each, MarkKind.RESET, _reset_text(each, scene, end - start)) for each in resets]
    if resets_at is not None and resets_at <= end:
        text = words.resets_at(figures.clock(resets_at, now, zone))
        marks.append(Mark(resets_at, MarkKind.RESET, text))
        resets.append(resets_at)
    first = line.points[0].at if line.points else None
    if first is not None and first - start > length / 50:
        text = words.watched_since(figures.clock(first, now, zone))
        marks.append(Mark(first, MarkKind.SINCE, text))
    return Chart(
        start,
        end,
        # the moment that is drawn is the last minute: a reading may be newer
        until=min(end, scene.read_at or now),
        line=line,
        scale=_scale(scene, start),
        zone=zone,
        breaks=tuple(resets),
        marks=tuple(marks),
        levels=_levels(scene),
        ahead=_ahead(scene),
    )


def _resets(scene: Scene, start: datetime) -> list[datetime]:
    """When the figure was reset, by its cycles, and by what fell together with a reset that moved."""
    cycles = scene.past.cycles if scene.past is not None else ()
    found = [
        each.ended_at
        for each in cycles
        if each.ended_at is not None and is_window_of(scene.figure, each) and each.ended_at >= start
    ]
    if scene.figure.series is not Series.WINDOW:
        return found
    for before, point in pairwise(scene.line.points):
        if before.last is None or point.last is None or point.last >= before.last or point.at < start:
            continue
        moved = before.resets_at is not None and point.resets_at != before.resets_at
        is_known = any(before.at - _SAME_RESET <= each <= point.at + _SAME_RESET for each in found)
        if moved and not is_known:
            found.append(point.at)
    return sorted(found)


def _reset_text(at: datetime, scene: Scene, length: timedelta) -> str:
    zone = scene.prefs.zone
    if length > _TIMES_UP_TO:
        return words.reset_at(figures.day(at, scene.now, zone))
    return words.reset_at(f"{figures.local_time(at, zone):%H:%M}")


def _scale(scene: Scene, start: datetime) -> Scale:
    if scene.figure.series is Series.WINDOW:
        return PERCENT
    held = holding(scene.line.points, start)
    shown = [point for point in scene.line.points if point.at >= start]
    amounts = [
        float(amount)
        for point in ([held] if held is not None else []) + shown
        for amount in (point.low, point.high, point.last)
        if amount is not None
    ]
    if scene.limit is not None and scene.limit.limit is not None:
        amounts.append(float(scene.limit.limit))
    return nice_scale(min(amounts, default=0.0), max(amounts, default=0.0))


def _levels(scene: Scene) -> tuple[Level, ...]:
    rules = scene.prefs.rules
    whole = 100.0
    if scene.figure.series is Series.SPEND and scene.limit is not None and scene.limit.limit:
        whole = float(scene.limit.limit)
    elif scene.figure.series is not Series.WINDOW:
        return ()
    amber, red = (whole * percent / 100 for percent in (rules.amber_percent, rules.red_percent))
    return Level(amber, Tone.AMBER), Level(red, Tone.RED)


def _ahead(scene: Scene) -> tuple[Ahead, ...]:
    """From what is used now to what is expected at the reset, at the hours at which the account is used."""
    said, window, begun = scene.ahead, scene.window, scene.read_at or scene.now
    if not isinstance(said, Forecast) or window is None or not is_figure(window.used_percent):
        return ()
    past = scene.past.cycles if scene.past is not None else ()
    cycles = [each for each in past if is_window_of(scene.figure, each)][-_LEARNED_FROM:]
    profile = habit(cycles, scene.local, workhours_of(scene.prefs.workhours or "")).profile
    expected = [each for each in path(said, profile, scene.local) if each.at > begun]
    if not expected:
        return ()
    used = min(100.0, max(0.0, window.used_percent))
    course = (
        Ahead(each.at, *(max(used, end) for end in (each.low, each.median, each.high))) for each in expected
    )
    return Ahead(begun, used, used, used), *course


def note(scene: Scene, chart: Chart) -> str:
    """What stands in a chart that has no line, or hardly one."""
    if scene.past is None:
        return ""
    if not scene.past.known and scene.account.read_at is None:
        return words.NEVER_READ()
    if not any(point.last is not None for point in scene.line.points):
        return words.NOTHING_KEPT()
    first = scene.line.points[0].at
    if first > chart.start and scene.now - first < scene.period.step:
        return words.watched_for(figures.age(scene.prefs.own(scene.now) - first))
    return ""


# --- the cursor


def steps(chart: Chart, scene: Scene) -> list[datetime]:
    """Where the cursor may stand: the slices that begin within the chart, as far as something is told."""
    last = chart.ahead[-1].at if chart.ahead else scene.now
    found = slices(chart.start, chart.end, scene.period.step, scene.prefs.zone)
    return [each for each in found if each <= last] or [chart.start]


def cursor_line(scene: Scene, chart: Chart, at: datetime) -> DetailLine:
    """What was, or is expected, in the slice that begins at `at`."""
    until = at + scene.period.step
    told = _expected(scene, chart, at) if at > scene.now else _was(scene, chart, at, until)
    return DetailLine(words.CURSOR(), (Span(_slice_text(scene, at), Tone.STRONG), *told))


def _slice_text(scene: Scene, at: datetime) -> str:
    zone = scene.prefs.zone
    text = figures.weekday_and_day(at, scene.now, zone)
    if scene.period.step >= _DAY:
        return text
    return f"{text} {figures.local_time(at, zone):%H:%M}"


def _expected(scene: Scene, chart: Chart, at: datetime) -> list[Span]:
    there = ahead_at(chart.ahead, at)
    if there is None:
        return [Span(words.NOT_FORETOLD(), Tone.DIM)]
    median, low, high = (percent_text(value) for value in (there.median, there.low, there.high))
    if there.low == there.high:
        return [Span(words.this_pace(median, figures.clock(at, scene.now, scene.prefs.zone)))]
    return [Span(words.expected(median, low.removesuffix("%"), high), Tone.ACCENT)]


def _was(scene: Scene, chart: Chart, at: datetime, until: datetime) -> list[Span]:
    now, zone, line = scene.now, scene.prefs.zone, scene.line
    if scene.past is None:
        return [Span(UNKNOWN, Tone.DIM)]
    seen_to = min(until, chart.until)
    point = holding(line.points, seen_to)
    if point is None or point.at > until:
        return [Span(f"{UNKNOWN} {words.NOT_WATCHED()}", Tone.DIM)]
    if at > chart.until:
        return [Span(f"{UNKNOWN} {words.NOT_READ_SINCE(figures.clock(chart.until, now, zone))}", Tone.DIM)]
    begun = at < point.at
    if not begun and in_gap(line.gaps, at) and in_gap(line.gaps, seen_to):
        gap = next(each for each in line.gaps if each.start < at < each.end)
        start, end = (figures.clock(each, now, zone) for each in (gap.start, gap.end))
        return [Span(f"{UNKNOWN} {words.gap_from_to(start, end)}", Tone.DIM)]
    if point.last is None:
        return [Span(f"{UNKNOWN} {words.NO_FIGURE()}", Tone.DIM)]
    told = [Span(_value_text(scene, point.last), chart.tone(float(point.last)))]
    told += _within(scene, chart, at, seen_to, point.last)
    if scene.figure != CREDITS:
        told += _credits_within(scene, at, seen_to)
    return told


def _value_text(scene: Scene, value: Amount) -> str:
    match scene.figure.series:
        case Series.WINDOW:
            return words.was_used(percent_text(float(value)))
        case Series.SPEND:
            limit = scene.limit.limit if scene.limit is not None else None
            return words.was_spent(_credits(value), credits_text(limit) if limit is not None else "")
        case _:
            return words.was_credits(_credits(value))


def _credits(value: Amount) -> str:
    return credits_text(value if isinstance(value, Decimal) else Decimal(str(value)))


def _within(scene: Scene, chart: Chart, at: datetime, until: datetime, last: Amount) -> list[Span]:
    """What became of the figure in the slice."""
    line = scene.line
    reset = next((each for each in chart.breaks if at < each <= until), None)
    if reset is not None:
        before = holding(line.points, reset - timedelta(seconds=1))
        time = figures.clock(reset, scene.now, scene.prefs.zone)
        was = percent_text(float(before.last)) if before is not None and before.last is not None else ""
        return [Span(words.reset_within(time, was), Tone.ACCENT)]
    if scene.figure == CREDITS:
        return _credits_within(scene, at, until)
    rise = risen(line, at, until)
    if rise is None:
        return []
    step = words.within_step(scene.period.name)
    if not rise:
        return [Span(words.ROSE_NOT(step), Tone.DIM)]
    amount = _points(float(rise)) if scene.figure.series is Series.WINDOW else _credits(rise)
    return [Span(words.rose(amount, step))]


def _points(percent: float) -> str:
    """Percent points without their sign: `1`, `0.4`."""
    return f"{percent:.0f}" if percent >= 1 or percent == 0 else f"{percent:.1f}"


def _credits_within(scene: Scene, at: datetime, until: datetime) -> list[Span]:
    """What was used of the credits in the slice, and what came to them."""
    line = scene.past.line(CREDITS) if scene.past is not None else Timeline()
    used, came = fallen(line, at, until), risen(line, at, until)
    told: list[Span] = []
    if isinstance(used, Decimal) and used:
        told.append(Span(words.credits_used(credits_text(used), usd_text(used, scene.prefs.rules))))
    if isinstance(came, Decimal) and came:
        told.append(Span(words.credits_came(credits_text(came)), Tone.ACCENT))
    return told
