"""The lines at the bottom: the message and the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, fit_line, line_width, spread
from poolwatch.ui.keymap import STAYS, Key
from poolwatch.words import interface as words

#: Narrower than this a line has no room for a hint at its end.
_HINT_FROM: Final = 48


class MessageText(Struct, frozen=True):
    """One line for the operator: a remedy, progress, a question, an answer."""

    text: str
    tone: Tone = Tone.PLAIN
    #: who it speaks of, before the text
    about: str = ""
    #: said instead where the text does not fit, with a hint at the right end ("y copy")
    short: str = ""
    hint: tuple[str, str] = ("", "")


def message_line(message: MessageText | None, width: int, glyphs: Glyphs) -> Line:
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
    shown = [(key, instead.get(key.id, words.key_footer(key.id))) for key in keys]
    shown = [(key, word) for key, word in shown if word]
    while _cells(shown, glyphs) > width and any(key.rank != STAYS for key, _ in shown):
        shown.remove(max(shown, key=lambda entry: entry[0].rank))
    return typing_line([(key.keys[0], word) for key, word in shown], width, glyphs)


def key_label(key: str, glyphs: Glyphs) -> str:
    """A key, or two that go together, as the footer and the help write them."""
    return " ".join(glyphs.key_names.get(each, each) for each in key.split(" "))


def typing_line(entries: Sequence[tuple[str, str]], width: int, glyphs: Glyphs) -> Line:
    """The footer while something is typed or asked: the few keys that work then."""
    out: list[Piece] = []
    for key, word in entries:
        out += [(("  " if out else " ") + key_label(key, glyphs), Ink.KEY), (f" {word}", Tone.DIM)]
    return fit_line(out, width, glyphs.ellipsis)


def simulated_line(
    first: tuple[str, str] | None, then: Sequence[tuple[str, str]], width: int, glyphs: Glyphs
) -> Line:
    """That it is the demo; and what to try: a key on an account, then others. `first` None: no advice."""
    out: list[Piece] = [(f" {words.text('simulated')}", Tone.DIM)]
    if first is not None:
        key, account = first
        out.append((f" {words.text('simulated.try', key=key_label(key, glyphs), account=account)}", Tone.DIM))
        out += [
            piece
            for key, word in then
            for piece in ((f"  {key_label(key, glyphs)}", Ink.KEY), (f" {word}", Tone.DIM))
        ]
    return fit_line(out, width, glyphs.ellipsis)


def _cells(shown: list[tuple[Key, str]], glyphs: Glyphs) -> int:
    # the last two cells stay free of an entry cut in half
    return line_width([(f"  {key_label(key.keys[0], glyphs)} {word}", Tone.DIM) for key, word in shown])
