"""Has session files read: by one process for as long as this one runs, or once for a command."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.running import Running
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.paths import absolute
from poolwatch.config.source_settings import SourceKind
from poolwatch.config.values import at_home
from poolwatch.domain.tokens import ScanState
from poolwatch.host.locks import held
from poolwatch.host.threads import in_thread
from poolwatch.once.process import bare_environment, start_module
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.homes import session_trees
from poolwatch.sessions.progress import WATCH_LOCK_NAME
from poolwatch.sessions.tables import STATUS, BookError, BookProblem
from poolwatch.sources.login_reader import matches

_MODULE: Final = "poolwatch.sessions"
_AUTH_FILE: Final = "auth.json"
#: How often is looked whether files are being read, and by whom.
_TEND_SECONDS: Final = 3.0
#: And how long after a process that could not go on.
_REST_SECONDS: Final = 60.0
_TELL_SECONDS: Final = 0.1
#: Where the use of a home is kept that is asked for alone.
_ALONE: Final = "usage"


def session_homes(around: Surroundings) -> list[str]:
    """The Codex homes whose session files are read: those configured, $CODEX_HOME and ~/.codex."""
    paths = [each.path for each in around.sources if each.kind is SourceKind.CODEX_HOME and each.path]
    homes = [
        place.removesuffix(f"/{_AUTH_FILE}")
        for path in paths
        for place in matches(str(absolute(at_home(path, around.home))))[0]
    ]
    given = around.env.get("CODEX_HOME")
    if given:
        homes.append(str(absolute(given)))
    if around.home is not None:
        homes.append(str(around.home / ".codex"))
    return homes


def book_of_home(around: Surroundings, home: Path) -> Path:
    """The folder in which the use of one home is kept that is asked for by itself."""
    real = os.fsencode(os.path.realpath(home))
    return around.state_dir / _ALONE / hashlib.sha256(real).hexdigest()[:16]


async def read_sessions(
    state_dir: Path, homes: Sequence[str], env: Mapping[str, str], tell: Callable[[ScanState], None]
) -> BookProblem | None:
    """Have everything read that is new, and tell how far it is; why not all was read and kept, else None.

    Another process may be at it already: it is waited for. Cancelling ends what was started. Raises OSError.
    """
    book = UseBook(state_dir)
    process = await in_thread(partial(_start, state_dir, homes, env, watches=False))
    try:
        while process.poll() is None:
            with suppress(BookError):  # it is just being made, or the process will say so
                tell(await in_thread(book.scan_state))
            await asyncio.sleep(_TELL_SECONDS)
    finally:
        _end(process)
    if not process.returncode:
        return None
    found = (problem for problem, status in STATUS.items() if status == process.returncode)
    return next(found, BookProblem.ENDED)


async def keep_reading(running: Running) -> None:
    """See to it that one process reads the session files while this one runs; ends only by cancellation."""
    process: subprocess.Popen[bytes] | None = None
    read: list[str] = []
    try:
        while True:
            around = running.around
            homes = await in_thread(partial(session_homes, around))
            if process is not None and (process.poll() is not None or homes != read):
                has_failed = bool(process.returncode)
                _end(process)
                process = None
                if has_failed:
                    # a full disk, say: who looks at the use is told
                    await running.services.clock.sleep(_REST_SECONDS)
            if process is None and await in_thread(partial(_has_work, around.state_dir, homes)):
                with suppress(OSError):  # no memory for another process: there may be later
                    process = await in_thread(
                        partial(_start, around.state_dir, homes, around.env, watches=True)
                    )
                read = homes
            await running.services.clock.sleep(_TEND_SECONDS)
    finally:
        if process is not None:
            _end(process)


def _has_work(state_dir: Path, homes: Sequence[str]) -> bool:
    """Whether there are session files, and nobody watches them yet."""
    if not session_trees(homes):
        return False
    try:
        with held(state_dir / WATCH_LOCK_NAME) as is_free:
            return is_free
    except OSError:
        return True


def _start(
    state_dir: Path, homes: Sequence[str], env: Mapping[str, str], *, watches: bool
) -> subprocess.Popen[bytes]:
    order = ["--state", str(state_dir), *(part for home in homes for part in ("--home", home))]
    order.append("--watch" if watches else "--tied")
    return start_module(_MODULE, order, bare_environment(env), tied=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it wherever it is: what it read is kept, and what it was reading is read again."""
    process.terminate()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
