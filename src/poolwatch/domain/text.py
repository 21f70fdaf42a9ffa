"""The sanitiser for every text that comes from outside: nothing of it can move a cursor or hide."""

from __future__ import annotations

import unicodedata
from typing import Final

#: A label longer than this is cut when it enters; no screen shows more.
MAX_LENGTH: Final = 200
_MAX_MARKS: Final = 2

# Zl/Zp break lines, Cc/Cf/Cs/Co/Cn steer terminals, hide or have no width anybody agrees on.
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Not in those categories, yet invisible or with a width that terminals disagree on.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")


def visible(text: str, limit: int = MAX_LENGTH) -> str:
    """The text with every control, bidi, zero-width and unassigned character as a visible escape.

    Runs of combining marks longer than two are dropped, blanks other than the space become a space,
    and what is longer than `limit` characters ends in "…". The result is valid UTF-8.
    """
    out: list[str] = []
    length = 0
    marks = 0
    for index, char in enumerate(text):
        category = unicodedata.category(char)
        if category.startswith("M"):
            marks += 1
            if (
                marks > _MAX_MARKS
                or not out
                or 0xFE00 <= ord(char) <= 0xFE0F
                or 0xE0100 <= ord(char) <= 0xE01EF
            ):
                continue
            piece = char
        elif category in _REFUSED or char in _INVISIBLE:
            marks = 0
            piece = _escape(char)
        else:
            marks = 0
            piece = " " if category == "Zs" else char
        if length + len(piece) > limit or index > 20 * limit:
            out.append("…")
            break
        out.append(piece)
        length += len(piece)
    return "".join(out)


def visible_or_none(text: str | None, limit: int = MAX_LENGTH) -> str | None:
    """`visible`, with blank texts as None: an empty label is no label."""
    if text is None:
        return None
    return visible(text.strip(), limit) or None


def _escape(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"
