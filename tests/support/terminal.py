"""A real terminal for tests: a pseudo terminal, a program on it, and a screen that takes in what it draws.

`with Terminal(command, env) as terminal: terminal.wait_for("active"); terminal.press("q"); terminal.end()`
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

import pyte

DEADLINE_SECONDS: Final = 25.0
_MODES: Final = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
#: Control sequences by kind: CSI, OSC (ended by BEL or ST), DCS and the like, two-byte escapes.
_CSI: Final = re.compile(rb"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]")
_OSC: Final = re.compile(rb"\x1b\]([^\x07\x1b]*)(?:\x07|\x1b\\)")
_STRING: Final = re.compile(rb"\x1b[P_^X][^\x1b]*\x1b\\")
_ESCAPE: Final = re.compile(rb"\x1b[ -/]*[0-~]")


class Terminal:
    """A program on a pseudo terminal of its own session, as under a terminal window."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        columns: int = 80,
        rows: int = 24,
        kind: type[pyte.Screen] = pyte.Screen,
    ) -> None:
        self._master, self._slave = pty.openpty()
        self._set_size(columns, rows)
        self.before = termios.tcgetattr(self._slave)
        self.raw = bytearray()
        self.screen = kind(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=dict(env),
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - it is one system call and takes no lock
        )

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._process.poll() is None

    @property
    def text(self) -> str:
        """The screen, line by line."""
        return "\n".join(self.screen.display)

    @property
    def after(self) -> list[int | list[bytes | int]]:
        """The settings of the terminal now."""
        return termios.tcgetattr(self._slave)

    def press(self, keys: str) -> None:
        """Send keys as they are typed."""
        os.write(self._master, keys.encode())

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self._process.send_signal(number)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window; the kernel tells the program."""
        self.screen.resize(rows, columns)
        self._set_size(columns, rows)

    def wait_for(self, wanted: str | Callable[[str], bool], seconds: float = DEADLINE_SECONDS) -> float:
        """Read until the screen has this text, or is as asked; returns the seconds that took."""
        begun = time.monotonic()
        while True:
            if wanted in self.text if isinstance(wanted, str) else wanted(self.text):
                return time.monotonic() - begun
            assert time.monotonic() - begun < seconds, f"never seen: {wanted}\n{self.text}"
            ended = self._process.poll() is not None
            assert self._read(0.2) or not ended, f"ended before: {wanted}\n{self.text}"

    def end(self, seconds: float = DEADLINE_SECONDS) -> int:
        """Read until the program has ended; its exit code, negative for a death by signal."""
        deadline = time.monotonic() + seconds
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"still running\n{self.text}"
            self._read(0.05)
        while self._read(0.0):
            pass
        return self._process.returncode

    def hang_up(self, seconds: float) -> int:
        """Close the window; the exit code, if the program ends within these seconds."""
        os.close(self._slave)
        os.close(self._master)
        self._slave = self._master = -1
        return self._process.wait(seconds)

    def modes(self) -> dict[int, bool]:
        """The private modes of the terminal that the program touched, as it left them."""
        found: dict[int, bool] = {}
        for numbers, switch in _MODES.findall(bytes(self.raw)):
            found.update(dict.fromkeys(map(int, numbers.split(b";")), switch == b"h"))
        return found

    def titles_and_commands(self) -> list[bytes]:
        """Every operating system command that was sent, without its frame."""
        return _OSC.findall(bytes(self.raw))

    def beyond_known_sequences(self) -> bytes:
        """What was sent beside plain text, cursor moves, colours and commands: should be empty."""
        rest = bytes(self.raw)
        for kind in (_OSC, _STRING, _CSI, _ESCAPE):
            rest = kind.sub(b"", rest)
        return bytes(byte for byte in rest if byte < 32 and byte not in b"\r\n\t\x08\x0e\x0f")

    def read(self, seconds: float) -> bool:
        """Take in what the program draws within these seconds; whether there was anything."""
        return self._read(seconds)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self._master, 65_536)
        except OSError:
            return False
        self.raw += piece
        # not in pyte: private modes of the keyboard, which begin like colours
        self._stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*u", b"", piece))
        return bool(piece)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for descriptor in (self._slave, self._master):
            if descriptor >= 0:
                os.close(descriptor)


def _take_terminal() -> None:
    # the program leads its own session: this makes the pseudo terminal the one it is controlled by
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
