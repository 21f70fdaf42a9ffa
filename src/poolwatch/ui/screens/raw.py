"""The last payload of an account, redacted."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.text import visible
from poolwatch.presentation.view import Tone
from poolwatch.ui.bindings import bindings
from poolwatch.ui.cells import Line, fit_line, wrap
from poolwatch.ui.keymap import Place
from poolwatch.ui.screens.pane_page import PanePage
from poolwatch.ui.session import Session
from poolwatch.ui.widgets.lines import Lines
from poolwatch.ui.widgets.pane import Pane

_LINE_MOST = 2000


class RawScreen(PanePage[None]):
    """Text as it came, made harmless, line by line."""

    PLACE = Place.RAW
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.RAW)

    def __init__(self, session: Session, label: str, payload: str) -> None:
        super().__init__(session)
        self._label = label
        self._payload = payload

    def compose(self) -> ComposeResult:
        """Title, payload, footer."""
        yield Lines(id="title")
        yield Pane(id="raw")
        yield Lines(id="keys")

    def renew(self, *, anew: bool = False) -> None:
        """The payload never changes; only looks and size do."""
        if not self.is_mounted or not anew or not self.size.width:
            return
        width = max(1, self.size.width - 1)
        title: Line = ((" ", Tone.PLAIN), (self._label, Tone.STRONG))
        self.query_one("#title", Lines).show((fit_line(title, width), ()))
        lines: list[Line] = []
        for text in self._payload.splitlines():
            shown = visible(text, _LINE_MOST)
            indent = len(shown) - len(shown.lstrip())
            pad = " " * (indent + 1)
            pieces = wrap(((shown.strip(), Tone.PLAIN),), max(8, width - indent - 1))
            lines += [fit_line(((pad, Tone.PLAIN), *piece), width) for piece in pieces]
        self.query_one(Pane).show(lines)
        self.show_keys(raw="close", help="")

    def action_raw(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()
