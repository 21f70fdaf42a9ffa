"""The form in which documents are stored, version 2: structs of the store alone.

`msgspec.convert` copies values between these and the domain's by the names of attributes: when the domain
renames one, the attribute here follows and keeps its stored name by `field(name=...)`. Amounts are texts,
digit for digit; instants are RFC 3339 in UTC; defaults are left out, and unknown keys are ignored.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, Literal, TypeAlias, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from poolwatch.domain.account import Custody, LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome
from poolwatch.domain.usage import ReachedType
from poolwatch.domain.values import BEYOND, UNDATED

T = TypeVar("T")

VERSION: Final = 2
#: An instant without an offset is damage.
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]


class Part(Struct, frozen=True, omit_defaults=True, gc=False):
    """A part of a document: a tree without cycles, which lives until it is copied."""


#: What cannot be a percentage, by services' own bounds.
MOST_PERCENT: Final = 999_999
#: No amount has so many digits before its point, or behind it; sums of them are told too.
_MOST_DIGITS: Final = 24
_MOST_DECIMALS: Final = 64
#: No window is longer, rounding aside.
MOST_SECONDS: Final = 2 * 10**9
_FURTHEST_OFF: Final = BEYOND - UNDATED


def is_amount(amount: Decimal) -> bool:
    """Whether a service, or a sum, can mean it: `1e999999` takes a million digits to write down."""
    if not amount.is_finite():
        return False
    places = int(amount.as_tuple().exponent)
    return -_MOST_DECIMALS <= places <= _MOST_DIGITS and amount.adjusted() <= _MOST_DIGITS


def is_percent(percent: float) -> bool:
    """Whether it can be a percentage; NaN is none."""
    return -MOST_PERCENT <= percent <= MOST_PERCENT


class Amounts(Part, frozen=True):
    """A part with amounts: what cannot be one, by its size or because it reads as NaN, is damage."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            amount = getattr(self, name)
            if isinstance(amount, Decimal) and not is_amount(amount):
                raise ValueError(f"{name} is no amount")


def _bound(part: Part) -> None:
    """Make those of its figures unknown that no service can mean: each costs itself alone."""
    for name, is_sound in _BOUNDS.items():
        value = getattr(part, name, None)
        if value is not None and not is_sound(value):
            force_setattr(part, name, None)


def is_instant(at: datetime) -> bool:
    """Whether anything can have been, or be to come, at that time."""
    return UNDATED <= at < BEYOND


_BOUNDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "used_percent": is_percent,
    "window_seconds": lambda seconds: 0 < seconds <= MOST_SECONDS,
    "resets_at": is_instant,
    "expires_at": is_instant,
    "granted_at": is_instant,
    "consumable_until": is_instant,
}


class Document(Part, frozen=True):
    """A whole document; those of version 1 do not say theirs."""

    version: int = 1


# -- troubles: codes and arguments, no sentences


class Message(Part, frozen=True):
    code: str
    arguments: tuple[tuple[str, "str | Message"], ...] = ()


class Failure(Message, frozen=True, kw_only=True):
    kind: FailureKind
    retry_at: Instant | None = None
    detail: str | None = None
    login_problem: LoginProblem | None = None


class Trouble(Message, frozen=True, kw_only=True):
    kind: FailureKind
    since: Instant
    retry_at: Instant | None = None
    detail: str | None = None


# -- accounts and their logins


class Key(Part, frozen=True):
    provider: str
    user_id: str = ""
    account_id: str = ""
    source: str = ""
    place: str = ""


class Ref(Part, frozen=True):
    source: str
    place: str


class Token(Part, frozen=True):
    expires_at: Instant | None = None
    last_refresh: Instant | None = None
    fingerprint: str | None = None
    refresh_fingerprint: str | None = None


class Listing(Part, frozen=True):
    ref: Ref
    provider: str = "codex"
    user_id: str | None = None
    account_id: str | None = None
    email: str | None = None
    folder: str | None = None
    label: str | None = None
    plan: str | None = None
    custody: Custody = Custody.OTHER
    login: LoginKind = LoginKind.OAUTH
    token: Token = Token()
    owner: str = ""
    path: str | None = None
    home: str | None = None
    disabled: bool = False
    renews_itself: bool = False
    says_login_needed: bool = False
    says_login_works: bool = False
    problem: Message | None = None
    subscription_until: Instant | None = None
    subscription_checked_at: Instant | None = None
    workspace: str | None = None


class Name(Part, frozen=True):
    label: str
    group: str | None = None
    time_zone: str | None = None


# -- usage


class Window(Part, frozen=True):
    used_percent: float | None
    window_seconds: int | None
    resets_at: Instant | None
    limit_reached: bool | None = None

    def __post_init__(self) -> None:
        _bound(self)


class Limit(Part, frozen=True):
    allowed: bool | None
    limit_reached: bool | None
    windows: tuple[Window, ...]


class Bucket(Part, frozen=True):
    id: str
    name: str
    limit: Limit | None


class Credits(Amounts, frozen=True):
    has_credits: bool | None
    unlimited: bool | None
    overage_limit_reached: bool | None
    balance: Decimal | None


class SpendLimit(Amounts, frozen=True):
    kind: str
    limit: Decimal | None
    used: Decimal | None
    remaining: Decimal | None
    used_percent: float | None
    resets_at: Instant | None

    def __post_init__(self) -> None:
        super().__post_init__()
        _bound(self)


class Spend(Part, frozen=True):
    reached: bool | None
    reached_limit_type: str | None
    limits: tuple[SpendLimit, ...]


class ResetCount(Part, frozen=True):
    available: int | None
    applicable: int | None
    expires_at: Instant | None = None

    def __post_init__(self) -> None:
        _bound(self)


class Reset(Part, frozen=True):
    expires_at: Instant | None
    granted_at: Instant | None = None
    status: str | None = None
    title: str | None = None
    expiry_known: bool = True
    id: str | None = None
    consumable_until: Instant | None = None
    supported: bool | None = None

    def __post_init__(self) -> None:
        _bound(self)


class Field(Part, Generic[T], frozen=True):
    value: T | None
    at: Instant
    source: str
    known: bool = True


class Usage(Part, frozen=True):
    plan: Field[str] | None = None
    base: Field[Limit] | None = None
    review: Field[Limit] | None = None
    extras: Field[tuple[Bucket, ...]] | None = None
    credits: Field[Credits] | None = None
    spend: Field[Spend] | None = None
    reached_type: Field[ReachedType] | None = None
    reset_credits: Field[ResetCount] | None = None
    reset_list: Field[tuple[Reset, ...]] | None = None


# -- what went wrong, and what happened


class DeadLogin(Part, frozen=True):
    refresh_fingerprint: str | None
    problem: LoginProblem
    since: Instant


class Change(Amounts, frozen=True):
    name: str
    before: float | Decimal | None
    after: float | Decimal | None
    was_unlimited: bool = False
    is_unlimited: bool = False


class Happening(Part, frozen=True):
    """Without what a refresh said: that stands on the card as long as the app runs."""

    at: Instant
    changes: tuple[Change, ...] = ()
    failure: Failure | None = None


class Silence(Part, frozen=True):
    ref: Ref
    why: Trouble


class Account(Document, frozen=True, kw_only=True):
    """Without a running refresh, and without the logins that wait in the state directory."""

    key: Key
    listings: tuple[Listing, ...] = ()
    name: Name = Name("")
    usage: Usage = Usage()
    read_at: Instant | None = None
    tried_at: Instant | None = None
    failures: int = 0
    reading_trouble: Trouble | None = None
    login_trouble: Trouble | None = None
    dead_login: DeadLogin | None = None
    rejected: tuple[str, ...] = ()
    deactivations: int = 0
    #: by place in the domain's `silent`
    silences: tuple[Silence, ...] = ()
    rival: Field[Limit] | None = None
    lately: tuple[Happening, ...] = ()


# -- the pool


class Source(Part, frozen=True):
    """Without what it lists, which stands with the accounts."""

    name: str
    listed_at: Instant | None = None
    failure: Failure | None = None
    failing_since: Instant | None = None


class Facts(Document, frozen=True):
    name: str | None = None
    clock_offset: timedelta = timedelta(0)
    sources: tuple[Source, ...] = ()
    rates: dict[str, Decimal] = {}

    def __post_init__(self) -> None:
        if not all(map(is_amount, self.rates.values())):
            raise ValueError("a rate is no amount")
        if abs(self.clock_offset) > _FURTHEST_OFF:
            raise ValueError("no clock is so far off")


# -- how a refresh ended, for the process that asked for it


class TokenStep(Part, frozen=True):
    outcome: TokenOutcome
    took_seconds: float | None = None
    block: BlockReason | None = None
    problem: LoginProblem | None = None
    failure: Failure | None = None
    detail: str | None = None
    retry_at: Instant | None = None
    lost_at: Instant | None = None
    refresh_fingerprint: str | None = None
    pid: int | None = None
    said: Message | None = None


class UsageStep(Part, frozen=True):
    failure: Failure | None = None
    took_seconds: float | None = None
    tried: bool = True
    cached_at: Instant | None = None


class Refresh(Document, frozen=True, kw_only=True):
    started_at: Instant
    token: TokenStep | None = None
    usage: UsageStep | None = None
    changes: tuple[Change, ...] = ()
    done: bool = False
    usage_only: bool = False


# -- how keys stand with pools


class KeyState(Part, frozen=True):
    #: 1, and told, so that a poolwatch of version 1 reads it too
    version: Literal[1]
    status: int
    at: Instant
    until: Instant | None = None
    code: str | None = None
    said: str | None = None
    tried_at: Instant | None = None
