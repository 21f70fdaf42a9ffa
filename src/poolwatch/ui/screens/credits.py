"""Credits and balances: what is left of each, when it comes back, and how long it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.balances import LOOKED_BACK, BalanceState, TopUpPlace
from poolwatch.domain.series import Finest, Point
from poolwatch.domain.values import replace
from poolwatch.presentation.balance_filter import BalanceLooker
from poolwatch.presentation.balance_history import BalanceScene, balance_chart
from poolwatch.presentation.chart import Chart
from poolwatch.presentation.credits_view import CreditsLine, CreditsView, credits_view, last_days
from poolwatch.presentation.history import OPENING
from poolwatch.presentation.topups import TopUpsDone, done_rows
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Line
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.filtered import FilteredPage
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.ui.widgets.credit_lines import credits_lines, credits_title, done_lines
from poolwatch.ui.widgets.lines import Lines, Pane, empty_page_lines
from poolwatch.words import credits as words

_PAGE: Final = 5
#: Fewer figures make no line.
_CHARTED: Final = 2
_EXAMPLE: Final = "openrouter"
#: Lines that are not of top-ups: title, heads, message, footer, and some of the selected balance.
_LEAST_ABOVE: Final = 14


class CreditsScreen(FilteredPage):
    """All balances, and the credits of accounts. Nothing is bought here."""

    SCOPE = Scope.CREDITS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.CREDITS)

    def __init__(self, ui: UiState, selected: str | None = None) -> None:
        """`selected`: the balance that is selected at first; None: the first."""
        super().__init__(ui, words.FILTER_PROMPT())
        self._selected = selected
        self._view = CreditsView("", ())
        #: how balances ran, and as of which reading that was read
        self._pasts: dict[str, tuple[Point, ...]] = {}
        self._pasts_of: dict[str, datetime | None] = {}
        self._is_reading = False
        #: how many there are, whatever the filter lets through
        self._total = 0
        self._done = TopUpsDone()

    def compose(self) -> ComposeResult:
        """Title, all of it, what is said, footer."""
        yield Lines(id="title")
        yield Pane(id="credits")
        yield Lines(id="message")
        yield Lines(id="keys")

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is known; how balances ran comes when it was read."""
        if not self.can_draw:
            return
        ui = self.ui
        board = ui.board
        view = credits_view(
            board.state, board.overview, ui.feed.now(), board.timed_prefs, self._pasts, ui.options.pool_name
        )
        self._total = sum(row.is_source for row in view.rows)
        if self.filter_text.strip():
            # what accounts have is no balance
            found = self.searched().matching(self.filter_text)
            view = replace(view, rows=tuple(row for row in view.rows if row.is_source and row.id in found))
        self._view = view
        self._draw()
        wanted = {name: each.read_at for name, each in board.state.balances.items()}
        if wanted != self._pasts_of and not self._is_reading:
            self._is_reading = True
            self.start_work(self._read_pasts)

    def _draw(self) -> None:
        view, glyphs = self._view, self.ui.appearance.glyphs
        width, pane = max(1, self.size.width - 1), self.query_one(Pane)
        self.query_one("#title", Lines).show((credits_title(view, self.help_text, self.size.width, glyphs),))
        row = self._row
        if row is None and self.filter_text.strip():
            pane.show(empty_page_lines([(words.NO_MATCH(), Tone.PLAIN)], width), from_top=True)
        elif row is None:
            told = [(words.NONE(), Tone.STRONG), (words.ONE_IS_ADDED(_EXAMPLE), Tone.DIM)]
            pane.show(empty_page_lines(told, width), from_top=True)
        else:
            done = self._done_lines(width, glyphs)
            height, at = max(1, self.size.height - 3 - len(done)), view.rows.index(row)
            lines = credits_lines(view, at, self._days(row), self._chart(row), width, height, glyphs)
            pane.show((*lines[:height], *done), from_top=True)
        self.draw_bottom()

    def draw_bottom(self) -> None:
        """How the selected one stands, or how much the filter lets through, and the footer."""
        self.show_message(self._told())
        if not self.show_typing():
            self.show_keys(cost="")

    @property
    def _row(self) -> CreditsLine | None:
        rows = self._view.rows
        wanted = (row for row in rows if row.id == self._selected)
        return next(wanted, None) or (rows[0] if rows else None)

    @property
    def _balance(self) -> BalanceState | None:
        row = self._row
        return None if row is None or not row.is_source else self.ui.board.state.balances.get(row.id)

    def _done_lines(self, width: int, glyphs: Glyphs) -> Sequence[Line]:
        """What was topped up, as far as there is room for it beside the balances."""
        room = self.size.height - _LEAST_ABOVE - len(self._view.rows)
        if not (self._done.purchases or self._done.damaged) or room <= 0:
            return ()
        zone, mask = self.ui.board.prefs.zone, self.ui.choice.mask
        rows = done_rows(self._done, self.ui.feed.now(), zone, mask=mask)
        return done_lines(rows, width, room, glyphs, damaged=self._done.damaged)

    def _days(self, row: CreditsLine) -> Sequence[str]:
        state = self._balance
        if state is None:
            return ()
        ui = self.ui
        return last_days(state, self._pasts.get(row.id, ()), ui.feed.now(), ui.board.timed_prefs)

    def _chart(self, row: CreditsLine) -> Chart | None:
        """How the selected balance ran in the last days; None where that is not known."""
        state, points = self._balance, self._pasts.get(row.id, ())
        if state is None or len(points) < _CHARTED:
            return None
        ui = self.ui
        return balance_chart(BalanceScene(state, OPENING, tuple(points), ui.feed.now(), ui.board.timed_prefs))

    def _told(self) -> MessageText | None:
        row, state = self._row, self._balance
        if self.filter_text.strip():
            shown = len(self._view.rows)
            return self.filter_told(words.matched(shown, self._total), is_found=bool(shown))
        if row is None:
            return None
        is_short = state is not None and state.level.is_short
        tone = row.tone if is_short and row.tone in (Tone.AMBER, Tone.RED) else Tone.PLAIN
        return MessageText(row.told, tone, row.name, row.told_short)

    async def _read_pasts(self) -> None:
        """Read how each balance ran; where one is read anew meanwhile, once more."""
        try:
            while True:
                states = self.ui.board.state.balances
                wanted = {name: each.read_at for name, each in states.items()}
                if wanted == self._pasts_of:
                    break
                since = self.ui.feed.now() - LOOKED_BACK
                pasts = {
                    name: await self.ui.feed.balance_points(each, since, Finest.CHANGE)
                    for name, each in states.items()
                }
                self._pasts, self._pasts_of = pasts, wanted
            # one that goes on by itself shows in its balance
            await self._read_done()
        finally:
            self._is_reading = False
        self.redraw()

    def on_screen_resume(self) -> None:
        """Also when the sheet of top-ups is left."""
        self.start_work(self._read_done)

    async def _read_done(self) -> None:
        self._done = await (await self.ui.feed.top_ups()).done()
        if self.can_draw:
            self._draw()

    # --- keys

    def action_move(self, where: str) -> None:
        """The selection."""
        rows, row = self._view.rows, self._row
        if row is None:
            return
        self._selected = rows[Direction(where).among(len(rows), rows.index(row), _PAGE)].id
        self._draw()

    def action_read_balance(self) -> None:
        """Read the selected one now."""
        row, state = self._row, self._balance
        if row is None:
            return
        if state is None:
            self.flash(words.NO_READING(row.name))
            return
        self.flash(words.READING(row.name))
        self.start_work(partial(self._read, state.name))

    async def _read(self, name: str) -> None:
        await self.ui.feed.read_balance(name)
        # what is there now says more
        self.flashed = None
        self.redraw()

    def action_top_up(self) -> None:
        """The sheet, at the place of the selected one."""
        row, state = self._row, self._balance
        if row is None or self.app.screen is not self:
            super().action_top_up()
            return
        from poolwatch.presentation.top_up_sheet import CHATGPT_NAME, Filled
        from poolwatch.ui.screens.top_up import open_sheet

        if state is None:
            open_sheet(self, Filled(CHATGPT_NAME))
        elif state.terms.top_up is TopUpPlace.NO:
            self.flash(words.NOT_BOUGHT(row.name))
        else:
            open_sheet(self, Filled(source=state.name))

    def action_history(self) -> None:
        """How the selected balance ran; an account has its own."""
        state, row = self._balance, self._row
        if self.app.screen is not self or row is None:
            return
        if state is None:
            self.flash(words.HISTORY_OF_ACCOUNTS())
            return
        from poolwatch.ui.screens.balance_history import BalanceHistoryScreen  # not before the first paint

        self.app.push_screen(BalanceHistoryScreen(self.ui, state.name), self._select)

    def _select(self, name: str | None) -> None:
        self._selected = name
        self.redraw()

    def searched(self) -> BalanceLooker:
        """The balances as they stand now."""
        board = self.ui.board
        return BalanceLooker(tuple(board.state.balances.values()), self.ui.feed.now(), board.prefs)

    def action_credits(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()
