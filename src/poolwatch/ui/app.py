"""The app: one feed, one board, a stack of screens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.binding import BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from poolwatch.domain.remake import replace
from poolwatch.ui import known_textual
from poolwatch.ui.bindings import bindings, overlay
from poolwatch.ui.board import Board
from poolwatch.ui.calm_update import CalmUpdate, Picture
from poolwatch.ui.crash import crash_report
from poolwatch.ui.feed import Feed
from poolwatch.ui.glyphs import glyphs_of
from poolwatch.ui.key_order import KeyOrder
from poolwatch.ui.keymap import Place
from poolwatch.ui.looks import Looks
from poolwatch.ui.messages import Arrived, Chosen, DemoWanted, Failed, Looked
from poolwatch.ui.options import AppOptions, Choice
from poolwatch.ui.screens.page import Page
from poolwatch.ui.screens.pool import PoolScreen
from poolwatch.ui.session import Session
from poolwatch.ui.terminal import TerminalDriver
from poolwatch.ui.themes import ANSI, DARK, THEMES, next_theme, palette_of, theme_named
from poolwatch.ui.wording import FEED_ENDED, THEME_IS

if TYPE_CHECKING:
    from textual.command import Provider

_FEED: Final = "feed"
#: The one that Python has a habit for is the last that is given back.
_SIGNALS: Final = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT")
_CRASHED: Final = 1
#: A minute's tick comes this much after the minute, so that a coarse timer is not early.
_AFTER: Final = 0.02


class Departure(StrEnum):
    """What the operator wants next."""

    DEMO = "demo"


def _key_commands() -> type[Provider]:
    from poolwatch.ui.palette import KeyCommands  # not before the first paint

    return KeyCommands


class PoolApp(App[Departure], inherit_bindings=False, inherit_css=False):
    """poolwatch on the terminal.

    `run()` gives the departure that was asked for, or None; `return_code` is what the process should
    exit with: 0, 128+n after signal n, or 1 after a crash.
    """

    ALLOW_SELECT = False
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[Any]] = {_key_commands}  # Textual's own type is wider than what is given here
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.APP)
    # what Textual has for its own app is for widgets that are not used here; to read it takes a while
    DEFAULT_CSS = """
    PoolApp {
        background: $background;
        color: $foreground;
        &:ansi { background: ansi_default; color: ansi_default; }
    }
    *:disabled:can-focus { opacity: 0.7; }
    """
    CSS = """
    Page { background: $background; color: $foreground; }
    """

    def __init__(self, feed: Feed, options: AppOptions) -> None:
        # Without colours the terminal's own are used, and the filter that Textual adds drops them.
        self._colourless = bool(os.environ.get("NO_COLOR"))
        super().__init__(driver_class=None, ansi_color=True if self._colourless else None)
        self.animation_level = "none"
        # two widgets that each screen would be given for what is never shown here
        self._disable_tooltips = self._disable_notifications = True
        for theme in THEMES:
            self.register_theme(theme)
        name = self._fitting(options.theme)
        self._title = ""
        self._visible: tuple[object, ...] = ()
        self._lost = False
        self._interrupted = False
        choice = options.choice
        if name == ANSI:
            self.theme = name
        else:
            # what a change of themes does beyond this is to read all style sheets a second time
            self.set_reactive(PoolApp.theme, name)
            self.stylesheet.set_variables(self.get_css_variables())
        prefs = replace(options.prefs, zone=feed.zone)
        board = Board(feed.state, prefs, feed.now(), options.pool_name)
        looks = Looks(palette_of(name), glyphs_of(options.glyphs))
        self.session = Session(feed, board, options, looks, replace(choice, theme=name))
        self.set_keymap(overlay(options.keymap))
        self._key_order = KeyOrder(self, self._give)
        self._picture = Picture()

    # --- start and end

    def get_default_screen(self) -> Screen[object]:
        """The pool, or the first-run screen where there is none."""
        return PoolScreen(self.session)  # type: ignore[return-value]  # screens differ in what they give back

    def get_driver_class(self) -> type[Driver]:
        """Our own driver on terminals; any other that Textual picks stays."""
        chosen = super().get_driver_class()
        return TerminalDriver if chosen is LinuxDriver else chosen

    def on_load(self) -> None:
        """Listen to signals before the terminal is taken: one that comes a moment later must restore it."""
        loop = asyncio.get_running_loop()
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                # not on the main thread there are no signals, and nobody to send them
                with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                    loop.add_signal_handler(number, self._signalled, number)

    def on_mount(self) -> None:
        """Listen to the monitor and to the clock."""
        # what the monitor costs at its start comes after the first screen
        self.call_after_refresh(self._listen)
        self._await_minute()
        self._offer_first_steps()

    def _offer_first_steps(self) -> None:
        """Where every source has answered and nobody is there: say where it looked, and what can be done."""
        state, first_run = self.session.board.state, self.session.options.first_run
        if not state.accounts and (first_run or state.settled) and isinstance(self.screen, PoolScreen):
            from poolwatch.ui.screens.first_run import FirstRunScreen  # seldom shown

            self.push_screen(FirstRunScreen(self.session))

    def on_unmount(self) -> None:
        """Give the signals back."""
        loop = asyncio.get_running_loop()
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                    loop.remove_signal_handler(number)
        if self._interrupted:
            # one more has nothing to end: what is left to do would be broken off with a traceback
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def terminal_lost(self) -> None:
        """The terminal is gone: leave as after a hangup."""
        if not self._lost:
            self._lost = True
            self.exit(return_code=128 + signal.SIGHUP)

    def _signalled(self, number: int) -> None:
        self._interrupted = self._interrupted or number == signal.SIGINT
        self.exit(return_code=128 + number)

    # --- the monitor and the clock

    def _listen(self) -> None:
        # the function, not its coroutine: an app that leaves at once never begins it
        self.run_worker(self._follow, name=_FEED, group=_FEED, exit_on_error=False)  # type: ignore[arg-type]  # its type forgets functions

    async def _follow(self) -> None:
        async for change in self.session.feed.changes():
            self.post_message(Arrived(change))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A monitor that has stopped must not look like one that has nothing to say."""
        if event.worker.name == _FEED and event.state in (WorkerState.ERROR, WorkerState.SUCCESS):
            self.session.board.note((FEED_ENDED,))
            self._renew()

    def on_failed(self, event: Failed) -> None:
        """Leave with a report."""
        if isinstance(event.error, Exception):
            self._handle_exception(event.error)

    def on_arrived(self, event: Arrived) -> None:
        """Take a burst of changes in."""
        change = event.change
        session = self.session
        if change.bulk is not None and (session.bulk is None or session.bulk.done):
            session.bulk_before, session.bulk_diff = session.board.overview, ()
        session.board.take(change.state)
        session.board.note(change.notices)
        if change.bulk is not None:
            session.bulk = change.bulk
            if change.bulk.done and session.bulk_before is not None:
                from poolwatch.presentation.pool_diff import pool_diff  # not before the first paint

                board = session.board
                session.bulk_diff = pool_diff(session.bulk_before, board.overview, board.prefs)
        if change.state.accounts and isinstance(self.screen, Page) and self.screen.gives_way:
            self.pop_screen()
        self._offer_first_steps()
        self._renew()

    def tick(self) -> None:
        """A minute has passed: ages and countdowns move."""
        self.session.board.tick(self.session.feed.now())
        self._renew()

    def _await_minute(self) -> None:
        now = self.session.feed.now()
        left = 60 - now.second - now.microsecond / 1_000_000
        self.set_timer(left + _AFTER, self._minute, name="minute")

    def _minute(self) -> None:
        self.tick()
        self._await_minute()

    def _pages(self) -> Iterable[Page[Any]]:
        return (screen for screen in self.screen_stack if isinstance(screen, Page))

    def _renew(self, *, anew: bool = False) -> None:
        for page in self._pages():
            page.renew(anew=anew)

    # --- what screens say

    def on_looked(self, event: Looked) -> None:
        """The title changes with the counts; what is on screen is polled first."""
        if event.title != self._title:
            self._title = event.title
            self._write_title(event.title)
        if event.visible != self._visible:
            self._visible = event.visible
            self.session.feed.set_visible(event.visible)

    def on_demo_wanted(self, event: DemoWanted) -> None:
        """Leave for the demo."""
        self.exit(Departure.DEMO)

    def on_chosen(self, event: Chosen) -> None:
        """Something was switched: show it, and have it remembered."""
        self._choose(event.upon(self.session.choice))

    def _choose(self, choice: Choice) -> None:
        session = self.session
        before, session.choice = session.choice, choice
        if (choice.mask, choice.shown) != (before.mask, before.shown):
            session.board.choose(replace(session.board.prefs, mask=choice.mask, shown=choice.shown))
        if choice.theme != before.theme:
            session.looks = Looks(palette_of(choice.theme), session.looks.glyphs)
            self.theme = choice.theme
            for page in self._pages():
                page.dress()
        else:
            self._renew(anew=True)
        session.options.remember(choice)

    # --- keys

    async def on_event(self, event: events.Event) -> None:
        """Keys wait for one another."""
        if isinstance(event, events.Resize):
            self._picture.forget()
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._key_order.press(event)
        else:
            await super().on_event(event)

    async def _give(self, key: events.Key) -> None:
        """Every key keeps the order still for a moment, and takes back what was said before it."""
        session = self.session
        changed = session.board.key_pressed(session.feed.now())
        if session.bulk is not None and session.bulk.done:
            session.bulk = None
            changed = True
        for page in self._pages():
            page.unflash()
            if changed:
                page.renew()
        await super().on_event(key)

    def action_theme(self) -> None:
        """The next theme."""
        after = ANSI if self._colourless else next_theme(self.session.choice.theme)
        self._choose(replace(self.session.choice, theme=after))
        if isinstance(self.screen, Page):
            self.screen.flash(THEME_IS.format(name=after))

    def action_mask(self) -> None:
        """Names, e-mails and paths, hidden and shown."""
        self._choose(replace(self.session.choice, mask=not self.session.choice.mask))

    def action_used_left(self) -> None:
        """What is used, or what is left."""
        shown = self.session.choice.shown
        other = next(each for each in type(shown) if each is not shown)
        self._choose(replace(self.session.choice, shown=other))

    def action_help(self) -> None:
        """The keys."""
        from poolwatch.ui.screens.help import HelpScreen  # not before the first paint

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.session))
        else:
            self.pop_screen()

    def action_command_palette(self) -> None:
        """All commands by name."""
        from poolwatch.ui.palette import CalmPalette  # not before the first paint

        if not isinstance(self.screen, CalmPalette):
            self.push_screen(CalmPalette(id="--command-palette"))

    def action_repaint(self) -> None:
        """Paint every cell, whatever the terminal shows."""
        self._picture.forget()
        self.screen.refresh(layout=True)

    def action_leave(self) -> None:
        """Quit."""
        self.exit(return_code=0)

    def action_interrupt(self) -> None:
        """Quit as after SIGINT."""
        self.exit(return_code=128 + signal.SIGINT)

    # --- calm

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send no more than what changed."""
        if known_textual.IS_KNOWN and isinstance(renderable, ChopsUpdate | LayoutUpdate):
            super()._display(screen, CalmUpdate(renderable, self._picture))  # type: ignore[arg-type]  # as Textual does
            return
        if renderable is not None:
            self._picture.forget()
        super()._display(screen, renderable)

    def terminal_taken(self) -> None:
        """The terminal is ours, at the start or again after a stop (ctrl+z, fg)."""
        self._picture.forget()
        if self._screen_stack:
            self.call_later(self.action_repaint)

    async def _on_app_focus(self, event: events.AppFocus) -> None:
        """A terminal that gains the focus looks as before."""
        event.prevent_default()

    async def _on_app_blur(self, event: events.AppBlur) -> None:
        """A terminal that loses the focus looks as before."""
        event.prevent_default()

    def _write_title(self, title: str) -> None:
        if not self.session.options.title or self._driver is None:
            return
        text = self.session.looks.glyphs.text(title)
        if isinstance(self._driver, TerminalDriver):
            self._driver.set_title(text)

    def _fitting(self, theme: str) -> str:
        if self._colourless:
            return ANSI
        named = theme_named(theme)
        if named is not None:
            return named
        return ANSI if self.console.color_system in (None, "standard") else DARK

    # --- crashes

    def _fatal_error(self) -> None:
        """Leave with a report that holds no value of any variable, where Textual prints them all."""
        self._report(self._exception or sys.exc_info()[1])

    def panic(self, *renderables: RenderableType) -> None:
        """Leave with our own report, whatever was to be shown."""
        self._return_code = _CRASHED
        given = next((each for each in renderables if isinstance(each, BaseException)), None)
        self._report(self._exception or given or sys.exc_info()[1])

    def _report(self, error: BaseException | None) -> None:
        report = Text(crash_report(error), no_wrap=True, overflow="ignore")
        self._exit_renderables[:] = [report]
        self._close_messages_no_wait()
