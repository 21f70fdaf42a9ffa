"""What was said in this run, the newest first."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.binding import BindingType

from poolwatch.presentation import figures
from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Ink, Line, fit, fit_line, wrap
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.screens.texts import TextPage
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.lines import Pane
from poolwatch.words import interface as words

#: `Sun 10:03` and a blank at both sides.
_TIME: Final = 11


class EventsScreen(TextPage):
    """Notices, refreshes, failures and answers of this run; what is said meanwhile comes on top."""

    SCOPE = Scope.EVENTS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.EVENTS)

    def __init__(self, ui: UiState) -> None:
        title = (f" {words.text('events.title')}", Ink.BRAND), (f"  {words.text('events.order')}", Tone.DIM)
        super().__init__(ui, title)
        self._count = -1

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is new as well."""
        super().redraw(full=full)
        if not full and self.can_draw and self._count != self.ui.said.count:
            self.draw(max(1, self.size.width - 1))

    def draw(self, width: int) -> None:
        """One paragraph for each."""
        ui = self.ui
        self._count = ui.said.count
        now, zone = ui.feed.now(), ui.feed.zone
        lines: list[Line] = []
        for said in ui.said.newest_first:
            text = said.masked if ui.choice.mask else said.text
            tone = said.tone if said.tone in (Tone.AMBER, Tone.RED) else Tone.PLAIN
            for index, piece in enumerate(wrap(((text, tone),), max(8, width - _TIME))):
                time = figures.clock(said.at, now, zone) if index == 0 else ""
                lines.append(fit_line(((fit(f" {time}", _TIME), Tone.DIM), *piece), width))
        if not lines:
            lines.append(fit_line(((f" {words.text('events.none')}", Tone.DIM),), width))
        self.query_one(Pane).show(lines)
        self.show_keys(events=words.text("close"))

    def action_events(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()
