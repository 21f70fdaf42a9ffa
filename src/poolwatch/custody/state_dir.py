"""Where the custody room keeps its locks, journals and half-finished refreshes."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from poolwatch.custody.files import FileProblem, make_private_directory

#: What the names of logins that wait for a place begin and end with.
KEPT_PREFIX: Final = "kept-"
KEPT_SUFFIX: Final = ".auth.json"
#: What the names of replies that cannot be read begin with.
DAMAGED_PREFIX: Final = "damaged-"
UNREADABLE_PREFIX: Final = "unreadable-"
#: What the names of pending replies end with, and of the space that is reserved for one.
PENDING_SUFFIX: Final = ".pending"
PART_SUFFIX: Final = ".pending.part"


@dataclass(frozen=True, slots=True)
class StateDir:
    """The layout under poolwatch's state directory; every directory is 0700, every file 0600."""

    root: Path

    @property
    def locks(self) -> Path:
        """One lock file for each login; they are never removed."""
        return self.root / "locks"

    @property
    def custody(self) -> Path:
        """Journals, pending replies, and logins that wait for a place."""
        return self.root / "custody"

    @property
    def dead(self) -> Path:
        """The refresh tokens (keyed fingerprints) that were refused for good."""
        return self.custody / "dead"

    def lock(self, key: str) -> Path:
        """The lock of one account's logins."""
        return self.locks / f"{key}.lock"

    def journal(self, account: str) -> Path:
        """The journal of one account."""
        return self.custody / f"{account}.journal"

    def pending(self, key: str) -> Path:
        """The raw reply of a refresh that is not yet in its login file."""
        return self.custody / f"{key}{PENDING_SUFFIX}"

    def part(self, key: str) -> Path:
        """The space reserved for the pending reply before the token is spent."""
        return self.custody / f"{key}{PART_SUFFIX}"

    def kept(self, attempt: str) -> Path:
        """A new login that could not go to its file because that file changed meanwhile."""
        return self.custody / f"{KEPT_PREFIX}{attempt}{KEPT_SUFFIX}"

    def custody_names(self) -> list[str]:
        """The names in `custody`; none where it is missing. Raises OSError."""
        try:
            return os.listdir(self.custody)  # noqa: PTH208 - names are all that is needed
        except FileNotFoundError:
            return []

    def kept_names(self) -> list[str]:
        """The names of logins that wait for a place. Raises OSError."""
        names = self.custody_names()
        return [name for name in names if is_kept_name(name)]

    def damaged(self, key: str) -> Path:
        """A free name for a pending reply that cannot be read."""
        return self.custody / f"{DAMAGED_PREFIX}{key}-{secrets.token_hex(4)}"

    def unreadable(self, attempt: str) -> Path:
        """A reply to a refresh that nobody could read."""
        return self.custody / f"{UNREADABLE_PREFIX}{attempt}"

    def prepare(self) -> FileProblem | None:
        """Make the directories, or say why they cannot be used."""
        for path in (self.root, self.locks, self.custody):
            problem = make_private_directory(path)
            if problem is not None:
                return problem
        return None


def is_kept_name(name: str) -> bool:
    """Whether a file of this name is a login that waits for a place."""
    return name.startswith(KEPT_PREFIX) and name.endswith(KEPT_SUFFIX)


def account_key(user_id: str | None, account_id: str | None, file: Path) -> str:
    """The key of an account, the same wherever its file lies; where an id is missing, that of its path."""
    if user_id and account_id:
        parts = f"{user_id}\0{account_id}".encode("utf-8", "surrogatepass")
    else:
        parts = os.fsencode(file) + b"\0" + (account_id or "").encode("utf-8", "surrogatepass")
    return hashlib.sha256(parts).hexdigest()[:32]
