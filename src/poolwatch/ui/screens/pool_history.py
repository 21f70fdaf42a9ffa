"""What the history screen shows of many accounts together: of a group, or of the pool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from textual.geometry import Size

from poolwatch.domain.account import AccountKey
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.past import PastAsked, PoolFigure, Sums
from poolwatch.domain.series import Timeline
from poolwatch.domain.status import Judged
from poolwatch.presentation import figures
from poolwatch.presentation.history import Period
from poolwatch.presentation.masking import shown_group
from poolwatch.presentation.pool_chart import AHEAD, pool_chart, pool_cursor_line, pool_steps
from poolwatch.presentation.pool_history import (
    PoolScene,
    asked_of,
    instants,
    pool_told_lines,
    recent_outlook,
    weight,
)
from poolwatch.presentation.pool_use import HourBars, Relief, Share, by_hour, reliefs, shares
from poolwatch.presentation.view import DetailLine, Prefs, Tone
from poolwatch.ui.feed import Feed
from poolwatch.ui.screens.account_history import Subject
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.ui.widgets.history import Headline, blank_before, is_wide, sentence_lines
from poolwatch.ui.widgets.pool_history import use_lines
from poolwatch.words import history as words

#: So many past windows tell how an account was used over a period, and over the last day.
_CYCLES: Final = 60
_CYCLES_OF_A_DAY: Final = 3
#: What was read is read anew when it is older.
_KEPT: Final = timedelta(minutes=5)
#: Progress is told each time so many accounts were read.
_TOLD_EVERY: Final = 25
#: So many of those who use most are named, and so many of what comes back.
_SHARES: Final = 5
_RELIEFS: Final = 6


class PoolReading:
    """Reads one account after the other, and sums up one figure over one period."""

    def __init__(
        self, accounts: Sequence[Judged], figure: PoolFigure, period: Period, now: datetime, prefs: Prefs
    ) -> None:
        self.figure, self.period, self.begun = figure, period, now
        self.keys = tuple(each.account.key for each in accounts)
        self.count = 0
        self.is_done = False
        self.events: tuple[LoggedEvent, ...] = ()
        self._accounts = tuple(accounts)
        self._prefs = prefs
        self.sums = Sums(figure, instants(period, now, prefs))
        #: how much was used in each of the last hours
        hour = now.replace(minute=0, second=0, microsecond=0)
        self.hours = Sums(PoolFigure.BURN, [hour + timedelta(hours=number) for number in range(-24, 2)])

    def is_of(self, accounts: Sequence[Judged], figure: PoolFigure, period: Period, now: datetime) -> bool:
        """Whether it is what is wanted, and not old."""
        keys = tuple(each.account.key for each in accounts)
        is_old = self.is_done and now - self.begun > _KEPT
        return (self.keys, self.figure, self.period, is_old) == (keys, figure, period, False)

    async def run(self, feed: Feed, told: Callable[[], None]) -> None:
        """Read them all; `told` is called now and then, and in the end."""
        cycles = _CYCLES if self.figure is PoolFigure.BURN else _CYCLES_OF_A_DAY
        for each in self._accounts:
            names, since = asked_of(self.figure, each), self.sums.instants[0]
            # what befell the whole pool is told with any account
            events = None if self.count else since
            asked = PastAsked(each.account.key, names, since, cycles, events, self.period.finest_of_many)
            past = await feed.past(asked)
            self.events = self.events or past.events
            base = each.account.usage.base
            until = self.begun if not each.stale_base or base is None else base.at
            self.sums.add(past, until, weight(each, self._prefs))
            self.hours.add(past, until)
            self.count += 1
            if self.count % _TOLD_EVERY == 0:
                told()
        self.is_done = True
        told()


class PoolHistory(Subject):
    """The accounts of a group, those that a filter lets through, or all."""

    def __init__(
        self,
        ui: UiState,
        read: Callable[[Callable[[], Awaitable[None]]], object],
        filtered: Callable[[], Sequence[AccountKey] | None],
        group: str | None,
        drawn: Callable[[], None],
    ) -> None:
        """`group` None: what `filtered` gives, or the whole pool; `drawn` is called when more is known."""
        super().__init__(ui, read)
        self._filtered = filtered
        self._group = group
        self._drawn = drawn
        self._figure = PoolFigure.ROOM
        self._scene: PoolScene | None = None
        self._reading: PoolReading | None = None
        #: the last one that was read to its end
        self._read_last: PoolReading | None = None
        #: what the scene was made of
        self._made_of: tuple[object, ...] = ()
        self._told: tuple[DetailLine, ...] = ()
        self._hours = HourBars((), "")
        self._shares: tuple[Share, ...] = ()
        self._reliefs: tuple[Relief, ...] = ()
        #: which of those who use most is selected
        self._selected = 0
        self.figures = tuple(words.pool_figure(each, short=True) for each in PoolFigure)

    @property
    def account(self) -> AccountKey | None:
        """The one that is selected among those who use most."""
        named = self._named
        return named[self._selected] if named else None

    def look(self, period: Period, size: Size) -> Headline | None:
        """Also reads the past of all anew where what was read is old."""
        members, now = self._members, self.now
        reading = self._reading
        if reading is None or not reading.is_of(members, self._figure, period, now):
            reading = self._begin(members, period)
        if reading.is_done:
            self._read_last = reading
        last = self._read_last
        if last is None or (last.figure, last.period) != (self._figure, period):
            last = None
        self.message = None
        if not reading.is_done and reading.count:
            self.message = MessageText(words.reading_many(reading.count, len(members)), Tone.DIM)
        # with the minutes, and not with each of the readings that come in between
        made_of = (now, last, period, self._figure, size, self.prefs)
        if made_of != self._made_of or self._scene is None:
            self._made_of = made_of
            self._scene = self._made_scene(members, last, period)
            self._make(self._scene, last, last or reading, short=not is_wide(size.width))
        self._make_below(size)
        return self._headline(self._scene)

    def _made_scene(self, members: tuple[Judged, ...], last: PoolReading | None, period: Period) -> PoolScene:
        state = self._ui.board.state
        whole = self._group is None and len(members) == len(state.accounts)
        return PoolScene(
            members,
            self._figure,
            period,
            last.sums.timeline() if last is not None else Timeline(),
            tuple(last.sums.known) if last is not None else (),
            last.events if last is not None else (),
            recent_outlook(state, self.now, self.prefs) if whole else None,
            whole,
            self.now,
            self.prefs,
        )

    def _make(self, scene: PoolScene, last: PoolReading | None, reading: PoolReading, *, short: bool) -> None:
        self.chart = pool_chart(scene, reading.sums.instants)
        is_empty = not any(point.last is not None for point in scene.line.points)
        self.note = words.NOBODY_KEPT() if last is not None and is_empty else ""
        self._told = pool_told_lines(scene, short=short)
        self._hours = by_hour(
            last.hours.timeline() if last is not None else Timeline(), scene.now, scene.prefs
        )
        self._shares, self._reliefs = shares(scene, _SHARES), reliefs(scene, _RELIEFS)

    def _make_below(self, size: Size) -> None:
        glyphs, width, air = self._ui.appearance.glyphs, max(1, size.width - 1), blank_before(size.height)
        told = sentence_lines(self._told, width, glyphs)
        self._selected = min(self._selected, max(0, len(self._named) - 1))
        use = use_lines(self._shares, self._reliefs, self._hours, self._selected, width, glyphs)
        self.below = (*air, *told, *air, *use)

    def _headline(self, scene: PoolScene) -> Headline:
        name = scene.period.name
        period, brief = words.period(name), words.period(name, short=True)
        if self.chart is not None and self.chart.ahead:
            period = words.next_days(period, figures.duration(AHEAD))
        figure, short = words.pool_figure(scene.figure), words.pool_figure(scene.figure, short=True)
        shown = "pool" if self._group is None else "group"
        names = ("account", "group", "pool") if self._has_groups else ("account", "pool")
        whose = [f"‹{words.whose(each)}›" if each == shown else words.whose(each) for each in names]
        return Headline(
            self._name(scene),
            f"{figure} · {period}",
            f"{figure} · {brief}",
            f"{short} · {brief}",
            " · ".join(whose),
        )

    def _name(self, scene: PoolScene) -> str:
        if self._group is not None:
            return words.GROUP(shown_group(self._group, mask=scene.prefs.mask))
        name, count = words.POOL(self._ui.board.strip.name), len(scene.accounts)
        return name if scene.is_whole else words.filtered(name, count, len(self._ui.board.state.accounts))

    def _begin(self, members: Sequence[Judged], period: Period) -> PoolReading:
        self._reading = reading = PoolReading(members, self._figure, period, self.now, self.prefs)

        async def read() -> None:
            await reading.run(self._ui.feed, self._drawn)

        self._read(read)
        return reading

    def steps(self) -> Sequence[datetime]:
        """The slices of the period."""
        if self._scene is None or self.chart is None:
            return ()
        return pool_steps(self.chart, self._scene)

    @property
    def newest(self) -> datetime | None:
        """Where something is known last."""
        points = self._scene.line.points if self._scene is not None else ()
        return next((point.at for point in reversed(points) if point.last is not None), self.now)

    def cursor_line(self, at: datetime) -> DetailLine:
        """What was, or is expected, at that time."""
        if self._scene is None or self.chart is None:
            return DetailLine()
        return pool_cursor_line(self._scene, self.chart, at)

    def next_figure(self) -> None:
        """Room, burn, credits, active."""
        order = list(PoolFigure)
        self._figure = order[(order.index(self._figure) + 1) % len(order)]

    def step(self, step: int) -> bool:
        """Another one of those who use most is selected."""
        self._selected = min(max(0, len(self._named) - 1), max(0, self._selected + step))
        return False

    @property
    def _members(self) -> tuple[Judged, ...]:
        board, group = self._ui.board, self._group
        keys = (self._filtered() if group is None else None) or tuple(board.state.accounts)
        found = (judged for key in keys if (judged := board.judged(key)) is not None)
        return tuple(each for each in found if group is None or each.account.name.group == group)

    @property
    def _has_groups(self) -> bool:
        accounts = self._ui.board.state.accounts
        return any(each.name.group for each in accounts.values())

    @property
    def _named(self) -> list[AccountKey]:
        return [share.judged.account.key for share in self._shares if share.judged is not None]
