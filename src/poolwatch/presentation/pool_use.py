"""Who uses the weekly limits of many accounts, what comes back next, and at which hours they are used."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from poolwatch.domain.outlook import is_recent
from poolwatch.domain.past import holding
from poolwatch.domain.series import Timeline
from poolwatch.domain.status import Judged, Section
from poolwatch.domain.usage import WEEKLY
from poolwatch.presentation import figures, outlook
from poolwatch.presentation.figures import UNKNOWN, is_figure, percent_text
from poolwatch.presentation.masking import shown_name
from poolwatch.presentation.outlook import rate_text
from poolwatch.presentation.pool_history import PoolScene, weekly_reset, weekly_window, weight
from poolwatch.presentation.view import AtReset, Prefs
from poolwatch.words import account as account_words
from poolwatch.words import history as words

_HOUR: Final = timedelta(hours=1)
#: Resets within this time are one relief.
_TOGETHER: Final = timedelta(hours=1)


class Share(Struct, frozen=True):
    """What an account has of all that was used: `31%`, `18%` of its own week, `out Sun` at its reset."""

    judged: Judged | None
    name: str
    share: str
    fraction: float
    of_week: str
    at_reset: AtReset | None


def shares(scene: PoolScene, most: int) -> tuple[Share, ...]:
    """Who used most of what all have in the last 24 hours, by plan; the rest in one line."""
    own = scene.prefs.own(scene.now)
    burned = [
        (said.burn.weekly.last_24h * weight(each, scene.prefs), said.burn.weekly.last_24h, each)
        for each in scene.accounts
        if (said := each.account.outlook) is not None
        and is_recent(said.made_at, own)
        and is_figure(said.burn.weekly.last_24h)
        and said.burn.weekly.last_24h > 0
    ]
    burned.sort(key=lambda entry: (-entry[0], entry[2].label))
    whole = sum(amount for amount, _, _ in burned)
    found = [_share(amount / whole, percent, each, scene) for amount, percent, each in burned[:most]]
    rest = burned[most:]
    if rest:
        part = sum(amount for amount, _, _ in rest) / whole
        found.append(Share(None, words.others(len(rest)), percent_text(part * 100), part, "", None))
    return tuple(found)


def _share(part: float, percent: float, each: Judged, scene: PoolScene) -> Share:
    now, prefs = scene.now, scene.prefs
    ahead = outlook.weekly_ahead(each, now, prefs)
    name = shown_name(each.account, mask=prefs.mask)
    at_reset = outlook.at_reset(each, ahead, now, prefs)
    return Share(each, name, percent_text(part * 100), part, percent_text(percent), at_reset)


class Relief(Struct, frozen=True):
    """What comes back: `today 14:50`, `bob, 5h`."""

    time: str
    what: str


def reliefs(scene: PoolScene, most: int) -> tuple[Relief, ...]:
    """When exhausted accounts come back, and when weekly limits reset; those of one hour together."""
    now, prefs = scene.now, scene.prefs
    found: list[tuple[datetime, str, Judged]] = []
    for each in scene.accounts:
        until = each.status.until
        if each.section is Section.EXHAUSTED and until is not None and until > now:
            found.append((until, each.status.reason or "", each))
        elif each.counted and (window := weekly_window(each)) is not None and window.used_percent:
            at = weekly_reset(each, window)
            if at is not None and at > now:
                found.append((at, WEEKLY, each))
    found.sort(key=lambda entry: (entry[0], entry[2].label))
    told: list[Relief] = []
    while found and len(told) < most:
        first, reason, each = found[0]
        same = [entry for entry in found if entry[0] - first < _TOGETHER and entry[1] == reason]
        found = [entry for entry in found if entry not in same]
        who = shown_name(each.account, mask=prefs.mask)
        if len(same) > 1:
            who = words.accounts(len(same))
        told.append(Relief(_when(first, scene), words.relief_of(account_words.window_name(reason), who)))
    return tuple(told)


def _when(at: datetime, scene: PoolScene) -> str:
    time = figures.clock(at, scene.now, scene.prefs.zone)
    same_day = (
        figures.local_time(at, scene.prefs.zone).date()
        == figures.local_time(scene.now, scene.prefs.zone).date()
    )
    return words.today(time) if same_day else time


def _rate(line: Timeline, at: datetime) -> float | None:
    point = holding(line.points, at)
    if point is None or point.last is None or at - point.at >= _HOUR:
        return None
    return float(point.last)


class HourBars(Struct, frozen=True):
    """Levels of 0 to 8 for each of the last 24 hours, None where it is not known, and what they say."""

    levels: tuple[int | None, ...]
    told: str


def by_hour(line: Timeline, now: datetime, prefs: Prefs) -> HourBars:
    """How much was used in each of the last 24 hours, by the burn of these hours."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    begun = [hour - number * _HOUR for number in range(23, -1, -1)]
    rates = [_rate(line, at) for at in begun]
    most = max(rate or 0.0 for rate in rates)
    if most <= 0:
        return HourBars((), words.NO_HOUR())
    levels = tuple(_level(rate, most) for rate in rates)
    zone = prefs.zone
    times = (begun[0], now, begun[rates.index(most)])
    start, end, busiest = (f"{figures.local_time(at, zone):%H:%M}" for at in times)
    told = words.by_hour(start, end, busiest, rate_text(most))
    return HourBars(levels, words.partly(told, UNKNOWN) if None in levels else told)


def _level(rate: float | None, most: float) -> int | None:
    """0 for nothing alone."""
    if rate is None or rate <= 0:
        return None if rate is None else 0
    return max(1, min(8, round(rate / most * 8)))
