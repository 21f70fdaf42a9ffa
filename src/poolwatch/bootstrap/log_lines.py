"""What a process without a screen says as it runs: lines on stderr that hold up nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import Final

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import plain_line
from poolwatch.words.daemon import said

#: So many lines wait for somebody to take them; what comes then is counted.
_MOST_LINES: Final = 1000
#: The last lines are waited for so long.
_GOODBYE_SECONDS: Final = 0.5
_STDERR: Final = 2


class LogLines:
    """Lines on stderr, written on a thread: one who reads slowly, or nobody, holds up no poll.

    Each begins with the local time, but in the journal, which has its own.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._clock = RealClock()
        self._is_dated = not _is_journal(env)
        self._lines: Queue[str | None] = Queue(_MOST_LINES)
        self._lost = 0
        self._done = Event()
        Thread(target=self._write, name="poolwatch-lines", daemon=True).start()

    def say(self, text: str) -> None:
        """Write a line, sooner or later; what could steer a terminal is shown."""
        at = self._clock.now().astimezone().isoformat(timespec="seconds")
        line = f"{at} {text}" if self._is_dated else text
        try:
            self._lines.put_nowait(line)
        except Full:
            self._lost += 1

    def say_last(self, text: str) -> None:
        """Say a line, and give it a moment to be written."""
        self.say(text)
        self.close()

    def close(self) -> None:
        """Wait for a moment until what was said is written; nothing is written after that."""
        with suppress(Full):
            self._lines.put_nowait(None)
            self._done.wait(_GOODBYE_SECONDS)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            _put(line)
            if self._lost:
                lost, self._lost = self._lost, 0
                _put(said("unwritten_lines", count=lost))
        self._done.set()


def _put(line: str) -> None:
    encoding = sys.stderr.encoding or "utf-8"
    left = memoryview(f"{plain_line(line)}\n".encode(encoding, "backslashreplace"))
    # a terminal that hung up, a pipe that nobody reads: the daemon goes on
    with suppress(OSError):
        while left:
            left = left[os.write(_STDERR, left) :]


def _is_journal(env: Mapping[str, str]) -> bool:
    """Whether stderr is systemd's journal: it says which file it gave its services for that."""
    try:
        status = os.fstat(_STDERR)
    except OSError:
        return False
    return env.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
