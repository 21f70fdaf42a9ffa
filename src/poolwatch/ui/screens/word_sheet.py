"""A question that only a typed word answers with yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from poolwatch.domain.text import visible
from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Line, cut, fit_line, wrap
from poolwatch.ui.screens.page import LeavesOnce, quits
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import typing_line
from poolwatch.ui.widgets.lines import Lines
from poolwatch.words import resets as words

_LONGEST_WORD: Final = 256


class WordSheet(ModalScreen[str], LeavesOnce[str], inherit_bindings=False):
    """What is about to be done, and the word that has it done; any other word does nothing."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = quits()
    DEFAULT_CSS = """
    WordSheet { background: transparent; layout: vertical; align: left bottom; }
    WordSheet Lines { dock: bottom; background: $panel; }
    """

    def __init__(
        self, ui: UiState, title: str, told: Sequence[str], prompt: str, accepted: Sequence[str]
    ) -> None:
        super().__init__()
        self._ui = ui
        self._title = title
        self._told_lines = tuple(told)
        self._prompt = prompt
        self._accepted = frozenset(accepted)
        self._typed = ""
        self._is_wrong = False

    def compose(self) -> ComposeResult:
        """All of it stands in a few lines."""
        yield Lines(id="sheet")

    def on_resize(self) -> None:
        """As wide as the screen."""
        self.query_one(Lines).set_appearance(self._ui.appearance)
        self._draw()

    def _draw(self) -> None:
        width, glyphs = self.size.width, self._ui.appearance.glyphs
        lines: list[Line] = [fit_line(((f" {self._title}", Tone.STRONG),), width, glyphs.ellipsis)]
        for text in self._told_lines:
            lines += [((" ", Tone.PLAIN), *line) for line in wrap(((text, Tone.PLAIN),), max(1, width - 2))]
        room = max(4, width - len(self._prompt) - 4)
        typed = cut(self._typed[::-1], room, glyphs.ellipsis)[::-1]
        lines.append(
            fit_line(((f" {self._prompt}", Tone.STRONG), (f"{typed}_", Tone.PLAIN)), width, glyphs.ellipsis)
        )
        if self._is_wrong:
            lines.append(fit_line(((f" {words.OTHER_WORD()}", Tone.AMBER),), width, glyphs.ellipsis))
        keys = (("enter", words.DO_IT()), ("esc", words.NOTHING_IS_DONE()))
        lines.append(typing_line(keys, width, glyphs))
        self.query_one(Lines).show(lines)

    def on_key(self, event: events.Key) -> None:
        """Letters are the word; Enter does it where that is right."""
        event.stop()
        match event.key:
            case "escape":
                self.dismiss(None)
                return
            case "enter":
                if self._typed.strip() in self._accepted:
                    self.dismiss(self._typed.strip())
                    return
                self._is_wrong = True
            case "backspace":
                self._typed = self._typed[:-1]
                self._is_wrong = False
            case _ if event.character is not None and event.character.isprintable():
                self._type(event.character)
        self._draw()

    def on_paste(self, event: events.Paste) -> None:
        """The first line of a paste, made harmless."""
        event.stop()
        self._type(next(iter(event.text.splitlines()), ""))
        self._draw()

    def _type(self, text: str) -> None:
        self._typed = visible(self._typed + text, _LONGEST_WORD + 1)[:_LONGEST_WORD]
        self._is_wrong = False
