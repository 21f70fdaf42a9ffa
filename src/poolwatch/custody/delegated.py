"""Asks the installed codex to renew its own login: its refresh token is spent by nobody else."""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import IO, Final

from poolwatch import __version__
from poolwatch.custody.json_text import JsonObject, object_at, parse_object
from poolwatch.custody.login_lock import PATIENCE_SECONDS as LOCK_PATIENCE_SECONDS
from poolwatch.custody.processes import full_environment, own_environment, start_apart
from poolwatch.custody.state_dir import StateDir
from poolwatch.host.locks import held
from poolwatch.host.threads import in_thread

#: A refresh of codex may take this long; ending it sooner could lose its login.
PATIENCE_SECONDS: Final = 90.0
#: The key of the lock under which one codex at a time is asked.
CODEX_LOCK: Final = "codex"
_GOODBYE_SECONDS: Final = 10.0
_LINE_BYTES: Final = 1024 * 1024
_MOST_LINES: Final = 1_000
# Codex puts its client's name before its own version, as if poolwatch were at that version. With this it puts
# the name of its command line there, and the client stays named behind.
_OWN_NAME: Final = {"CODEX_INTERNAL_ORIGINATOR_OVERRIDE": "codex_cli_rs"}


class CodexAnswer(Enum):
    """How the question to codex ended; the value is the exit status of the process that asked."""

    ANSWERED = 0
    LOGIN_DEAD = 20
    ERROR = 21
    SILENT = 22
    NOT_STARTED = 23
    BUSY = 24


def find_codex(environ: Mapping[str, str]) -> Path | None:
    """The codex program on the PATH, or None."""
    found = shutil.which("codex", path=environ.get("PATH", ""))
    return Path(found) if found else None


async def delegate(
    codex: Path, home: Path, state_dir: Path, on_started: Callable[[int], None] = lambda pid: None
) -> CodexAnswer:
    """Have codex read its limits once, which renews an expired login, from a process apart.

    Whether the login is dead codex tells by its account alone: the limits fail in the same words for that
    and for a login service that is down.

    It goes on to its end if the caller does not; cancelling stops the waiting alone. `on_started` is called
    on another thread with the number of that process.
    """
    return await in_thread(lambda: _delegate(codex, home, state_dir, on_started))


def _delegate(codex: Path, home: Path, state_dir: Path, on_started: Callable[[int], None]) -> CodexAnswer:
    if StateDir(state_dir).prepare() is not None:
        return CodexAnswer.NOT_STARTED
    order = ("delegate", f"--state={state_dir}", f"--codex={codex}", f"--home={home}")
    try:
        process = start_apart(order, full_environment(own_environment()))
        on_started(process.pid)
        return CodexAnswer(process.wait())
    except (OSError, ValueError):
        return CodexAnswer.NOT_STARTED


def ask_codex(
    codex: Path, home: Path, state: StateDir, patience_seconds: float = PATIENCE_SECONDS
) -> CodexAnswer:
    """Run `codex app-server` on a home and read its limits; one home at a time on this machine's state."""
    try:
        with held(state.lock(CODEX_LOCK), LOCK_PATIENCE_SECONDS) as mine:
            return _ask(codex, home, patience_seconds) if mine else CodexAnswer.BUSY
    except OSError:
        return CodexAnswer.NOT_STARTED


def _ask(codex: Path, home: Path, patience_seconds: float) -> CodexAnswer:
    environment = {**_OWN_NAME, **own_environment(), "CODEX_HOME": str(home)}
    process = subprocess.Popen(
        [codex, "app-server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=home,
        start_new_session=True,
    )
    if process.stdin is None or process.stdout is None:
        return CodexAnswer.NOT_STARTED
    answer = _talk(process.stdin, process.stdout, patience_seconds)
    with contextlib.suppress(OSError):
        process.stdin.close()
    if answer is CodexAnswer.SILENT:
        # perhaps in the middle of its refresh: it is left to end by itself
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
        return answer
    try:
        process.wait(_GOODBYE_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
    return answer


def _talk(to_codex: IO[bytes], from_codex: IO[bytes], patience_seconds: float) -> CodexAnswer:
    # app-server speaks newline JSON without a "jsonrpc" key
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_pump, args=(from_codex, lines), daemon=True).start()
    client: JsonObject = {"name": "poolwatch", "title": "poolwatch", "version": __version__}
    try:
        _say(to_codex, {"id": 0, "method": "initialize", "params": {"clientInfo": client}})
        hello = _reply_to(0, lines, patience_seconds)
        if not isinstance(hello, dict):
            return hello
        _say(to_codex, {"method": "initialized"})
        _say(to_codex, {"id": 1, "method": "account/rateLimits/read"})
    except OSError:
        return CodexAnswer.ERROR
    limits = _reply_to(1, lines, patience_seconds)
    if not isinstance(limits, dict):
        return limits
    try:
        _say(to_codex, {"id": 2, "method": "account/read", "params": {}})
    except OSError:
        return CodexAnswer.ERROR
    account = _reply_to(2, lines, patience_seconds)
    if account is CodexAnswer.SILENT:
        return account
    if isinstance(account, dict) and _is_signed_out(account):
        return CodexAnswer.LOGIN_DEAD
    return CodexAnswer.ERROR if object_at(limits, "error") is not None else CodexAnswer.ANSWERED


def _is_signed_out(reply: JsonObject) -> bool:
    """Whether codex says that it has no account where it needs one: it has given up its login."""
    found = object_at(reply, "result")
    if found is None:
        return False
    return found.get("requiresOpenaiAuth") is True and "account" in found and found["account"] is None


def _say(to_codex: IO[bytes], message: JsonObject) -> None:
    to_codex.write(json.dumps(message).encode() + b"\n")
    to_codex.flush()


def _reply_to(number: int, lines: queue.Queue[bytes], patience_seconds: float) -> JsonObject | CodexAnswer:
    for _ in range(_MOST_LINES):
        try:
            line = lines.get(timeout=patience_seconds)
        except queue.Empty:
            return CodexAnswer.SILENT
        if not line:
            return CodexAnswer.ERROR
        found = parse_object(line)
        if found is not None and found.get("id") == number and "method" not in found:
            return found
    return CodexAnswer.ERROR


def _pump(from_codex: IO[bytes], lines: queue.Queue[bytes]) -> None:
    with from_codex:
        while line := from_codex.readline(_LINE_BYTES):
            lines.put(line)
    lines.put(b"")
