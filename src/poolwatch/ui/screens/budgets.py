"""Budgets: what may be spent, how far that has gone, and what it comes to; one of them is selected."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.budgets import BudgetState
from poolwatch.domain.notices import Delivery
from poolwatch.domain.tokens import GroupBy
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budgets import (
    BudgetDetail,
    BudgetRow,
    BudgetsView,
    budget_id,
    budgets_view,
    detail_lines,
    row_id,
    warned_details,
)
from poolwatch.presentation.deliveries import warnings_sent
from poolwatch.presentation.event_filter import EventLooker
from poolwatch.presentation.view import Tone
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.filtered import FilteredPage
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText, key_label
from poolwatch.ui.widgets.budget_lines import budget_lines, budgets_title
from poolwatch.ui.widgets.history import is_wide
from poolwatch.ui.widgets.lines import Lines, Pane, empty_page_lines
from poolwatch.words import budgets as words
from poolwatch.words import use as use_words

#: What the selected budget can be looked at by.
_GROUPS: Final = (GroupBy.ACCOUNT, GroupBy.GROUP, GroupBy.MODEL)
_PAGE: Final = 5
#: The keys that need one.
_OF_ONE: Final = ("change_budget", "silence", "filter", "group_budget")


class BudgetsScreen(FilteredPage):
    """All budgets, in the order of the configuration. Nothing is changed here: that takes the form."""

    SCOPE = Scope.BUDGETS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.BUDGETS)

    def __init__(self, ui: UiState, budget: str | None = None, whose: str | None = None) -> None:
        """The budget to begin with, by its name, and whose part of it; None: the first."""
        super().__init__(ui, words.FILTER_PROMPT())
        self._selected = None if budget is None else row_id(budget, whose)
        self._by = GroupBy.ACCOUNT
        self._view = BudgetsView("", (), 0)
        #: of which budget, as it stood, and by what the details below were read
        self._detail: BudgetDetail | None = None
        self._detail_of: tuple[BudgetState, GroupBy] | None = None
        self._is_reading = False
        #: the latest notices, which tell of warnings too
        self._deliveries: tuple[Delivery, ...] = ()

    def compose(self) -> ComposeResult:
        """Title, all of it, what is said, footer."""
        yield Lines(id="title")
        yield Pane(id="budgets")
        yield Lines(id="message")
        yield Lines(id="keys")

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is known."""
        if not self.can_draw:
            return
        ui = self.ui
        self._view = budgets_view(
            ui.board.state.budgets, self._names, ui.feed.now(), ui.board.prefs, self._keeps()
        )
        self._draw()

    def _keeps(self) -> Callable[[BudgetRow], bool]:
        """Which rows the filter lets through."""
        if not self.filter_text.strip():
            return lambda _: True
        chosen = self.searched().chosen(self.filter_text)
        return lambda row: chosen(row.texts, row.account_id, None)

    def _draw(self) -> None:
        view, glyphs = self._view, self.ui.appearance.glyphs
        width, pane = max(1, self.size.width - 1), self.query_one(Pane)
        self.query_one("#title", Lines).show((budgets_title(view, self.help_text, self.size.width, glyphs),))
        height = max(1, self.size.height - 3)
        row = self._row
        if row is None:
            pane.show(empty_page_lines(self._nothing(), width), from_top=True)
        else:
            foot = self._foot(row) if is_wide(width) else ()
            pane.show(
                budget_lines(view, view.rows.index(row), foot, width, height, glyphs)[:height], from_top=True
            )
        self.draw_bottom()

    @property
    def _names(self) -> AccountNames:
        state = self.ui.board.state
        return AccountNames({key.id: each for key, each in state.accounts.items()}, self.ui.choice.mask)

    @property
    def _row(self) -> BudgetRow | None:
        """The selected row, or the first part of its budget; the first of all where that is not shown."""
        rows = self._view.rows
        wanted = (row for row in rows if row.id == self._selected)
        parts = (row for row in rows if row.budget == self._selected)
        return next(wanted, None) or next(parts, None) or (rows[0] if rows else None)

    @property
    def _state(self) -> BudgetState | None:
        row, report = self._row, self.ui.board.state.budgets
        if row is None or report is None:
            return None
        return next((each for each in report.budgets if budget_id(each) == row.id), None)

    def _nothing(self) -> list[tuple[str, Tone]]:
        """What is said where no row is shown."""
        report = self.ui.board.state.budgets
        if self._view.total:
            return [(words.NO_MATCH(), Tone.DIM)]
        if report is None:
            return [(words.NOT_MEASURED(), Tone.DIM)]
        told = [(words.NONE_AT_ALL(), Tone.STRONG), (words.WHAT_ONE_IS(), Tone.PLAIN)]
        if self.ui.options.read_only:
            return [*told, (words.READ_ONLY_NONE(), Tone.DIM), (words.STOP_IS_ASKED(), Tone.DIM)]
        from poolwatch.presentation.budget_form import proposed  # few see it

        keys = self.ui.options.keymap
        saves = key_label(keys.get("save_budget").keys[0], self.ui.appearance.glyphs)
        return [
            *told,
            (words.proposes(keys.get("add_budget").keys[0], saves), Tone.PLAIN),
            (words.proposes_by_command(proposed()), Tone.DIM),
            (words.STOP_IS_ASKED(), Tone.DIM),
        ]

    # --- the foot

    def _foot(self, row: BudgetRow) -> tuple[tuple[str, str], ...]:
        """All about the selected budget; who spent it comes when it was read."""
        state = self._state
        if state is None:
            return row.details
        wanted = (state, self._by)
        if self._detail_of != wanted and not self._is_reading:
            self._is_reading = True
            self.start_work(self._read_detail)
        known, ui, now = self._detail_of, self.ui, self.ui.feed.now()
        names, prefs = self._names, ui.board.prefs
        sent = warnings_sent(state, ui.board.state.alerts, self._deliveries, now, prefs)
        details = warned_details(state, sent, names, now, prefs)
        if self._detail is None or known is None or budget_id(known[0]) != row.id or known[1] is not self._by:
            return (*details, (words.BY(), words.READING()))
        return (*details, *detail_lines(self._detail, state, names, now, prefs))

    async def _read_detail(self) -> None:
        """Read what the selected one needs; where that changes meanwhile, once more."""
        wanted = None
        try:
            while self._state is not None and wanted != (self._state, self._by):
                wanted = (self._state, self._by)
                self._deliveries = await self.ui.feed.deliveries()
                self._detail = await self.ui.feed.budget_detail(*wanted)
                self._detail_of = wanted
        finally:
            self._is_reading = False
        self.redraw()

    def draw_bottom(self) -> None:
        """How the selected one stands, or how much the filter lets through, and the footer."""
        self.show_message(self._told())
        if self.show_typing():
            return
        row = self._row
        off = {} if row is not None else dict.fromkeys(_OF_ONE, "")
        if not is_wide(self.size.width):
            off["group_budget"] = ""
        elif row is not None:
            off["group_budget"] = " · ".join(use_words.group(each) for each in _GROUPS)
        self.show_keys(cost="", mask="", **off)

    def _told(self) -> MessageText | None:
        row, keymap = self._row, self.ui.options.keymap
        if self.filter_text.strip():
            shown = len(self._view.rows)
            return self.filter_told(words.matched(shown, self._view.total), is_found=bool(shown))
        if row is None:
            return None
        text = words.told(row.told)
        if not keymap.read_only:
            key = key_label(keymap.get("change_budget").keys[0], self.ui.appearance.glyphs)
            text = words.changes_it(row.told, key)
        tone = row.tone if row.tone in (Tone.AMBER, Tone.RED) else Tone.PLAIN
        return MessageText(text, tone, row.name, words.told(row.told))

    # --- keys

    def action_move(self, where: str) -> None:
        """The selection."""
        rows, row = self._view.rows, self._row
        if row is None:
            return
        self._selected = rows[Direction(where).among(len(rows), rows.index(row), _PAGE)].id
        self._draw()

    def action_group(self) -> None:
        """Who spent it: by the next of account, group and model."""
        self._by = _GROUPS[(_GROUPS.index(self._by) + 1) % len(_GROUPS)]
        if not is_wide(self.size.width):
            self.flash(words.SHARES_NEED_ROOM())
        self._draw()

    def action_change_budget(self) -> None:
        """The form of the selected one."""
        state = self._state
        if state is None:
            self.flash(words.NOTHING_TO_CHANGE(self.ui.options.keymap.get("add_budget").keys[0]))
        else:
            self._open_form(state)

    def action_add_budget(self) -> None:
        """The form of a new one."""
        self._open_form(None)

    def _open_form(self, state: BudgetState | None) -> None:
        if self.app.screen is not self:
            return
        from poolwatch.ui.screens.budget_form import BudgetFormScreen  # few open it

        report = self.ui.board.state.budgets
        taken = {each.budget.name for each in report.budgets} if report is not None else set()
        budget = state.budget if state is not None else None
        self.app.push_screen(BudgetFormScreen(self.ui, budget, taken), partial(self._saved, budget is None))

    def _saved(self, is_new: bool, name: str | None) -> None:
        if name is None:
            return
        self._selected = name
        self.flash(words.added(name) if is_new else words.saved(name))

    def action_silence(self) -> None:
        """Say nothing of the selected one for a while, or end that."""
        state = self._state
        if state is None:
            self.flash(words.NOTHING_TO_CHANGE(self.ui.options.keymap.get("add_budget").keys[0]))
            return
        from poolwatch.ui.screens.silencing import silence_budget  # not before it is asked for

        silence_budget(self, state.budget.name, state.whose)

    def action_budgets(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()

    def searched(self) -> EventLooker:
        """What is told of budgets, and the accounts that parts of them are of."""
        board = self.ui.board
        rows = budgets_view(board.state.budgets, self._names, self.ui.feed.now(), board.prefs).rows
        return EventLooker(board.overview, board.prefs, lambda: (text for row in rows for text in row.texts))
