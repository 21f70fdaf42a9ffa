"""One of several words, chosen by its first letters or with the arrows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Ink, Line, Piece, fit_line
from poolwatch.ui.screens.page import LeavesOnce, quits
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import typing_line
from poolwatch.ui.widgets.lines import Lines
from poolwatch.words import interface


class ChoiceScreen(ModalScreen[int], LeavesOnce[int], inherit_bindings=False):
    """The words, one of them selected; leaving gives back which one was chosen, or nothing."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = quits()
    DEFAULT_CSS = """
    ChoiceScreen { background: transparent; layout: vertical; align: left bottom; }
    ChoiceScreen Lines { dock: bottom; background: $panel; }
    """

    def __init__(self, ui: UiState, told: str, choices: Sequence[str], selected: int) -> None:
        super().__init__()
        self._ui = ui
        self._told = told
        self._choices = tuple(choices)
        self._selected = selected
        self._typed = ""

    def compose(self) -> ComposeResult:
        """All of it stands in a few lines."""
        yield Lines(id="choices")

    def on_resize(self) -> None:
        """As wide as the screen."""
        self.query_one(Lines).set_appearance(self._ui.appearance)
        self._draw()

    def _draw(self) -> None:
        width, glyphs = self.size.width, self._ui.appearance.glyphs
        lines: list[Line] = [fit_line(((f" {self._told}", Tone.DIM),), width, glyphs.ellipsis)]
        for number, word in enumerate(self._choices):
            is_selected = number == self._selected
            typed = len(self._typed) if word.casefold().startswith(self._typed) else 0
            pieces: list[Piece] = [(f"{glyphs.pointer if is_selected else ' '}  ", Ink.MARK)]
            # the letter that chooses it, or those that were typed
            shown = max(1, typed)
            pieces.append((word[:shown], Ink.KEY))
            pieces.append((word[shown:], Tone.STRONG if is_selected else Tone.PLAIN))
            lines.append(fit_line(pieces, width, glyphs.ellipsis))
        keys = (("enter", interface.text("choose")), ("esc", interface.text("leave_it")))
        lines.append(typing_line(keys, width, glyphs))
        self.query_one(Lines).show(lines)

    def on_key(self, event: events.Key) -> None:
        """Letters narrow it down until one is left."""
        event.stop()
        match event.key:
            case "escape":
                self.dismiss(None)
            case "enter":
                self.dismiss(self._selected)
            case "up" | "down":
                self._typed = ""
                step = 1 if event.key == "down" else -1
                self._selected = (self._selected + step) % len(self._choices)
                self._draw()
            case "backspace":
                self._typed = self._typed[:-1]
                self._draw()
            case _ if event.character is not None and event.character.isprintable():
                self._type(event.character)

    def _type(self, letter: str) -> None:
        for typed in (self._typed + letter.casefold(), letter.casefold()):
            found = [at for at, word in enumerate(self._choices) if word.casefold().startswith(typed)]
            if not found:
                continue
            self._typed, self._selected = typed, found[0]
            if len(found) == 1:
                self.dismiss(found[0])
                return
            break
        self._draw()
