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

from poolwatch.domain.pool import AccountState, Happening, PoolFacts
from poolwatch.domain.usage import Usage
from poolwatch.store.stored import (
    Line,
    Said,
    Stored,
    StoredFacts,
    account_of,
    facts_of,
    stored,
    stored_facts,
    usage_of,
)

T = TypeVar("T")

#: Everything that reading a damaged document can raise.
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError, RecursionError)

# a union would be made for each of a thousand rows
_TEXT: Final = (str, bytes)


def encode_account(account: AccountState) -> str:
    """The stored form of an account. TypeError for what must not be stored, such as a Secret."""
    return _text(stored(account))


def decode_account(text: object) -> AccountState | None:
    """The account in a stored document (text, or its bytes), None when it cannot be read. Never raises."""
    if not isinstance(text, _TEXT):
        return None
    try:
        account = account_of(_decoder().decode(text))
        if _is_finite(account.usage) and (not account.lately or _are_finite(account.lately)):
            return account
    except _UNREADABLE:
        pass
    try:
        return account_of(_mended(text))
    except _UNREADABLE:
        return None


def facts_text(facts: PoolFacts) -> str:
    """The stored form of the facts; what the sources list stands with the accounts."""
    return _text(stored_facts(facts))


def facts_from(text: object) -> PoolFacts:
    """The facts in a stored document; none when they are missing or damaged. Never raises."""
    if not isinstance(text, str):
        return PoolFacts()
    try:
        facts = facts_of(_read(text, StoredFacts))
    except _UNREADABLE:
        return PoolFacts()
    return facts if all(rate.is_finite() for rate in facts.rates.values()) else PoolFacts()


@cache
def _decoder() -> msgspec.json.Decoder[Stored]:
    """Made when first used: it looks at all types, which takes longer than ten accounts."""
    return msgspec.json.Decoder(Stored)


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


def _mended(text: str | bytes) -> Stored:
    """The document without those usage fields and lines of the past that cannot be read."""
    plain = _plain(text)
    if not isinstance(plain, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one kind of error for all damage
    fields: dict[str, object] = {**plain}
    said, usage, lines = fields.get("said"), fields.get("usage"), fields.get("lately")
    if isinstance(said, dict):
        told = {name: said[name] for name in ("at", "source") if name in said}
        fields["said"] = told | {
            name: value for name, value in said.items() if _is_sound_reading({**told, name: value})
        }
    if isinstance(usage, dict):
        fields["usage"] = {name: said for name, said in usage.items() if _is_sound_usage({name: said})}
    if isinstance(lines, list):
        fields["lately"] = [line for line in lines if _is_sound_line(line)]
    return msgspec.convert(fields, Stored)


def _is_sound_reading(field: dict[str, object]) -> bool:
    try:
        return _is_finite(usage_of(msgspec.convert(field, Said), Usage()))
    except _UNREADABLE:
        return False


def _is_sound_usage(field: dict[str, object]) -> bool:
    try:
        return _is_finite(msgspec.convert(field, Usage))
    except _UNREADABLE:
        return False


def _is_sound_line(line: object) -> bool:
    try:
        return _are_finite((msgspec.convert(line, Line),))
    except _UNREADABLE:
        return False


def _is_finite(usage: Usage) -> bool:
    """Whether every amount is one: the text of a decimal may also say NaN."""
    credits, spend = usage.credits, usage.spend
    balance = credits.value.balance if credits is not None and credits.value is not None else None
    if balance is not None and not balance.is_finite():
        return False
    limits = spend.value.limits if spend is not None and spend.value is not None else ()
    return not limits or all(
        _is_amount(amount) for limit in limits for amount in (limit.limit, limit.used, limit.remaining)
    )


def _are_finite(lines: Iterable[Line | Happening]) -> bool:
    return all(
        _is_amount(figure)
        for line in lines
        for change in line.changes
        for figure in (change.before, change.after)
    )


def _is_amount(value: float | Decimal | None) -> bool:
    return not isinstance(value, Decimal) or value.is_finite()
