"""Spends one refresh token: under a lock, after everything that can fail was tried, and exactly once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.auth_file import Document, Fingerprint, login_in
from poolwatch.custody.errand import Errand, read_settled, settled_login
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
from poolwatch.custody.login_lock import (
    PATIENCE_SECONDS,
    Sent,
    login_held,
    note_outcome,
    note_sending,
    read_note,
)
from poolwatch.custody.memory import dead_step, doubt, path_blocked, refusal, remember_dead
from poolwatch.custody.settle import adopt_kept, ambiguous, bring_home, clear_space, finish_reply
from poolwatch.custody.state_dir import StateDir
from poolwatch.custody.waiting import replies_for
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.words.messages import failure_text

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
    with ExitStack() as locks:
        step = _lock(locks, state, errand, tools)
        if step is None:
            reach("locked")
            found = _ready(state, errand, seen, tools, try_once)
            if not isinstance(found, TokenStep):
                return _exchange(state, found, tools)
            step = found
        Journal(state.journal(errand.account)).append(errand.entry(Stage.ENDED, tools.now(), step))
        return step


def _lock(locks: ExitStack, state: StateDir, errand: Errand, tools: Tools) -> TokenStep | None:
    try:
        mine = locks.enter_context(login_held(state, errand.file, errand.ids, tools.patience_seconds))
    except OSError as error:
        place = Path(error.filename) if isinstance(error.filename, str) else errand.file
        return path_blocked(place, f"not spent: {FileProblem.of(error, place).words}")
    return None if mine else TokenStep(TokenOutcome.BLOCKED, block=BlockReason.OWNER_SILENT)


@dataclass(frozen=True, slots=True)
class _Ready:
    errand: Errand
    token: Secret
    sent: Sent
    home: Reservation
    pending: Reservation


def _ready(state: StateDir, errand: Errand, seen: Seen, tools: Tools, try_once: bool) -> _Ready | TokenStep:
    try:
        waiting = _bring_waiting_home(state, errand, seen, tools)
    except OSError as error:
        return path_blocked(state.custody, f"not spent: {FileProblem.of(error, state.custody).words}")
    if state.pending(errand.account).exists():
        why = failure_text(waiting.failure) if waiting is not None and waiting.failure is not None else ""
        words = why or f"the login of an earlier refresh waits to be written to {shown(errand.file)}"
        return path_blocked(errand.file, f"{words}; nothing was sent")
    document = read_settled(errand.file)
    if isinstance(document, FileProblem):
        return path_blocked(errand.file, f"{shown(errand.file)}: {document.words}; nothing was sent")
    login = login_in(document.root, tools.fingerprint) if document is not None else None
    if document is None or login is None:
        return path_blocked(errand.file, f"{shown(errand.file)} holds no login; nothing was sent")
    reach("read")
    if (login.user_id, login.account_id) != errand.ids:
        words = f"{shown(errand.file)} holds another account by now; nothing was sent"
        return TokenStep(TokenOutcome.FAILED, failure=worded(FailureKind.OTHER_ACCOUNT, words))
    if seen != Seen(login.fingerprint, login.refresh_fingerprint):
        return TokenStep(TokenOutcome.ADOPTED, refresh_fingerprint=login.refresh_fingerprint)
    if login.refresh is None or login.refresh_fingerprint is None:
        return dead_step(LoginProblem.UNUSABLE_FILE, None)
    refused = _refused(state, errand, login.refresh, tools, try_once)
    if refused is not None:
        return refused
    tools.prepare()
    errand = replace(errand, at=tools.now(), refresh_fingerprint=login.refresh_fingerprint)
    return _reserve_space(state, errand, document, login.refresh, tools)


def _bring_waiting_home(state: StateDir, errand: Errand, seen: Seen, tools: Tools) -> TokenStep | None:
    """Finish what earlier refreshes of this login left, wherever its file lay then; how the last one ended.

    Raises OSError.
    """
    step = None
    for reply in replies_for(state, errand.account, seen.refresh):
        files = (errand.file, reply.errand.file)
        _, step = finish_reply(state, reply, files, tools.fingerprint, tools.now())
    adopt_kept(state, errand.file, tools.fingerprint, tools.now())
    return step


def _refused(
    state: StateDir, errand: Errand, token: Secret, tools: Tools, try_once: bool
) -> TokenStep | None:
    mark, account = tools.fingerprint(token), errand.account
    try:
        refused = refusal(state, account, mark, try_once=try_once)
        if refused is not None or try_once:
            return refused
        note = read_note(errand.file, errand.ids)
        return doubt(state, account, mark, note, token, _key_mark(tools))
    except OSError as error:
        return path_blocked(state.custody, f"not spent: {FileProblem.of(error, state.custody).words}")


def _key_mark(tools: Tools) -> str:
    """Tells which key makes the fingerprints of this state directory."""
    return tools.fingerprint(Secret("poolwatch"))


def _reserve_space(
    state: StateDir, errand: Errand, document: Document, token: Secret, tools: Tools
) -> _Ready | TokenStep:
    """Find a full disk or a wrong file now, not after the server gave out the new login."""
    for path in (errand.file, state.lock(errand.account)):
        problem = replace_problem(path)
        if problem is not None:
            return path_blocked(path, f"not spent: {problem.words}")
    journal = Journal(state.journal(errand.account))
    place = state.custody
    with ExitStack() as space:
        try:
            clear_space(journal.entries())
            # by this line the space is found again, should this process end
            journal.append(errand.entry(Stage.BEGUN, errand.at))
            place = errand.file.parent
            reach("preflight")
            home = Reservation(errand.space, document.stamp.size + REPLY_CAP_BYTES + _SPACE_BYTES)
            space.callback(home.discard)
            place = state.custody
            pending = Reservation(state.part(errand.account), REPLY_CAP_BYTES + _NOTE_BYTES)
            space.callback(pending.discard)
            reach("journal")
            journal.append(errand.entry(Stage.SENDING, errand.at))
            place = errand.file.parent
            sent = note_sending(errand, token, _key_mark(tools))
        except OSError as error:
            return path_blocked(place, f"not spent: {FileProblem.of(error, place).words}")
        space.pop_all()
    return _Ready(errand, token, sent, home, pending)


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
                ready.pending.become(state.pending(errand.account))
            reach("stored")
            step = bring_home(
                state,
                errand,
                verdict.body,
                tools.fingerprint,
                tools.now(),
                ready.home,
                verdict.took_seconds,
            )
        else:
            step = _without_grant(state, errand, verdict, tools)
            with suppress(OSError):
                # unsaid, the sending stands in the journal as unresolved: that is safe, only less kind
                Journal(state.journal(errand.account)).append(errand.entry(Stage.ENDED, tools.now(), step))
        note_outcome(errand, ready.sent, step.outcome)
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
        return Unclear(worded(FailureKind.AMBIGUOUS, "the refresh broke off while it was sent"))


def _without_grant(
    state: StateDir, errand: Errand, verdict: Refused | Unspent | Unclear, tools: Tools
) -> TokenStep:
    mark = errand.refresh_fingerprint
    match verdict:
        case Unclear(failure):
            return ambiguous(errand, failure_text(failure))
        case Unspent(failure):
            return TokenStep(
                TokenOutcome.FAILED, failure=failure, retry_at=failure.retry_at, refresh_fingerprint=mark
            )
        case Refused(problem, took):
            now_in_file = settled_login(errand.file, tools.fingerprint)
            if now_in_file is not None and now_in_file.refresh_fingerprint != mark:
                return TokenStep(TokenOutcome.ADOPTED, took_seconds=took, refresh_fingerprint=mark)
            if mark is not None:
                remember_dead(state, mark, problem, tools.now())
            return replace(dead_step(problem, mark), took_seconds=took)
