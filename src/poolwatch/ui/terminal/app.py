"""The app as the terminal knows it: what is sent to it, signals, its loss, crashes, the order of keys."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import termios
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, TypeVar

from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.worker import WorkerFailed

from poolwatch.ui import terminal
from poolwatch.ui.crash import crash_report

if terminal.IS_KNOWN:
    from poolwatch.ui.terminal.calm_update import ShownScreen
    from poolwatch.ui.terminal.driver import TerminalDriver

ReturnT = TypeVar("ReturnT")
_CRASHED: Final = 1
#: SIGINT is the last that is given back: Python has a handler of its own for it.
_SIGNALS: Final = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT")
#: What a program that has the terminal is to hear of, and not poolwatch behind it.
_FOR_WHO_HAS_IT: Final = (signal.SIGINT, getattr(signal, "SIGQUIT", None))
#: A ctrl+c that ended that program came here with it, and is handled so many turns of the loop later at most.
_TURNS_OF_A_SIGNAL: Final = 4
#: Seconds after which a key counts as handled, whatever became of the widget that had it: longer than a busy
#: machine takes to open the filter, or the keys after it would go elsewhere.
_KEY_TIMEOUT: Final = 2.0


class TerminalApp(App[ReturnT]):
    """Leaves cleanly on signals and lost terminals, reports crashes without values, handles keys in order."""

    def __init__(self, *, ansi_color: bool | None) -> None:
        super().__init__(driver_class=None, ansi_color=ansi_color)
        # two widgets that each screen would be given for what is never shown
        self._disable_tooltips = self._disable_notifications = True
        self._shown_screen = ShownScreen() if terminal.IS_KNOWN else None
        self._key_queue = KeyQueue(self, self.handle_key)
        self._is_lost = False
        self._interrupted = False
        #: another program has the terminal; set where ctrl+c was pressed there
        self._aside: asyncio.Event | None = None

    # --- signals and the terminal's loss

    def on_load(self) -> None:
        """Handle signals before the terminal is taken: one that comes a moment later must restore it."""
        loop = asyncio.get_running_loop()
        for number in _signals():
            # not on the main thread there are no signals, and nobody to send them
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                loop.add_signal_handler(number, self._signalled, number)

    def on_unmount(self) -> None:
        """Give the signals back."""
        loop = asyncio.get_running_loop()
        for number in _signals():
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                loop.remove_signal_handler(number)
        if self._interrupted:
            # another one has nothing to end: what is left to do would be broken off with a traceback
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _signalled(self, number: int) -> None:
        if self._aside is not None and number in _FOR_WHO_HAS_IT:
            self._aside.set()
            return
        self._interrupted = self._interrupted or number == signal.SIGINT
        self.exit(return_code=128 + number)

    def terminal_lost(self) -> None:
        """The terminal is gone: leave as after a hangup."""
        if not self._is_lost:
            self._is_lost = True
            self.exit(return_code=128 + signal.SIGHUP)

    def terminal_taken(self) -> None:
        """The terminal is ours, at the start or again after a stop (ctrl+z, fg)."""
        self.forget_screen()
        if self._screen_stack:
            self.call_later(self.action_redraw)

    # --- other programs on the terminal

    @property
    def can_step_aside(self) -> bool:
        """Whether the terminal can be given to another program."""
        return self._driver is not None and self._driver.can_suspend

    @contextlib.asynccontextmanager
    async def aside(self, said: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
        """Give the terminal to another program, with a few words above what it says.

        Nothing is drawn meanwhile, and ctrl+c is for that program alone. What is given says more words, and
        waits until somebody has read them. The terminal is taken back whatever fails in the middle; where the
        app ends meanwhile, it is taken no more.
        """
        self._aside = interrupted = asyncio.Event()
        failed: Exception | None = None
        with self.suspend(), _settings_kept():
            _say(said)

            async def say_and_wait(more: str) -> None:
                interrupted.clear()
                _say(more)
                await _line_or(interrupted)

            try:
                yield say_and_wait
            except Exception as error:  # noqa: BLE001 - raised in here, it would leave the terminal given away
                failed = error
            for _ in range(_TURNS_OF_A_SIGNAL):
                await asyncio.sleep(0)
            self._aside = None
        if failed is not None:
            raise failed

    # --- what is sent

    def get_driver_class(self) -> type[Driver]:
        """Our own driver on terminals; any other that Textual picks stays."""
        chosen = super().get_driver_class()
        return TerminalDriver if terminal.IS_KNOWN and chosen is LinuxDriver else chosen

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send no more than what changed."""
        if self._aside is not None:
            return
        if self._shown_screen is not None:
            renderable = self._shown_screen.calm(renderable)
        super()._display(screen, renderable)

    def forget_screen(self) -> None:
        """The terminal may show anything: whatever is drawn next is sent."""
        if self._shown_screen is not None:
            self._shown_screen.forget()

    def action_redraw(self) -> None:
        """Send every cell, whatever the terminal shows."""
        self.forget_screen()
        self.screen.refresh(layout=True)

    def set_terminal_title(self, title: str) -> None:
        """Set the title of the terminal's window."""
        if terminal.IS_KNOWN and isinstance(self._driver, TerminalDriver):
            self._driver.set_title(title)

    def tell_terminal(self, sequence: str) -> bool:
        """Have the terminal itself act on something, such as a notice; False where it is gone or not ours."""
        if not terminal.IS_KNOWN or self._is_lost or not isinstance(self._driver, TerminalDriver):
            return False
        return self._driver.tell(sequence)

    def on_app_focus(self, event: events.AppFocus) -> None:
        """A terminal that gains the focus looks as before; what waits for somebody to look is read."""
        event.prevent_default()
        self.on_looked_at()

    def on_looked_at(self) -> None:
        """Somebody looks at the terminal again."""

    def on_app_blur(self, event: events.AppBlur) -> None:
        """A terminal that loses the focus looks as before."""
        event.prevent_default()

    # --- keys

    async def on_event(self, event: events.Event) -> None:
        """Keys wait for one another."""
        if isinstance(event, events.Resize):
            self.forget_screen()
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._key_queue.press(event)
        else:
            await super().on_event(event)

    async def handle_key(self, key: events.Key) -> None:
        """Give a key to what has the focus."""
        await super().on_event(key)

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
        # a worker tells what it failed of, and no more
        error = error.error if isinstance(error, WorkerFailed) else error
        report = Text(crash_report(error), no_wrap=True, overflow="ignore")
        self._exit_renderables[:] = [report]
        self._close_messages_no_wait()


class KeyQueue:
    """Holds keys back until the one before is handled. `handle` gives one to the app.

    A slow connection delivers keys in bunches. Textual gives all of a bunch to what has the focus when it
    arrives, so that `/quinn` would open the filter and then quit.
    """

    def __init__(self, app: App[Any], handle: Callable[[events.Key], Awaitable[None]]) -> None:
        self._app = app
        self._handle = handle
        self._waiting: deque[events.Key] = deque()
        self._number = 0
        self._busy = False

    async def press(self, key: events.Key) -> None:
        """Handle the key now, or when those before it are handled."""
        if not self._busy:
            await self._start(key)
            return
        if not self._waiting:
            self._limit(self._number)
        self._waiting.append(key)

    async def _start(self, key: events.Key) -> None:
        self._busy = True
        self._number += 1
        target = self._app.focused or self._app.screen
        await self._handle(key)
        self._follow(target, target, self._number)

    def _limit(self, number: int) -> None:
        self._app.set_timer(_KEY_TIMEOUT, lambda: self._done(number))

    def _follow(self, node: DOMNode | None, origin: DOMNode, number: int, *, again: bool = True) -> None:
        """Queue up behind the key wherever it bubbles to; what it does comes before us."""
        while node is not None and node is not self._app:
            if node.call_later(self._follow, node.parent, origin, number, again=again):
                return
            node = node.parent
        if again:
            # a key that does something, like Enter in a line, sends a message from where it was pressed
            self._app.call_later(self._follow, origin, origin, number, again=False)
        else:
            # what the key asked of the app, like the focus, is before us in the app's queue
            self._app.call_later(self._app.call_later, self._done, number)

    async def _done(self, number: int) -> None:
        if not self._busy or number != self._number:
            return
        self._busy = False
        if self._waiting:
            key = self._waiting.popleft()
            if self._waiting:
                self._limit(self._number + 1)
            await self._start(key)


def _signals() -> list[signal.Signals]:
    """Those of them that this system has."""
    return [signal.Signals[name] for name in _SIGNALS if name in signal.Signals.__members__]


@contextlib.contextmanager
def _settings_kept() -> Iterator[None]:
    """Give the terminal the settings back that it had: a program that was ended may have left its own."""
    descriptor = _terminal()
    try:
        before = termios.tcgetattr(descriptor)
    except termios.error:
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            # what was typed was for the other program
            termios.tcflush(descriptor, termios.TCIFLUSH)
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _terminal() -> int:
    return sys.__stdin__.fileno() if sys.__stdin__ is not None else 0


def _say(words: str) -> None:
    sys.stdout.write(words)
    sys.stdout.flush()


async def _line_or(interrupted: asyncio.Event) -> None:
    """Wait for a line of the terminal, or for ctrl+c."""
    descriptor, loop = _terminal(), asyncio.get_running_loop()
    loop.add_reader(descriptor, interrupted.set)
    try:
        await interrupted.wait()
    finally:
        loop.remove_reader(descriptor)
