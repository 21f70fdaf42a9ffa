"""Figures as short texts: percentages, credits and USD, ages and countdowns, and the columns they take."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, TypeGuard

from poolwatch.domain.overview import usd
from poolwatch.domain.status import PoolRules
from poolwatch.domain.values import is_undated
from poolwatch.presentation.view import Shown, Tone
from poolwatch.words import screen
from poolwatch.words.account import DUE


def width(text: str) -> int:
    """The columns a sanitised text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def fit(text: str, columns: int, ellipsis: str = "…") -> str:
    """The text, cut to at most so many columns; what was cut ends in the ellipsis."""
    if width(text) <= columns:
        return text
    room = columns - width(ellipsis)
    if room < 0:
        return ""
    kept: list[str] = []
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + ellipsis


def fit_end(text: str, columns: int, ellipsis: str = "…") -> str:
    """The end of the text in at most so many columns; what was cut begins with the ellipsis."""
    if width(text) <= columns:
        return text
    return ellipsis + fit(text[::-1], columns - width(ellipsis), "")[::-1] if columns > 0 else ""


def ljust(text: str, columns: int) -> str:
    """The text at the left of a column of that width, cut if it must be."""
    cut = fit(text, columns)
    return cut + " " * (columns - width(cut))


def rjust(text: str, columns: int) -> str:
    """The text at the right of a column of that width, cut if it must be."""
    cut = fit(text, columns)
    return " " * (columns - width(cut)) + cut


def _columns(char: str) -> int:
    if unicodedata.category(char).startswith("M"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


#: An unknown figure, everywhere; where there is none, nothing is drawn.
UNKNOWN: Final = "—"
# The smallest float has its first digit more than 300 places behind the point; 100 less it is below 100.
_EXACT_PERCENT: Final = Context(prec=400)


def percent_text(used: float | None, shown: Shown = Shown.USED) -> str:
    """`34%`, `<1%` between 0 and 1, never `100%` below 100, as given outside; `—` when unknown."""
    return f"{percent_number(used, shown)}%" if is_figure(used) else UNKNOWN


def percent_number(used: float | None, shown: Shown = Shown.USED) -> str:
    """The percentage without its sign."""
    value = _value(used, shown)
    if value is None:
        return UNKNOWN
    if 0 < value < 1:
        return "<1"
    whole = int(value.to_integral_value(ROUND_HALF_UP))
    return "99" if value < 100 <= whole else str(whole)


def shown_word(shown: Shown) -> str:
    """What percentages say: `used` or `left`."""
    return screen.LEFT() if shown is Shown.LEFT else screen.USED()


def bar_fraction(used: float | None, shown: Shown = Shown.USED) -> float | None:
    """The part of the bar that is drawn, 0..1; None when unknown."""
    value = _value(used, shown)
    return None if value is None else float(min(max(value / 100, Decimal(0)), Decimal(1)))


def scarcity(used: float | None, rules: PoolRules, *, full: bool = False) -> Tone:
    """The colour of a figure: it follows what is used, whatever is shown."""
    height = used if is_figure(used) else -math.inf
    if full or height >= rules.red_percent:
        return Tone.RED
    return Tone.AMBER if height >= rules.amber_percent else Tone.PLAIN


def hive_level(used: float | None, shown: Shown = Shown.USED, *, full: bool = False) -> int | None:
    """The height of the hive's mark, 1..8: 8 is full and only full; by what is left it is 1.

    The height beside it stays free: many fonts draw it as tall.
    """
    level = _level_of_use(used, full=full)
    return 9 - level if level is not None and shown is Shown.LEFT else level


def _level_of_use(used: float | None, *, full: bool) -> int | None:
    if full or (is_figure(used) and used >= 100):
        return 8
    if not is_figure(used):
        return None
    return 1 + min(5, math.floor(max(0.0, used) * 6 / 100))


def is_figure(used: float | None) -> TypeGuard[float]:
    """Whether there is a number at all: neither unknown nor NaN nor infinite."""
    return used is not None and math.isfinite(used)


def _value(used: float | None, shown: Shown) -> Decimal | None:
    if not is_figure(used):
        return None
    value = Decimal(repr(float(used)))
    return _EXACT_PERCENT.subtract(Decimal(100), value) if shown is Shown.LEFT else value


_CENT: Final = Decimal("0.01")
# A balance has up to 18 digits on each side of the point, and a sum of many has a few more.
_MONEY: Final = Context(prec=60, rounding=ROUND_HALF_UP)


def credits_text(amount: Decimal) -> str:
    """An amount of credits: `1,234.56`, `-3.10`."""
    return f"{_cents(amount):,.2f}"


def usd_text(amount: Decimal, rules: PoolRules) -> str:
    """What the credits are worth: `$49.38`, `-$0.12`; empty when the rate turns USD off."""
    worth = usd(amount, rules)
    if worth is None:
        return ""
    cents = _cents(worth)
    return f"{'-' if cents < 0 else ''}${abs(cents):,.2f}"


def amounts_text(*amounts: Decimal) -> tuple[str, ...]:
    """Amounts that stand together: without decimals if all of them are whole, else with two."""
    if all(amount == amount.to_integral_value() for amount in amounts):
        return tuple(f"{_cents(amount):,.0f}" for amount in amounts)
    return tuple(credits_text(amount) for amount in amounts)


def trimmed_digits(amount: Decimal, decimals: int = 2) -> str:
    """All digits without trailing zeros, but at least so many decimals: `1775.514225`, `5.00`."""
    whole, _, part = f"{amount:f}".partition(".")
    part = part.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{part}" if part else whole


def _cents(amount: Decimal) -> Decimal:
    cents = amount.quantize(_CENT, context=_MONEY)
    return cents if cents else Decimal("0.00")  # no "-0.00"


_TWO_YEARS: Final = 730
_MANY_DAYS: Final = 100
#: An instant this near needs no day, even across midnight.
_SAME_NIGHT: Final = timedelta(hours=12)


def duration(length: timedelta) -> str:
    """A length in its two largest units: `<1m`, `4m`, `1h 12m`, `9h`, `4d 3h`, `120d`, `2y`."""
    if length < timedelta(minutes=1):
        return screen.UNDER_A_MINUTE()
    days, (hours, minutes) = length.days, divmod(length.seconds // 60, 60)
    if days >= _TWO_YEARS:
        return screen.YEARS(days // 365)
    if days and (days >= _MANY_DAYS or not hours):
        return screen.DAYS(days)
    if days:
        return f"{screen.DAYS(days)} {screen.HOURS(hours)}"
    if hours:
        return f"{screen.HOURS(hours)} {screen.MINUTES(minutes)}" if minutes else screen.HOURS(hours)
    return screen.MINUTES(minutes)


def age(length: timedelta) -> str:
    """A length in its largest unit alone: `<1m`, `26m`, `9h`, `3d`. Never negative: clocks differ."""
    return duration(length).partition(" ")[0]


def age_of(at: datetime | None, now: datetime) -> str:
    """How long ago that was, a dash where nobody knows when it was."""
    return UNKNOWN if at is None or is_undated(at) else age(now - at)


def countdown(at: datetime, now: datetime) -> str:
    """The time left until `at`, or `due` when it has come."""
    return duration(at - now) if at > now else DUE()


def clock(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """An instant in local time: `14:50` today or within the night, `Sun 10:03` in a week, else `12 Dec`."""
    there = local_time(at, zone)
    if _is_near(at, now, zone):
        return f"{there:%H:%M}"
    if _is_this_week(at, now, zone):
        return f"{screen.weekday(there)} {there:%H:%M}"
    return day(at, now, zone)


def clock_short(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """`clock` without the time of another day: `14:50`, `Sun`, `12 Dec`."""
    there = local_time(at, zone)
    if not _is_near(at, now, zone) and _is_this_week(at, now, zone):
        return screen.weekday(there)
    return clock(at, now, zone)


def day(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """The local date: `12 Dec`, with the year when it is not near: `12 Dec 2028`."""
    there = local_time(at, zone)
    year = "" if abs((at - now).days) < 300 else f" {there.year}"
    return f"{there.day} {screen.month(there)}{year}"


def weekday_and_day(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """The local date with its weekday: `Sun 29 Nov`."""
    return f"{screen.weekday(local_time(at, zone))} {day(at, now, zone)}"


def dated_clock(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """Local date and time, short: `18 Nov 09:41`."""
    return f"{day(at, now, zone)} {local_time(at, zone):%H:%M}"


def instant(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """The full form with the zone: `Fri 14:50 CET` within a week, else as `dated_instant`."""
    if not _is_this_week(at, now, zone):
        return dated_instant(at, now, zone)
    there = local_time(at, zone)
    return f"{screen.weekday(there)} {there:%H:%M} {there:%Z}".rstrip()


def dated_instant(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """The full form with the date: `Sat 21 Nov 09:00 CET`."""
    there = local_time(at, zone)
    return f"{weekday_and_day(at, now, zone)} {there:%H:%M} {there:%Z}".rstrip()


def local_time(at: datetime, zone: tzinfo | None) -> datetime:
    """The instant in a zone (None: the machine's); at the ends of the calendar, where none reaches, UTC."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at.astimezone(UTC)


def _is_near(at: datetime, now: datetime, zone: tzinfo | None) -> bool:
    return abs(at - now) < _SAME_NIGHT or local_time(at, zone).date() == local_time(now, zone).date()


def _is_this_week(at: datetime, now: datetime, zone: tzinfo | None) -> bool:
    return abs((local_time(at, zone).date() - local_time(now, zone).date()).days) < 7
