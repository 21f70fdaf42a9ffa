"""What the app is started with, what the operator switches while it runs, and what all screens share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct, field

from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview
from poolwatch.presentation.view import Grouping, Prefs, Shown, SortKey
from poolwatch.ui.appearance import Appearance
from poolwatch.ui.board import Board
from poolwatch.ui.feed import BulkProgress, Feed
from poolwatch.ui.keymap import Keymap
from poolwatch.ui.said import SaidLog


class WallView(StrEnum):
    """How the wall draws accounts; AUTO picks by how many there are and how large the screen is."""

    AUTO = "auto"
    TABLE = "table"
    CARDS = "cards"
    HIVE = "hive"


class ExitRequest(StrEnum):
    """What the operator wants after the app has ended."""

    DEMO = "demo"


class Choice(Struct, frozen=True):
    """What keys switch; it is remembered per pool. An empty theme means: by the terminal."""

    view: WallView = WallView.AUTO
    sort: SortKey = SortKey.NEED
    reverse: bool = False
    grouping: Grouping = Grouping.SOURCE
    theme: str = ""
    mask: bool = False
    shown: Shown = Shown.USED


def _forget(*_: Choice) -> None:
    """Remember nothing."""


class AppOptions(Struct, frozen=True):
    """How the app looks and behaves.

    `remember` is called with every new choice, and `met` with the first key, on the event loop.
    """

    pool_name: str = ""
    prefs: Prefs = field(default_factory=Prefs)
    view: WallView = WallView.AUTO
    sort: SortKey = SortKey.NEED
    reverse: bool = False
    grouping: Grouping = Grouping.SOURCE
    #: "light" or "poolwatch-light"; empty: the dark one, or the terminal's own sixteen colours
    theme: str = ""
    #: "unicode" or "ascii"
    glyphs: str = "unicode"
    mouse: bool = False
    #: the terminal's title says how many accounts need somebody
    title: bool = True
    keymap: Keymap = field(default_factory=Keymap)
    remember: Callable[[Choice], object] = _forget
    met: Callable[[], object] = _forget
    #: the accounts are simulated: what is copied for one of them must do nothing in a shell
    simulated: bool = False
    #: there is nothing to monitor: open with the first-run screen
    first_run: bool = False
    #: there are balances, with which nobody needs an account
    has_balances: bool = False
    #: credits can be bought somewhere
    tops_up: bool = False
    #: no key was pressed in this pool in an earlier run
    is_new: bool = False

    @property
    def read_only(self) -> bool:
        """Whether nothing is changed or spent from here."""
        return self.keymap.read_only

    @property
    def choice(self) -> Choice:
        """The choice to begin with."""
        return Choice(
            self.view,
            self.sort,
            self.reverse,
            self.grouping,
            self.theme,
            self.prefs.mask,
            self.prefs.shown,
        )


class SharedTerminal(Protocol):
    """The terminal, which another program can have for a while."""

    @property
    def can_step_aside(self) -> bool:
        """Whether it can be given away."""

    def aside(self, said: str) -> AbstractAsyncContextManager[Callable[[str], Awaitable[None]]]:
        """Give it away, with a few words above; what is given says more, and waits until that is read."""


class UiState(Struct):
    """One run of the app. Only the app itself changes it; screens read it."""

    feed: Feed
    board: Board
    options: AppOptions
    appearance: Appearance
    choice: Choice
    terminal: SharedTerminal
    paused: bool = False
    #: no key was ever pressed in this pool: what does not explain itself is explained
    is_new: bool = False
    said: SaidLog = field(default_factory=SaidLog)
    #: who polls where another process does, as a badge; "" where this one polls
    watching: str = ""
    #: somebody agreed in this run that OpenAI is asked what it counted
    asks_reports: bool = False
    #: credits are being bought, or asked about, by a process that outlives the app
    tops_up_now: bool = False
    bulk: BulkProgress | None = None
    #: whom that one is of, and since when; nobody once it has ended or was stopped
    bulk_of: frozenset[AccountKey] = frozenset()
    bulk_since: datetime | None = None
    #: the pool as it stood before that, and what became different until its end
    bulk_before: PoolOverview | None = None
    bulk_diff: tuple[str, ...] = ()

    def waits(self, key: AccountKey) -> bool:
        """Whether an account's turn in a refresh of many is still to come."""
        account = self.board.state.accounts.get(key) if key in self.bulk_of else None
        if account is None or self.bulk_since is None:
            return False
        return account.refresh is None or account.refresh.started_at < self.bulk_since
