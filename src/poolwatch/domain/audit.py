"""Acts that are noted in the audit log: who did what to what, when, and how it ended."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.refresh import RefreshProgress, TokenOutcome

#: The code of a change of a file that was tried, and that the disk or another program's change kept from it.
NOT_WRITTEN: Final = "not_written"


class Act(StrEnum):
    """Everything that is noted, a closed list: what spends, silences, or changes logins or settings."""

    REFRESH = "refresh"
    SIGN_IN = "sign_in"
    IMPORT = "import"
    REMOVE = "remove"
    RESOLVE = "resolve"
    IMPORT_DATA = "data_import"
    INIT_CONFIG = "config_init"
    SET_CONFIG = "config_set"
    EDIT_CONFIG = "config_edit"
    ADD_SOURCE = "source_add"
    SET_SOURCE = "source_set"
    REMOVE_SOURCE = "source_remove"
    ADD_BUDGET = "budget_add"
    SET_BUDGET = "budget_set"
    REMOVE_BUDGET = "budget_remove"
    ADD_CHANNEL = "channel_add"
    REMOVE_CHANNEL = "channel_remove"
    SILENCE = "alert_silence"
    UNSILENCE = "alert_unsilence"
    RESEND = "alert_resend"
    USE_RESET = "reset_use"
    ASK_RESET = "reset_ask"
    SETTLE_RESET = "reset_settle"
    TOP_UP = "topup_buy"
    ASK_TOP_UP = "topup_ask"
    SETTLE_TOP_UP = "topup_settle"


class By(StrEnum):
    """What had it done: a key in the app, a command, or nobody's wish."""

    APP = "app"
    COMMAND = "command"
    BACKGROUND = "background"
    #: an older poolwatch asked, which does not say who
    OTHER = "other"


class Outcome(StrEnum):
    """How an act ended."""

    DONE = "done"
    #: all was as it should be already
    NOTHING = "nothing"
    FAILED = "failed"
    #: it was sent, and its reply was lost
    UNKNOWN = "unknown"
    #: a person ended it, or poolwatch was left meanwhile
    STOPPED = "stopped"


class Doer(Struct, frozen=True):
    """Who does something: the user of the process, and what its environment says of him.

    `ssh` is SSH_CONNECTION, `sudo` SUDO_USER. A process may set both as it likes.
    """

    by: By
    user: str
    pid: int
    ssh: str | None = None
    sudo: str | None = None

    @property
    def unasked(self) -> Doer:
        """The same process where nobody asked it."""
        return Doer(By.BACKGROUND, self.user, self.pid)


class Deed(Struct, frozen=True):
    """An act on something: accounts by their ids, a path as it may be shown, names of keys or sources."""

    act: Act
    accounts: tuple[str, ...] = ()
    path: str | None = None
    what: tuple[str, ...] = ()


class Ending(Struct, frozen=True):
    """How an act ended, with the codes of its steps, such as `token:refreshed`."""

    outcome: Outcome
    codes: tuple[str, ...] = ()


class AuditEntry(Struct, frozen=True):
    """One line of the log as it was read. Codes of a newer poolwatch stand as they came.

    The line that begins an act has no outcome; the one that ends it names the number of that line in `of`,
    0 where that could not be written.
    """

    seq: int
    at: datetime
    act: str
    by: str
    user: str
    pid: int
    ssh: str | None = None
    sudo: str | None = None
    accounts: tuple[str, ...] = ()
    path: str | None = None
    what: tuple[str, ...] = ()
    of: int | None = None
    outcome: str | None = None
    codes: tuple[str, ...] = ()
    #: so many bytes of a half line stood before it, and were taken away
    torn_bytes: int | None = None
    prev_hash: str = ""
    hash: str = ""


class Flaw(StrEnum):
    """Why an entry is not the next one of the chain."""

    UNREADABLE = "unreadable"
    ALTERED = "altered"
    UNLINKED = "unlinked"


class Break(Struct, frozen=True):
    """The first place where the chain does not hold; `seq` as the line has it, None where nobody can tell."""

    line: int
    flaw: Flaw
    seq: int | None = None


class ChainReport(Struct, frozen=True):
    """What a reading of the whole log found."""

    #: sound entries, up to the first break
    entries: int = 0
    #: the hash of the last of them, and its number
    head: str = ""
    seq: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    broken: Break | None = None
    #: the last line is a half one of so many bytes: whoever wrote it was killed
    half_bytes: int = 0
    #: half lines that the next writer took away
    closed: int = 0
    #: the number of the entry with the hash that was looked for
    found: int | None = None
    #: acts of which no end is noted, by the number of their line
    unended: Set[int] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether the chain holds; a half last line breaks nothing."""
        return self.broken is None


_LEFT_ALONE: Final = frozenset({TokenOutcome.CURRENT, TokenOutcome.NONE})


def refresh_ending(progress: RefreshProgress) -> Ending:
    """How a refresh ended: the outcome of its token step and what became of the reading."""
    token, usage = progress.token, progress.usage
    codes: list[str] = []
    if token is not None:
        codes.append(f"token:{token.outcome.value}")
        if token.block is not None:
            codes.append(f"block:{token.block.value}")
    if usage is not None:
        failure = usage.failure
        tried = "ok" if failure is None else failure.kind.value
        codes.append(f"usage:{tried if usage.tried or failure is not None else 'not_tried'}")
    if token is None:
        outcome = Outcome.FAILED
    elif token.outcome is TokenOutcome.AMBIGUOUS:
        outcome = Outcome.UNKNOWN
    elif token.outcome in _LEFT_ALONE and usage is None:
        outcome = Outcome.NOTHING
    elif progress.token_failed or (usage is not None and (usage.failure is not None or not usage.tried)):
        outcome = Outcome.FAILED
    else:
        outcome = Outcome.DONE
    return Ending(outcome, tuple(codes))
