"""The rows of a card: windows, spend limits, other buckets, credits. None is no row, unknown a dash."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.status import PoolRules, is_stale
from poolwatch.domain.usage import (
    BASE_BUCKET,
    REVIEW_BUCKET,
    WEEKLY,
    Aged,
    Bucket,
    RateLimit,
    SpendControl,
    SpendLimit,
    Usage,
    UsageWindow,
    own_reset,
    windows_by_length,
)
from poolwatch.presentation import figures
from poolwatch.presentation.figures import UNKNOWN, bar_fraction, is_figure, percent_text, scarcity
from poolwatch.presentation.view import CreditsRow, Prefs, Shown, Tone, WindowRow
from poolwatch.words import account as words

_DAY: Final = 86400
#: What is used in percent, and whether it counts as full.
Use: TypeAlias = tuple[float | None, bool]


class Measured(Struct, frozen=True):
    """A row with the figures it was made from, for choosing among rows."""

    row: WindowRow
    used: float | None
    resets_at: datetime | None


def base_rows(usage: Usage, now: datetime, prefs: Prefs, even_percent: float | None = None) -> list[Measured]:
    """The base bucket's windows, shortest first.

    `even_percent`: where even use of the weekly one would stand, if that follows more than the clock.
    """
    base = usage.base
    if base is not None and not base.known:
        return [Measured(WindowRow(words.USAGE(), UNKNOWN, None, UNKNOWN, Tone.PLAIN), None, None)]
    return [] if base is None else _rows_of(base.value, base.at, now, prefs, even_percent=even_percent)


def bucket_rows(usage: Usage, now: datetime, prefs: Prefs) -> list[list[Measured]]:
    """The windows of each other bucket: review first, then by id."""
    return [
        _rows_of(bucket.limit, said_at, now, prefs, words.bucket_name(bucket.id, bucket.name))
        for bucket, said_at in other_buckets(usage)
    ]


def other_buckets(usage: Usage) -> list[tuple[Bucket, datetime]]:
    """The buckets beside the base one, and when each was told of."""
    fields = {REVIEW_BUCKET: usage.review or usage.extras}
    return [
        (bucket, aged.at)
        for bucket in usage.buckets
        if bucket.id != BASE_BUCKET and (aged := fields.get(bucket.id, usage.extras)) is not None
    ]


def _rows_of(
    limit: RateLimit | None,
    said_at: datetime,
    now: datetime,
    prefs: Prefs,
    bucket: str = "",
    even_percent: float | None = None,
) -> list[Measured]:
    found: list[Measured] = []
    stale = is_stale(said_at, prefs.own(now), prefs.rules)
    for window in windows_by_length(limit) if limit is not None else ():
        kind, resets_at = window.kind, own_reset(window, said_at)
        row = _measured(
            words.window_name(kind), window.used_percent, resets_at, now, prefs,
            stale=stale, bucket=bucket, full=limit is not None and limit.is_full(window), kind=kind,
            even=_even(window, resets_at, now, prefs, even_percent),
        )  # fmt: skip
        found.append(row)
    return found


def _even(
    window: UsageWindow, resets_at: datetime | None, now: datetime, prefs: Prefs, told: float | None
) -> float | None:
    """Where even use of a window of days would stand; in whole percent, for it moves with the clock."""
    seconds = window.window_seconds
    if resets_at is None or seconds is None or seconds <= _DAY or resets_at <= now:
        return None
    left = (resets_at - now).total_seconds() / seconds
    percent = (1 - left) * 100 if told is None or window.kind != WEEKLY else told
    even = round(min(100.0, max(0.0, percent))) / 100
    return 1 - even if prefs.shown is Shown.LEFT else even


def spend_row(usage: Usage, now: datetime, prefs: Prefs) -> Measured | None:
    """The row of the spend limit with the highest use."""
    spend = usage.spend
    limit = tightest_limit(spend)
    if spend is None or limit is None:
        return None
    used = limit_percent(limit)
    full = is_figure(used) and used >= 100
    stale = is_stale(spend.at, prefs.own(now), prefs.rules)
    return _measured(words.SPEND(), used, limit.resets_at, now, prefs, stale=stale, full=full)


def tightest_limit(spend: Aged[SpendControl] | None) -> SpendLimit | None:
    """The spend limit with the highest use; of equals the first, which is the most personal."""
    if spend is None or spend.value is None:
        return None
    return max(spend.value.limits, key=lambda limit: _nearness((limit_percent(limit), False)), default=None)


def limit_percent(limit: SpendLimit) -> float | None:
    """What is used of a spend limit, in percent: as said, else from its amounts."""
    if is_figure(limit.used_percent):
        return limit.used_percent
    if limit.used is None or limit.limit is None or limit.limit <= 0:
        return None
    return float(limit.used * 100 / limit.limit)


def credits_row(usage: Usage, now: datetime, rules: PoolRules, per_hour: str = "") -> CreditsRow | None:
    """The credits row, or None: then the card looks as if there were no credits in the world.

    `per_hour`: what the last hour used of them.
    """
    aged = usage.credits
    if aged is None or aged.value is None or not aged.value.is_shown:
        return None
    credits = aged.value
    stale = is_stale(aged.at, now, rules)
    over = words.OVER_LIMIT() if credits.overage_limit_reached else ""
    if credits.unlimited:
        return CreditsRow(words.UNLIMITED(), "", over, Tone.PLAIN, stale)
    if credits.balance is None:
        return CreditsRow(UNKNOWN, "", over, Tone.RED if over else Tone.PLAIN, stale)
    tone = Tone.RED if over or credits.balance <= 0 else Tone.PLAIN
    return CreditsRow(
        figures.credits_text(credits.balance),
        figures.usd_text(credits.balance, rules),
        over,
        tone,
        stale,
        per_hour,
    )


def is_short(kind: str) -> bool:
    """Whether a window is one of the short ones: hours, minutes, a day."""
    return kind == "daily" or (kind[-1:] in ("h", "m") and kind[:-1].isdigit())


def scarcest(rows: Iterable[Measured]) -> Measured | None:
    """The row nearest to its end; a row without a figure only when there is no other."""
    return max(rows, key=lambda each: _nearness((each.used, each.row.full)), default=None)


def scarcest_use(usage: Usage) -> Use | None:
    """What `scarcest` of the base rows and the spend row would find."""
    base, tightest = usage.base, tightest_limit(usage.spend)
    uses: list[Use] = []
    if base is not None and base.value is not None:
        uses = [(window.used_percent, base.value.is_full(window)) for window in base.value.windows]
    elif base is not None and not base.known:
        uses = [(None, False)]
    if tightest is not None:
        used = limit_percent(tightest)
        uses.append((used, is_figure(used) and used >= 100))
    return max(uses, key=_nearness, default=None)


def _nearness(use: Use) -> tuple[bool, float]:
    used, full = use
    return full, used if is_figure(used) else -1.0


def reset_text(resets_at: datetime | None, now: datetime) -> str:
    """The time left to a reset, `due` when it has passed, a dash when nobody said."""
    return UNKNOWN if resets_at is None else figures.countdown(resets_at, now)


def _measured(
    name: str,
    used: float | None,
    resets_at: datetime | None,
    now: datetime,
    prefs: Prefs,
    *,
    stale: bool,
    full: bool,
    bucket: str = "",
    kind: str = "",
    even: float | None = None,
) -> Measured:
    row = WindowRow(
        name=name,
        percent=percent_text(used, prefs.shown),
        fraction=bar_fraction(used, prefs.shown),
        resets=reset_text(resets_at, now),
        tone=scarcity(used, prefs.rules, full=full),
        stale=stale,
        kind=kind,
        bucket=bucket,
        full=full,
        even=even,
    )
    return Measured(row, used, resets_at)
