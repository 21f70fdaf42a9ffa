"""Processes of the custody room: started apart from the caller, and waited for without holding it up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar, cast

_Result = TypeVar("_Result")
#: What a Python process needs to find itself; everything else of the environment stays behind.
_KEPT: Final = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV"}
)
_TEST_ONLY: Final = ("POOLWATCH_TEST", "POOLWATCH_FAILPOINT", "COVERAGE_")


def bare_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The few variables that a spending process gets; no proxy, key or setting is among them."""
    kept = {name: value for name, value in environ.items() if name in _KEPT or name.startswith("PYTHON")}
    if environ.get("POOLWATCH_TEST") == "1":
        kept |= {name: value for name, value in environ.items() if name.startswith(_TEST_ONLY)}
    return kept


def full_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a codex that is started as its owner would: all but poolwatch's own variables."""
    kept = {name: value for name, value in environ.items() if not name.startswith("POOLWATCH_")}
    return kept | bare_environment(environ)


def start_apart(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `python -m poolwatch.custody` in a session of its own, tied to no terminal. Raises OSError."""
    return subprocess.Popen(
        # -P: a folder that poolwatch happens to be started in has no say in what is imported
        [sys.executable, "-P", "-m", "poolwatch.custody", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,
        close_fds=True,
    )


async def in_thread(work: Callable[[], _Result]) -> _Result:
    """Run blocking work on a thread that neither a cancelled caller nor the end of the program waits for.

    asyncio.to_thread would: its threads are joined at exit, and quitting in a refresh would hang.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()

    def settle(result: _Result | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("_Result", result))

    def run() -> None:
        result: _Result | None = None
        problem: Exception | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - carried over to the waiting caller
            problem = error
        with contextlib.suppress(RuntimeError):
            # the loop may be closed: nobody is left to tell
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name="custody", daemon=True).start()
    return await future


def own_environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ
