"""What an account's readings tell of its windows: as they come, and once more from its stored history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Final, TypeAlias

from msgspec import Struct, field

from poolwatch.domain.cycles import Cycle, Gain, Observation, Track
from poolwatch.domain.event_log import LoggedEvent, Standing, reading_events
from poolwatch.domain.series import SPEND_BUCKET, Figure, HistoryRow, Place, Series
from poolwatch.domain.track import advance
from poolwatch.domain.usage import BASE_BUCKET, Aged, Credits, RateLimit, Usage, UsageWindow, window_length

#: A window among those of an account: bucket and kind.
WindowPlace: TypeAlias = tuple[str, str]
#: More says nothing of a limit; no source tells it either.
_MOST_PERCENT: Final = 999_999


class Followed(Struct, frozen=True):
    """The windows of one account after some readings, and what those told."""

    tracks: Mapping[WindowPlace, Track] = field(default_factory=dict)
    #: cycles that ended
    closed: tuple[Cycle, ...] = ()
    events: tuple[LoggedEvent, ...] = ()
    gains: tuple[tuple[WindowPlace, Gain], ...] = ()
    #: the figures that hold, and how the account stands by them, where its history is read
    figures: Mapping[Place, Figure] = field(default_factory=dict)
    standing: Standing | None = None

    @property
    def cycles(self) -> tuple[Cycle, ...]:
        """Those that ended, and those that run."""
        running = (track.running for track in self.tracks.values())
        return (*self.closed, *(cycle for cycle in running if cycle is not None))


def observations(
    figures: Mapping[Place, Figure], at: datetime, banked: int | None = None
) -> dict[WindowPlace, Observation]:
    """What these figures say of each window and spend limit."""
    plan = next((figure.plan for place, figure in figures.items() if place[0] is Series.PLAN), None)
    found: dict[WindowPlace, Observation] = {}
    for (series, bucket, window), figure in figures.items():
        if series is Series.WINDOW:
            seconds = window_length(window)
            found[bucket, window] = Observation(
                at, figure.used_percent, figure.resets_at, seconds, figure.limit_reached, plan, banked
            )
        elif series is Series.SPEND:
            used, limit = figure.spent, figure.spend_limit
            percent = figure.used_percent if used is None or not limit else float(used / limit * 100)
            if percent is not None and abs(percent) > _MOST_PERCENT:
                percent = None
            found[SPEND_BUCKET, window] = Observation(at, percent, figure.resets_at)
    return found


def follow(
    account_id: str, tracks: Mapping[WindowPlace, Track], seen: Mapping[WindowPlace, Observation]
) -> Followed:
    """The tracks of an account after one reading. Windows that it does not speak of stay as they are."""
    after = dict(tracks)
    closed: list[Cycle] = []
    events: list[LoggedEvent] = []
    gains: list[tuple[WindowPlace, Gain]] = []
    for place, observation in seen.items():
        step = advance(after.get(place, _NEW), account_id, *place, observation)
        after[place] = step.track
        closed += step.closed
        events += step.events
        gains += ((place, gain) for gain in step.gains)
    return Followed(after, tuple(closed), tuple(events), tuple(gains))


_NEW: Final = Track()
_NOTHING: Final = Followed()


def replay(
    account_id: str,
    rows: Iterable[HistoryRow],
    former: Followed = _NOTHING,
    until: datetime | None = None,
    windows: Collection[WindowPlace] | None = None,
    *,
    only_resets: bool = False,
) -> Followed:
    """What an account's history, in order of time, tells that the same readings told when they came.

    History has what changed; what did not is read along with it. `until` is when the last of it was still
    read to be so. `former` is what was before these rows; nothing of it is told again. `windows` None: all of
    them. `only_resets`: the other events were told already.
    """
    held = dict(former.figures)
    tracks, standing = former.tracks, former.standing
    closed: list[Cycle] = []
    events: list[LoggedEvent] = []
    gains: list[tuple[WindowPlace, Gain]] = []
    for at in _readings(rows, held, until):
        seen = observations(held, at)
        if windows is not None:
            seen = {place: each for place, each in seen.items() if place in windows}
        followed = follow(account_id, tracks, seen)
        tracks = followed.tracks
        closed += followed.closed
        events += followed.events
        gains += followed.gains
        if not only_resets:
            now = Standing.of(_usage(held, at))
            events += () if standing is None else reading_events(account_id, standing, now, at)
            standing = now
    return Followed(tracks, tuple(closed), tuple(events), tuple(gains), held, standing)


def _readings(
    rows: Iterable[HistoryRow], held: dict[Place, Figure], until: datetime | None
) -> Iterator[datetime]:
    """Each instant at which a figure changed, with all figures of that moment in `held`; and the end."""
    last: datetime | None = None
    for at, changed in groupby(rows, key=lambda row: row.at):
        for row in changed:
            held[row.series, row.bucket, row.window] = row.figure
        last = at
        yield at
    if until is not None and held and (last is None or until > last):
        yield until


def _usage(figures: Mapping[Place, Figure], at: datetime) -> Usage:
    """As much of what was known as its history tells."""
    windows, allowed = [], None
    credits: Aged[Credits] | None = None
    plan: Aged[str] | None = None
    for (series, bucket, window), figure in figures.items():
        if series is Series.WINDOW and bucket == BASE_BUCKET and figure != _GONE:
            seconds = window_length(window)
            windows.append(UsageWindow(figure.used_percent, seconds, figure.resets_at, figure.limit_reached))
            allowed = figure.allowed
        elif series is Series.CREDITS:
            credits = Aged(Credits(None, figure.unlimited, None, figure.balance), at, "")
        elif series is Series.PLAN:
            plan = Aged(figure.plan, at, "")
    base = Aged(RateLimit(allowed, None, tuple(windows)), at, "") if windows else None
    return Usage(plan=plan, base=base, credits=credits)


_GONE: Final = Figure()
