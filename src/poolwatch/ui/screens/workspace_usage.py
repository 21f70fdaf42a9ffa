"""What OpenAI reports of an account's days: a source of the usage screen. `r` alone reads it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.domain.message import Message
from poolwatch.domain.tokens import Origin
from poolwatch.domain.use_report import UseWish
from poolwatch.domain.values import replace
from poolwatch.domain.workspace_usage import DAYS_ASKED, AccountUsage, Counted
from poolwatch.presentation.masking import masked
from poolwatch.presentation.view import Tone
from poolwatch.presentation.workspace_usage import ReportBy, ReportView, report_view
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import Page, bindings
from poolwatch.ui.screens.pool_drawing import PoolDrawing
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText, key_label
from poolwatch.ui.widgets.history import is_wide
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.ui.widgets.workspace_usage import report_title, screen_lines
from poolwatch.words import interface
from poolwatch.words import workspace_usage as words
from poolwatch.words.messages import message_text

_DAY: Final = timedelta(days=1)
#: So many days are shown, today among them.
PERIODS: Final = (7, DAYS_ASKED, 90, 365)


class ReportScreen(Page[None]):
    """One account of an order. Nothing is asked before somebody agreed to it in this run."""

    SCOPE = Scope.REPORT
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.REPORT)

    def __init__(self, ui: UiState, wish: UseWish, account: str | None = None) -> None:
        """`wish` is what the other sources of the screen show; `account` whose days come first, by its id."""
        super().__init__(ui)
        self._wish = wish
        self._wanted = account
        self._order: tuple[AccountKey, ...] = ()
        self._key: AccountKey | None = None
        self._by = ReportBy.DAY
        self._counted = Counted.CREDITS
        self._period = PERIODS.index(DAYS_ASKED)
        self._found: AccountUsage | None = None
        self._view: ReportView | None = None
        self._selected = 0
        self._top = 0
        #: whose, since when and by which reading what is shown was read
        self._asked: object = None
        #: who is asked about once the key is pressed again
        self._asks: AccountKey | None = None
        #: who is being asked about
        self._reading: AccountKey | None = None
        #: why the last request for an account brought nothing
        self._problem: dict[AccountKey, Message] = {}

    @property
    def account(self) -> AccountKey | None:
        """The account shown."""
        return self._key

    def compose(self) -> ComposeResult:
        """Title, all of it, what is said, footer."""
        yield Lines(id="title")
        yield Pane(id="report")
        yield Lines(id="message")
        yield Lines(id="keys")

    def on_mount(self) -> None:
        """The selected account comes first, and the others as they stand on the main screen."""
        main = next((each for each in self.app.screen_stack if isinstance(each, PoolDrawing)), None)
        accounts = self.ui.board.state.accounts
        self._order = tuple(main.wall.order) if main is not None else tuple(accounts)
        wanted = next((key for key in accounts if key.id == self._wanted), None)
        selected = main.wall.selected if main is not None else None
        self._key = wanted or selected or next(iter(self._order), None)
        super().on_mount()

    # --- reading

    @property
    def _today(self) -> date:
        return self._server_now.date()

    @property
    def _server_now(self) -> datetime:
        return self.ui.feed.now() + self.ui.board.state.clock_offset

    @property
    def _since(self) -> date:
        return self._today - (PERIODS[self._period] - 1) * _DAY

    def _look(self) -> None:
        """Have what is kept read, unless that was done since the last reading of the account."""
        key, state = self._key, self.ui.board.state
        account = state.accounts.get(key) if key is not None else None
        if key is None or account is None:
            return
        since, asked = self._since, (key, self._since, account.read_at, self._reading)
        if asked == self._asked:
            return
        self._asked = asked

        async def read() -> None:
            found = await self.ui.feed.report(key, since)
            if self._asked == asked:
                self._found = found
                self.redraw()

        self.start_work(read)

    async def _ask(self, key: AccountKey) -> None:
        since = min(self._since, self._today - (DAYS_ASKED - 1) * _DAY)
        try:
            failed = await self.ui.feed.read_report(key, since)
        finally:
            self._reading = None
        if failed is None:
            self._problem.pop(key, None)
            self.flash(words.READ())
        else:
            self._problem[key] = failed
            self.redraw()

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is known."""
        if not self.can_draw:
            return
        self._look()
        glyphs, zone = self.ui.appearance.glyphs, self.ui.board.prefs.zone
        found = self._found
        if self._key is None or found is None or found.account != self._key.id:
            found = AccountUsage(self._key.id if self._key is not None else "", self._since, self._today)
        told = words.BY_ITSELF if self.ui.feed.reads_reports else words.ON_DEMAND
        how = told(self._key_label) if self._key is not None else words.NOBODY()
        self._view = view = report_view(found, self._by, self._server_now, zone, how, self._counted)
        self._selected = min(self._selected, max(0, len(view.rows) - 1))
        period = words.days(PERIODS[self._period])
        title = report_title(self._label, view, period, self.help_text, self.size.width, glyphs)
        self.query_one("#title", Lines).show((title,))
        width, height = max(1, self.size.width - 1), max(1, self.size.height - 3)
        lines, self._top = screen_lines(view, self._selected, self._top, width, height, glyphs)
        self.query_one(Pane).show(lines)
        self.show_message(self._message())
        instead = {"mask": "", "events": ""}
        if is_wide(self.size.width):
            instead["group_use"] = " · ".join(words.group(each) for each in ReportBy)
        self.show_keys(cost=interface.text("close"), **instead)

    @property
    def _label(self) -> str:
        card = self.ui.board.card(self._key) if self._key is not None else None
        return card.label if card is not None else ""

    @property
    def _key_label(self) -> str:
        return key_label(self.ui.options.keymap.get("read_report").keys[0], self.ui.appearance.glyphs)

    def _message(self) -> MessageText | None:
        if self._asks is not None:
            key = self._key_label
            return MessageText(words.asks_first(self._label, key), Tone.AMBER)
        if self._reading is not None and self._reading == self._key:
            return MessageText(words.asking(self._label), Tone.DIM)
        failed = self._problem.get(self._key) if self._key is not None else None
        if failed is None:
            return None
        why = message_text(failed)
        return MessageText(words.not_read(self._label, masked(why) if self.ui.choice.mask else why), Tone.RED)

    # --- keys

    def action_read_report(self) -> None:
        """Ask OpenAI; the first time in a run, once the key was pressed again."""
        key = self._key
        if key is None:
            self.flash(words.NOBODY())
        elif self._reading is not None:
            self.flash(words.STILL_ASKING())
        elif not self.ui.asks_reports and self._asks != key:
            self._asks = key
            self.redraw()
        else:
            self.ui.asks_reports, self._asks, self._reading = True, None, key
            self.redraw()
            self.start_work(partial(self._ask, key))

    def action_step(self, step: int) -> None:
        """The next or the previous account."""
        listed = self._listed
        if self._key not in listed:
            return
        at = min(len(listed) - 1, max(0, listed.index(self._key) + step))
        if listed[at] != self._key:
            self._key, self._asks, self._selected, self._top = listed[at], None, 0, 0
            self.redraw()

    @property
    def _listed(self) -> Sequence[AccountKey]:
        accounts = self.ui.board.state.accounts
        return [key for key in self._order if key in accounts or key == self._key]

    def action_move(self, where: str) -> None:
        """The selection."""
        view = self._view
        if view is None or not view.rows:
            return
        last, page = len(view.rows) - 1, max(1, self.size.height - 12)
        to = {
            Direction.UP: self._selected - 1,
            Direction.DOWN: self._selected + 1,
            Direction.PAGE_UP: self._selected - page,
            Direction.PAGE_DOWN: self._selected + page,
            Direction.FIRST: 0,
            Direction.LAST: last,
        }.get(Direction(where), self._selected)
        self._selected = min(last, max(0, to))
        self.redraw()

    def action_period(self, step: int) -> None:
        """A shorter period, a longer one."""
        at = min(len(PERIODS) - 1, max(0, self._period + step))
        if at != self._period:
            self._period, self._selected, self._top = at, 0, 0
            self.redraw()

    def action_group(self) -> None:
        """Days, weeks, clients, in turn."""
        every = list(ReportBy)
        self._by = every[(every.index(self._by) + 1) % len(every)]
        self._selected = self._top = 0
        self.redraw()

    def action_figure(self) -> None:
        """Credits, tokens, in turn."""
        self._counted = Counted.TOKENS if self._counted is Counted.CREDITS else Counted.CREDITS
        self.redraw()

    def action_origin(self) -> None:
        """What was imported comes next."""
        from poolwatch.ui.screens.usage import UsageScreen  # that one opens this one

        if self.app.screen is self:
            wish = replace(self._wish, origin=Origin.IMPORTED)
            self.app.switch_screen(UsageScreen(self.ui, wish))

    def action_back(self) -> None:
        """First the question goes, then the screen."""
        if self._asks is not None:
            self._asks = None
            self.flash(words.NOT_SENT(), Tone.DIM)
        else:
            self.dismiss()

    def action_cost(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()
