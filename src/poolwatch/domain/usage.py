"""Usage as a source tells it, field by field, and as it is known after merging."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from functools import lru_cache
from math import ceil, floor, inf
from typing import Final, Generic, TypeAlias, TypeVar

from msgspec import Struct

from poolwatch.domain.values import is_undated, replace

_USABLE: Final = frozenset({"available", "granted"})


class BankedReset(Struct, frozen=True):
    """One row of the list of banked resets; instants are aware UTC, texts are sanitised.

    `expires_at` None means that it never expires, or with `expiry_known` False that nobody says when.
    """

    expires_at: datetime | None
    granted_at: datetime | None = None
    #: as the service words it: available, granted, redeeming, redeemed
    status: str | None = None
    title: str | None = None
    expiry_known: bool = True
    #: by which the service knows it; None where the source does not tell
    id: str | None = None
    #: until when it can be used, where that is not when it expires
    consumable_until: datetime | None = None
    #: False: the account's plan has no use for it
    supported: bool | None = None

    @property
    def ends_at(self) -> datetime | None:
        """When it is lost; None: never, or nobody says when."""
        return self.consumable_until or self.expires_at

    def is_usable(self, now: datetime) -> bool:
        """Neither redeemed nor expired."""
        return self.status in _USABLE and (self.ends_at is None or self.ends_at > now)


def usable_resets(rows: Iterable[BankedReset], now: datetime) -> tuple[BankedReset, ...]:
    """The rows that can be redeemed at `now`, first to expire first, those without an instant last."""
    usable = [row for row in rows if row.is_usable(now)]
    return tuple(
        sorted(usable, key=lambda row: (row.ends_at is None, row.ends_at or now, not row.expiry_known))
    )


T = TypeVar("T")


class Unsaid(Enum):
    """Why a source gives no value: it does not speak of the field, or what it says cannot be read."""

    ABSENT = "absent"
    MALFORMED = "malformed"


#: A field as a source tells it: a value, None where the source says "there is none", or Unsaid.
Said: TypeAlias = T | Unsaid | None

#: For so long a dated word of another source is better than one that nobody dates.
_FRESH: Final = timedelta(minutes=15)
_HOUR: Final = 3600
_DAY: Final = 86400
_TOLERANCE: Final = 0.05
WEEKLY: Final = "weekly"
FIVE_HOURS: Final = "5h"
_MONTHLY: Final = "monthly"
_NAMED: Final = ((18000, FIVE_HOURS), (86400, "daily"), (604800, WEEKLY))
#: A month of the calendar has 28 to 31 days, and half a day more or less is still one.
_MONTH: Final = (27.5 * _DAY, 31.5 * _DAY)
#: The kind of a window whose length nobody said.
UNKNOWN_KIND: Final = "unknown"
BASE_BUCKET: Final = "codex"
REVIEW_BUCKET: Final = "code_review"
#: Who says of a limit that it resets further from now says nothing: a year, and what clocks differ by.
FURTHEST_RESET: Final = timedelta(days=400)


@lru_cache(maxsize=256)  # the same few lengths, asked for several times for each account
def window_kind(seconds: int | None) -> str:
    """A window's name by its length: 5h, daily, weekly within 5%, monthly, else like `12h` or `3d`."""
    if seconds is None or seconds <= 0:
        return UNKNOWN_KIND
    for length, name in _NAMED:
        if abs(seconds - length) <= length * _TOLERANCE:
            return name
    if _MONTH[0] <= seconds <= _MONTH[1]:
        return _MONTHLY
    if seconds % _DAY == 0:
        return f"{seconds // _DAY}d"
    hours = round(seconds / _HOUR)
    if abs(seconds - hours * _HOUR) <= hours * _HOUR * _TOLERANCE:
        return f"{hours}h"
    return f"{max(1, round(seconds / 60))}m"


#: So many digits has a number of minutes, hours or days at most.
_LONGEST: Final = 9
#: No source tells of a longer window, rounding aside.
_LONGEST_SECONDS: Final = 2 * 10**9
_UNITS: Final = {"m": 60, "h": _HOUR, "d": _DAY}


@lru_cache(maxsize=256)  # asked for with every line of history
def window_length(kind: str) -> int | None:
    """The seconds of a window of this kind, where the name tells them; its own may differ a little."""
    for length, name in (*_NAMED, (30 * _DAY, _MONTHLY)):
        if kind == name:
            return length
    digits, unit = kind[:-1], kind[-1:]
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST and unit in _UNITS):
        return None
    length = int(digits) * _UNITS[unit]
    if not 0 < length <= _LONGEST_SECONDS:
        return None
    # a length beside one that has a name is rounded into it: the nearest that is called so
    return next((each for each in (length, *_beside_named(length)) if window_kind(each) == kind), length)


def _beside_named(length: int) -> Iterator[int]:
    """The lengths right beside this one, and beside those that have a name or are whole hours."""
    yield from (length - 1, length + 1)
    hours = round(length / _HOUR) * _HOUR
    for named in (hours, *(each for each, _ in _NAMED)):
        yield ceil(named * (1 - _TOLERANCE)) - 1
        yield floor(named * (1 + _TOLERANCE)) + 1
    yield ceil(_MONTH[0]) - 1
    yield floor(_MONTH[1]) + 1


class UsageWindow(Struct, frozen=True):
    """One usage window; `resets_at` is aware UTC, `used_percent` is as given, also outside 0..100."""

    used_percent: float | None
    window_seconds: int | None
    resets_at: datetime | None
    #: the source's own flag for this window
    limit_reached: bool | None = None

    @property
    def kind(self) -> str:
        """The window's name by its length, wherever it stood in the payload."""
        return window_kind(self.window_seconds)


class RateLimit(Struct, frozen=True):
    """One `rate_limit` object; its windows are one field and are replaced together."""

    allowed: bool | None
    limit_reached: bool | None
    windows: tuple[UsageWindow, ...]

    def reached(self, window: UsageWindow) -> bool | None:
        """Whether this window is used up: its own flag, else its figure, else (if alone) its bucket."""
        if window.limit_reached is not None:
            return window.limit_reached
        if window.used_percent is not None:
            return window.used_percent >= 100
        return self.limit_reached if len(self.windows) == 1 else None

    def is_full(self, window: UsageWindow) -> bool:
        """Whether this window counts as used up: flagged so, or at 100% whatever its flag says."""
        used = window.used_percent
        if window.limit_reached is True or (used is not None and used >= 100):
            return True
        return used is None and self.reached(window) is True


class Bucket(Struct, frozen=True):
    """A metered bucket beside the base one; `limit` is None where the source says it has no window."""

    id: str
    name: str
    limit: RateLimit | None


class Credits(Struct, frozen=True):
    """The credits object; `balance` is in credits, exactly as sent (zeros kept), None when unknown."""

    has_credits: bool | None
    unlimited: bool | None
    overage_limit_reached: bool | None
    balance: Decimal | None

    @property
    def counts(self) -> bool:
        """Whether the balance belongs into the pool's total."""
        if self.balance is None or self.unlimited:
            return False
        return self.has_credits is True or (self.has_credits is None and self.balance > 0)

    @property
    def is_unknown(self) -> bool:
        """A credit facility whose balance nobody knows."""
        return self.has_credits is True and not self.unlimited and self.balance is None

    @property
    def is_shown(self) -> bool:
        """Whether a card has a credits row at all."""
        return bool(self.has_credits or self.unlimited or (self.balance is not None and self.balance != 0))


class SpendLimit(Struct, frozen=True):
    """One spend limit of a month, in credits; `kind` as in the wire's `reached_limit_type`."""

    kind: str
    limit: Decimal | None
    used: Decimal | None
    remaining: Decimal | None
    used_percent: float | None
    resets_at: datetime | None


class SpendControl(Struct, frozen=True):
    """Spend limits of a workspace and whether one of them is reached."""

    reached: bool | None
    reached_limit_type: str | None
    limits: tuple[SpendLimit, ...]


class ReachedType(StrEnum):
    """The known values of `rate_limit_reached_type`; any other is ignored, as the official client does."""

    RATE_LIMIT = "rate_limit_reached"
    OWNER_CREDITS = "workspace_owner_credits_depleted"
    MEMBER_CREDITS = "workspace_member_credits_depleted"
    OWNER_USAGE = "workspace_owner_usage_limit_reached"
    MEMBER_USAGE = "workspace_member_usage_limit_reached"


class ResetCredits(Struct, frozen=True):
    """Banked resets: how many there are, how many apply now, when the first expires if that was said."""

    available: int | None
    applicable: int | None
    expires_at: datetime | None = None


class UsageSnapshot(Struct, frozen=True):
    """One successful reading, each field on its own; the first three name its owner, where it does."""

    user_id: str | None = None
    account_id: str | None = None
    email: str | None = None
    plan: Said[str] = Unsaid.ABSENT
    base: Said[RateLimit] = Unsaid.ABSENT
    review: Said[RateLimit] = Unsaid.ABSENT
    extras: Said[tuple[Bucket, ...]] = Unsaid.ABSENT
    credits: Said[Credits] = Unsaid.ABSENT
    spend: Said[SpendControl] = Unsaid.ABSENT
    reached_type: Said[ReachedType] = Unsaid.ABSENT
    reset_credits: Said[ResetCredits] = Unsaid.ABSENT
    reset_list: Said[tuple[BankedReset, ...]] = Unsaid.ABSENT


class Aged(Struct, Generic[T], frozen=True):
    """A merged field: its value, when and by which source it was said. `known` is False after rubbish."""

    value: T | None
    at: datetime
    source: str
    known: bool = True


class Usage(Struct, frozen=True):
    """All that is known of an account's usage; None where no source ever spoke of a field."""

    plan: Aged[str] | None = None
    base: Aged[RateLimit] | None = None
    review: Aged[RateLimit] | None = None
    extras: Aged[tuple[Bucket, ...]] | None = None
    credits: Aged[Credits] | None = None
    spend: Aged[SpendControl] | None = None
    reached_type: Aged[ReachedType] | None = None
    reset_credits: Aged[ResetCredits] | None = None
    #: apart from the count, which comes far more often
    reset_list: Aged[tuple[BankedReset, ...]] | None = None

    def merged(
        self, snapshot: UsageSnapshot, at: datetime, source: str, now: datetime | None = None
    ) -> Usage:
        """With a newer reading taken in: absent fields stay and age, null replaces, rubbish makes unknown.

        A reading older than what a field holds (a pool's cached quota) leaves that field alone, unless the
        field is dated after `now`: then the clock was ahead when it was said, and nobody knows its age. One
        that nobody dates takes the place of what its own source said, and of what is no longer fresh.
        """
        changed: dict[str, Aged[object]] = {}
        for name in FIELD_NAMES:
            said = getattr(snapshot, name)
            if said is Unsaid.ABSENT:
                continue
            held = getattr(self, name)
            if held is not None and _stays(held, at, source, now):
                continue
            known = said is not Unsaid.MALFORMED
            changed[name] = Aged(said if known else None, at, source, known)
        return replace(self, **changed) if changed else self  # type: ignore[arg-type]  # names are FIELD_NAMES

    @property
    def windows(self) -> tuple[UsageWindow, ...]:
        """The base bucket's windows, shortest first."""
        return () if self.base is None or self.base.value is None else windows_by_length(self.base.value)

    @property
    def fullest(self) -> dict[str, UsageWindow]:
        """The base windows by kind; of two of one kind the fuller, which is the one that binds."""
        found: dict[str, UsageWindow] = {}
        for window in (
            self.base.value.windows if self.base is not None and self.base.value is not None else ()
        ):
            kind, used = window.kind, window.used_percent or 0
            if kind not in found or used > (found[kind].used_percent or 0):
                found[kind] = window
        return found

    @property
    def full_windows(self) -> tuple[UsageWindow, ...]:
        """The base windows that are used up, shortest first.

        A lone window without a figure is full where its bucket is flagged so.
        """
        base = self.base.value if self.base is not None else None
        return () if base is None else tuple(each for each in self.windows if base.is_full(each))

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """Every bucket that was spoken of: base first, then code review, then the others by id."""
        found: list[Bucket] = []
        if self.base is not None and self.base.value is not None:
            found.append(Bucket(BASE_BUCKET, BASE_BUCKET, self.base.value))
        if self.review is not None and self.review.value is not None:
            found.append(Bucket(REVIEW_BUCKET, "review", self.review.value))
        if self.extras is not None and self.extras.value is not None:
            found.extend(sorted(self.extras.value, key=lambda bucket: bucket.id))
        return tuple(found)

    def usable_resets(self, now: datetime) -> tuple[BankedReset, ...]:
        """What the list of banked resets still holds at `now`; nothing once a count as new says none."""
        listed, count = self.reset_list, self.reset_credits
        if listed is None or listed.value is None:
            return ()
        is_newer = count is not None and count.at >= listed.at
        if is_newer and count is not None and count.value is not None and count.value.available == 0:
            return ()
        return usable_resets(listed.value, now)

    def has_banked_resets(self, now: datetime) -> bool:
        """Whether there is one, by the list or by a count."""
        count = self.reset_credits.value if self.reset_credits is not None else None
        return bool(self.usable_resets(now)) or bool(count is not None and count.available)

    def nearest_reset_expiry(self, now: datetime) -> datetime | None:
        """When the first banked reset is lost: by the list, or by a newer count that came with it."""
        listed, count = self.reset_list, self.reset_credits
        ahead = [row.ends_at for row in self.usable_resets(now) if row.ends_at is not None]
        nearest = min(ahead, default=None)
        if count is None or count.value is None:
            return nearest
        if count.value.available == 0:
            return None
        told = count.value.expires_at
        is_newer = nearest is None or listed is None or listed.at < count.at
        return told if told is not None and told > now and is_newer else nearest

    @property
    def newest(self) -> datetime | None:
        """When the newest field was said."""
        ages = [aged.at for name in FIELD_NAMES if (aged := getattr(self, name)) is not None]
        return max(ages, default=None)


def _stays(held: Aged[object], at: datetime, source: str, now: datetime | None) -> bool:
    """Whether what a field holds is newer than what was said of it at `at`."""
    if held.at <= at or (now is not None and held.at > now):
        return False
    if not is_undated(at):
        return True
    return held.source != source and (now is None or now - held.at < _FRESH)


FIELD_NAMES: Final = Usage.__struct_fields__


#: An untouched window's reset may seem so much nearer than its length: readings take time, clocks differ.
_LEAST_SLACK: Final = 300.0
_SLACK: Final = 0.01


def own_reset(window: UsageWindow, said_at: datetime) -> datetime | None:
    """When the window resets; None too where nothing of it is used and all of it lay ahead when it was said.

    Such a window has not begun, and the reset that is sent with it moves along with the clock. Of what nobody
    dates that cannot be told.
    """
    resets_at, seconds = window.resets_at, window.window_seconds
    if resets_at is None or seconds is None or window.used_percent != 0 or window.limit_reached:
        return resets_at
    if is_undated(said_at):
        return resets_at
    begun = seconds - (resets_at - said_at).total_seconds()
    return None if begun <= max(_LEAST_SLACK, seconds * _SLACK) else resets_at


def windows_by_length(limit: RateLimit) -> tuple[UsageWindow, ...]:
    """A bucket's windows, shortest first, those of unknown length last."""
    return tuple(
        sorted(limit.windows, key=lambda each: inf if each.window_seconds is None else each.window_seconds)
    )
