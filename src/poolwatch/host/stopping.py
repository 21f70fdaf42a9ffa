"""The signals that end a process, heard on a thread: whatever hangs, the process ends in time."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

#: What a service manager or ctrl+c sends to have a process end.
_ASKED: Final = (signal.SIGTERM, signal.SIGINT)
#: What else ends it in order; who ignores one, as `nohup` does, goes on doing so.
_OTHERS: Final = (signal.SIGHUP, signal.SIGQUIT)
#: There is so much time to save and to give the lock back.
PATIENCE_SECONDS: Final = 4.0


class Stop:
    """Whether this process is to end, and with which code: 0 where that was asked for, else 128+n.

    The one who asks need not wait: `PATIENCE_SECONDS` after a signal the process ends, whatever it does. Made
    on the main thread, which may hang in a system call from then on.
    """

    def __init__(self, late: Callable[[], None] = lambda: None) -> None:
        """`late` is called, on another thread, before the process is ended in the middle of something."""
        #: the exit code, once a signal came
        self.code: int | None = None
        self._late = late
        self._came: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        # the number of each signal is written there at once, whichever thread hangs where
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in _ASKED:
            signal.signal(number, _nothing)
        for number in _OTHERS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _nothing)
        threading.Thread(target=self._hear, args=(reading,), name="poolwatch-signals", daemon=True).start()

    async def asked(self) -> int:
        """Wait for a signal, on the event loop; the exit code."""
        came = asyncio.Event()
        self._came = asyncio.get_running_loop(), came
        while self.code is None:
            await came.wait()
        return self.code

    def _hear(self, reading: int) -> None:
        while self.code is None:
            for number in os.read(reading, 1):
                if number in _ASKED:
                    self.code = 0
                elif number in _OTHERS:
                    self.code = 128 + number
        if self._came is not None:
            loop, came = self._came
            with suppress(RuntimeError):  # it has ended already
                loop.call_soon_threadsafe(came.set)
        time.sleep(PATIENCE_SECONDS)
        self._late()
        os._exit(self.code)


def _nothing(number: int, frame: object) -> None:
    """Python tells the pipe of a signal only where it has a handler of its own for it."""
