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
            rest = text[start:]
            chunk = cut(rest, max(_LEAST, width - indent), "") or rest[:1]
            blank = chunk.rfind(" ", len(chunk) // 2)
            if len(chunk) < len(rest) and blank >= 0:
                chunk = chunk[: blank + 1]
            out.append(Wrapped(index, start, start + len(chunk), indent))
            start += len(chunk)
            if start >= len(text):
                break
            indent = 1 + min(own + _HANG, max(0, width - _LEAST - 1))
    return tuple(out)


def drawn(lines: Sequence[PayloadLine], rows: Sequence[Wrapped], width: int) -> tuple[Line, ...]:
    """The rows in exactly `width` cells."""
    pieces = [[(text, _STYLES[part]) for text, part in line] for line in lines]
    return tuple(_row(row, pieces[row.line], width) for row in rows)


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
        for row in range(row_at(rows, index, 0), row_at(rows, index, len(text)) + 1):
            out[row] = _row(rows[row], marked, width)
    return tuple(out)


def row_at(rows: Sequence[Wrapped], line: int, column: int) -> int:
    """The row on which that place of the payload stands."""
    return bisect_right(rows, (line, column), key=lambda row: (row.line, row.start)) - 1


def _row(row: Wrapped, pieces: Iterable[Piece], width: int) -> Line:
    return fit_line(((" " * row.indent, Tone.PLAIN), *_between(pieces, row.start, row.end)), width)


def _between(pieces: Iterable[Piece], start: int, end: int) -> list[Piece]:
    out: list[Piece] = []
    at = 0
    for text, style in pieces:
        part = text[max(0, start - at) : max(0, end - at)]
        if part and cell_len(part):
            out.append((part, style))
        at += len(text)
    return out
