"""Paths and names in commands to paste: one word of a shell, which gets the very bytes."""

from __future__ import annotations

from typing import Final

from poolwatch.domain.text import all_visible

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
