"""How an account's limits stood, as session files tell: evidence of whose a conversation was."""

# no `annotations` from __future__: a decoder would evaluate them at each start
from typing import Final, NamedTuple

from msgspec import Raw

from poolwatch.domain.series import RESET_WOBBLE
from poolwatch.sessions.heads import text_of
from poolwatch.sessions.rollout import LimitWindow, read_limits

#: A reset that moves by less is the same one.
_SAME_RESET: Final = RESET_WOBBLE.total_seconds()
_MOST: Final = 2**53

#: used percent and reset by limit and its length
KnownLimits = dict[str, tuple[float | None, int | None]]


class LimitMoved(NamedTuple):
    """A limit that moved. Instants: seconds since 1970, UTC."""

    at: int
    limit_id: str
    minutes: int
    used_percent: float | None
    resets_at: int | None
    plan: str


def moved_limits(raw: Raw, known: KnownLimits, at: int) -> list[LimitMoved]:
    """The windows that do not stand as they are known to; what is told then is known."""
    try:
        limits = read_limits(raw)
    except (ValueError, RecursionError):
        return []
    seen = []
    for window in (limits.primary, limits.secondary):
        if window is None or not 0 < (window.window_minutes or 0) < _MOST:
            continue
        limit_id = text_of(limits.limit_id) or ""
        key = f"{window.window_minutes} {limit_id}"
        now = (window.used_percent, _resets_at(window, at))
        if key in known and _is_same(known[key], now):
            continue
        known[key] = now
        seen.append(
            LimitMoved(at, limit_id, window.window_minutes or 0, *now, text_of(limits.plan_type) or "")
        )
    return seen


def _resets_at(window: LimitWindow, at: int) -> int | None:
    if window.resets_at is not None:
        return window.resets_at if 0 < window.resets_at < _MOST else None
    seconds = window.resets_in_seconds
    return at + int(seconds) if seconds is not None and 0 <= seconds < _MOST else None


def _is_same(one: tuple[float | None, int | None], other: tuple[float | None, int | None]) -> bool:
    if one[0] != other[0]:
        return False
    if one[1] is None or other[1] is None:
        return one[1] is other[1]
    return abs(one[1] - other[1]) < _SAME_RESET
