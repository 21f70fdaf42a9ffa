"""The driver: Textual's own, made to leave when the terminal is gone and to give its title back."""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import socket
import sys
from codecs import getincrementaldecoder
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from textual._time import get_time
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from poolwatch.ui.terminal.input_filter import InputFilter, bounded_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import App
    from textual.message import Message


_PUSH_TITLE: Final = "\x1b[22;0t"
_POP_TITLE: Final = "\x1b[23;0t"
_READ: Final = 4096
#: Seconds for which the thread that reads keys, once woken, waits for `exit_event`.
_EXIT_WAIT: Final = 0.1


class _Output:
    """The terminal's file. When it is gone, what is written vanishes and `lost` is called once.

    Without this the writing thread dies on the first error, and whoever writes next waits for ever.
    """

    def __init__(self, file: IO[str], lost: Callable[[], None]) -> None:
        self._file = file
        self._lost = lost
        self._gone = False

    def write(self, text: str) -> int:
        if not self._gone:
            try:
                self._file.write(text)
            except (OSError, ValueError):
                self._leave()
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self._leave()

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def _leave(self) -> None:
        self._gone = True
        self._lost()


class _Parser(XTermParser):
    """Textual's parser, given only what is whole: what it does not know to be the end of a key is the end."""

    def read(self, piece: str) -> Iterable[Message]:
        """The keys and events of one piece."""
        yield from self.feed(piece)
        if self._timeout_time is not None:
            self._timeout_time = 0.0
            yield from self.tick()


class TerminalDriver(LinuxDriver):
    """Leaves on end-of-file or an error of the terminal, and restores the title it found."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        file = sys.__stderr__
        if (file is None or not file.isatty()) and sys.__stdout__ is not None and sys.__stdout__.isatty():
            file = sys.__stdout__
        self._title: str | None = None
        self._left = False
        #: another program has the terminal
        self._is_away = False
        #: wakes the thread that reads keys
        self._wake: socket.socket | None = None
        if file is not None:
            self._file = _Output(file, self._lost)  # type: ignore[assignment]  # only these methods are used
        if self._size is None:
            # what Textual would ask otherwise knows no bounds
            self._size = self._get_terminal_size()

    def set_title(self, title: str) -> None:
        """Set the terminal's title; it is set again after a suspension."""
        self._title = title
        self.write(f"\x1b]2;{title}\x07")

    def tell(self, sequence: str) -> bool:
        """Write what the terminal itself acts on; False where it is not ours now."""
        if self._is_away or self._writer_thread is None:
            return False
        self.write(sequence)
        return True

    def write(self, data: str) -> None:
        """Nothing where another program has the terminal: nobody would take it, and soon all would wait."""
        if not self._is_away:
            super().write(data)

    def suspend_application_mode(self) -> None:
        """Also be silent until the terminal is ours again."""
        super().suspend_application_mode()
        self._is_away = True

    def start_application_mode(self) -> None:
        """Also remember the title that the terminal has, and have everything painted."""
        self._is_away = False
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual left it so
        self._handle_stops()
        if self._writer_thread is not None:
            self.write(_PUSH_TITLE)
            if self._title is not None:
                self.set_title(self._title)
        repaint = getattr(self._app, "terminal_taken", None)
        if repaint is not None:
            repaint()

    def stop_application_mode(self) -> None:
        """Also give the terminal its title back."""
        if self._writer_thread is not None:
            self.write(_POP_TITLE)
        super().stop_application_mode()

    def _get_terminal_size(self) -> tuple[int, int]:
        """As Textual finds it, within bounds."""
        return bounded_size(*super()._get_terminal_size())

    def _handle_stops(self) -> None:
        """Handle SIGTSTP and SIGCONT between two steps of the event loop.

        Textual acts on them wherever the program happens to be, and waits for ever when that is in the
        middle of writing.
        """
        loop = asyncio.get_running_loop()
        with suppress(ValueError, RuntimeError):  # not on the main thread there are no signals
            loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
            loop.add_signal_handler(signal.SIGCONT, self._continued)

    def _continued(self) -> None:
        if not self._auto_restart:
            # another program has the terminal
            return
        if not self._must_signal_resume:
            # stopped without being asked (SIGSTOP): the shell has used the terminal since, and to start
            # without a stop would take its raw settings for those to go back to
            self.suspend_application_mode()
        self.resume_application_mode()

    def _run_input_thread(self) -> None:
        """Read keys; an error is the app's to report, with what is known of it."""
        try:
            self.run_input_thread()
        except Exception as error:  # noqa: BLE001 - nobody else waits for this thread
            self._app.call_later(self._app._handle_exception, error)

    def run_input_thread(self) -> None:
        """Read keys until the app leaves. End-of-file and errors make it leave.

        Textual's own loop spins on end-of-file, which is what a dropped connection looks like where
        SIGHUP is ignored.
        """
        parser = _Parser(self._debug)
        sent = InputFilter()
        decode = getincrementaldecoder("utf-8")("replace").decode
        wake, self._wake = socket.socketpair()
        with wake, self._wake, selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                # a sequence that stops in the middle is told by the clock; after that nothing is due
                ready = {key.fd for key, _ in selector.select(sent.timeout)}
                if wake.fileno() in ready:
                    self.exit_event.wait(_EXIT_WAIT)
                pieces = [] if ready else sent.paused()
                if self.fileno in ready:
                    try:
                        read = os.read(self.fileno, _READ)
                    except OSError:
                        read = b""
                    if not read:
                        self._lost()
                        return
                    pieces = sent.feed(decode(read), get_time())
                came_at = get_time()
                for piece in pieces:
                    for message in parser.read(piece):
                        # what came at once bears one time, however busy the machine is meanwhile
                        message.time = came_at
                        self.process_message(message)

    def disable_input(self) -> None:
        """Also wake who reads."""
        if self._wake is not None:
            with suppress(OSError):  # it has left by itself
                self._wake.send(b"\0")
        super().disable_input()

    def _lost(self) -> None:
        if not self._left:
            self._left = True
            leave = getattr(self._app, "terminal_lost", self._app.exit)
            self._app.call_later(leave)
