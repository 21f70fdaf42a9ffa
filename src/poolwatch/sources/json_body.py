"""Bytes of an answer to JSON values, with every number kept as it was written where digits matter.

A long answer is read in steps that each end soon, with rests between them where it is read in slices.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8, getincrementaldecoder
from typing import Final, TypeAlias

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.sources.slices import SHORT_BYTES, rest

#: Of a longer list, or an object with more members, in a long answer the rest is dropped; one more than
#: these is kept, so that it can be told.
MOST_ROWS: Final = 20_000
TOO_DEEP: Final = Failure(FailureKind.MALFORMED, "the answer is nested too deeply")
_DEEPEST: Final = 200
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_UTF8: Final = getincrementaldecoder("utf-8")
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
        return Failure(FailureKind.NOT_THE_SERVICE, "a web page came back instead of figures")
    try:
        plain = body.removeprefix(BOM_UTF8)
        value: JsonValue
        value = _Long(plain).value() if len(plain) > SHORT_BYTES else _DECODER.decode(plain.decode())
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        # the exception is not quoted: it holds the whole body
        return Failure(
            FailureKind.MALFORMED, "the answer is not JSON" if body.strip() else "the answer is empty"
        )
    return value


def looks_like_html(body: bytes, content_type: str = "") -> bool:
    """Whether this is a page for people, by its type or its first character."""
    if "html" in content_type.lower():
        return True
    return body[:_PAGE_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _integer(digits: str) -> int | NumberText:
    return int(digits) if len(digits) <= _LONGEST_INT else NumberText(digits)


#: made once, and not by `json.loads` for each answer
_DECODER: Final = json.JSONDecoder(parse_float=NumberText, parse_int=_integer, parse_constant=str)


class _Long:
    """A long text, read step by step: what ends within `SHORT_BYTES` in one, what does not member by member.

    Errors are ValueError, RecursionError where it is nested too deeply.
    """

    def __init__(self, body: bytes) -> None:
        decoder, pieces = _UTF8(), []
        for start in range(0, len(body), SHORT_BYTES):
            pieces.append(decoder.decode(body[start : start + SHORT_BYTES]))
            rest()
        pieces.append(decoder.decode(b"", final=True))
        self._text = "".join(pieces)
        #: a part of the text, and where it begins
        self._part = ""
        self._part_at = 0

    def value(self) -> JsonValue:
        """The value of the whole text."""
        value, end = self._value(self._blanks(0), 0)
        if self._blanks(end) != len(self._text):
            raise ValueError("more than one value")
        return value

    def _value(self, at: int, depth: int) -> tuple[JsonValue, int]:
        rest()
        first = self._text[at : at + 1]
        if first not in ("{", "["):
            # a text or a number, however long
            return self._plain(at)
        if not self._part_at <= at < self._part_at + len(self._part) // 2:
            self._begin_part(at)
        for is_last in (self._part_at == at, True):
            try:
                value, end = _DECODER.raw_decode(self._part, at - self._part_at)
            except ValueError:
                if is_last:
                    break
                self._begin_part(at)
            else:
                return value, self._part_at + end
        if depth >= _DEEPEST:
            raise RecursionError
        return self._object(at, depth) if first == "{" else self._list(at, depth)

    def _begin_part(self, at: int) -> None:
        self._part, self._part_at = self._text[at : at + SHORT_BYTES], at

    def _plain(self, at: int) -> tuple[JsonValue, int]:
        try:
            return _DECODER.raw_decode(self._text, at)
        except StopIteration:
            raise ValueError("no value") from None

    def _object(self, at: int, depth: int) -> tuple[JsonObject, int]:
        found: JsonObject = {}
        at = self._blanks(at + 1)
        if self._text[at : at + 1] == "}":
            return found, at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise ValueError("no name of a member")
            name, at = self._plain(at)
            at = self._blanks(self._past(":", self._blanks(at)))
            value, at = self._value(at, depth + 1)
            if len(found) <= MOST_ROWS:
                found[str(name)] = value
            at = self._blanks(at)
            if self._text[at : at + 1] == "}":
                return found, at + 1
            at = self._blanks(self._past(",", at))

    def _list(self, at: int, depth: int) -> tuple[list[JsonValue], int]:
        found: list[JsonValue] = []
        at = self._blanks(at + 1)
        if self._text[at : at + 1] == "]":
            return found, at + 1
        while True:
            value, at = self._value(at, depth + 1)
            if len(found) <= MOST_ROWS:
                found.append(value)
            at = self._blanks(at)
            if self._text[at : at + 1] == "]":
                return found, at + 1
            at = self._blanks(self._past(",", at))

    def _blanks(self, at: int) -> int:
        found = _BLANKS.match(self._text, at)
        return at if found is None else found.end()

    def _past(self, sign: str, at: int) -> int:
        if self._text[at : at + 1] != sign:
            raise ValueError(f"no {sign}")
        return at + 1
