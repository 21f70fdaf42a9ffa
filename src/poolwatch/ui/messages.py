"""What screens tell the app."""

from __future__ import annotations

from textual.message import Message

from poolwatch.domain.account import AccountKey
from poolwatch.domain.remake import replace
from poolwatch.presentation.prefs import Grouping, SortKey
from poolwatch.presentation.view import Shown
from poolwatch.ui.feed import PoolChanged
from poolwatch.ui.options import Choice, WallView


class Arrived(Message):
    """The monitor reports a burst of changes."""

    def __init__(self, change: PoolChanged) -> None:
        super().__init__()
        self.change = change


class Looked(Message):
    """The pool screen was drawn: the terminal's title, and the accounts on screen."""

    def __init__(self, title: str, visible: tuple[AccountKey, ...]) -> None:
        super().__init__()
        self.title = title
        self.visible = visible


class Chosen(Message):
    """The operator switched something; what is None stays."""

    def __init__(
        self,
        *,
        view: WallView | None = None,
        sort: SortKey | None = None,
        reverse: bool | None = None,
        grouping: Grouping | None = None,
        theme: str | None = None,
        mask: bool | None = None,
        shown: Shown | None = None,
    ) -> None:
        super().__init__()
        self._view = view
        self._sort = sort
        self._reverse = reverse
        self._grouping = grouping
        self._theme = theme
        self._mask = mask
        self._shown = shown

    def upon(self, choice: Choice) -> Choice:
        """The choice with what was switched."""
        return replace(
            choice,
            view=choice.view if self._view is None else self._view,
            sort=choice.sort if self._sort is None else self._sort,
            reverse=choice.reverse if self._reverse is None else self._reverse,
            grouping=choice.grouping if self._grouping is None else self._grouping,
            theme=choice.theme if self._theme is None else self._theme,
            mask=choice.mask if self._mask is None else self._mask,
            shown=choice.shown if self._shown is None else self._shown,
        )


class DemoWanted(Message):
    """The operator wants the demo instead."""


class Failed(Message):
    """Something ended in an exception that nobody expects."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
