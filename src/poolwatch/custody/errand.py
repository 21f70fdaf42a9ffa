"""One exchange on its way: what must be known to bring its reply home, without any token."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.auth_file import Document, FileProblem, Fingerprint, Login, login_in, read_document
from poolwatch.custody.files import Content, is_name, is_place, read_bounded
from poolwatch.custody.journal import Entry, Stage, opened_line, sealed_line
from poolwatch.custody.json_text import JsonObject, text_at
from poolwatch.custody.state_dir import account_key
from poolwatch.domain.refresh import TokenStep
from poolwatch.host.instants import instant_text, parse_instant

#: What the names of poolwatch's own files in other folders begin with.
OWN_PREFIX: Final = ".poolwatch-"
#: What the names of new login files that are not finished end with.
SPACE_SUFFIX: Final = ".tmp"
_TORN_TRIES: Final = 4
_TORN_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Errand:
    """One attempt to exchange the refresh token of one file. `file` is resolved, `at` when it began.

    `key` is the account's where the file was moved since; unset, it follows from the ids and the file.
    """

    file: Path
    attempt: str
    at: datetime
    account_id: str | None
    user_id: str | None
    #: of the token that is spent; None until the file was read
    refresh_fingerprint: str | None = None
    key: str | None = None

    @property
    def ids(self) -> tuple[str | None, str | None]:
        """The user's id and the account's."""
        return self.user_id, self.account_id

    @property
    def account(self) -> str:
        """The key of the account: of its lock, its journal and its pending reply."""
        return self.key or account_key(self.user_id, self.account_id, self.file)

    @property
    def space(self) -> Path:
        """The name under which the new file is made ready."""
        return space_name(self.file, self.attempt)

    def entry(
        self, stage: Stage, at: datetime, step: TokenStep | None = None, *, replaced: bool = False
    ) -> Entry:
        """The journal line of a stage of this attempt."""
        return Entry(
            stage=stage,
            attempt=self.attempt,
            account=self.account,
            file=str(self.file),
            at=at,
            refresh_fingerprint=self.refresh_fingerprint,
            step=step,
            replaced=replaced,
        )

    def sealed(self, body: bytes) -> bytes:
        """The pending file: one line that says where the reply belongs, then the reply as it came.

        Both have a checksum: a reply that goes to another account, or a token with a wrong letter, is lost.
        """
        note: JsonObject = {
            "file": str(self.file),
            "attempt": self.attempt,
            "at": instant_text(self.at),
            "account_id": self.account_id,
            "user_id": self.user_id,
            "refresh_fingerprint": self.refresh_fingerprint,
            "body": _digest(body),
        }
        # ASCII with escapes, so that a file name that is no UTF-8 comes back as it was
        return sealed_line(note) + b"\n" + body


def _digest(body: bytes) -> str:
    # the space that was set aside and not needed is zeros
    return hashlib.sha256(body.rstrip(b"\0")).hexdigest()


def space_name(file: Path, attempt: str) -> Path:
    """Where an attempt makes a new login file ready: a name of our own, found again by the journal."""
    return file.with_name(f"{OWN_PREFIX}{attempt}{SPACE_SUFFIX}")


def unsealed(path: Path) -> tuple[Errand, bytes] | None:
    """The errand and the reply of a pending file, or None when there is none to be read."""
    found = read_bounded(path)
    if not isinstance(found, Content):
        return None
    head, newline, body = found.content.partition(b"\n")
    note = opened_line(head) or {}
    file, attempt, at = text_at(note, "file"), text_at(note, "attempt"), parse_instant(note.get("at"))
    if not newline or file is None or attempt is None or at is None:
        return None
    # those of before had no checksum
    if not is_place(file) or not is_name(attempt) or note.get("body", _digest(body)) != _digest(body):
        return None
    errand = Errand(
        file=Path(file),
        attempt=attempt,
        at=at,
        account_id=text_at(note, "account_id"),
        user_id=text_at(note, "user_id"),
        refresh_fingerprint=text_at(note, "refresh_fingerprint"),
    )
    # the space that was reserved and not needed is zeros
    return errand, body.rstrip(b"\0")


def settled_login(path: Path, fingerprint: Fingerprint) -> Login | None:
    """The login in a file that may just be written by its owner, or None when there is none."""
    document = read_settled(path)
    return login_in(document.root, fingerprint) if isinstance(document, Document) else None


def read_settled(path: Path) -> Document | FileProblem | None:
    """The document in a file; one that is just being written by its owner is read again shortly after."""
    document = read_document(path)
    for _ in range(_TORN_TRIES):
        if isinstance(document, Document):
            break
        time.sleep(_TORN_PAUSE_SECONDS)
        document = read_document(path)
    return document
