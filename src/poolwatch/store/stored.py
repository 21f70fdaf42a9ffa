"""The stored form of an account, and the account made of it, whose equal parts are one object.

What most of a usage was said in, one reading, stands once: its source, and its time, which is that of the
last reading and of the last try too unless these are given. So do the ids, which are those of the first
entry, and the name that it gives by itself. What the service says of an account that has no credits, spend
limits or resets is one word. Older documents say each of them again, under the same names.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from sys import intern
from typing import Final, Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import astuple, force_setattr

from poolwatch.domain.account import AccountKey, Listing, SourceRef
from poolwatch.domain.account_state import NONE_SILENT, AccountState, DeadLogin, Happening
from poolwatch.domain.banked import BankedReset
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, Trouble, worded
from poolwatch.domain.instant import Instant
from poolwatch.domain.message import Arguments, Message  # noqa: F401 - a forward reference of Arguments
from poolwatch.domain.naming import Name
from poolwatch.domain.refresh import Change
from poolwatch.domain.source_state import PoolFacts, SourceState
from poolwatch.domain.usage import (
    Aged,
    Bucket,
    Credits,
    RateLimit,
    ReachedType,
    ResetCredits,
    SpendControl,
    Usage,
)

_NONE: Final[frozenset[str]] = frozenset()
_NO_USAGE: Final = Usage()
#: What the service says of an account that has none of them, as most have not, by the word that is stored.
_NO_CREDITS: Final = Credits(False, False, False, Decimal("0"))
_NO_SPEND: Final = SpendControl(False, None, ())
_NO_RESETS: Final = ResetCredits(0, None)
HasNone: TypeAlias = Literal["none"]
_HAS_NONE: Final = "none"


class StoredFailure(Struct, frozen=True, gc=False, omit_defaults=True):
    """A failure, or with `since` a trouble. An older poolwatch stored its sentence, and no code."""

    kind: FailureKind
    since: Instant | None = None
    message: str = ""
    code: str | None = None
    arguments: Arguments = ()
    retry_at: Instant | None = None
    detail: str | None = None
    login_problem: LoginProblem | None = None

    def failure(self) -> Failure:
        """The failure that this is the form of."""
        if self.code is None:
            return worded(self.kind, self.message, self.retry_at, self.detail, self.login_problem)
        return Failure(self.kind, self.code, self.arguments, self.retry_at, self.detail, self.login_problem)

    def trouble(self) -> Trouble:
        """The trouble that this is the form of. ValueError where nobody says since when."""
        if self.since is None:
            raise ValueError("a trouble without an instant")
        return self.failure().since(self.since)


def _stored_failure(failure: Failure) -> StoredFailure:
    return StoredFailure(
        failure.kind,
        code=failure.code,
        arguments=failure.arguments,
        retry_at=failure.retry_at,
        detail=failure.detail,
        login_problem=failure.login_problem,
    )


def _stored_trouble(trouble: Trouble) -> StoredFailure:
    return StoredFailure(
        trouble.kind,
        trouble.since,
        code=trouble.code,
        arguments=trouble.arguments,
        retry_at=trouble.retry_at,
        detail=trouble.detail,
    )


class Silent(Struct, frozen=True, gc=False):
    """An entry that brings no reading."""

    ref: SourceRef
    why: StoredFailure


class Line(Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of the recent past, without what a refresh said."""

    at: Instant
    changes: tuple[Change, ...] = ()
    failure: StoredFailure | None = None


class StoredSource(Struct, frozen=True, omit_defaults=True):
    """What is remembered of a source; what it lists stands with the accounts."""

    name: str
    listed_at: datetime | None = None
    failure: StoredFailure | None = None
    failing_since: datetime | None = None


class StoredFacts(Struct, frozen=True, omit_defaults=True):
    """Names and meanings are those of PoolFacts."""

    name: str | None = None
    clock_offset: timedelta = timedelta(0)
    sources: tuple[StoredSource, ...] = ()
    rates: Mapping[str, Decimal] = {}


def stored_facts(facts: PoolFacts) -> StoredFacts:
    """The stored form of the facts."""
    return StoredFacts(
        facts.name,
        facts.clock_offset,
        tuple(
            StoredSource(
                each.name,
                each.listed_at,
                None if each.failure is None else _stored_failure(each.failure),
                each.failing_since,
            )
            for each in facts.sources
        ),
        facts.rates,
    )


def facts_of(held: StoredFacts) -> PoolFacts:
    """The facts that this is the form of."""
    return PoolFacts(
        held.name,
        held.clock_offset,
        tuple(
            SourceState(
                each.name,
                listed_at=each.listed_at,
                failure=None if each.failure is None else each.failure.failure(),
                failing_since=each.failing_since,
            )
            for each in held.sources
        ),
        held.rates,
    )


class Said(Struct, frozen=True, gc=False, omit_defaults=True):
    """What one reading said, None where it said that there is none; the fields are those of Usage."""

    at: Instant
    source: str
    plan: str | UnsetType | None = UNSET
    base: RateLimit | UnsetType | None = UNSET
    review: RateLimit | UnsetType | None = UNSET
    extras: tuple[Bucket, ...] | UnsetType | None = UNSET
    credits: Credits | HasNone | UnsetType | None = UNSET
    spend: SpendControl | HasNone | UnsetType | None = UNSET
    reached_type: ReachedType | UnsetType | None = UNSET
    reset_credits: ResetCredits | HasNone | UnsetType | None = UNSET
    reset_list: tuple[BankedReset, ...] | UnsetType | None = UNSET


class Stored(Struct, frozen=True, gc=False, omit_defaults=True):
    """Names and meanings are those of AccountState; `usage` has what was not said in `said`."""

    key: AccountKey | None = None
    listings: tuple[Listing, ...] = ()
    name: Name | None = None
    said: Said | None = None
    usage: Usage = _NO_USAGE
    read_at: Instant | UnsetType | None = UNSET
    tried_at: Instant | UnsetType | None = UNSET
    failures: int = 0
    reading_trouble: StoredFailure | None = None
    login_trouble: StoredFailure | None = None
    dead_login: DeadLogin | None = None
    rejected: tuple[str, ...] = ()
    deactivations: int = 0
    silent: tuple[Silent, ...] = ()
    rival: Aged[RateLimit] | None = None
    lately: tuple[Line, ...] = ()


def stored(account: AccountState) -> Stored:
    """The stored form of an account."""
    said, apart = _said_at_once(account.usage)
    read_at = UNSET if account.read_at == (None if said is None else said.at) else account.read_at
    tried_at = UNSET if account.tried_at == (None if said is None else account.read_at) else account.tried_at
    return Stored(
        key=None if account.key == _key_of(account.listings) else account.key,
        listings=account.listings,
        name=None if account.name == _name_of(account.listings) else account.name,
        said=said,
        usage=apart,
        read_at=read_at,
        tried_at=tried_at,
        failures=account.failures,
        reading_trouble=_stored_trouble(account.reading_trouble) if account.reading_trouble else None,
        login_trouble=_stored_trouble(account.login_trouble) if account.login_trouble else None,
        dead_login=account.dead_login,
        rejected=tuple(sorted(account.rejected)),
        deactivations=account.deactivations,
        silent=tuple(Silent(ref, _stored_trouble(why)) for ref, why in account.silent.items())
        if account.silent
        else (),
        rival=account.rival,
        lately=tuple(
            Line(line.at, line.changes, _stored_failure(line.failure) if line.failure is not None else None)
            for line in account.lately
            if line.changes or line.failure is not None
        )
        if account.lately
        else (),
    )


def account_of(held: Stored) -> AccountState:
    """The account that this is the form of; `held` is not used again. ValueError where it has no identity."""
    listings = held.listings
    for listing in listings:
        # of the words that a thousand entries repeat, one of each is held; nobody has seen the entry yet
        force_setattr(listing.ref, "source", intern(listing.ref.source))
        force_setattr(listing, "owner", intern(listing.owner))
        if listing.plan is not None:
            force_setattr(listing, "plan", intern(listing.plan))
    key = held.key or _key_of(listings)
    if key is None:
        raise ValueError("no identity")
    said, read_at, tried_at = held.said, held.read_at, held.tried_at
    if said is None:
        usage = held.usage
        read_at = None if read_at is UNSET else read_at
        tried_at = None if tried_at is UNSET else tried_at
    else:
        # of equal instants one is held
        read_at = said.at if read_at is UNSET or read_at == said.at else read_at
        tried_at = read_at if tried_at is UNSET or tried_at == read_at else tried_at
        usage = usage_of(said, held.usage)
    return AccountState(
        key=key,
        listings=listings,
        name=held.name or _name_of(listings),
        usage=usage,
        read_at=read_at,
        tried_at=tried_at,
        failures=held.failures,
        reading_trouble=held.reading_trouble.trouble() if held.reading_trouble else None,
        login_trouble=held.login_trouble.trouble() if held.login_trouble else None,
        dead_login=held.dead_login,
        rejected=frozenset(held.rejected) if held.rejected else _NONE,
        deactivations=held.deactivations,
        # most have neither, and at a start there may be a thousand accounts
        lately=tuple(
            Happening(line.at, line.changes, line.failure.failure() if line.failure else None)
            for line in held.lately
        )
        if held.lately
        else (),
        silent={each.ref: each.why.trouble() for each in held.silent} if held.silent else NONE_SILENT,
        rival=held.rival,
    )


def _said_at_once(usage: Usage) -> tuple[Said | None, Usage]:
    """What was said together with the base bucket, or else with the first field; and the rest."""
    fields = astuple(usage)
    first = usage.base or next((aged for aged in fields if aged is not None), None)
    if first is None:
        return None, usage
    at, source = first.at, first.source
    together: list[object] = []
    is_all = True
    for aged in fields:
        if aged is None:
            together.append(UNSET)
        elif aged.known and (aged.at is at or aged.at == at) and aged.source == source:
            together.append(_HAS_NONE if _is_of_none(aged.value) else aged.value)
        else:
            together.append(UNSET)
            is_all = False
    # in the order of its fields
    reading = Said(at, source, *together)  # type: ignore[arg-type]
    if is_all:
        return reading, _NO_USAGE
    apart = [None if value is not UNSET else aged for value, aged in zip(together, fields, strict=True)]
    return reading, Usage(*apart)


def _is_of_none(value: object) -> bool:
    """Whether this is what the service says of an account without any, digit for digit."""
    if value == _NO_CREDITS:
        return str(value.balance) == "0"
    return value in (_NO_SPEND, _NO_RESETS)


def usage_of(said: Said, apart: Usage) -> Usage:
    """The usage that was said in one reading, and apart from it."""
    at, source = said.at, intern(said.source)
    nothing: Aged[object] = Aged(None, at, source)
    values = (
        intern(said.plan) if isinstance(said.plan, str) else said.plan,
        said.base,
        said.review,
        said.extras,
        _NO_CREDITS if said.credits == _HAS_NONE else said.credits,
        _NO_SPEND if said.spend == _HAS_NONE else said.spend,
        said.reached_type,
        _NO_RESETS if said.reset_credits == _HAS_NONE else said.reset_credits,
        said.reset_list,
    )
    # all fields at once, and not by their names: at a start there may be a thousand accounts
    aged: list[Aged[object] | None] = [
        None if value is UNSET else nothing if value is None else Aged(value, at, source) for value in values
    ]
    if apart is not _NO_USAGE:
        aged = [one or other for one, other in zip(aged, astuple(apart), strict=True)]
    return Usage(*aged)  # type: ignore[arg-type]  # in the order of its fields


def _key_of(listings: tuple[Listing, ...]) -> AccountKey | None:
    """The identity that the first entry says by itself."""
    if not listings:
        return None
    first = listings[0]
    if not first.user_id or not first.account_id:
        return None
    return AccountKey(first.provider, first.user_id, first.account_id)


def _name_of(listings: tuple[Listing, ...]) -> Name:
    """The name that the first entry gives by itself."""
    if not listings:
        return Name("")
    first = listings[0]
    return Name(first.folder or first.label or first.email or "")
