"""The past of a balance of a service: its chart, what the cursor in it reads out, and what came to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.balances import BalanceRise, BalanceState, balance_rises, lasting
from poolwatch.domain.past import fallen, holding
from poolwatch.domain.series import Point, Timeline
from poolwatch.presentation import figures
from poolwatch.presentation.balances import CREDITS, amount_text, balance_row, bare_amount, reset_moment
from poolwatch.presentation.chart import Chart, Level, Mark, MarkKind, nice_scale, slices
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.history import Period
from poolwatch.presentation.view import DetailLine, Prefs, Span, Tone
from poolwatch.words import credits as words
from poolwatch.words import history as history_words

_DAY: Final = timedelta(days=1)
#: A chart of more than this has its fillings by day, and of more of them than this none: lines alone.
_TIMES_UP_TO: Final = timedelta(days=16)
_FILLINGS_MOST: Final = 16
#: So many of what came last are named.
_CAME_MOST: Final = 6


class BalanceScene(Struct, frozen=True):
    """Whose history it is, and how far back. `now` is our own clock, `points` None while they are read."""

    state: BalanceState
    period: Period
    points: tuple[Point, ...] | None
    now: datetime
    prefs: Prefs

    @property
    def unit(self) -> str:
        """The unit of the figures; "" before it was ever read."""
        return "" if self.state.balance is None else self.state.balance.unit

    @property
    def line(self) -> Timeline:
        """What was left over time."""
        return Timeline(self.points or ())


# --- the chart


def balance_chart(scene: BalanceScene) -> Chart:
    """What was left over the period; amber and red as its settings have it."""
    now, zone, step, line = scene.now, scene.prefs.zone, scene.period.step, scene.line
    first = line.points[0].at if line.points else None
    length = scene.period.length or max(_DAY, now - (first or now))
    around = slices(now - length - step, now + step, step, zone)
    start = max((each for each in around if each <= now - length), default=now - length)
    end = min((each for each in around if each >= now), default=now)
    found = [each for each in balance_rises(line.points) if each.at >= start]
    marks = [Mark(end, MarkKind.NOW, history_words.NOW()), *_marks(scene, found, end - start)]
    if first is not None and first - start > length / 50:
        text = history_words.watched_since(figures.clock(first, now, zone))
        marks.append(Mark(first, MarkKind.SINCE, text))
    shown = [point for point in line.points if point.at >= start]
    held = holding(line.points, start)
    amounts = [
        float(amount)
        for point in (*shown, *([] if held is None else [held]))
        for amount in (point.low, point.high, point.last)
        if amount is not None
    ]
    limit = None if scene.state.balance is None else scene.state.balance.limit
    if limit is not None:
        amounts.append(float(limit))
    terms = scene.state.terms
    levels = [Level(float(terms.red_at), Tone.RED)]
    if terms.amber_below is not None and terms.amber_below > terms.red_at:
        levels.append(Level(float(terms.amber_below), Tone.AMBER))
    return Chart(
        start,
        end,
        until=min(end, scene.state.read_at or now),
        line=line,
        scale=nice_scale(min(amounts, default=0.0), max(amounts, default=0.0)),
        zone=zone,
        breaks=tuple(each.at for each in found),
        marks=tuple(marks),
        levels=tuple(levels) if scene.unit else (),
        is_scarce_low=True,
    )


def _marks(scene: BalanceScene, found: Sequence[BalanceRise], length: timedelta) -> Iterator[Mark]:
    fillings = sum(each.is_filling for each in found)
    for each in found:
        if not each.is_filling:
            yield Mark(each.at, MarkKind.RESET, f"+{amount_text(each.after - each.before, scene.unit)}")
        elif fillings <= _FILLINGS_MOST:
            zone = scene.prefs.zone
            is_near = length <= _TIMES_UP_TO
            local = figures.local_time(each.at, zone)
            text = f"{local:%H:%M}" if is_near else figures.day(each.at, scene.now, zone)
            yield Mark(each.at, MarkKind.RESET, history_words.reset_at(text))


def scale_of_balance(scene: BalanceScene) -> str:
    """From where on it is low, where anything is low, and used up; "" before it was ever read."""
    terms = scene.state.terms
    if not scene.unit:
        return ""
    empty = bare_amount(terms.red_at, scene.unit)
    if terms.amber_below is None:
        return words.SCALE_EMPTY(empty)
    return history_words.scale_left(bare_amount(terms.amber_below, scene.unit), empty)


def balance_note(scene: BalanceScene) -> str:
    """What stands in a chart that has no line."""
    if scene.points is None or any(point.last is not None for point in scene.points):
        return ""
    return words.NEVER_READ() if scene.state.balance is None else history_words.NOTHING_KEPT()


# --- the cursor


def balance_steps(chart: Chart, scene: BalanceScene) -> list[datetime]:
    """Where the cursor may stand."""
    found = slices(chart.start, chart.end, scene.period.step, scene.prefs.zone)
    return [each for each in found if each <= scene.now] or [chart.start]


def balance_cursor_line(scene: BalanceScene, chart: Chart, at: datetime) -> DetailLine:
    """What was left in the slice that begins there, and what became of it."""
    zone = scene.prefs.zone
    when = figures.weekday_and_day(at, scene.now, zone)
    if scene.period.step < _DAY:
        when = f"{when} {figures.local_time(at, zone):%H:%M}"
    return DetailLine(history_words.CURSOR(), (Span(when, Tone.STRONG), *_told_at(scene, chart, at)))


def _told_at(scene: BalanceScene, chart: Chart, at: datetime) -> list[Span]:
    if scene.points is None:
        return [Span(UNKNOWN, Tone.DIM)]
    until = min(at + scene.period.step, chart.until)
    point = holding(scene.points, max(at, until))
    if point is None:
        return [Span(f"{UNKNOWN} {history_words.NOT_WATCHED()}", Tone.DIM)]
    if at > chart.until:
        last = figures.clock(chart.until, scene.now, scene.prefs.zone)
        return [Span(f"{UNKNOWN} {history_words.NOT_READ_SINCE(last)}", Tone.DIM)]
    if not isinstance(point.last, Decimal):
        return [Span(f"{UNKNOWN} {history_words.NO_FIGURE()}", Tone.DIM)]
    told = [Span(words.LEFT_THEN(amount_text(point.last, scene.unit)), chart.tone(float(point.last)))]
    used = fallen(scene.line, at, until)
    if isinstance(used, Decimal) and used:
        told.append(Span(words.USED_THEN(amount_text(used, scene.unit))))
    came = (each.after - each.before for each in balance_rises(scene.points) if at < each.at <= until)
    return [*told, *(Span(f"+{amount_text(each, scene.unit)}", Tone.ACCENT) for each in came)]


# --- what follows from it, in sentences


def balance_told_lines(scene: BalanceScene) -> tuple[DetailLine, ...]:
    """LEFT, BURN, LASTS and what came; when it comes back, where that is known."""
    state, prefs = scene.state, scene.prefs
    row = balance_row(state, scene.now, prefs.rules.stale_after, prefs.zone, mask=prefs.mask)
    mark = words.level_word(row.level)
    left = [Span(f"{row.left}, {mark}" if mark else row.left, row.tone)]
    left.append(Span(words.READ_AGE(row.age) if state.read_at is not None else row.age, Tone.DIM))
    if row.trouble:
        left.append(Span(row.trouble, Tone.AMBER))
    lines = [DetailLine(words.LEFT(), tuple(left))]
    resets_at = None if state.balance is None else state.balance.resets_at
    if resets_at is not None:
        lines.append(DetailLine(words.COMES_BACK(), (Span(reset_moment(resets_at, scene.now)),)))
    lines.append(DetailLine(history_words.BURN(), tuple(_burn(scene))))
    came = [each for each in balance_rises(scene.points or ()) if not each.is_filling]
    if came:
        newest = reversed(came[-_CAME_MOST:])
        lines.append(DetailLine(words.CAME(), tuple(_came(scene, each) for each in newest)))
    return tuple(lines)


def _burn(scene: BalanceScene) -> list[Span]:
    runs = lasting(scene.state, scene.points or (), scene.now)
    if runs is None or not scene.unit:
        return [Span(f"{UNKNOWN} {words.TOO_SHORT()}", Tone.DIM)]
    told = [Span(words.A_DAY_OF_WEEK(amount_text(runs.per_day, scene.unit)))]
    if scene.state.is_stale(scene.now, scene.prefs.rules.stale_after):
        return told  # by an old figure nobody can tell
    if runs.to_reset:
        told.append(Span(words.LASTS_TO_RESET()))
    elif runs.ends_at is not None and not scene.state.is_empty:
        told.append(Span(words.LASTS_TO(figures.clock(runs.ends_at, scene.now, scene.prefs.zone))))
    return told


def _came(scene: BalanceScene, rise: BalanceRise) -> Span:
    when = figures.clock(rise.at, scene.now, scene.prefs.zone)
    was, now = (bare_amount(each, scene.unit) for each in (rise.before, rise.after))
    return Span(words.CAME_AT(when, was, now))


def figure_of_balance(scene: BalanceScene) -> str:
    """What the chart shows: `USD left`; of credits `credits left`."""
    return words.LEFT_OF_UNIT(scene.unit or CREDITS)
