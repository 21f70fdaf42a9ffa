"""Everything about one account, and the next and the previous one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.presentation.view import Shown, Tone
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.screens.refreshing import RefreshingPage
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.ui.widgets.details import detail_lines
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.words import interface as words


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
            glyphs = self.ui.appearance.glyphs
            lines = detail_lines(view, max(1, self.size.width - 1), glyphs)
            pane.show(lines, from_top=self._fresh)
            self._fresh = False
            message = None if view.advises else self.remedy_of(view.card)
        self.show_message(message)
        other = Shown.LEFT if self.ui.choice.shown is Shown.USED else Shown.USED
        self.show_keys(**{"used_left": words.text(other.value), **self.keys_off()})

    @property
    def names_top_up(self) -> bool:
        """Only where this account is out of credits."""
        judged = self.ui.board.overview.by_key.get(self._shown)
        return judged is not None and judged.lacks_credits

    def action_step(self, step: int) -> None:
        """The next or the previous account of the order."""
        listed = [key for key in self._order if key in self.ui.board.state.accounts or key == self._shown]
        at = listed.index(self._shown) if self._shown in listed else 0
        at = min(len(listed) - 1, max(0, at + step))
        if listed:
            self._show_account(listed[at])

    def action_history(self) -> None:
        """Its past; who leaves that at another account comes back to the details of that one."""
        self.open_history(self._shown, self._order, self._show_account)

    def action_cost(self) -> None:
        """What this account used."""
        from poolwatch.domain.tokens import GroupBy
        from poolwatch.domain.use_report import Narrowed, UseWish
        from poolwatch.domain.use_sums import Group
        from poolwatch.ui.screens.usage import UsageScreen

        if self.app.screen is self:
            own = Narrowed(GroupBy.ACCOUNT, Group(self._shown.id))
            self.app.push_screen(UsageScreen(self.ui, UseWish(narrow=(own,))))

    def _show_account(self, key: AccountKey) -> None:
        if key != self._shown:
            self._shown = key
            self._fresh = True
            self.redraw()

    def action_back(self) -> None:
        """Back to the wall, with this account selected."""
        self.dismiss(self._shown)
