"""Has top-ups proposed: looks at balances as they are read, and has the store judge what is new.

Nothing is bought here. It runs in the process that polls; what makes one proposal of two is the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from poolwatch.domain.proposals import AutoTopUp, BalanceSeen, ProposalState, judged
from poolwatch.domain.purchases import Purchase
from poolwatch.host.threads import in_thread

if TYPE_CHECKING:
    from poolwatch.domain.balances import BalanceState
    from poolwatch.domain.event_log import LoggedEvent
    from poolwatch.monitor.ledger import Clock, Ledger
    from poolwatch.store.store import Store


class WatchedTopUp(Struct, frozen=True):
    """One `[[topups]]` that proposes: by which source's balance, and in which unit that has to be.

    `purchases` gives those of its target at its address, from disk; None where they cannot be told.
    """

    name: str
    source: str
    unit: str
    auto: AutoTopUp
    purchases: Callable[[], Sequence[Purchase] | None]


class ProposalWatch:
    """The proposals of one run."""

    def __init__(
        self,
        watched: Collection[WatchedTopUp],
        ledger: Ledger,
        store: Store,
        clock: Clock,
        tell: Callable[[Sequence[LoggedEvent]], None] = lambda _: None,
    ) -> None:
        """`tell` is called with what was proposed."""
        self._watched = tuple(watched)
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._tell = tell
        #: what the store judged last, by name
        self._judged: dict[str, ProposalState] = {}

    async def look(self) -> None:
        """Judge every balance that was read since, and proposals that may have ended."""
        for each in self._watched:
            seen = _seen(each, self._ledger.state.balances.get(each.source))
            known = self._judged.get(each.name)
            is_new = seen.balance is not None and (known is None or seen.read_at != known.read_at)
            if known is not None and not is_new and not _is_open(known):
                continue
            purchases = await in_thread(each.purchases)
            if purchases is None:
                # nobody knows how far the caps are used
                continue
            now = self._clock.now()
            # nothing is written where nothing is new
            if known is not None and judged(known, each.name, each.auto, seen, purchases, now) is known:
                continue
            found = await self._store.judge_proposal(each.name, each.auto, seen, purchases, now)
            if found is None:
                continue
            self._judged[each.name], events = found
            self._tell(events)
            if known is None or self._judged[each.name].proposal != known.proposal:
                self._ledger.wake()


def _seen(topup: WatchedTopUp, state: BalanceState | None) -> BalanceSeen:
    balance = None if state is None else state.balance
    if state is None or balance is None or balance.unit != topup.unit:
        return BalanceSeen(topup.source, topup.unit)
    return BalanceSeen(topup.source, topup.unit, balance.remaining, state.read_at, state.asked)


def _is_open(state: ProposalState) -> bool:
    return state.proposal is not None and state.proposal.end is None
