"""Whose use it was, by the limits that a session file tells: they stood as our readings of one account did.

A file names no account. But a weekly limit that is used by so many percent and ends at that minute is hardly
anybody else's. Where two accounts would do, or none, nobody is named. Instants are seconds since 1970, UTC.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeAlias

from msgspec import Struct, field

from poolwatch.domain.series import FigureName, Series, Timeline
from poolwatch.domain.tokens import QUARTER_SECONDS
from poolwatch.domain.usage import window_length

#: Upstreams compute a reset anew with each answer; this far apart it is the same.
_SAME_RESET: Final = 300.0
#: Percentages are rounded, here or there.
_ROUNDED: Final = 1.0
#: An answer may lag behind by so many percent: such a one speaks neither for an account nor against it.
_LAGGING: Final = 3.0
#: A window that is used less than this may slide along with the clock: it tells nobody.
_LEAST_USED: Final = 1.0
#: Before a reset there may have been no reading for so long.
_LAST_READING: Final = 900.0
#: A shorter window alone proves nothing: among many accounts two of them end within minutes of one another.
_TELLING_SECONDS: Final = 86_400
#: How precisely old readings are kept.
_HOUR: Final = 3600.0
#: A response is counted a moment before the limits after it are told.
_BEFORE: Final = 60.0
_QUARTER: Final = float(QUARTER_SECONDS)
_OPEN: Final = float("inf")
#: A quarter that never comes.
ALWAYS: Final = 2**40

_Window: TypeAlias = tuple[str, str]


class Sighting(Struct, frozen=True):
    """One window's state, as a session file tells it: of which bucket, and of which kind."""

    at: float
    bucket: str
    window: str
    used_percent: float
    resets_at: float


class AccountReadings(Struct, frozen=True):
    """What we read of an account, last at `until`; before `exact_since` only hours are kept."""

    lines: Mapping[FigureName, Timeline]
    until: float
    exact_since: float = 0.0


class Owned(Struct, frozen=True):
    """The quarters of an hour, from `since` to before `until`, in which the use was this account's."""

    since: int
    until: int
    account: str


class _Life(Struct):
    """An account's window until one reset, where it was used: instants, and the percent from then on."""

    account: str
    resets_at: float
    ats: list[float] = field(default_factory=list)
    used: list[tuple[float, float]] = field(default_factory=list)


class _Likeness(Struct, frozen=True):
    """How one window that was seen stands to what we read."""

    seen: Sighting
    #: whose window is reset at that time
    rivals: set[str]
    #: of these, whose may have been used so much
    near: set[str]
    #: of these, whose stood like that
    alike: set[str]

    @property
    def proves(self) -> bool:
        """Whether the window is long enough to tell accounts apart."""
        return _is_long(self.seen)


def _is_long(seen: Sighting) -> bool:
    return (window_length(seen.window) or 0) >= _TELLING_SECONDS


class Readings:
    """Our readings of accounts, ready to be asked whose limits they are."""

    def __init__(self) -> None:
        self._accounts: dict[str, AccountReadings] = {}
        self._lives: dict[_Window, list[_Life]] = {}
        self._has: set[tuple[str, _Window]] = set()
        self._begun: dict[str, float] = {}
        self._gaps: dict[str, list[tuple[float, float]]] = {}

    def add(self, account: str, readings: AccountReadings) -> None:
        """Take in one account."""
        self._accounts[account] = readings
        gaps: dict[tuple[float, float], None] = {}
        for name, line in readings.lines.items():
            if name.series is not Series.WINDOW or not line.points:
                continue
            gaps |= {(gap.start.timestamp(), gap.end.timestamp()): None for gap in line.gaps}
            first = line.points[0].at.timestamp()
            self._begun[account] = min(first, self._begun.get(account, first))
            window = (name.bucket, name.window)
            self._has.add((account, window))
            lives = self._lives.setdefault(window, [])
            lives.extend(_lives(account, line))
            lives.sort(key=_resets_at)
        self._gaps[account] = sorted(gaps)

    def likeness(self, seen: Sighting) -> _Likeness:
        """Whose window may have stood like that."""
        lives = self._lives.get((seen.bucket, seen.window), [])
        first = bisect_left(lives, seen.resets_at - _SAME_RESET, key=_resets_at)
        last = bisect_right(lives, seen.resets_at + _SAME_RESET, key=_resets_at)
        rivals = {life.account for life in lives[first:last]}
        distances = [(life.account, self._distance(life, seen)) for life in lives[first:last]]
        near, alike = (
            {account for account, distance in distances if distance <= most} for most in (_LAGGING, _ROUNDED)
        )
        return _Likeness(seen, rivals, near, alike)

    def refuses(self, account: str, seen: Sighting) -> bool:
        """Whether it is not this account's unless near: the account has such a window, and was read then."""
        window = (seen.bucket, seen.window)
        return (account, window) in self._has and self._watched(account, seen.at)

    def _distance(self, life: _Life, seen: Sighting) -> float:
        """By how many percent the use lies outside of what was read."""
        readings = self._accounts[life.account]
        if seen.at > readings.until:
            return _OPEN
        after = bisect_right(life.ats, seen.at)
        least = life.used[after - 1][1] if after else 0.0
        if after and seen.at < readings.exact_since and seen.at - life.ats[after - 1] < _HOUR:
            # the hour of that reading has not ended: what held before may still have held
            least = life.used[after - 2][1] if after > 1 else 0.0
        if after < len(life.ats):
            most = life.used[after][0]
        elif seen.at > life.resets_at - _LAST_READING or not self._watched(life.account, seen.at):
            most = _OPEN
        else:
            most = life.used[-1][0]
        return max(least - seen.used_percent, seen.used_percent - most, 0.0)

    def _watched(self, account: str, at: float) -> bool:
        begun = self._begun.get(account)
        if begun is None or not begun <= at <= self._accounts[account].until:
            return False
        return not any(start < at < end for start, end in self._gaps[account])


def _lives(account: str, line: Timeline) -> Iterable[_Life]:
    """The window's lives. Two answers that take turns are two lives, each with its own readings."""
    lives: list[_Life] = []
    for point in line.points:
        if not isinstance(point.last, float) or point.last < _LEAST_USED or point.resets_at is None:
            continue
        resets_at = point.resets_at.timestamp()
        life = next((each for each in lives[-3:] if abs(each.resets_at - resets_at) <= _SAME_RESET), None)
        if life is None:
            life = _Life(account, resets_at)
            lives.append(life)
        high = point.high if isinstance(point.high, float) else point.last
        life.ats.append(point.at.timestamp())
        life.used.append((high, point.last))
    return lives


def _resets_at(life: _Life) -> float:
    return life.resets_at


class _Span(Struct):
    """A time in which one account was used: one of those that may be it."""

    since: float
    #: None: nobody's window stood like that so far
    possible: set[str] | None = None
    #: of these a window that proves something stood like that
    proven: set[str] = field(default_factory=set)
    #: whose window is reset at the same time, and which it is not
    denied: set[str] = field(default_factory=set)
    #: the reset of each window as last seen
    resets: dict[_Window, float] = field(default_factory=dict)
    until: float = _OPEN

    @property
    def account(self) -> str | None:
        """The only one that it can be."""
        only = next(iter(self.possible)) if self.possible is not None and len(self.possible) == 1 else None
        return only if only in self.proven else None

    @property
    def end(self) -> float:
        """Until when that is told: a window that was reset would have been seen to move."""
        return min([self.until, *self.resets.values()])

    def goes_on(self, windows: Iterable[Sighting]) -> bool:
        """Whether the long windows, told where they move, are as before: then the account is the same."""
        return all(
            abs(self.resets.get((each.bucket, each.window), _OPEN) - each.resets_at) <= _SAME_RESET
            for each in windows
            if _is_long(each)
        )

    def see(self, at: float, windows: Sequence[Sighting], readings: Readings) -> None:
        """Have fewer accounts possible, by windows that were seen together."""
        told = [
            readings.likeness(each)
            for each in windows
            if each.used_percent >= _LEAST_USED and each.resets_at > at
        ]

        def is_other(account: str) -> bool:
            return any(account not in each.near and readings.refuses(account, each.seen) for each in told)

        long = [each for each in told if each.proves]
        self.denied.update(account for each in long for account in each.rivals if is_other(account))
        found = {account for each in told for account in each.alike if not is_other(account)} - self.denied
        if self.possible is not None:
            self.possible = {
                each for each in self.possible - self.denied if each in found or not is_other(each)
            }
        elif found:
            self.possible = found
        self.proven.update(account for each in long for account in each.alike & found)
        resets = self.resets | {(each.bucket, each.window): each.resets_at for each in windows}
        self.resets = {window: resets_at for window, resets_at in resets.items() if resets_at > at}


class Course:
    """Whose the use of one conversation was, found out moment by moment."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._spans: list[_Span] = []

    def see(self, windows: Sequence[Sighting]) -> None:
        """Take in windows that were seen together, later than those before."""
        at, spans = windows[0].at, self._spans
        if not spans or not spans[-1].goes_on(windows):
            if spans:
                spans[-1].until = at
            spans.append(_Span(at))
        spans[-1].see(at, windows, self._readings)

    def owned(self, last: int) -> list[Owned]:
        """Whose it was until quarter `last` (not included). A quarter that two had a part in is nobody's."""
        return _in_quarters(self._spans, last)


def moments(seen: Iterable[Sighting]) -> Iterator[list[Sighting]]:
    """What was seen together, in order of time."""
    return (list(together) for _, together in groupby(seen, key=lambda each: each.at))


def _in_quarters(spans: Sequence[_Span], last: int) -> list[Owned]:
    owned: list[Owned] = []
    #: the first quarter that is not taken, and whose the time before it was
    free, former = 0, None
    for span in spans:
        account = span.account
        since = int((span.since - _BEFORE) // _QUARTER)
        since = max(since, free if former == account else free + 1 if since <= free else since)
        # a whole quarter only: what comes behind its end may be another's
        until = int(min(span.end, last * _QUARTER) // _QUARTER)
        if account is not None and since < until:
            owned.append(Owned(since, until, account))
        free, former = until, account
    return owned


class HomeLogin(Struct, frozen=True):
    """Who was logged in in a Codex home, in quarters: first noticed at `since`, last at `seen`.

    `account` is empty for a login that is no account's, such as an API key.
    """

    home: str
    account: str
    since: int
    seen: int


def of_home(logins: Sequence[HomeLogin]) -> list[Owned]:
    """Whose the use in a home was, by its logins in order of time.

    One that was never another's was always the same account's. Else only the time is told for which it is
    known; the quarter in which somebody was first noticed may still be the former one's.
    """
    if len(logins) == 1:
        return [Owned(0, ALWAYS, logins[0].account)] if logins[0].account else []
    known = (Owned(each.since + 1, each.seen, each.account) for each in logins if each.account)
    return [each for each in known if each.since < each.until]


def without(owned: Sequence[Owned], taken: Sequence[Owned]) -> list[Owned]:
    """What is left of `owned` outside of what is taken; both are in order of time."""
    left: list[Owned] = []
    for each in owned:
        since = each.since
        for other in taken:
            if other.until <= since or other.since >= each.until:
                continue
            if other.since > since:
                left.append(Owned(since, other.since, each.account))
            since = other.until
        if since < each.until:
            left.append(Owned(since, each.until, each.account))
    return left
