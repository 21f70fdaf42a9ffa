"""A question on the line above the footer."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from poolwatch.presentation.view import Tone
from poolwatch.ui.screens.page import LeavesOnce
from poolwatch.ui.session import Session
from poolwatch.ui.widgets.bottom import Message, message_line
from poolwatch.ui.widgets.lines import Lines


class Confirm(ModalScreen[bool], LeavesOnce[bool], inherit_bindings=False):
    """Yes or no; what else is pressed does nothing."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    Confirm { background: transparent; layout: vertical; align: left bottom; }
    Confirm Lines { dock: bottom; margin-bottom: 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes", show=False),
        Binding("n,escape,q", "answer(False)", "no", show=False),
    ]

    def __init__(self, session: Session, question: str) -> None:
        super().__init__()
        self._session = session
        self._question = question

    def compose(self) -> ComposeResult:
        """One line over the message line."""
        yield Lines(id="question")

    def on_mount(self) -> None:
        """Wear the looks of the session."""
        self.query_one(Lines).dress(self._session.looks)

    def on_resize(self) -> None:
        """The question as wide as the screen."""
        message = Message(self._question, Tone.STRONG)
        line = message_line(message, self.size.width, self._session.looks.glyphs)
        self.query_one(Lines).show((line,))

    def action_answer(self, yes: bool) -> None:
        """The answer."""
        self.dismiss(yes)
