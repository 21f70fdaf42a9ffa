"""What the store keeps beside accounts and facts about the pool: requests to the process that polls."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class RequestKind(StrEnum):
    """What a viewer asks of the poller."""

    REFRESH = "refresh"
    #: a refresh whose token step runs only where the token is of no use soon
    DUE = "due"
    USAGE = "usage"
    #: a refresh that may renew Codex's own login beside a codex that works on its home
    BESIDE = "beside"


class Ask(Struct, frozen=True):
    """A wish for one account, by its public id."""

    account_id: str
    kind: RequestKind
    #: disregard a Retry-After
    override: bool = False
    #: spend a login whose last reply was lost
    try_once: bool = False


class Request(Struct, frozen=True):
    """A wish in the queue; `asked_by` says who asked, in words or as a process id."""

    id: int
    ask: Ask
    asked_at: datetime
    asked_by: str


class RequestState(Struct, frozen=True):
    """How far a request is; `outcome` is there once `done_at` is."""

    id: int
    taken_at: datetime | None = None
    done_at: datetime | None = None
    outcome: str | None = None
