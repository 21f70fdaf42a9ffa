"""The pool: what its keys do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from textual.app import App
from textual.binding import BindingType
from textual.widgets import Input

from poolwatch.domain.account import AccountKey
from poolwatch.domain.status import Section
from poolwatch.domain.values import replace
from poolwatch.presentation.view import Grouping, SortKey, Tone
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import Chosen, bindings
from poolwatch.ui.screens.pool_drawing import PoolDrawing
from poolwatch.ui.state import WallView
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.ui.widgets.columns import orders
from poolwatch.words import interface
from poolwatch.words import screen as words

_ORDERS: Final = (
    SortKey.NEED,
    SortKey.NAME,
    SortKey.WEEKLY,
    SortKey.AT_RESET,
    SortKey.BURN,
    SortKey.FIVE_HOURS,
    SortKey.CREDITS,
    SortKey.RESET,
    SortKey.AGE,
)
_VIEWS: Final = (WallView.TABLE, WallView.CARDS, WallView.HIVE)


class PoolScreen(PoolDrawing):
    """The screen that everything starts from."""

    SCOPE = Scope.POOL
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.POOL)

    def on_account_wall_selected(self) -> None:
        """Another account is selected: what speaks of it follows."""
        self._draw_selected()
        self._tell_app()

    def on_account_wall_opened(self) -> None:
        """A second click is like the key."""
        self.action_detail()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The wall follows the filter as it is typed."""
        event.stop()
        if event.value != self.filter_text:
            self.filter_text = event.value
            self.rearrange()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The filter stays, its line goes."""
        event.stop()
        if self._filter_line is not None:
            self._filter_line.close()
        self.redraw()

    def on_filter_line_left(self) -> None:
        """Esc in the filter clears it."""
        self._clear_filter()

    def on_completed_line_wanted(self) -> None:
        """Tab in the filter completes it, or says what may follow."""
        line = self._filter_line
        if line is None or not line.is_open:
            return
        found = self.ui.board.completion(line.value, line.cursor_position)
        line.complete(found)
        if found.choices:
            self.flashed = MessageText("  ".join(found.choices), Tone.DIM)
            self.redraw()

    def show_filtered(self, text: str) -> None:
        """Only what a filter lets through, whatever was filtered before."""
        if self._filter_line is not None and self._filter_line.is_open:
            self._filter_line.close()
        self.only_needs_you = False
        self.filter_text = text
        self.rearrange()

    def show_account(self, key: AccountKey) -> None:
        """Everything about an account; it is selected, where the filter lets it through."""
        order = self.wall.order
        if key in order:
            self.wall.select(key)
        self._open_details(key, order if key in order else (key,))

    def _clear_filter(self) -> None:
        if self._filter_line is not None:
            self._filter_line.close(clear=True)
        if self.filter_text:
            self.filter_text = ""
            self.rearrange()
        else:
            self.redraw()

    def action_move(self, where: str) -> None:
        """The selection."""
        self.wall.move(Direction(where))
        # in the same frame: word of it from the wall would come one later
        self._draw_selected()

    def action_mark(self) -> None:
        """Mark the account, or no longer, and go on to the next."""
        key = self.wall.selected
        if key is None:
            self.flash(words.NOBODY_SELECTED())
            return
        self.marked ^= {key}
        order = self.wall.order
        self.wall.select(order[min(order.index(key) + 1, len(order) - 1)])
        self.wall.review()
        self._draw_strip()
        self._draw_selected()

    def action_refresh_account(self) -> None:
        """All that are marked, or the selected one."""
        self._act(usage_only=False)

    def action_read_usage(self) -> None:
        """Likewise, the usage step alone."""
        self._act(usage_only=True)

    def _act(self, *, usage_only: bool) -> None:
        if not self.marked:
            self._refresh_selected(usage_only=usage_only)
            return
        # those shown go first, as they stand
        order = dict.fromkeys((*self.wall.order, *self.ui.board.state.accounts))
        self.refresh_many(tuple(key for key in order if key in self.marked), usage_only=usage_only)

    def action_refresh_shown(self) -> None:
        """All that the filter lets through."""
        self.refresh_many(self.wall.order)

    def action_only_needs_you(self) -> None:
        """Only what needs somebody, and all again."""
        self.only_needs_you = not self.only_needs_you
        self.rearrange()

    def action_step_needs_you(self, step: int) -> None:
        """The next account, round the end, that needs somebody."""
        board = self.ui.board
        order = self.wall.order
        at = order.index(self.wall.selected) if self.wall.selected in order else 0
        turned = [order[(at + step * ahead) % len(order)] for ahead in range(1, len(order) + 1)]
        for key in turned:
            judged = board.judged(key)
            if judged is not None and judged.section is Section.NEEDS_YOU:
                self.wall.select(key)
                return
        self.flash(words.NOTHING_NEEDS_YOU())

    async def action_filter(self) -> None:
        """Type a filter."""
        if self._filter_line is None:
            from poolwatch.ui.widgets.filter_line import CompletedLine

            self._filter_line = CompletedLine(interface.text("filter_prompt"), id="filter")
            await self.mount(self._filter_line, before="#message")
        self._filter_line.open(self.filter_text)
        self.redraw()

    def action_back(self) -> None:
        """First a running refresh of many is stopped, then the marks go, then the filters."""
        bulk = self.ui.bulk
        if bulk is not None and not bulk.done:
            self.ui.feed.stop_many()
            self.ui.bulk_of = frozenset()
            self.redraw()
        elif self.marked:
            self.marked = frozenset()
            self.redraw()
        elif self.filter_text or self.only_needs_you:
            self.only_needs_you = False
            self._clear_filter()
            self.rearrange()

    def action_sort(self) -> None:
        """The next order; after that of a column, the first."""
        sort = self.ui.choice.sort
        after = (_ORDERS.index(sort) + 1) % len(_ORDERS) if sort in _ORDERS else 0
        self._sort_by(_ORDERS[after], reverse=False)

    def action_reverse(self) -> None:
        """The order, reversed."""
        self._sort_by(self.ui.choice.sort, reverse=not self.ui.choice.reverse)

    def action_column(self, nth: int) -> None:
        """The order of a column of the table; once more reverses it."""
        columns = self._arranged.columns if self._arranged is not None else None
        if columns is None:
            self.flash(words.COLUMNS_ARE_THE_TABLES())
            return
        there = orders(columns)
        if nth > len(there):
            self.flash(words.no_column(len(there)))
            return
        chosen, choice = there[nth - 1], self.ui.choice
        self._sort_by(chosen, reverse=chosen is choice.sort and not choice.reverse)

    def _sort_by(self, sort: SortKey, *, reverse: bool) -> None:
        choice = replace(self.ui.choice, sort=sort, reverse=reverse)
        self.flashed = MessageText(self.order_told(choice), Tone.ACCENT)
        self.post_message(Chosen(choice))

    def action_view(self) -> None:
        """The next view."""
        after = _VIEWS[(_VIEWS.index(self._view) + 1) % len(_VIEWS)]
        self.flashed = MessageText(
            interface.text("view_is", name=interface.text(f"view.{after.value}")), Tone.ACCENT
        )
        self.post_message(Chosen(replace(self.ui.choice, view=after)))

    def action_group(self) -> None:
        """The next grouping of the hive."""
        if self._view is not WallView.HIVE:
            self.flash(words.GROUPS_ARE_THE_HIVES())
            return
        groupings = list(Grouping)
        at = groupings.index(self.ui.choice.grouping)
        after = groupings[(at + 1) % len(groupings)]
        self.flashed = MessageText(
            interface.text("group_is", name=interface.text(f"group.{after.value}")), Tone.ACCENT
        )
        self.post_message(Chosen(replace(self.ui.choice, grouping=after)))

    def action_detail(self) -> None:
        """Everything about the selected account."""
        if self.wall.selected is None:
            self.flash(words.NOBODY_SELECTED())
            return
        self._open_details(self.wall.selected, self.wall.order)

    def _open_details(self, key: AccountKey, order: tuple[AccountKey, ...]) -> None:
        if self.app.screen is not self:
            # a third click on the way
            return

        def back(key: AccountKey | None) -> None:
            if key is not None:
                self.wall.select(key)

        from poolwatch.ui.screens.detail import DetailScreen

        self.app.push_screen(DetailScreen(self.ui, key, order), back)

    def action_history(self) -> None:
        """The past of the selected account."""
        if self.wall.selected is None:
            self.flash(words.NOBODY_SELECTED())
        else:
            self.open_history(self.wall.selected, self.wall.order, self.wall.select)

    def action_pause(self) -> None:
        """Automatic polling, off and on."""
        self.ui.paused = not self.ui.paused
        self.ui.feed.set_paused(self.ui.paused)
        self.flash(words.PAUSED() if self.ui.paused else words.RESUMED())


def main_of(app: App[Any]) -> PoolScreen | None:
    """The screen that everything starts from, where there is anybody on it."""
    main = next((each for each in app.screen_stack if isinstance(each, PoolScreen)), None)
    return main if main is not None and main.ui.board.state.accounts else None


async def go_to_main(app: App[Any], then: Callable[[PoolScreen], object]) -> None:
    """Leave all screens but the main one, then do what is to be done there."""
    main = main_of(app)
    while main is not None and app.screen is not main and len(app.screen_stack) > 1:
        await app.pop_screen()
    if main is not None:
        then(main)
