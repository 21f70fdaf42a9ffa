"""The pool: what its keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.domain.status import Section
from poolwatch.presentation.prefs import Grouping, SortKey
from poolwatch.presentation.view import Tone
from poolwatch.ui.bindings import bindings
from poolwatch.ui.keymap import Place
from poolwatch.ui.messages import Chosen
from poolwatch.ui.options import WallView
from poolwatch.ui.screens.pool_drawing import PoolDrawing
from poolwatch.ui.widgets.bottom import Message
from poolwatch.ui.widgets.wall.arrangement import Direction
from poolwatch.ui.wording import (
    FILTER_PROMPT,
    GROUP_IS,
    VIEW_IS,
)
from poolwatch.words import screen as words

if TYPE_CHECKING:
    from textual.widgets import Input

_VIEWS: Final = (WallView.TABLE, WallView.CARDS, WallView.HIVE)


class PoolScreen(PoolDrawing):
    """The screen that everything starts from."""

    PLACE = Place.POOL
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.POOL)

    def on_account_wall_selected(self) -> None:
        """Another account is selected: what speaks of it follows."""
        self._draw_selected()
        self._look()

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
        self.renew()

    def on_filter_line_left(self) -> None:
        """Esc in the filter clears it."""
        self._clear_filter()

    def _clear_filter(self) -> None:
        if self._filter_line is not None:
            self._filter_line.close(clear=True)
        if self.filter_text:
            self.filter_text = ""
            self.rearrange()
        else:
            self.renew()

    def action_move(self, where: str) -> None:
        """The selection."""
        self.wall.move(Direction(where))
        # in the same frame: word of it from the wall would come one later
        self._draw_selected()

    def action_refresh_shown(self) -> None:
        """All that the filter lets through."""
        self.refresh_many(self.wall.order)

    def action_only_needs_you(self) -> None:
        """Only what needs somebody, and all again."""
        self.only_needs_you = not self.only_needs_you
        self.rearrange()

    def action_step_needs_you(self, step: int) -> None:
        """The next account, round the end, that needs somebody."""
        board = self.session.board
        order = self.wall.order
        at = order.index(self.wall.selected) if self.wall.selected in order else 0
        turned = [order[(at + step * ahead) % len(order)] for ahead in range(1, len(order) + 1)]
        for key in turned:
            judged = board.judged(key)
            if judged is not None and judged.section is Section.NEEDS_YOU:
                self.wall.select(key)
                return
        self.flash(words.NOTHING_NEEDS_YOU)

    async def action_filter(self) -> None:
        """Type a filter."""
        if self._filter_line is None:
            from poolwatch.ui.widgets.filter_line import FilterLine  # not before the first paint

            self._filter_line = FilterLine(FILTER_PROMPT, id="filter")
            await self.mount(self._filter_line, before="#message")
        self._filter_line.open(self.filter_text)
        self.renew()

    def action_back(self) -> None:
        """First a running refresh of many is stopped, then the filters go."""
        bulk = self.session.bulk
        if bulk is not None and not bulk.done:
            self.session.feed.stop_many()
        elif self.filter_text or self.only_needs_you:
            self.only_needs_you = False
            self._clear_filter()
            self.rearrange()

    def action_sort(self) -> None:
        """The next order."""
        orders = list(SortKey)
        after = orders[(orders.index(self.session.choice.sort) + 1) % len(orders)]
        self.post_message(Chosen(sort=after, reverse=False))

    def action_reverse(self) -> None:
        """The order turned round."""
        self.post_message(Chosen(reverse=not self.session.choice.reverse))

    def action_view(self) -> None:
        """The next view."""
        after = _VIEWS[(_VIEWS.index(self._view) + 1) % len(_VIEWS)]
        self.flashed = Message(VIEW_IS.format(name=after.value), Tone.ACCENT)
        self.post_message(Chosen(view=after))

    def action_group(self) -> None:
        """The next grouping of the hive."""
        if self._view is not WallView.HIVE:
            self.flash(words.GROUPS_ARE_THE_HIVES)
            return
        groupings = list(Grouping)
        at = groupings.index(self.session.choice.grouping)
        after = groupings[(at + 1) % len(groupings)]
        self.flashed = Message(GROUP_IS.format(name=after.value), Tone.ACCENT)
        self.post_message(Chosen(grouping=after))

    def action_detail(self) -> None:
        """Everything about the selected account."""
        from poolwatch.ui.screens.detail import DetailScreen  # not before the first paint

        if self.wall.selected is None:
            self.flash(words.NOBODY_SELECTED)
            return
        if self.app.screen is not self:
            # a third click on the way
            return

        def back(key: AccountKey | None) -> None:
            if key is not None:
                self.wall.select(key)

        self.app.push_screen(DetailScreen(self.session, self.wall.selected, self.wall.order), back)

    def action_pause(self) -> None:
        """Automatic polling, off and on."""
        self.session.paused = not self.session.paused
        self.session.feed.set_paused(self.session.paused)
        self.flash(words.PAUSED if self.session.paused else words.RESUMED)
