"""What the store keeps beside accounts: the poller's identity, requests to it, facts about the pool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from poolwatch.domain.pool import SourceState


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that polls. Instants are aware UTC; `heartbeat_at` is when it last said it lives."""

    pid: int
    host: str
    since: datetime
    heartbeat_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What is true of the whole pool and worth keeping. Of the sources, the listings are not kept here."""

    name: str | None = None
    clock_offset: timedelta = timedelta(0)
    #: the rate in force; None when nobody said one
    credits_per_usd: Decimal | None = None
    sources: tuple[SourceState, ...] = ()


class RequestKind(StrEnum):
    """What a viewer asks of the poller."""

    REFRESH = "refresh"
    USAGE = "usage"


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish for one account, by its public id."""

    account_id: str
    kind: RequestKind
    #: disregard a Retry-After
    override: bool = False
    #: spend a login whose last reply was lost
    try_once: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A wish in the queue; `asked_by` says who asked, in words or as a process id."""

    id: int
    ask: Ask
    asked_at: datetime
    asked_by: str


@dataclass(frozen=True, slots=True)
class RequestState:
    """How far a request is; `outcome` is there once `done_at` is."""

    id: int
    taken_at: datetime | None = None
    done_at: datetime | None = None
    outcome: str | None = None
