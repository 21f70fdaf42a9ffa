"""Keyed fingerprints: tell tokens apart on this machine without showing or storing them."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from poolwatch.custody.files import FileProblem, make_private_directory, read_bounded, shown
from poolwatch.domain.account import Secret

KEY_BYTES: Final = 32
KEY_FILE: Final = "fingerprint.key"


class Fingerprinter:
    """Turns a Secret into the first 12 hex digits of its HMAC-SHA256 under a local key."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key: Final = key

    def __call__(self, secret: Secret) -> str:
        """The fingerprint of a secret."""
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
        found = read_bounded(path, cap=KEY_BYTES + 1)
        if isinstance(found, FileProblem):
            return FileProblem(f"{shown(path)} is {found.words}: move it away, a new one is made")
        if len(found.content) != KEY_BYTES:
            return FileProblem(f"{shown(path)} is damaged: move it away, a new one is made at the next start")
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
