"""The lock of one login, and beside it what was last done with its refresh token.

Two locks are taken, in this order: that of the account in the state directory, and one in the folder of the
login file. The second holds whichever state directory a process uses, and remembers the token last sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from poolwatch.custody.attempt import OWN_PREFIX, SPACE_SUFFIX, RefreshAttempt
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.domain.account import AccountKey, Secret
from poolwatch.domain.refresh import TokenOutcome
from poolwatch.host.files import open_private, sync_directory, write_all
from poolwatch.host.instants import instant_text, parse_instant
from poolwatch.host.locks import held
from poolwatch.once.journal import append_to, read_lines
from poolwatch.once.json_text import JsonObject, text_at

#: A user's id and an account's, each None where it is not known.
Ids: TypeAlias = tuple[str | None, str | None]
#: A holder ends within the deadline of its one request and a few disk writes.
PATIENCE_SECONDS: Final = 150.0
#: A note that has grown beyond this is cut to its newest lines.
NOTE_CAP_BYTES: Final = 32 * 1024
_LINES_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class Sent:
    """One sending of a refresh token. `outcome` None: nobody noted how it ended. `at` is when it was sent."""

    attempt: str
    at: datetime
    salt: str
    digest: str
    #: which key the fingerprints of that state directory were made with
    key_mark: str
    outcome: TokenOutcome | None = None

    def names(self, token: Secret) -> bool:
        """Whether it was this very token that was sent."""
        return _digest(self.salt, token) == self.digest


@dataclass(frozen=True, slots=True)
class Note:
    """What stands beside a login, oldest first. `damaged`: some of it fails its checksum.

    `others`: what stands in the notes of other logins of that folder, where this one may have had another
    name, for an id is missing.
    """

    sendings: tuple[Sent, ...] = ()
    damaged: bool = False
    others: tuple[Sent, ...] = ()

    def of(self, token: Secret) -> tuple[Sent, ...]:
        """What was noted of every sending of this token."""
        return tuple(sent for sent in (*self.others, *self.sendings) if sent.names(token))

    def attempt(self, attempt: str) -> Sent | None:
        """What was noted last of an attempt."""
        return next((sent for sent in reversed(self.sendings) if sent.attempt == attempt), None)


def note_path(file: Path, ids: Ids) -> Path:
    """The lock and note beside a resolved login file: `.poolwatch-` and the account's public id.

    Codex's own locks are `<file>.lock` and `auth.lock` (0.169), so the two never meet.
    """
    key = AccountKey("codex", ids[0] or "", ids[1] or "")
    name = key.id if key.is_full else account_key(*ids, file)[:16]
    return file.with_name(f"{OWN_PREFIX}{name}")


@contextlib.contextmanager
def login_held(
    state: StateDir, file: Path, ids: Ids, patience_seconds: float = PATIENCE_SECONDS
) -> Iterator[bool]:
    """Hold the login of an account in a resolved file; False when another process kept it all the time.

    A folder that is gone has no lock to take. Raises OSError.
    """
    with contextlib.ExitStack() as locks:
        mine = locks.enter_context(held(state.lock(account_key(*ids, file)), patience_seconds))
        if mine:
            with contextlib.suppress(FileNotFoundError):
                mine = locks.enter_context(held(note_path(file, ids), patience_seconds))
        yield mine


@contextlib.contextmanager
def move_held(
    state: StateDir, file: Path, ids: Ids, patience_seconds: float = PATIENCE_SECONDS
) -> Iterator[bool]:
    """As `login_held`, for who moves a login and spends nothing: no note is made where none is."""
    with contextlib.ExitStack() as locks:
        mine = locks.enter_context(held(state.lock(account_key(*ids, file)), patience_seconds))
        yield mine and locks.enter_context(note_held(file, ids, patience_seconds))


@contextlib.contextmanager
def note_held(file: Path, ids: Ids, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[bool]:
    """Hold the lock beside a resolved login file, if there is one. Raises OSError."""
    path = note_path(file, ids)
    if not os.path.lexists(path):
        yield True
        return
    with held(path, patience_seconds) as mine:
        yield mine


def read_note(file: Path, ids: Ids) -> Note:
    """What stands beside a resolved login file; nothing where there is no note. Raises OSError."""
    own = note_path(file, ids)
    sendings, damaged = _sendings(own)
    others: list[Sent] = []
    if not all(ids):
        for path in sorted(file.parent.glob(f"{OWN_PREFIX}*")):
            with contextlib.suppress(OSError):
                others += _sendings(path)[0] if path != own and path.suffix != SPACE_SUFFIX else ()
    return Note(sendings, damaged, tuple(others))


def _sendings(path: Path) -> tuple[tuple[Sent, ...], bool]:
    lines, damaged = read_lines(path)
    sendings = [_sent(line) for line in lines]
    return tuple(each for each in sendings if each is not None), damaged or None in sendings


def note_sending(attempt: RefreshAttempt, token: Secret, key_mark: str) -> Sent:
    """Note that a token is about to be sent; it is on disk when this returns. Raises OSError."""
    salt = secrets.token_hex(16)
    sent = Sent(attempt.id, attempt.at, salt, _digest(salt, token), key_mark)
    path = note_path(attempt.file, attempt.ids)
    _append(path, sent)
    sync_directory(path.parent)
    return sent


def carry_note(source: Path, target: Path, ids: Ids, token: Secret) -> None:
    """Have the sendings of a token that stand beside one resolved login file stand beside another too.

    Raises OSError.
    """
    known = read_note(target, ids).sendings
    for sent in read_note(source, ids).of(token):
        if sent not in known:
            _append(note_path(target, ids), sent)


def note_outcome(attempt: RefreshAttempt, sent: Sent, outcome: TokenOutcome) -> None:
    """Note how a sending ended. Left unsaid, it counts as unknown where no journal tells more."""
    path = note_path(attempt.file, attempt.ids)
    ended = Sent(sent.attempt, sent.at, sent.salt, sent.digest, sent.key_mark, outcome)
    with contextlib.suppress(OSError):
        _append(path, ended)


def _digest(salt: str, token: Secret) -> str:
    text = salt.encode() + token.reveal().encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()


def _line(sent: Sent) -> JsonObject:
    return {
        "attempt": sent.attempt,
        "at": instant_text(sent.at),
        "salt": sent.salt,
        "sha256": sent.digest,
        "key": sent.key_mark,
        "outcome": sent.outcome.value if sent.outcome is not None else None,
    }


def _sent(line: JsonObject) -> Sent | None:
    at, outcome = parse_instant(line.get("at")), text_at(line, "outcome")
    attempt, salt, digest = text_at(line, "attempt"), text_at(line, "salt"), text_at(line, "sha256")
    if at is None or attempt is None or salt is None or digest is None:
        return None
    known = TokenOutcome(outcome) if outcome in list(TokenOutcome) else None
    return Sent(attempt, at, salt, digest, text_at(line, "key") or "", known)


def _append(path: Path, sent: Sent) -> None:
    """Add a line; a long note is cut in place, for it is a lock too: no other file may take its name."""
    with contextlib.suppress(FileNotFoundError):
        _cut(path)
    handle = open_private(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    try:
        append_to(handle, _line(sent))
    finally:
        os.close(handle)


def _cut(path: Path) -> None:
    """Leave the newest lines of a long note. Whenever a crash comes, these stand in it, whole."""
    handle = open_private(path, os.O_RDWR)
    try:
        size = os.fstat(handle).st_size
        if size <= NOTE_CAP_BYTES:
            return
        newest = b"".join(os.pread(handle, size, 0).splitlines(keepends=True)[-_LINES_KEPT:])
        # written over the oldest lines: until the end is cut off they stand there twice
        os.lseek(handle, 0, os.SEEK_SET)
        write_all(handle, newest)
        os.fsync(handle)
        os.ftruncate(handle, len(newest))
    finally:
        os.close(handle)
