"""A page of rows, of which a filter that is typed lets some through."""

from __future__ import annotations

from abc import abstractmethod

from textual.widgets import Input

from poolwatch.presentation.filter_typing import Searched, completion, mistake
from poolwatch.presentation.view import Tone
from poolwatch.ui.screens.page import Page
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import MessageText, typing_line
from poolwatch.ui.widgets.filter_line import CompletedLine
from poolwatch.ui.widgets.lines import Lines
from poolwatch.words import interface


class FilteredPage(Page[None]):
    """The line that the filter is typed into is made when it is first asked for."""

    def __init__(self, ui: UiState, prompt: str) -> None:
        super().__init__(ui)
        self._prompt = prompt
        self._filter_line: CompletedLine | None = None
        self._filter_text = ""

    @property
    def filter_text(self) -> str:
        """What lets rows through."""
        return self._filter_text

    def filter_by(self, text: str) -> None:
        """Let other rows through, and draw them."""
        self._filter_text = text
        self.redraw()

    @abstractmethod
    def searched(self) -> Searched:
        """What the filter is for, as it is shown now."""

    @abstractmethod
    def draw_bottom(self) -> None:
        """What is said, and the footer."""

    def filter_told(self, told: str, *, is_found: bool) -> MessageText:
        """How much the filter lets through, as `told`, and what is wrong with it."""
        wrong = mistake(self.searched(), self.filter_text)
        if wrong:
            return MessageText(
                f"{told} · {wrong}" if is_found else f"{told}: {wrong}", Tone.AMBER, short=wrong
            )
        return MessageText(told, Tone.PLAIN if is_found else Tone.AMBER)

    def show_typing(self) -> bool:
        """The keys of the filter in place of the footer; whether it is being typed."""
        if self._filter_line is None or not self._filter_line.is_open:
            return False
        names = (("enter", "filter_keep"), ("tab", "filter_complete"), ("esc", "filter_clear"))
        entries = tuple((key, interface.text(name)) for key, name in names)
        line = typing_line(entries, self.size.width, self.ui.appearance.glyphs)
        self.query_one("#keys", Lines).show((line,))
        return True

    def action_back(self) -> None:
        """First the filter is cleared."""
        if self.filter_text:
            self.clear_filter()
        else:
            self.dismiss()

    async def action_filter(self) -> None:
        """Type a filter."""
        if self._filter_line is None:
            self._filter_line = CompletedLine(self._prompt, id="filter")
            await self.mount(self._filter_line, before="#message")
        self._filter_line.open(self.filter_text)
        self.draw_bottom()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The rows follow the filter as it is typed."""
        event.stop()
        if event.value != self.filter_text:
            self.filter_by(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The filter stays, its line goes."""
        event.stop()
        if self._filter_line is not None:
            self._filter_line.close()
        self.draw_bottom()

    def on_completed_line_wanted(self) -> None:
        """Tab completes the filter, or says what may follow."""
        line = self._filter_line
        if line is None or not line.is_open:
            return
        found = completion(self.searched(), line.value, line.cursor_position)
        line.complete(found)
        if found.choices:
            self.flashed = MessageText("  ".join(found.choices), Tone.DIM)
            self.redraw()

    def on_filter_line_left(self) -> None:
        """Esc in the filter clears it."""
        self.clear_filter()

    def clear_filter(self) -> None:
        """Let all rows through."""
        if self._filter_line is not None:
            self._filter_line.close(clear=True)
        self.filter_by("")
