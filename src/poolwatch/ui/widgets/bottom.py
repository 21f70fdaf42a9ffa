"""The lines at the bottom: the message, the keys, and the line in which a filter or a path is typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from msgspec import Struct
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from poolwatch.domain.text import visible
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, fit_line, line_width, spread
from poolwatch.ui.keymap import STAYS, Key
from poolwatch.words import interface as words

#: Narrower than this a line has no room for a hint at its end.
_HINT_FROM: Final = 48


class MessageText(Struct, frozen=True):
    """One line for the operator: a remedy, progress, a question, an answer."""

    text: str
    tone: Tone = Tone.PLAIN
    #: who it speaks of, before the text
    about: str = ""
    #: said instead where the text does not fit, with a hint at the right end ("y copy")
    short: str = ""
    hint: tuple[str, str] = ("", "")


def message_line(message: MessageText | None, width: int, glyphs: Glyphs) -> Line:
    """The message in exactly `width` cells."""
    if message is None:
        return fit_line((), width)
    left: list[Piece] = [(" ", Tone.PLAIN)]
    if message.about:
        left.append((f"{message.about}: ", Tone.STRONG))
    left.append((message.text, message.tone))
    if line_width(left) <= width or not message.short:
        return fit_line(left, width, glyphs.ellipsis)
    short: list[Piece] = [*left[:-1], (message.short, message.tone)]
    key, word = message.hint
    right: list[Piece] = [(f"   {key}", Ink.KEY), (f" {word} ", Tone.DIM)] if key else []
    # the key matters most where what it copies is cut off
    if width < _HINT_FROM:
        right = []
    return spread(short, right, width, glyphs.ellipsis)


def key_line(keys: tuple[Key, ...], instead: Mapping[str, str], width: int, glyphs: Glyphs) -> Line:
    """The footer: as many keys as fit, those of the highest rank leaving first.

    `instead` has other words for some keys by their id; an empty word leaves the key out.
    """
    shown = [(key, instead.get(key.id, words.key_footer(key.id))) for key in keys]
    shown = [(key, word) for key, word in shown if word]
    while _cells(shown, glyphs) > width and any(key.rank != STAYS for key, _ in shown):
        shown.remove(max(shown, key=lambda entry: entry[0].rank))
    return typing_line([(key.keys[0], word) for key, word in shown], width, glyphs)


def key_label(key: str, glyphs: Glyphs) -> str:
    """A key, or two that go together, as the footer and the help write them."""
    return " ".join(glyphs.key_names.get(each, each) for each in key.split(" "))


def typing_line(entries: Sequence[tuple[str, str]], width: int, glyphs: Glyphs) -> Line:
    """The footer while something is typed or asked: the few keys that work then."""
    out: list[Piece] = []
    for key, word in entries:
        out += [(("  " if out else " ") + key_label(key, glyphs), Ink.KEY), (f" {word}", Tone.DIM)]
    return fit_line(out, width, glyphs.ellipsis)


def simulated_line(
    first: tuple[str, str] | None, then: Sequence[tuple[str, str]], width: int, glyphs: Glyphs
) -> Line:
    """That it is the demo; and what to try: a key on an account, then others. `first` None: no advice."""
    out: list[Piece] = [(f" {words.text('simulated')}", Tone.DIM)]
    if first is not None:
        key, account = first
        out.append((f" {words.text('simulated.try', key=key_label(key, glyphs), account=account)}", Tone.DIM))
        out += [
            piece
            for key, word in then
            for piece in ((f"  {key_label(key, glyphs)}", Ink.KEY), (f" {word}", Tone.DIM))
        ]
    return fit_line(out, width, glyphs.ellipsis)


def _cells(shown: list[tuple[Key, str]], glyphs: Glyphs) -> int:
    # the last two cells stay free of an entry cut in half
    return line_width([(f"  {key_label(key.keys[0], glyphs)} {word}", Tone.DIM) for key, word in shown])


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

    def action_complete(self) -> None:
        """Tab."""
        self.post_message(self.Wanted())
