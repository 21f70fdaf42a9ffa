"""Columns of plain text: how wide a text stands in a terminal, and padding to that width."""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """The columns a sanitised text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def fit(text: str, columns: int, ellipsis: str = "…") -> str:
    """The text, cut to at most so many columns; what was cut ends in the ellipsis."""
    if width(text) <= columns:
        return text
    room = columns - width(ellipsis)
    if room < 0:
        return ""
    kept: list[str] = []
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + ellipsis


def fit_end(text: str, columns: int, ellipsis: str = "…") -> str:
    """The end of the text in at most so many columns; what was cut begins with the ellipsis."""
    if width(text) <= columns:
        return text
    return ellipsis + fit(text[::-1], columns - width(ellipsis), "")[::-1] if columns > 0 else ""


def left(text: str, columns: int) -> str:
    """The text at the left of a column of that width, cut if it must be."""
    cut = fit(text, columns)
    return cut + " " * (columns - width(cut))


def right(text: str, columns: int) -> str:
    """The text at the right of a column of that width, cut if it must be."""
    cut = fit(text, columns)
    return " " * (columns - width(cut)) + cut


def _columns(char: str) -> int:
    if unicodedata.category(char).startswith("M"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
