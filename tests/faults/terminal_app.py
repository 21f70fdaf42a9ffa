"""The app on a pseudo terminal, forked from a process that has imported everything: a start takes no time."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import resource
import select
import signal
import struct
import sys
import termios
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

#: Private modes that must be off when the app has left: alternate screen, mouse, focus, paste, size reports.
_OFF: Final = (
    47,
    1047,
    1049,
    9,
    1000,
    1001,
    1002,
    1003,
    1004,
    1005,
    1006,
    1015,
    1016,
    2004,
    2026,
    2031,
    2048,
)
_CURSOR: Final = 25
_MODES: Final = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_SEQUENCE: Final = re.compile(
    rb"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|\x1b[P_^X][^\x1b]*\x1b\\|\x1b[ -/]*[0-~]"
)
PATIENCE_SECONDS: Final = 30.0
#: How a child that broke in a way of its own ends.
BROKE: Final = 70
#: In the message of the error that a test throws; nothing of it may reach the terminal.
CANARY: Final = "canary-in-a-message"


class Trouble(Exception):  # noqa: N818 - it is what a case found out
    """Something that must not happen."""


@dataclass(frozen=True)
class Setting:
    """How the app is started: its environment, the terminal's size, and what is broken inside."""

    env: Mapping[str, str]
    arguments: Sequence[str] = ()
    columns: int = 80
    rows: int = 24
    #: no controlling terminal, and SIGHUP ignored: what a dropped connection leaves under nohup
    deaf: bool = False
    #: where an error is thrown: "" nowhere, "key" at ctrl+c, "compose" before anything is painted
    error: str = ""


@dataclass
class TerminalApp:
    """One running app; the terminal is this process's own, or its holder's."""

    pid: int
    master: int
    slave: int
    before: list[int | list[bytes | int]]
    raw: bytearray = field(default_factory=bytearray)
    status: int | None = None
    cpu_seconds: float = 0.0

    @property
    def plain(self) -> str:
        """Everything that was painted, without its sequences."""
        return self.painted(0)

    def painted(self, since: int) -> str:
        """What was painted after the first `since` bytes."""
        return _SEQUENCE.sub(b"", bytes(self.raw[since:])).decode(errors="replace")

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size."""
        _set_size(self.master, columns, rows)

    def wait_for(self, what: str, since: int = 0) -> None:
        """Read until this was painted, or `raw:` these bytes were sent, after the first `since` bytes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            is_raw = what.startswith("raw:")
            if what[4:].encode() in self.raw[since:] if is_raw else what in self.painted(since):
                return
            if self.ended():
                raise Trouble(f"ended with {self.status} before {what!r}: {self.plain[-600:]!r}")
            if time.monotonic() > deadline:
                raise Trouble(f"never painted {what!r}: {self.plain[-600:]!r}")
            self.read(0.05)

    def read(self, seconds: float) -> bool:
        """Take in what is written within this time; False when nothing was."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self.master, 65_536)
        except OSError:
            return False
        self.raw += piece
        return bool(piece)

    def quiet(self, seconds: float) -> None:
        """Read until nothing was written for this time."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.read(seconds):
            if time.monotonic() > deadline:
                raise Trouble("it paints for ever")

    def ended(self) -> bool:
        """Whether the process is gone; takes its status and its time on the processor."""
        if self.status is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self.status is not None

    def gone_within(self, seconds: float) -> float:
        """Read until the process is gone; how long that took."""
        begun = time.monotonic()
        while not self.ended():
            if time.monotonic() - begun > max(seconds * 5, PATIENCE_SECONDS):
                raise Trouble(f"still there after {time.monotonic() - begun:.0f} s")
            if self.master >= 0:
                self.read(0.02)
            else:
                time.sleep(0.02)
        took = time.monotonic() - begun
        while self.master >= 0 and self.read(0):
            pass
        return took

    def cpu_now(self) -> float:
        """Processor time of the living process so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - a kernel file
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close_terminal(self) -> None:
        """The window is closed, or its program dies."""
        for handle in (self.slave, self.master):
            if handle >= 0:
                os.close(handle)
        self.slave = self.master = -1

    def unclean(self) -> list[str]:
        """What is not as it was before the app came."""
        found = []
        if termios.tcgetattr(self.slave) != self.before:
            found.append("the settings of the terminal differ")
        raw = bytes(self.raw)
        modes: dict[int, bool] = {}
        for numbers, switch in _MODES.findall(raw):
            modes.update(dict.fromkeys(map(int, numbers.split(b";")), switch == b"h"))
        found += [f"mode {mode} is on" for mode in _OFF if modes.get(mode)]
        if modes.get(_CURSOR) is False:
            found.append("the cursor is hidden")
        if len(re.findall(rb"\x1b\[>[0-9]*u", raw)) != len(re.findall(rb"\x1b\[<[0-9]*u", raw)):
            found.append("a keyboard protocol is left on")
        if raw.count(b"\x1b[22;0t") != raw.count(b"\x1b[23;0t"):
            found.append("the title is not given back")
        if b"Traceback" in raw or CANARY.encode() in raw:
            found.append(f"a traceback or its values: {self.plain[-800:]}")
        return found

    def kill(self) -> None:
        """End what is left."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.close_terminal()


def start(setting: Setting) -> TerminalApp:
    """Fork the app onto a terminal of its own."""
    master, slave = pty.openpty()
    _set_size(master, setting.columns, setting.rows)
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if not pid:
        _be_the_app(setting, slave)
    return TerminalApp(pid, master, slave, before)


def _be_the_app(setting: Setting, slave: int) -> NoReturn:
    code = BROKE
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if setting.deaf:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        else:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for number in range(3):
            os.dup2(slave, number)
        os.closerange(3, 256)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.environ.clear()
        os.environ.update(setting.env)
        time.tzset()
        sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115 - for the whole run
        sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115 - likewise
        sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115 - likewise
        _break(setting.error)
        from poolwatch.__main__ import main

        code = main(setting.arguments)
        # as the interpreter does on its way out
        end_threads: Callable[[], None] = getattr(threading, "_shutdown")  # noqa: B009 - the type does not show it
        end_threads()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
    except KeyboardInterrupt:
        code = -signal.SIGINT & 0xFF
    except BaseException:  # noqa: BLE001 - a child never goes on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)


def _break(where: str) -> None:
    from poolwatch.ui.app import PoolApp
    from poolwatch.ui.screens.pool import PoolScreen

    def broken(self: object) -> NoReturn:
        token = f"{CANARY} {CANARY}"
        raise RuntimeError(token)

    if where == "key":
        PoolApp.action_interrupt = broken  # type: ignore[method-assign] # a fault of our own making
    elif where == "compose":
        PoolScreen.compose = broken  # type: ignore[method-assign] # likewise


def _set_size(master: int, columns: int, rows: int) -> None:
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
