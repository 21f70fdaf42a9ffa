"""The channel `exec`: a program of the operator's own, which gets the notice as JSON on stdin.

And how any program is run that takes a notice: without a shell, in a process group of its own, for a limited
time.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import Outgoing, SendOutcome, Sent
from poolwatch.domain.text import visible
from poolwatch.host.threads import in_thread, let_go

#: The whole of its environment.
VARIABLES: Final = ("PATH", "HOME", "LANG", "TZ")
#: After that the program and all of its process group are killed.
DEADLINE_SECONDS: Final = 30.0
#: Bytes of what it says that are looked at: the last ones.
_KEPT_BYTES: Final = 4_096
_LINE_LENGTH: Final = 100
#: How often it is looked whether the program has ended.
_LOOK_SECONDS: Final = 0.02
_PIPE_BYTES: Final = 65_536
_NAME_LENGTH: Final = 60


class Exec:
    """Runs one program at a time, without a shell; one that ends with 0 has taken the notice."""

    def __init__(
        self,
        settings: ChannelSettings,
        env: Mapping[str, str],
        refused: Message | None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """`refused`: why nothing is run, such as a configuration that others can change."""
        self._argv = settings.command
        self._env = {name: env[name] for name in VARIABLES if name in env}
        self._refused = refused
        self._deadline = deadline_seconds
        self._turn = asyncio.Lock()

    async def send(self, notice: Outgoing) -> Sent:
        if self._refused is not None:
            return Sent(SendOutcome.FAILED, self._refused)
        program = program_name(self._argv[0])
        async with self._turn:
            try:
                ended = await run_program(
                    self._argv,
                    notice.body,
                    self._env,
                    folder=home_folder(self._env),
                    seconds=self._deadline,
                )
            except (OSError, ValueError, RuntimeError) as error:
                return Sent(SendOutcome.FAILED, not_started(program, error))
        why = ended.why(program, self._deadline)
        return Sent(SendOutcome.TAKEN) if why is None else Sent(SendOutcome.FAILED, why)


class Ended(Struct, frozen=True):
    """How a program ended: its status, below 0 for a signal; None where its time was over.

    `line` is the last line that it said, made harmless and short.
    """

    status: int | None
    line: str = ""

    def why(self, program: str, seconds: float) -> Message | None:
        """What to tell of an end that is no success; None for one that is."""
        if self.status == 0:
            return None
        if self.status is None:
            return message("channel.too_slow", program=program, seconds=f"{seconds:g}")
        if self.status < 0:
            return message("channel.signalled", program=program, number=-self.status)
        if self.line:
            return message("channel.exited", program=program, status=self.status, said=self.line)
        return message("channel.exited_silently", program=program, status=self.status)


async def run_program(
    argv: Sequence[str], given: bytes, env: Mapping[str, str], *, folder: str, seconds: float
) -> Ended:
    """Run a program with `given` on its stdin; after so many seconds its whole group is killed.

    It is killed likewise when the caller is cancelled. What it leaves behind when it ends by itself is left
    alone.

    Raises:
        OSError: it cannot be started.
    """
    run = _Run(argv, given, env, folder)
    work = asyncio.create_task(in_thread(run.work))
    try:
        await asyncio.wait({work}, timeout=seconds)
    finally:
        if not work.done():
            run.kill()
        let_go(work)
    return await work


class _Run:
    """One run; `work` blocks, `kill` may come from another thread at any time."""

    def __init__(self, argv: Sequence[str], given: bytes, env: Mapping[str, str], folder: str) -> None:
        self._argv = argv
        self._given = memoryview(given)
        self._env = env
        self._folder = folder
        self._said = bytearray()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = False

    def work(self) -> Ended:
        with self._lock:
            if self._is_killed:
                return Ended(None)
            self._process = process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(self._env),
                cwd=self._folder,
                bufsize=0,
                start_new_session=True,
            )
        if process.stdin is None or process.stdout is None:
            return Ended(None)
        with process.stdin, process.stdout, selectors.DefaultSelector() as selector:
            for pipe, event in (
                (process.stdin, selectors.EVENT_WRITE),
                (process.stdout, selectors.EVENT_READ),
            ):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe.fileno(), event, pipe)
            while self._status() is None:
                self._exchange(selector)
            for key in tuple(selector.get_map().values()):
                if key.events & selectors.EVENT_READ:
                    with suppress(OSError):
                        self._hear(key.fd)
        return self._ended(process)

    def kill(self) -> None:
        """Kill the program and all of its group."""
        with self._lock:
            self._is_killed = True
            if self._process is not None and self._process.returncode is None:
                # not waited for yet: the number is still the group's
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _ended(self, process: subprocess.Popen[bytes]) -> Ended:
        return Ended(None if self._is_killed else process.returncode, self._last_line())

    def _status(self) -> int | None:
        with self._lock:
            return self._process.poll() if self._process is not None else None

    def _exchange(self, selector: selectors.BaseSelector) -> None:
        """Give it what it takes, and hear what it says, for a moment."""
        for key, event in selector.select(_LOOK_SECONDS):
            try:
                is_over = self._give(key.fd) if event & selectors.EVENT_WRITE else self._hear(key.fd)
            except BlockingIOError:
                continue
            except OSError:
                # it closed its stdin
                is_over = True
            if is_over:
                selector.unregister(key.fd)
                key.data.close()

    def _give(self, pipe: int) -> bool:
        self._given = self._given[os.write(pipe, self._given[:_PIPE_BYTES]) :]
        return not self._given

    def _hear(self, pipe: int) -> bool:
        piece = os.read(pipe, _PIPE_BYTES)
        self._said += piece
        del self._said[:-_KEPT_BYTES]
        return not piece

    def _last_line(self) -> str:
        lines = bytes(self._said).decode("utf-8", "replace").split("\n")
        told = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return visible(told, _LINE_LENGTH)


def program_name(path: str) -> str:
    """A program as it is told: without its folder."""
    return visible(Path(path).name or path, _NAME_LENGTH)


def not_started(program: str, error: Exception) -> Message:
    """What to tell of a program that cannot be started."""
    number = error.errno if isinstance(error, OSError) else None
    reason = os.strerror(number).lower() if number else type(error).__name__
    return message("channel.not_started", program=program, reason=reason)


def home_folder(env: Mapping[str, str]) -> str:
    """Where a program is started: at home, whatever folder poolwatch was started in."""
    home = env.get("HOME", "")
    return home if home.startswith("/") and Path(home).is_dir() else "/"
