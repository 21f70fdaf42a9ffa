"""What fires and waits for somebody, what happened, and what was said in this run; the newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.domain.alerts import SubjectKind
from poolwatch.domain.banked_resets import ResetUse
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.notices import Delivery
from poolwatch.domain.query.language import value_text
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alerts import AlertRow, AlertsView, alerts_view
from poolwatch.presentation.deliveries import channel_spans
from poolwatch.presentation.event_filter import EventLooker
from poolwatch.presentation.events import EventGroup, EventsView, Told, events_view, next_day
from poolwatch.presentation.view import Tone
from poolwatch.presentation.waiting import Waits, waiting_rows
from poolwatch.ui.appearance import UNICODE, Glyphs
from poolwatch.ui.cells import Line, fit_line
from poolwatch.ui.feed import EVENTS_MOST
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.filtered import FilteredPage
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.screens.pool import go_to_main
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.ui.widgets.event_lines import Block, Laid, Row, channel_lines, events_title
from poolwatch.ui.widgets.history import is_wide
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.words import alerts as alert_words
from poolwatch.words import events as words
from poolwatch.words import interface

#: What is read when the screen opens: yesterday whole, and all since somebody looked.
_AT_FIRST: Final = timedelta(days=2)
#: How far back is read at once, further each time, for days on which nothing happened.
_BACK: Final = (timedelta(days=7), timedelta(days=30), timedelta(days=120), timedelta(days=400))
#: What is new is read so often at most.
_AGAIN: Final = timedelta(seconds=5)
#: From so many lines on there is room for empty ones.
_AIRY_FROM: Final = 30


class EventsScreen(FilteredPage):
    """Alerts, logged events and messages under headings, one of them selected.

    What is new is told by the mark of when somebody looked last, as it stood when the screen opened; a key
    pressed here moves it.
    """

    SCOPE = Scope.EVENTS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.EVENTS)

    def __init__(self, ui: UiState) -> None:
        super().__init__(ui, words.FILTER_PROMPT())
        self._logged: tuple[LoggedEvent, ...] = ()
        #: from when on everything is there; None until it was read
        self._since: datetime | None = None
        #: nothing older is kept
        self._is_whole = False
        self._read_at: datetime | None = None
        #: something has changed since, and a timer has it read
        self._is_due = False
        self._looked_at: datetime | None = None
        self._has_looked = False
        self._group = EventGroup.DAY
        self._selected: str | None = None
        self._deliveries: tuple[Delivery, ...] = ()
        self._waits = Waits()
        self._alerts = AlertsView()
        self._view = EventsView("", (), 0)
        self._laid = Laid(self._alerts, self._view, 0, UNICODE, named=True, airy=False)
        #: how rows were drawn that are not selected, and for which columns, width and glyphs
        self._drawn: dict[str, tuple[Row, Sequence[Line]]] = {}
        self._drawn_for: tuple[object, ...] = ()

    @property
    def account(self) -> AccountKey | None:
        """The account of the selected row."""
        row = self._row()
        known = self.ui.board.state.accounts
        wanted = row.account_id if row is not None else None
        return next((key for key in known if key.id == wanted), None)

    @property
    def alert(self) -> AlertRow | None:
        """The selected row, where it is no event."""
        row = self._row()
        return row if isinstance(row, AlertRow) else None

    @property
    def _rows(self) -> tuple[Row, ...]:
        return (*self._alerts.rows, *self._view.rows)

    def compose(self) -> ComposeResult:
        """Title, alerts and events, how channels do, what is said, footer."""
        yield Lines(id="title")
        yield Pane(id="events")
        yield Lines(id="channels")
        yield Lines(id="message")
        yield Lines(id="keys")

    def on_mount(self) -> None:
        """What was said is there at once; what is kept comes from the store."""
        super().on_mount()
        self.start_work(self._read_first)

    async def _read_first(self) -> None:
        now = self.ui.feed.now()
        self._looked_at = looked = await self.ui.feed.looked_at()
        self._logged = await self._read(min(now - _AT_FIRST, looked or now))
        self._deliveries = await self.ui.feed.deliveries()
        self.redraw()
        self._read_at = now
        # journals, perhaps on a slow disk: what is known does not wait for them
        await self._read_waits()

    async def _read(self, since: datetime, until: datetime | None = None) -> tuple[LoggedEvent, ...]:
        """What happened from `since` on; everything is there from then on, or from where the feed cut."""
        found = await self.ui.feed.events(since, until)
        # those of that very instant may have been cut, too
        self._since = since if len(found) < EVENTS_MOST else found[0].at + timedelta.resolution
        return found

    def _read_again(self) -> None:
        self._is_due, self._read_at = False, self.ui.feed.now()
        self.start_work(self._read_new)

    async def _read_new(self) -> None:
        newest = self._logged[-1].at if self._logged else self._since
        if newest is not None:
            self._take(await self.ui.feed.events(newest))
        deliveries = await self.ui.feed.deliveries()
        if deliveries != self._deliveries:
            self._deliveries = deliveries
            self.redraw()
        await self._read_waits()

    async def _read_waits(self) -> None:
        waits = await self.ui.feed.waits()
        if waits != self._waits:
            self._waits = waits
            self.redraw()

    def _take(self, found: tuple[LoggedEvent, ...]) -> None:
        together = {each.id: each for each in (*self._logged, *found)}
        if len(together) != len(self._logged):
            self._logged = tuple(sorted(together.values(), key=lambda each: each.at))
            self.redraw()

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is there; what happened meanwhile is read first, and drawn when it has come."""
        if not self.can_draw:
            return
        now = self.ui.feed.now()
        if self._read_at is not None:
            wait = self._read_at + _AGAIN - now
            if not timedelta(0) < wait <= _AGAIN:
                self._read_again()
            elif not self._is_due:
                self._is_due = True
                self.set_timer(wait.total_seconds(), self._read_again)
        ui = self.ui
        mask = ui.choice.mask
        names = AccountNames({key.id: state for key, state in ui.board.state.accounts.items()}, mask)
        told = (Told(each.at, each.masked if mask else each.text, each.tone) for each in ui.said.newest_first)
        lets = self._lets()
        self._view = events_view(
            self._logged,
            told,
            names,
            {*ui.board.state.sources, *ui.board.state.balances},
            self._looked_at,
            self._since,
            self._group,
            lets,
            now,
            ui.board.prefs,
            self._deliveries,
        )
        self._alerts = alerts_view(
            ui.board.state.alerts,
            self._deliveries,
            names,
            ui.board.overview,
            lets,
            now,
            ui.board.prefs,
            of_money=waiting_rows(self._waits, names, now, ui.board.prefs),
        )
        # as long as nobody has pressed a key, the first is selected
        if self._row() is None or not self._has_looked:
            self._selected = self._rows[0].id if self._rows else None
        self._draw()

    def _lets(self) -> Callable[[Row], bool] | None:
        """Which rows the filter lets through; None: all."""
        if not self.filter_text.strip():
            return None
        chosen = self.searched().chosen(self.filter_text)
        return lambda row: chosen(row.texts, row.account_id, row.source)

    def _draw(self) -> None:
        width, glyphs = max(1, self.size.width - 1), self.ui.appearance.glyphs
        help_key, group = self.ui.options.keymap.get("help").keys[0], words.group_word(self._group.value)
        title = events_title(self._alerts, self._view, group, help_key, width, glyphs)
        self.query_one("#title", Lines).show((title, ()))
        named, airy = self._group is not EventGroup.ACCOUNT, self._is_airy
        if self._laid.made_of != (self._alerts, self._view, width, glyphs, named, airy):
            self._laid = Laid(self._alerts, self._view, width, glyphs, named=named, airy=airy)
        laid = self._laid
        if self._drawn_for != (laid.columns, laid.alert_columns, width, glyphs):
            self._drawn, self._drawn_for = {}, (laid.columns, laid.alert_columns, width, glyphs)
        lines: Sequence[Line] = laid.lines_by(self._block)
        if not lines:
            none = words.NO_MATCH() if self.filter_text else words.NONE_YET()
            told = none if self._since is not None else words.READING()
            lines = (fit_line(((f" {told}", Tone.DIM),), width, glyphs.ellipsis),)
        self.query_one(Pane).show(lines)
        self._draw_channels(width, glyphs)
        self.draw_bottom()

    @property
    def _is_airy(self) -> bool:
        """Whether there is room for empty lines, and for channels that do well."""
        return is_wide(self.size.width) and self.size.height >= _AIRY_FROM

    def _block(self, block: Block) -> Sequence[Line]:
        """A heading or a row as it is drawn; of rows that are not selected each once."""
        laid = self._laid
        if isinstance(block, str) or block.id == self._selected:
            return laid.drawn(block, selected=True)
        drawn = self._drawn.get(block.id)
        if drawn is None or drawn[0] != block:
            drawn = self._drawn[block.id] = block, laid.drawn(block, selected=False)
        return drawn[1]

    def _draw_channels(self, width: int, glyphs: Glyphs) -> None:
        """How channels do; where there is little room, only those that fail."""
        spans = channel_spans(self.ui.board.state.channels, self.ui.feed.now(), self.ui.board.prefs)
        most = 3 if self._is_airy else 1
        if not self._is_airy:
            spans = tuple(span for span in spans if span.tone is Tone.AMBER)
        self.query_one("#channels", Lines).show(channel_lines(spans, width, most, glyphs))

    def draw_bottom(self) -> None:
        """How much the filter lets through, and the footer."""
        self.show_message(self._told())
        if self.show_typing():
            return
        row = self.alert
        off: dict[str, str] = {}
        if row is not None and row.opens is not None:
            off["go_there"] = alert_words.ANSWER()
        elif self.account is None and (row is None or row.subject is None):
            off["go_there"] = ""
        if row is None or not row.rule:
            off["silence"] = ""
        elif row.silence is not None:
            off["silence"] = alert_words.END_SILENCE()
        self.show_keys(events=interface.text("close"), **off)

    def _told(self) -> MessageText | None:
        """What the filter lets through, and how far back all of it is there."""
        shown, back, row = len(self._rows), self._back_to(), self.alert
        if not self.filter_text.strip() and row is not None and row.told:
            return MessageText(row.told)
        if not self.filter_text.strip():
            return MessageText(back, Tone.DIM) if back else None
        told = words.matched(shown, self._alerts.total + self._view.total)
        return self.filter_told("; ".join(filter(None, (told, back))), is_found=bool(shown))

    def _back_to(self) -> str:
        if self._since is None or self._is_whole:
            return ""
        when = figures.clock(self._since, self.ui.feed.now(), self.ui.board.prefs.zone)
        return words.all_since(when, self.ui.options.keymap.get("older_day").keys[0])

    def _row(self) -> Row | None:
        return next((row for row in self._rows if row.id == self._selected), None)

    # --- keys

    def clear_flash(self) -> None:
        """A key was pressed here: whoever sits there has looked."""
        super().clear_flash()
        if not self._has_looked and self.app.screen is self:
            self._has_looked = True
            self.start_work(self.ui.feed.look)

    def action_move(self, where: str) -> None:
        """The selection."""
        rows = [row.id for row in self._rows]
        if not rows:
            return
        at = rows.index(self._selected) if self._selected in rows else 0
        page = max(1, self.query_one(Pane).size.height - 2)
        self._select(rows[Direction(where).among(len(rows), at, page)])

    def _select(self, row_id: str) -> None:
        self._selected = row_id
        self._draw()
        pane, top = self.query_one(Pane), self._laid.tops[row_id]
        # with the heading right above the first row
        pane.bring(top - 1 if top <= 1 else top)

    def action_day(self, step: int) -> None:
        """A day back, a day forth."""
        if self._group is not EventGroup.DAY:
            self._group = EventGroup.DAY
            self.redraw()
        found = next_day(self._view.rows, self._selected, step, self.ui.board.prefs)
        if found is None and step < 0 and self.alert is not None and self._view.rows:
            # what fires stands before the newest day
            found = self._view.rows[0].id
        if found is not None:
            self._select(found)
        elif step > 0:
            self.flash(words.NONE_NEWER())
        else:
            self.start_work(self._read_older)

    async def _read_older(self) -> None:
        """Read further back, until a day is found on which something happened."""
        for length in _BACK:
            if self._since is None:
                return
            self._take(await self._read(self._since - length, self._since))
            found = next_day(self._view.rows, self._selected, -1, self.ui.board.prefs)
            if found is not None:
                self._select(found)
                return
        self._is_whole = True
        self.flash(words.NONE_OLDER())

    def action_group(self) -> None:
        """The next grouping."""
        groups = list(EventGroup)
        self._group = groups[(groups.index(self._group) + 1) % len(groups)]
        self.redraw()
        if self._selected is not None:
            self._select(self._selected)

    def action_go_there(self) -> None:
        """The history of the account that the event is of, at that minute; whom or what an alert is about."""
        key, row = self.account, self._row()
        if row is None or self.app.screen is not self:
            return
        if isinstance(row, AlertRow):
            if row.opens is None:
                self._open_subject(row)
            else:
                self._open_money(row)
            return
        if row.source is not None and row.source in self.ui.board.state.balances:
            from poolwatch.ui.screens.balance_history import BalanceHistoryScreen

            self.app.push_screen(BalanceHistoryScreen(self.ui, row.source, row.at))
            return
        if key is None:
            self.flash(words.NO_ACCOUNT())
            return
        from poolwatch.ui.screens.history import HistoryScreen

        self.app.push_screen(HistoryScreen(self.ui, key, (key,), row.at))

    def _open_money(self, row: AlertRow) -> None:
        """The banked resets, or the sheet of top-ups; where nothing may be changed, the command."""
        if isinstance(row.opens, ResetUse):
            from poolwatch.ui.screens.resets import ResetsScreen

            self.app.push_screen(ResetsScreen(self.ui))
        elif row.opens is None or self.ui.options.keymap.read_only:
            self.flash(row.told)
        else:
            from poolwatch.ui.screens.top_up import answer

            answer(self, row.opens, row.told)

    def _open_subject(self, row: AlertRow) -> None:
        """The account with all that is known, the budget, or the pool with what a source lists."""
        key, subject = self.account, row.subject
        if key is not None:
            from poolwatch.ui.screens.detail import DetailScreen

            self.app.push_screen(DetailScreen(self.ui, key, (key,)))
        elif subject is not None and subject.kind in (SubjectKind.SOURCE, SubjectKind.POOL):
            text = f"source={value_text(subject.id)}" if subject.kind is SubjectKind.SOURCE else ""
            self.app.call_later(go_to_main, self.app, lambda main: main.show_filtered(text))
        elif subject is not None and subject.kind is SubjectKind.BUDGET:
            from poolwatch.ui.screens.budgets import BudgetsScreen

            self.app.push_screen(BudgetsScreen(self.ui, subject.id, subject.part))
        elif subject is not None and subject.kind is SubjectKind.BALANCE:
            from poolwatch.ui.screens.credits import CreditsScreen

            self.app.push_screen(CreditsScreen(self.ui, subject.id))
        else:
            self.flash(words.NO_ACCOUNT())

    def action_silence(self) -> None:
        """Say nothing of the selected alert for a while, or end that."""
        row = self.alert
        if row is None or not row.rule:
            self.flash(alert_words.NO_ALERT())
            return
        from poolwatch.ui.screens.silencing import silence_subject  # not before it is asked for

        silence_subject(self, row.rule, row.silence.subject if row.silence is not None else row.subject)

    def action_events(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()

    def searched(self) -> EventLooker:
        """The events and alerts, by their accounts as they stand now."""
        board, rows = self.ui.board, self._rows
        return EventLooker(board.overview, board.prefs, lambda: (text for row in rows for text in row.texts))
