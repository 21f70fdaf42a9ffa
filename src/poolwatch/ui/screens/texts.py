"""Pages of text: the help, how logins are treated, and what a terminal is told that is too small."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from poolwatch.presentation.view import Flag, Glyph, Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, wrap
from poolwatch.ui.keymap import Key, Keymap, Scope, explained
from poolwatch.ui.screens.page import LEAST, Page, bindings, has_room, quits
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import key_label, message_line
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.words import interface as words
from poolwatch.words.outlook import about_at_reset
from poolwatch.words.query import about_filters

#: The cells of the column of keys.
_KEYS: Final = 19
#: Of more keys than these only the first and the last are named.
_MANY: Final = 4
#: The screens of one account, or one balance.
_OF_ONE: Final = {Scope.DETAIL, Scope.HISTORY, Scope.REPORT, Scope.BALANCE}
_OF_BALANCES: Final = {Scope.CREDITS, Scope.BALANCE}
#: The screens of a period.
_OVER_TIME: Final = {Scope.HISTORY, Scope.USAGE, Scope.REPORT, Scope.BALANCE}


def help_lines(keymap: Keymap, width: int, glyphs: Glyphs, scope: Scope = Scope.POOL) -> tuple[Line, ...]:
    """All keys with what they do, those of the screen of `scope` first, and what the marks mean."""
    blocks = [
        ("pool", [key for key in keymap.offered if Scope.POOL in key.scopes]),
        ("detail", [key for key in keymap.offered if Scope.DETAIL in key.scopes <= _OF_ONE]),
        ("history", [key for key in keymap.offered if Scope.HISTORY in key.scopes <= _OVER_TIME]),
        ("usage", [key for key in keymap.offered if Scope.USAGE in key.scopes <= _OVER_TIME]),
        ("report", [key for key in keymap.offered if key.scopes == {Scope.REPORT}]),
        ("events", [key for key in keymap.offered if key.scopes == {Scope.EVENTS}]),
        ("budgets", [key for key in keymap.offered if key.scopes == {Scope.BUDGETS}]),
        ("budget_form", [key for key in keymap.offered if key.scopes == {Scope.BUDGET_FORM}]),
        ("resets", [key for key in keymap.offered if key.scopes == {Scope.RESETS}]),
        ("credits", [key for key in keymap.offered if Scope.CREDITS in key.scopes <= _OF_BALANCES]),
        ("raw", [key for key in keymap.offered if key.scopes == {Scope.RAW}]),
        ("app", [key for key in keymap.offered if Scope.APP in key.scopes]),
    ]
    blocks.sort(key=lambda block: block[0] != scope.value)
    lines: list[Line] = []
    for part, keys in blocks:
        lines.append(_heading(words.text(f"help.{part}"), width))
        for together, told in explained(keys):
            lines += _entry(_together(together, glyphs), told, width, glyphs)
        lines.append(fit_line((), width))
    lines.append(_heading(words.text("help.filter"), width))
    for part, finds in about_filters():
        lines += _entry(part, finds, width, glyphs)
    lines.append(fit_line((), width))
    lines.append(_heading(words.text("help.at_reset"), width))
    for word, means in about_at_reset():
        lines += _entry(word, means, width, glyphs)
    lines.append(fit_line((), width))
    lines.append(_heading(words.text("help.marks"), width))
    tones = {
        Glyph.ACTIVE: Tone.GOOD,
        Glyph.EXHAUSTED: Tone.AMBER,
        Glyph.NEEDS_YOU: Tone.RED,
        Glyph.TROUBLE: Tone.AMBER,
    }
    for glyph in Glyph:
        lead: Piece = (fit(f"   {glyphs.status[glyph]}", _KEYS + 3), tones.get(glyph, Tone.DIM))
        told = words.text(f"mark.{glyph.value}")
        lines.append(fit_line((lead, (told, Tone.PLAIN)), width, glyphs.ellipsis))
    for flag in Flag:
        lines += _entry(glyphs.flag(flag), words.text(f"flag.{flag.value}"), width, glyphs)
    return tuple(lines)


def _heading(text: str, width: int) -> Line:
    return fit_line(((f" {text}", Ink.HEADING),), width)


def _together(keys: Sequence[Key], glyphs: Glyphs) -> str:
    """Keys that are explained together; of many, the first and the last."""
    if len(keys) > _MANY:
        return f"{_names(keys[0], glyphs)} – {_names(keys[-1], glyphs)}"
    return "  ".join(_names(key, glyphs) for key in keys)


def _names(key: Key, glyphs: Glyphs) -> str:
    return " ".join(key_label(name, glyphs) for name in key.keys)


def _entry(names: str, told: str, width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    for index, piece in enumerate(wrap(((told, Tone.PLAIN),), max(10, width - _KEYS - 4))):
        lead = fit(f"   {names}", _KEYS + 2, glyphs.ellipsis) + " " if index == 0 else " " * (_KEYS + 3)
        lines.append(fit_line(((lead, Ink.KEY), *piece), width, glyphs.ellipsis))
    return lines


class TextPage(Page[None]):
    """A text under its title."""

    def __init__(self, ui: UiState, title: Line) -> None:
        super().__init__(ui)
        self._heading = title

    def compose(self) -> ComposeResult:
        """Title, text, what is said, footer."""
        yield Lines(id="title")
        yield Pane(id="text")
        yield Lines(id="message")
        yield Lines(id="keys")

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is said; the rest only where everything is drawn anew."""
        if not self.can_draw:
            return
        said = message_line(self.flashed, self.size.width, self.ui.appearance.glyphs)
        self.query_one("#message", Lines).show((said,) if self.flashed else ())
        if full:
            width = max(1, self.size.width - 1)
            self.query_one("#title", Lines).show((fit_line(self._heading, width), ()))
            self.draw(width)

    @abstractmethod
    def draw(self, width: int) -> None:
        """The text in lines of that width, and the footer."""


class HelpScreen(TextPage):
    """The keys, those of the screen that it was opened from first; or, with `text`, a page of paragraphs."""

    SCOPE = Scope.HELP
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.HELP)

    def __init__(
        self, ui: UiState, title: str = "", text: Sequence[str] = (), scope: Scope = Scope.POOL
    ) -> None:
        super().__init__(ui, ((f" {title or words.text('help.title')}", Ink.BRAND),))
        self._scope = scope
        self._text = tuple(text)

    def draw(self, width: int) -> None:
        """The keys or the paragraphs."""
        self.query_one(Pane).show(
            self._paragraphs(width)
            if self._text
            else help_lines(self.ui.options.keymap, width, self.ui.appearance.glyphs, self._scope)
        )
        self.show_keys(help=words.text("close"))

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


class CrampedScreen(Page[None], ModalScreen[None]):
    """What a terminal is told that is too small; it goes as soon as there is room.

    What cannot be seen is not done: no key works but those that quit.
    """

    SCOPE = Scope.APP
    BINDINGS: ClassVar[list[BindingType]] = quits()
    DEFAULT_CSS = """
    CrampedScreen { background: $background; }
    """

    def compose(self) -> ComposeResult:
        """One line."""
        yield Lines(id="needs")

    def redraw(self, *, full: bool = False) -> None:
        """Draw it, or leave."""
        if has_room(self.app.size):
            self.dismiss()
        elif self.can_draw:
            quits_key = self.ui.options.keymap.get("quit").keys[0]
            told = words.too_small(LEAST.width, LEAST.height, *self.app.size, quits_key)
            self.query_one(Lines).show(wrap(((told, Tone.STRONG),), self.size.width))

    def on_screen_resume(self) -> None:
        """A question that stood above is answered."""
        self.redraw()

    def action_back(self) -> None:
        """There is nowhere to go back to: the screen below cannot be read."""
        self.app.exit(return_code=0)
