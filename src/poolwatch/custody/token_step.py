"""The token step of a refresh for logins in files: who may renew this one, and how it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from poolwatch.config.settings import DEFAULT_NET, NetSettings
from poolwatch.custody.auth_file import FileProblem, Fingerprint, Login, read_login
from poolwatch.custody.awaited import awaited, told
from poolwatch.custody.codex_processes import working_codex
from poolwatch.custody.delegated import CODEX_LOCK, CodexAnswer, delegate, find_codex
from poolwatch.custody.files import refuse_odd, shown
from poolwatch.custody.memory import dead_step, path_blocked, refusal, too_soon
from poolwatch.custody.processes import own_environment
from poolwatch.custody.protocol import Seen
from poolwatch.custody.spend import SpendRequest, spend
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.custody.waiting import anything_waits_for
from poolwatch.domain.account import Custody, Listing, LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import Awaited, BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.status import codex_may_renew
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread

_TORN_TRIES: Final = 3
_TORN_PAUSE_SECONDS: Final = 0.05


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
    if not isinstance(login, Login):
        words = login.words if isinstance(login, FileProblem) else "holds no login any more"
        return path_blocked(path, f"{shown(path)}: {words}; nothing was sent")
    changed = login.fingerprint != listing.token.fingerprint
    if login.kind is not LoginKind.OAUTH:
        # signed in anew with a key or a personal token: there is nothing to renew any more
        return TokenStep(TokenOutcome.ADOPTED)
    if listing.custody is Custody.POOLWATCH:
        if changed and _is_live(login, ask):
            return _taken(TokenOutcome.ADOPTED, login)
        return await _spend(login, path, rules, ask, on_waiting)
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


async def _spend(
    login: Login, path: Path, rules: TokenRules, ask: TokenAsk, on_waiting: Callable[[Awaited], None]
) -> TokenStep:
    mark = login.refresh_fingerprint
    if rules.read_only:
        return TokenStep(TokenOutcome.BLOCKED, block=BlockReason.READ_ONLY, refresh_fingerprint=mark)
    if mark is None:
        return dead_step(LoginProblem.UNUSABLE_FILE, None)
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
        words = FileProblem.of(error, state.custody).words
        return file, path_blocked(state.custody, f"not spent: {words}")


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
        return path_blocked(home, f"codex was not asked: {FileProblem.of(error, rules.state_dir).words}")
    on_delegating()
    started: list[int] = []
    began = asyncio.get_running_loop().time()
    answer = await told(
        delegate(codex, home, rules.state_dir, started.append), lambda: awaited(lock, *started), on_waiting
    )
    took = asyncio.get_running_loop().time() - began
    renewed = await _read(path, rules)
    if isinstance(renewed, Login) and renewed.fingerprint != login.fingerprint and _is_live(renewed, ask):
        return TokenStep(
            TokenOutcome.DELEGATED, took_seconds=took, refresh_fingerprint=renewed.refresh_fingerprint
        )
    return replace(_unrenewed(answer, home, mark), took_seconds=took)


def _unrenewed(answer: CodexAnswer, home: Path, mark: str | None) -> TokenStep:
    if answer is CodexAnswer.LOGIN_DEAD:
        return _codex_blocked(BlockReason.CODEX_LOGIN_DEAD, home, mark)
    if answer is CodexAnswer.BUSY:
        return _codex_blocked(BlockReason.HOST_BUSY, home, mark)
    words = {
        CodexAnswer.ANSWERED: "codex answered, but did not renew its login",
        CodexAnswer.ERROR: "codex could not renew its login",
        CodexAnswer.SILENT: "codex did not answer in time; it was left running",
        CodexAnswer.NOT_STARTED: "codex could not be started",
    }[answer]
    failure = worded(FailureKind.TOKEN_REFRESH, words, detail=shown(home))
    return TokenStep(TokenOutcome.FAILED, failure=failure, detail=shown(home), refresh_fingerprint=mark)


def _codex_has_time(login: Login, ask: TokenAsk) -> bool:
    """Whether a codex that works is expected to renew it by itself: not what the service refuses."""
    return login.fingerprint not in ask.rejected and codex_may_renew(login.expires_at, ask.now)


def _codex_blocked(
    reason: BlockReason, home: Path, mark: str | None, working: int | None = None
) -> TokenStep:
    problem = LoginProblem.REJECTED if reason is BlockReason.CODEX_LOGIN_DEAD else None
    pid = working if reason in (BlockReason.CODEX_RUNNING, BlockReason.CODEX_LATE) else None
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=reason,
        problem=problem,
        detail=shown(home),
        refresh_fingerprint=mark,
        pid=pid,
    )


def _conflict(path: Path, mark: str) -> TokenStep:
    words = f"the refresh token in {shown(path)} is in another file too: not spent until one is chosen"
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.CONFLICT,
        failure=worded(FailureKind.CONFLICT, words, detail=shown(path)),
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
    # a file that is just being written by its owner is whole again a moment later
    for _ in range(_TORN_TRIES):
        login = await in_thread(lambda: read_login(path, rules.fingerprint))
        if isinstance(login, Login):
            return login
        await asyncio.sleep(_TORN_PAUSE_SECONDS)
    return await in_thread(lambda: read_login(path, rules.fingerprint))
