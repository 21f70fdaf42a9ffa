"""A payload to be read: JSON indented, its parts told apart; and where in it a text is found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.text import all_visible

_STEP: Final = "  "
#: Nothing is indented further: brackets by the thousand would fill the memory with blanks.
_DEEPEST: Final = 20
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d[\d.eE+-]*)
      | (?P<word>true|false|null)(?![\w])
      | (?P<open>[\[{])
      | (?P<close>[\]}])
      | (?P<comma>,)
      | (?P<colon>:)
    )""",
    re.VERBOSE | re.DOTALL,
)


class Part(StrEnum):
    """What a piece of JSON is; PLAIN where it is none."""

    NAME = "name"
    STRING = "string"
    NUMBER = "number"
    WORD = "word"
    SIGN = "sign"
    PLAIN = "plain"


#: One line: its pieces, left to right.
PayloadLine: TypeAlias = tuple[tuple[str, Part], ...]


class Match(Struct, frozen=True):
    """A place where the text that is searched was found."""

    line: int
    start: int
    end: int


def payload_lines(text: str) -> tuple[PayloadLine, ...]:
    """The payload line by line, made harmless. JSON is indented and else as it came: digits, escapes, order.

    What is no JSON, or breaks off, stays as it is from there on.
    """
    if not text.lstrip().startswith(("{", "[")):
        return tuple(_plain(text))
    lines: list[PayloadLine] = []
    line: list[tuple[str, Part]] = []
    depth = at = 0
    found = _TOKEN.match(text)
    while found is not None:
        kind, token = found.lastgroup or "", all_visible(found[0].strip())
        at = found.end()
        following = _TOKEN.match(text, at)
        after = following.lastgroup if following is not None else None
        if kind == "close":
            depth = max(0, depth - 1)
        if kind == "close" and line and line[-1][0].strip() not in ("{", "["):
            lines.append(tuple(line))
            line = []
        if not line and depth:
            line.append((_STEP * min(depth, _DEEPEST), Part.PLAIN))
        line.append((token, _part(kind, after)))
        if kind == "colon":
            line.append((" ", Part.PLAIN))
        if kind == "open":
            depth += 1
        if kind == "comma" or (kind == "open" and after != "close"):
            lines.append(tuple(line))
            line = []
        found = following
    if line:
        lines.append(tuple(line))
    rest = text[at:]
    return (*lines, *(_plain(rest.strip("\r\n")) if rest.strip() else ()))


def _part(kind: str, after: str | None) -> Part:
    if kind == "string":
        return Part.NAME if after == "colon" else Part.STRING
    return {"number": Part.NUMBER, "word": Part.WORD}.get(kind, Part.SIGN)


def _plain(text: str) -> Iterator[PayloadLine]:
    for line in text.splitlines():
        yield ((all_visible(line), Part.PLAIN),)


def line_text(line: PayloadLine) -> str:
    """A line without its parts."""
    return "".join(piece for piece, _ in line)


def matches(lines: Sequence[PayloadLine], wanted: str) -> tuple[Match, ...]:
    """Where the text stands, in any case; none for an empty one."""
    if not wanted:
        return ()
    look = re.compile(re.escape(wanted), re.IGNORECASE)
    return tuple(
        Match(index, found.start(), found.end())
        for index, line in enumerate(lines)
        for found in look.finditer(line_text(line))
    )
