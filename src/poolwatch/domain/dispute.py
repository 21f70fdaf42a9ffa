"""Two pools that say different things of one account: whose word is shown, and what the other one says."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.account import Custody, SourceRef
from poolwatch.domain.account_state import AccountState
from poolwatch.domain.events import Read
from poolwatch.domain.instant import is_undated
from poolwatch.domain.usage import UNKNOWN_KIND, Aged, RateLimit, UsageSnapshot, UsageWindow

#: Percentages are rounded, by some down and by others up.
_ROUNDING: Final = 1.0
#: What is used in a moment is no more than this.
_JUMP: Final = 10.0
_MOMENT: Final = timedelta(minutes=15)
#: For so long a word is kept against another pool's, once its own pool says nothing more.
_PATIENCE: Final = timedelta(hours=1)
#: After this a contradiction is history.
_REMEMBERED: Final = timedelta(days=1)
#: Resets that differ by less than this share of their window are one.
_WOBBLE: Final = 0.05


def told_of_base(account: AccountState, event: Read) -> Aged[RateLimit] | None:
    """What a pool says of the base windows of an account that another pool has spoken of, if it does."""
    outcome, held = event.outcome, account.usage.base
    if not isinstance(outcome, UsageSnapshot) or not isinstance(outcome.base, RateLimit):
        return None
    if held is None or held.value is None or held.source == event.source:
        return None
    pools = {entry.ref.source for entry in account.listings if entry.custody is Custody.POOL}
    both = {held.source, event.source} <= pools
    return Aged(outcome.base, event.at, event.source) if both else None


def holds(account: AccountState, told: Aged[RateLimit], now: datetime) -> bool:
    """Whether the word that is shown stays, although another pool contradicts it.

    It does while it is not old, unless the other pool was only away: that one is asked before all others.
    """
    held = account.usage.base
    if held is None or held.value is None or not contradict(held, told):
        return False
    silent = {ref.source: why.since for ref, why in account.silent.items()}
    since = silent.get(held.source)
    if told.source in silent or (since is not None and now - since >= _PATIENCE):
        return False
    if is_undated(held.at):
        return is_undated(told.at)
    return now - held.at < _PATIENCE


def rival_after(
    before: AccountState, base: Aged[RateLimit] | None, told: Aged[RateLimit] | None, now: datetime
) -> Aged[RateLimit] | None:
    """What another pool says against `base`, which is shown from now on; `told` was just said."""
    if base is None or base.value is None:
        return None
    for other in (told, before.usage.base):
        if other is not None and told is not None and other.source != base.source:
            return other if contradict(base, other) else None
    rival = before.rival
    if rival is None or rival.value is None or rival.source == base.source:
        return None
    is_over = not is_undated(rival.at) and now - rival.at > _REMEMBERED
    return None if is_over or _agree(base.value, rival.value, now) else rival


def listed_rival(rival: Aged[RateLimit] | None, refs: Collection[SourceRef]) -> Aged[RateLimit] | None:
    """The same, as long as its pool lists the account."""
    return rival if rival is not None and any(ref.source == rival.source for ref in refs) else None


def contradict(one: Aged[RateLimit], other: Aged[RateLimit]) -> bool:
    """Whether both cannot be true of one account: what is used of a window only grows until it resets."""
    early, late = (one, other) if one.at <= other.at else (other, one)
    if early.value is None or late.value is None:
        return False
    gap = None if is_undated(early.at) else late.at - early.at
    return any(_is_contradiction(was, now, gap, late.at) for was, now in _pairs(early.value, late.value))


def _pairs(one: RateLimit, other: RateLimit) -> list[tuple[UsageWindow, UsageWindow]]:
    there = {window.kind: window for window in other.windows if window.kind != UNKNOWN_KIND}
    return [(window, there[window.kind]) for window in one.windows if window.kind in there]


def _is_contradiction(was: UsageWindow, now: UsageWindow, gap: timedelta | None, at: datetime) -> bool:
    """`gap` is the time between them, None where nobody knows which is later."""
    if was.used_percent is None or now.used_percent is None:
        return False
    grown = now.used_percent - was.used_percent
    if gap is None:
        return abs(grown) > _JUMP
    if was.resets_at is not None and (was.resets_at <= at or _was_reset_early(was, now)):
        return False
    return grown < -_ROUNDING or (grown > _JUMP and gap <= _MOMENT)


def _was_reset_early(was: UsageWindow, now: UsageWindow) -> bool:
    """A banked reset begins a window before the last one is over."""
    if was.resets_at is None or now.resets_at is None:
        return False
    wobble = timedelta(seconds=(was.window_seconds or 0) * _WOBBLE)
    return now.resets_at - was.resets_at > wobble


def _agree(base: RateLimit, rival: RateLimit, now: datetime) -> bool:
    """Whether a window is left in which they differ."""
    return not any(
        abs(one.used_percent - other.used_percent) > _JUMP
        for one, other in _pairs(base, rival)
        if one.used_percent is not None and other.used_percent is not None
        if other.resets_at is None or other.resets_at > now
    )
