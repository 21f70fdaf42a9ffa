"""A process that has imported everything and forks the processes under test, each within milliseconds.

A forked custody process runs the very `main` of `python -m poolwatch.custody`, with the environment, clock
and disk faults that its order names; a forked app runs the real monitor. The forge adopts orphans, so it can
tell when every process of a test is gone. Orders go over its stdin; it ends with its owner.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from tests.torture.disk import DiskFault, break_disk

_IMPORTED = (
    *("poolwatch.bootstrap.running", "poolwatch.bootstrap.sources", "poolwatch.custody.__main__"),
    *("poolwatch.custody.exchange", "poolwatch.net.client", "tests.torture.apps"),
)
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
#: Exit status of a process that broke in a way of its own.
BROKE = 70


class Job:
    """A process that the forge started."""

    def __init__(self, started: Future[int], ended: Future[int]) -> None:
        self._started = started
        self._ended = ended

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._started.result(30)

    def wait(self, timeout: float = 60.0) -> int:
        """Its exit status, negative for a signal."""
        return self._ended.result(timeout)

    def kill(self) -> None:
        """End it without warning, if it has not ended by itself."""
        if not self._ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Forge:
    """The owner's end of the forge; may be used from several threads."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.forge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        self._mutex = threading.Lock()
        self._count = 0
        self._started: dict[int, Future[int]] = {}
        self._ended: dict[int, Future[int]] = {}
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def custody(
        self,
        arguments: Sequence[str],
        *,
        failpoint: str | None = None,
        disk: DiskFault | None = None,
        ahead: timedelta = timedelta(0),
        gated: bool = False,
    ) -> Job:
        """Start a custody process; a gated one waits until `open_gate`."""
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        if failpoint is not None:
            environment |= {"POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": failpoint}
        return self._order(
            {
                "do": "custody",
                "arguments": list(arguments),
                "environment": environment,
                "disk": None if disk is None else asdict(disk),
                "ahead": ahead.total_seconds(),
                "gated": gated,
            }
        )

    def app(self, folder: Path) -> Job:
        """Start the monitor of the app on a folder that `apps.prepare` made ready."""
        return self._order({"do": "app", "folder": str(folder)})

    def open_gate(self) -> None:
        """Let every gated process go at once."""
        self._order({"do": "open"}).wait()

    def settle(self) -> None:
        """Wait until no process that came from here is left, orphans included."""
        self._order({"do": "settle"}).wait()

    def _order(self, order: Mapping[str, object]) -> Job:
        assert self._process.stdin is not None
        with self._mutex:
            self._count += 1
            started: Future[int] = Future()
            ended: Future[int] = Future()
            self._started[self._count], self._ended[self._count] = started, ended
            self._process.stdin.write(json.dumps({"id": self._count, **order}).encode() + b"\n")
            self._process.stdin.flush()
        return Job(started, ended)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as told_lines:
            self._hear(told_lines)

    def _hear(self, told_lines: Iterable[bytes]) -> None:
        for line in told_lines:
            told = cast("dict[str, int]", json.loads(line))
            if "pid" in told:
                self._started.pop(told["id"]).set_result(told["pid"])
            else:
                self._ended.pop(told["id"]).set_result(told["status"])
        for waiting in (*self._started.values(), *self._ended.values()):
            waiting.set_exception(RuntimeError("the forge ended"))

    def close(self) -> None:
        """Wait for what still runs, and end."""
        self.settle()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._listener.join(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Smith:
    """The forge's own process; it has one thread, so that its children are whole."""

    def __init__(self) -> None:
        self.jobs: dict[int, int] = {}
        self.settling: list[int] = []
        self.gate = os.pipe()
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        self.wake = wake_read
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def work(self) -> None:
        waiting, rest = True, b""
        while waiting or self.jobs:
            watched = [0, self.wake] if waiting else [self.wake]
            ready, _, _ = select.select(watched, [], [])
            if self.wake in ready:
                with suppress(BlockingIOError):
                    while os.read(self.wake, 4096):
                        pass
            if 0 in ready:
                piece = os.read(0, 65_536)
                waiting = bool(piece)
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))
            self.reap()

    def obey(self, order: Mapping[str, object]) -> None:
        number = cast("int", order["id"])
        match order["do"]:
            case "custody":
                self.fork(number, lambda: _custody(order, self.gate))
            case "app":
                self.fork(number, lambda: _app(Path(str(order["folder"]))))
            case "settle":
                self.settling.append(number)
            case "open":
                os.close(self.gate[1])
                os.close(self.gate[0])
                self.gate = os.pipe()
                self.tell(id=number, status=0)

    def fork(self, number: int, work: Callable[[], int]) -> None:
        pid = os.fork()
        if pid:
            self.jobs[pid] = number
            self.tell(id=number, pid=pid)
            return
        status = BROKE
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(2, 1)
            status = work()
        except BaseException:  # noqa: BLE001 - a child never goes on as its parent
            traceback.print_exc()
        finally:
            os._exit(status)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                for number in self.settling:
                    self.tell(id=number, status=0)
                self.settling.clear()
                return
            if not pid:
                return
            number = self.jobs.pop(pid, 0)
            if number:
                self.tell(id=number, status=os.waitstatus_to_exitcode(status))

    @staticmethod
    def tell(**words: int) -> None:
        os.write(1, json.dumps(words).encode() + b"\n")


def _custody(order: Mapping[str, object], gate: tuple[int, int]) -> int:
    from poolwatch.custody import __main__ as custody

    os.environ.clear()
    os.environ.update(cast("Mapping[str, str]", order["environment"]))
    ahead = timedelta(seconds=cast("float", order["ahead"]))
    if ahead:
        real = custody._now
        custody._now = lambda: real() + ahead
    if order["disk"] is not None:
        break_disk(DiskFault(**cast("dict[str, str]", order["disk"])))  # type: ignore[arg-type] # made by asdict
    os.close(gate[1])
    if order["gated"]:
        os.read(gate[0], 1)
    return custody.main(cast("Sequence[str]", order["arguments"]))


def _app(folder: Path) -> int:
    from tests.torture.apps import live

    live(folder)
    return 0


def main() -> None:
    """Import what the children need, then fork as ordered."""
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    for name in _IMPORTED:
        import_module(name)
    # an event loop imports more on its first run
    asyncio.run(asyncio.sleep(0))
    _Smith().work()


if __name__ == "__main__":
    main()
