"""The past of an account, of its group and of the pool, and what is expected."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.domain.status import PoolRules
from poolwatch.presentation.chart import Chart
from poolwatch.presentation.history import PERIODS, reaching
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.account_history import AccountHistory, Subject
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.screens.pool_drawing import PoolDrawing
from poolwatch.ui.screens.pool_history import PoolHistory
from poolwatch.ui.screens.refreshing import RefreshingPage, ResultT
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.chart import ChartLines
from poolwatch.ui.widgets.history import blank_before, chart_rows, is_wide, sentence_lines, title_line
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.words import history as words


def _scale_text(chart: Chart, rules: PoolRules) -> str:
    """From where on a figure is amber or red, in percent of what is used or left."""
    if chart.is_scarce_low:
        return words.scale_left(f"{100 - rules.amber_percent:g}", f"{100 - rules.red_percent:g}")
    return words.scale(f"{rules.amber_percent:g}", f"{rules.red_percent:g}")


class HistoryPage(RefreshingPage[ResultT]):
    """A chart of one subject, what the cursor in it reads out, and what it says."""

    _shown: Subject

    def __init__(self, ui: UiState, at: datetime | None = None) -> None:
        """`at`: where the cursor stands at first; None, at the newest reading."""
        super().__init__(ui)
        self._period = reaching(at, ui.feed.now())
        self._cursor = at

    @abstractmethod
    def show_footer(self) -> None:
        """The keys."""

    def compose(self) -> ComposeResult:
        """Title, chart, what it says, the message line, the footer."""
        yield Lines(id="title")
        yield ChartLines(id="chart")
        yield Pane(id="told")
        yield Lines(id="message")
        yield Lines(id="keys")

    def _read(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do something that takes time in place of what was done before of its kind."""
        # the function, not its coroutine: an app that leaves at once never begins it
        self.run_worker(work, exclusive=True, group=what)

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is known now."""
        if not self.can_draw:
            return
        headline = self._shown.look(self._period, self.size)
        if headline is not None:
            help_text = words.help_key(self.ui.options.keymap.get("help").keys[0])
            line = title_line(headline, help_text, self.size.width, self.ui.appearance.glyphs)
            self.query_one("#title", Lines).show((line,))
            self._show_chart()
        told = self.flashed or self._shown.message
        # without anything to say the line is left to what stands above it
        if told is not None:
            self.show_message(told)
        else:
            self.query_one("#message", Lines).show(())
        self.show_footer()

    def _show_chart(self) -> None:
        """The chart, and above the rest what the cursor in it reads out."""
        subject, chart = self._shown, self._shown.chart
        at = self._cursor_at()
        if chart is None or at is None:
            return
        rows = chart_rows(self.size.height)
        cursor = at if self._cursor is not None else None
        self.query_one(ChartLines).show_chart(chart, rows, cursor, subject.note)
        width, glyphs, rules = max(1, self.size.width - 1), self.ui.appearance.glyphs, subject.prefs.rules
        aside = subject.aside or (_scale_text(chart, rules) if chart.levels else "")
        lines = sentence_lines((subject.cursor_line(at),), width, glyphs, aside)
        self.query_one(Pane).show((*blank_before(self.size.height), *lines, *subject.below))

    def _cursor_at(self) -> datetime | None:
        """The step that the cursor stands at: where it was moved to, else at the newest reading."""
        steps = self._shown.steps()
        wanted = self._cursor if self._cursor is not None else self._shown.newest
        if not steps or wanted is None:
            return None
        return max((each for each in steps if each <= wanted), default=steps[0])

    def action_step(self, step: int) -> None:
        """The next or the previous one."""
        if self._shown.step(step):
            self._cursor = None
        self.redraw()

    def action_period(self, step: int) -> None:
        """A shorter or a longer period."""
        at = PERIODS.index(self._period) + step
        if 0 <= at < len(PERIODS):
            self._period = PERIODS[at]
            self.redraw()

    def action_read_out(self, step: int) -> None:
        """The cursor, one slice of time on."""
        steps, at = self._shown.steps(), self._cursor_at()
        if at is not None:
            self._cursor = steps[min(len(steps) - 1, max(0, steps.index(at) + step))]
            self._show_chart()

    def action_history(self) -> None:
        """The key that opened it closes it."""
        self.action_back()


class HistoryScreen(HistoryPage[AccountKey]):
    """One account of an order, its group, or the pool; leaving gives back the account shown last."""

    SCOPE = Scope.HISTORY
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.HISTORY)

    def __init__(
        self, ui: UiState, key: AccountKey, order: Sequence[AccountKey], at: datetime | None = None
    ) -> None:
        """`at`: where the cursor stands at first; None, at the newest reading."""
        super().__init__(ui, at)
        self._account = AccountHistory(ui, partial(self._read, "account"), key, order, self._redraw_account)
        #: of a group by its name, of the pool by None; made when first shown
        self._pools: dict[str | None, PoolHistory] = {}
        self._shown = self._account

    @property
    def account(self) -> AccountKey | None:
        """The account shown, or the one selected among many."""
        return self._shown.account

    def _redraw_account(self) -> None:
        if self._shown is self._account:
            self.redraw()

    def _redraw_pool(self) -> None:
        if self._shown is not self._account:
            self.redraw()

    def show_footer(self) -> None:
        """What every screen has is left to the help."""
        instead = {"refresh": "", "usage": "", "mask": "", "history": ""}
        if self._shown is self._account:
            instead["open_account"] = ""
        if is_wide(self.size.width):
            instead["figure"] = " · ".join(self._shown.figures)
        self.show_keys(**{**instead, **self.keys_off()})

    # --- keys

    def action_whose(self) -> None:
        """The account, its group, the pool, in turn."""
        group = self._group
        turns: list[Subject] = [self._account]
        if group is not None:
            turns.append(self._many(group))
        turns.append(self._many(None))
        at = turns.index(self._shown) if self._shown in turns else 0
        self._show(turns[(at + 1) % len(turns)])

    def _show(self, subject: Subject) -> None:
        self._shown = subject
        self.query_one(Pane).top = 0
        self.redraw()

    def _many(self, group: str | None) -> PoolHistory:
        if group not in self._pools:
            read = partial(self._read, f"pool {group}")
            self._pools[group] = PoolHistory(self.ui, read, self._filtered, group, self._redraw_pool)
        return self._pools[group]

    def _filtered(self) -> Sequence[AccountKey] | None:
        """Those that the filter of the main screen lets through."""
        main = next((each for each in self.app.screen_stack if isinstance(each, PoolDrawing)), None)
        return main.filtered if main is not None else None

    @property
    def _group(self) -> str | None:
        account = self.ui.board.state.accounts.get(self._account.key)
        return account.name.group if account is not None else None

    def action_open_account(self) -> None:
        """Of many: the account that is selected."""
        key = self.account
        if self._shown is not self._account and key is not None:
            self._account.key = key
            self._show(self._account)

    def action_figure(self) -> None:
        """The next figure."""
        self._shown.next_figure()
        self.redraw()

    def action_back(self) -> None:
        """Back, with this account selected."""
        self.dismiss(self._account.key)
