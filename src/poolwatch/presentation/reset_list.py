"""The banked resets of a pool as rows, and what is told of the selected account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.banked_resets import Figure, figures_of
from poolwatch.domain.failure import Failure
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import is_recent
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.reset_past import PastReset, ResetPast
from poolwatch.domain.status import Judged, Status
from poolwatch.domain.usage import FIVE_HOURS, WEEKLY, BankedReset, own_reset
from poolwatch.domain.values import replace
from poolwatch.presentation import figures
from poolwatch.presentation.masking import shown_name
from poolwatch.presentation.outlook import at_reset, span_text, weekly_ahead
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.words import reset_list as words
from poolwatch.words.account import window_name
from poolwatch.words.messages import message_text
from poolwatch.words.outlook import NOT_YET, why_no_forecast

#: Who waits longer than that for a window gets much of a reset; what ends sooner than a day is lost soon.
_LONG: Final = timedelta(days=2)
_SOON: Final = timedelta(days=1)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
#: Nobody can use a reset of these.
_OUT_OF_USE: Final = (Status.DISABLED, Status.DEACTIVATED, Status.NEEDS_LOGIN)


class BankedRow(Struct, frozen=True):
    """One banked reset of one account, in final texts; `worth`: using it now is likely no waste.

    `reset` None: the source only counts, and this is one of `count`. `nth`: 0 is the account's first.
    """

    key: AccountKey
    name: str
    reset: BankedReset | None
    ends_at: datetime | None
    ends: str
    left: str
    five_hours: str
    weekly: str
    #: until the weekly window resets by itself, and what it is expected to stand at then
    resets: str
    at_reset: str
    if_used: str
    #: the same where there is room
    if_used_long: str
    worth: bool = False
    count: int = 1
    nth: int = 0
    #: the figures are old
    stale: bool = False


class ToldLine(Struct, frozen=True):
    """A heading, and what is told under it."""

    heading: str
    text: str
    tone: Tone = Tone.PLAIN


def banked_rows(seen: PoolOverview, prefs: Prefs) -> tuple[BankedRow, ...]:
    """Every banked reset of the pool, soonest end first."""
    timed = replace(prefs, clock_offset=seen.now - seen.own_now)
    found = [row for judged in seen.by_key.values() for row in _rows_of(judged, seen.now, timed)]
    return tuple(
        sorted(found, key=lambda row: (row.ends_at is None, row.ends_at or seen.now, row.name, row.nth))
    )


def _rows_of(judged: Judged, now: datetime, prefs: Prefs) -> Iterable[BankedRow]:
    usage = judged.account.usage
    rows: Sequence[BankedReset] = usage.usable_resets(now)
    if rows:
        for nth, row in enumerate(rows):
            yield _row(judged, row, row.ends_at, nth, 1, now, prefs)
        return
    count = usage.reset_credits.value if usage.reset_credits is not None else None
    if count is not None and count.available:
        yield _row(judged, None, usage.nearest_reset_expiry(now), 0, count.available, now, prefs)


def _row(
    judged: Judged,
    reset: BankedReset | None,
    ends_at: datetime | None,
    nth: int,
    count: int,
    now: datetime,
    prefs: Prefs,
) -> BankedRow:
    account = judged.account
    name, stand = shown_name(account, mask=prefs.mask), figures_of(account.usage)
    by_window = {each.window: each for each in stand}
    can_be_used = judged.status.kind not in _OUT_OF_USE
    worth = nth == 0 and can_be_used and is_worth(stand, ends_at, now)
    if nth:
        short, long = "", words.second(name) if nth == 1 else words.nth(str(nth + 1), name)
    elif reset is None:
        short = long = words.count_only(str(count))
    elif not can_be_used:
        short = long = words.OUT_OF_USE()
    else:
        short, long = _if_used(stand, ends_at, now, prefs, worth=worth)
    expected = at_reset(judged, weekly_ahead(judged, now, prefs), now, prefs)
    return BankedRow(
        account.key,
        name,
        reset,
        ends_at,
        ends=end_text(reset, ends_at, now, prefs),
        left="" if ends_at is None else figures.age(ends_at - now),
        five_hours=_percent(by_window.get(FIVE_HOURS)),
        weekly=_percent(by_window.get(WEEKLY)),
        resets=_resets(judged, now),
        at_reset="" if expected is None else expected.text,
        if_used=short,
        if_used_long=long,
        worth=worth,
        count=count,
        nth=nth,
        stale=judged.stale_base,
    )


def _percent(figure: Figure | None) -> str:
    return "" if figure is None else figures.percent_text(figure.used_percent)


def _resets(judged: Judged, now: datetime) -> str:
    base, window = judged.account.usage.base, judged.account.usage.fullest.get(WEEKLY)
    resets_at = own_reset(window, base.at) if window is not None and base is not None else None
    return "" if resets_at is None else figures.countdown(resets_at, now)


def end_text(reset: BankedReset | None, ends_at: datetime | None, now: datetime, prefs: Prefs) -> str:
    """When a banked reset is lost: `Sat 21 Nov 09:00`."""
    if ends_at is None:
        return words.NEVER() if reset is not None and reset.expiry_known else words.UNKNOWN_END()
    there = figures.local_time(ends_at, prefs.zone)
    return f"{figures.weekday_and_day(ends_at, now, prefs.zone)} {there:%H:%M}"


def still_full(stand: Sequence[Figure], now: datetime) -> list[Figure]:
    """The exhausted windows whose reset is still to come, or is not known."""
    return [each for each in stand if each.full and (each.resets_at is None or each.resets_at > now)]


def is_worth(stand: Sequence[Figure], ends_at: datetime | None, now: datetime) -> bool:
    """Whether using one now is likely no waste: a window is exhausted, and waiting for it loses the reset,
    or takes days."""
    full = still_full(stand, now)
    if not full:
        return False
    if ends_at is not None and ends_at - now < _SOON:
        return True
    back = max((each.resets_at for each in full if each.resets_at is not None), default=None)
    return back is None or back - now > _LONG or (ends_at is not None and ends_at < back)


def _if_used(
    stand: Sequence[Figure], ends_at: datetime | None, now: datetime, prefs: Prefs, *, worth: bool
) -> tuple[str, str]:
    """What using one now would do, or why it should wait; short, and where there is room."""
    full = still_full(stand, now)
    if not full:
        due = any(each.full for each in stand)
        told = words.RESET_IS_DUE() if due else words.NOT_NOW()
        return told, told
    used = [each for each in stand if (each.used_percent or 0) > 0 and "/" not in each.window]
    if worth:
        every = words.resets(", ".join(named(each.window) for each in used))
        falls = (words.falls(named(each.window), figures.percent_number(each.used_percent)) for each in used)
        lost = ""
        if ends_at is not None and ends_at - now < _WEEK:
            lost = words.lost_then(figures.clock_short(ends_at, now, prefs.zone))
        return ", ".join(falls), words.both(every, lost)
    last = max(full, key=lambda each: each.resets_at or now)
    when = "" if last.resets_at is None else figures.clock_short(last.resets_at, now, prefs.zone)
    by_itself = words.by_itself(named(last.window), when)
    return by_itself, by_itself


def named(window: str) -> str:
    """A window as people call it, its bucket before it."""
    kind, slash, bucket = window.partition("/")
    return f"{bucket} {window_name(kind)}" if slash else window_name(kind)


def outlook_lines(judged: Judged, now: datetime, prefs: Prefs) -> list[ToldLine]:
    """How the weekly window goes on as it is, and if a reset were used now; `now` is the server's clock."""
    weekly = next((each for each in figures_of(judged.account.usage) if each.window == WEEKLY), None)
    if weekly is None:
        return []
    tone = Tone.STALE if judged.stale_base else Tone.PLAIN
    return [
        ToldLine(words.AS_IT_IS(), _as_it_is(judged, weekly, now, prefs), tone),
        ToldLine(words.IF_USED(), _if_reset(judged, now, prefs), tone),
    ]


def _as_it_is(judged: Judged, weekly: Figure, now: datetime, prefs: Prefs) -> str:
    used, resets_at = figures.percent_text(weekly.used_percent), weekly.resets_at
    if resets_at is None:
        return words.no_reset(used)
    at = figures.instant(resets_at, now, prefs.zone)
    if resets_at <= now:
        return words.was_due(used, at)
    if weekly.full:
        return words.full_until(used, at, figures.countdown(resets_at, now))
    ahead = weekly_ahead(judged, now, prefs)
    if not isinstance(ahead, Forecast):
        return words.not_foretold(used, at, NOT_YET() if ahead is None else why_no_forecast(ahead))
    if not ahead.runs_out:
        return words.lasts(used, _expected(ahead), at)
    span, first, last = span_text(ahead, now, prefs.zone), ahead.out_earliest, ahead.out_latest
    if not span or first is None or last is None:
        return words.out_before(used, at)
    without = resets_at - max(now, first + (last - first) / 2)
    return words.out_then(used, span, at, figures.age(max(without, timedelta(0))))


def _if_reset(judged: Judged, now: datetime, prefs: Prefs) -> str:
    outlook = judged.account.outlook
    found = None if outlook is None else outlook.if_reset
    by = figures.instant(now + _WEEK, now, prefs.zone)
    why = None if found is None else found.none_because
    if judged.status.kind in _OUT_OF_USE:
        why = NoForecast.NONE
    elif found is not None and not is_recent(found.made_at, prefs.own(now)):
        why = NoForecast.OLD
    if found is None or why is not None:
        return words.if_not_foretold(by, NOT_YET() if why is None else why_no_forecast(why))
    if not found.runs_out:
        return words.if_lasts(_expected(found), by)
    span = span_text(found, now, prefs.zone)
    return words.if_out_then(span, by) if span else words.if_out_before(by)


def _expected(ahead: Forecast) -> str:
    middle, low, high = (
        figures.percent_number(each) for each in (ahead.median_percent, ahead.low_percent, ahead.high_percent)
    )
    return words.between(middle, low, high)


def past_lines(
    judged: Judged, past: ResetPast, most: int, now: datetime, prefs: Prefs, key: str
) -> list[ToldLine]:
    """What was used before, the newest `most` of it; and what is held, by the account and by the service.

    `key` reads the service's history.
    """
    lines = [
        ToldLine(words.USED_BEFORE() if number == 0 else "", _used(each, now, prefs))
        for number, each in enumerate(past.used[:most])
    ]
    return [*lines, ToldLine(words.GRANTED(), _granted(judged, past, now, prefs, key), Tone.DIM)]


def _used(used: PastReset, now: datetime, prefs: Prefs) -> str:
    there = figures.local_time(used.at, prefs.zone)
    at = f"{figures.day(used.at, now, prefs.zone)} {there:%H:%M}"
    if not used.verified:
        return words.used_unverified(at)
    where = words.HERE() if used.here else words.ELSEWHERE()
    if used.window is None:
        return words.used_unseen(at, where)
    return words.used_then(at, named(used.window), figures.percent_number(used.used_percent), where)


def _granted(judged: Judged, past: ResetPast, now: datetime, prefs: Prefs, key: str) -> str:
    usage = judged.account.usage
    count = usage.reset_credits.value if usage.reset_credits is not None else None
    listed = len(usage.usable_resets(now))
    held = words.held_now(str(listed if count is None or count.available is None else count.available))
    history = past.history
    if past.asked_at is None:
        return words.both(held, words.read_by(key))
    if history is None:
        return words.both(held, words.NO_HISTORY())
    if isinstance(history, Failure):
        return words.both(held, words.history_failed(message_text(history.as_message)))
    as_of = figures.clock(history.as_of or past.asked_at, now, prefs.zone)
    days = "" if history.since is None else str(round(((history.as_of or now) - history.since) / _DAY))
    used = f"≥ {len(history.used_at)}" if history.is_part else str(len(history.used_at))
    return words.both(held, words.used_by_history(used, days, as_of))
