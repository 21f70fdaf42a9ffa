"""A program on a pseudo terminal, watched: every piece of output with its time and the CPU spent by then.

Pieces are stamped as they are read and drawn on a model of the screen afterwards, so that the cost of the
model (pyte, pure Python) is in no figure.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import pyte

from benchmarks.process import cpu_seconds, peak_megabytes

#: What Textual asks a terminal at the start, and what a good one answers.
_ANSWERS: Final = (
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?2048\$p"), b"\x1b[?2048;0$y"),
    (re.compile(rb"\x1b\[c"), b"\x1b[?62;22c"),
)
#: Sequences that pyte takes for colours or prints: the keyboard's, and questions.
_UNKNOWN: Final = re.compile(rb"\x1b\[[<=>?][0-9;]*(?:u|m|\$p)|\x1b\[[0-9;]*t|\x1b\[\?[0-9;]*\$p")


@dataclass(frozen=True, slots=True)
class Piece:
    """One read: seconds since the start, the wall clock, the program's CPU seconds so far, and what came."""

    at: float
    epoch: float
    cpu: float
    data: bytes


class Session:
    """A program that runs on a terminal of its own until the session is closed."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 120, rows: int = 40
    ) -> None:
        self.pieces: list[Piece] = []
        self._columns, self._rows = columns, rows
        self.begun = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # the terminal has its size before the program's first instruction
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(command[0], list(command), dict(env))  # noqa: S606 - the child of a fork
        self._ended = False

    def _now(self) -> float:
        return time.perf_counter() - self.begun

    def read(self) -> bool:
        """Take in what is there; False when the program has closed its terminal."""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            data = b""
        if not data:
            self._ended = True
            return False
        self.pieces.append(Piece(self._now(), time.time(), cpu_seconds(self.pid), data))
        for question, answer in _ANSWERS:
            if question.search(data):
                os.write(self.fd, answer)
        return True

    def press(self, keys: str) -> float:
        """Type; the time of it."""
        at = self._now()
        os.write(self.fd, keys.encode())
        return at

    def until_quiet(self, silence: float = 0.7, most: float = 40.0) -> None:
        """Read until nothing came for `silence` seconds."""
        deadline = time.perf_counter() + most
        while time.perf_counter() < deadline:
            ready, _, _ = select.select([self.fd], [], [], silence)
            if not ready and self.pieces:
                return
            if ready and not self.read():
                return

    def pump(self, seconds: float, stop: Callable[[], bool] | None = None) -> None:
        """Read for so long, or until `stop` says so after a piece."""
        watch([self], seconds, stop)

    @property
    def sent(self) -> int:
        """The bytes that came so far."""
        return sum(len(piece.data) for piece in self.pieces)

    def bytes_between(self, start: int) -> int:
        """The bytes of all pieces from this one on."""
        return sum(len(piece.data) for piece in self.pieces[start:])

    @property
    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_seconds(self.pid)

    @property
    def peak(self) -> float:
        """The most memory so far, in MB."""
        return peak_megabytes(self.pid)

    @property
    def ended(self) -> bool:
        """Whether the terminal was closed by the program."""
        return self._ended

    def replay(self) -> Replay:
        """A screen to draw the pieces on, one after the other."""
        return Replay(self._columns, self._rows)

    def close(self) -> None:
        """End the program, and wait for it."""
        for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                break
            if self._reaped(patience):
                break
        os.close(self.fd)

    def _reaped(self, seconds: float) -> bool:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return True
            ready, _, _ = select.select([self.fd], [], [], 0.02)
            if ready:
                try:
                    os.read(self.fd, 1 << 16)
                except OSError:
                    time.sleep(0.01)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Replay:
    """The screen as a person saw it, piece by piece."""

    def __init__(self, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)

    def draw(self, piece: Piece) -> None:
        """Take one piece in."""
        self._stream.feed(_UNKNOWN.sub(b"", piece.data))

    @property
    def text(self) -> str:
        """The screen, line by line."""
        return "\n".join(self.screen.display)

    @property
    def lines(self) -> Sequence[str]:
        """The lines of the screen."""
        return list(self.screen.display)


def watch(sessions: Iterable[Session], seconds: float, stop: Callable[[], bool] | None = None) -> None:
    """Read from all of them for so long."""
    by_fd = {session.fd: session for session in sessions if not session.ended}
    deadline = time.perf_counter() + seconds
    while by_fd and (left := deadline - time.perf_counter()) > 0:
        ready, _, _ = select.select(list(by_fd), [], [], left)
        for fd in ready:
            if not by_fd[fd].read():
                del by_fd[fd]
        if ready and stop is not None and stop():
            return
