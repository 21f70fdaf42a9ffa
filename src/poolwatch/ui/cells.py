"""Styled text in terminal cells: cut, padded and wrapped without splitting what reads as one character."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeAlias

from rich.cells import cell_len, split_graphemes

from poolwatch.presentation.view import Tone


class Ink(StrEnum):
    """What a theme styles beside the tones: bars, rules, headings, keys, the selection's mark."""

    BAR = "bar"
    TRACK = "track"
    RULE = "rule"
    HEADING = "heading"
    BRAND = "brand"
    KEY = "key"
    MARK = "mark"
    #: what was searched, and the one of them that the operator is at
    MATCH = "match"
    HERE = "here"
    #: the word of several that holds
    CHOSEN = "chosen"
    #: the borders of cards, softer than the texts in them
    EDGE_GOOD = "edge_good"
    EDGE_AMBER = "edge_amber"
    EDGE_RED = "edge_red"
    EDGE_DIM = "edge_dim"


#: A theme turns it into a style of the terminal.
StyleName: TypeAlias = Tone | Ink
#: A text in one style.
Piece: TypeAlias = tuple[str, StyleName]
#: One line of the screen, left to right.
Line: TypeAlias = tuple[Piece, ...]

ELLIPSIS = "…"
_DOT = " · "


def cut(text: str, cells: int, mark: str = ELLIPSIS) -> str:
    """The text in at most `cells` cells, ending in `mark` where something was cut off."""
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return text
    room = cells - cell_len(mark)
    if room < 0:
        return ""
    used = 0
    end = 0
    for _, stop, width in split_graphemes(text)[0]:
        if used + width > room:
            break
        used += width
        end = stop
    return text[:end] + mark


def fit(text: str, cells: int, mark: str = ELLIPSIS) -> str:
    """The text in exactly `cells` cells, at the left."""
    short = cut(text, cells, mark)
    return short + " " * max(0, cells - cell_len(short))


def fit_words(text: str, cells: int, mark: str = ELLIPSIS) -> str:
    """As `fit`, but what does not fit goes as a whole: half of a time reads as another one.

    Of parts between dots the last one stays longest; of a part its first words, and no number at their end:
    it may be the day of a date.
    """
    while cell_len(text) > cells and _DOT in text:
        text = text.partition(_DOT)[2]
    shorter = text
    while (cell_len(shorter) > cells or (shorter is not text and text[-1:].isdigit())) and " " in text:
        text = text.rpartition(" ")[0]
        shorter = text + mark
    return fit(shorter, cells, mark)


def fit_right(text: str, cells: int, mark: str = ELLIPSIS) -> str:
    """The text in exactly `cells` cells, at the right."""
    short = cut(text, cells, mark)
    return " " * max(0, cells - cell_len(short)) + short


def fit_percent(text: str, cells: int) -> str:
    """A percentage at the right, in at least five cells; a long one is never cut to another number.

    It becomes the bound that it is beyond: `>999%`, `<-99%`.
    """
    short = text
    if cell_len(text) > cells:
        beyond = "<-" if short.startswith("-") else ">"
        short = f"{beyond}{'9' * (cells - len(beyond) - 1)}%"
    return fit_right(short, cells)


def line_width(line: Iterable[Piece]) -> int:
    """How many cells a line takes."""
    return sum(cell_len(text) for text, _ in line)


def fit_line(pieces: Iterable[Piece], cells: int, mark: str = ELLIPSIS) -> Line:
    """The pieces in exactly `cells` cells: cut at the right, or padded there."""
    out: list[Piece] = []
    left = cells
    rest = list(pieces)
    while rest and left > 0:
        text, style = rest.pop(0)
        width = cell_len(text)
        more = any(cell_len(other) for other, _ in rest)
        if width > left or (width == left and more):
            # what follows is cut off as well, so the mark has to stand here
            text = cut(text + "  ", left, mark)
            width = cell_len(text)
            rest.clear()
        if text:
            out.append((text, style))
        left -= width
    if left > 0:
        out.append((" " * left, Tone.PLAIN))
    return tuple(out)


def spread(left: Iterable[Piece], right: Iterable[Piece], cells: int, mark: str = ELLIPSIS) -> Line:
    """`left` and `right` at the two ends of a line of exactly `cells` cells; `left` gives way."""
    tail = tuple(right)
    room = cells - line_width(tail)
    if room < 1:
        return fit_line(left, cells, mark)
    return (*fit_line(left, room, mark), *tail)


def wrap(pieces: Sequence[Piece], cells: int) -> list[Line]:
    """The pieces broken at blanks into lines of at most `cells` cells; longer words are split."""
    lines: list[Line] = []
    line: list[Piece] = []
    used = 0
    for text, style in _words(pieces):
        word, width = text, cell_len(text)
        if used and used + width > cells and word.strip():
            lines.append(_trimmed(line))
            line, used = [], 0
        if not used and not word.strip() and lines:
            continue
        while cell_len(word) > cells > 0:
            head = cut(word, cells, "")
            if not head:
                break
            lines.append(((head, style),))
            word = word[len(head) :]
        line.append((word, style))
        used += cell_len(word)
    lines.append(_trimmed(line))
    return lines


def _words(pieces: Sequence[Piece]) -> Iterable[Piece]:
    for text, style in pieces:
        start = 0
        for index in range(1, len(text) + 1):
            if index == len(text) or text[index].isspace() != text[start].isspace():
                yield text[start:index], style
                start = index


def _trimmed(line: list[Piece]) -> Line:
    while line and not line[-1][0].strip():
        line.pop()
    return tuple(line)
