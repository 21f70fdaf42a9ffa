"""Bytes of an answer to JSON values, with every number kept as it was written where digits matter."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import Final, TypeAlias

from poolwatch.domain.failure import Failure, FailureKind, failure

#: Of a list with more rows the others are left out.
MOST_ROWS: Final = 20_000
TOO_DEEP: Final = failure(FailureKind.MALFORMED, "sources.too_deep")
_LONGEST_INT: Final = 19
_PAGE_BYTES: Final = 1024


class NumberText(str):
    """A JSON number as it stands in the body: a fraction, an exponent, or an integer of many digits."""

    __slots__ = ()


#: NaN and Infinity, which JSON does not have, become plain text that no number field accepts.
JsonValue: TypeAlias = "bool | int | str | NumberText | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]


def read_json(body: bytes, content_type: str = "") -> JsonValue | Failure:
    """The value in the body. A web page is `not_the_service`, anything else that is no JSON `malformed`."""
    if looks_like_html(body, content_type):
        return failure(FailureKind.NOT_THE_SERVICE, "sources.web_page")
    try:
        value: JsonValue = _DECODER.decode(body.removeprefix(BOM_UTF8).decode())
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        # the exception is not quoted: it holds the whole body
        return failure(FailureKind.MALFORMED, "sources.not_json" if body.strip() else "sources.empty")
    return value


def within(value: JsonValue, *keys: str) -> JsonValue:
    """The member at the end of these keys, None where something on the way is no object or has none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def looks_like_html(body: bytes, content_type: str = "") -> bool:
    """Whether this is a page for people, by its type or its first character."""
    if "html" in content_type.lower():
        return True
    return body[:_PAGE_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _integer(digits: str) -> int | NumberText:
    return int(digits) if len(digits) <= _LONGEST_INT else NumberText(digits)


def _object(members: list[tuple[str, JsonValue]]) -> JsonObject:
    # a function in Python on purpose: a long answer is decoded on a thread, and between any two of its
    # objects the interpreter may turn to the event loop
    return dict(members)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=NumberText, parse_int=_integer, parse_constant=str
)
