"""Answers that are almost right, and a judge that knows what may be made of them: seeded and fast."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from poolwatch.domain.account import AccountKey, Listing, SourceRef
from poolwatch.domain.events import Listed, ReadingArrived
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.overview import overview
from poolwatch.domain.pool import apply
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.presentation.card import card_view
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.status_json import status_json
from poolwatch.presentation.status_text import status_text
from poolwatch.presentation.view import Prefs
from poolwatch.sources.json_body import read_json
from poolwatch.sources.pools import codex_lb_wire, codex_proxy_wire
from poolwatch.sources.pools.cli_proxy_api_wire import parse_api_call, parse_auth_files
from poolwatch.sources.redaction import shown_body
from poolwatch.sources.usage_payload import parse_usage
from poolwatch.store.documents import decode_account, encode_account
from tests.faults.nasty import is_harmless, nasty_text
from tests.support.cli_proxy_server import login
from tests.support.codex_lb_server import LbAccountState
from tests.support.codex_proxy_server import ProxyAccountState, quota_of

NOW: Final = datetime(2026, 11, 20, 21, tzinfo=UTC)
_GRAMMAR: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,28})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_FOLDER: Final = Path(__file__).parents[1] / "payloads"
_PAYLOADS: Final[list[Any]] = [
    json.loads(path.read_bytes()) for path in sorted(_FOLDER.glob("[012]*.json")) if path.stat().st_size > 80
]
_USAGE: Final = next(
    each for each in _PAYLOADS if each.get("additional_rate_limits") and each.get("rate_limit")
)
_LISTS: Final[list[Any]] = [
    {"accounts": [ProxyAccountState("a1", "a@example.com", "i", "u", cached=quota_of(_USAGE)).row()]},
    {"accounts": [LbAccountState("x", "a@example.com", read=_USAGE, read_at="2026-11-20T20:30:00Z").row()]},
    {"accounts": [LbAccountState("x", "b@example.com", read=_USAGE, read_at="now").fleet_row()]},
    {"result": "dead", "error": "why", "quota": quota_of(_USAGE), "raw": _USAGE, "ok": True},
    {"files": [login(1), login(2)]},
    {"status_code": 200, "header": {"Date": ["Fri, 20 Nov 2026 21:00:00 GMT"]}, "body": "{}"},
]
_LISTING: Final = Listing(
    SourceRef("files", "1"), user_id="user-1", account_id="acct-1", email="a@example.com"
)
_KEY: Final = AccountKey("codex", "user-1", "acct-1")
#: JSON that Python would not write: no numbers, numbers too long or too large, endless depth, a torn escape
_RAW: Final = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "1E400",
        "-0.0",
        "-0",
        "0.1e1",
        "1.0000000000000000001",
    ),
    *("9" * 4301, "-" + "9" * 4301, "1" + "0" * 18, "1" + "0" * 400, "0." + "0" * 5000 + "1", "9" * 19),
    *(
        "9223372036854775808",
        "18446744073709551616",
        "1e1",
        "100.00",
        "5e-324",
        '"\\ud800"',
        '"\\udfff\\ud800"',
    ),
    *("[" * 300 + "]" * 300, '{"a":' * 300 + "1" + "}" * 300, '{"x":1,"x":2}', '{"":0}', "[[],{},null]"),
)
_DEEP: Final = "[" * 200_000 + "]" * 200_000
_LEAVES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 100, 101, 99.5, -0.5, 999_999, 1_000_000, 10**9, 10**18, -(10**18), 2**63),
    *("", " ", "12%", "12", " 12.5 ", "-3", "+5", "1_000", "1e9", "NaN", "null", "true", "１２", ".5"),
    *([], {}, [1], {"v": 1}, "2026-11-20", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *(18000, 604800, 1795215660, 1795215660000, -1795215660, 253402300800, "plus", "x" * 9_000),
)  # fmt: skip
#: stands for raw JSON until the text is made
_MARK: Final = "\x00raw "
_WORDS_FOR_NOTHING: Final = re.compile(r"(?<![A-Za-z])(?:None|nan|inf|Infinity|Decimal)(?![A-Za-z])")


def mutant(rng: random.Random, plain: list[Any] | None = None) -> tuple[bytes, Any]:
    """An answer and the value in it, raw pieces as `_Literal`; the value is None where bytes were torn."""
    body = deepcopy(rng.choice(_PAYLOADS if plain is None else plain))
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        body = _changed(rng, body)
    text = json.dumps(body).encode()
    text = re.sub(rb'"\\u0000raw ([0-9]+)"', lambda found: _raw(int(found[1])), text)
    if rng.random() < 0.06:
        return _torn(rng, text), None
    return text, body


class MutantError(AssertionError):
    """What was made of an answer is wrong; the text says what."""


def judge(text: bytes, body: Any, *, whole: bool = True) -> str:
    """Send an answer the whole way to card and JSON; a word for what became of it.

    With `whole` also to details, the plain table, the payload as shown, and to the store and back.

    Raises:
        MutantError: something unknown became a figure, or a text is not harmless.
        Whatever else is raised is a fault as well.
    """
    outcome = parse_usage(text, NOW)
    state = apply(PoolState(settled=True), Listed("files", (_LISTING,), NOW))
    for at in (NOW, NOW + timedelta(hours=6)):
        state = apply(state, ReadingArrived(_KEY, "files", at, outcome))
    seen = overview(state, at, PoolRules())
    printed = status_json(seen, state, at, mask=False)
    document = json.loads(printed, parse_constant=_no_constant)
    (account,) = document["accounts"]
    (judged,) = seen.accounts
    card = card_view(judged, at, Prefs())
    for row in card.windows:
        _check(_WORDS_FOR_NOTHING.search(row.percent) is None, f"{row.percent} on the card")
    if whole:
        _check(bool(detail_view(judged, state, at, Prefs())), "no details")
        words = repr(card) + status_text(seen, state, Prefs())
        _check(is_harmless(words.replace("\n", "")), "a text is not harmless")
        _check(is_harmless(shown_body(text).replace("\n", "")), "the raw text is not harmless")
        told = encode_account(judged.account)
        again = decode_account(told)
        _check(again is not None and encode_account(again) == told, "the store does not give it back")
    if isinstance(outcome, Failure):
        _check(outcome.kind in (FailureKind.MALFORMED, FailureKind.NOT_THE_SERVICE), f"{outcome.kind}")
        _check(account["windows"] == [] and account["credits"] is None, "figures out of nothing")
        return "refused"
    _check(isinstance(outcome, UsageSnapshot), "no outcome")
    if body is not None:
        _figures(account, body)
        return "read"
    return "torn, and read"


def judge_list(rng: random.Random) -> None:
    """The same for what pools say of their accounts: nothing may be raised."""
    text, _ = mutant(rng, _LISTS)
    value = read_json(text)
    if isinstance(value, Failure):
        return
    codex_proxy_wire.parse_accounts(value, "pool")
    codex_lb_wire.parse_accounts(value, "pool", by_dashboard=True)
    codex_lb_wire.parse_accounts(value, "pool", by_dashboard=False)
    parse_auth_files(value, "pool")
    parse_api_call(value, 0.1)
    codex_proxy_wire.parse_quota(value, NOW)
    codex_proxy_wire.parse_refresh(value)
    codex_proxy_wire.parse_rate(value)
    codex_proxy_wire.quota_failure(502, value)
    codex_lb_wire.fleet_refresh_trouble(value)


def _figures(account: dict[str, Any], body: Any) -> None:
    """Every figure stands in the answer, and what is unknown there is null here."""
    stated = {number for leaf in _leaves(body) if (number := _number(leaf)) is not None}
    printed = [window["used_percent"] for window in account["windows"]]
    for limit in (account["spend_control"] or {"limits": []})["limits"]:
        printed += [limit["limit"], limit["used"], limit["remaining"], limit["used_percent"]]
    printed += [(account["credits"] or {}).get("balance")]
    for figure in printed:
        _check(figure is None or _stated(figure, stated), f"{figure} is nowhere in the answer")
    base = body.get("rate_limit") if isinstance(body, dict) else None
    if isinstance(base, dict):
        places = [base.get("primary_window"), base.get("secondary_window")]
        wires = [wire for wire in places if wire is not None]
        known = sorted(
            float(number)
            for wire in wires
            if isinstance(wire, dict)
            if (number := _number(wire.get("used_percent"))) is not None and abs(number) <= 999_999
        )
        shown = [window["used_percent"] for window in account["windows"] if window["bucket"] == "codex"]
        _check(len(shown) >= len(wires), "a window is missing")
        found = sorted(each for each in shown[: len(wires)] if each is not None)
        _check(found == known, f"{found} shown of {known}")
    credits = body.get("credits") if isinstance(body, dict) else None
    if isinstance(credits, dict) and account["credits"] is not None:
        balance = account["credits"]["balance"]
        _check((balance is not None) == (_number(credits.get("balance")) is not None), f"balance {balance}")


def _stated(figure: Any, stated: set[Decimal]) -> bool:
    return (
        Decimal(figure) in stated
        if isinstance(figure, str)
        else any(float(each) == figure for each in stated)
    )


def _changed(rng: random.Random, body: Any) -> Any:
    places = list(_places(body))
    if not places:
        return body
    holder, name = rng.choice(places)
    kind = rng.random()
    if kind < 0.15:
        del holder[name]
    elif kind < 0.45:
        holder[name] = deepcopy(rng.choice(_LEAVES))
    elif kind < 0.7:
        index = rng.randrange(len(_RAW)) if rng.random() < 0.99 else len(_RAW)
        holder[name] = f"{_MARK}{index}"
    elif kind < 0.8:
        holder[name] = nasty_text(rng, 2_000)
    elif kind < 0.87:
        for _ in range(rng.choice((1, 5, 150))):
            holder[name] = {"x": holder[name]} if rng.random() < 0.5 else [holder[name]]
    elif kind < 0.94 and isinstance(holder, dict):
        holder[rng.choice(("used_percent", "balance", "rate_limit", "credits", "new"))] = holder.pop(name)
    else:
        other, key = rng.choice(places)
        with suppress(LookupError, TypeError):
            holder[name] = deepcopy(other[key])
    return body


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value, as its holder and the name in it."""
    holders = [value]
    while holders:
        holder = holders.pop()
        for name, each in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            yield holder, name
            if isinstance(each, dict | list):
                holders.append(each)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for holder, name in _places(value):
            yield holder[name]


def _number(leaf: Any) -> Decimal | None:
    """The number that a leaf states, by a grammar of our own."""
    if isinstance(leaf, bool) or not isinstance(leaf, int | float | str):
        return None
    text = leaf if isinstance(leaf, str) else json.dumps(leaf)
    if text.startswith(_MARK):
        raw = _raw(int(text.removeprefix(_MARK))).decode()
        text = raw.strip('"') if "\\" not in raw else ""
    text = text.strip(" \t\r\n")
    number = Decimal(text) if _GRAMMAR.fullmatch(text) else None
    return number if number is not None and abs(number) < 10**18 else None


def _raw(index: int) -> bytes:
    return (_RAW[index] if index < len(_RAW) else _DEEP).encode()


def _torn(rng: random.Random, text: bytes) -> bytes:
    at = rng.randrange(len(text) + 1)
    match rng.randrange(4):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :]
        case 2:
            return text[:at] + rng.randbytes(rng.randint(1, 9)) + text[at:]
        case _:
            return rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"<html>", b" \n", b"\x00", b")]}'\n")) + text


def _no_constant(name: str) -> None:
    raise MutantError(f"{name} in the JSON that is printed")


def _check(holds: bool, words: str) -> None:
    if not holds:
        raise MutantError(words)
