"""What the monitor tells those who look at it: bursts of changes, and answers to requests."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.pool import PoolState


class BulkProgress(Struct, frozen=True):
    """A refresh of many accounts: how far it is; `done` when it ended or was stopped."""

    finished: int
    total: int
    failed: int
    done: bool = False
    #: accounts whose figures it changed
    changed: int = 0


class PoolChanged(Struct, frozen=True):
    """The state after a burst of events, and the accounts it touched. None: anything may have changed."""

    state: PoolState
    keys: frozenset[AccountKey] | None
    bulk: BulkProgress | None = None
    #: lines about the whole pool: another poolwatch polls, the database is set aside
    notices: tuple[str, ...] = ()


class AnswerKind(StrEnum):
    """What became of a request to refresh."""

    STARTED = "started"
    RUNNING = "running"
    THROTTLED = "throttled"
    ASK_ONCE = "ask_once"
    READ_ONLY = "read_only"
    NO_ANSWER = "no_answer"


class Answer(Struct, frozen=True):
    """The immediate answer to a refresh; `at` is the end of a Retry-After, or when a reply was lost (UTC)."""

    kind: AnswerKind
    at: datetime | None = None
