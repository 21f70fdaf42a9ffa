"""Lines of Codex's session files, as far as they tell about tokens; what else they hold is passed over."""

# no `annotations` from __future__: a decoder would evaluate them at each start
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum, auto
from typing import Annotated, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from poolwatch.domain.tokens import Tier

T = TypeVar("T")
#: Nobody uses more tokens than that; what says so is damaged.
Count: TypeAlias = Annotated[int, Meta(ge=0, lt=10**12)]


class Line(Struct, Generic[T], gc=False):
    payload: T
    timestamp: str = ""


class Usage(Struct, gc=False):
    """Cached and cache-write tokens are part of the input, reasoning of the output."""

    input_tokens: Count = 0
    cached_input_tokens: Count = 0
    cache_write_input_tokens: Count = 0
    output_tokens: Count = 0
    reasoning_output_tokens: Count = 0


class CountInfo(Struct, gc=False):
    total_token_usage: Usage | None = None
    last_token_usage: Usage | None = None
    model_context_window: int | None = None


class TokenCount(Struct, gc=False):
    #: None: only the limits are told
    info: CountInfo | None = None
    rate_limits: Raw = Raw()


class Record(Struct, gc=False):
    """What one response used."""

    usage: Usage
    response_id: str | None = None
    thread_id: str | None = None


class SessionMeta(Struct):
    """The head of a file. Fields that programs wrote in several shapes are read as they come."""

    id: object = None
    timestamp: object = None
    cwd: object = None
    originator: object = None
    source: object = None
    forked_from_id: object = None
    parent_thread_id: object = None
    history_base: object = None
    subagent_history_start_ordinal: object = None


class Turn(Struct):
    """What is asked of the model from here on."""

    model: object = None
    service_tier: object | UnsetType = UNSET


class Settings(Struct):
    thread_settings: Turn


class Started(Struct):
    #: seconds since 1970, UTC
    started_at: object = None


class LimitWindow(Struct):
    used_percent: float | None = None
    window_minutes: int | None = None
    resets_at: int | None = None
    resets_in_seconds: float | None = None


class Limits(Struct):
    limit_id: str | None = None
    primary: LimitWindow | None = None
    secondary: LimitWindow | None = None
    plan_type: str | None = None


class _Inner(Struct, frozen=True):
    type: object = None


class _Envelope(Struct):
    type: object = None
    payload: _Inner = _Inner()


class Kind(IntEnum):
    """What a line is that tells about tokens."""

    META = auto()
    TURN = auto()
    RECORD = auto()
    COMPACTED = auto()
    COUNT = auto()
    STARTED = auto()
    SETTINGS = auto()


_EVENT: Final = "event_msg"
_OF_EVENTS: Final[Mapping[object, Kind]] = {
    "token_count": Kind.COUNT,
    "task_started": Kind.STARTED,
    "turn_started": Kind.STARTED,
    "thread_settings_applied": Kind.SETTINGS,
}
_OF_LINES: Final[Mapping[object, Kind]] = {
    "session_meta": Kind.META,
    "turn_context": Kind.TURN,
    "token_usage_record": Kind.RECORD,
    "compacted": Kind.COMPACTED,
}
_TYPE_KEY: Final = b'"type"'
_TYPE: Final = b'"type":"'
#: The type stands among the first bytes of a line that Codex wrote.
HEAD: Final = 200
#: What most lines are.
OF_NO_INTEREST: Final = b'response_item"'
#: What lines are by the letters of their type; None: of no interest, whatever is in them.
_BY_LETTERS: Final[Mapping[bytes, Kind | None]] = {
    b'session_meta",': Kind.META,
    b'turn_context",': Kind.TURN,
    b"token_usage_re": Kind.RECORD,
    b'compacted","pa': Kind.COMPACTED,
    b'world_state","': None,
    b"inter_agent_co": None,
    b"retained_conte": None,
    b'realtime_item"': None,
}
_BY_EVENT_LETTERS: Final[Mapping[bytes, Kind]] = {
    b"token_coun": Kind.COUNT,
    b"task_start": Kind.STARTED,
    b"turn_start": Kind.STARTED,
    b"thread_set": Kind.SETTINGS,
}
_EVENT_LETTERS: Final = b'event_msg","pa'
_BEGINNING: Final = b'{"timestamp":"'
_BEFORE_TYPE: Final = b'{"timestamp":"2026-11-29T08:00:00.123Z","type":"'
#: Where these letters stand in most lines.
USUAL_TYPE: Final = slice(len(_BEFORE_TYPE), len(_BEFORE_TYPE) + 14)
_EVENT_REST: Final = b'yload":{"type":"'
_AT_REST: Final = len(_TYPE) + len(_EVENT_LETTERS)
_AT_EVENT: Final = _AT_REST + len(_EVENT_REST)

_envelope: Final = msgspec.json.Decoder(_Envelope).decode
read_meta: Final = msgspec.json.Decoder(Line[SessionMeta]).decode
read_turn: Final = msgspec.json.Decoder(Line[Turn]).decode
read_settings: Final = msgspec.json.Decoder(Line[Settings]).decode
read_started: Final = msgspec.json.Decoder(Line[Started]).decode
read_count: Final = msgspec.json.Decoder(Line[TokenCount]).decode
read_record: Final = msgspec.json.Decoder(Line[Record]).decode
read_limits: Final = msgspec.json.Decoder(Limits).decode

_MADE_BY: Final = re.compile(rb'"compaction_response_id":"([^"\\]{1,200})"')
_REFERENCE: Final = b'"latest_token_usage_record":'
#: Both stand behind what can be megabytes.
_AT_THE_END: Final = 16 * 1024
_ORDINAL: Final = re.compile(rb'"ordinal":([0-9]{1,15})[,}]')
_STAMP: Final = re.compile(rb'"timestamp":"([^"\\]{10,40})"')
#: The years 2015 to 2099.
_EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC).timestamp()
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
_FAST: Final = frozenset({"priority", "fast"})
_STANDARD: Final = frozenset({"default", "standard", "auto"})


def kind_of(line: bytes) -> Kind | None:
    """What a line is; None: it tells nothing about tokens. Of most lines it needs only the beginning."""
    at = line.find(_TYPE, 0, HEAD)
    letters = line[at + 8 : at + 22]
    if letters == OF_NO_INTEREST:
        return None
    if at > 0 and line.startswith(_BEGINNING):
        if letters == _EVENT_LETTERS:
            if line[at + _AT_REST : at + _AT_EVENT] == _EVENT_REST:
                return _BY_EVENT_LETTERS.get(line[at + _AT_EVENT : at + _AT_EVENT + 10])
        elif letters in _BY_LETTERS:
            return _BY_LETTERS[letters]
    return _kind_by_reading(line)


def _kind_by_reading(line: bytes) -> Kind | None:
    """The same for a line whose keys stand in another order, or of a type that is not known."""
    if _TYPE_KEY not in line:
        # the quickest way past what is no line of Codex
        return None
    try:
        envelope = _envelope(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if envelope.type == _EVENT:
        return _OF_EVENTS.get(envelope.payload.type) if isinstance(envelope.payload.type, str) else None
    return _OF_LINES.get(envelope.type) if isinstance(envelope.type, str) else None


def ordinal_of(line: bytes) -> int | None:
    """The number of a line in its thread, where lines have one."""
    found = _ORDINAL.search(line, 0, HEAD)
    return int(found[1]) if found else None


def compaction_of(line: bytes) -> str | None:
    """The id of the response that made a compaction, from the end of its line."""
    found = _MADE_BY.search(line, max(0, len(line) - _AT_THE_END))
    return found[1].decode("utf-8", "replace") if found else None


def read_reference(line: bytes) -> Line[Record] | None:
    """The record that a compaction refers to, from the end of a line that may have lost its middle."""
    at = line.rfind(_REFERENCE, max(0, len(line) - _AT_THE_END))
    stamp = _STAMP.search(line, 0, HEAD)
    if at < 0 or stamp is None:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(line[at + len(_REFERENCE) :].decode())
        return Line(msgspec.convert(value, Record), stamp[1].decode())
    except (ValueError, RecursionError):
        # also what msgspec raises
        return None


def tier_of(service_tier: object) -> Tier:
    """The speed that a setting asks for; none is the usual one."""
    if service_tier is None:
        return Tier.STANDARD
    if not isinstance(service_tier, str):
        return Tier.UNKNOWN
    if service_tier in _STANDARD:
        return Tier.STANDARD
    return Tier.FAST if service_tier in _FAST else Tier.UNKNOWN


def seconds_of(stamp: object) -> float | None:
    """Seconds since 1970 of an instant as files write it; one without a zone is in UTC.

    None also of one at which nothing can have been used: it is no instant of a clock.
    """
    if not isinstance(stamp, str):
        return None
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    seconds = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    return seconds if _EARLIEST <= seconds < _LATEST else None
