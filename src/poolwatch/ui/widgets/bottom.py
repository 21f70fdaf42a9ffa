"""The two lines at the bottom: the message, and the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Line, Piece, fit_line, line_width, spread
from poolwatch.ui.glyphs import Glyphs
from poolwatch.ui.ink import Ink
from poolwatch.ui.keymap import Key

#: Narrower than this a line has no room for a hint at its end.
_HINT_FROM: Final = 48


class Message(Struct, frozen=True):
    """One line for the operator: a remedy, progress, a question, an answer."""

    text: str
    tone: Tone = Tone.PLAIN
    #: who it speaks of, before the text
    about: str = ""
    #: said instead where the text does not fit, with a hint at the right end ("y copy")
    short: str = ""
    hint: tuple[str, str] = ("", "")


def message_line(message: Message | None, width: int, glyphs: Glyphs) -> Line:
    """The message in exactly `width` cells."""
    if message is None:
        return fit_line((), width)
    left: list[Piece] = [(" ", Tone.PLAIN)]
    if message.about:
        left.append((f"{message.about}: ", Tone.STRONG))
    left.append((message.text, message.tone))
    if line_width(left) <= width or not message.short:
        return fit_line(left, width, glyphs.ellipsis)
    short: list[Piece] = [*left[:-1], (message.short, message.tone)]
    key, word = message.hint
    right: list[Piece] = [(f"   {key}", Ink.KEY), (f" {word} ", Tone.DIM)] if key else []
    # the key matters most where what it copies is cut off
    if width < _HINT_FROM:
        right = []
    return spread(short, right, width, glyphs.ellipsis)


def key_line(keys: tuple[Key, ...], instead: Mapping[str, str], width: int, glyphs: Glyphs) -> Line:
    """The footer: as many keys as fit, those of the highest rank leaving first.

    `instead` has other words for some keys by their id; an empty word leaves the key out.
    """
    shown = [(key, instead.get(key.id, key.footer)) for key in keys if key.rank]
    shown = [(key, word) for key, word in shown if word]
    while shown and _cells(shown, glyphs) > width:
        shown.remove(max(shown, key=lambda entry: entry[0].rank))
    out: list[Piece] = []
    for index, (key, word) in enumerate(shown):
        out.append((("  " if index else " ") + sign(key.keys[0], glyphs), Ink.KEY))
        out.append((f" {word}", Tone.DIM))
    return fit_line(out, width, glyphs.ellipsis)


def sign(key: str, glyphs: Glyphs) -> str:
    """A key as the footer and the help write it."""
    return glyphs.key_names.get(key, key)


def typing_line(entries: Sequence[tuple[str, str]], width: int, glyphs: Glyphs) -> Line:
    """The footer while something is typed: the few keys that do not type."""
    out: list[Piece] = []
    for key, word in entries:
        out += [(("  " if out else " ") + sign(key, glyphs), Ink.KEY), (f" {word}", Tone.DIM)]
    return fit_line(out, width, glyphs.ellipsis)


def _cells(shown: list[tuple[Key, str]], glyphs: Glyphs) -> int:
    # the last two cells stay free of an entry cut in half
    return line_width([(f"  {sign(key.keys[0], glyphs)} {word}", Tone.DIM) for key, word in shown])
