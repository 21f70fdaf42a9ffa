"""Hours and days of a figure: what is kept of single changes, and how it is packed into few bytes.

Everything here is pure. Seconds count from the beginning of a UTC day, days from 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from poolwatch.domain.series import Amount, Figure, Series, amount_of
from poolwatch.host.instants import from_micros, to_micros
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.stored import is_amount, is_percent

#: A percentage as a number, an amount of credits as a text, digit for digit.
Number: TypeAlias = int | float | str | None

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
#: In packed hours, as a reset: that of the hour before.
_SAME: Final = -1
#: A packed hour has so many values: second, last, low and high.
_LEAST: Final = 4
#: Whole numbers below are exact as floats.
EXACT: Final = 2**53
_FLAGS: Final = (None, False, True)
_ALL_FLAGS: Final = 27


class Change(Struct, frozen=True):
    """One row of changes as it stands in the table: `at` in microseconds since 1970."""

    at: int
    value: Number = None
    #: seconds since 1970
    resets_at: int | float | None = None
    flags: int = 0
    #: a plan; of a spend limit its percentage and its amount, as JSON
    rest: str | None = None


class Span(Struct, frozen=True, array_like=True):
    """What a figure was in an hour or a day: its last change there, and the extremes of all."""

    #: when the last change was
    second: int
    last: Number = None
    #: None where extremes were not kept, or nothing was known
    low: Number = None
    high: Number = None
    resets_at: int | float | None = None
    flags: int = 0
    rest: str | None = None


# -- figures to and from rows


def change_of(series: Series, at: datetime, figure: Figure) -> Change:
    """The row of a figure. OverflowError where it holds an instant that no row can."""
    value, rest = amount_of(series, figure), None
    if series is Series.PLAN:
        rest = figure.plan
    elif figure.spend_limit is not None or (series is not Series.WINDOW and figure.used_percent is not None):
        limit = None if figure.spend_limit is None else str(figure.spend_limit)
        rest = msgspec.json.encode((number(figure.used_percent), limit)).decode()
    flags = 0
    for flag in (figure.unlimited, figure.allowed, figure.limit_reached):
        flags = flags * 3 + _FLAGS.index(flag)
    resets_at = None if figure.resets_at is None else _seconds(figure.resets_at)
    return Change(to_micros(at), number(value), resets_at, flags, None if rest is None else clean(rest))


def figure_of(series: Series, row: Span) -> Figure:
    """The figure that held at its end. Raises one of UNREADABLE for damage."""
    flags = row.flags
    if not 0 <= flags < _ALL_FLAGS:
        raise ValueError("no flags")
    value = amount(row.last)
    used = spent = balance = limit = plan = None
    match series:
        case Series.WINDOW if not isinstance(value, Decimal):
            used = value
        case Series.CREDITS if not isinstance(value, float):
            balance = value
        case Series.SPEND if not isinstance(value, float):
            spent = value
            if row.rest is not None:
                percent, text = msgspec.json.decode(row.rest, type=tuple[float | None, str | None])
                used, limit = percent, None if text is None else _decimal(text)
        case Series.PLAN:
            plan = row.rest
        case _:
            raise ValueError("an amount of another kind")
    return Figure(
        used,
        None if row.resets_at is None else from_seconds(row.resets_at),
        _FLAGS[flags % 3],
        _FLAGS[flags // 3 % 3],
        balance,
        _FLAGS[flags // 9],
        spent,
        limit,
        plan,
    )


def amount(stored: Number) -> Amount | None:
    """The amount in a row. ValueError or ArithmeticError for damage."""
    if stored is None:
        return None
    if isinstance(stored, str):
        return _decimal(stored)
    if not is_percent(stored):
        raise ValueError("no percentage")
    return float(stored)


@lru_cache(maxsize=2048)  # days are the same for all accounts, and a reset for all points of a week
def instant(micros: int) -> datetime:
    """The instant of so many microseconds since 1970. OverflowError where no calendar reaches."""
    return from_micros(micros)


def from_seconds(count: int | float) -> datetime:
    """The instant of so many seconds since 1970. OverflowError where no calendar reaches."""
    if not isinstance(count, int | float):
        raise TypeError("no number")  # a text times a million takes gigabytes
    return instant(round(count * SECOND))


def _seconds(at: datetime) -> int | float:
    micros = to_micros(at.astimezone(UTC))
    return micros // SECOND if micros % SECOND == 0 else micros / SECOND


def number(value: Amount | None) -> Number:
    """The inverse of `amount`."""
    if value is None or isinstance(value, Decimal):
        return None if value is None else str(value)
    # a whole number takes one byte or two, and reads as the same
    return int(value) if float(value).is_integer() and abs(value) < EXACT else value


def _decimal(text: str) -> Decimal:
    found = Decimal(text)
    if not is_amount(found):
        raise ValueError("no amount")
    return found


def clean(text: str) -> str:
    """A text that UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


# -- changes into spans


def merged(spans: Iterable[Span], changes: Iterable[Change]) -> tuple[Span, ...]:
    """The hours of a day with these changes in them; those that are in there already change nothing."""
    # of one second the span that stood there before is the later
    both = sorted((*map(single, changes), *spans), key=lambda span: span.second)
    by_hour = groupby(both, key=lambda span: span.second * SECOND // HOUR)
    return tuple(_whole(list(within)) for _, within in by_hour)


def whole_day(spans: Iterable[Span], changes: Iterable[Change] = ()) -> Span:
    """A day as one span; there is at least one."""
    return _whole(sorted((*map(single, changes), *spans), key=lambda span: span.second))


def single(change: Change) -> Span:
    """One change as a span."""
    value, second = change.value, change.at % DAY // SECOND
    return Span(second, value, value, value, change.resets_at, change.flags, change.rest)


def _whole(spans: Sequence[Span]) -> Span:
    """The last of them with the extremes of all: none, where those of one are not known."""
    if any(span.low is None and span.last is not None for span in spans):
        return replace(spans[-1], low=None, high=None)
    known = [each for span in spans for each in (span.low, span.high) if each is not None]
    if not known:
        return spans[-1]
    return replace(spans[-1], low=min(known, key=_size), high=max(known, key=_size))


def _size(stored: int | float | str) -> float | Decimal:
    return _decimal(stored) if isinstance(stored, str) else stored


# -- packing


def pack(hours: Iterable[Span]) -> bytes:
    """The hours of a day: a list of lists, without what is unknown at the end of each."""
    rows: list[list[object]] = []
    former: int | float | None = None
    for hour in hours:
        resets_at = _SAME if hour.resets_at is not None and hour.resets_at == former else hour.resets_at
        row: list[object] = [hour.second, hour.last, hour.low, hour.high, resets_at, hour.flags, hour.rest]
        while len(row) > _LEAST and not row[-1]:
            row.pop()
        former = hour.resets_at
        rows.append(row)
    return msgspec.msgpack.encode(rows)


def unpack(packed: bytes) -> tuple[Span, ...]:
    """The hours in there, in order; none where it is damaged. Never raises."""
    try:
        found = msgspec.msgpack.decode(packed, type=tuple[Span, ...])
    except UNREADABLE:
        return ()
    hours: list[Span] = []
    former: int | float | None = None
    for hour in found:
        each = replace(hour, resets_at=former) if hour.resets_at == _SAME else hour
        former = each.resets_at
        if is_sound(each):
            hours.append(each)
    return tuple(hours)


def is_sound(span: Span) -> bool:
    """Whether it is within a day and its values can be read; a row may hold anything."""
    rest: object = span.rest
    try:
        values = [amount(each) for each in (span.last, span.low, span.high)]
        if span.resets_at is not None:
            from_seconds(span.resets_at)
        return (
            0 <= span.second < DAY // SECOND
            and 0 <= span.flags < _ALL_FLAGS
            and (rest is None or isinstance(rest, str))
            # extremes are taken of one kind
            and len({type(each) for each in values if each is not None}) <= 1
        )
    except UNREADABLE:
        return False
