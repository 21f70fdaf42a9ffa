"""Sheets in which something is typed, and the question that only a typed word answers with yes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct
from rich.cells import cell_len
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


class Question(Struct, frozen=True):
    """What a sheet tells and asks for; an empty `prompt` asks for nothing."""

    title: str
    told: tuple[str, ...]
    prompt: str
    keys: tuple[tuple[str, str], ...]
    #: what is meant by what was typed, behind it
    meant: str = ""


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
        #: what is said of it: that it is wrong, or what came of it
        self.remark = ""
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
        """Take what was typed; it may be right now."""
        self.typed, self.remark = visible(self.typed + text, self.MOST + 1)[: self.MOST], ""

    def erase(self) -> None:
        """Take the last letter back."""
        self.typed, self.remark = self.typed[:-1], ""

    def typed_end(self, room: int, glyphs: Glyphs) -> str:
        """As much of what was typed as there is room for: its end."""
        return cut(self.typed[::-1], room, glyphs.ellipsis)[::-1]

    def question_lines(self, question: Question, width: int, glyphs: Glyphs) -> list[Line]:
        """A question, the answer as far as it is typed, and what is said of it."""
        lines: list[Line] = [fit_line(((f" {question.title}", Tone.STRONG),), width, glyphs.ellipsis)]
        for text in question.told:
            lines += _wrapped(text, Tone.PLAIN, width)
        if question.prompt:
            typed = self.typed_end(max(4, width - cell_len(question.prompt) - 4), glyphs)
            pieces = ((f" {question.prompt}", Tone.STRONG), (f"{typed}_{question.meant}", Tone.PLAIN))
            lines.append(fit_line(pieces, width, glyphs.ellipsis))
        if self.remark:
            lines += _wrapped(self.remark, Tone.AMBER, width)
        return [*lines, typing_line(question.keys, width, glyphs)]


def _wrapped(text: str, tone: Tone, width: int) -> list[Line]:
    return [((" ", Tone.PLAIN), *line) for line in wrap(((text, tone),), max(1, width - 2))]


class WordSheet(Sheet[str]):
    """What is about to be done, and the word that has it done; any other word does nothing."""

    MOST = 256

    def __init__(
        self, ui: UiState, title: str, told: Sequence[str], prompt: str, accepted: Sequence[str]
    ) -> None:
        super().__init__(ui)
        keys = (("enter", interface.text("do_it")), ("esc", interface.text("nothing_is_done")))
        self._question = Question(title, tuple(told), prompt, keys)
        self._accepted = frozenset(accepted)

    def lines(self, width: int, glyphs: Glyphs) -> list[Line]:
        """The question, and what was typed."""
        return self.question_lines(self._question, width, glyphs)

    def on_key(self, event: events.Key) -> None:
        """Letters are the word; Enter does it where that is right."""
        event.stop()
        is_by_hand = self.is_by_hand(event)
        match event.key:
            case "escape":
                self.dismiss(None)
                return
            case "enter" if not is_by_hand:
                self.remark = interface.text("not_by_hand")
            case "enter":
                if self.typed.strip() in self._accepted:
                    self.dismiss(self.typed.strip())
                    return
                self.remark = interface.text("other_word")
            case "backspace":
                self.erase()
            case _ if event.character is not None and event.character.isprintable():
                self.take(event.character)
        self.draw()
