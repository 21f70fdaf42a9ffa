"""The past of a balance of a service: how much was left, what was used of it, and what came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Size

from poolwatch.domain.balances import LOOKED_BACK, BalanceState
from poolwatch.domain.series import Point
from poolwatch.presentation import history
from poolwatch.presentation.balance_history import (
    BalanceScene,
    balance_chart,
    balance_cursor_line,
    balance_note,
    balance_steps,
    balance_told_lines,
    figure_of_balance,
    scale_of_balance,
)
from poolwatch.presentation.history import Period
from poolwatch.presentation.masking import shown
from poolwatch.presentation.view import DetailLine, Prefs
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.account_history import Subject
from poolwatch.ui.screens.history import HistoryPage
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.history import Headline, blank_before, sentence_lines
from poolwatch.words import credits as words
from poolwatch.words import history as history_words


class BalanceHistory(Subject):
    """One balance of those that are configured."""

    def __init__(
        self,
        ui: UiState,
        read: Callable[[Callable[[], Awaitable[None]]], object],
        name: str,
        drawn: Callable[[], object],
    ) -> None:
        """`drawn` is called when more is known."""
        super().__init__(ui, read)
        self.name = name
        self._drawn = drawn
        self._scene: BalanceScene | None = None
        self._size = Size(0, 0)
        #: which points these are: of which balance and period, as of which reading
        self._points: tuple[Point, ...] | None = None
        self._points_of: tuple[object, ...] = ()
        self._asked: tuple[object, ...] = ()

    @property
    def state(self) -> BalanceState | None:
        """All that is known of it; None where it is configured no more."""
        return self._ui.board.state.balances.get(self.name)

    @property
    def now(self) -> datetime:
        """Our own clock, by which balances are dated."""
        return self._ui.board.now

    @property
    def prefs(self) -> Prefs:
        """The preferences at this moment."""
        return self._ui.board.timed_prefs

    def look(self, period: Period, size: Size) -> Headline | None:
        """Also asks for its past anew where there is a newer reading."""
        state = self.state
        if state is None:
            return None
        self._want(state, period)
        points = self._points if self._points_of[:2] == (state.name, period) else None
        scene = BalanceScene(state, period, points, self.now, self.prefs)
        if (scene, size) != (self._scene, self._size):
            self._scene, self._size = scene, size
            self.chart = balance_chart(scene)
            self.note, self.aside = balance_note(scene), scale_of_balance(scene)
            glyphs, width = self._ui.appearance.glyphs, max(1, size.width - 1)
            air = blank_before(size.height)
            self.below = (*air, *sentence_lines(balance_told_lines(scene), width, glyphs))
        return self._headline(scene)

    def _headline(self, scene: BalanceScene) -> Headline:
        listed, name, period = self._listed, scene.state.name, scene.period.name
        figure, brief = figure_of_balance(scene), history_words.period(period, short=True)
        return Headline(
            shown(name, mask=scene.prefs.mask),
            f"{figure} · {history_words.period(period)}, {history_words.step(period)}",
            f"{figure} · {brief}",
            f"{figure} · {brief}",
            words.position(listed.index(name) + 1, len(listed)),
        )

    def _want(self, state: BalanceState, period: Period) -> None:
        """Read what is kept, unless that was read since the newest reading."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        asked = (state.name, period, state.read_at, hour)
        if self._asked == asked:
            return
        self._asked = asked
        since = min(history.since(period, hour), hour - LOOKED_BACK)

        async def read() -> None:
            points = await self._ui.feed.balance_points(state, since, period.finest)
            if self._asked == asked:
                self._points, self._points_of = points, asked
                self._drawn()

        self._read(read)

    def steps(self) -> Sequence[datetime]:
        """The slices of the period."""
        return () if self._scene is None or self.chart is None else balance_steps(self.chart, self._scene)

    def cursor_line(self, at: datetime) -> DetailLine:
        """What was left in the slice that begins there."""
        if self._scene is None or self.chart is None:
            return DetailLine()
        return balance_cursor_line(self._scene, self.chart, at)

    def next_figure(self) -> None:
        """There is one alone."""

    def step(self, step: int) -> bool:
        """The next balance, or the previous."""
        listed = self._listed
        before, at = self.name, listed.index(self.name)
        self.name = listed[min(len(listed) - 1, max(0, at + step))]
        return self.name != before

    @property
    def _listed(self) -> list[str]:
        names = list(self._ui.board.state.balances)
        return names if self.name in names else [*names, self.name]


class BalanceHistoryScreen(HistoryPage[str]):
    """One balance of those that are configured; leaving gives back the one shown last."""

    SCOPE = Scope.BALANCE
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.BALANCE)

    def __init__(self, ui: UiState, name: str, at: datetime | None = None) -> None:
        """`at`: where the cursor stands at first; None, at the newest reading."""
        super().__init__(ui, at)
        self._balance = BalanceHistory(ui, partial(self._read, "balance"), name, self.redraw)
        self._shown = self._balance

    def show_footer(self) -> None:
        """What every screen has is left to the help."""
        self.show_keys(history="", mask="", next_account=words.BALANCE())

    def action_read_balance(self) -> None:
        """Read it now."""
        name = self._balance.name
        self.flash(words.READING(shown(name, mask=self.ui.choice.mask)))
        self.start_work(partial(self._read_now, name))

    async def _read_now(self, name: str) -> None:
        await self.ui.feed.read_balance(name)
        # what is there now says more
        self.flashed = None
        self.redraw()

    def action_back(self) -> None:
        """Back, with this balance selected."""
        self.dismiss(self._balance.name)
