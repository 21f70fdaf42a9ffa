"""Accounts, facts about the pool, refreshes and answers to keys: to and from the documents that are stored.

Documents of version 1 are read by way of `former`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from math import isfinite
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Struct, convert
from msgspec.structs import astuple, replace

from poolwatch.domain.account import SourceRef
from poolwatch.domain.failure import Trouble
from poolwatch.domain.refresh import RefreshProgress
from poolwatch.domain.state import AccountState, KeyState, PoolFacts
from poolwatch.store import former, stored
from poolwatch.store.stored import VERSION, is_instant

T = TypeVar("T")
S = TypeVar("S", bound=Struct)
Upgrade: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

#: What is written for a refresh that never began; it reads as no outcome.
NOTHING: Final = "nothing"
#: Everything that reading a damaged document can raise.
UNREADABLE: Final = (
    msgspec.MsgspecError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError
)  # fmt: skip


def encode_account(account: AccountState) -> str:
    """The document of an account. ValidationError for what must not be stored, such as a Secret."""
    held = _copied(account, stored.Account)
    silences = tuple(
        stored.Silence(_copied(ref, stored.Ref), _copied(why, stored.Trouble))
        for ref, why in account.silent.items()
    )
    lately = tuple(line for line in held.lately if line.changes or line.failure is not None)
    rejected = tuple(sorted(held.rejected))
    return _encode(replace(held, version=VERSION, rejected=rejected, silences=silences, lately=lately))


def decode_account(document: object) -> AccountState | None:
    """The account in a document, None when it cannot be read. Never raises.

    A damaged field of its usage, or line of its recent past, costs that field or line alone.
    """
    try:
        held = _decode(document, stored.Account, former.account)
        account = _copied(held, AccountState)
        if held.silences:
            silent = {_copied(each.ref, SourceRef): _copied(each.why, Trouble) for each in held.silences}
            account = replace(account, silent=silent)
        for name in ("read_at", "tried_at"):
            at = getattr(account, name)
            if at is not None and not is_instant(at):
                account = replace(account, **{name: None})
    except UNREADABLE:
        return None
    else:
        return account


def encode_facts(facts: PoolFacts) -> str:
    return _encode(replace(_copied(facts, stored.Facts), version=VERSION))


def decode_facts(document: object) -> PoolFacts:
    """The facts in a document; none when it is missing or damaged. Never raises."""
    try:
        return _copied(_decode(document, stored.Facts, former.facts), PoolFacts)
    except UNREADABLE:
        return PoolFacts()


def encode_refresh(progress: RefreshProgress | None) -> str:
    """The document of a refresh that ended; it holds what the card shows, and no token."""
    return (
        NOTHING if progress is None else _encode(replace(_copied(progress, stored.Refresh), version=VERSION))
    )


def decode_refresh(document: object) -> RefreshProgress | None:
    """The refresh in a document; None for words, and for what cannot be read. Never raises."""
    try:
        return _copied(_decode(document, stored.Refresh, former.refresh), RefreshProgress)
    except UNREADABLE:
        return None


def encode_key_state(state: KeyState) -> str:
    return _encode(stored.KeyState(1, *astuple(state)))


def decode_key_state(document: object) -> KeyState | None:
    """The answer in a document, None when it cannot be read. Never raises."""
    try:
        return _copied(_decode(document, stored.KeyState), KeyState)
    except UNREADABLE:
        return None


def _copied(value: Struct, kind: type[T]) -> T:
    return convert(value, kind, from_attributes=True)


def _encode(document: Struct) -> str:
    try:
        return msgspec.json.encode(document).decode()
    except (UnicodeEncodeError, OverflowError):
        # lone surrogates and numbers beyond 64 bits, which msgspec has no form for
        import json

        return json.dumps(msgspec.to_builtins(document), separators=(",", ":"))


@cache
def _decoder(kind: type[S]) -> msgspec.json.Decoder[S]:
    return msgspec.json.Decoder(kind)


def _decode(document: object, kind: type[S], upgraded: Upgrade | None = None) -> S:
    """A document of this kind; `upgraded` makes one of version 1 into one of version 2. Raises UNREADABLE."""
    if not isinstance(document, str | bytes):
        raise ValueError("no text")  # noqa: TRY004 - one kind of error for all damage
    with suppress(*UNREADABLE):
        held: S = _decoder(kind).decode(document)
        if upgraded is None or getattr(held, "version", 1) >= VERSION:
            return held
    plain = _plain(document)
    if upgraded is not None and plain.get("version", 1) < VERSION:
        plain = upgraded(plain)
    if kind is stored.Account:
        plain = _without_damage(plain)
    return convert(plain, kind)


def _plain(document: str | bytes) -> dict[str, Any]:
    """A JSON object, from damaged bytes too; numbers that JSON has no word for become null."""
    import json  # for damage, and for documents of version 1

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
        kept["usage"] = {name: each for name, each in usage.items() if _is_sound({name: each}, stored.Usage)}
    if isinstance(lately, list):
        kept["lately"] = [line for line in lately if _is_sound(line, stored.Happening)]
    return kept


def _is_sound(plain: object, kind: type[Struct]) -> bool:
    try:
        convert(plain, kind)
    except UNREADABLE:
        return False
    return True


def rewrite_documents(connection: sqlite3.Connection) -> None:
    """Documents of version 1 become those of version 2; what cannot be read stays as it is."""
    for account_id, document in connection.execute("SELECT account_id, doc FROM readings").fetchall():
        account = decode_account(document)
        if account is not None:
            connection.execute(
                "UPDATE readings SET doc = ? WHERE account_id = ?", (encode_account(account), account_id)
            )
    for (document,) in connection.execute("SELECT value FROM meta WHERE name = 'pool'").fetchall():
        connection.execute(
            "UPDATE meta SET value = ? WHERE name = 'pool'", (encode_facts(decode_facts(document)),)
        )
