"""The stored form of an account, and the account made of it, whose equal parts are one object.

What most of a usage was said in, one reading, stands once: its time and its source. So do the ids, which are
those of the first entry, and the name that it gives by itself. Older documents say each of them again, under
the same names.
"""

from __future__ import annotations

from decimal import Decimal
from sys import intern
from typing import Final

from msgspec import UNSET, Struct, UnsetType, structs

from poolwatch.domain.account import AccountKey, Listing, SourceRef
from poolwatch.domain.account_state import NONE_SILENT, AccountState, DeadLogin, Happening
from poolwatch.domain.banked import BankedReset
from poolwatch.domain.failure import Failure, Trouble
from poolwatch.domain.instant import Instant
from poolwatch.domain.naming import Name
from poolwatch.domain.refresh import Change
from poolwatch.domain.usage import (
    FIELD_NAMES,
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
_FIELDS: Final = len(FIELD_NAMES)
#: What the service says of an account that has none of them, as most have not.
_NO_CREDITS: Final = Credits(False, False, False, Decimal("0"))
_NO_SPEND: Final = SpendControl(False, None, ())
_NO_RESETS: Final = ResetCredits(0, None)


class Silent(Struct, frozen=True, gc=False):
    """An entry that brings no reading."""

    ref: SourceRef
    why: Trouble


class Line(Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of the recent past, without what a refresh said."""

    at: Instant
    changes: tuple[Change, ...] = ()
    failure: Failure | None = None


class Said(Struct, frozen=True, gc=False, omit_defaults=True):
    """What one reading said, None where it said that there is none; the fields are those of Usage."""

    at: Instant
    source: str
    plan: str | UnsetType | None = UNSET
    base: RateLimit | UnsetType | None = UNSET
    review: RateLimit | UnsetType | None = UNSET
    extras: tuple[Bucket, ...] | UnsetType | None = UNSET
    credits: Credits | UnsetType | None = UNSET
    spend: SpendControl | UnsetType | None = UNSET
    reached_type: ReachedType | UnsetType | None = UNSET
    reset_credits: ResetCredits | UnsetType | None = UNSET
    reset_list: tuple[BankedReset, ...] | UnsetType | None = UNSET


class Stored(Struct, frozen=True, gc=False, omit_defaults=True):
    """Names and meanings are those of AccountState; `usage` has what was not said in `said`."""

    key: AccountKey | None = None
    listings: tuple[Listing, ...] = ()
    name: Name | None = None
    said: Said | None = None
    usage: Usage = _NO_USAGE
    read_at: Instant | None = None
    tried_at: Instant | None = None
    failures: int = 0
    reading_trouble: Trouble | None = None
    login_trouble: Trouble | None = None
    dead_login: DeadLogin | None = None
    rejected: tuple[str, ...] = ()
    deactivations: int = 0
    silent: tuple[Silent, ...] = ()
    lately: tuple[Line, ...] = ()


def stored(account: AccountState) -> Stored:
    """The stored form of an account."""
    said, apart = _said_at_once(account.usage)
    return Stored(
        key=None if account.key == _key_of(account.listings) else account.key,
        listings=account.listings,
        name=None if account.name == _name_of(account.listings) else account.name,
        said=said,
        usage=apart,
        read_at=account.read_at,
        tried_at=account.tried_at,
        failures=account.failures,
        reading_trouble=account.reading_trouble,
        login_trouble=account.login_trouble,
        dead_login=account.dead_login,
        rejected=tuple(sorted(account.rejected)),
        deactivations=account.deactivations,
        silent=tuple(Silent(ref, why) for ref, why in account.silent.items()) if account.silent else (),
        lately=tuple(
            Line(line.at, line.changes, line.failure)
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
        _share_words(listing)
    key = held.key or _key_of(listings)
    if key is None:
        raise ValueError("no identity")
    read_at, tried_at = held.read_at, held.tried_at
    return AccountState(
        key=key,
        listings=listings,
        name=held.name or _name_of(listings),
        usage=held.usage if held.said is None else usage_of(held.said, held.usage, read_at),
        read_at=read_at,
        tried_at=read_at if tried_at == read_at else tried_at,
        failures=held.failures,
        reading_trouble=held.reading_trouble,
        login_trouble=held.login_trouble,
        dead_login=held.dead_login,
        rejected=frozenset(held.rejected) if held.rejected else _NONE,
        deactivations=held.deactivations,
        # most have neither, and at a start there may be a thousand accounts
        lately=tuple(Happening(line.at, line.changes, line.failure) for line in held.lately)
        if held.lately
        else (),
        silent={each.ref: each.why for each in held.silent} if held.silent else NONE_SILENT,
    )


def _said_at_once(usage: Usage) -> tuple[Said | None, Usage]:
    """What was said together with the base bucket, or else with the first field; and the rest."""
    fields = structs.astuple(usage)
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
            together.append(aged.value)
        else:
            together.append(UNSET)
            is_all = False
    # in the order of its fields
    reading = Said(at, source, *together)  # type: ignore[arg-type]
    if is_all:
        return reading, _NO_USAGE
    apart = [None if value is not UNSET else aged for value, aged in zip(together, fields, strict=True)]
    return reading, Usage(*apart)


def usage_of(said: Said, apart: Usage, read_at: Instant | None = None) -> Usage:
    """The usage that was said in one reading, at `read_at` perhaps, and apart from it."""
    at = read_at if read_at is not None and said.at == read_at else said.at
    source = intern(said.source)
    if isinstance(said.plan, str):
        structs.force_setattr(said, "plan", intern(said.plan))
    if said.credits == _NO_CREDITS and str(said.credits.balance) == "0":
        structs.force_setattr(said, "credits", _NO_CREDITS)
    if said.spend == _NO_SPEND:
        structs.force_setattr(said, "spend", _NO_SPEND)
    if said.reset_credits == _NO_RESETS:
        structs.force_setattr(said, "reset_credits", _NO_RESETS)
    nothing: Aged[object] = Aged(None, at, source)
    # all fields at once, and not by their names: at a start there may be a thousand accounts
    aged: list[Aged[object] | None] = [
        None if value is UNSET else nothing if value is None else Aged(value, at, source)
        for value in structs.astuple(said)[-_FIELDS:]
    ]
    if apart is not _NO_USAGE:
        aged = [one or other for one, other in zip(aged, structs.astuple(apart), strict=True)]
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


def _share_words(listing: Listing) -> None:
    """Of the words that a thousand entries repeat, one of each is held; nobody has seen the entry yet."""
    structs.force_setattr(listing.ref, "source", intern(listing.ref.source))
    structs.force_setattr(listing, "owner", intern(listing.owner))
    if listing.plan is not None:
        structs.force_setattr(listing, "plan", intern(listing.plan))
