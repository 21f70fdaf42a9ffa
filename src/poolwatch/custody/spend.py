"""Starts the process that spends a token, waits for it, and reads its outcome from the journal."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec.json import encode

from poolwatch.config.settings import DEFAULT_NET, NetSettings
from poolwatch.custody.auth_file import Fingerprint
from poolwatch.custody.errand import Errand
from poolwatch.custody.files import FileProblem, shown
from poolwatch.custody.journal import Journal, Stage
from poolwatch.custody.login_lock import Sent, read_note
from poolwatch.custody.memory import path_blocked
from poolwatch.custody.processes import bare_environment, own_environment, start_apart
from poolwatch.custody.protocol import Seen
from poolwatch.custody.recovery import recover_one
from poolwatch.custody.settle import ambiguous
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread
from poolwatch.net.proxy import heeded

#: Exit status of a spending process that sent nothing, because it could not note what it does.
UNREPORTED: Final = 75


@dataclass(frozen=True, slots=True)
class SpendRequest:
    """One refresh of a login that poolwatch keeps. `file` is resolved; the ids are those in the file."""

    state_dir: Path
    file: Path
    token_url: str
    seen: Seen
    account_id: str | None
    user_id: str | None
    try_once: bool = False
    net: NetSettings = DEFAULT_NET


async def spend(
    request: SpendRequest,
    fingerprint: Fingerprint,
    now: datetime,
    on_started: Callable[[int], None] = lambda pid: None,
) -> TokenStep:
    """Refresh a login in a process of its own, which goes on to its end if the caller does not.

    Cancelling stops the waiting alone. Every failure is an outcome. `on_started` is called on another thread
    with the number of that process.
    """
    return await in_thread(lambda: _spend(request, fingerprint, now, on_started))


def arguments(request: SpendRequest, attempt: str) -> tuple[str, ...]:
    """The command line of the spending process; no token stands in it."""
    named: dict[str, str] = {
        "state": str(request.state_dir),
        "file": str(request.file),
        "token-url": request.token_url,
        "seen": str(request.seen),
        "attempt": attempt,
    }
    if request.account_id is not None:
        named["account"] = request.account_id
    if request.user_id is not None:
        named["user"] = request.user_id
    if request.net != DEFAULT_NET:
        named["net"] = encode(request.net).decode()
    flags = ("--try-once",) if request.try_once else ()
    return ("spend", *(f"--{name}={value}" for name, value in named.items()), *flags)


def _spend(
    request: SpendRequest, fingerprint: Fingerprint, now: datetime, on_started: Callable[[int], None]
) -> TokenStep:
    state = StateDir(request.state_dir)
    problem = state.prepare()
    if problem is not None:
        return path_blocked(state.root, f"not spent: {problem.words}")
    errand = Errand(request.file, secrets.token_hex(8), now, request.account_id, request.user_id)
    try:
        environment = bare_environment(own_environment(), heeded(request.net))
        process = start_apart(arguments(request, errand.attempt), environment)
    except (OSError, ValueError):
        return _not_sent()
    on_started(process.pid)
    status = process.wait()
    return _outcome(state, errand, status, lambda sent: recover_one(state, sent, fingerprint, now))


def _outcome(
    state: StateDir, errand: Errand, status: int, recovered: Callable[[Errand], TokenStep]
) -> TokenStep:
    try:
        last = Journal(state.journal(errand.account)).outcome(errand.attempt)
        if last is not None and last.step is not None:
            return last.step
        # unreported: the note of the sending is there, but was not forced to disk, so nothing was sent
        if last is not None and last.stage is Stage.SENDING and status != UNREPORTED:
            return recovered(replace(errand, at=last.at, refresh_fingerprint=last.refresh_fingerprint))
        if last is None:
            sent = read_note(errand.file, errand.ids).attempt(errand.attempt)
            if sent is not None:
                return _journal_gone(state, replace(errand, at=sent.at), sent)
    except OSError as error:
        return path_blocked(state.custody, FileProblem.of(error, state.custody).words)
    if status == UNREPORTED:
        return path_blocked(state.custody, f"not spent: {shown(state.custody)} cannot be written")
    if not state.custody.exists():
        return path_blocked(state.custody, f"not spent: {shown(state.custody)} was removed meanwhile")
    return _not_sent(status)


def _journal_gone(state: StateDir, errand: Errand, sent: Sent) -> TokenStep:
    """The token was sent, and the state directory is gone: what stands beside the login tells the end."""
    if sent.outcome is TokenOutcome.REFRESHED:
        return TokenStep(TokenOutcome.REFRESHED)
    return ambiguous(errand, f"the refresh was sent, and {shown(state.custody)} was removed before it ended")


def _not_sent(status: int | None = None) -> TokenStep:
    how = "did not start" if status is None else f"ended too soon (status {status})"
    return TokenStep(
        TokenOutcome.FAILED,
        failure=worded(FailureKind.TOKEN_REFRESH, f"the refresh process {how}; nothing was sent"),
    )
