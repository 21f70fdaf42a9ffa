"""What is stored of accounts, of the pool and of refreshes: JSON documents in a form of their own.

The structs are the form of version 2. `msgspec.convert` copies values between them and the domain's by the
names of attributes: when the domain renames one, the attribute here follows and keeps its stored name by
`field(name=...)`. Amounts are texts, digit for digit; instants are RFC 3339 in UTC; what has its default is
left out, and keys that are not known are ignored. Documents of version 1 are read by way of `former`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Annotated, Any, Final, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct, convert
from msgspec.structs import astuple, replace

from poolwatch.domain.account import Custody, LoginKind, SourceRef
from poolwatch.domain.failure import FailureKind, LoginProblem, Trouble
from poolwatch.domain.refresh import BlockReason, RefreshProgress, TokenOutcome
from poolwatch.domain.state import AccountState, KeyState, PoolFacts
from poolwatch.domain.usage import ReachedType
from poolwatch.store import former

T = TypeVar("T")
S = TypeVar("S", bound=Struct)
Upgrade: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

VERSION: Final = 2
#: What is written for a refresh that never began; it reads as no outcome.
NOTHING: Final = "nothing"
#: Everything that reading a damaged document can raise.
UNREADABLE: Final = (
    msgspec.MsgspecError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)

#: An instant without an offset is damage.
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]


class _Stored(Struct, frozen=True, omit_defaults=True):
    """A part of a document."""


class _Amounts(_Stored, frozen=True):
    """A part with amounts: a text that reads as NaN or infinite is damage."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            amount = getattr(self, name)
            if isinstance(amount, Decimal) and not amount.is_finite():
                raise ValueError(f"{name} is no amount")


class _Document(_Stored, frozen=True):
    """A whole document; those of version 1 do not say theirs."""

    version: int = 1


# -- accounts and their logins


class _Key(_Stored, frozen=True):
    provider: str
    user_id: str = ""
    account_id: str = ""
    source: str = ""
    place: str = ""


class _Ref(_Stored, frozen=True):
    source: str
    place: str


class _Token(_Stored, frozen=True):
    expires_at: Instant | None = None
    last_refresh: Instant | None = None
    fingerprint: str | None = None
    refresh_fingerprint: str | None = None


class _Listing(_Stored, frozen=True):
    ref: _Ref
    provider: str = "codex"
    user_id: str | None = None
    account_id: str | None = None
    email: str | None = None
    folder: str | None = None
    label: str | None = None
    plan: str | None = None
    custody: Custody = Custody.OTHER
    login: LoginKind = LoginKind.OAUTH
    token: _Token = _Token()
    owner: str = ""
    path: str | None = None
    home: str | None = None
    disabled: bool = False
    renews_itself: bool = False
    says_login_needed: bool = False
    says_login_works: bool = False
    problem: str | None = None
    subscription_until: Instant | None = None
    subscription_checked_at: Instant | None = None
    workspace: str | None = None


class _Name(_Stored, frozen=True):
    label: str
    group: str | None = None


# -- usage


class _Window(_Stored, frozen=True):
    used_percent: float | None
    window_seconds: int | None
    resets_at: Instant | None
    limit_reached: bool | None = None


class _Limit(_Stored, frozen=True):
    allowed: bool | None
    limit_reached: bool | None
    windows: tuple[_Window, ...]


class _Bucket(_Stored, frozen=True):
    id: str
    name: str
    limit: _Limit | None


class _Credits(_Amounts, frozen=True):
    has_credits: bool | None
    unlimited: bool | None
    overage_limit_reached: bool | None
    balance: Decimal | None


class _SpendLimit(_Amounts, frozen=True):
    kind: str
    limit: Decimal | None
    used: Decimal | None
    remaining: Decimal | None
    used_percent: float | None
    resets_at: Instant | None


class _Spend(_Stored, frozen=True):
    reached: bool | None
    reached_limit_type: str | None
    limits: tuple[_SpendLimit, ...]


class _ResetCount(_Stored, frozen=True):
    available: int | None
    applicable: int | None
    expires_at: Instant | None = None


class _Reset(_Stored, frozen=True):
    expires_at: Instant | None
    granted_at: Instant | None = None
    status: str | None = None
    title: str | None = None
    expiry_known: bool = True


class _Field(_Stored, Generic[T], frozen=True):
    value: T | None
    at: Instant
    source: str
    known: bool = True


class _Usage(_Stored, frozen=True):
    plan: _Field[str] | None = None
    base: _Field[_Limit] | None = None
    review: _Field[_Limit] | None = None
    extras: _Field[tuple[_Bucket, ...]] | None = None
    credits: _Field[_Credits] | None = None
    spend: _Field[_Spend] | None = None
    reached_type: _Field[ReachedType] | None = None
    reset_credits: _Field[_ResetCount] | None = None
    reset_list: _Field[tuple[_Reset, ...]] | None = None


# -- troubles: codes and arguments, no sentences


class _Message(_Stored, frozen=True):
    code: str
    arguments: tuple[tuple[str, str | _Message], ...] = ()


class _Failure(_Message, frozen=True, kw_only=True):
    kind: FailureKind
    retry_at: Instant | None = None
    detail: str | None = None
    login_problem: LoginProblem | None = None


class _Trouble(_Message, frozen=True, kw_only=True):
    kind: FailureKind
    since: Instant
    retry_at: Instant | None = None
    detail: str | None = None


class _DeadLogin(_Stored, frozen=True):
    refresh_fingerprint: str | None
    problem: LoginProblem
    since: Instant


class _Change(_Amounts, frozen=True):
    name: str
    before: float | Decimal | None
    after: float | Decimal | None
    was_unlimited: bool = False
    is_unlimited: bool = False


class _Happening(_Stored, frozen=True):
    """Without what a refresh said: that stands on the card as long as the app runs."""

    at: Instant
    changes: tuple[_Change, ...] = ()
    failure: _Failure | None = None


class _Silence(_Stored, frozen=True):
    ref: _Ref
    why: _Trouble


class _Account(_Document, frozen=True, kw_only=True):
    """Without a running refresh, and without the logins that wait in the state directory."""

    key: _Key
    listings: tuple[_Listing, ...] = ()
    name: _Name = _Name("")
    usage: _Usage = _Usage()
    read_at: Instant | None = None
    tried_at: Instant | None = None
    failures: int = 0
    reading_trouble: _Trouble | None = None
    login_trouble: _Trouble | None = None
    dead_login: _DeadLogin | None = None
    rejected: tuple[str, ...] = ()
    deactivations: int = 0
    #: by place in the domain's `silent`
    silences: tuple[_Silence, ...] = ()
    rival: _Field[_Limit] | None = None
    lately: tuple[_Happening, ...] = ()


# -- the pool


class _Source(_Stored, frozen=True):
    """Without what it lists, which stands with the accounts."""

    name: str
    listed_at: Instant | None = None
    failure: _Failure | None = None
    failing_since: Instant | None = None


class _Facts(_Document, frozen=True):
    name: str | None = None
    clock_offset: timedelta = timedelta(0)
    sources: tuple[_Source, ...] = ()
    rates: dict[str, Decimal] = {}

    def __post_init__(self) -> None:
        if not all(rate.is_finite() for rate in self.rates.values()):
            raise ValueError("a rate is no amount")


# -- how a refresh ended, for the process that asked for it


class _TokenStep(_Stored, frozen=True):
    outcome: TokenOutcome
    took_seconds: float | None = None
    block: BlockReason | None = None
    problem: LoginProblem | None = None
    failure: _Failure | None = None
    detail: str | None = None
    retry_at: Instant | None = None
    lost_at: Instant | None = None
    refresh_fingerprint: str | None = None
    pid: int | None = None
    said: _Message | None = None


class _UsageStep(_Stored, frozen=True):
    failure: _Failure | None = None
    took_seconds: float | None = None
    tried: bool = True
    cached_at: Instant | None = None


class _Refresh(_Document, frozen=True, kw_only=True):
    started_at: Instant
    token: _TokenStep | None = None
    usage: _UsageStep | None = None
    changes: tuple[_Change, ...] = ()
    done: bool = False
    usage_only: bool = False


# -- how keys stand with pools


class _KeyState(_Stored, frozen=True):
    #: 1, and told, so that a poolwatch of version 1 reads it too
    version: Literal[1]
    status: int
    at: Instant
    until: Instant | None = None
    code: str | None = None
    said: str | None = None
    tried_at: Instant | None = None


# -- to and from text


def encode_account(account: AccountState) -> str:
    """The document of an account. ValidationError for what must not be stored, such as a Secret."""
    stored = convert(account, _Account, from_attributes=True)
    return _encode(
        replace(
            stored,
            version=VERSION,
            rejected=tuple(sorted(stored.rejected)),
            silences=tuple(
                _Silence(_copied(ref, _Ref), _copied(why, _Trouble)) for ref, why in account.silent.items()
            ),
            lately=tuple(line for line in stored.lately if line.changes or line.failure is not None),
        )
    )


def decode_account(document: object) -> AccountState | None:
    """The account in a document, None when it cannot be read. Never raises.

    A damaged field of its usage, or line of its recent past, costs that field or line alone.
    """
    try:
        stored = _decode(document, _Account, former.account)
        account = _copied(stored, AccountState)
        if stored.silences:
            silent = {_copied(each.ref, SourceRef): _copied(each.why, Trouble) for each in stored.silences}
            account = replace(account, silent=silent)
    except UNREADABLE:
        return None
    else:
        return account


def encode_facts(facts: PoolFacts) -> str:
    """The document of what is known of the pool."""
    return _encode(replace(_copied(facts, _Facts), version=VERSION))


def decode_facts(document: object) -> PoolFacts:
    """The facts in a document; none when it is missing or damaged. Never raises."""
    try:
        return _copied(_decode(document, _Facts, former.facts), PoolFacts)
    except UNREADABLE:
        return PoolFacts()


def encode_refresh(progress: RefreshProgress | None) -> str:
    """The document of a refresh that ended; it holds what the card shows, and no token."""
    return NOTHING if progress is None else _encode(replace(_copied(progress, _Refresh), version=VERSION))


def decode_refresh(document: object) -> RefreshProgress | None:
    """The refresh in a document; None for words, and for what cannot be read. Never raises."""
    try:
        return _copied(_decode(document, _Refresh, former.refresh), RefreshProgress)
    except UNREADABLE:
        return None


def encode_key_state(state: KeyState) -> str:
    """The document of a pool's answer to a key."""
    return _encode(_KeyState(1, *astuple(state)))


def decode_key_state(document: object) -> KeyState | None:
    """The answer in a document, None when it cannot be read. Never raises."""
    try:
        return _copied(_decode(document, _KeyState), KeyState)
    except UNREADABLE:
        return None


def _copied(value: Struct, kind: type[T]) -> T:
    return convert(value, kind, from_attributes=True)


def _encode(stored: Struct) -> str:
    try:
        return msgspec.json.encode(stored).decode()
    except (UnicodeEncodeError, OverflowError):
        # lone surrogates and numbers beyond 64 bits, which msgspec has no form for
        return json.dumps(msgspec.to_builtins(stored), separators=(",", ":"))


@cache
def _decoder(kind: type[S]) -> msgspec.json.Decoder[S]:
    return msgspec.json.Decoder(kind)


def _decode(document: object, kind: type[S], upgraded: Upgrade | None = None) -> S:
    """A document of this kind; `upgraded` makes one of version 1 into one of version 2. Raises UNREADABLE."""
    if not isinstance(document, str | bytes):
        raise ValueError("no text")  # noqa: TRY004 - one kind of error for all damage
    with suppress(*UNREADABLE):
        stored: S = _decoder(kind).decode(document)
        if upgraded is None or getattr(stored, "version", 1) >= VERSION:
            return stored
    plain = _plain(document)
    if upgraded is not None and plain.get("version", 1) < VERSION:
        plain = upgraded(plain)
    if kind is _Account:
        plain = _without_damage(plain)
    return convert(plain, kind)


def _plain(document: str | bytes) -> dict[str, Any]:
    """A JSON object, from damaged bytes too; numbers that JSON has no word for become null."""
    text = document if isinstance(document, str) else document.decode("utf-8", "replace")
    plain = json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
    if not isinstance(plain, dict):
        raise ValueError("no object")  # noqa: TRY004 - one kind of error for all damage
    return plain


def _finite(text: str) -> float | None:
    number = float(text)
    return number if isfinite(number) else None


def _without_damage(account: dict[str, Any]) -> dict[str, Any]:
    """The account without those usage fields and lines of the past that cannot be read."""
    usage, lately = account.get("usage"), account.get("lately")
    kept = dict(account)
    if isinstance(usage, dict):
        kept["usage"] = {name: said for name, said in usage.items() if _is_sound({name: said}, _Usage)}
    if isinstance(lately, list):
        kept["lately"] = [line for line in lately if _is_sound(line, _Happening)]
    return kept


def _is_sound(plain: object, kind: type[Struct]) -> bool:
    try:
        convert(plain, kind)
    except UNREADABLE:
        return False
    return True
