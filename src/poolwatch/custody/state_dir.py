"""Where custody keeps its locks, journals and half-finished refreshes, and the key of its fingerprints."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from poolwatch.domain.account import Secret
from poolwatch.host.files import FileProblem, make_private_directory, read_bounded
from poolwatch.host.locks import take
from poolwatch.once.replies import AttemptFolder

#: What the names of logins that wait for a place begin and end with.
KEPT_PREFIX: Final = "kept-"
KEPT_SUFFIX: Final = ".auth.json"
#: What the names of the folders begin with in which codex signs in, and what it calls its login there.
SIGN_IN_PREFIX: Final = "sign-in-"
CODEX_FILE: Final = "auth.json"
#: Held with an flock by who signs in.
FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
KEY_BYTES: Final = 32
KEY_FILE: Final = "fingerprint.key"


@dataclass(frozen=True, slots=True)
class StateDir(AttemptFolder):
    """The layout under poolwatch's state directory; the key of everything is that of an account."""

    area: ClassVar[str] = "custody"

    @property
    def custody(self) -> Path:
        """Journals, pending replies, and logins that wait for a place."""
        return self.folder

    @property
    def dead(self) -> Path:
        """The refresh tokens (keyed fingerprints) that were refused for good."""
        return self.folder / "dead"

    def kept(self, attempt: str) -> Path:
        """A new login that could not go to its file because that file changed meanwhile."""
        return self.folder / f"{KEPT_PREFIX}{attempt}{KEPT_SUFFIX}"

    def kept_names(self) -> list[str]:
        """The names of logins that wait for a place. Raises OSError."""
        return [name for name in self.names() if is_kept_name(name)]

    def sign_in_folders(self) -> list[Path]:
        """The folders of sign-ins that are over or broke off. Raises OSError."""
        return [path for path in sorted(self.root.glob(f"{SIGN_IN_PREFIX}*")) if not is_signing_in(path)]


def is_kept_name(name: str) -> bool:
    """Whether a file of this name is a login that waits for a place."""
    return name.startswith(KEPT_PREFIX) and name.endswith(KEPT_SUFFIX)


def is_signing_in(folder: Path) -> bool:
    """Whether the folder of a sign-in is one that a living poolwatch is at. Raises OSError."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        handle = os.open(folder, FOLDER_FLAGS)
        try:
            return not take(handle)
        finally:
            os.close(handle)
    return False


def account_key(user_id: str | None, account_id: str | None, file: Path) -> str:
    """The key of an account, the same wherever its file lies; where an id is missing, that of its path."""
    if user_id and account_id:
        parts = f"{user_id}\0{account_id}".encode("utf-8", "surrogatepass")
    else:
        parts = os.fsencode(file) + b"\0" + (account_id or "").encode("utf-8", "surrogatepass")
    return hashlib.sha256(parts).hexdigest()[:32]


class Fingerprinter:
    """Turns a Secret into the first 12 hex digits of its HMAC-SHA256 under a local key.

    So tokens are told apart on this machine without being shown or stored.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key: Final = key

    def __call__(self, secret: Secret) -> str:
        text = secret.reveal().encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256").hex()[:12]

    @classmethod
    def from_state_dir(cls, directory: Path) -> Fingerprinter | FileProblem:
        """The fingerprinter of this state directory; its key is made on first use, by one process only."""
        path = directory / KEY_FILE
        problem = make_private_directory(directory)
        if problem is not None:
            return problem
        if not path.exists():
            try:
                _make_key(path)
            except OSError as error:
                return FileProblem.of(error, path)
        found = read_bounded(path, cap=1024)
        if isinstance(found, FileProblem):
            odd = found.code in ("file.irregular", "file.directory")
            return FileProblem("file.in_the_way", path) if odd else found
        if len(found.content) != KEY_BYTES:
            return FileProblem("custody.damaged_key", path)
        return cls(found.content)


def unmarked(secret: Secret) -> str:
    """Stands in for a fingerprint where logins are read that need none: the empty text."""
    return ""


def _make_key(path: Path) -> None:
    # A finished file is linked into place, so that no other process ever reads a key half written.
    beside = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_bytes(KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()
