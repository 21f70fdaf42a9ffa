"""The last payload of an account: read, searched, copied."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from poolwatch.presentation.payload import Match, line_text, matches, payload_lines
from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Line, fit_line
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import Page, bindings
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import MessageText, typing_line
from poolwatch.ui.widgets.filter_line import FilterLine
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.ui.widgets.payload import Wrapped, drawn, row_at, with_matches, wrapped
from poolwatch.words import interface as words


class RawScreen(Page[None]):
    """A payload under the name of its account. It never changes."""

    SCOPE = Scope.RAW
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RAW)

    def __init__(self, ui: UiState, label: str, payload: str) -> None:
        super().__init__(ui)
        self._label = label
        self._payload = payload_lines(payload)
        self._rows: tuple[Wrapped, ...] = ()
        #: the rows with nothing marked in them
        self._drawn: tuple[Line, ...] = ()
        self._wanted = ""
        self._found: tuple[Match, ...] = ()
        self._current: int | None = None
        #: made when something is first searched
        self._typing: FilterLine | None = None
        #: the line at the top when that began: where the search starts from
        self._from = 0

    def compose(self) -> ComposeResult:
        """Title, payload, what is found, footer."""
        yield Lines(id="title")
        yield Pane(id="text")
        yield Lines(id="message")
        yield Lines(id="keys")

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is found; all where the size or the appearance changed."""
        if not self.can_draw:
            return
        width = max(1, self.size.width - 1)
        if full:
            self._rows = wrapped(self._payload, width)
            self._drawn = drawn(self._payload, self._rows, width)
            title: Line = (
                (" ", Tone.PLAIN),
                (self._label, Tone.STRONG),
                (f"  {words.text('raw_title')}", Tone.DIM),
            )
            self.query_one("#title", Lines).show((fit_line(title, width), ()))
        self.query_one(Pane).show(
            with_matches(self._drawn, self._payload, self._rows, self._found, self._current, width)
        )
        self.show_message(self._said())
        if self._typing is not None and self._typing.is_open:
            entries = (("enter", words.text("search_keep")), ("esc", words.text("search_clear")))
            line = typing_line(entries, self.size.width, self.ui.appearance.glyphs)
            self.query_one("#keys", Lines).show((line,))
        else:
            instead = {} if self._wanted else {"next_match": ""}
            self.show_keys(raw=words.text("close"), **instead)

    def _said(self) -> MessageText | None:
        if not self._wanted:
            return None
        if self._current is None:
            return MessageText(words.text("search_none", text=self._wanted), Tone.AMBER)
        told = words.text("search_at", nth=self._current + 1, count=len(self._found), text=self._wanted)
        return MessageText(told, Tone.ACCENT)

    async def action_search(self) -> None:
        """Type what to look for."""
        if self._typing is None:
            self._typing = FilterLine(words.text("search_prompt"), id="search")
            await self.mount(self._typing, before="#message")
        self._from = self.query_one(Pane).top
        self._typing.open(self._wanted)
        self.redraw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The first match from where the search began is shown as it is typed."""
        event.stop()
        self._wanted = event.value
        self._found = matches(self._payload, self._wanted)
        rows = (row_at(self._rows, match.line, match.start) for match in self._found)
        ahead = (index for index, row in enumerate(rows) if row >= self._from)
        self._current = next(ahead, 0) if self._found else None
        self._show_current()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The search stays, its line goes."""
        event.stop()
        if self._typing is not None:
            self._typing.close()
        self.redraw()

    def on_filter_line_left(self) -> None:
        """Esc while typing ends the search."""
        self._end_search()

    def action_step_match(self, step: int) -> None:
        """To the next or the previous match, round the end."""
        if self._current is None:
            self.flash(words.text("search_first", key=self.ui.options.keymap.get("search").keys[0]))
            return
        self._current = (self._current + step) % len(self._found)
        self._show_current()

    def action_copy(self) -> None:
        """The payload as it is shown, to the terminal's clipboard."""
        self.app.copy_to_clipboard("\n".join(map(line_text, self._payload)))
        self.flash(words.lines_copied(len(self._payload)))

    def action_back(self) -> None:
        """First the search goes, then the screen."""
        if self._wanted:
            self._end_search()
        else:
            self.dismiss()

    def action_raw(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()

    def _end_search(self) -> None:
        self._wanted, self._found, self._current = "", (), None
        if self._typing is not None:
            self._typing.close(clear=True)
        self.redraw()

    def _show_current(self) -> None:
        self.redraw()
        if self._current is not None:
            match = self._found[self._current]
            self.query_one(Pane).reveal(row_at(self._rows, match.line, match.start))
