"""What earlier attempts say of a refresh token: dead, already spent, or perhaps spent."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from pathlib import Path

from poolwatch.custody.files import shown
from poolwatch.custody.instants import instant_text
from poolwatch.custody.journal import Journal, Stage, append_line, read_lines, unresolved
from poolwatch.custody.json_text import text_at
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep

_WORDS = {
    LoginProblem.USED_ELSEWHERE: "this refresh token was already used: sign in again",
    LoginProblem.INVALIDATED: "this login was signed out: sign in again",
    LoginProblem.REFRESH_EXPIRED: "this refresh token expired: sign in again",
    LoginProblem.UNUSABLE_FILE: "the file holds no refresh token: sign in again",
}


def refusal(
    state: StateDir, account: str, refresh_fingerprint: str, *, try_once: bool = False
) -> TokenStep | None:
    """Why this refresh token is not sent (again), or None. Raises OSError when the memory is unreadable."""
    for line in read_lines(state.dead):
        if text_at(line, "refresh_fingerprint") == refresh_fingerprint:
            return dead_step(_problem(text_at(line, "problem")), refresh_fingerprint)
    entries = Journal(state.journal(account)).entries()
    for entry in reversed(entries):
        if entry.refresh_fingerprint != refresh_fingerprint or entry.step is None:
            continue
        if entry.step.outcome is TokenOutcome.REJECTED_FOR_GOOD:
            return dead_step(entry.step.problem or LoginProblem.REJECTED, refresh_fingerprint)
        if entry.replaced:
            return dead_step(LoginProblem.USED_ELSEWHERE, refresh_fingerprint)
    if try_once:
        return None
    lost = unresolved(entries).get(refresh_fingerprint)
    return ask_first(lost.at, refresh_fingerprint) if lost is not None else None


def too_soon(
    state: StateDir, account: str, refresh_fingerprint: str, now: datetime, spacing: timedelta
) -> TokenStep | None:
    """Why nothing is sent yet: the last sending is younger than `spacing`. Raises OSError."""
    if not spacing:
        return None
    sent = [entry.at for entry in Journal(state.journal(account)).entries() if entry.stage is Stage.SENDING]
    # a sending in the future was noted under another clock
    if not sent or not timedelta(0) <= now - max(sent) < spacing:
        return None
    retry_at = max(sent) + spacing
    words = f"the last refresh is less than {spacing.total_seconds():.0f} s ago"
    return TokenStep(
        TokenOutcome.FAILED,
        failure=Failure(FailureKind.TOKEN_REFRESH, words, retry_at),
        retry_at=retry_at,
        refresh_fingerprint=refresh_fingerprint,
    )


def remember_dead(state: StateDir, refresh_fingerprint: str, problem: LoginProblem, at: datetime) -> None:
    """Note that a refresh token was refused for good. The journal says so too, should this fail."""
    with contextlib.suppress(OSError):
        append_line(
            state.dead,
            {"refresh_fingerprint": refresh_fingerprint, "problem": problem.value, "at": instant_text(at)},
        )


def dead_step(problem: LoginProblem, refresh_fingerprint: str | None) -> TokenStep:
    """The outcome of a refresh token that is never sent again."""
    words = _WORDS.get(problem, "the login was refused: sign in again")
    return TokenStep(
        TokenOutcome.REJECTED_FOR_GOOD,
        problem=problem,
        failure=Failure(FailureKind.TOKEN_REFRESH, words, login_problem=problem),
        refresh_fingerprint=refresh_fingerprint,
    )


def ask_first(lost_at: datetime, refresh_fingerprint: str) -> TokenStep:
    """The outcome of a refresh token that may be spent: a person decides whether it is tried once."""
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.ASK_FIRST,
        failure=Failure(
            FailureKind.AMBIGUOUS,
            f"a refresh was interrupted at {instant_text(lost_at)}, this login may need a sign-in",
            login_problem=LoginProblem.AMBIGUOUS,
        ),
        lost_at=lost_at,
        refresh_fingerprint=refresh_fingerprint,
    )


def path_blocked(path: Path, words: str) -> TokenStep:
    """The outcome when a file or folder made it unsafe to spend the token."""
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.PATH,
        failure=Failure(FailureKind.BLOCKED, words, detail=shown(path)),
        detail=shown(path),
    )


def _problem(word: str | None) -> LoginProblem:
    return LoginProblem(word) if word in list(LoginProblem) else LoginProblem.REJECTED
