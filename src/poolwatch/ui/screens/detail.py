"""Everything about one account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.presentation.view import Shown, Tone
from poolwatch.ui.bindings import bindings
from poolwatch.ui.keymap import Place
from poolwatch.ui.screens.pane_page import PanePage
from poolwatch.ui.screens.requests import AskingPage
from poolwatch.ui.session import Session
from poolwatch.ui.widgets.bottom import Message
from poolwatch.ui.widgets.detail_lines import detail_lines
from poolwatch.ui.widgets.lines import Lines
from poolwatch.ui.widgets.pane import Pane
from poolwatch.ui.wording import DETAIL_GONE


class DetailScreen(AskingPage[AccountKey], PanePage[AccountKey]):
    """One account of an order; leaving gives back the account that was shown last."""

    PLACE = Place.DETAIL
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.DETAIL)

    def __init__(self, session: Session, key: AccountKey, order: Sequence[AccountKey]) -> None:
        super().__init__(session)
        self._key = key
        self._order = tuple(order)
        self._fresh = True

    @property
    def account(self) -> AccountKey:
        """The account shown."""
        return self._key

    def compose(self) -> ComposeResult:
        """The detail, the message line, the footer."""
        yield Pane(id="detail")
        yield Lines(id="message")
        yield Lines(id="keys")

    def renew(self, *, anew: bool = False) -> None:
        """Draw the account as it stands now."""
        if not self.is_mounted or not self.size.width:
            return
        pane = self.query_one(Pane)
        view = self.session.board.detail(self._key)
        message: Message | None = None
        if view is None:
            message = Message(DETAIL_GONE, Tone.AMBER)
        else:
            lines = detail_lines(view, max(1, self.size.width - 1), self.session.looks.glyphs)
            pane.show(lines, from_top=self._fresh)
            self._fresh = False
            message = self.remedy_of(view.card)
        self.show_message(message)
        other = "left" if self.session.choice.shown is Shown.USED else "used"
        self.show_keys(used_left=other)

    def action_step(self, step: int) -> None:
        """The next or the previous account of the order."""
        listed = [key for key in self._order if key in self.session.board.state.accounts or key == self._key]
        at = listed.index(self._key) if self._key in listed else 0
        at = min(len(listed) - 1, max(0, at + step))
        if listed and listed[at] != self._key:
            self._key = listed[at]
            self._fresh = True
            self.renew()

    def action_back(self) -> None:
        """Back to the wall, with this account selected."""
        self.dismiss(self._key)
