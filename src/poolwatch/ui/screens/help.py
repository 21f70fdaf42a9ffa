"""Help, made from the table of keys; and other pages of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.presentation.view import Glyph, Tone
from poolwatch.ui.bindings import bindings
from poolwatch.ui.cells import Line, Piece, fit, fit_line, wrap
from poolwatch.ui.glyphs import Glyphs
from poolwatch.ui.ink import Ink
from poolwatch.ui.keymap import Key, Keymap, Place, explained
from poolwatch.ui.screens.pane_page import PanePage
from poolwatch.ui.session import Session
from poolwatch.ui.widgets.bottom import sign
from poolwatch.ui.widgets.lines import Lines
from poolwatch.ui.widgets.pane import Pane
from poolwatch.ui.wording import GLYPH_WORDS, HELP_HEADINGS

_KEYS = 19


def help_lines(keymap: Keymap, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """All keys with what they do, and what the marks mean."""
    blocks = [
        (HELP_HEADINGS.wall, [key for key in keymap.table if Place.POOL in key.places]),
        (HELP_HEADINGS.detail, [key for key in keymap.table if key.places == {Place.DETAIL}]),
        (HELP_HEADINGS.everywhere, [key for key in keymap.table if Place.APP in key.places]),
    ]
    lines: list[Line] = []
    for heading, keys in blocks:
        lines.append(_heading(heading, width))
        for together, words in explained(keys):
            names = "  ".join(_names(key, glyphs) for key in together)
            lines += _entry(names, words, width, glyphs)
        lines.append(fit_line((), width))
    lines.append(_heading(HELP_HEADINGS.marks, width))
    tones = {
        Glyph.ACTIVE: Tone.GOOD,
        Glyph.EXHAUSTED: Tone.AMBER,
        Glyph.NEEDS_YOU: Tone.RED,
        Glyph.TROUBLE: Tone.AMBER,
    }
    for glyph, words in GLYPH_WORDS.items():
        lead: Piece = (fit(f"   {glyphs.status[glyph]}", _KEYS + 3), tones.get(glyph, Tone.DIM))
        lines.append(fit_line((lead, (words, Tone.PLAIN)), width, glyphs.ellipsis))
    return tuple(lines)


def _heading(text: str, width: int) -> Line:
    return fit_line(((f" {text}", Ink.HEADING),), width)


def _names(key: Key, glyphs: Glyphs) -> str:
    return " ".join(sign(name, glyphs) for name in key.keys)


def _entry(names: str, words: str, width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    for index, piece in enumerate(wrap(((words, Tone.PLAIN),), max(10, width - _KEYS - 4))):
        lead = fit(f"   {names}", _KEYS + 2, glyphs.ellipsis) + " " if index == 0 else " " * (_KEYS + 3)
        lines.append(fit_line(((lead, Ink.KEY), *piece), width, glyphs.ellipsis))
    return lines


class HelpScreen(PanePage[None]):
    """The keys; or, with `text`, a page of paragraphs."""

    PLACE = Place.HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.HELP)

    def __init__(self, session: Session, title: str = "", text: Sequence[str] = ()) -> None:
        super().__init__(session)
        self._title = title or HELP_HEADINGS.title
        self._text = tuple(text)

    def compose(self) -> ComposeResult:
        """Title, text, footer."""
        yield Lines(id="title")
        yield Pane(id="help")
        yield Lines(id="keys")

    def renew(self, *, anew: bool = False) -> None:
        """The help never changes; only looks and size do."""
        if not self.is_mounted or not anew or not self.size.width:
            return
        width = max(1, self.size.width - 1)
        glyphs = self.session.looks.glyphs
        self.query_one("#title", Lines).show((fit_line(((f" {self._title}", Ink.BRAND),), width), ()))
        self.query_one(Pane).show(
            self._paragraphs(width) if self._text else help_lines(self.session.options.keymap, width, glyphs)
        )
        self.show_keys(help="", quit="")

    def action_help(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()

    def _paragraphs(self, width: int) -> tuple[Line, ...]:
        lines: list[Line] = []
        for paragraph in self._text:
            pieces = wrap(((paragraph, Tone.PLAIN),), min(76, max(10, width - 4)))
            lines += [fit_line((("   ", Tone.PLAIN), *piece), width) for piece in pieces]
            lines.append(fit_line((), width))
        return tuple(lines)
