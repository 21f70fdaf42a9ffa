"""Texts from outside, made harmless where they enter; paths and words for a shell."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: A label longer than this is cut when it enters; no screen shows more.
MAX_LENGTH: Final = 200
#: A path is shown whole.
LONGEST_PATH: Final = 40_960
_MAX_MARKS: Final = 2

# Zl/Zp break lines, Cc/Cf/Cs/Co/Cn steer terminals, hide or have no width anybody agrees on.
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Not in those categories, yet invisible or with a width that terminals disagree on.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
# Likewise: Korean letters that only have a width inside a syllable, and symbols that Unicode 16 made wide.
_NO_AGREED_WIDTH: Final = re.compile(
    "[\u1161-\u11ff\ud7b0-\ud7fb\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\U0001d300-\U0001d356\U0001d360-\U0001d376]"
)
_SYLLABLE: Final = re.compile("[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?")
# skin tones colour the emoji before them in some terminals and are two cells of their own in others
_SKIN_TONES: Final = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_FLAG_A: Final = 0x1F1E6


def visible(text: str, limit: int = MAX_LENGTH) -> str:
    """The text with every control, bidi, zero-width and unassigned character as a visible escape.

    Runs of combining marks longer than two are dropped, blanks other than the space become a space, flags
    become their two letters, and what is longer than `limit` characters ends in "…". The result is valid
    UTF-8, and every terminal gives it the same width.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    most = 20 * limit
    is_cut = len(text) > most
    text = _SYLLABLE.sub(_composed, text[:most])
    out: list[str] = []
    length = 0
    marks = 0
    for char in text:
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
        elif category in _REFUSED or char in _INVISIBLE or _NO_AGREED_WIDTH.match(char):
            marks = 0
            piece = _escape(char)
        elif char in _SKIN_TONES:
            continue
        else:
            marks = 0
            piece = " " if category == "Zs" else _letter(char)
        if length + len(piece) > limit:
            is_cut = True
            break
        out.append(piece)
        length += len(piece)
    if is_cut:
        out.append("…")
    return "".join(out)


def all_visible(text: str) -> str:
    """`visible`, and nothing of it cut."""
    return visible(text, 10 * len(text))


def visible_or_none(text: str | None, limit: int = MAX_LENGTH) -> str | None:
    """`visible`, with blank texts as None: an empty label is no label."""
    if text is None:
        return None
    return visible(text.strip(), limit) or None


def _composed(syllable: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", syllable[0])


def _letter(char: str) -> str:
    """The character, or the letter that one half of a flag stands for."""
    index = ord(char) - _FLAG_A
    return chr(ord("A") + index) if 0 <= index < 26 else char


def _escape(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


#: takes out the signs that a shell leaves alone
_SAFE: Final = str.maketrans("", "", "_@%+=:,./-")


def shell_word(text: str) -> str:
    """The text as it is, else in quotes; `$'…'` where it holds what no screen shows as it is."""
    if text.isascii() and text.translate(_SAFE).isalnum():
        return text
    if all_visible(text) == text:
        import shlex  # few paths need it

        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, _bytes(text)))}'"


def argument_word(text: str) -> str:
    """As `shell_word`, for an argument that is no path: it is not taken for an option."""
    return f"-- {shell_word(text)}" if text.startswith("-") else shell_word(text)


def path_word(path: str) -> str:
    """A path as a word; a leading ~ stays outside the quotes, where it works."""
    if path in ("~", "~/"):
        return path
    return f"~/{shell_word(path[2:])}" if path.startswith("~/") else shell_word(path)


def path_at(place: str) -> str | None:
    """The path at the place of a login file's entry, which is hexadecimal where its bytes are no text."""
    if place.startswith("/"):
        return place
    try:
        path = bytes.fromhex(place).decode("utf-8", "surrogateescape")
    except ValueError:
        return None
    return path if path.startswith("/") else None


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character that no file name can hold
        return text.encode("utf-8", "replace")


def _escaped(byte: int) -> str:
    char = chr(byte)
    if char in "\\'":
        return f"\\{char}"
    return char if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
