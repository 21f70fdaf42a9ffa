"""Every token: usage and cost by model, day, account, project and more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final

from msgspec import Struct
from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.message import Message
from poolwatch.domain.quarters import TIMES, UsePeriod, quarter_of
from poolwatch.domain.tokens import GroupBy, Origin
from poolwatch.domain.use_report import Narrowed, UseReport, UseWish
from poolwatch.domain.use_sums import Group
from poolwatch.domain.values import UNDATED, replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.filter_typing import Searched
from poolwatch.presentation.use_chart import UseBars, use_bars
from poolwatch.presentation.use_filter import UseLooker
from poolwatch.presentation.use_table import Arranged, UseColumn
from poolwatch.presentation.use_texts import Names
from poolwatch.presentation.use_view import UseView, use_view
from poolwatch.presentation.view import Tone
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.filtered import FilteredPage
from poolwatch.ui.screens.page import bindings
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.ui.widgets.history import is_wide
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.ui.widgets.use_lines import columns_most, use_lines, use_title
from poolwatch.ui.widgets.use_table import Table, columns_of
from poolwatch.words import interface
from poolwatch.words import use as words
from poolwatch.words.messages import message_text

#: Whether anything new is known is asked so often, in seconds.
_AGAIN: Final = 0.5
#: After reading it rests so many times as long as that took, but never longer than this: while files are
#: read for the first time, and once they are, when a new line is to be on the screen within two seconds.
_REST: Final = 8
_REST_MOST: Final = timedelta(seconds=1.5)
_REST_READ: Final = timedelta(seconds=0.25)
#: What a group is opened into.
_INTO: Final = {
    GroupBy.MONTH: GroupBy.DAY,
    GroupBy.WEEK: GroupBy.DAY,
    GroupBy.DAY: GroupBy.HOUR_OF_DAY,
    GroupBy.HOUR_OF_DAY: GroupBy.MODEL,
    GroupBy.MODEL: GroupBy.DAY,
    GroupBy.ACCOUNT: GroupBy.MODEL,
    GroupBy.GROUP: GroupBy.ACCOUNT,
    GroupBy.USER: GroupBy.MODEL,
    GroupBy.CLIENT: GroupBy.PROJECT,
    GroupBy.PROJECT: GroupBy.CONVERSATION,
    GroupBy.CONVERSATION: GroupBy.MODEL,
    GroupBy.OPERATION: GroupBy.MODEL,
}


class _Place(Struct, frozen=True):
    """What is looked at, and how."""

    wish: UseWish
    arranged: Arranged = Arranged()
    #: None: the first row
    selected: Group | None = None


class UsageScreen(FilteredPage):
    """What was used over a period in groups, one of them selected. It follows what is read meanwhile."""

    SCOPE = Scope.USAGE
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.USAGE)

    def __init__(self, ui: UiState, wish: UseWish = UseWish()) -> None:  # noqa: B008 - it is frozen
        super().__init__(ui, words.FILTER_PROMPT())
        self._place = _Place(wish)
        #: where esc goes back to, the last one first left
        self._before: list[_Place] = []
        self._report: UseReport | None = None
        self._mark: object = None
        self._is_reading = False
        self._rests_until = UNDATED
        self._problem = ""
        self._top = 0
        self._view: UseView | None = None
        self._bars: UseBars | None = None
        #: what both were made of
        self._made_of: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Title, all of it, what is said, footer."""
        yield Lines(id="title")
        yield Pane(id="use")
        yield Lines(id="message")
        yield Lines(id="keys")

    def on_mount(self) -> None:
        """What is known is read at once, and again when there is more."""
        super().on_mount()
        self._read()
        self.set_interval(_AGAIN, self._look)

    # --- reading

    def _look(self) -> None:
        rest = self._rests_until - self.ui.feed.now()
        # a clock that was set back holds up nothing
        if not self._is_reading and not timedelta(0) < rest <= _REST_MOST:
            self.start_work(self._read_new)

    async def _read_new(self) -> None:
        mark = await self._mark_now()
        if mark != self._mark and not self._is_reading:
            await self._read_wished()

    async def _mark_now(self) -> object:
        """What is different once there is more to be told; today ends without anything that is read."""
        return await self.ui.feed.use_mark(), quarter_of(self.ui.feed.now())

    def _read(self) -> None:
        self.start_work(self._read_wished)

    async def _read_wished(self) -> None:
        """Read what is wished for by now; where that changes meanwhile, once more, and not all in between."""
        if self._is_reading:
            return
        self._is_reading = True
        begun = self.ui.feed.now()
        try:
            wish = None
            while wish != self._place.wish:
                wish = self._place.wish
                mark = await self._mark_now()
                found = await self.ui.feed.use(wish)
        finally:
            self._is_reading = False
        # where much is read all the time, most of the time is left to everything else
        ended = self.ui.feed.now()
        is_read = not isinstance(found, Message) and found.scan.complete_at is not None
        self._rests_until = ended + min(_REST_READ if is_read else _REST_MOST, _REST * (ended - begun))
        self._mark = mark
        if isinstance(found, Message):
            self._problem = message_text(found)
        else:
            self._problem, self._report = "", found
        self.redraw()

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is known."""
        if not self.can_draw:
            return
        wish = self._place.wish
        if wish.mask is not self._masks(wish.filter_text):
            self._place = replace(self._place, wish=replace(wish, mask=not wish.mask))
            self._read()
        self._make()
        self._draw()

    def _make(self) -> None:
        """The texts of the report, unless nothing that they are made of has changed."""
        report = self._report
        if report is None:
            return
        ui, width = self.ui, max(1, self.size.width - 1)
        now = ui.feed.now()
        minute = now.replace(second=0, microsecond=0)
        state, prefs = ui.board.state, ui.board.prefs
        bars_of = (id(report), ui.choice.mask, minute, width, id(state.accounts))
        made_of = (*bars_of, self._place.arranged)
        if made_of == self._made_of:
            return
        are_new, self._made_of = bars_of != self._made_of[:-1], made_of
        accounts = AccountNames({key.id: each for key, each in state.accounts.items()}, ui.choice.mask)
        names = Names(accounts, now.astimezone(prefs.zone).date(), report.conversations)
        self._view = use_view(report, names, now, prefs.zone, self._place.arranged)
        if are_new:
            self._bars = use_bars(report, names, now, prefs.zone, columns_most(width))

    def _draw(self) -> None:
        view, glyphs = self._view, self.ui.appearance.glyphs
        width, pane = max(1, self.size.width - 1), self.query_one(Pane)
        if view is not None:
            key = self.ui.options.keymap.get("help").keys[0]
            help_text = f"{key} {interface.text('help')}"
            self.query_one("#title", Lines).show((use_title(view, help_text, self.size.width, glyphs),))
            arranged = self._place.arranged
            table = Table(columns_of(width), arranged.column, arranged.reverse, self._at(view), self._top)
            height = max(1, self.size.height - 3)
            now, zone = self._now(), self.ui.board.prefs.zone
            lines, self._top = use_lines(view, self._bars, table, width, height, now, zone, glyphs)
            pane.show(lines)
        self.draw_bottom()

    def _now(self) -> datetime:
        return self.ui.feed.now()

    def _at(self, view: UseView) -> int:
        return view.rows.find(self._place.selected)

    def draw_bottom(self) -> None:
        """What is wrong, or how much the filter lets through, and the footer."""
        self.show_message(self._told())
        if self.show_typing():
            return
        instead = {"mask": "", "events": ""}
        if is_wide(self.size.width):
            instead["group_use"] = (
                " · ".join(
                    words.group(each)
                    for each in (GroupBy.MODEL, GroupBy.DAY, GroupBy.ACCOUNT, GroupBy.PROJECT)
                )
                + f" · {words.MORE_GROUPS()}"
            )
        self.show_keys(cost=interface.text("close"), **instead)

    def _told(self) -> MessageText | None:
        if self._problem:
            return MessageText(words.CANNOT_READ(self._problem), Tone.RED)
        view, text = self._view, self.filter_text
        if view is not None and text.strip():
            return self.filter_told(words.matched(len(view.rows), view.count), is_found=bool(view.rows))
        return None

    # --- keys

    def _go(self, place: _Place) -> None:
        """Look at something else; what is shown stays until that was read."""
        is_new = place.wish != self._place.wish
        self._place = place
        if is_new:
            self._top = 0
            self._read()
        else:
            self.redraw()

    def action_move(self, where: str) -> None:
        """The selection."""
        view = self._view
        if view is None or not view.rows:
            return
        page = max(1, self.size.height - 12)
        at = Direction(where).among(len(view.rows), self._at(view), page)
        self._place = replace(self._place, selected=view.rows.group(at))
        self._draw()

    def action_period(self, step: int) -> None:
        """A shorter period, a longer one."""
        periods, wish = list(UsePeriod), self._place.wish
        at = periods.index(wish.period) + step
        if 0 <= at < len(periods):
            # of another time another day is meant
            narrow = tuple(each for each in wish.narrow if each.by not in TIMES)
            self._go(replace(self._place, wish=replace(wish, period=periods[at], narrow=narrow)))

    def action_origin(self) -> None:
        """From the session files, as OpenAI counts it, or from what was imported, in turn."""
        wish = self._place.wish
        if wish.origin is Origin.FILES:
            from poolwatch.ui.screens.workspace_usage import ReportScreen  # not before it is asked for

            if self.app.screen is self:
                own = [each.group.text for each in wish.narrow if each.by is GroupBy.ACCOUNT]
                self.app.switch_screen(ReportScreen(self.ui, wish, next(iter(own), None)))
        else:
            self._go(_Place(replace(wish, origin=Origin.FILES), self._place.arranged))

    def action_group(self) -> None:
        """Choose what to group by."""
        from poolwatch.ui.screens.choosing import ChoiceScreen  # not before it is asked for

        groups = list(GroupBy)
        names = [words.group(each) for each in groups]
        selected = groups.index(self._place.wish.by)

        def chosen(at: int | None) -> None:
            if at is not None:
                wish = replace(self._place.wish, by=groups[at])
                self._go(_Place(wish))

        self.app.push_screen(ChoiceScreen(self.ui, words.group_choice(), names, selected), chosen)

    def action_open_group(self) -> None:
        """Look into the selected group."""
        view, wish = self._view, self._place.wish
        if view is None or not view.rows:
            return
        at = self._at(view)
        narrowed = Narrowed(wish.by, view.rows.group(at))
        if any(each.by is wish.by for each in wish.narrow) and wish.by is not GroupBy.DAY:
            self.flash(words.NOTHING_BELOW())
            return
        self._before.append(replace(self._place, selected=narrowed.group))
        into, taken = _INTO[wish.by], {each.by for each in wish.narrow} | {wish.by}
        if into in taken:
            into = next((each for each in _THEN if each not in taken), into)
        self._go(_Place(replace(wish, by=into, narrow=(*wish.narrow, narrowed))))

    def action_back(self) -> None:
        """First the filter is cleared, then what was opened is left."""
        if self.filter_text:
            self.clear_filter()
        elif self._before:
            self._go(self._before.pop())
        else:
            self.dismiss()

    def action_cost(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()

    def action_sort(self) -> None:
        """The next column."""
        columns = [column for column, _ in columns_of(max(1, self.size.width - 1))]
        column = self._place.arranged.column
        at = columns.index(column) + 1 if column in columns else 0
        self._arrange(columns[at] if at < len(columns) else None, reverse=False)

    def action_reverse(self) -> None:
        """The other way round."""
        self._arrange(self._place.arranged.column, reverse=not self._place.arranged.reverse)

    def action_column(self, nth: int) -> None:
        """By that column; once more reverses it."""
        columns = [column for column, _ in columns_of(max(1, self.size.width - 1))]
        if nth <= len(columns):
            arranged, column = self._place.arranged, columns[nth - 1]
            self._arrange(column, reverse=arranged.column is column and not arranged.reverse)

    def _arrange(self, column: UseColumn | None, *, reverse: bool) -> None:
        arranged = replace(self._place.arranged, column=column, reverse=reverse)
        self._top = 0
        self._place = replace(self._place, arranged=arranged, selected=None)
        self.redraw()

    # --- the filter

    @property
    def filter_text(self) -> str:
        """What lets use through."""
        return self._place.wish.filter_text

    def filter_by(self, text: str) -> None:
        """Show the use that it lets through, once that was read; what is wrong with it is said at once."""
        wish = self._place.wish
        self._go(replace(self._place, wish=replace(wish, filter_text=text, mask=self._masks(text))))
        self.draw_bottom()

    def _masks(self, text: str) -> bool:
        """Whether what is hidden is hidden from a filter; it is read anew when that changes."""
        return self.ui.choice.mask and bool(text.strip())

    def searched(self) -> Searched:
        """The use that is known, by our accounts and by the texts of the last report."""
        accounts = {key.id: each for key, each in self.ui.board.state.accounts.items()}
        texts = self._report.texts if self._report is not None else {}
        return UseLooker(accounts, texts, self.ui.board.prefs.filters, mask=self.ui.choice.mask)


#: What is opened next where the usual was opened before.
_THEN: Final = (GroupBy.PROJECT, GroupBy.MODEL, GroupBy.DAY, GroupBy.CONVERSATION, GroupBy.HOUR_OF_DAY)
