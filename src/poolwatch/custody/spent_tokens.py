"""What earlier attempts say of a refresh token: dead, already spent, or perhaps spent."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from poolwatch.custody.attempt import JournalEntry, RefreshJournal
from poolwatch.custody.login_lock import Note
from poolwatch.custody.outcomes import ask_first, dead, shown
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind, LoginProblem, failure
from poolwatch.domain.message import message
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.host.files import Content, read_bounded
from poolwatch.host.instants import instant_text
from poolwatch.once.journal import Stage, append_line, is_told, read_lines, unresolved
from poolwatch.once.json_text import text_at
from poolwatch.once.replies import DAMAGED_PREFIX

#: A journal is a fraction of it.
_MOST_BYTES: Final = 16 * 1024 * 1024


def refusal(
    state: StateDir, account: str, refresh_fingerprint: str, *, try_once: bool = False
) -> TokenStep | None:
    """Why this refresh token is not sent (again), or None. Raises OSError when the memory is unreadable."""
    for line in read_lines(state.dead)[0]:
        if text_at(line, "refresh_fingerprint") == refresh_fingerprint:
            return dead(_problem(text_at(line, "problem")), refresh_fingerprint)
    entries, _ = history(state, account, refresh_fingerprint)
    for entry in reversed(entries):
        if entry.refresh_fingerprint != refresh_fingerprint or entry.step is None:
            continue
        if entry.step.outcome is TokenOutcome.REJECTED_FOR_GOOD:
            return dead(entry.step.problem or LoginProblem.REJECTED, refresh_fingerprint)
        if entry.replaced:
            return _outdated(entry, refresh_fingerprint)
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


def is_outdated(state: StateDir, account: str, refresh_fingerprint: str | None) -> bool:
    """Whether a login cannot be renewed any more: its token is replaced, or it has none. Raises OSError."""
    return refresh_fingerprint is None or is_used_up(state, account, refresh_fingerprint)


def is_dead(state: StateDir, account: str, refresh_fingerprint: str | None) -> bool:
    """Likewise, also where its token was refused for good. Raises OSError."""
    if refresh_fingerprint is None:
        return True
    return refusal(state, account, refresh_fingerprint, try_once=True) is not None


def history(state: StateDir, account: str, refresh_fingerprint: str) -> tuple[tuple[JournalEntry, ...], bool]:
    """The account's journal and whether some of it is damaged. Raises OSError.

    A token that stands nowhere in it may stand in another: an account has another key once an id of it is
    known, and as long as one is missing, one for each place where its file lies.
    """
    path = state.journal(account)
    entries, damaged = RefreshJournal(path).read()
    if any(entry.refresh_fingerprint == refresh_fingerprint for entry in entries):
        return entries, damaged
    found: list[JournalEntry] = []
    for other in state.journals():
        # most know nothing of it, which is seen without taking them apart
        if other != path and _mentions(other, refresh_fingerprint):
            found += RefreshJournal(other).entries()
    return (*found, *entries), damaged


def too_soon(
    state: StateDir, account: str, refresh_fingerprint: str, now: datetime, spacing: timedelta
) -> TokenStep | None:
    """Why nothing is sent yet: the last sending is younger than `spacing`. Raises OSError."""
    if not spacing:
        return None
    entries = RefreshJournal(state.journal(account)).entries()
    sent = [entry.at for entry in entries if entry.stage is Stage.SENDING]
    # a sending in the future was noted under another clock
    if not sent or not timedelta(0) <= now - max(sent) < spacing:
        return None
    retry_at = max(sent) + spacing
    seconds = f"{spacing.total_seconds():.0f}"
    return TokenStep(
        TokenOutcome.FAILED,
        failure=failure(FailureKind.TOKEN_REFRESH, "custody.too_soon", retry_at=retry_at, seconds=seconds),
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


def _mentions(journal: Path, refresh_fingerprint: str) -> bool:
    found = read_bounded(journal, _MOST_BYTES)
    return isinstance(found, Content) and refresh_fingerprint.encode() in found.content


def _outdated(entry: JournalEntry, refresh_fingerprint: str) -> TokenStep:
    at = instant_text(entry.at)
    why = message("custody.older_copy", at=at)
    if entry.step is not None and entry.step.outcome is TokenOutcome.REFRESHED:
        why = message("custody.older_copy_of", at=at, path=shown(Path(entry.file)))
    return dead(LoginProblem.OUTDATED, refresh_fingerprint, why)


def _damage(state: StateDir, account: str) -> Path | None:
    """The newest reply of the account that cannot be read."""
    found = state.folder.glob(f"{DAMAGED_PREFIX}{account}-*")
    return max(found, key=lambda path: path.lstat().st_mtime, default=None)


def _problem(word: str | None) -> LoginProblem:
    return LoginProblem(word) if word in list(LoginProblem) else LoginProblem.REJECTED
