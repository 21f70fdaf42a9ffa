"""What the history screen shows of one account, and what all that it can show has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from textual.geometry import Size

from poolwatch.domain.account import AccountKey
from poolwatch.domain.past import CREDITS, AccountPast, PastAsked
from poolwatch.domain.series import FigureName
from poolwatch.presentation import history, history_chart
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.chart import Chart
from poolwatch.presentation.history import Period, Scene
from poolwatch.presentation.past_windows import HOURS_OF, past_events, past_windows, week_grid
from poolwatch.presentation.view import DetailLine, Prefs, Tone
from poolwatch.ui.cells import Line
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.ui.widgets.history import Below, Headline, below_lines, blank_before, is_wide, sentence_lines
from poolwatch.words import history as words
from poolwatch.words import interface

#: So many past windows of each kind are asked for.
_CYCLES: Final = 60
#: What happened further back is not asked for.
_EVENTS: Final = timedelta(days=30)


class Subject(ABC):
    """Whose past is shown. It is made anew by `look`, and drawn by the screen."""

    def __init__(self, ui: UiState, read: Callable[[Callable[[], Awaitable[None]]], object]) -> None:
        """`read` does something that takes time, in place of what it did before."""
        self._ui = ui
        self._read = read
        self.chart: Chart | None = None
        #: from where on the line is amber or red, in its own words; "": in percent
        self.aside = ""
        #: said in the middle of a chart that has no line
        self.note = ""
        #: what stands below the line of the cursor
        self.below: tuple[Line, ...] = ()
        #: what is said while nothing else is
        self.message: MessageText | None = None
        self.figures: tuple[str, ...] = ()

    @property
    def account(self) -> AccountKey | None:
        """Whom keys act on."""
        return None

    @abstractmethod
    def look(self, period: Period, size: Size) -> Headline | None:
        """Show what is known at this moment; the title. None where there is nothing any more."""

    @abstractmethod
    def steps(self) -> Sequence[datetime]:
        """Where the cursor may stand; never empty once there is a chart."""

    @abstractmethod
    def cursor_line(self, at: datetime) -> DetailLine:
        """What was, or is expected, at a step."""

    @abstractmethod
    def next_figure(self) -> None:
        """Another figure from now on."""

    @abstractmethod
    def step(self, step: int) -> bool:
        """The next account, or the previous; whether the chart is of another one now."""

    @property
    def newest(self) -> datetime | None:
        """Where the cursor stands before it is moved."""
        return self.chart.until if self.chart is not None else None

    @property
    def prefs(self) -> Prefs:
        """The preferences at this moment."""
        return self._ui.board.timed_prefs

    @property
    def now(self) -> datetime:
        """The server's clock, by which things are judged."""
        return self._ui.board.now + self._ui.board.state.clock_offset


class AccountHistory(Subject):
    """One account of an order."""

    def __init__(
        self,
        ui: UiState,
        read: Callable[[Callable[[], Awaitable[None]]], object],
        key: AccountKey,
        order: Sequence[AccountKey],
        drawn: Callable[[], object],
    ) -> None:
        """`drawn` is called when more is known."""
        super().__init__(ui, read)
        self.key = key
        self._order = tuple(order)
        self._drawn = drawn
        #: the figure that was chosen last, of whichever account
        self._wanted: FigureName | None = None
        self._past: AccountPast | None = None
        #: what was asked for last, and by which reading
        self._asked: tuple[PastAsked, datetime | None] | None = None
        self._scene: Scene | None = None
        self._size = Size(0, 0)

    @property
    def account(self) -> AccountKey | None:
        """The account shown."""
        return self.key

    def look(self, period: Period, size: Size) -> Headline | None:
        """Also asks for its past anew where there is a newer reading."""
        judged = self._ui.board.judged(self.key)
        if judged is None:
            self.message = MessageText(interface.text("detail_gone"), Tone.AMBER)
            return None
        choices = history.figures_of(judged.account, self._known)
        figure = history.fitting(self._wanted, choices)
        self.figures = tuple(map(history.figure_word, choices))
        self._want(figure, period, judged.account.read_at)
        past = self._past if self._past is not None and self._past.asked.key == self.key else None
        scene = Scene(judged, figure, period, past, self.now, self.prefs)
        if (scene, size) != (self._scene, self._size):
            self._scene, self._size = scene, size
            self.chart = history_chart.history_chart(scene)
            self.note = history_chart.note(scene, self.chart)
            self.below = self._made_below(scene, size)
        card = self._ui.board.card(self.key)
        self.message = None
        if card is not None and card.progress:
            self.message = MessageText(card.progress, card.foot.tone, short=card.progress_short)
        return self._headline(scene)

    def _headline(self, scene: Scene) -> Headline:
        card, listed, name = self._ui.board.card(self.key), self._listed, scene.period.name
        figure, brief = history.figure_text(scene.figure), words.period(name, short=True)
        reaches = words.period(name)
        if scene.resets_at is not None and self.chart is not None and self.chart.end == scene.resets_at:
            reaches = words.to_reset(reaches)
        plan = card.plan if card is not None else ""
        return Headline(
            card.label if card is not None else "",
            " · ".join(each for each in (plan, figure, f"{reaches}, {words.step(name)}") if each),
            " · ".join(each for each in (plan, figure, brief) if each),
            f"{figure} · {brief}",
            words.position(listed.index(self.key) + 1, len(listed)),
        )

    def _made_below(self, scene: Scene, size: Size) -> tuple[Line, ...]:
        events = scene.past.events if scene.past is not None else ()
        own = [each for each in events if each.account_id == scene.account.key.id]
        below = Below(
            past_windows(scene),
            scene.figure == CREDITS,
            week_grid(scene),
            past_events(own, AccountNames({scene.account.key.id: scene.account}), scene.now, scene.prefs),
        )
        glyphs, keymap = self._ui.appearance.glyphs, self._ui.options.keymap
        keys = keymap.get("move_page_down").keys[0], keymap.get("events").keys[0]
        width, air = max(1, size.width - 1), blank_before(size.height)
        told = sentence_lines(history.told_lines(scene, short=not is_wide(size.width)), width, glyphs)
        return (*air, *told, *air, *below_lines(below, width, size.height, glyphs, keys))

    def _want(self, figure: FigureName, period: Period, read_at: datetime | None) -> None:
        """Ask for what is kept, unless that was asked for since the newest reading."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        figures = tuple(dict.fromkeys((figure, CREDITS)))
        since = history.since(period, hour)
        asked = PastAsked(self.key, figures, since, _CYCLES, hour - _EVENTS, period.finest, hour - HOURS_OF)
        if self._asked == (asked, read_at):
            return
        self._asked = asked, read_at

        async def read() -> None:
            past = await self._ui.feed.past(asked)
            if self._asked is not None and self._asked[0] == asked:
                self._past = past
                self._drawn()

        self._read(read)

    def steps(self) -> Sequence[datetime]:
        """The slices of the period."""
        if self._scene is None or self.chart is None:
            return ()
        return history_chart.steps(self.chart, self._scene)

    def cursor_line(self, at: datetime) -> DetailLine:
        """What was, or is expected, in the slice that begins there."""
        if self._scene is None or self.chart is None:
            return DetailLine()
        return history_chart.cursor_line(self._scene, self.chart, at)

    def next_figure(self) -> None:
        """The next one that the account has."""
        if self._scene is not None:
            choices = history.figures_of(self._scene.account, self._known)
            at = choices.index(self._scene.figure) if self._scene.figure in choices else -1
            self._wanted = choices[(at + 1) % len(choices)]

    def step(self, step: int) -> bool:
        """The next or the previous account of the order."""
        listed = self._listed
        at = listed.index(self.key) if self.key in listed else 0
        before, self.key = self.key, listed[min(len(listed) - 1, max(0, at + step))]
        return self.key != before

    @property
    def _known(self) -> tuple[FigureName, ...]:
        """What figures of the account are kept."""
        past = self._past
        return past.known if past is not None and past.asked.key == self.key else ()

    @property
    def _listed(self) -> list[AccountKey]:
        accounts = self._ui.board.state.accounts
        return [key for key in self._order if key in accounts or key == self.key] or [self.key]
