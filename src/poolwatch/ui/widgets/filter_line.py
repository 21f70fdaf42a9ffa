"""The line at the bottom in which a filter or a path is typed; loaded when somebody first does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from poolwatch.domain.text import visible

if TYPE_CHECKING:
    from poolwatch.presentation.filter_typing import Completion


class FilterLine(Input):
    """One line, hidden while nothing is typed. Esc leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "clear", show=False)]
    DEFAULT_CSS = """
    FilterLine, FilterLine:focus {
        display: none; height: 1; border: none; padding: 0 1; background: $panel; color: $foreground;
        background-tint: $background 0%;
    }
    FilterLine.-open { display: block; }
    """

    class Left(Message):
        """Esc was pressed."""

    def __init__(self, placeholder: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own
        super().__init__(placeholder=placeholder, id=id, select_on_focus=False)
        self.cursor_blink = False

    @property
    def is_open(self) -> bool:
        """Whether something is being typed."""
        return self.has_class("-open")

    def open(self, text: str = "") -> None:
        """Show the line and type into it."""
        self.add_class("-open")
        self.value = text
        self.cursor_position = len(text)
        self.focus()

    def close(self, *, clear: bool = False) -> None:
        """Hide the line and give the keys back."""
        if clear:
            self.value = ""
        self.remove_class("-open")
        self.screen.set_focus(None)

    def on_paste(self, event: events.Paste) -> None:
        """The first line of a paste, made harmless: what is typed here is drawn."""
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(visible(next(iter(event.text.splitlines()), "")))

    def action_leave(self) -> None:
        """Esc."""
        self.post_message(self.Left())


class CompletedLine(FilterLine):
    """Such a line in which Tab completes what stands before the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "complete", show=False)]

    class Wanted(Message):
        """Tab was pressed."""

    def complete(self, found: Completion) -> None:
        """Take what Tab has found."""
        if found.text != self.value:
            self.value = found.text
            self.cursor_position = found.cursor

    def action_complete(self) -> None:
        """Tab."""
        self.post_message(self.Wanted())
