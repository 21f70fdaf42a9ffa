"""What the monitor asks of the rooms below it, so that it can be run with others in their place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing
from poolwatch.domain.refresh import Awaited, RefreshProgress, TokenStep
from poolwatch.domain.state import AccountState, KeptFile, PoolFacts, PoolState
from poolwatch.domain.usage import Usage


class Moved(Struct, frozen=True):
    """One account's usage before and after a reading."""

    account_id: str
    before: Usage
    after: Usage
    at: datetime


class ReadingStore(Protocol):
    """Where readings outlive a run. No method raises for a full or broken disk: that is a notice.

    What writes answers whether that was kept.
    """

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know of it now, in sentences."""
        ...

    async def load_accounts(self) -> tuple[AccountState, ...] | None:
        """The last state of every account; None where it cannot be read now."""
        ...

    async def load_some(self, account_ids: Collection[str]) -> tuple[AccountState, ...]:
        """The last state of those of these accounts that are remembered."""
        ...

    async def load_facts(self) -> PoolFacts:
        """What is remembered beside the accounts."""
        ...

    async def keep_facts(self, state: PoolState) -> bool:
        """Keep what viewers and `status --line` need to know beside the accounts."""
        ...

    async def save(self, accounts: Sequence[AccountState], moved: Sequence[Moved] = ()) -> bool:
        """Keep these accounts' state and a history row for each figure that moved; all or nothing."""
        ...

    async def forget(self, account_ids: Sequence[str]) -> bool:
        """Drop the state of accounts that no source lists; their history stays."""
        ...

    async def claim_poll(self, account_id: str, now: datetime, floor: timedelta) -> bool:
        """Whether this process may poll now: nobody did within `floor`. Recorded when true."""
        ...

    async def note_poll(self, account_id: str, now: datetime) -> None:
        """Record a poll that a person asked for, which the floor does not bind.

        It does not wait for the disk; what it was told is written even when its caller is cancelled.
        """
        ...


class TokenRequest(Struct, frozen=True):
    """One token step asked for; `now` is the server's clock."""

    listing: Listing
    now: datetime
    #: spend a login although the reply to its last exchange was lost
    try_once: bool = False
    #: refresh tokens (keyed fingerprints) held by other files
    other_holders: frozenset[str] = frozenset()
    #: access tokens (keyed fingerprints) that a 401 rejected
    rejected: frozenset[str] = frozenset()
    #: have codex renew its own login although another codex works on its home
    beside_codex: bool = False
    #: do nothing when any run sent this login's refresh token less than this ago
    spacing: timedelta = timedelta(0)


class Interrupted(Struct, frozen=True):
    """A refresh that an earlier run did not see the end of, and how it stands now."""

    key: AccountKey | None
    place: str
    step: TokenStep


class TokenKeeper(Protocol):
    """The custody room: the one place that may spend a token."""

    async def step(
        self,
        request: TokenRequest,
        on_delegating: Callable[[], None],
        on_waiting: Callable[[Awaited], None],
    ) -> TokenStep:
        """Run the token step of a refresh for one login; every failure is an outcome.

        `on_delegating` is called when the login's own program starts to renew it, `on_waiting` when a process
        that is waited for does not come.
        """
        ...

    async def left_anything(self) -> bool:
        """Whether an earlier refresh may have left something behind."""
        ...

    async def recover(
        self, listings: Sequence[Listing], now: datetime, *, waiting_only: bool = False
    ) -> tuple[Interrupted, ...]:
        """Finish what earlier refreshes left behind, without the network; what needs a person is told.

        A login that was moved since is found among the listings. `waiting_only`: bring home what waits, and
        tell nothing else.
        """
        ...

    async def kept(self, accounts: Mapping[AccountKey, AccountState]) -> tuple[KeptFile, ...]:
        """The logins that wait in the state directory, the newest first; whose of these accounts each is."""
        ...


class Asked(StrEnum):
    """What a viewer asks of the process that polls."""

    REFRESH = "refresh"
    #: a refresh that leaves a token alone which is of use for another day
    DUE = "due"
    USAGE = "usage"
    POLL = "poll"
    #: a refresh that may spend a login although the reply to its last exchange was lost
    TRY_ONCE = "try_once"
    #: a refresh that may renew Codex's own login beside a codex that works on its home
    BESIDE = "beside"


class OwnerRequest(Struct, frozen=True):
    """One wish of another poolwatch on this machine."""

    id: int
    account_id: str
    asked: Asked
    asked_at: datetime


class Told(Struct, frozen=True):
    """How far a wish is; `progress` is there once it is done, unless nothing came of it."""

    done: bool
    progress: RefreshProgress | None = None


class RequestQueue(Protocol):
    """How a viewer reaches the process that polls."""

    async def ask(self, account_id: str, asked: Asked, now: datetime) -> int | None:
        """Put a wish and wait a few seconds for it to be taken; its number, None when nobody answered."""
        ...

    async def told(self, number: int) -> Told:
        """How far a wish is that was taken."""
        ...

    async def arrived(self) -> None:
        """Wait until there is a wish to take."""
        ...

    async def take(self, now: datetime) -> tuple[OwnerRequest, ...]:
        """The wishes that came since the last call; taking them is the answer."""
        ...

    async def finish(self, number: int, progress: RefreshProgress | None, now: datetime) -> None:
        """Tell the asker how its wish ended; None when there is no such account here."""
        ...
