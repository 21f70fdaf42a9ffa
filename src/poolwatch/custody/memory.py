"""What earlier attempts say of a refresh token: dead, already spent, or perhaps spent."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from poolwatch.custody.files import Content, read_bounded, shown
from poolwatch.custody.journal import (
    Entry,
    Journal,
    Stage,
    append_line,
    is_told,
    read_lines,
    unresolved,
)
from poolwatch.custody.json_text import text_at
from poolwatch.custody.login_lock import Note
from poolwatch.custody.state_dir import DAMAGED_PREFIX, StateDir
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.host.instants import instant_text

#: A journal is a fraction of it.
_MOST_BYTES: Final = 16 * 1024 * 1024
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
    for line in read_lines(state.dead)[0]:
        if text_at(line, "refresh_fingerprint") == refresh_fingerprint:
            return dead_step(_problem(text_at(line, "problem")), refresh_fingerprint)
    entries, _ = history(state, account, refresh_fingerprint)
    for entry in reversed(entries):
        if entry.refresh_fingerprint != refresh_fingerprint or entry.step is None:
            continue
        if entry.step.outcome is TokenOutcome.REJECTED_FOR_GOOD:
            return dead_step(entry.step.problem or LoginProblem.REJECTED, refresh_fingerprint)
        if entry.replaced:
            return _outdated_step(entry, refresh_fingerprint)
    if try_once:
        return None
    lost = unresolved(entries).get(refresh_fingerprint)
    return ask_first(lost.at, refresh_fingerprint, _damage(state, account)) if lost is not None else None


def doubt(
    state: StateDir, account: str, refresh_fingerprint: str, note: Note, token: Secret, key_mark: str
) -> TokenStep | None:
    """Why a token that the journal says nothing of may still be spent, or None. Raises OSError.

    Every sending of this very token that stands beside the login must be told by the journal, under the same
    key. Where one of the two memories is damaged, and the other has nothing, the token may have stood there.
    """
    entries, damaged = history(state, account, refresh_fingerprint)
    sent = note.of(token)
    for each in sent:
        if each.key_mark != key_mark or not is_told(entries, each.attempt):
            return ask_first(each.at, refresh_fingerprint)
    if not sent and ((damaged and not note.sendings) or (note.damaged and not entries)):
        return ask_first(max((entry.at for entry in entries), default=None), refresh_fingerprint)
    return None


def is_used_up(state: StateDir, account: str, refresh_fingerprint: str) -> bool:
    """Whether a reply with the next token came for this one. Raises OSError."""
    entries, _ = history(state, account, refresh_fingerprint)
    return any(entry.replaced and entry.refresh_fingerprint == refresh_fingerprint for entry in entries)


def is_dead(state: StateDir, account: str, refresh_fingerprint: str | None) -> bool:
    """Whether a login cannot be renewed any more: its token is missing, used up or refused for good.

    Raises OSError.
    """
    if refresh_fingerprint is None:
        return True
    found = refusal(state, account, refresh_fingerprint, try_once=True)
    return found is not None


def history(state: StateDir, account: str, refresh_fingerprint: str) -> tuple[tuple[Entry, ...], bool]:
    """The account's journal and whether some of it is damaged. Raises OSError.

    A token that stands nowhere in it may stand in another: an account has another key once an id of it is
    known, and as long as one is missing, one for each place where its file lies.
    """
    path = state.journal(account)
    entries, damaged = Journal(path).read()
    if any(entry.refresh_fingerprint == refresh_fingerprint for entry in entries):
        return entries, damaged
    found: list[Entry] = []
    for other in sorted(state.custody.glob("*.journal")):
        # most know nothing of it, which is seen without taking them apart
        if other != path and _mentions(other, refresh_fingerprint):
            found += Journal(other).entries()
    return (*found, *entries), damaged


def _mentions(journal: Path, refresh_fingerprint: str) -> bool:
    found = read_bounded(journal, _MOST_BYTES)
    return isinstance(found, Content) and refresh_fingerprint.encode() in found.content


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
        failure=worded(FailureKind.TOKEN_REFRESH, words, retry_at),
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


def dead_step(problem: LoginProblem, refresh_fingerprint: str | None, words: str | None = None) -> TokenStep:
    """The outcome of a refresh token that is never sent again."""
    words = words or _WORDS.get(problem, "the login was refused: sign in again")
    return TokenStep(
        TokenOutcome.REJECTED_FOR_GOOD,
        problem=problem,
        failure=worded(FailureKind.TOKEN_REFRESH, words, login_problem=problem),
        refresh_fingerprint=refresh_fingerprint,
    )


def _outdated_step(entry: Entry, refresh_fingerprint: str) -> TokenStep:
    where = ""
    if entry.step is not None and entry.step.outcome is TokenOutcome.REFRESHED:
        where = f" in {shown(Path(entry.file))}"
    words = (
        f"poolwatch renewed this login at {instant_text(entry.at)}{where}: what lies here is an older copy"
    )
    return dead_step(LoginProblem.OUTDATED, refresh_fingerprint, words)


def ask_first(lost_at: datetime | None, refresh_fingerprint: str, damaged: Path | None = None) -> TokenStep:
    """The outcome of a refresh token that may be spent: a person decides whether it is tried once.

    `damaged`: what is left of the reply, if that cannot be read.
    """
    when = f" at {instant_text(lost_at)}" if lost_at is not None else ""
    reply = f"; its reply is damaged and was set aside as {shown(damaged)}" if damaged is not None else ""
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.ASK_FIRST,
        failure=worded(
            FailureKind.AMBIGUOUS,
            f"a refresh was interrupted{when}, this login may need a sign-in{reply}",
            login_problem=LoginProblem.AMBIGUOUS,
        ),
        lost_at=lost_at,
        refresh_fingerprint=refresh_fingerprint,
    )


def _damage(state: StateDir, account: str) -> Path | None:
    """The newest reply of the account that cannot be read."""
    found = sorted(state.custody.glob(f"{DAMAGED_PREFIX}{account}-*"), key=lambda path: path.lstat().st_mtime)
    return found[-1] if found else None


def path_blocked(path: Path, words: str) -> TokenStep:
    """The outcome when a file or folder made it unsafe to spend the token."""
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.PATH,
        failure=worded(FailureKind.BLOCKED, words, detail=shown(path)),
        detail=shown(path),
    )


def _problem(word: str | None) -> LoginProblem:
    return LoginProblem(word) if word in list(LoginProblem) else LoginProblem.REJECTED
