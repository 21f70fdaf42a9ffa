"""Banked resets and their use: which one, whether it may be used now, and what is known of each use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing
from poolwatch.domain.message import Message, message
from poolwatch.domain.usage import (
    BankedReset,
    Bucket,
    ResetCredits,
    Usage,
    UsageSnapshot,
    usable_resets,
)

#: After one was used, figures may lag for minutes; meanwhile nobody uses a second one by mistake.
REST: Final = timedelta(minutes=15)
#: A pool that chooses the reset itself remembers for which request it chose it at least this long.
POOL_REMEMBERS: Final = timedelta(hours=24)
#: Clocks are put right by so much between two looks.
_SKEW: Final = timedelta(minutes=5)
_REDEEMING: Final = "redeeming"
_FULL: Final = 100.0


class ResetOutcome(StrEnum):
    """What became of a use."""

    RESET = "reset"
    #: this very request was processed before
    ALREADY = "already"
    #: a pool took it, and does not say what the service answered
    ACCEPTED = "accepted"
    #: nothing was used of the windows, and no reset
    NOTHING = "nothing"
    #: there is none that could be used
    NONE = "none"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    #: it may have been used
    UNKNOWN = "unknown"

    @property
    def is_good(self) -> bool:
        """Whether a reset was used for it."""
        return self in _GOOD


_GOOD: Final = frozenset({ResetOutcome.RESET, ResetOutcome.ALREADY, ResetOutcome.ACCEPTED})


class ResetRoute(StrEnum):
    """Who is asked to use a reset: it follows from the login, and there is no other way for it."""

    SERVICE = "service"
    #: the installed codex, on the home whose login it is
    CODEX = "codex"
    CODEX_LB = "codex-lb"
    CODEX_PROXY = "codex-proxy"

    @property
    def chooses(self) -> bool:
        """Whether the pool chooses the reset itself."""
        return self in (ResetRoute.CODEX_LB, ResetRoute.CODEX_PROXY)


class Figure(Struct, frozen=True):
    """One window at one moment; `window` is its kind, behind a slash its bucket if that is not the base."""

    window: str
    used_percent: float | None
    resets_at: datetime | None = None
    full: bool = False


class ResetLook(Struct, frozen=True):
    """The usage and the banked resets of an account, read just now; `rows` None: the source lists none.

    `at` is our own clock's, `ahead` what the service's is ahead of it.
    """

    usage: UsageSnapshot
    rows: tuple[BankedReset, ...] | None
    at: datetime
    ahead: timedelta = timedelta(0)

    @property
    def served_at(self) -> datetime:
        """The same by the service's clock, which the ends of resets are told by."""
        return self.at + self.ahead

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every window, the base's first."""
        return figures_of(Usage().merged(self.usage, self.at, ""))

    @property
    def available(self) -> int | None:
        """How many there are; what the list holds where nobody counts."""
        counted = self.usage.reset_credits
        if isinstance(counted, ResetCredits) and counted.available is not None:
            return counted.available
        return None if self.rows is None else len(usable_resets(self.rows, self.served_at))


def figures_of(usage: Usage) -> tuple[Figure, ...]:
    """Every window of a usage, the base's first, shortest first."""
    return tuple(figure for bucket in usage.buckets for figure in _figures(bucket))


def _figures(bucket: Bucket) -> Iterable[Figure]:
    limit = bucket.limit
    for window in () if limit is None else limit.windows:
        name = window.kind if bucket.id == "codex" else f"{window.kind}/{bucket.name}"
        yield Figure(
            name,
            window.used_percent,
            window.resets_at,
            limit is not None and limit.is_full(window),
        )


class ResetUse(Struct, frozen=True):
    """One request to use a reset, as far as it came. `id` is the request's: asking again repeats it.

    `settled`: a person said that it used one, or that it did not. `reset_id` None: the pool chose.
    """

    id: str
    #: the account's public id
    account: str
    #: marks the workspace, in which one at a time is used
    workspace: str
    route: ResetRoute
    at: datetime
    reset_id: str | None = None
    ends_at: datetime | None = None
    outcome: ResetOutcome = ResetOutcome.UNKNOWN
    reason: Message | None = None
    ended_at: datetime | None = None
    settled: bool | None = None
    before: tuple[Figure, ...] = ()
    available: int | None = None
    #: by whom it was told to the service: the source and the place of its entry there
    source: str = ""
    place: str = ""
    #: where the source was asked
    address: str = ""

    @property
    def was_used(self) -> bool:
        """Whether it used a reset, by the answer or by what a person said."""
        return self.outcome.is_good if self.settled is None else self.settled

    @property
    def is_open(self) -> bool:
        """Whether nobody knows what became of it."""
        return self.outcome is ResetOutcome.UNKNOWN and self.settled is None

    def may_be_asked_again(self, now: datetime) -> bool:
        """Whether the same request cannot use a second reset, and so may be sent once more."""
        if not self.is_open or self.reset_id is not None:
            return self.is_open
        # of a clock that was put back nobody knows how long ago it was
        return -_SKEW <= now - self.at < POOL_REMEMBERS


class Wish(Struct, frozen=True):
    """What a person wants used: the reset that was shown, None where a pool chooses it."""

    reset_id: str | None = None
    #: although no window is exhausted
    even_if_not_exhausted: bool = False


class Refusal(Struct, frozen=True):
    """Why no reset is used now."""

    outcome: ResetOutcome
    why: Message


class Evidence(StrEnum):
    """What fresh figures say of a use whose answer was lost."""

    #: the service is still at it
    REDEEMING = "redeeming"
    REDEEMED = "redeemed"
    #: the row is there, and can be used
    AVAILABLE = "available"
    #: used ones may drop out of the list, so this alone proves nothing
    MISSING = "missing"
    #: the history has a use since then
    USED_SINCE = "used_since"
    WINDOWS_FELL = "windows_fell"
    WINDOWS_STAND = "windows_stand"


class ResetWay(Struct, frozen=True):
    """By which entry of the account a reset is used."""

    entry: Listing
    route: ResetRoute

    def went(self, use: ResetUse | None) -> bool:
        """Whether a request went this way."""
        ref = self.entry.ref
        return use is not None and (self.route, ref.source, ref.place) == (use.route, use.source, use.place)

    @property
    def place(self) -> str:
        """Its file or home for people; a pool's has none."""
        return (self.entry.home if self.route is ResetRoute.CODEX else None) or self.entry.path or ""


class ResetPlan(Struct, frozen=True):
    """What would be used now, by fresh figures. `found` None: the pool chooses; a Refusal: nothing."""

    key: AccountKey
    way: ResetWay
    look: ResetLook
    found: BankedReset | Refusal | None


class UsedReset(Struct, frozen=True):
    """What became of a use, and the windows after it as they were read; None: they were not."""

    use: ResetUse
    after: tuple[Figure, ...] | None = None
    evidence: tuple[Evidence, ...] = ()


class ResetHistory(Struct, frozen=True):
    """What the service's own history has of uses, old to new; instants by its clock.

    It reaches back to `since`, where it says so. `is_part`: there were more than these.
    """

    used_at: tuple[datetime, ...]
    as_of: datetime | None = None
    since: datetime | None = None
    is_part: bool = False


def soonest(rows: Sequence[BankedReset], now: datetime) -> BankedReset | None:
    """The one that ends first among those that can be used and told apart."""
    usable = usable_resets(rows, now)
    return next((row for row in usable if row.id is not None and row.supported is not False), None)


def chosen(
    look: ResetLook, route: ResetRoute, uses: Iterable[ResetUse], wish: Wish
) -> BankedReset | Refusal | None:
    """The reset to use now, or why none is; None: the pool chooses.

    `uses` are those of the same workspace.
    """
    refused = _held_back(uses, look)
    if refused is not None:
        return refused
    rows, found = look.rows or (), None
    if route.chooses:
        if look.available == 0:
            return Refusal(ResetOutcome.NONE, message("resets.none"))
        if wish.reset_id is not None:
            return Refusal(ResetOutcome.REFUSED, message("resets.pool_chooses"))
    else:
        named = [row for row in rows if row.id == wish.reset_id]
        found = (named[0] if named else None) if wish.reset_id is not None else soonest(rows, look.served_at)
        if found is None and wish.reset_id is not None:
            return Refusal(ResetOutcome.REFUSED, message("resets.changed"))
        if found is None:
            return Refusal(ResetOutcome.NONE, message(_why_none(rows, look)))
        if not found.is_usable(look.served_at):
            return Refusal(ResetOutcome.REFUSED, message("resets.changed"))
        if found.supported is False:
            return Refusal(ResetOutcome.REFUSED, message("resets.unsupported"))
    figures = look.figures
    if not wish.even_if_not_exhausted and not any(each.full for each in figures):
        return Refusal(ResetOutcome.REFUSED, _not_exhausted(figures))
    return found


def _held_back(uses: Iterable[ResetUse], look: ResetLook) -> Refusal | None:
    """Why nothing is used in this workspace whatever its windows: an earlier use, or one under way."""
    for use in uses:
        if use.is_open:
            return Refusal(ResetOutcome.REFUSED, message("resets.unresolved", id=use.id[:8]))
        if not use.was_used or use.ended_at is None or look.at - use.ended_at >= REST:
            continue
        if look.at >= use.ended_at - _SKEW:
            left = -(-(REST - max(look.at - use.ended_at, timedelta(0))) // timedelta(minutes=1))
            return Refusal(ResetOutcome.REFUSED, message("resets.lately", minutes=left))
        # the clock was put back since: only figures tell whether they show the reset
        if _stand(use.before, look.figures):
            return Refusal(ResetOutcome.REFUSED, message("resets.clock_put_back"))
    if any(row.status == _REDEEMING for row in look.rows or ()):
        return Refusal(ResetOutcome.REFUSED, message("resets.redeeming"))
    return None


def _why_none(rows: Sequence[BankedReset], look: ResetLook) -> str:
    usable = usable_resets(rows, look.served_at)
    if usable and all(row.supported is False for row in usable):
        return "resets.unsupported"
    # the count may be higher than the rows that came
    return "resets.no_ids" if usable or look.available else "resets.none"


def _not_exhausted(figures: Sequence[Figure]) -> Message:
    known = [each for each in figures if each.used_percent is not None]
    if not known:
        return message("resets.usage_unknown")
    busiest = max(known, key=lambda each: each.used_percent or 0)
    return message("resets.not_exhausted", window=busiest.window, used=f"{busiest.used_percent:g}")


def _stand(before: Sequence[Figure], now: Sequence[Figure]) -> bool:
    """Whether a full window is still there as it was: it ends when it did, or nobody says when it ends."""
    then = {each.window: each.resets_at for each in before}
    for each in now:
        was = then.get(each.window)
        if each.full and (was is None or each.resets_at is None or abs(each.resets_at - was) <= _SKEW):
            return True
    return False


def evidence(use: ResetUse, look: ResetLook, history: ResetHistory | None) -> tuple[Evidence, ...]:
    """What speaks for and against it; `history` None: it is not to be had."""
    found: list[Evidence] = []
    if use.reset_id is not None and look.rows is not None:
        row = next((row for row in look.rows if row.id == use.reset_id), None)
        if row is None:
            found.append(Evidence.MISSING)
        elif row.status == _REDEEMING:
            found.append(Evidence.REDEEMING)
        else:
            found.append(Evidence.AVAILABLE if row.is_usable(look.served_at) else Evidence.REDEEMED)
    # clocks differ by a little
    used_at = () if history is None else history.used_at
    if any(at >= use.at + look.ahead - timedelta(minutes=1) for at in used_at):
        found.append(Evidence.USED_SINCE)
    if use.before:
        found.append(Evidence.WINDOWS_FELL if fell(use.before, look.figures) else Evidence.WINDOWS_STAND)
    return tuple(found)


def fell(before: Sequence[Figure], after: Sequence[Figure]) -> bool:
    """Whether the figures show a reset: a window that was used is far lower than it was."""
    then = {each.window: each.used_percent for each in before}
    for each in after:
        was, used = then.get(each.window), each.used_percent
        if was is not None and used is not None and was > 0 and used < was / 2:
            return True
    return False
