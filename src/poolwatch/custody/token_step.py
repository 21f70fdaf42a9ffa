"""The token step of a refresh for logins in files: who may renew this one, how it is done, how it ends.

A login that poolwatch keeps is renewed by a process of its own, whose outcome is read from the journal.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Final

from msgspec.json import encode

from poolwatch.config.settings import DEFAULT_NET, NetSettings
from poolwatch.custody import outcomes
from poolwatch.custody.attempt import RefreshAttempt, RefreshJournal, settled_login
from poolwatch.custody.codex import CODEX_LOCK, CodexAnswer, delegate, find_codex, working_codex
from poolwatch.custody.login_file import Fingerprint, Login
from poolwatch.custody.login_lock import Sent, read_note
from poolwatch.custody.outcomes import clause, shown
from poolwatch.custody.protocol import Seen
from poolwatch.custody.recovery import recover_one
from poolwatch.custody.spent_tokens import refusal, too_soon
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.custody.waiting import anything_waits_for
from poolwatch.domain.account import Custody, Listing, LoginKind
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.message import message
from poolwatch.domain.refresh import Awaited, BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.status import codex_may_renew
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, refuse_odd
from poolwatch.host.locks import is_stopped, lock_holder
from poolwatch.host.threads import in_thread
from poolwatch.net.proxy import heeded
from poolwatch.once.journal import Stage
from poolwatch.once.process import UNREPORTED, bare_environment, own_environment, start_module, told

_ANSWERS: Final = {
    CodexAnswer.ANSWERED: "custody.codex_did_not_renew",
    CodexAnswer.ERROR: "custody.codex_could_not_renew",
    CodexAnswer.SILENT: "custody.codex_silent",
    CodexAnswer.NOT_STARTED: "custody.codex_not_started",
    CodexAnswer.TOO_OLD: "custody.codex_could_not_renew",
}


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What the token step may do, and with what."""

    state_dir: Path
    token_url: str
    fingerprint: Fingerprint
    net: NetSettings = DEFAULT_NET
    delegate_to_codex: bool = True
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class TokenAsk:
    """One token step asked for. All fingerprints are keyed; `now` is aware UTC.

    `other_holders`: refresh tokens in other files than this one. `rejected`: access tokens that the service
    refused, which count as expired.
    `beside_codex`: a person wants codex to renew its login although another codex works on its home.
    `spacing`: nothing is sent when any run sent something for this account less than this ago.
    """

    now: datetime
    try_once: bool = False
    other_holders: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    beside_codex: bool = False
    spacing: timedelta = timedelta(0)


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


async def token_step(
    listing: Listing,
    path: Path,
    rules: TokenRules,
    ask: TokenAsk,
    on_delegating: Callable[[], None] = lambda: None,
    on_waiting: Callable[[Awaited], None] = lambda found: None,
) -> TokenStep:
    """Renew the login in a file if poolwatch keeps it, take over what its owner renewed, or say who must.

    `on_delegating` is called when the installed codex starts to renew its own login, `on_waiting` when a
    process that is waited for does not come.
    """
    if not listing.login.has_usage:
        return TokenStep(TokenOutcome.NONE, block=BlockReason(listing.login.value))
    if listing.custody is Custody.STATIC or listing.login is LoginKind.PERSONAL_ACCESS_TOKEN:
        return TokenStep(TokenOutcome.NONE)
    login = await _read(path, rules)
    if isinstance(login, FileProblem):
        why = message("custody.unusable_login", path=shown(path), why=clause(login))
        return outcomes.path_blocked(path, why)
    if login is None:
        return outcomes.path_blocked(path, message("custody.no_login", path=shown(path)))
    changed = login.fingerprint != listing.token.fingerprint
    if login.kind is not LoginKind.OAUTH:
        # signed in anew with a key or a personal token: there is nothing to renew any more
        return TokenStep(TokenOutcome.ADOPTED)
    if listing.custody is Custody.POOLWATCH:
        if changed and _is_live(login, ask):
            return _taken(TokenOutcome.ADOPTED, login)
        return await _renew(login, path, rules, ask, on_waiting)
    if _is_live(login, ask):
        return _taken(TokenOutcome.ADOPTED if changed else TokenOutcome.CURRENT, login)
    if listing.custody is Custody.CODEX:
        return await _delegate(login, path, rules, ask, on_delegating, on_waiting)
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.OTHER_MUST_RENEW,
        detail=listing.owner or None,
        refresh_fingerprint=login.refresh_fingerprint,
    )


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
    named = {
        "state": request.state_dir,
        "file": request.file,
        "token-url": request.token_url,
        "seen": request.seen,
        "attempt": attempt,
        "account": request.account_id,
        "user": request.user_id,
        "net": encode(request.net).decode() if request.net != DEFAULT_NET else None,
    }
    flags = ("--try-once",) if request.try_once else ()
    return ("spend", *(f"--{name}={value}" for name, value in named.items() if value is not None), *flags)


def start_apart(order: Sequence[str], environment: Mapping[str, str]) -> Popen[bytes]:
    """Start `python -m poolwatch.custody` in a session of its own. Raises OSError."""
    return start_module("poolwatch.custody", order, environment)


def awaited(lock: Path, started: int | None = None) -> Awaited:
    """Who holds a lock file, else the process that was started for the work."""
    pid = lock_holder(lock) or started
    return Awaited(pid, stopped=pid is not None and is_stopped(pid))


def _spend(
    request: SpendRequest, fingerprint: Fingerprint, now: datetime, on_started: Callable[[int], None]
) -> TokenStep:
    state = StateDir(request.state_dir)
    problem = state.prepare()
    if problem is not None:
        return outcomes.not_spent(problem, state.root)
    attempt = RefreshAttempt(request.file, secrets.token_hex(8), now, request.account_id, request.user_id)
    try:
        environment = bare_environment(own_environment(), heeded(request.net))
        process = start_apart(arguments(request, attempt.id), environment)
    except (OSError, ValueError):
        return outcomes.failed(FailureKind.TOKEN_REFRESH, "custody.process_not_started")
    on_started(process.pid)
    status = process.wait()
    return _outcome(state, attempt, status, lambda sent: recover_one(state, sent, fingerprint, now))


def _outcome(
    state: StateDir, attempt: RefreshAttempt, status: int, recovered: Callable[[RefreshAttempt], TokenStep]
) -> TokenStep:
    try:
        last = RefreshJournal(state.journal(attempt.account)).outcome(attempt.id)
        if last is not None and last.step is not None:
            return last.step
        # unreported: the note of the sending is there, but was not forced to disk, so nothing was sent
        if last is not None and last.stage is Stage.SENDING and status != UNREPORTED:
            return recovered(replace(attempt, at=last.at, refresh_fingerprint=last.refresh_fingerprint))
        if last is None:
            sent = read_note(attempt.file, attempt.ids).attempt(attempt.id)
            if sent is not None:
                return _journal_gone(state, sent)
    except OSError as error:
        problem = FileProblem.of(error, state.folder)
        why = message("custody.journal_unreadable", path=shown(problem.path), why=clause(problem))
        return outcomes.path_blocked(state.folder, why)
    if status == UNREPORTED:
        return outcomes.path_blocked(state.folder, message("custody.unwritable", path=shown(state.folder)))
    if not state.folder.exists():
        return outcomes.path_blocked(state.folder, message("custody.removed", path=shown(state.folder)))
    return outcomes.failed(FailureKind.TOKEN_REFRESH, "custody.process_ended", status=status)


def _journal_gone(state: StateDir, sent: Sent) -> TokenStep:
    """The token was sent, and the state directory is gone: what stands beside the login tells the end."""
    if sent.outcome is TokenOutcome.REFRESHED:
        return TokenStep(TokenOutcome.REFRESHED)
    return outcomes.ambiguous(
        sent.at, None, message("custody.removed_after_sending", path=shown(state.folder))
    )


async def _renew(
    login: Login, path: Path, rules: TokenRules, ask: TokenAsk, on_waiting: Callable[[Awaited], None]
) -> TokenStep:
    mark = login.refresh_fingerprint
    if rules.read_only:
        return TokenStep(TokenOutcome.BLOCKED, block=BlockReason.READ_ONLY, refresh_fingerprint=mark)
    if mark is None:
        return outcomes.dead(LoginProblem.UNUSABLE_FILE, None)
    if mark in ask.other_holders:
        return _conflict(path, mark)
    file, refused = await in_thread(lambda: _before(login, mark, path, rules, ask))
    if refused is not None:
        return refused
    request = SpendRequest(
        state_dir=rules.state_dir,
        file=file,
        token_url=rules.token_url,
        seen=Seen(login.fingerprint, mark),
        account_id=login.account_id,
        user_id=login.user_id,
        try_once=ask.try_once,
        net=rules.net,
    )
    started: list[int] = []
    lock = StateDir(rules.state_dir).lock(account_key(login.user_id, login.account_id, file))
    return await told(
        spend(request, rules.fingerprint, ask.now, started.append),
        lambda: awaited(lock, *started),
        on_waiting,
    )


def _before(
    login: Login, mark: str, path: Path, rules: TokenRules, ask: TokenAsk
) -> tuple[Path, TokenStep | None]:
    """The file behind any link, and why its refresh token is not worth a process."""
    state, file = StateDir(rules.state_dir), Path(os.path.realpath(path))
    account = account_key(login.user_id, login.account_id, file)
    try:
        refuse_odd(state.lock(account))
        # an interrupted refresh may hold the next login: the process finishes that first
        waits = anything_waits_for(state, account, mark, rules.fingerprint)
        refused = None if waits else refusal(state, account, mark, try_once=ask.try_once)
        return file, refused or too_soon(state, account, mark, ask.now, ask.spacing)
    except OSError as error:
        return file, outcomes.disk_blocked(error, state.folder)


async def _delegate(
    login: Login,
    path: Path,
    rules: TokenRules,
    ask: TokenAsk,
    on_delegating: Callable[[], None],
    on_waiting: Callable[[Awaited], None],
) -> TokenStep:
    mark, home = login.refresh_fingerprint, path.parent
    codex = find_codex(own_environment())
    working = await in_thread(lambda: working_codex(home))
    reason = None
    if working is not None and _codex_has_time(login, ask):
        reason = BlockReason.CODEX_RUNNING
    elif working is not None and not ask.beside_codex:
        reason = BlockReason.CODEX_LATE
    elif rules.read_only:
        reason = BlockReason.READ_ONLY
    elif not rules.delegate_to_codex:
        reason = BlockReason.DELEGATION_OFF
    elif codex is None:
        reason = BlockReason.CODEX_MISSING
    if reason is not None or codex is None:
        return _codex_blocked(reason or BlockReason.CODEX_MISSING, home, mark, working)
    lock = StateDir(rules.state_dir).lock(CODEX_LOCK)
    try:
        refuse_odd(lock)
    except OSError as error:
        problem = FileProblem.of(error, rules.state_dir)
        why = message("custody.codex_not_asked", path=shown(problem.path), why=clause(problem))
        return outcomes.path_blocked(home, why)
    on_delegating()
    started: list[int] = []
    began = asyncio.get_running_loop().time()
    answer = await told(
        delegate(codex, home, rules.state_dir, started.append), lambda: awaited(lock, *started), on_waiting
    )
    took = asyncio.get_running_loop().time() - began
    renewed = await _read(path, rules)
    if isinstance(renewed, Login) and renewed.fingerprint != login.fingerprint and _is_live(renewed, ask):
        return replace(_taken(TokenOutcome.DELEGATED, renewed), took_seconds=took)
    return replace(_unrenewed(answer, home, mark), took_seconds=took)


def _unrenewed(answer: CodexAnswer, home: Path, mark: str | None) -> TokenStep:
    if answer is CodexAnswer.LOGIN_DEAD:
        return _codex_blocked(BlockReason.CODEX_LOGIN_DEAD, home, mark)
    if answer is CodexAnswer.BUSY:
        return _codex_blocked(BlockReason.HOST_BUSY, home, mark)
    return outcomes.failed_at(home, FailureKind.TOKEN_REFRESH, message(_ANSWERS[answer]), mark)


def _codex_has_time(login: Login, ask: TokenAsk) -> bool:
    """Whether a codex that works is expected to renew it by itself: not what the service refuses."""
    return login.fingerprint not in ask.rejected and codex_may_renew(login.expires_at, ask.now)


def _codex_blocked(
    reason: BlockReason, home: Path, mark: str | None, working: int | None = None
) -> TokenStep:
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=reason,
        problem=LoginProblem.REJECTED if reason is BlockReason.CODEX_LOGIN_DEAD else None,
        detail=shown(home),
        refresh_fingerprint=mark,
        pid=working if reason in (BlockReason.CODEX_RUNNING, BlockReason.CODEX_LATE) else None,
    )


def _conflict(path: Path, mark: str) -> TokenStep:
    why = message("custody.conflict", path=shown(path))
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.CONFLICT,
        failure=Failure(FailureKind.CONFLICT, why.code, why.arguments, detail=shown(path)),
        detail=shown(path),
        refresh_fingerprint=mark,
    )


def _taken(outcome: TokenOutcome, login: Login) -> TokenStep:
    return TokenStep(outcome, refresh_fingerprint=login.refresh_fingerprint)


def _is_live(login: Login, ask: TokenAsk) -> bool:
    if login.access is None or login.fingerprint in ask.rejected:
        return False
    return login.expires_at is None or login.expires_at > ask.now


async def _read(path: Path, rules: TokenRules) -> Login | FileProblem | None:
    return await in_thread(lambda: settled_login(path, rules.fingerprint))
