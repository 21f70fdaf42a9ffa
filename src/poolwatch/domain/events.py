"""What can happen to the pool, and what its watchers are told of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing, SourceRef
from poolwatch.domain.failure import Failure
from poolwatch.domain.message import Message
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook
from poolwatch.domain.refresh import RefreshProgress
from poolwatch.domain.state import AccountState, KeptFile, PoolFacts, PoolState, listed_by
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace

if TYPE_CHECKING:
    from poolwatch.domain.alerts import AlertBoard
    from poolwatch.domain.balances import Balance, BalanceState
    from poolwatch.domain.budgets import BudgetReport
    from poolwatch.domain.notices import ChannelHealth


class Listed(Struct, frozen=True):
    """A source said which accounts it has: the whole list, which replaces its former one.

    `credits_per_usd` is the rate that it is set up with, None where it does not say.
    """

    source: str
    listings: tuple[Listing, ...]
    at: datetime
    credits_per_usd: Decimal | None = None


class SourceFailed(Struct, frozen=True):
    """A source could not say which accounts it has; what it last said stays."""

    source: str
    failure: Failure
    at: datetime


class ReadingArrived(Struct, frozen=True):
    """The outcome of asking one source for one account's usage.

    `at` is when the figures were true, which for a pool's cached quota lies back; `asked_at` is when
    they were asked for (None: at the same instant). Both are by our own clock. `token_fingerprint`
    names the access token that was sent.
    """

    key: AccountKey
    source: str
    at: datetime
    outcome: UsageSnapshot | Failure
    token_fingerprint: str | None = None
    clock_offset: timedelta | None = None
    asked_at: datetime | None = None
    #: entries that were asked before this one and brought no reading
    despite: tuple[tuple[SourceRef, Failure], ...] = ()


class RefreshMoved(Struct, frozen=True):
    """A refresh of one account moved on; `progress` None clears the line."""

    key: AccountKey
    progress: RefreshProgress | None
    at: datetime


class Recalled(Struct, frozen=True):
    """What the store holds: at the start, and whenever another process read an account."""

    accounts: tuple[AccountState, ...]
    #: the store is all there is (a viewer): accounts that it lacks are gone
    whole: bool = False
    #: what is remembered beside the accounts
    facts: PoolFacts | None = None

    @classmethod
    def of(cls, sources: Collection[str], accounts: Iterable[AccountState], facts: PoolFacts) -> Recalled:
        """All that is stored of these sources."""
        kept = tuple(known for account in accounts if (known := listed_by(sources, account)) is not None)
        rates = {name: rate for name, rate in facts.rates.items() if name in sources}
        states = tuple(each for each in facts.sources if each.name in sources)
        return cls(kept, whole=True, facts=replace(facts, rates=rates, sources=states))


class KeptTold(Struct, frozen=True):
    """Which logins wait in the state directory, the newest first: all of them."""

    files: tuple[KeptFile, ...]


class LookedAhead(Struct, frozen=True):
    """What lies ahead was worked out for these accounts; `pool` None leaves what was said of the pool."""

    accounts: Mapping[AccountKey, AccountOutlook]
    pool: PoolOutlook | None = None


class BalanceRead(Struct, frozen=True):
    """The balance of a source was asked for at `at`, by our own clock."""

    source: str
    outcome: Balance | Failure
    at: datetime


class BalancesTold(Struct, frozen=True):
    """All balances there are, by their sources, as far as they are known."""

    balances: Mapping[str, BalanceState]


class LimitsTold(Struct, frozen=True):
    """How budgets, alerts and channels stand; None leaves what was said of them."""

    budgets: BudgetReport | None = None
    alerts: AlertBoard | None = None
    channels: tuple[ChannelHealth, ...] | None = None


PoolEvent: TypeAlias = (
    LimitsTold
    | BalanceRead
    | BalancesTold
    | KeptTold
    | LookedAhead
    | Listed
    | SourceFailed
    | ReadingArrived
    | RefreshMoved
    | Recalled
)


class BulkProgress(Struct, frozen=True):
    """A refresh of many accounts: how far it is; `done` when it ended or was stopped."""

    finished: int
    total: int
    failed: int
    done: bool = False
    #: accounts whose figures it changed
    changed: int = 0
    #: told at its end: the accounts whose turn came
    had_turn: frozenset[AccountKey] = frozenset()
    #: without token steps
    usage_only: bool = False


class PoolChanged(Struct, frozen=True):
    """The state after a burst of events, and the accounts it touched. None: anything may have changed."""

    state: PoolState
    keys: frozenset[AccountKey] | None
    bulk: BulkProgress | None = None
    #: lines about the whole pool: another poolwatch polls, the database is set aside
    notices: tuple[Message, ...] = ()


class AnswerKind(StrEnum):
    """What became of a request to refresh."""

    STARTED = "started"
    RUNNING = "running"
    THROTTLED = "throttled"
    ASK_ONCE = "ask_once"
    NO_ANSWER = "no_answer"


class Answer(Struct, frozen=True):
    """The immediate answer to a refresh; `at` is the end of a Retry-After, or when a reply was lost (UTC)."""

    kind: AnswerKind
    at: datetime | None = None
