"""Accounts and the facts about the pool to and from their stored form: compact JSON, exact and tolerant.

Decimals are texts, instants RFC 3339 in UTC, and what has its default is left out. A running refresh is not
stored. Keys that are not known are ignored; a damaged usage field or line of the recent past is dropped;
any other damage makes the whole document unreadable.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing, SourceRef
from poolwatch.domain.failure import Failure, Trouble
from poolwatch.domain.instant import Instant
from poolwatch.domain.naming import Name
from poolwatch.domain.pool import AccountState, DeadLogin, Happening, PoolFacts
from poolwatch.domain.refresh import Change
from poolwatch.domain.remake import replace
from poolwatch.domain.usage import Usage

T = TypeVar("T")

_NONE: Final[frozenset[str]] = frozenset()

#: Everything that reading a damaged document can raise.
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError, RecursionError)


class _Silent(Struct, frozen=True, gc=False):
    ref: SourceRef
    why: Trouble


class _Line(Struct, frozen=True, gc=False, omit_defaults=True):
    at: Instant
    changes: tuple[Change, ...] = ()
    failure: Failure | None = None


class _Stored(Struct, frozen=True, gc=False, omit_defaults=True):
    """Names and meanings are those of AccountState."""

    key: AccountKey
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
    silent: tuple[_Silent, ...] = ()
    lately: tuple[_Line, ...] = ()


def encode_account(account: AccountState) -> str:
    """The stored form of an account. TypeError for what must not be stored, such as a Secret."""
    return _text(
        _Stored(
            key=account.key,
            listings=account.listings,
            name=account.name,
            usage=account.usage,
            read_at=account.read_at,
            tried_at=account.tried_at,
            failures=account.failures,
            reading_trouble=account.reading_trouble,
            login_trouble=account.login_trouble,
            dead_login=account.dead_login,
            rejected=tuple(sorted(account.rejected)),
            deactivations=account.deactivations,
            silent=tuple(_Silent(ref, why) for ref, why in account.silent.items()),
            lately=tuple(
                _Line(line.at, line.changes, line.failure)
                for line in account.lately
                if line.changes or line.failure is not None
            ),
        )
    )


def decode_account(text: object) -> AccountState | None:
    """The account in a stored document (text, or its bytes), None when it cannot be read. Never raises."""
    if not isinstance(text, str | bytes):
        return None
    try:
        held = _decoder().decode(text)
        if not (_is_finite(held.usage) and (not held.lately or _are_finite(held.lately))):
            held = _mended(text)
    except _UNREADABLE:
        try:
            held = _mended(text)
        except _UNREADABLE:
            return None
    return AccountState(
        key=held.key,
        listings=held.listings,
        name=held.name,
        usage=held.usage,
        read_at=held.read_at,
        tried_at=held.tried_at,
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
        silent={each.ref: each.why for each in held.silent} if held.silent else {},
    )


def facts_text(facts: PoolFacts) -> str:
    """The stored form of the facts; what the sources list stands with the accounts."""
    return _text(replace(facts, sources=tuple(replace(each, listings=()) for each in facts.sources)))


def facts_from(text: object) -> PoolFacts:
    """The facts in a stored document; none when they are missing or damaged. Never raises."""
    if not isinstance(text, str):
        return PoolFacts()
    try:
        facts = _read(text, PoolFacts)
    except _UNREADABLE:
        return PoolFacts()
    return facts if all(rate.is_finite() for rate in facts.rates.values()) else PoolFacts()


@cache
def _decoder() -> msgspec.json.Decoder[_Stored]:
    """Made when first used: it looks at all types, which takes longer than ten accounts."""
    return msgspec.json.Decoder(_Stored)


def _text(value: Struct) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):
        # lone surrogates and numbers beyond 64 bits, which the fast encoder has no form for
        import json  # few need it

        return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


def _read(text: str, form: type[T]) -> T:
    """A document of this form. One of _UNREADABLE when it is none."""
    try:
        return msgspec.json.decode(text, type=form)
    except _UNREADABLE:
        return msgspec.convert(_plain(text), form)


def _plain(text: str | bytes) -> object:
    """Plain JSON values, from damaged bytes too; numbers that JSON has no word for become null.

    One of _UNREADABLE.
    """
    import json  # few need it

    text = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return json.loads(text, parse_constant=lambda _: None, parse_float=_finite_float)


def _finite_float(text: str) -> float | None:
    number = float(text)
    return number if isfinite(number) else None


def _mended(text: str | bytes) -> _Stored:
    """The document without those usage fields and lines of the past that cannot be read."""
    plain = _plain(text)
    if not isinstance(plain, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one kind of error for all damage
    fields: dict[str, object] = {**plain}
    usage, lines = fields.get("usage"), fields.get("lately")
    if isinstance(usage, dict):
        fields["usage"] = {name: said for name, said in usage.items() if _is_sound_usage({name: said})}
    if isinstance(lines, list):
        fields["lately"] = [line for line in lines if _is_sound_line(line)]
    return msgspec.convert(fields, _Stored)


def _is_sound_usage(field: dict[str, object]) -> bool:
    try:
        return _is_finite(msgspec.convert(field, Usage))
    except _UNREADABLE:
        return False


def _is_sound_line(line: object) -> bool:
    try:
        return _are_finite((msgspec.convert(line, _Line),))
    except _UNREADABLE:
        return False


def _is_finite(usage: Usage) -> bool:
    """Whether every amount is one: the text of a decimal may also say NaN."""
    credits, spend = usage.credits, usage.spend
    if credits is not None and credits.value is not None and not _is_amount(credits.value.balance):
        return False
    limits = spend.value.limits if spend is not None and spend.value is not None else ()
    return not limits or all(
        _is_amount(amount) for limit in limits for amount in (limit.limit, limit.used, limit.remaining)
    )


def _are_finite(lines: Iterable[_Line]) -> bool:
    return all(
        _is_amount(figure)
        for line in lines
        for change in line.changes
        for figure in (change.before, change.after)
    )


def _is_amount(value: float | Decimal | None) -> bool:
    return not isinstance(value, Decimal) or value.is_finite()
