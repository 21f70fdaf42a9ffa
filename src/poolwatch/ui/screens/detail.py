"""Everything about one account: its lines, also for the side of a wide table, and the screen of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.presentation.view import CardView, DetailLine, DetailView, Shown, Tone, WindowRow
from poolwatch.ui.appearance import Glyphs, span_pieces
from poolwatch.ui.cells import (
    Ink,
    Line,
    Piece,
    StyleName,
    fit,
    fit_line,
    fit_percent,
    fit_right,
    spread,
    wrap,
)
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.screens.refreshing import RefreshingPage
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.ui.widgets.table import PERCENT, bar
from poolwatch.words import interface as words

#: The headings stand in this many cells.
HEADING: Final = 9
_INDENT: Final = 3
_BUCKET: Final = 9
_KIND: Final = 8
_BAR_MOST: Final = 28
_RESETS_LEFT: Final = 10


def detail_lines(view: DetailView, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """The head and all lines, each in exactly `width` cells."""
    lines = [*head_lines(view, width, glyphs), fit_line((), width)]
    at = _window_columns(view, width)
    for detail in view.lines:
        if detail.window is not None:
            lines.append(_window(detail, detail.window, at, width, glyphs))
        elif _heads_windows(detail):
            lines.append(_window_head(detail, at, width, glyphs))
        else:
            lines += _text(detail, width, glyphs)
    return tuple(lines)


def head_lines(view: DetailView, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Who it is, and how it stands."""
    card: CardView = view.card
    about = " · ".join(part for part in (card.plan, view.workspace) if part)
    first = spread(
        (
            (" ", Tone.PLAIN),
            (f"{glyphs.status[card.glyph]} ", card.tone),
            (card.label, Tone.STRONG),
            (f"  {about}" if about else "", Tone.DIM),
        ),
        ((f"  {view.read} ", Tone.STALE if card.stale else Tone.DIM),),
        width,
        glyphs.ellipsis,
    )
    second = fit_line((("   ", Tone.PLAIN), (view.status, card.tone)), width, glyphs.ellipsis)
    if not card.progress:
        return first, second
    return (
        first,
        second,
        fit_line((("   ", Tone.PLAIN), (card.progress, Tone.ACCENT)), width, glyphs.ellipsis),
    )


def _heads_windows(detail: DetailLine) -> bool:
    is_title = all(span.text.isupper() for span in detail.spans)
    return bool(detail.heading) and detail.window is None and len(detail.spans) == 2 and is_title


def _window_columns(view: DetailView, width: int) -> tuple[int, int, int]:
    """The cells of a bucket's name, of a bar, and of an instant."""
    windows = [detail for detail in view.lines if detail.window is not None]
    bucket = max((cell_len(detail.window.bucket) for detail in windows if detail.window), default=0)
    instant = max((cell_len(detail.resets_at) for detail in windows), default=0)
    bucket = min(14, max(_BUCKET - 2, bucket))
    rest = width - _INDENT - bucket - 1 - _KIND - 1 - PERCENT - 2 - instant - _RESETS_LEFT - 1
    return bucket, min(_BAR_MOST, max(0, rest)), instant


def _window_head(detail: DetailLine, at: tuple[int, int, int], width: int, glyphs: Glyphs) -> Line:
    bucket, cells, _ = at
    left = fit(f" {detail.heading}", _INDENT + bucket + 1 + _KIND)
    used, resets = detail.spans
    out: list[Piece] = [
        (left, Ink.HEADING),
        (fit(used.text, cells + 1 + PERCENT + 2), Ink.HEADING),
        (resets.text, Ink.HEADING),
    ]
    return fit_line(out, width, glyphs.ellipsis)


def _window(
    detail: DetailLine, window: WindowRow, at: tuple[int, int, int], width: int, glyphs: Glyphs
) -> Line:
    bucket, cells, instant = at
    dots = glyphs.ellipsis
    style: StyleName = Tone.STALE if window.stale else window.tone
    quiet: StyleName = Tone.STALE if window.stale else Tone.PLAIN
    out: list[Piece] = [
        (" " * _INDENT, Tone.PLAIN),
        (fit(window.bucket, bucket, dots) + " ", quiet),
        (fit(window.name, _KIND - 1, dots) + " ", quiet),
        *bar(window, cells, glyphs),
        (" " + fit_percent(window.percent, PERCENT), style),
        ("  " + fit(detail.resets_at, instant, dots), Tone.STALE if window.stale else Tone.DIM),
        (fit_right(window.resets, _RESETS_LEFT, dots), quiet),
    ]
    return fit_line(out, width, dots)


def _text(detail: DetailLine, width: int, glyphs: Glyphs) -> list[Line]:
    pieces = span_pieces(detail.spans, glyphs)
    room = max(8, width - HEADING)
    lines: list[Line] = []
    for index, line in enumerate(wrap(pieces, room)):
        heading = detail.heading if index == 0 else ""
        lead: Piece = (fit(f" {heading}", HEADING), Ink.HEADING)
        lines.append(fit_line((lead, *line), width, glyphs.ellipsis))
    return lines


class DetailScreen(RefreshingPage[AccountKey]):
    """One account of an order; leaving gives back the account that was shown last."""

    SCOPE = Scope.DETAIL
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.DETAIL)

    def __init__(self, ui: UiState, key: AccountKey, order: Sequence[AccountKey]) -> None:
        super().__init__(ui)
        self._shown = key
        self._order = tuple(order)
        self._fresh = True

    @property
    def account(self) -> AccountKey:
        """The account shown."""
        return self._shown

    def compose(self) -> ComposeResult:
        """The detail, the message line, the footer."""
        yield Pane(id="detail")
        yield Lines(id="message")
        yield Lines(id="keys")

    def redraw(self, *, full: bool = False) -> None:
        """Draw the account as it stands now."""
        if not self.can_draw:
            return
        pane = self.query_one(Pane)
        view = self.ui.board.detail(self._shown)
        message: MessageText | None = None
        if view is None:
            message = MessageText(words.text("detail_gone"), Tone.AMBER)
        else:
            lines = detail_lines(view, max(1, self.size.width - 1), self.ui.appearance.glyphs)
            pane.show(lines, from_top=self._fresh)
            self._fresh = False
            message = self.remedy_of(view.card)
        self.show_message(message)
        other = Shown.LEFT if self.ui.choice.shown is Shown.USED else Shown.USED
        self.show_keys(used_left=words.text(other.value))

    def action_step(self, step: int) -> None:
        """The next or the previous account of the order."""
        listed = [key for key in self._order if key in self.ui.board.state.accounts or key == self._shown]
        at = listed.index(self._shown) if self._shown in listed else 0
        at = min(len(listed) - 1, max(0, at + step))
        if listed and listed[at] != self._shown:
            self._shown = listed[at]
            self._fresh = True
            self.redraw()

    def action_back(self) -> None:
        """Back to the wall, with this account selected."""
        self.dismiss(self._shown)
