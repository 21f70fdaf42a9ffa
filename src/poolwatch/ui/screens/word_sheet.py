"""Sheets in which something is typed, and the question that only a typed word answers with yes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from poolwatch.domain.text import visible
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Line, cut, fit_line, wrap
from poolwatch.ui.screens.page import LeavesOnce, ResultT, quits
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import typing_line
from poolwatch.ui.widgets.lines import Lines
from poolwatch.words import interface
from poolwatch.words import resets as words


class Sheet(ModalScreen[ResultT], LeavesOnce[ResultT], inherit_bindings=False):
    """A few lines over the lower end of a screen, in which something is typed."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = quits()
    DEFAULT_CSS = """
    Sheet { background: transparent; layout: vertical; align: left bottom; }
    Sheet Lines { dock: bottom; background: $panel; }
    """
    #: So many characters can be typed.
    MOST: ClassVar[int]
    #: A hand takes longer than this to go from the last letter to Enter.
    HAND_SECONDS: ClassVar[float] = 0.05

    def __init__(self, ui: UiState) -> None:
        super().__init__()
        self.ui = ui
        self.typed = ""
        self._pressed_at = -math.inf

    @abstractmethod
    def lines(self, width: int, glyphs: Glyphs) -> list[Line]:
        """What stands there."""

    def compose(self) -> ComposeResult:
        """All of it stands in a few lines."""
        yield Lines(id="sheet")

    def on_resize(self) -> None:
        """As wide as the screen."""
        self.query_one(Lines).set_appearance(self.ui.appearance)
        self.draw()

    def draw(self) -> None:
        """Draw what stands there now."""
        self.query_one(Lines).show(self.lines(self.size.width, self.ui.appearance.glyphs))

    def on_paste(self, event: events.Paste) -> None:
        """The first line of a paste, made harmless."""
        event.stop()
        self.take(next(iter(event.text.splitlines()), ""))
        self.draw()

    def is_by_hand(self, event: events.Key) -> bool:
        """Whether a key came by itself; to be asked of each.

        Not every terminal marks a paste: there its line ends are Enter, at once behind the letters.
        """
        before, self._pressed_at = self._pressed_at, event.time
        return event.time - before >= self.HAND_SECONDS

    def take(self, text: str) -> None:
        """Take what was typed."""
        self.typed = visible(self.typed + text, self.MOST + 1)[: self.MOST]

    def typed_end(self, room: int, glyphs: Glyphs) -> str:
        """As much of what was typed as there is room for: its end."""
        return cut(self.typed[::-1], room, glyphs.ellipsis)[::-1]


class WordSheet(Sheet[str]):
    """What is about to be done, and the word that has it done; any other word does nothing."""

    MOST = 256

    def __init__(
        self, ui: UiState, title: str, told: Sequence[str], prompt: str, accepted: Sequence[str]
    ) -> None:
        super().__init__(ui)
        self._title = title
        self._told_lines = tuple(told)
        self._prompt = prompt
        self._accepted = frozenset(accepted)
        self._wrong = ""

    def lines(self, width: int, glyphs: Glyphs) -> list[Line]:
        """The question, and what was typed."""
        lines: list[Line] = [fit_line(((f" {self._title}", Tone.STRONG),), width, glyphs.ellipsis)]
        for text in self._told_lines:
            lines += [((" ", Tone.PLAIN), *line) for line in wrap(((text, Tone.PLAIN),), max(1, width - 2))]
        typed = self.typed_end(max(4, width - len(self._prompt) - 4), glyphs)
        lines.append(
            fit_line(((f" {self._prompt}", Tone.STRONG), (f"{typed}_", Tone.PLAIN)), width, glyphs.ellipsis)
        )
        if self._wrong:
            lines.append(fit_line(((f" {self._wrong}", Tone.AMBER),), width, glyphs.ellipsis))
        keys = (("enter", words.DO_IT()), ("esc", words.NOTHING_IS_DONE()))
        return [*lines, typing_line(keys, width, glyphs)]

    def on_key(self, event: events.Key) -> None:
        """Letters are the word; Enter does it where that is right."""
        event.stop()
        is_by_hand = self.is_by_hand(event)
        match event.key:
            case "escape":
                self.dismiss(None)
                return
            case "enter" if not is_by_hand:
                self._wrong = interface.text("not_by_hand")
            case "enter":
                if self.typed.strip() in self._accepted:
                    self.dismiss(self.typed.strip())
                    return
                self._wrong = words.OTHER_WORD()
            case "backspace":
                self.typed = self.typed[:-1]
                self._wrong = ""
            case _ if event.character is not None and event.character.isprintable():
                self.take(event.character)
        self.draw()

    def take(self, text: str) -> None:
        """Another word may be right."""
        super().take(text)
        self._wrong = ""
