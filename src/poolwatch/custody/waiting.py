"""What waits in the state directory: replies of interrupted processes, and logins that found no file."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.attempt import RefreshAttempt, RefreshJournal, unsealed
from poolwatch.custody.grant import Grant, parse_grant
from poolwatch.custody.login_file import Fingerprint, Login, read_login
from poolwatch.custody.state_dir import (
    CODEX_FILE,
    KEPT_PREFIX,
    KEPT_SUFFIX,
    SIGN_IN_PREFIX,
    StateDir,
    account_key,
    is_kept_name,
    unmarked,
)
from poolwatch.host.files import make_readable
from poolwatch.host.instants import instant_of_epoch
from poolwatch.host.locks import held
from poolwatch.once.replies import DAMAGED_PREFIX, UNREADABLE_PREFIX, waiting_reply

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of an exchange as it came. `copies` are all names under which it may lie."""

    attempt: RefreshAttempt
    body: bytes
    copies: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """A whole login that waits for its place. `account` is the key of the journal that knows of it."""

    path: Path
    attempt: str
    login: Login
    account: str | None
    since: datetime

    @property
    def grant(self) -> Grant:
        return Grant(self.login.access, self.login.refresh, self.login.id_token)

    def is_of(self, login: Login, file: Path) -> bool:
        """Whether it is a login of the same account as the one in a resolved file."""
        return self.belongs_to(login.user_id, login.account_id, file)

    def belongs_to(self, user_id: str | None, account_id: str | None, file: Path) -> bool:
        """Whether it is a login of this account, of which a login lies or lay in the resolved file."""
        ours, theirs = (self.login.user_id, self.login.account_id), (user_id, account_id)
        if any(one and other and one != other for one, other in zip(ours, theirs, strict=True)):
            return False
        if self.account is not None:
            return self.account == account_key(user_id, account_id, file)
        return None not in ours and ours == theirs

    def account_of(self, login: Login, file: Path) -> str:
        """The key of the journal that knows of it, or would."""
        return self.account or account_key(login.user_id, login.account_id, file)


def kept_logins(state: StateDir, fingerprint: Fingerprint) -> tuple[KeptLogin, ...]:
    """The logins that wait for a place, the newest first; nothing where there is no state directory.

    Raises OSError when the state directory cannot be read.
    """
    names = state.kept_names()
    accounts = _accounts_of_attempts(state) if names else {}
    attempts = {
        state.folder / name: name.removeprefix(KEPT_PREFIX).removesuffix(KEPT_SUFFIX) for name in names
    }
    found = []
    for path, attempt in {**attempts, **_signed_in(state)}.items():
        make_readable(path)
        login = read_login(path, fingerprint)
        if not isinstance(login, Login):
            continue
        # another process may have brought it home since
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            since = instant_of_epoch(status.st_mtime) or _LONG_AGO
            kept = KeptLogin(path, attempt, login, accounts.get(attempt), since)
            found.append((status.st_mtime_ns, kept))
    return tuple(kept for _, kept in sorted(found, key=lambda each: each[0], reverse=True))


def is_kept_file(state: StateDir, path: Path) -> bool:
    """Whether a resolved path is that of a login that waits for a place."""
    if path.name == CODEX_FILE and path.parent.name.startswith(SIGN_IN_PREFIX):
        return path.parent.parent == Path(os.path.realpath(state.root))
    return path.parent == Path(os.path.realpath(state.folder)) and is_kept_name(path.name)


def anything_waits(state: StateDir) -> bool:
    """Whether there may be something to bring home. Raises OSError."""
    kept = any(name.endswith(KEPT_SUFFIX) for name in state.names())
    return kept or bool(state.waiting_keys()) or bool(_signed_in(state))


def damaged_replies(state: StateDir) -> tuple[Path, ...]:
    """What is left of replies and kept logins that nobody can read. Raises OSError."""
    names = [name for name in state.names() if name.startswith((DAMAGED_PREFIX, UNREADABLE_PREFIX))]
    names += [name for name in state.kept_names() if not _is_login(state.folder / name)]
    signed_in = sorted(file for file in _signed_in(state) if not _is_login(file))
    return (*(state.folder / name for name in sorted(names)), *signed_in)


def reply_of(state: StateDir, key: str) -> Reply | None:
    """The reply that waits under the key of a lock, which the caller holds. Raises OSError."""
    found = waiting_reply(state, key, unsealed, _holds_grant)
    return Reply(*found, (state.part(key), state.pending(key))) if found is not None else None


def anything_waits_for(
    state: StateDir, account: str, refresh_fingerprint: str, fingerprint: Fingerprint
) -> bool:
    """Whether something waits for the account with this key, or for the login with this token.

    Raises OSError.
    """
    if any(os.path.lexists(path) for path in (state.pending(account), state.part(account))):
        return True
    return bool(_elsewhere(state, account, refresh_fingerprint)) or any(
        kept.account == account for kept in kept_logins(state, fingerprint)
    )


def replies_for(state: StateDir, account: str, refresh_fingerprint: str | None) -> tuple[Reply, ...]:
    """The replies that wait for an account, whose lock the caller holds. Raises OSError.

    Those with another key were left by an older poolwatch, or before an id of the account was known.
    """
    own = reply_of(state, account)
    found = [own] if own is not None else []
    for key in _elsewhere(state, account, refresh_fingerprint):
        with held(state.lock(key)) as mine:
            other = reply_of(state, key) if mine else None
        if other is not None:
            found.append(other)
    return tuple(found)


def is_stored(copy: Path, attempt: str) -> bool:
    """Whether a file holds the reply of an attempt."""
    found = unsealed(copy)
    return found is not None and found[0].id == attempt and _holds_grant(found)


def _signed_in(state: StateDir) -> dict[Path, str]:
    """The logins that sign-ins left where codex wrote them, each with a name. Raises OSError."""
    folders = state.sign_in_folders()
    return {file: each.name for each in folders if os.path.lexists(file := each / CODEX_FILE)}


def _elsewhere(state: StateDir, account: str, refresh_fingerprint: str | None) -> list[str]:
    """The keys under which a reply for the account waits, other than its own."""
    keys = []
    for key in state.waiting_keys():
        found = unsealed(state.pending(key)) if key != account else None
        if found is None:
            continue
        sent = found[0].refresh_fingerprint
        if found[0].account == account or (sent is not None and sent == refresh_fingerprint):
            keys.append(key)
    return keys


def _holds_grant(found: tuple[RefreshAttempt, bytes]) -> bool:
    return parse_grant(found[1]) is not None


def _is_login(path: Path) -> bool:
    # one that has gone meanwhile is home
    return not os.path.lexists(path) or isinstance(read_login(path, unmarked), Login)


def _accounts_of_attempts(state: StateDir) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in state.journals():
        # without it the ids in the login tell whose it is
        with contextlib.suppress(OSError):
            entries = RefreshJournal(path).entries()
            found |= {entry.attempt: entry.account for entry in entries if entry.account}
    return found
