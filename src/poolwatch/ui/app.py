"""The app: one feed, one board, a stack of screens."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.command import Provider
from textual.geometry import Size
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from poolwatch.domain.values import replace
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import (
    ANSI,
    ASCII,
    DARK,
    Appearance,
    glyphs_of,
    next_theme,
    palette_of,
    theme_named,
)
from poolwatch.ui.board import Board
from poolwatch.ui.feed import BulkProgress, Feed, PoolChanged
from poolwatch.ui.keymap import MAIN, Scope, textual_key
from poolwatch.ui.screens.page import (
    Chosen,
    Page,
    PoolDrawn,
    bindings,
    has_room,
    overlay,
)
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.state import AppOptions, Choice, ExitRequest, UiState
from poolwatch.ui.terminal.app import TerminalApp
from poolwatch.ui.themes import THEMES
from poolwatch.words import interface as words
from poolwatch.words.messages import message_text

_FEED: Final = "feed"
#: A minute's tick comes this much after the minute, so that a coarse timer is not early.
_AFTER: Final = 0.02
_COSTS: Final = "costs"
_BALANCES: Final = "balances"
#: What use would cost is looked at so often.
_COSTS_SECONDS: Final = 10.0


# screens that open later are loaded when they do: the first one has to wait for none of them


def _places() -> type[Provider]:
    from poolwatch.ui.screens.command_palette import Places

    return Places


class PoolApp(TerminalApp[ExitRequest], inherit_bindings=False, inherit_css=False):
    """poolwatch on the terminal.

    `run()` gives what was asked for, or None; `return_code` is what the process should exit with: 0, 128+n
    after signal n, or 1 after a crash.
    """

    ALLOW_SELECT = False
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Any]] = {_places}  # Textual's own type is wider than what is given here
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.APP)
    DEFAULT_CSS = """
    PoolApp {
        background: $background;
        color: $foreground;
        &:ansi { background: ansi_default; color: ansi_default; }
    }
    *:disabled:can-focus { opacity: 0.7; }
    Page { background: $background; color: $foreground; }
    """

    def __init__(self, feed: Feed, options: AppOptions) -> None:
        # Without colours the terminal's own are used, and the filter that Textual adds drops them.
        self._colourless = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=True if self._colourless else None)
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        name = self.theme = self._fitting(options.theme)
        self._terminal_title = ""
        self._visible: tuple[object, ...] = ()
        self._bulk: BulkProgress | None = None
        self._first_steps: Screen[Any] | None = None
        #: shown over the others while the terminal is too small for them
        self._cramped: Screen[Any] | None = None
        prefs = replace(options.prefs, zone=feed.zone)
        board = Board(feed.state, prefs, feed.now(), options.pool_name)
        appearance = Appearance(palette_of(name), glyphs_of(options.glyphs))
        choice = replace(options.choice, theme=name)
        self.ui = UiState(feed, board, options, appearance, choice, self, is_new=options.is_new)
        self.set_keymap(overlay(options.keymap))

    def _fitting(self, theme: str) -> str:
        if self._colourless:
            return ANSI
        named = theme_named(theme)
        if named is not None:
            return named
        return ANSI if self.console.color_system in (None, "standard") else DARK

    def get_default_screen(self) -> Screen[object]:
        """The pool; the first steps are shown over it where there is none."""
        return PoolScreen(self.ui)  # type: ignore[return-value]  # screens differ in what they give back

    def on_mount(self) -> None:
        """Listen to the monitor and to the clock."""
        # what the monitor costs at its start comes after the first screen
        self.call_after_refresh(self._listen)
        self._await_minute()
        self._offer_first_steps()
        self._need_room(self.size)

    def on_resize(self, event: events.Resize) -> None:
        """A terminal that is too small for the screens is told so."""
        self._need_room(event.size)

    def _need_room(self, size: Size) -> None:
        if not has_room(size) and self._cramped is None:
            from poolwatch.ui.screens.texts import CrampedScreen

            def left(_: None) -> None:
                self._cramped = None

            self._cramped = CrampedScreen(self.ui)
            self.push_screen(self._cramped, left)

    def _offer_first_steps(self) -> None:
        """Where every source has answered and nobody is there: say where it looked, and what can be done."""
        state, first_run = self.ui.board.state, self.ui.options.first_run
        is_empty = not (state.accounts or self.ui.options.has_balances)
        if is_empty and (first_run or state.settled) and isinstance(self.screen, PoolScreen):
            from poolwatch.ui.screens.first_run import FirstRunScreen

            self._first_steps = FirstRunScreen(self.ui)
            self.push_screen(self._first_steps)

    # --- the monitor and the clock

    def on_looked_at(self) -> None:
        """Balances without a timer are read, if they are not from just now."""
        if self.ui.board.state.balances:
            # an error there ends nothing else
            self.run_worker(self.ui.feed.focused, group=_BALANCES, exit_on_error=False)  # type: ignore[arg-type]  # its type forgets functions

    def _listen(self) -> None:
        # the function, not its coroutine: an app that leaves at once never begins it
        self.run_worker(self._follow, name=_FEED, group=_FEED, exit_on_error=False)  # type: ignore[arg-type]  # its type forgets functions
        # an error in what use would cost ends nothing else
        self.run_worker(self._follow_use, group=_COSTS, exit_on_error=False)  # type: ignore[arg-type]  # likewise

    async def _follow_use(self) -> None:
        """What the use in session files would cost, as it grows."""
        from poolwatch.domain.quarters import quarter_of  # not before the first paint

        seen: object = ()
        while True:
            feed = self.ui.feed
            mark = await feed.use_mark()
            # a day ends without anything that is read, in some zones at a quarter of an hour
            now = mark and (mark, quarter_of(feed.now()))
            if now and now != seen:
                seen = now
                if self.ui.board.cost(await feed.costs()):
                    self._redraw()
            await asyncio.sleep(_COSTS_SECONDS)

    async def _follow(self) -> None:
        async for change in self.ui.feed.changes():
            self.call_later(self.take_change, change)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A monitor that has stopped must not look like one that has nothing to say."""
        if event.worker.name == _FEED and event.state in (WorkerState.ERROR, WorkerState.SUCCESS):
            self.ui.board.note((words.text("feed_ended"),))
            self._redraw()

    def take_change(self, change: PoolChanged) -> None:
        """Take a burst of changes in."""
        ui = self.ui
        # the monitor tells of the last refresh of many with every change after it, too
        bulk = None if change.bulk is self._bulk else change.bulk
        self._bulk = change.bulk
        if bulk is not None and (ui.bulk is None or ui.bulk.done):
            ui.bulk_before, ui.bulk_diff = ui.board.overview, ()
        ui.board.take(change.state)
        self._hear(change, bulk)
        if change.state.accounts and self.screen is self._first_steps:
            self.pop_screen()
        self._offer_first_steps()
        self._redraw()

    def _hear(self, change: PoolChanged, bulk: BulkProgress | None) -> None:
        """What is told along with a change, and what of it is said once more on the screen of events."""
        ui, now = self.ui, self.ui.feed.now()
        # who polls stands as a badge in the title, and takes no line
        ui.watching = words.watching(change.notices)
        told = [(each.code, message_text(each)) for each in change.notices]
        ui.board.note(tuple(text for code, text in told if code != words.VIEWER))
        ui.said.notice(now, (text for _, text in told))
        accounts = change.state.accounts
        keys = accounts if change.keys is None else change.keys
        touched = [account for key in keys if (account := accounts.get(key)) is not None]
        ui.said.refreshed(touched, now + change.state.clock_offset, ui.board.timed_prefs)
        if bulk is not None:
            ui.bulk = bulk
            ui.bulk_of = frozenset() if bulk.done else ui.bulk_of
        if bulk is not None and bulk.done and ui.bulk_before is not None:
            from poolwatch.presentation.refresh_line import bulk_line, pool_diff

            prefs, after, turn = ui.board.prefs, ui.board.overview, bulk.had_turn
            ui.bulk_diff = pool_diff(ui.bulk_before, after, turn, prefs)
            text, hidden = (
                " · ".join(
                    [bulk_line(bulk), *pool_diff(ui.bulk_before, after, turn, replace(prefs, mask=mask))]
                )
                for mask in (False, True)
            )
            ui.said.add(now, text, Tone.AMBER if bulk.failed else Tone.ACCENT, hidden)

    def tick(self) -> None:
        """A minute has passed: ages and countdowns move."""
        self.ui.board.tick(self.ui.feed.now())
        self._redraw()

    def _await_minute(self) -> None:
        now = self.ui.feed.now()
        left = 60 - now.second - now.microsecond / 1_000_000
        self.set_timer(left + _AFTER, self._minute, name="minute")

    def _minute(self) -> None:
        self.tick()
        self._await_minute()

    def _pages(self) -> Iterable[Page[Any]]:
        return (screen for screen in self.screen_stack if isinstance(screen, Page))

    def _redraw(self, *, full: bool = False) -> None:
        for page in self._pages():
            page.redraw(full=full)

    # --- what screens say

    def on_pool_drawn(self, event: PoolDrawn) -> None:
        """The title changes with the counts; what is on screen is polled first."""
        if event.title != self._terminal_title:
            self._terminal_title = event.title
            if self.ui.options.title:
                self.set_terminal_title(self.ui.appearance.glyphs.text(event.title))
        if event.visible != self._visible:
            self._visible = event.visible
            self.ui.feed.set_visible(event.visible)

    def on_chosen(self, event: Chosen) -> None:
        """Something was switched: show it, and have it remembered."""
        self._choose(event.choice)

    def _choose(self, choice: Choice) -> None:
        ui = self.ui
        before, ui.choice = ui.choice, choice
        if (choice.mask, choice.shown) != (before.mask, before.shown):
            ui.board.choose(replace(ui.board.prefs, mask=choice.mask, shown=choice.shown))
        if choice.theme != before.theme:
            ui.appearance = Appearance(palette_of(choice.theme), ui.appearance.glyphs)
            self.theme = choice.theme
            for page in self._pages():
                page.restyle()
        else:
            self._redraw(full=True)
        ui.options.remember(choice)

    # --- keys

    async def handle_key(self, key: events.Key) -> None:
        """Every key keeps the order still for a moment, and takes back what was said before it."""
        ui = self.ui
        changed = ui.board.key_pressed(ui.feed.now())
        if ui.is_new:
            ui.is_new = False
            ui.options.met()
        if ui.bulk is not None and ui.bulk.done:
            ui.bulk = None
            changed = True
        for page in self._pages():
            page.clear_flash()
            if changed:
                page.redraw()
        await super().handle_key(key)

    def on_key(self, event: events.Key) -> None:
        """A key that nothing took."""
        page = self.screen
        if not isinstance(page, Page) or self.focused is not None:
            return
        known = (name for key in self.ui.options.keymap.at(page.SCOPE) for name in key.keys)
        if event.key not in map(textual_key, known):
            page.say_unknown(event.character if event.character and event.character > " " else event.key)

    def action_theme(self) -> None:
        """The next theme."""
        after = ANSI if self._colourless else next_theme(self.ui.choice.theme)
        self._choose(replace(self.ui.choice, theme=after))
        if isinstance(self.screen, Page):
            self.screen.flash(words.text("theme_is", name=after))

    def action_mask(self) -> None:
        """Names, e-mails and paths, hidden and shown."""
        self._choose(replace(self.ui.choice, mask=not self.ui.choice.mask))

    def action_used_left(self) -> None:
        """What is used, or what is left."""
        shown = self.ui.choice.shown
        other = next(each for each in type(shown) if each is not shown)
        self._choose(replace(self.ui.choice, shown=other))

    def action_help(self) -> None:
        """The keys; once more closes them."""
        from poolwatch.ui.screens.texts import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        else:
            scope = self.screen.SCOPE if isinstance(self.screen, Page) else Scope.POOL
            self.push_screen(HelpScreen(self.ui, scope=scope))

    def action_command_palette(self) -> None:
        """Where to go, and all commands, by name."""
        from poolwatch.ui.screens.command_palette import CalmPalette

        if not isinstance(self.screen, CalmPalette):
            asked = words.text("palette_prompt")
            kind = "-ascii" if self.ui.appearance.glyphs is ASCII else None
            self.push_screen(CalmPalette(placeholder=asked, id="--command-palette", classes=kind))

    def action_leave(self) -> None:
        """Back; quit where there is nothing to go back to."""
        page = self.screen
        if isinstance(page, Page) and page.SCOPE not in MAIN:
            page.action_back()
        else:
            self.exit(return_code=0)

    def action_interrupt(self) -> None:
        """Quit as after SIGINT."""
        self.exit(return_code=128 + signal.SIGINT)
