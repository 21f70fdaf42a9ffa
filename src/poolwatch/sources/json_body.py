"""Bytes of an answer to JSON values, with every number kept as it was written where digits matter."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import Final, TypeAlias

from poolwatch.domain.failure import Failure, FailureKind

_LONGEST_INT: Final = 19


class NumberText(str):
    """A JSON number as it stands in the body: a fraction, an exponent, or an integer of many digits."""

    __slots__ = ()


#: NaN and Infinity, which JSON does not have, become plain text that no number field accepts.
JsonValue: TypeAlias = "bool | int | str | NumberText | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]


def read_json(body: bytes, content_type: str = "") -> JsonValue | Failure:
    """The value in the body. A web page is `not_the_service`, anything else that is no JSON `malformed`."""
    if looks_like_html(body, content_type):
        return Failure(FailureKind.NOT_THE_SERVICE, "a web page came back instead of figures")
    try:
        value: JsonValue = _DECODER.decode(body.removeprefix(BOM_UTF8).decode())
    except RecursionError:
        return Failure(FailureKind.MALFORMED, "the answer is nested too deeply")
    except ValueError:
        # the exception is not quoted: it holds the whole body
        return Failure(
            FailureKind.MALFORMED, "the answer is not JSON" if body.strip() else "the answer is empty"
        )
    return value


def looks_like_html(body: bytes, content_type: str = "") -> bool:
    """Whether this is a page for people, by its type or its first character."""
    return "html" in content_type.lower() or body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _integer(digits: str) -> int | NumberText:
    return int(digits) if len(digits) <= _LONGEST_INT else NumberText(digits)


#: made once, and not by `json.loads` for each answer
_DECODER: Final = json.JSONDecoder(parse_float=NumberText, parse_int=_integer, parse_constant=str)
