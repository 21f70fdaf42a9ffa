"""Spends one refresh token: under a lock, after everything that can fail was tried, and exactly once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.auth_file import Document, Fingerprint, Login, login_in
from poolwatch.custody.errand import Errand, read_settled
from poolwatch.custody.exchange import (
    REPLY_CAP_BYTES,
    Granted,
    Refused,
    Unclear,
    Unspent,
    Verdict,
)
from poolwatch.custody.failpoint import reach
from poolwatch.custody.files import FileProblem, Reservation, replace_problem, shown
from poolwatch.custody.journal import Journal, Stage
from poolwatch.custody.lock import PATIENCE_SECONDS, held
from poolwatch.custody.memory import dead_step, path_blocked, refusal, remember_dead
from poolwatch.custody.settle import ambiguous, bring_home, finish_pending
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.remake import replace

_SPACE_BYTES: Final = 64 * 1024
_NOTE_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """The fingerprints of the tokens that a caller wants replaced; others in the file are adopted instead."""

    access: str | None
    refresh: str | None

    def __str__(self) -> str:
        return f"{self.access or '-'}:{self.refresh or '-'}"

    @classmethod
    def parse(cls, text: str) -> Seen:
        """The inverse of str()."""
        access, _, refresh = text.partition(":")
        return cls(None if access in ("", "-") else access, None if refresh in ("", "-") else refresh)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the protocol takes from its process: fingerprints, the clock, and the one request."""

    fingerprint: Fingerprint
    now: Callable[[], datetime]
    send: Callable[[Secret], Verdict]
    patience_seconds: float = PATIENCE_SECONDS
    #: called before a sending is noted, so that nothing but the request lies behind the note
    prepare: Callable[[], None] = lambda: None


def spend_login(
    state: StateDir, errand: Errand, seen: Seen, tools: Tools, *, try_once: bool = False
) -> TokenStep:
    """Exchange the refresh token of a file that poolwatch keeps; every outcome stands in the journal.

    Raises:
        OSError: the outcome could not be noted; then nothing was sent.
    """
    with held(state.lock(errand.lock), tools.patience_seconds) as mine:
        if not mine:
            step = TokenStep(TokenOutcome.BLOCKED, block=BlockReason.HOST_BUSY)
        else:
            reach("locked")
            found = _ready(state, errand, seen, tools, try_once)
            if not isinstance(found, TokenStep):
                return _exchange(state, found, tools)
            step = found
        Journal(state.journal(errand.account)).append(errand.entry(Stage.ENDED, tools.now(), step))
        return step


def _clear_abandoned(errand: Errand) -> None:
    """Give back the space of processes that were killed: the lock's holder alone makes such files."""
    for path in errand.file.parent.iterdir():
        if path.name.startswith(f".{errand.file.name}.") and path.name.endswith(".tmp"):
            with suppress(OSError):
                path.unlink()


@dataclass(frozen=True, slots=True)
class _Ready:
    errand: Errand
    token: Secret
    home: Reservation
    pending: Reservation


def _ready(state: StateDir, errand: Errand, seen: Seen, tools: Tools, try_once: bool) -> _Ready | TokenStep:
    finish_pending(state, errand.lock, tools.fingerprint, tools.now())
    if state.pending(errand.lock).exists():
        words = (
            f"the login of an earlier refresh waits to be written to {shown(errand.file)}; nothing was sent"
        )
        return path_blocked(errand.file, words)
    document = read_settled(errand.file)
    if isinstance(document, FileProblem):
        return path_blocked(errand.file, f"{shown(errand.file)}: {document.words}; nothing was sent")
    login = login_in(document.root, tools.fingerprint) if document is not None else None
    if document is None or login is None:
        return path_blocked(errand.file, f"{shown(errand.file)} holds no login; nothing was sent")
    reach("read")
    if (login.token_account_id, login.user_id) != (errand.account_id, errand.user_id):
        words = f"{shown(errand.file)} holds another account by now; nothing was sent"
        return TokenStep(TokenOutcome.FAILED, failure=Failure(FailureKind.OTHER_ACCOUNT, words))
    if seen != Seen(login.fingerprint, login.refresh_fingerprint):
        return TokenStep(TokenOutcome.ADOPTED, refresh_fingerprint=login.refresh_fingerprint)
    if login.refresh is None or login.refresh_fingerprint is None:
        return dead_step(LoginProblem.UNUSABLE_FILE, None)
    refused = refusal(state, errand.account, login.refresh_fingerprint, try_once=try_once)
    if refused is not None:
        return refused
    tools.prepare()
    errand = replace(
        errand,
        at=tools.now(),
        refresh_fingerprint=login.refresh_fingerprint,
        workspace=login.account_id,
    )
    return _set_space_aside(state, errand, document, login.refresh)


def _set_space_aside(
    state: StateDir, errand: Errand, document: Document, token: Secret
) -> _Ready | TokenStep:
    """Find a full disk or a wrong file now, not after the server gave out the new login."""
    for path in (errand.file, state.lock(errand.lock)):
        problem = replace_problem(path)
        if problem is not None:
            return path_blocked(path, f"not spent: {problem.words}")
    home: Reservation | None = None
    place = errand.file.parent
    try:
        reach("preflight")
        _clear_abandoned(errand)
        home = Reservation(errand.beside, document.stamp.size + REPLY_CAP_BYTES + _SPACE_BYTES)
        place = state.custody
        pending = Reservation(state.part(errand.lock), REPLY_CAP_BYTES + _NOTE_BYTES)
        try:
            reach("journal")
            Journal(state.journal(errand.account)).append(errand.entry(Stage.SENDING, errand.at))
        except OSError:
            pending.discard()
            raise
    except OSError as error:
        if home is not None:
            home.discard()
        return path_blocked(place, f"not spent: {FileProblem.of(error, place).words}")
    return _Ready(errand, token, home, pending)


def _exchange(state: StateDir, ready: _Ready, tools: Tools) -> TokenStep:
    errand = ready.errand
    granted = False
    try:
        reach("sending")
        verdict = _sent(ready.token, tools)
        reach("replied")
        if isinstance(verdict, Granted):
            granted = True
            with suppress(OSError):
                # without its pending copy the reply is still here, and goes home at once
                reach("pending")
                ready.pending.fill(errand.sealed(verdict.body))
                reach("filled")
                ready.pending.become(state.pending(errand.lock))
            reach("stored")
            return bring_home(
                state,
                errand,
                verdict.body,
                tools.fingerprint,
                tools.now(),
                ready.home,
                verdict.took_seconds,
            )
        step = _without_grant(state, errand, verdict, tools)
        with suppress(OSError):
            # unsaid, the sending stands in the journal as unresolved: that is safe, only less kind
            Journal(state.journal(errand.account)).append(errand.entry(Stage.ENDED, tools.now(), step))
        return step
    finally:
        ready.home.discard()
        if granted:
            # what was written of it may be the only copy of the login
            ready.pending.leave()
        else:
            ready.pending.discard()


def _sent(token: Secret, tools: Tools) -> Verdict:
    try:
        return tools.send(token)
    except Exception:  # noqa: BLE001 - whatever went wrong, the token may have left: that must be noted
        return Unclear(Failure(FailureKind.AMBIGUOUS, "the refresh broke off while it was sent"))


def _without_grant(
    state: StateDir, errand: Errand, verdict: Refused | Unspent | Unclear, tools: Tools
) -> TokenStep:
    mark = errand.refresh_fingerprint
    match verdict:
        case Unclear(failure):
            return ambiguous(errand, failure.message)
        case Unspent(failure):
            return TokenStep(
                TokenOutcome.FAILED, failure=failure, retry_at=failure.retry_at, refresh_fingerprint=mark
            )
        case Refused(problem, took):
            now_in_file = _login(errand.file, tools.fingerprint)
            if now_in_file is not None and now_in_file.refresh_fingerprint != mark:
                return TokenStep(TokenOutcome.ADOPTED, took_seconds=took, refresh_fingerprint=mark)
            if mark is not None:
                remember_dead(state, mark, problem, tools.now())
            return replace(dead_step(problem, mark), took_seconds=took)


def _login(path: Path, fingerprint: Fingerprint) -> Login | None:
    document = read_settled(path)
    return login_in(document.root, fingerprint) if isinstance(document, Document) else None
