"""What every source is made with and can do, whatever stands behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from msgspec import Struct, field

from poolwatch.config.source_settings import SourceSettings
from poolwatch.custody.state_dir import KEY_BYTES, Fingerprinter
from poolwatch.domain.account import Listing, Secret, SourceRef
from poolwatch.domain.banked_resets import ResetHistory, ResetLook
from poolwatch.domain.failure import Failure
from poolwatch.domain.message import Message
from poolwatch.domain.refresh import TokenStep
from poolwatch.domain.usage import UsageSnapshot

if TYPE_CHECKING:
    from poolwatch.domain.workspace_usage import DaysReported
    from poolwatch.net.client import HttpClient
    from poolwatch.net.reply import Lost, NotSent, Reply
    from poolwatch.sources.banked_resets import ResetPace
    from poolwatch.sources.pools.keys import KeyStates

_BY_HAND: Final[ContextVar[bool]] = ContextVar("by_hand", default=False)


@contextmanager
def by_hand() -> Iterator[None]:
    """What is asked inside, somebody asked for: a pool that refused before is tried again, if seldom."""
    token = _BY_HAND.set(True)
    try:
        yield
    finally:
        _BY_HAND.reset(token)


def is_by_hand() -> bool:
    """Whether somebody asked for what is being asked now."""
    return _BY_HAND.get()


class SourceSetup(Struct, frozen=True, eq=False):
    """Settings and surroundings of one source; the deadline in seconds covers one request with its answer.

    `fingerprint` and `key_states` are by what processes tell each other which secrets a pool refused; unset,
    this one remembers by itself; `resets` is how often the list of banked resets may be asked for, likewise.
    `renews`: poolwatch itself renews logins of its own custody in the background.
    """

    settings: SourceSettings
    client: HttpClient
    home: Path
    env: Mapping[str, str]
    deadline_seconds: float
    fingerprint: Callable[[Secret], str] = field(
        default_factory=lambda: Fingerprinter(secrets.token_bytes(KEY_BYTES))
    )
    key_states: KeyStates | None = None
    resets: ResetPace | None = None
    renews: bool = False

    def __repr__(self) -> str:
        # the environment may hold keys
        return f"SourceSetup({self.settings.name!r})"


class UsageReading(Struct, frozen=True):
    """The outcome of asking for one account's usage.

    `raw` is the answer's text with tokens and control characters taken out, at most 64 KiB.
    `clock_offset` is what the server's clock is ahead of ours, None when the answer does not tell.
    `token_fingerprint` names the access token that was sent, None when none was. `at` is when the figures
    were true, by our own clock, where a pool gave older ones; None: just now, UNDATED: the pool does not say.
    """

    outcome: UsageSnapshot | Failure
    raw: str | None = None
    server_date: datetime | None = None
    elapsed_seconds: float = 0.0
    token_fingerprint: str | None = None
    clock_offset: timedelta | None = None
    at: datetime | None = None

    def __repr__(self) -> str:
        return f"UsageReading({self.outcome!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("outcome", self.outcome)]


class Directness(IntEnum):
    """How directly a source has its figures from the service; of several, the lowest is asked first."""

    #: the usage endpoint's own answer
    SERVICE = 0
    #: the same answer, handed on by a pool
    RELAYED = 1
    #: an answer that a pool asks for when it sees fit, else what it kept
    SOMETIMES_RELAYED = 2
    #: what a pool kept of its last look, without what it does not keep
    KEPT = 3


class Source(Protocol):
    """A place that accounts come from. Instants given to it are our own clock's."""

    @property
    def name(self) -> str: ...

    @property
    def directness(self) -> Directness: ...

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """All accounts of the source, or why it cannot say."""
        ...

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """The usage of an entry's account now; `clock_offset` is what the server's clock is ahead of ours.

        It is the entry as its asker knows it: nothing is sent for it with the login of somebody else.
        """
        ...

    async def signature(self) -> Hashable:
        """A value that differs once the source's accounts may have changed; cheap, it opens nothing."""
        ...


@runtime_checkable
class FileSource(Source, Protocol):
    """A source whose accounts are login files."""

    def path_of(self, ref: SourceRef) -> Path | None:
        """The file of an entry, while the source lists it."""
        ...


class PoolReport(Struct, frozen=True):
    """What a look at a pool found: `lacks` says what it cannot tell or do as it is configured."""

    program: str
    version: str | None
    accounts: int
    need_login: int
    lacks: tuple[Message, ...] = ()


@runtime_checkable
class CountingSource(Source, Protocol):
    """A source that can have the service say what it counted."""

    async def fetch_day_counts(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> Mapping[date, int] | Failure:
        """An account's tokens by whole days, UTC; one request, with a token that may be sent."""
        ...


@runtime_checkable
class ReportingSource(Source, Protocol):
    """A source that can have the service report an account's days."""

    async def fetch_workspace_usage(
        self,
        entry: Listing,
        at: datetime,
        clock_offset: timedelta = timedelta(0),
        since: date | None = None,
    ) -> DaysReported | Failure:
        """An account's own use in its workspace by days, UTC; one request, two where one brings nothing."""
        ...


@runtime_checkable
class ResettingSource(Source, Protocol):
    """A source by which banked resets can be looked at now, and one of them used."""

    async def look_at_resets(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> ResetLook | Failure:
        """The account's usage and its banked resets, both asked for now, whatever the pace of polls."""
        ...

    async def reset_history(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> ResetHistory | Failure | None:
        """What the service's history of the last days has of uses; None where the source has none."""
        ...

    async def use_reset(
        self,
        entry: Listing,
        request_id: str,
        reset_id: str | None,
        at: datetime,
        clock_offset: timedelta = timedelta(0),
    ) -> Reply | NotSent | Lost:
        """Have a reset used by one request, which is never repeated here. It costs the reset for good."""
        ...


@runtime_checkable
class PoolSource(Source, Protocol):
    """A running pool server, which keeps the tokens to itself."""

    @property
    def left_out(self) -> Message | None:
        """That its list was too long to be read whole; None while it was not."""
        ...

    async def list_lately(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """What `list_accounts` said a moment ago, the very same value; else what it says now."""
        ...

    async def token_step(self, ref: SourceRef, at: datetime) -> TokenStep:
        """Have the pool renew one account's token, if it has a way to; every failure is an outcome."""
        ...

    async def rate(self, at: datetime) -> Decimal | None:
        """Credits per USD as the pool is set up, None where it does not say."""
        ...

    async def report(self, at: datetime) -> PoolReport | Failure:
        """Ask the pool how it is, or why it cannot be asked."""
        ...
