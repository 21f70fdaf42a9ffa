"""Where the custody room keeps its locks, journals and half-finished refreshes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from poolwatch.custody.files import FileProblem, make_private_directory


@dataclass(frozen=True, slots=True)
class StateDir:
    """The layout under poolwatch's state directory; every directory is 0700, every file 0600."""

    root: Path

    @property
    def locks(self) -> Path:
        """One lock file for each login file; they are never removed."""
        return self.root / "locks"

    @property
    def custody(self) -> Path:
        """Journals, pending replies, and logins that were set aside."""
        return self.root / "custody"

    @property
    def dead(self) -> Path:
        """The refresh tokens (keyed fingerprints) that were refused for good."""
        return self.custody / "dead"

    def lock(self, key: str) -> Path:
        """The lock of one login file."""
        return self.locks / f"{key}.lock"

    def journal(self, account: str) -> Path:
        """The journal of one account."""
        return self.custody / f"{account}.journal"

    def pending(self, key: str) -> Path:
        """The raw reply of a refresh that is not yet in its login file."""
        return self.custody / f"{key}.pending"

    def part(self, key: str) -> Path:
        """The space set aside for the pending reply before the token is spent."""
        return self.custody / f"{key}.pending.part"

    def kept(self, attempt: str) -> Path:
        """A new login that could not go to its file because that file holds another one by now."""
        return self.custody / f"kept-{attempt}.auth.json"

    def unreadable(self, attempt: str) -> Path:
        """A reply to a refresh that nobody could read."""
        return self.custody / f"unreadable-{attempt}"

    def prepare(self) -> FileProblem | None:
        """Make the directories, or say why they cannot be used."""
        for path in (self.root, self.locks, self.custody):
            problem = make_private_directory(path)
            if problem is not None:
                return problem
        return None


def lock_key(real_path: Path, account_id: str | None) -> str:
    """The key of a login file: its resolved path and the account in it."""
    parts = os.fsencode(real_path) + b"\0" + (account_id or "").encode("utf-8", "surrogatepass")
    return hashlib.sha256(parts).hexdigest()[:32]


def account_key(user_id: str | None, account_id: str | None, fallback: str) -> str:
    """The key of an account, the same wherever its file lies; `fallback` when an id is missing."""
    if not user_id or not account_id:
        return fallback
    return hashlib.sha256(f"{user_id}\0{account_id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
