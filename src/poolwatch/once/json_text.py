"""JSON that was written by others: strict, bounded, and silent about what it read."""

from __future__ import annotations

import codecs
import json
import math
from typing import Final, TypeAlias

from msgspec import Struct

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]


class NotJson(Struct, frozen=True):
    """The bytes are no JSON text. It holds nothing of them."""


def parse_json(text: bytes) -> JsonValue | NotJson:
    """The value of a JSON text; NaN, infinities, endless nesting and broken UTF-8 make it none."""
    return _decoded(_DECODER, text)


def _decoded(decoder: json.JSONDecoder, text: bytes) -> JsonValue | NotJson:
    try:
        value: JsonValue = decoder.decode(text.removeprefix(codecs.BOM_UTF8).decode())
    except (ValueError, RecursionError):
        return NotJson()
    return value


def other_encoding(text: bytes) -> str | None:
    """The encoding of a text that is not in UTF-8, empty for an unknown one; None where it is, or is cut."""
    if text.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    # every JSON text begins with ASCII, so a zero among its first bytes is half a letter
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in text[:2]:
        return "UTF-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return ""
    return None


def parse_object(text: bytes) -> JsonObject | None:
    """The JSON object of a text, or None for anything else."""
    value = parse_json(text)
    return value if isinstance(value, dict) else None


def parse_plain_object(text: bytes) -> JsonObject | None:
    """The same of a text in which no key stands twice: of two values nobody knows which is meant."""
    value = _decoded(_PLAIN_DECODER, text)
    return value if isinstance(value, dict) else None


def text_at(document: JsonObject, name: str) -> str | None:
    """The text under a key; absent, empty or of another type is None."""
    value = document.get(name)
    return value if isinstance(value, str) and value else None


def object_at(document: JsonObject, name: str) -> JsonObject | None:
    """The object under a key, or None."""
    value = document.get(name)
    return value if isinstance(value, dict) else None


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def _once(members: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a key stands twice")
    return found


#: Made once for thousands of texts.
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_PLAIN_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=_refuse_constant, parse_float=_finite
)
