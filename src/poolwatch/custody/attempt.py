"""One attempt to exchange a refresh token: its journal line and the header of its reply; no token."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.login_file import Document, Fingerprint, Login, login_in, read_document
from poolwatch.custody.outcomes import step_from_json, step_to_json
from poolwatch.custody.state_dir import account_key
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.host.files import FileProblem, is_file_path
from poolwatch.host.instants import instant_text, parse_instant
from poolwatch.once.journal import Ending, Journal, Stage, boot_id, is_attempt_id
from poolwatch.once.json_text import JsonObject, object_at, text_at
from poolwatch.once.replies import seal, unseal

#: What the names of poolwatch's own files in other folders begin with.
OWN_PREFIX: Final = ".poolwatch-"
#: What the names of new login files that are not finished end with.
SPACE_SUFFIX: Final = ".tmp"
_TORN_TRIES: Final = 4
_TORN_PAUSE_SECONDS: Final = 0.05
#: Blocked: the note of the sending could not be forced to disk, so nothing was sent.
_ENDINGS: Final = {
    TokenOutcome.REFRESHED: Ending.SETTLED,
    TokenOutcome.REJECTED_FOR_GOOD: Ending.SETTLED,
    TokenOutcome.FAILED: Ending.HARMLESS,
    TokenOutcome.ADOPTED: Ending.HARMLESS,
    TokenOutcome.BLOCKED: Ending.HARMLESS,
}


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line. `file` is the resolved login file, empty where the line names none.

    `replaced`: a new refresh token came, so the one with this fingerprint is used up.
    """

    stage: Stage
    attempt: str
    account: str
    file: str
    at: datetime
    refresh_fingerprint: str | None = None
    step: TokenStep | None = None
    replaced: bool = False

    @property
    def subject(self) -> str | None:
        return self.refresh_fingerprint

    @property
    def ending(self) -> Ending | None:
        return _ENDINGS.get(self.step.outcome, Ending.UNKNOWN) if self.step is not None else None


class RefreshJournal(Journal[JournalEntry]):
    """The refreshes of one account."""

    def to_line(self, entry: JournalEntry) -> JsonObject:
        line: JsonObject = {
            "state": entry.stage.value,
            "attempt": entry.attempt,
            "account": entry.account,
            "file": entry.file,
            "at": instant_text(entry.at),
            "boot_id": boot_id(),
            "refresh_fingerprint": entry.refresh_fingerprint,
            "replaced": entry.replaced,
        }
        if entry.step is not None:
            line["outcome"] = step_to_json(entry.step)
        return line

    def from_line(self, line: JsonObject) -> JournalEntry | None:
        at = parse_instant(line.get("at"))
        stage, attempt = text_at(line, "state"), text_at(line, "attempt")
        if at is None or attempt is None or stage not in list(Stage) or not is_attempt_id(attempt):
            return None
        file = text_at(line, "file") or ""
        outcome = object_at(line, "outcome")
        return JournalEntry(
            stage=Stage(stage),
            attempt=attempt,
            account=text_at(line, "account") or "",
            file=file if is_file_path(file) else "",
            at=at,
            refresh_fingerprint=text_at(line, "refresh_fingerprint"),
            step=step_from_json(outcome) if outcome is not None else None,
            replaced=line.get("replaced") is True,
        )


@dataclass(frozen=True, slots=True)
class RefreshAttempt:
    """One attempt to exchange the refresh token of one file. `file` is resolved, `at` when it began.

    `key` is the account's where the file was moved since; unset, it follows from the ids and the file.
    """

    file: Path
    id: str
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
        return space_name(self.file, self.id)

    def entry(
        self, stage: Stage, at: datetime, step: TokenStep | None = None, *, replaced: bool = False
    ) -> JournalEntry:
        """The journal line of a stage of this attempt."""
        return JournalEntry(
            stage, self.id, self.account, str(self.file), at, self.refresh_fingerprint, step, replaced
        )

    def sealed(self, body: bytes) -> bytes:
        """The pending file of this attempt's reply."""
        header: JsonObject = {
            "file": str(self.file),
            "attempt": self.id,
            "at": instant_text(self.at),
            "account_id": self.account_id,
            "user_id": self.user_id,
            "refresh_fingerprint": self.refresh_fingerprint,
        }
        return seal(header, body)


def space_name(file: Path, attempt: str) -> Path:
    """Where an attempt makes a new login file ready: a name of our own, found again by the journal."""
    return file.with_name(f"{OWN_PREFIX}{attempt}{SPACE_SUFFIX}")


def unsealed(path: Path) -> tuple[RefreshAttempt, bytes] | None:
    """The attempt and the reply of a pending file, or None when there is none to be read."""
    found = unseal(path)
    if found is None:
        return None
    header, body = found
    file, attempt, at = text_at(header, "file"), text_at(header, "attempt"), parse_instant(header.get("at"))
    if file is None or attempt is None or at is None or not is_file_path(file) or not is_attempt_id(attempt):
        return None
    return RefreshAttempt(
        file=Path(file),
        id=attempt,
        at=at,
        account_id=text_at(header, "account_id"),
        user_id=text_at(header, "user_id"),
        refresh_fingerprint=text_at(header, "refresh_fingerprint"),
    ), body


def settled_login(path: Path, fingerprint: Fingerprint) -> Login | FileProblem | None:
    """The login in a file that may just be written by its owner; None when it holds none."""
    document = read_settled(path)
    return login_in(document.root, fingerprint) if isinstance(document, Document) else document


def read_settled(path: Path) -> Document | FileProblem | None:
    """The document in a file; one that is just being written by its owner is read again shortly after."""
    document = read_document(path)
    for _ in range(_TORN_TRIES):
        if isinstance(document, Document):
            break
        time.sleep(_TORN_PAUSE_SECONDS)
        document = read_document(path)
    return document
