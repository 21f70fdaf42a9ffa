"""The rows of a card: windows, spend limits, other buckets, credits. None is no row, unknown a dash."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from poolwatch.domain.status import PoolRules, is_stale
from poolwatch.domain.usage import (
    BASE_BUCKET,
    REVIEW_BUCKET,
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
from poolwatch.presentation.view import CreditsRow, Prefs, Tone, WindowRow
from poolwatch.words import account as words


class Measured(Struct, frozen=True):
    """A row with the figures it was made from, for choosing among rows."""

    row: WindowRow
    used: float | None
    resets_at: datetime | None

    @property
    def nearness(self) -> tuple[bool, float]:
        """Larger is nearer to the end."""
        return (self.row.full, self.used if is_figure(self.used) else -1.0)


def base_rows(usage: Usage, now: datetime, prefs: Prefs) -> list[Measured]:
    """The base bucket's windows, shortest first."""
    base = usage.base
    if base is None:
        return []
    if not base.known:
        unread = WindowRow(words.USAGE(), UNKNOWN, None, UNKNOWN, Tone.PLAIN)
        return [Measured(unread, None, None)]
    if base.value is None:
        return []
    stale = is_stale(base.at, prefs.own(now), prefs.rules)
    return [
        window_row(window, base.value, now, prefs, said_at=base.at, stale=stale)
        for window in windows_by_length(base.value)
    ]


def window_row(
    window: UsageWindow,
    limit: RateLimit,
    now: datetime,
    prefs: Prefs,
    *,
    said_at: datetime,
    stale: bool,
    bucket: str = "",
) -> Measured:
    """The row of one window of a rate limit, told at `said_at`."""
    full = limit.is_full(window)
    return _measured(
        words.window_name(window.kind), window.used_percent, own_reset(window, said_at), now, prefs,
        stale=stale, bucket=bucket, full=full, kind=window.kind,
    )  # fmt: skip


def bucket_rows(usage: Usage, now: datetime, prefs: Prefs) -> list[Measured]:
    """All windows of the other buckets: review first, then by id."""
    return [row for bucket, aged in other_buckets(usage) for row in _rows_of(bucket, aged, now, prefs)]


def scarcest_per_bucket(usage: Usage, now: datetime, prefs: Prefs) -> list[Measured]:
    """One row for each other bucket that has windows: the window nearest to its end."""
    found = []
    for bucket, aged in other_buckets(usage):
        rows = _rows_of(bucket, aged, now, prefs)
        if rows:
            found.append(max(rows, key=lambda each: each.nearness))
    return found


def other_buckets(usage: Usage) -> list[tuple[Bucket, Aged[RateLimit] | Aged[tuple[Bucket, ...]]]]:
    """The buckets beside the base one, each with the field that told of it."""
    found: list[tuple[Bucket, Aged[RateLimit] | Aged[tuple[Bucket, ...]]]] = []
    for bucket in usage.buckets:
        if bucket.id == BASE_BUCKET:
            continue
        aged = usage.review if bucket.id == REVIEW_BUCKET and usage.review is not None else usage.extras
        if aged is not None:
            found.append((bucket, aged))
    return found


def _rows_of(
    bucket: Bucket, aged: Aged[RateLimit] | Aged[tuple[Bucket, ...]], now: datetime, prefs: Prefs
) -> list[Measured]:
    if bucket.limit is None:
        return []
    name = words.bucket_name(bucket.id, bucket.name)
    stale = is_stale(aged.at, prefs.own(now), prefs.rules)
    return [
        window_row(window, bucket.limit, now, prefs, said_at=aged.at, stale=stale, bucket=name)
        for window in windows_by_length(bucket.limit)
    ]


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
    return max(spend.value.limits, key=_use, default=None)


def limit_percent(limit: SpendLimit) -> float | None:
    """What is used of a spend limit, in percent: as said, else from its amounts."""
    if is_figure(limit.used_percent):
        return limit.used_percent
    if limit.used is None or limit.limit is None or limit.limit <= 0:
        return None
    return float(limit.used * 100 / limit.limit)


def _use(limit: SpendLimit) -> float:
    used = limit_percent(limit)
    return used if is_figure(used) else -1.0


def credits_row(usage: Usage, now: datetime, rules: PoolRules) -> CreditsRow | None:
    """The credits row, or None: then the card looks as if there were no credits in the world."""
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
        figures.credits_text(credits.balance), figures.usd_text(credits.balance, rules), over, tone, stale
    )


def scarcest(rows: Iterable[Measured]) -> Measured | None:
    """The row nearest to its end; a row without a figure only when there is no other."""
    return max(rows, key=lambda each: each.nearness, default=None)


def scarcest_use(usage: Usage) -> tuple[float | None, bool] | None:
    """What `scarcest` of the base rows and the spend row would find: its use, and whether it is full."""
    best: tuple[float | None, bool] | None = None
    base = usage.base
    if base is not None and not base.known:
        best = (None, False)
    elif base is not None and base.value is not None:
        for window in base.value.windows:
            use = window.used_percent, base.value.is_full(window)
            best = use if best is None else _nearer(best, use)
    if usage.spend is not None:
        tightest = tightest_limit(usage.spend)
        if tightest is not None:
            used = limit_percent(tightest)
            use = used, is_figure(used) and used >= 100
            best = use if best is None else _nearer(best, use)
    return best


def _nearer(best: tuple[float | None, bool], use: tuple[float | None, bool]) -> tuple[float | None, bool]:
    """The one nearer to the end; of equals the first."""
    if use[1] is not best[1]:
        return use if use[1] else best
    height = use[0] if is_figure(use[0]) else -1.0
    return use if height > (best[0] if is_figure(best[0]) else -1.0) else best


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
    )
    return Measured(row, used, resets_at)
