"""What lies ahead of an account and of the pool, in final texts; and why nothing can be said."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, TypeAlias

from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook, Verdict, is_recent
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.status import Judged, Section, Status
from poolwatch.domain.usage import FIVE_HOURS, WEEKLY, UsageWindow, own_reset
from poolwatch.presentation import figures
from poolwatch.presentation.figures import UNKNOWN, is_figure, percent_number, percent_text
from poolwatch.presentation.view import AtReset, Figure, Note, Prefs, Shown, Tone
from poolwatch.words import outlook as words

_HOUR: Final = timedelta(hours=1)
#: Running out is soon from so near on.
_SOON: Final = timedelta(hours=6)
#: Of these nobody uses anything before a person has acted.
_OUT_OF_USE: Final = (Status.DISABLED, Status.DEACTIVATED, Status.NEEDS_LOGIN)

#: A forecast that holds at this moment, the reason why there is none, or None where none was made yet.
Ahead: TypeAlias = Forecast | NoForecast | None


def weekly_ahead(judged: Judged, now: datetime, prefs: Prefs) -> Ahead:
    """What is foretold of the weekly window at `now`, which is the server's clock."""
    outlook = judged.account.outlook
    if outlook is None:
        return None
    if judged.status.kind in _OUT_OF_USE:
        return NoForecast.NONE
    return window_ahead(judged, outlook, WEEKLY, now, prefs)


def window_ahead(judged: Judged, outlook: AccountOutlook, kind: str, now: datetime, prefs: Prefs) -> Ahead:
    """The same of the base window of that kind."""
    base, window = judged.account.usage.base, _window(judged, kind)
    if base is None or base.value is None or window is None:
        return NoForecast.NONE
    if base.value.is_full(window) and (window.resets_at is None or window.resets_at > now):
        return NoForecast.FULL
    found = outlook.forecast(kind)
    if found is None or window.used_percent is None:
        return NoForecast.NONE
    if not is_recent(found.made_at, prefs.own(now)):
        return NoForecast.OLD
    if found.resets_at is not None and found.resets_at <= now:
        return NoForecast.DUE
    if found.none_because is NoForecast.FULL:
        # it was full and is not: it has begun anew since
        return NoForecast.TOO_EARLY
    if found.none_because is not None:
        return found.none_because
    return found if found.is_of(own_reset(window, base.at), now) else NoForecast.DUE


def pace_of(
    judged: Judged, outlook: AccountOutlook | None, kind: str, now: datetime, prefs: Prefs
) -> Forecast | None:
    """The forecast whose pace holds at `now`, where there is one: also if it foretells nothing."""
    base, window = judged.account.usage.base, _window(judged, kind)
    found = outlook.forecast(kind) if outlook is not None else None
    if found is None or base is None or window is None or window.used_percent is None:
        return None
    if not is_recent(found.made_at, prefs.own(now)):
        return None
    return found if found.is_of(own_reset(window, base.at), now) else None


def _window(judged: Judged, kind: str) -> UsageWindow | None:
    return judged.account.usage.fullest.get(kind)


def at_reset(judged: Judged, ahead: Ahead, now: datetime, prefs: Prefs) -> AtReset | None:
    """The table's column."""
    if ahead is None:
        return None
    if isinstance(ahead, NoForecast):
        return AtReset(words.no_forecast(ahead) or UNKNOWN)
    tone = Tone.STALE if judged.stale_base else None
    if ahead.runs_out:
        if ahead.out_earliest is not None and ahead.out_latest is not None and ahead.out_latest > now:
            when = words.WITHIN_AN_HOUR()
            if ahead.out_earliest - now > _HOUR:
                when = figures.clock_short(ahead.out_earliest, now, prefs.zone)
            return AtReset(words.out(when), tone or Tone.RED)
        return AtReset(words.may(_chance(ahead)), tone or Tone.AMBER)
    median = _within(ahead.median_percent)
    if median is None:
        return AtReset(UNKNOWN)
    return AtReset(percent_text(median, prefs.shown), tone or Tone.PLAIN, _band(ahead, prefs.shown))


def at_reset_rank(judged: Judged, now: datetime, prefs: Prefs) -> tuple[int, float] | None:
    """What the column is sorted by, the most used first: full, out (the soonest first), may, a figure."""
    ahead = weekly_ahead(judged, now, prefs)
    rank: tuple[int, float] | None = None
    if ahead is NoForecast.FULL:
        rank = (3, 0.0)
    elif isinstance(ahead, Forecast):
        median = _within(ahead.median_percent)
        if ahead.runs_out and ahead.out_earliest is not None:
            rank = (2, -(ahead.out_earliest - now).total_seconds())
        elif ahead.runs_out:
            rank = (1, ahead.out_probability or 0.0)
        elif median is not None:
            rank = (0, median)
    if rank is None or prefs.shown is Shown.USED:
        return rank
    return -rank[0], -rank[1]


def outlook_note(
    judged: Judged, ahead: Ahead, column: AtReset | None, now: datetime, prefs: Prefs
) -> Note | None:
    """A card's line for the weekly window of an account that is active, where it says something.

    `column` is what the table says of it.
    """
    if not isinstance(ahead, Forecast) or column is None or judged.section is not Section.ACTIVE:
        return None
    old = judged.stale_base
    if ahead.runs_out:
        span = span_text(ahead, now, prefs.zone)
        if not span:
            return Note("", words.may_run_out(_chance(ahead)), Tone.AMBER, old)
        return Note(words.OUT(), span, Tone.RED if is_soon(ahead, now) else Tone.AMBER, old, _chance(ahead))
    if not is_figure(ahead.median_percent):
        return None
    told = words.left_at_reset if prefs.shown is Shown.LEFT else words.used_at_reset
    return Note(words.LASTS(), told(column.text, column.band), Tone.PLAIN, old)


def is_soon(ahead: Ahead, now: datetime) -> bool:
    """Whether it runs out within hours."""
    if not isinstance(ahead, Forecast) or not ahead.runs_out or ahead.out_earliest is None:
        return False
    return ahead.out_earliest - now <= _SOON


def span_text(ahead: Forecast, now: datetime, zone: tzinfo | None) -> str:
    """When it runs out: `today 14:10 – 14:50`, `Sun 14:00 – Mon 10:00`; "" where that cannot be told."""
    earliest, latest = ahead.out_earliest, ahead.out_latest
    if earliest is None or latest is None or latest <= now:
        return ""
    earliest = max(earliest, now)
    first, last = (figures.local_time(each, zone) for each in (earliest, latest))
    begins = figures.clock(earliest, now, zone)
    if first.date() == figures.local_time(now, zone).date():
        begins = words.today(begins)
    ends = f"{last:%H:%M}" if first.date() == last.date() else figures.clock(latest, now, zone)
    return f"{begins} – {ends}"


def _chance(ahead: Forecast) -> str:
    return percent_text((ahead.out_probability or 0.0) * 100)


def _within(percent: float | None) -> float | None:
    """No more can be used than all."""
    return min(100.0, max(0.0, percent)) if is_figure(percent) else None


def _ends(ahead: Forecast, shown: Shown) -> tuple[float, float] | None:
    """The two ends of the interval, as used, the one that is drawn first before the other."""
    low, high = _within(ahead.low_percent), _within(ahead.high_percent)
    if low is None or high is None:
        return None
    return (high, low) if shown is Shown.LEFT else (low, high)


def _band(ahead: Forecast, shown: Shown) -> str:
    ends = _ends(ahead, shown)
    return "–".join(percent_number(each, shown) for each in ends) if ends is not None else ""


# --- how fast it goes


def _recent(outlook: AccountOutlook | None, own_now: datetime) -> AccountOutlook | None:
    """What was worked out lately enough to be told as what goes on."""
    return outlook if outlook is not None and is_recent(outlook.made_at, own_now) else None


def weekly_day(judged: Judged, own_now: datetime) -> float | None:
    """What the last 24 hours used of an account's weekly window, in percent points."""
    outlook = _recent(judged.account.outlook, own_now)
    amount = outlook.burn.weekly.last_24h if outlook is not None else None
    return amount if is_figure(amount) else None


def credits_per_hour(judged: Judged, own_now: datetime) -> str:
    """What the last hour used of an account's credits: `41/h`; "" for nothing, or where nobody knows."""
    outlook = _recent(judged.account.outlook, own_now)
    amount = outlook.burn.credits.last_hour if outlook is not None else None
    return words.per_hour(amount_text(amount)) if amount is not None and amount > 0 else ""


def amount_text(amount: Decimal) -> str:
    """Credits that were used, in whole ones: `41`, `<1`, `1,234`."""
    if 0 < amount < 1:
        return "<1"
    return f"{amount.quantize(Decimal(1), ROUND_HALF_UP):,}"


def rate_text(percent: float) -> str:
    """Percent points of an hour or a day: `0.9%`, `12%`, `<0.1%`."""
    if 0 < percent < 0.05:
        return "<0.1%"
    digits = f"{percent:.0f}" if percent >= 9.95 else f"{percent:.1f}".removesuffix(".0")
    return f"{digits}%"


# --- the pool


def pool_burn(overview: PoolOverview, outlook: PoolOutlook | None, cost: str = "") -> Figure | None:
    """`pool 0.9%/h`, `41 credits/h`: what the last hour used; credits only where the pool has any.

    Then `API $12.40 today`, where session files tell what was used.
    """
    burn = None if outlook is None else outlook.burn_at(overview.own_now)
    parts, short = [], []
    if burn is not None:
        weekly, credits = burn.weekly.last_hour, burn.credits.last_hour
        parts += [words.pool_burn(rate_text(weekly))] if is_figure(weekly) else []
        if credits is not None and overview.credits is not None:
            parts.append(words.credits_burn(amount_text(credits)))
            short.append(words.per_hour(amount_text(credits)))
    if cost:
        parts.append(words.api_cost(cost))
        # alone it is the figure itself
        short += parts[-1:] if len(parts) > 1 else []
    if not parts:
        return None
    return Figure(words.BURN(), parts[0], " · ".join(parts[1:]), short=" · ".join(short))


def pool_outlook(overview: PoolOverview, outlook: PoolOutlook | None, prefs: Prefs) -> Figure | None:
    """`lasts to Sun 10:03`, `4% risk; 61% of weekly left`; None where nothing was worked out yet."""
    if outlook is None:
        return None
    now, zone = overview.now, prefs.zone
    relief = outlook.relief_at
    age = overview.own_now - outlook.made_at
    if not is_recent(outlook.made_at, overview.own_now) or (relief is not None and relief <= now):
        return Figure(words.OUTLOOK(), words.UNKNOWN(), words.not_since(figures.age(age)), Tone.DIM)
    when = figures.clock(relief, now, zone) if relief is not None else ""
    left = ""
    if is_figure(outlook.weekly_left_percent):
        left = words.weekly_left(percent_text(_within(outlook.weekly_left_percent)))
    chance = outlook.dry_probability
    percent = percent_text(chance * 100) if is_figure(chance) else ""

    def figure(text: str, beside: str, tone: Tone, tiny: str) -> Figure:
        return Figure(words.OUTLOOK(), text, "; ".join(each for each in (beside, left) if each), tone, tiny)

    match outlook.verdict:
        case Verdict.LASTS:
            beside = words.risk(percent) if percent else ""
            return figure(words.lasts_to(when), beside, Tone.PLAIN, words.tiny_lasts(when))
        case Verdict.MAY_RUN_DRY:
            earliest = outlook.dry_earliest
            day = figures.clock_short(max(earliest, now), now, zone) if earliest is not None else ""
            beside = words.risk_before(percent, when) if percent else ""
            return figure(words.may_run_dry(day), beside, Tone.AMBER, words.may_run_dry(day))
        case Verdict.DRY:
            return figure(words.dry_until(when), "", Tone.RED, words.tiny_dry(when))
        case Verdict.UNKNOWN:
            why = words.why_no_outlook(outlook.none_because) if outlook.none_because is not None else ""
            return figure(words.UNKNOWN(), why, Tone.DIM, "")


# --- the details


def forecast_lines(judged: Judged, now: datetime, prefs: Prefs) -> list[tuple[str, Tone]]:
    """What is foretold of an account, in sentences; none for one that has no weekly window."""
    if all(each.kind != WEEKLY for each in judged.account.usage.windows):
        return []
    outlook, ahead = judged.account.outlook, weekly_ahead(judged, now, prefs)
    of_use = judged.status.kind not in _OUT_OF_USE
    if outlook is None or (ahead is NoForecast.NONE and of_use):
        return [(words.NOT_YET(), Tone.DIM)]
    if not isinstance(ahead, Forecast):
        lines = [(words.why_no_forecast(ahead or NoForecast.NONE), Tone.DIM)]
    else:
        lines = [_sentence(judged, ahead, now, prefs)]
        if is_figure(ahead.pace_per_day) and is_figure(ahead.even_percent):
            even = percent_text(_within(ahead.even_percent))
            lines.append((words.pace(rate_text(ahead.pace_per_day), even), Tone.DIM))
    five = window_ahead(judged, outlook, FIVE_HOURS, now, prefs)
    if isinstance(five, Forecast) and of_use:
        median = _within(five.median_percent)
        if median is not None:
            shown = figures.shown_word(prefs.shown)
            lines.append((words.this_hour(percent_text(median, prefs.shown), shown), Tone.DIM))
    return lines


def _sentence(judged: Judged, ahead: Forecast, now: datetime, prefs: Prefs) -> tuple[str, Tone]:
    old = Tone.STALE if judged.stale_base else None
    if ahead.runs_out:
        span = span_text(ahead, now, prefs.zone)
        if span:
            return words.runs_out(span, _chance(ahead)), old or Tone.RED
        return words.may_run_out_before(_chance(ahead)), old or Tone.AMBER
    median, ends = _within(ahead.median_percent), _ends(ahead, prefs.shown)
    if median is None or ends is None:
        return UNKNOWN, Tone.DIM
    shown = prefs.shown
    lasts = words.lasts_left if shown is Shown.LEFT else words.lasts_used
    told = lasts(percent_text(median, shown), percent_number(ends[0], shown), percent_text(ends[1], shown))
    if is_figure(ahead.out_probability):
        told += f" · {words.risk_of_running_out(_chance(ahead))}"
    return told, old or Tone.PLAIN


def burn_text(judged: Judged, own_now: datetime) -> str:
    """How fast an account goes, in one line; "" where nobody knows."""
    outlook = _recent(judged.account.outlook, own_now)
    if outlook is None:
        return ""
    weekly, credits = outlook.burn.weekly, outlook.burn.credits
    percents = [
        told(rate_text(amount))
        for told, amount in (
            (words.burnt_hour, weekly.last_hour),
            (words.burnt_day, weekly.last_24h),
            (words.usual, weekly.usual_per_day),
        )
        if is_figure(amount)
    ]
    amounts = [
        told(amount_text(amount))
        for told, amount in (
            (words.burnt_hour, credits.last_hour),
            (words.burnt_day, credits.last_24h),
            (words.burnt_today, credits.today),
        )
        if amount is not None
    ]
    parts = [words.burnt_weekly(", ".join(percents))] if percents else []
    # who has no credits burns none, which is not worth a word
    if any((credits.last_hour, credits.last_24h, credits.today)):
        parts.append(words.burnt_credits(", ".join(amounts)))
    return " · ".join(parts)
