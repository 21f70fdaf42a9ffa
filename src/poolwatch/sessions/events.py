"""Usage events of other programs: one JSON line for each request, under the names that such programs use.

A line without an `id` stands for itself: its hash and how often it has stood in its file so far are its key.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Raw, Struct

from poolwatch.domain.message import Message, message
from poolwatch.domain.rates import LONG_CONTEXT, pico
from poolwatch.domain.text import visible_or_none
from poolwatch.domain.tokens import Tier, Tokens
from poolwatch.domain.values import replace

#: So far a line may lie ahead of our own clock.
AHEAD: Final = timedelta(minutes=5)
#: Characters of a text are counted as a token, where only characters are told.
CHARS_A_TOKEN: Final = 4


class UsageEvent(Struct, frozen=True):
    """One request that another program tells of. `at`: seconds since 1970, UTC.

    `account` is whatever that program calls it: an id, an address, a label. Of amounts that it does not tell,
    tokens are 0, and `cost`, in pico-USD, and `credits` are None.
    """

    #: 64 bits with a sign, that of its id or of its line
    key: int
    at: float
    tokens: Tokens = Tokens()
    requests: int = 1
    model: str | None = None
    #: a line that means another speed than the usual one tells its cost
    tier: Tier = Tier.STANDARD
    long_context: bool = False
    account: str | None = None
    user: str | None = None
    client: str | None = None
    project: str | None = None
    conversation: str | None = None
    operation: str | None = None
    #: its tokens were made from characters, or it is not told which of them are input
    estimated: bool = False
    cost: int | None = None
    credits: Decimal | None = None
    #: whether the line has an id; the same id counts once, however often it is told
    has_id: bool = False


class Copies:
    """Tells lines without an id apart that stand in one file more than once."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def numbered(self, event: UsageEvent) -> UsageEvent:
        """The event with its own key: the second of two equal lines is another request."""
        if event.has_id:
            return event
        before = self._seen.get(event.key, 0)
        self._seen[event.key] = before + 1
        return replace(event, key=_key(b"line", event.key.to_bytes(8, "big", signed=True), before))


class _Line(Struct, frozen=True):
    """The fields as they stand in the line: numbers keep their digits."""

    id: Raw = Raw()
    at: Raw = Raw()
    timestamp: Raw = Raw()
    created_at: Raw = Raw()
    account: Raw = Raw()
    user: Raw = Raw()
    user_id: Raw = Raw()
    userId: Raw = Raw()  # noqa: N815 - other programs' name
    model: Raw = Raw()
    operation: Raw = Raw()
    client: Raw = Raw()
    conversation: Raw = Raw()
    session_id: Raw = Raw()
    conversationId: Raw = Raw()  # noqa: N815 - likewise
    input_tokens: Raw = Raw()
    prompt_tokens: Raw = Raw()
    cached_input_tokens: Raw = Raw()
    output_tokens: Raw = Raw()
    completion_tokens: Raw = Raw()
    tokenCount: Raw = Raw()  # noqa: N815 - likewise
    cost_usd: Raw = Raw()
    total_cost: Raw = Raw()
    prompt_cost: Raw = Raw()
    completion_cost: Raw = Raw()
    credits: Raw = Raw()
    creditsUsed: Raw = Raw()  # noqa: N815 - likewise
    input_chars: Raw = Raw()
    output_chars: Raw = Raw()


_AT: Final = ("at", "timestamp", "created_at")
_USER: Final = ("user", "user_id", "userId")
_CONVERSATION: Final = ("conversation", "session_id", "conversationId")
_INPUT: Final = ("input_tokens", "prompt_tokens")
_OUTPUT: Final = ("output_tokens", "completion_tokens")
_CACHED: Final = ("cached_input_tokens",)
_ALL: Final = ("tokenCount",)
_COST: Final = ("cost_usd", "total_cost")
_PARTS: Final = ("prompt_cost", "completion_cost")
_CREDITS: Final = ("credits", "creditsUsed")
_CHARS: Final = ("input_chars", "output_chars")
_AMOUNTS: Final = (*_INPUT, *_OUTPUT, *_CACHED, *_ALL, *_COST, *_PARTS, *_CREDITS, *_CHARS)
#: Any of these makes a line one of usage.
_TELLING: Final = (*_AMOUNTS, "model", "operation")
#: Requests of these are told with an amount; others, such as images, may be counted alone.
_CHAT: Final = (None, "chat", "batch")

_DECODER: Final = msgspec.json.Decoder(_Line)
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_NUMBER: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,28})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_BLANKS: Final = " \t\r\n"
_BELOW: Final = 10**12
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Before this there was nothing to use.
_EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC)
_MILLISECONDS_ABOVE: Final = 10**11
_LONGEST: Final = 200


class _Unusable(Exception):  # noqa: N818 - it never leaves this file
    """A field that cannot be used; its argument says why the line is refused."""

    def __init__(self, code: str, **arguments: str) -> None:
        super().__init__(code)
        self.why = message(code, **arguments)


def parse_event(raw: bytes, now: datetime) -> UsageEvent | Message | None:
    """The event in a line, or why it is refused; None where the line is none of usage."""
    try:
        line = _DECODER.decode(raw)
    except _UNREADABLE:
        return None
    # a line of figures has an object there
    if _told(line, "account").startswith(b"{") or not _any(line, _TELLING):
        return None
    try:
        return _event(line, raw, now)
    except _Unusable as unusable:
        return unusable.why


def _event(line: _Line, raw: bytes, now: datetime) -> UsageEvent:
    at = _at(line)
    if at > now + AHEAD:
        raise _Unusable("data.future")
    operation = _text(line, ("operation",))
    if operation in _CHAT and not _any(line, _AMOUNTS):
        raise _Unusable("data.no_amount")
    tokens, estimated = _tokens(line)
    told = _text(line, ("id",))
    return UsageEvent(
        _key(b"id", told.encode()) if told is not None else _key(b"raw", raw.strip()),
        at.timestamp(),
        tokens,
        model=_text(line, ("model",)),
        long_context=tokens.input > LONG_CONTEXT,
        account=_text(line, ("account",)),
        user=_text(line, _USER),
        client=_text(line, ("client",)),
        conversation=_text(line, _CONVERSATION),
        operation=operation,
        estimated=estimated,
        cost=_cost(line, tokens),
        credits=_amount(line, _CREDITS),
        has_id=told is not None,
    )


def _key(kind: bytes, told: bytes, number: int = 0) -> int:
    digest = blake2b(told, digest_size=8, person=kind, salt=number.to_bytes(8, "big")).digest()
    return int.from_bytes(digest, "big", signed=True)


def _any(line: _Line, names: Iterable[str]) -> bool:
    return any(_told(line, name) for name in names)


def _told(line: _Line, name: str) -> bytes:
    """What stands in a field, without blanks; nothing where it is absent or null."""
    raw = bytes(getattr(line, name)).strip()
    return b"" if raw == b"null" else raw


def _first(line: _Line, names: Iterable[str]) -> tuple[str, bytes]:
    """The first of these fields that tells something, and what."""
    return next(((name, raw) for name in names if (raw := _told(line, name))), ("", b""))


def _string(name: str, raw: bytes) -> str | None:
    """A JSON text; None of any other value."""
    if not raw.startswith(b'"'):
        return None
    try:
        return msgspec.json.decode(raw, type=str).strip(_BLANKS)
    except _UNREADABLE:
        raise _Unusable("data.bad_figure", field=name) from None


def _text(line: _Line, names: Iterable[str]) -> str | None:
    """A text, safe to show; a whole number is one too, since many programs number their users."""
    name, raw = _first(line, names)
    if not raw:
        return None
    text = raw.decode() if raw.isdigit() else _string(name, raw)
    if text is None or len(text) > _LONGEST:
        raise _Unusable("data.bad_figure", field=name)
    return visible_or_none(text)


def _number(name: str, raw: bytes, below: int = _BELOW) -> Decimal:
    """A JSON number or a decimal text, digit for digit."""
    digits = _string(name, raw) if raw.startswith(b'"') else raw.decode("ascii", "replace")
    if digits is not None and _NUMBER.fullmatch(digits):
        number = Decimal(digits)
        if number < below:
            return number
    raise _Unusable("data.bad_number", field=name)


def _amount(line: _Line, names: Iterable[str]) -> Decimal | None:
    name, raw = _first(line, names)
    return _number(name, raw) if raw else None


def _count(line: _Line, names: Iterable[str]) -> int | None:
    """A whole number of tokens or characters."""
    name, raw = _first(line, names)
    if not raw:
        return None
    number = _number(name, raw)
    if number != int(number):
        raise _Unusable("data.bad_count", field=name)
    return int(number)


def _tokens(line: _Line) -> tuple[Tokens, bool]:
    """The tokens, and whether they are estimated."""
    told, said, cached = _count(line, _INPUT), _count(line, _OUTPUT), _count(line, _CACHED)
    both = _count(line, _ALL)
    sides = [told, said]
    estimated = False
    if both is not None and None in sides:
        if sides == [None, None]:
            # how many of them are output, which costs more, nobody knows
            sides, estimated = [both, 0], both > 0
        else:
            rest = both - sum(side for side in sides if side is not None)
            if rest < 0:
                raise _Unusable("data.too_few", field=_ALL[0], part=_first(line, (*_INPUT, *_OUTPUT))[0])
            sides = [rest if side is None else side for side in sides]
    for place, name in enumerate(_CHARS):
        chars = _count(line, (name,))
        if sides[place] is None and chars is not None:
            sides[place], estimated = -(-chars // CHARS_A_TOKEN), estimated or chars > 0
    if cached is not None and cached > (sides[0] or 0):
        raise _Unusable("data.too_few", field=_first(line, _INPUT)[0] or _INPUT[0], part=_CACHED[0])
    return Tokens(sides[0] or 0, cached or 0, output=sides[1] or 0), estimated


def _cost(line: _Line, tokens: Tokens) -> int | None:
    """The told cost in pico-USD. A part of it is the whole only where the other part is of nothing."""
    whole = _amount(line, _COST)
    if whole is not None:
        return pico(whole)
    parts = [_amount(line, (name,)) for name in _PARTS]
    of_nothing = (tokens.input == 0, tokens.output == 0)
    if parts == [None, None] or any(
        part is None and not nothing for part, nothing in zip(parts, of_nothing, strict=True)
    ):
        return None
    return sum(pico(part) for part in parts if part is not None)


def _at(line: _Line) -> datetime:
    """When it was: an RFC 3339 instant, seconds or milliseconds since 1970. One without a zone is of UTC."""
    name, raw = _first(line, _AT)
    if not raw:
        raise _Unusable("data.no_time")
    text = _string(name, raw)
    try:
        if text is not None and not _NUMBER.fullmatch(text):
            told = datetime.fromisoformat(text)
            at = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
        else:
            number = _number(name, raw, below=1000 * _MILLISECONDS_ABOVE)
            seconds = number / 1000 if number > _MILLISECONDS_ABOVE else number
            at = _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    except (ValueError, OverflowError, _Unusable):
        raise _Unusable("data.bad_time", field=name) from None
    if at < _EARLIEST:
        raise _Unusable("data.bad_time", field=name)
    return at
