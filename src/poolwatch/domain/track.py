"""How readings of a usage window become its cycles: one fold, for new readings and for stored ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from poolwatch.domain.cycles import Cycle, EndedBy, Gain, Observation, Rise, Track
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit, event_id
from poolwatch.domain.series import RESET_WOBBLE
from poolwatch.domain.values import replace

#: Resets nearer to each other than this, or than that share of the window, are the same.
_WOBBLE: Final = timedelta(minutes=5)
_WOBBLE_SHARE: Final = 0.02
#: What only one reading says may be a mistake; another that comes so much later confirms it.
_CONFIRMED_AFTER: Final = timedelta(seconds=60)
#: Percentages are rounded, by some down and by others up.
_ROUNDING: Final = 1.0
#: Where the length of a window is not told, or not to the day, its cycles follow upon each other within this.
_CHAIN: Final = timedelta(days=1.5)
_ROUGH: Final = "monthly"
#: Two windows disagree as long as the other one is heard of this often.
_DISPUTE: Final = timedelta(hours=6)
#: A window that nobody speaks of any more is over so long after its reset.
_UNHEARD: Final = timedelta(hours=1)
#: A banked reset and the window that it resets may be told so far from each other.
_REDEEMED: Final = timedelta(hours=1)
#: Shorter windows reset several times a day, which is no event.
_TOLD_FROM: Final = 0.9 * 86400
#: So many readings say something of a window's speed.
_READINGS: Final = 3


class Step(Struct, frozen=True):
    """What one more reading brings: the track after it, cycles that ended, and what it tells."""

    track: Track
    closed: tuple[Cycle, ...] = ()
    events: tuple[LoggedEvent, ...] = ()
    gains: tuple[Gain, ...] = ()


class _Says(StrEnum):
    """What a reading says of the running cycle."""

    SAME = "same"
    #: there is a new window
    NEXT = "next"
    #: less is used of the same window
    LESS = "less"
    #: it speaks of another window, which resets earlier
    OTHER = "other"


def advance(track: Track, account_id: str, bucket: str, window: str, seen: Observation) -> Step:
    """The track after one more reading. They come in order; an earlier one, or the same again, is ignored.

    A new window, and a figure that falls, is believed once a second reading says so too; what happened is
    then dated by the first of the two.
    """
    if track.seen_at is not None and seen.at <= track.seen_at:
        return Step(track)
    running = track.running
    if seen.used_percent is None:
        return _without_figure(track, seen)
    if running is not None and track.candidate is None and _says(track, running, seen) is _Says.SAME:
        return _continued(track, running, seen)
    track = replace(track, seen_at=seen.at)
    if running is None:
        return _begun(_counted(track, seen), Cycle(account_id, bucket, window, seen.at), seen)
    says = _says(track, running, seen)
    if says is _Says.SAME:
        return _continued(track, running, seen)
    if says is _Says.OTHER:
        return _other(track, running, seen)
    first = track.candidate
    if first is None or _says(track, running, first) is not says:
        return Step(_noting(replace(track, candidate=seen)))
    if seen.at - first.at < _CONFIRMED_AFTER:
        return Step(_noting(track))
    if says is _Says.LESS:
        fallen = replace(running, last_percent=first.used_percent)
        return _continued(replace(track, candidate=None), fallen, seen)
    return _renewed(track, running, first, seen)


def _place(cycle: Cycle) -> tuple[str, str, str]:
    return cycle.account_id, cycle.bucket, cycle.window


def _noting(track: Track) -> Track:
    """A reading that is not of the shadow interrupts its row."""
    return track if track.shadow_since is None else replace(track, shadow_since=None)


def _says(track: Track, running: Cycle, seen: Observation) -> _Says:
    used, last = seen.used_percent or 0.0, running.last_percent or 0.0
    planned, told = running.resets_at, seen.resets_at
    wobble = _wobble(running)
    moved = timedelta(0) if planned is None or told is None else told - planned
    is_due = planned is not None and seen.at >= planned - _WOBBLE
    falls = used < last - _ROUNDING
    if is_due and (moved > wobble or falls or (seen.is_unused and last > 0)):
        return _Says.NEXT
    is_changed = seen.plan is not None and running.plan is not None and seen.plan != running.plan
    if is_changed and (used != last or abs(moved) > wobble):
        return _Says.NEXT
    other = track.shadow.resets_at if track.shadow is not None else None
    if abs(moved) > wobble and other is not None and told is not None and abs(told - other) <= wobble:
        return _Says.OTHER
    if moved > wobble and used < last:
        return _Says.NEXT
    if moved < -wobble:
        return _Says.OTHER
    return _Says.LESS if falls else _Says.SAME


def _wobble(cycle: Cycle) -> timedelta:
    return _wobble_of(timedelta(seconds=cycle.window_seconds or 0))


def _wobble_of(length: timedelta) -> timedelta:
    return max(_WOBBLE, length * _WOBBLE_SHARE)


def _without_figure(track: Track, seen: Observation) -> Step:
    """A reading without a percentage tells at most that the window is full, or that it is gone for good."""
    running = track.running
    if running is None:
        return Step(track)
    planned = running.resets_at
    if planned is not None and seen.at >= planned + _UNHEARD:
        ended, first = _ended(running, planned, EndedBy.RESET), track.candidate
        if first is not None and first.at < planned - _WOBBLE:
            first = None
        after = _after(track, ended)
        begun = Step(after) if first is None else advance(after, *_place(running), first)
        told = _told(ended, None if first is None else first.used_percent)
        return Step(
            replace(begun.track, seen_at=seen.at),
            (ended, *begun.closed),
            (*told, *begun.events),
            begun.gains,
        )
    if seen.limit_reached is None:
        return Step(track)
    return Step(replace(track, running=_filled(running, running, seen), seen_at=seen.at))


def _begun(track: Track, blank: Cycle, seen: Observation) -> Step:
    """A window is read while no cycle of it runs."""
    if seen.is_unused:
        plan = seen.plan or track.plan
        return Step(replace(track, unused_at=seen.at, candidate=None, plan=plan))
    length = None if seen.window_seconds is None else timedelta(seconds=seen.window_seconds)
    start, former = seen.at, track.ended_at
    if former is not None and seen.resets_at is not None and seen.resets_at <= former:
        return Step(track)  # an echo of the window that is over
    if seen.resets_at is not None and length is not None:
        start = min(start, seen.resets_at - length)
    is_echo = _is_echo(track, start, length)
    if is_echo and (track.candidate is None or seen.at - track.candidate.at < _CONFIRMED_AFTER):
        return Step(replace(track, candidate=track.candidate or seen))
    from_zero = track.unused_at is not None and (length is None or seen.at - track.unused_at <= length)
    if former is not None:
        # no cycle can have passed in between
        if start - former < (_CHAIN if length is None else length - _wobble_of(length)):
            from_zero = track.from_zero
        is_rough = length is None or blank.window == _ROUGH
        if start - former <= (_CHAIN if is_rough else RESET_WOBBLE):
            start = former
        start = max(start, former)
    from_zero = from_zero and not is_echo
    used = seen.used_percent or 0.0
    cycle = replace(
        blank,
        started_at=start,
        window_seconds=seen.window_seconds,
        resets_at=seen.resets_at,
        peak_percent=used,
        last_percent=used,
        read_at=seen.at,
        rises=_risen((), seen.at, used) if from_zero else (),
        readings=1,
        start_seen=from_zero,
        watched_at=None if from_zero else seen.at,
        plan=seen.plan or track.plan,
    )
    gains = (Gain(seen.at, used),) if from_zero and used > 0 else ()
    cycle = _filled(cycle, cycle, seen)
    return Step(replace(track, running=cycle, candidate=None, unused_at=None), gains=gains)


def _is_echo(track: Track, start: datetime, length: timedelta | None) -> bool:
    """Whether a window that began then was read before, beside the one that has ended since."""
    if length is None or track.ended_read_at is None or not track.from_zero:
        return False
    return start < track.ended_read_at - _wobble_of(length)


def _continued(track: Track, running: Cycle, seen: Observation) -> Step:
    """A reading of the running cycle."""
    used, last = seen.used_percent or 0.0, running.last_percent or 0.0
    peak = running.peak_percent or 0.0
    # what comes and goes by rounding is used once
    level = peak if peak - last <= _ROUNDING else last
    gained = max(0.0, used - level)
    cycle = replace(
        running,
        resets_at=_standing_reset(running, seen.resets_at),
        window_seconds=seen.window_seconds or running.window_seconds,
        peak_percent=max(peak, used),
        last_percent=used,
        read_at=seen.at,
        full_seconds=_full_seconds(running, seen.at),
        full_since=_full_since(running, seen),
        rises=_risen(running.rises, seen.at, gained),
        readings=min(running.readings + 1, _READINGS),
        plan=seen.plan or running.plan,
    )
    shadow, first = track.shadow, track.candidate
    if first is not None and _says(track, running, first) is _Says.NEXT:
        shadow, cycle = first, replace(cycle, disputed=True)
    elif track.shadow_since is not None:
        cycle = replace(cycle, disputed=True)
    track = replace(
        _counted(track, seen),
        running=cycle,
        candidate=None,
        shadow=shadow,
        shadow_since=None,
        seen_at=seen.at,
    )
    gains = (Gain(seen.at, gained),) if gained > 0 else ()
    if shadow is not None and seen.at - shadow.at > _DISPUTE:
        return replace(_agreed(track, cycle), gains=gains)
    return Step(track, gains=gains)


def _standing_reset(running: Cycle, told: datetime | None) -> datetime | None:
    """The reset that holds: as it was first told, until it moves."""
    planned = running.resets_at
    if told is None or told <= running.started_at:
        return planned
    return told if planned is None or abs(told - planned) >= RESET_WOBBLE else planned


def _other(track: Track, running: Cycle, seen: Observation) -> Step:
    """A reading of another window; the second in a row makes it the one that is followed."""
    cycle, shadow, since = running, track.shadow, track.shadow_since
    if shadow is not None and since is None and not running.disputed:
        cycle = replace(cycle, disputed=True)
    if since is None or seen.at - since < _CONFIRMED_AFTER:
        return Step(replace(track, running=cycle, candidate=None, shadow=seen, shadow_since=since or seen.at))
    used = seen.used_percent or 0.0
    followed = replace(
        cycle,
        resets_at=_standing_reset(cycle, seen.resets_at),
        peak_percent=max(cycle.peak_percent or 0.0, used),
        last_percent=used,
        read_at=seen.at,
        readings=min(cycle.readings + 1, _READINGS),
    )
    left = Observation(
        cycle.read_at or seen.at, cycle.last_percent, cycle.resets_at, window_seconds=cycle.window_seconds
    )
    followed = _filled(cycle, followed, seen)
    return Step(replace(track, running=followed, candidate=None, shadow=left, shadow_since=None))


def _agreed(track: Track, running: Cycle) -> Step:
    """The other window is heard of no more; where the one that is left began later, it is a new cycle."""
    cycle, track = replace(running, disputed=False), replace(track, shadow=None, shadow_since=None)
    length = None if cycle.window_seconds is None else timedelta(seconds=cycle.window_seconds)
    if cycle.resets_at is None or length is None or cycle.read_at is None:
        return Step(replace(track, running=cycle))
    began = min(cycle.resets_at - length, cycle.read_at)
    if began - cycle.started_at <= _wobble(cycle):
        return Step(replace(track, running=cycle))
    hour = _hour(began)
    ended = replace(
        _ended(cycle, began, EndedBy.EARLY_RESET),
        resets_at=None,
        rises=tuple(rise for rise in cycle.rises if rise.hour < hour),
        disputed=True,
    )
    full_since = None if cycle.full_since is None else max(cycle.full_since, began)
    renewed = replace(
        cycle,
        started_at=began,
        peak_percent=cycle.last_percent,
        rises=tuple(rise for rise in cycle.rises if rise.hour >= hour),
        full_seconds=0 if full_since is None else _whole_seconds(cycle.read_at - full_since),
        full_since=full_since,
        start_seen=False,
        ratios=(),
    )
    return Step(replace(track, running=renewed, ended_at=began), (ended,), _told(ended, None))


def _renewed(track: Track, running: Cycle, first: Observation, seen: Observation) -> Step:
    """Two readings tell of a new window: the cycle is over, and they are the first of the next one."""
    planned = running.resets_at
    if planned is not None and first.at >= planned - _WOBBLE:
        ended = _ended(running, min(planned, first.at), EndedBy.RESET)
    else:
        ended = _ended(running, first.at, _ended_early(track, running, first, seen))
    begun = advance(_after(track, ended), *_place(running), first)
    went_on = advance(begun.track, *_place(running), seen)
    return Step(
        went_on.track,
        (ended, *begun.closed, *went_on.closed),
        (*_told(ended, first.used_percent), *begun.events, *went_on.events),
        (*begun.gains, *went_on.gains),
    )


def _ended_early(track: Track, running: Cycle, first: Observation, seen: Observation) -> EndedBy:
    if first.plan is not None and running.plan is not None and first.plan != running.plan:
        return EndedBy.PLAN_CHANGE
    redeemed = _counted(_counted(track, first), seen).redeemed_at
    if redeemed is not None and abs(first.at - redeemed) <= _REDEEMED:
        return EndedBy.BANKED_RESET
    return EndedBy.EARLY_RESET


def _counted(track: Track, seen: Observation) -> Track:
    """With the banked resets that are left."""
    if seen.banked is None or seen.banked == track.banked:
        return track
    fewer = track.banked is not None and seen.banked < track.banked
    return replace(track, banked=seen.banked, redeemed_at=seen.at if fewer else track.redeemed_at)


def _ended(running: Cycle, at: datetime, by: EndedBy) -> Cycle:
    at = max(at, running.started_at)
    full = min(_full_seconds(running, at), _whole_seconds(at - running.started_at))
    return replace(running, ended_at=at, ended_by=by, full_seconds=full, full_since=None)


def _after(track: Track, ended: Cycle) -> Track:
    """The track once a cycle has ended, before any reading of the next one."""
    return Track(
        ended_at=ended.ended_at,
        ended_read_at=ended.read_at,
        from_zero=ended.ended_by is not EndedBy.PLAN_CHANGE,
        plan=ended.plan,
        banked=track.banked,
        redeemed_at=track.redeemed_at,
    )


def _told(ended: Cycle, after: float | None) -> tuple[LoggedEvent, ...]:
    """The event of a cycle's end, where it is one."""
    at = ended.ended_at
    kind = None if ended.ended_by is None else _EVENTS.get(ended.ended_by)
    if kind is None or at is None or (ended.window_seconds or _TOLD_FROM) < _TOLD_FROM:
        return ()
    account_id, bucket, window = ended.account_id, ended.bucket, ended.window
    return (
        LoggedEvent(
            event_id(account_id, kind, at, bucket, window),
            at,
            kind,
            account_id,
            bucket=bucket,
            window=window,
            before=ended.last_percent,
            after=after,
            unit=Unit.PERCENT,
        ),
    )


_EVENTS: Final = {
    EndedBy.RESET: EventKind.RESET,
    EndedBy.EARLY_RESET: EventKind.EARLY_RESET,
    EndedBy.BANKED_RESET: EventKind.BANKED_RESET,
}


def _filled(former: Cycle, cycle: Cycle, seen: Observation) -> Cycle:
    """With the time that it stands at 100% counted up to this reading."""
    full_seconds = _full_seconds(former, seen.at)
    return replace(cycle, full_seconds=full_seconds, full_since=_full_since(former, seen), read_at=seen.at)


def _full_since(former: Cycle, seen: Observation) -> datetime | None:
    return (former.full_since or seen.at) if seen.is_full else None


def _full_seconds(cycle: Cycle, until: datetime) -> int:
    """How long it stood at 100%, counted on to `until`."""
    since, read_at = cycle.full_since, cycle.read_at
    if since is None or read_at is None:
        return cycle.full_seconds
    ended_before = cycle.full_seconds - _whole_seconds(read_at - since)
    return ended_before + max(0, _whole_seconds(until - since))


def _whole_seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _risen(rises: tuple[Rise, ...], at: datetime, percent: float) -> tuple[Rise, ...]:
    if percent <= 0:
        return rises
    hour = _hour(at)
    if rises and rises[-1].hour == hour:
        return (*rises[:-1], _rise(hour, rises[-1].percent + percent))
    return (*rises, _rise(hour, percent))


def _hour(at: datetime) -> int:
    return int(at.timestamp() // 3600)


@lru_cache(maxsize=4096)  # many windows rise by the same in one hour: they share the value
def _rise(hour: int, percent: float) -> Rise:
    return Rise(hour, percent)
