"""The installed codex: which one works on a home, and how it is asked to renew its login or use a reset.

Its refresh token is spent by nobody else; two codexes that renew one login at once would race for it. Seen
on Codex 0.169 and 0.171: the daemon's updater never renews, and a daemon that listens on a Unix socket renews
only what a client asks it for. Every other codex works, and so does one that cannot be told.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

from poolwatch import __version__
from poolwatch.custody.login_lock import PATIENCE_SECONDS as LOCK_PATIENCE_SECONDS
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.values import replace
from poolwatch.host.locks import held
from poolwatch.host.threads import in_thread
from poolwatch.once.json_text import JsonObject, object_at, parse_object, text_at
from poolwatch.once.process import bare_environment, own_environment, start_module

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
PROC: Final = Path("/proc")
_CODEX: Final = re.compile(r"codex(\.js|\.exe|-(cli|tui|exec|app-server|(x86_64|aarch64)-.*))?")
_TABLE_BYTES: Final = 16 * 1024 * 1024
_UPDATER: Final = ("app-server", "daemon", "pid-update-loop")
_APP_SERVER: Final = "app-server"
_LISTEN: Final = "--listen"
_UNIX: Final = "unix:"
#: its clients are on other machines
_REMOTE: Final = "--remote-control"
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")
#: in the table of Unix sockets: one that takes connections
_ACCEPTS: Final = 0x10000
_TCP_ESTABLISHED: Final = "01"


#: As it names itself: `codex_cli_rs/0.171.0 (…) (poolwatch; …)`.
_VERSION: Final = re.compile(r"/(\d{1,4})\.(\d{1,4})\.")
_KEEPS_SINCE: Final = (0, 159)


class CodexAnswer(Enum):
    """How the question to codex ended; the value is the exit status of the process that asked."""

    ANSWERED = 0
    LOGIN_DEAD = 20
    ERROR = 21
    SILENT = 22
    NOT_STARTED = 23
    BUSY = 24
    TOO_OLD = 25


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
        process = start_module("poolwatch.custody", order, full_environment(own_environment()))
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
            return _ask(codex, home, patience_seconds, _talk) if mine else CodexAnswer.BUSY
    except OSError:
        return CodexAnswer.NOT_STARTED


@dataclass(frozen=True, slots=True)
class ResetByCodex:
    """What came of having codex use a banked reset; `sent` False: codex was not asked for it.

    `reply` is its answer as JSON, None where there is none; `ended` says how the talk did.
    """

    ended: CodexAnswer
    sent: bool = False
    reply: bytes | None = field(default=None, repr=False)


def use_reset_by_codex(
    codex: Path,
    home: Path,
    state: StateDir,
    request_id: str,
    reset_id: str,
    patience_seconds: float = PATIENCE_SECONDS,
) -> ResetByCodex:
    """Have the `codex app-server` of a home use one banked reset, by one request that is never repeated.

    A codex that is too old to keep to the request's id is not asked.
    """
    found = [ResetByCodex(CodexAnswer.NOT_STARTED)]

    def talk(to_codex: IO[bytes], lines: queue.Queue[bytes], patience_seconds: float) -> CodexAnswer:
        found[0] = _use_reset(to_codex, lines, patience_seconds, request_id, reset_id)
        return found[0].ended

    try:
        with held(state.lock(CODEX_LOCK), LOCK_PATIENCE_SECONDS) as mine:
            if not mine:
                return ResetByCodex(CodexAnswer.BUSY)
            ended = _ask(codex, home, patience_seconds, talk)
    except OSError:
        return replace(found[0], ended=CodexAnswer.NOT_STARTED)
    return replace(found[0], ended=ended)


def _use_reset(
    to_codex: IO[bytes], lines: queue.Queue[bytes], patience_seconds: float, request_id: str, reset_id: str
) -> ResetByCodex:
    hello = _greet(to_codex, lines, patience_seconds)
    if not isinstance(hello, dict):
        return ResetByCodex(hello)
    if not _keeps_to_requests(hello):
        return ResetByCodex(CodexAnswer.TOO_OLD)
    params: JsonObject = {"idempotencyKey": request_id, "creditId": reset_id}
    try:
        _say(to_codex, {"id": 1, "method": "account/rateLimitResetCredit/consume", "params": params})
    except OSError:
        # a part of it may have arrived
        return ResetByCodex(CodexAnswer.ERROR, sent=True)
    reply = _reply_to(1, lines, patience_seconds)
    if not isinstance(reply, dict):
        return ResetByCodex(reply, sent=True)
    return ResetByCodex(CodexAnswer.ANSWERED, sent=True, reply=json.dumps(reply).encode())


def _keeps_to_requests(hello: JsonObject) -> bool:
    """Whether this codex takes the id of a request and that of a reset; before 0.159 it could do without."""
    told = text_at(object_at(hello, "result") or {}, "userAgent") or ""
    version = _VERSION.search(told)
    return version is not None and (int(version[1]), int(version[2])) >= _KEEPS_SINCE


def _ask(
    codex: Path,
    home: Path,
    patience_seconds: float,
    talk: Callable[[IO[bytes], queue.Queue[bytes], float], CodexAnswer],
) -> CodexAnswer:
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
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    answer = talk(process.stdin, lines, patience_seconds)
    with suppress(OSError):
        process.stdin.close()
    if answer is CodexAnswer.SILENT:
        # perhaps in the middle of its refresh: it is left to end by itself
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
        return answer
    try:
        process.wait(_GOODBYE_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
    return answer


def _greet(
    to_codex: IO[bytes], lines: queue.Queue[bytes], patience_seconds: float
) -> JsonObject | CodexAnswer:
    """Begin the talk: what codex says of itself. It speaks newline JSON without a "jsonrpc" key."""
    client: JsonObject = {"name": "poolwatch", "title": "poolwatch", "version": __version__}
    try:
        _say(to_codex, {"id": 0, "method": "initialize", "params": {"clientInfo": client}})
        hello = _reply_to(0, lines, patience_seconds)
        if isinstance(hello, dict):
            _say(to_codex, {"method": "initialized"})
    except OSError:
        return CodexAnswer.ERROR
    return hello


def _talk(to_codex: IO[bytes], lines: queue.Queue[bytes], patience_seconds: float) -> CodexAnswer:
    hello = _greet(to_codex, lines, patience_seconds)
    if not isinstance(hello, dict):
        return hello
    try:
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


def full_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a codex that is started as its owner would: all but poolwatch's own variables."""
    kept = {name: value for name, value in environ.items() if not name.startswith("POOLWATCH_")}
    return kept | bare_environment(environ)


@dataclass(frozen=True, slots=True)
class _Process:
    """One process whose program is codex, or an interpreter that runs it: `node …/bin/codex`."""

    pid: int
    parent: int
    words: tuple[str, ...]

    @property
    def is_launcher(self) -> bool:
        """Whether it only may have started the codex that counts."""
        return not _is_codex(self.words[0])


def working_codex(home: Path, proc: Path = PROC) -> int | None:
    """The process id of a codex that works on this home, as far as the process table tells; blocks on /proc.

    None also where only an updater or a daemon without a client lives there.
    """
    return min((pid for pid, works in codexes(home, proc).items() if works), default=None)


def codexes(home: Path, proc: Path = PROC) -> dict[int, bool]:
    """The process ids of all codexes that live on this home, and whether each works; blocks on /proc."""
    wanted = os.path.realpath(home)
    try:
        entries = [entry for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError:
        return {}
    found = [codex for entry in entries if (codex := _codex(entry)) is not None and _uses(entry, wanted)]
    parents = {codex.parent for codex in found}
    judged = [each for each in found if not (each.is_launcher and each.pid in parents)]
    return {each.pid: _works(each, proc) for each in judged}


def _codex(process: Path) -> _Process | None:
    words = tuple(os.fsdecode(word) for word in _read(process / "cmdline").split(b"\0") if word)
    if int(process.name) == os.getpid() or not any(_is_codex(word) for word in words[:2]):
        return None
    # "4711 (a name with ) and blanks) S 1 …": the parent is the second field after the name
    fields = _read(process / "stat").rpartition(b")")[2].split()
    parent = int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
    return _Process(int(process.name), parent, words)


def _is_codex(word: str) -> bool:
    return _CODEX.fullmatch(Path(word).name) is not None


def _uses(process: Path, wanted: str) -> bool:
    variables = {
        name: value
        for name, _, value in (
            os.fsdecode(item).partition("=") for item in _read(process / "environ").split(b"\0")
        )
    }
    named = variables.get("CODEX_HOME")
    if not named:
        if "HOME" not in variables:
            # another user's process, or one that hides: it cannot be told, and is not this user's home
            return False
        named = str(Path(variables["HOME"]) / ".codex")
    try:
        place = (process / "cwd").readlink() / named
    except OSError:
        place = Path(named)
    return os.path.realpath(place) == wanted


def _works(codex: _Process, proc: Path) -> bool:
    words = codex.words
    if any(words[at : at + len(_UPDATER)] == _UPDATER for at in range(len(words))):
        return False
    if not _is_daemon(words):
        return True
    try:
        return _has_client(proc / str(codex.pid))
    except ValueError:
        return True


def _is_daemon(words: Sequence[str]) -> bool:
    if _APP_SERVER not in words or _REMOTE in words:
        return False
    listens = [word.partition("=")[2] for word in words if word.startswith(f"{_LISTEN}=")]
    listens += [after for word, after in pairwise(words) if word == _LISTEN]
    return bool(listens) and all(place.startswith(_UNIX) for place in listens)


def _has_client(process: Path) -> bool:
    """Whether anybody is connected to a daemon, or it to a service: a turn outlives the client it is for."""
    sockets = _sockets(process / "fd")
    # number, users, protocol, flags, type, state, inode, and the path of one that has a name
    named = [row for row in _rows(process / "net" / "unix") if len(row) > 7]
    doors = {row[7] for row in named if row[6] in sockets and int(row[3], 16) & _ACCEPTS}
    if not doors:
        return True  # not readable, or on its way up or down
    if any(row[7] in doors and not int(row[3], 16) & _ACCEPTS for row in named):
        return True
    tables = (_rows(process / "net" / name) for name in ("tcp", "tcp6"))
    return any(
        len(row) > 9 and row[9] in sockets and row[3] == _TCP_ESTABLISHED for rows in tables for row in rows
    )


def _sockets(handles: Path) -> frozenset[str]:
    found = set()
    with suppress(OSError):
        for handle in handles.iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                link = _SOCKET.fullmatch(str(handle.readlink()))
                if link is not None:
                    found.add(link[1])
    return frozenset(found)


def _rows(table: Path) -> list[list[str]]:
    return [line.split() for line in _read(table).decode(errors="replace").splitlines()[1:]]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_TABLE_BYTES)
    except OSError:
        return b""
