"""A payload as lines of the screen: wrapped at the width, coloured, matches marked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct
from rich.cells import cell_len

from poolwatch.presentation.payload import Match, Part, PayloadLine, line_text
from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Ink, Line, Piece, StyleName, cut, fit_line

_STYLES: Final[dict[Part, StyleName]] = {
    Part.NAME: Tone.ACCENT,
    Part.STRING: Tone.GOOD,
    Part.NUMBER: Tone.STRONG,
    Part.WORD: Tone.STRONG,
    Part.SIGN: Tone.DIM,
    Part.PLAIN: Tone.PLAIN,
}
#: What goes on in the next line stands so much further in.
_HANG: Final = 2
_LEAST: Final = 12
#: So many letters at most are looked at for one cell: some take none.
_LETTERS_A_CELL: Final = 4


class Wrapped(Struct, frozen=True, eq=False):
    """A line of the screen: a part of a line of the payload, and the blanks before it."""

    line: int
    start: int
    end: int
    indent: int


def wrapped(lines: Sequence[PayloadLine], width: int) -> tuple[Wrapped, ...]:
    """The payload cut to lines of `width` cells: after a blank where there is one, else anywhere."""
    out: list[Wrapped] = []
    for index, line in enumerate(lines):
        text = line_text(line)
        own = len(text) - len(text.lstrip())
        start, indent = 0, 1
        while True:
            room = max(_LEAST, width - indent)
            # not all of the rest: a long line would be gone over for each of its rows
            rest = text[start : start + room * _LETTERS_A_CELL]
            chunk = cut(rest, room, "") or rest[:1]
            blank = chunk.rfind(" ", len(chunk) // 2)
            if start + len(chunk) < len(text) and blank >= 0:
                chunk = chunk[: blank + 1]
            out.append(Wrapped(index, start, start + len(chunk), indent))
            start += len(chunk)
            if start >= len(text):
                break
            indent = 1 + min(own + _HANG, max(0, width - _LEAST - 1))
    return tuple(out)


def drawn(lines: Sequence[PayloadLine], rows: Sequence[Wrapped], width: int) -> tuple[Line, ...]:
    """The rows in exactly `width` cells."""
    out: list[Line] = []
    for index, together in groupby(rows, key=lambda row: row.line):
        out += _rows(tuple(together), [(text, _STYLES[part]) for text, part in lines[index]], width)
    return tuple(out)


def with_matches(
    base: Sequence[Line],
    lines: Sequence[PayloadLine],
    rows: Sequence[Wrapped],
    found: Sequence[Match],
    current: int | None,
    width: int,
) -> tuple[Line, ...]:
    """The rows as drawn, with what was found marked; `current` is the match that the operator is at."""
    out = list(base)
    for index, together in groupby(range(len(found)), key=lambda nth: found[nth].line):
        pieces: list[Piece] = [(text, _STYLES[part]) for text, part in lines[index]]
        text, marked, at = line_text(lines[index]), [], 0
        for nth in together:
            match = found[nth]
            style = Ink.HERE if nth == current else Ink.MATCH
            marked += [*_between(pieces, at, match.start), (text[match.start : match.end], style)]
            at = match.end
        marked += _between(pieces, at, len(text))
        first, after = row_at(rows, index, 0), row_at(rows, index, len(text)) + 1
        out[first:after] = _rows(rows[first:after], marked, width)
    return tuple(out)


def row_at(rows: Sequence[Wrapped], line: int, column: int) -> int:
    """The row on which that place of the payload stands."""
    return bisect_right(rows, (line, column), key=lambda row: (row.line, row.start)) - 1


def _rows(rows: Sequence[Wrapped], pieces: Iterable[Piece], width: int) -> list[Line]:
    """All rows of one line of the payload, whose pieces are gone over once."""
    lines: list[list[Piece]] = [[(" " * row.indent, Tone.PLAIN)] for row in rows]
    nth = at = 0
    for text, style in pieces:
        end = at + len(text)
        while True:
            row = rows[nth]
            part = text[max(0, row.start - at) : max(0, row.end - at)]
            if part and cell_len(part):
                lines[nth].append((part, style))
            if end <= row.end or nth + 1 == len(rows):
                break
            nth += 1
        at = end
    return [fit_line(tuple(line), width) for line in lines]


def _between(pieces: Iterable[Piece], start: int, end: int) -> list[Piece]:
    out: list[Piece] = []
    at = 0
    for text, style in pieces:
        part = text[max(0, start - at) : max(0, end - at)]
        if part and cell_len(part):
            out.append((part, style))
        at += len(text)
    return out
