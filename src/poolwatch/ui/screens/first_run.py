"""What is seen with nothing to monitor: what was looked for, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from textwrap import wrap as wrapped
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, StyleName, fit, fit_line, wrap
from poolwatch.ui.feed import FoundLogins
from poolwatch.ui.keymap import Keymap, Scope
from poolwatch.ui.screens.page import Page, bindings
from poolwatch.ui.screens.texts import HelpScreen
from poolwatch.ui.state import ExitRequest, UiState
from poolwatch.ui.widgets.bottom import MessageText, key_label, message_line, typing_line
from poolwatch.ui.widgets.filter_line import FilterLine
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.words import interface
from poolwatch.words import screen as words

_MOST: Final = 9


def first_run_lines(
    found: tuple[FoundLogins, ...], keymap: Keymap, width: int, glyphs: Glyphs
) -> tuple[Line, ...]:
    """The whole screen, as wide as it is."""
    addable = [place for place in found if place.can_add][: 0 if keymap.read_only else _MOST]
    column = max((cell_len(place.place) for place in found), default=0) + 6
    if column + max((cell_len(place.words) for place in found), default=0) > width:
        column = 0
    lines: list[Line] = [((f" {words.PROGRAM}", Ink.BRAND),), ()]
    lines += _hung("", ((words.NO_ACCOUNTS(), Tone.STRONG),), width)
    for place in found:
        told: list[Piece] = [(place.words, Tone.GOOD if place.can_add else Tone.DIM)]
        if place in addable:
            told += [
                ("   ", Tone.PLAIN),
                (str(addable.index(place) + 1), Ink.KEY),
                (f" {interface.text('add_hint')}", Tone.DIM),
            ]
        if column:
            lines += _hung(fit(f"  {place.place}", column - 1), told, width)
        else:
            # no room for two columns: what is said of a place stands below it
            lines += [*_hung("  ", ((place.place, Tone.PLAIN),), width), *_hung("     ", told, width)]
    lines.append(())
    entries = [(keymap.get("demo").keys[0], words.OPEN_DEMO())]
    entries += [
        (str(number), interface.text("add_entry", place=place.place))
        for number, place in enumerate(addable, 1)
    ]
    if not keymap.read_only:
        entries.append((keymap.get("add_place").keys[0], words.ADD_FOLDER()))
    entries += [
        (keymap.get("cost").keys[0], words.USE_HERE()),
        (keymap.get("about_logins").keys[0], words.HOW_TREATED()),
    ]
    for key, told_of in entries:
        lines += _hung(f"{key_label(key, glyphs)}  ", ((told_of, Tone.PLAIN),), width, Ink.KEY)
    lines.append(())
    told_last = interface.text("adds_nothing") if keymap.read_only else _from_a_shell(addable)
    lines += _hung("", ((told_last, Tone.DIM),), width)
    return tuple(lines)


def _hung(lead: str, told: Sequence[Piece], width: int, style: StyleName = Tone.PLAIN) -> Iterable[Line]:
    """A paragraph on as many lines as it takes, all of them behind its lead."""
    indent = cell_len(lead) + 1
    for index, line in enumerate(wrap(told, max(8, width - indent))):
        start: Piece = (f" {lead}", style) if index == 0 else (" " * indent, Tone.PLAIN)
        yield fit_line((start, *line), width)


def _from_a_shell(addable: Sequence[FoundLogins]) -> str:
    command = next((place.command for place in addable if place.command), "")
    return interface.text("from_a_shell", command=command) if command else words.SHELL_HINT()


class FirstRunScreen(Page[None]):
    """Nothing is monitored yet."""

    SCOPE = Scope.FIRST_RUN
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.FIRST_RUN)

    def __init__(self, ui: UiState) -> None:
        super().__init__(ui)
        self._state = ui.board.state
        self._found = ui.feed.found()

    def compose(self) -> ComposeResult:
        """The text, a line to type a path, the answer."""
        yield Pane(id="first")
        yield FilterLine(interface.text("place_prompt"), id="place")
        yield Lines(id="message")
        yield Lines(id="keys")

    def redraw(self, *, full: bool = False) -> None:
        """Draw everything; it hardly changes."""
        if not self.can_draw:
            return
        width = max(1, self.size.width - 1)
        glyphs = self.ui.appearance.glyphs
        state = self.ui.board.state
        if state is not self._state:
            # a source has answered since
            self._state, self._found = state, self.ui.feed.found()
        self.query_one(Pane).show(first_run_lines(self._found, self.ui.options.keymap, width, glyphs))
        self.query_one("#message", Lines).show(self._said(width, glyphs))
        if self.query_one(FilterLine).is_open:
            entries = (("enter", interface.text("place_add")), ("esc", interface.text("place_leave")))
            self.query_one("#keys", Lines).show((typing_line(entries, self.size.width, glyphs),))
        else:
            self.show_keys()

    def _said(self, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
        """What was said last, on as many lines as it takes: a command on it has to be whole."""
        said = self.flashed
        if said is None:
            return (message_line(None, self.size.width, glyphs),)
        texts = wrapped(said.text, max(1, width - 1), break_on_hyphens=False)
        return tuple(message_line(MessageText(text, said.tone), self.size.width, glyphs) for text in texts)

    def action_demo(self) -> None:
        """Leave for the demo."""
        self.app.exit(ExitRequest.DEMO)

    def action_add(self, number: int) -> None:
        """One of the places that were found."""
        addable = [place for place in self._found if place.can_add]
        if 0 < number <= len(addable):
            self._add(addable[number - 1].place)

    def action_add_place(self) -> None:
        """Type a path."""
        self.query_one(FilterLine).open()
        self.redraw()

    def action_about_logins(self) -> None:
        """How logins are treated."""
        self.app.push_screen(HelpScreen(self.ui, interface.text("about_logins"), interface.about_logins()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A path was typed."""
        event.stop()
        place = event.value.strip()
        self.query_one(FilterLine).close(clear=True)
        self.redraw()
        if place:
            self._add(place)

    def on_filter_line_left(self) -> None:
        """Esc: no path."""
        self.query_one(FilterLine).close(clear=True)
        self.redraw()

    def _add(self, place: str) -> None:
        self.flashed = MessageText(interface.text("adding", place=place), Tone.ACCENT)
        self.redraw()
        self.start_work(partial(self._adding, place))

    async def _adding(self, place: str) -> None:
        tried = await self.ui.feed.add(place)
        if tried.added:
            self.flash(interface.text("added", place=place, found=tried.words), Tone.GOOD)
        else:
            self.flash(interface.text("not_added", reason=tried.words), Tone.RED)
        self._found = self.ui.feed.found()
        self.redraw()
