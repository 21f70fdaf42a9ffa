"""Processes that go on when their caller does not: started apart, and waited for without holding it up."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from poolwatch.host.threads import in_thread

_Result = TypeVar("_Result")
_Seen = TypeVar("_Seen")
#: Exit status of a process that sent nothing, because it could not note what it does.
UNREPORTED: Final = 75
#: What takes longer than this is told.
TOLD_AFTER_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 1.0
#: What a Python process needs to find itself; everything else of the environment stays behind.
_KEPT: Final = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV"}
)
_TEST_ONLY: Final = ("POOLWATCH_TEST", "POOLWATCH_FAILPOINT", "COVERAGE_")


def bare_environment(environ: Mapping[str, str], also: Collection[str] = ()) -> dict[str, str]:
    """The few variables that a process apart gets, and `also` these; no key or setting is among them."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or name in also or name.startswith("PYTHON")
    }
    if environ.get("POOLWATCH_TEST") == "1":
        kept |= {name: value for name, value in environ.items() if name.startswith(_TEST_ONLY)}
    return kept


def own_environment() -> Mapping[str, str]:
    return os.environ


def start_module(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], *, tied: bool = False
) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE` in a session of its own, tied to no terminal. Raises OSError.

    `tied`: its standard input ends with this process, however that ends.
    """
    return subprocess.Popen(
        # -P: a folder that poolwatch happens to be started in has no say in what is imported
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,
        close_fds=True,
    )


def start_errand(module: str, errand: bytes, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start such a process and tell it on its standard input what to do, where no list of processes shows it.

    Raises OSError.
    """
    process = start_module(module, (), environment, tied=True)
    # one that ended at once takes nothing more
    with suppress(OSError):
        if process.stdin is not None:
            with process.stdin as errands:
                errands.write(errand)
    return process


def stand_alone() -> None:
    """Ignore the signals that end the caller: between the request and the disk nothing must be stopped."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    with suppress(PermissionError):
        # already the leader of a session when poolwatch started it
        os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(nothing, handle)
    os.umask(0o077)
    # a core file would hold what is sent
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def told(
    work: Coroutine[Any, Any, _Result],
    look: Callable[[], _Seen],
    tell: Callable[[_Seen], None],
    after_seconds: float = TOLD_AFTER_SECONDS,
) -> _Result:
    """Wait for the work; when it takes long, tell whom `look` finds it to wait for, and when that changes.

    `look` runs on a thread. Cancelling ends the work as well.
    """
    task = asyncio.create_task(work)
    last: _Seen | None = None
    patience = after_seconds
    try:
        while not (await asyncio.wait({task}, timeout=patience))[0]:
            patience = _LOOK_SECONDS
            with suppress(RuntimeError):  # no thread is to be had: it is told later
                found = await in_thread(look)
                if found != last and not task.done():
                    last = found
                    tell(found)
        return task.result()
    finally:
        task.cancel()


def reach(step: str) -> None:
    """Pass a named point, at which a test may end the process or fail a disk; outside tests it does nothing.

    With POOLWATCH_TEST=1, POOLWATCH_FAILPOINT=<step>:kill|stop|EIO|ENOSPC acts on it.

    Raises:
        OSError: the failure that a test asked for here.
    """
    if os.environ.get("POOLWATCH_TEST") != "1":
        return
    name, _, what = os.environ.get("POOLWATCH_FAILPOINT", "").partition(":")
    if name != step:
        return
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    code = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}[what]
    raise OSError(code, os.strerror(code))
