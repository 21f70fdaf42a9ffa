"""Use over time as stacked columns: what each model cost by hours, days, weeks or months."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Final

from msgspec import Struct

from poolwatch.domain.quarters import UsePeriod, instant_of, monday, next_month
from poolwatch.domain.rates import PICO_PER_DOLLAR
from poolwatch.domain.tokens import Origin
from poolwatch.domain.use_report import UseReport, UseSlice
from poolwatch.domain.use_sums import Group, UseSum, total
from poolwatch.presentation import figures
from poolwatch.presentation.chart import nice_scale
from poolwatch.presentation.figures import ljust, rjust
from poolwatch.presentation.use_texts import (
    Names,
    cost_text,
    share_text,
    tokens_text,
    whole_dollars_text,
)
from poolwatch.presentation.view import Span, Tone
from poolwatch.words import screen
from poolwatch.words import use as words

#: The lines that are no columns: the axis, and its texts.
AROUND: Final = 2
#: The cells of a column and of what is between two of them, at most.
_WIDEST: Final = 6
#: Around the texts of the axis, with the axis itself.
_BESIDE: Final = 3
_LEGEND: Final = 20
_LEGEND_FROM: Final = 100
_SHADES: Final = "█▓▒░"
_SHADES_ASCII: Final = "#=:."
_TONES: Final = (Tone.ACCENT, Tone.PLAIN, Tone.DIM, Tone.STALE)
_EIGHTHS: Final = "▁▂▃▄▅▆▇█"
#: In a time that is known, but without use.
_NONE: Final = "·"
_NONE_ASCII: Final = "."
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


class Column(Struct, frozen=True):
    """One column: when it begins (local), and what each shade of it comes to, from the bottom."""

    at: datetime
    parts: tuple[int, ...]
    use: UseSum
    #: whether anything could be known of it: it is neither to come nor before what was read
    is_known: bool = True


class UseBars(Struct, frozen=True):
    """All columns, what their shades stand for, and how they are to be read out."""

    columns: tuple[Column, ...]
    #: each with its part of the whole
    models: tuple[tuple[str, str], ...]
    step: str
    #: amounts are dollars in pico; else, where nothing has a price, tokens
    by_cost: bool

    def text(self, amount: float) -> str:
        """An amount on the axis."""
        return whole_dollars_text(round(amount)) if self.by_cost else tokens_text(round(amount))


def use_bars(report: UseReport, names: Names, now: datetime, zone: tzinfo | None, most: int) -> UseBars:
    """No more than `most` columns: where days are too many they are weeks, or months."""
    by_cost = bool(report.total.cost)
    amount: Callable[[UseSum], int] = (lambda use: use.pico) if by_cost else (lambda use: use.tokens.total)
    starts, step = _starts(report, now, zone, most)
    ranked = sorted(report.models, key=lambda row: -amount(row.sum))
    # the last shade is that of all others, unless there is just one
    named = [row.group for row in ranked[: len(_SHADES) if len(ranked) <= len(_SHADES) else len(_SHADES) - 1]]
    whole = amount(report.total)
    models = [(names.model(group.text, fast=group.fast), group) for group in named]
    legend = [(name, _share(amount(row.sum), whole)) for (name, _), row in zip(models, ranked, strict=False)]
    rest = ranked[len(named) :]
    if rest:
        legend.append((words.others(len(rest)), _share(sum(amount(row.sum) for row in rest), whole)))
    since = _known_since(report, zone)
    columns = []
    for at, within in _slots(starts, report.slices):
        parts = _parts(within, named, amount, has_rest=bool(rest))
        use = total(row.sum for each in within for row in each.by_model)
        is_known = (since is None or at >= since or use.requests > 0) and at <= now.astimezone(zone).replace(
            tzinfo=None
        )
        columns.append(Column(at, parts, use, is_known))
    return UseBars(tuple(columns), tuple(legend), step, by_cost)


def _share(amount: int, whole: int) -> str:
    return share_text(amount / whole if whole else None)


def _known_since(report: UseReport, zone: tzinfo | None) -> datetime | None:
    """From when on no use is none: all has been read from there. None: from ever."""
    scan = report.scan
    if report.wish.origin is Origin.IMPORTED:
        return None
    # while files are read for the first time, the newest of them are
    since = scan.since if scan.complete_at is not None else scan.newest_since
    if since is None:
        return None if scan.complete_at is not None else _midnight(date.max)
    there = instant_of(since).astimezone(zone).replace(tzinfo=None)
    # of the first day or hour that is read a part may still be missing
    if report.by_hour:
        hour = there.replace(minute=0, second=0, microsecond=0)
        return hour if scan.complete_at is not None else hour + _HOUR
    return _midnight(there.date() if scan.complete_at is not None else there.date() + _DAY)


def _starts(report: UseReport, now: datetime, zone: tzinfo | None, most: int) -> tuple[list[datetime], str]:
    """When the columns begin, to the end of the period; of a calendar month also the days to come."""
    first, last = (at.astimezone(zone).replace(tzinfo=None) for at in (report.since, report.until))
    if report.by_hour:
        at = first.replace(minute=0)
        return _every(at, max(last, at + _HOUR), _HOUR), "hour"
    begin, end = first.date(), (last - timedelta.resolution).date()
    if report.wish.period is UsePeriod.MONTH and not report.wish.narrow:
        end = next_month(begin) - _DAY
    days = (end - begin).days + 1
    if days <= most:
        return [_midnight(begin + number * _DAY) for number in range(days)], "day"
    if days / 7 <= most - 1:
        return _every(_midnight(monday(begin)), _midnight(end) + _DAY, 7 * _DAY), "week"
    months, month = [], begin.replace(day=1)
    while month <= end:
        months.append(_midnight(month))
        month = next_month(month)
    return months[-most:], "month"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - local, as the slices are


def _every(at: datetime, end: datetime, step: timedelta) -> list[datetime]:
    return [at + number * step for number in range(-((at - end) // step))]


def _slots(starts: Sequence[datetime], slices: Sequence[UseSlice]) -> list[tuple[datetime, list[UseSlice]]]:
    found: list[tuple[datetime, list[UseSlice]]] = [(at, []) for at in starts]
    number = -1
    for each in slices:
        while number + 1 < len(starts) and starts[number + 1] <= each.at:
            number += 1
        if number >= 0:
            found[number][1].append(each)
    return found


def _parts(
    slices: Sequence[UseSlice], named: Sequence[Group], amount: Callable[[UseSum], int], *, has_rest: bool
) -> tuple[int, ...]:
    parts = [0] * (len(named) + has_rest)
    for each in slices:
        for row in each.by_model:
            place = named.index(row.group) if row.group in named else len(named)
            parts[place] += amount(row.sum)
    return tuple(parts)


# --- drawn


def bar_lines(
    bars: UseBars, width: int, height: int, now: datetime, zone: tzinfo | None, *, ascii_only: bool = False
) -> list[tuple[Span, ...]]:
    """The columns in exactly `height` lines of at most `width` cells, with axes and what the shades mean."""
    rows = max(2, height - AROUND)
    top = max((sum(column.parts) for column in bars.columns), default=0)
    ticks = _ticks(bars, rows, top)
    label = max(map(figures.width, ticks.values()), default=1)
    has_legend = width >= _LEGEND_FROM
    room = width - label - _BESIDE - (_LEGEND if has_legend else 0)
    cell = min(_WIDEST, max(1, room // max(1, len(bars.columns))))
    thick = max(1, cell - 1)
    grid = [_cells(column, rows, top, ascii_only=ascii_only) for column in bars.columns]
    aside = _legend(bars, rows, now, zone, ascii_only=ascii_only) if has_legend else []
    used = cell * len(bars.columns)
    lines: list[tuple[Span, ...]] = []
    for row in range(rows):
        text = ticks.get(row, "")
        side = ("+" if ascii_only else "┤") if text else " "
        cells = [(cells[row][0] * thick + " " * (cell - thick), cells[row][1]) for cells in grid]
        line = [Span(f" {rjust(text, label)}{side} ", Tone.DIM), *_joined(cells)]
        if row < len(aside):
            line += [Span(" " * max(0, room - used)), *aside[row]]
        lines.append(tuple(line))
    corner, floor = ("+", "-") if ascii_only else ("└", "─")
    lines.append((Span(f" {' ' * label}{corner}{floor * used}", Tone.DIM),))
    lines.append((Span(f" {' ' * (label + 2)}{axis_texts(bars, cell, now, zone)}", Tone.DIM),))
    return lines


def _ticks(bars: UseBars, rows: int, top: int) -> dict[int, str]:
    """The texts of the axis by the rows at whose foot their amounts stand."""
    unit = PICO_PER_DOLLAR if bars.by_cost else 1
    scale = nice_scale(0, top / unit)
    ticks = [tick for tick in scale.ticks if tick.value * unit < top or not tick.value]
    while len(ticks) > 2 and rows < 2 * len(ticks):
        ticks = ticks[::2]
    found: dict[int, str] = {}
    for tick in ticks:
        row = rows - 1 - (round(tick.value * unit / top * rows) if top else 0)
        text = f"${tick.text}" if bars.by_cost else tokens_text(round(tick.value))
        if row >= 0:
            found.setdefault(row, text)
    return found


def _cells(column: Column, rows: int, top: int, *, ascii_only: bool) -> list[tuple[str, Tone]]:
    """The cells of a column from the top; its uppermost one is as high as it is full."""
    signs = _SHADES_ASCII if ascii_only else _SHADES
    cells = [(" ", Tone.DIM)] * rows
    whole = sum(column.parts)
    if not whole:
        if column.is_known:
            cells[-1] = (_NONE_ASCII if ascii_only else _NONE, Tone.DIM)
        return cells
    eighths = max(1, round(whole / top * rows * 8))
    ends, reached = [], 0
    for part in column.parts:
        reached += part
        ends.append(reached / whole * eighths)
    for number in range(-(-eighths // 8)):
        full = min(8, eighths - number * 8)
        middle = number * 8 + full / 2
        shade = next(index for index, end in enumerate(ends) if middle <= end or index == len(ends) - 1)
        sign = signs[shade] if full == 8 or ascii_only else _EIGHTHS[full - 1]
        cells[rows - 1 - number] = (sign, _TONES[shade])
    return cells


def _joined(cells: Sequence[tuple[str, Tone]]) -> list[Span]:
    return [
        Span("".join(text for text, _ in group), tone)
        for tone, group in groupby(cells, key=lambda cell: cell[1])
    ]


def _legend(
    bars: UseBars, rows: int, now: datetime, zone: tzinfo | None, *, ascii_only: bool
) -> list[tuple[Span, ...]]:
    signs = _SHADES_ASCII if ascii_only else _SHADES
    lines: list[tuple[Span, ...]] = []
    for number, (name, share) in enumerate(bars.models[: max(1, rows - 2)]):
        told = f"{ljust(name, _LEGEND - 7)}{rjust(share, 5)}"
        lines.append((Span(f"{signs[number]} ", _TONES[number]), Span(told)))
    most = max(bars.columns, key=lambda column: sum(column.parts), default=None)
    if most is not None and most.use.requests and len(lines) + 2 <= rows:
        lines += [()] * (rows - 2 - len(lines))
        amount = cost_text(most.use) if bars.by_cost else tokens_text(most.use.tokens.total)
        lines.append((Span(words.most(slot_text(most.at, bars.step, now, zone)), Tone.DIM),))
        lines.append((Span(amount),))
    return lines


def slot_text(at: datetime, step: str, now: datetime, zone: tzinfo | None) -> str:
    """`Mon 9 Nov`, `14:00`, `Mon 14:00`, `9 Nov`, `Nov`; the day that it is now is `today`."""
    day = at.date()
    match step:
        case "hour" if day == now.astimezone(zone).date():
            return f"{at:%H:%M}"
        case "hour":
            return f"{screen.weekday(day)} {at:%H:%M}"
        case "day" if day == now.astimezone(zone).date():
            return words.TODAY_WORD()
        case "day":
            return f"{screen.weekday(day)} {day.day} {screen.month(day)}"
        case "week":
            return f"{day.day} {screen.month(day)}"
        case _:
            return screen.month(day) if day.month > 1 else f"{screen.month(day)} {day.year}"


def axis_texts(bars: UseBars, cell: int, now: datetime, zone: tzinfo | None) -> str:
    """What stands below the columns: every seventh day, every sixth hour, as far as there is room."""
    every = {"hour": 3, "day": 7, "week": 4}.get(bars.step, 3)
    texts = [_short_slot(column.at, bars.step, now, zone) for column in bars.columns]
    longest = max(map(figures.width, texts), default=0)
    if cell > longest:
        every = 1
    while every * cell <= longest:
        every *= 2
    line = ""
    last = len(bars.columns) - 1
    today = next((number for number, text in enumerate(texts) if text == words.TODAY_WORD()), None)
    for number, text in enumerate(texts):
        begins = number * cell
        # today is named wherever it stands, and nothing runs into it
        is_near = (
            today is not None
            and number != today
            and today > number
            and (begins + figures.width(text) + 1 > today * cell)
        )
        wanted = number % every == 0 or number == today
        if wanted and not is_near and (not line or begins > figures.width(line)):
            line += " " * (begins - figures.width(line)) + text
    return figures.fit(line, max(0, (last + 1) * cell + longest))


def _short_slot(at: datetime, step: str, now: datetime, zone: tzinfo | None) -> str:
    if step == "hour":
        return f"{at:%H:%M}"
    if step == "day" and at.date() != now.astimezone(zone).date():
        return f"{at.day} {screen.month(at.date())}"
    return slot_text(at, step, now, zone)


def spark_line(bars: UseBars, now: datetime, zone: tzinfo | None, levels: str, none: str) -> tuple[str, str]:
    """All columns in one line, and from when to when they are and how much a day: for small screens."""
    amounts = [sum(column.parts) for column in bars.columns]
    top = max(amounts, default=0)
    line = ""
    for column, amount in zip(bars.columns, amounts, strict=True):
        if amount:
            line += levels[min(7, max(0, -(-amount * 8 // top) - 1))]
        else:
            line += none if column.is_known else " "
    line = line.rstrip()
    known = [number for number, column in enumerate(bars.columns) if column.is_known]
    if not known or not top:
        return line, ""
    start, end = (
        _end_text(bars.columns[number].at, bars.step, now, zone) for number in (known[0], known[-1])
    )
    least = min(amounts[number] for number in known)
    low, high = bars.text(least), bars.text(top)
    return line, words.span_of_bars(start, end, low, high, words.a_step(bars.step))


def _end_text(at: datetime, step: str, now: datetime, zone: tzinfo | None) -> str:
    """An end of the columns: the hour that it is now is `now`."""
    if step != "hour":
        return _short_slot(at, step, now, zone)
    there = now.astimezone(zone)
    is_now = (at.date(), at.hour) == (there.date(), there.hour)
    return words.NOW_WORD() if is_now else slot_text(at, step, now, zone)
