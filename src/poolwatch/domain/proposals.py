"""Proposals to top up: one is made when a balance falls below an amount, and only a person buys what it says.

It is made once for each fall: not again until the balance was at that amount or above it. Nothing is decided
by a reading that is unknown, or that is older than one that was judged before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.event_log import EventKind, LoggedEvent, event_id
from poolwatch.domain.purchases import Caps, Purchase, Spent, money, spent
from poolwatch.domain.values import replace

#: Whoever has not answered by then is asked no more.
OPEN_FOR: Final = timedelta(hours=6)
#: A clock may be put right by so much between two looks.
_SKEW: Final = timedelta(minutes=5)


class AutoTopUp(Struct, frozen=True):
    """What is proposed, and from where on; `caps` are for what was bought by proposals."""

    below: Decimal
    amount: Decimal
    caps: Caps


class ProposalEnd(StrEnum):
    """Why a proposal waits no more."""

    BOUGHT = "bought"
    ROSE = "rose"
    EXPIRED = "expired"
    #: the configuration proposes something else by now, or nothing
    CHANGED = "changed"


class Proposal(Struct, frozen=True):
    """To top up by `amount`, for `balance` was below `below`. `name` is that of the `[[topups]]`."""

    name: str
    amount: Decimal
    below: Decimal
    balance: Decimal
    at: datetime
    end: ProposalEnd | None = None
    ended_at: datetime | None = None

    def waits(self, now: datetime) -> bool:
        """Whether it still waits for an answer."""
        # of a clock that was put back nobody knows how long it has waited
        return self.end is None and -_SKEW <= now - self.at < OPEN_FOR

    @property
    def until(self) -> datetime:
        """When it is withdrawn if nobody answers."""
        return self.at + OPEN_FOR


class ProposalState(Struct, frozen=True):
    """What was judged last of one `[[topups]]`: the balance as it was read at that time, and its proposal.

    `asked` marks who told it (`BalanceState.asked`): what is asked elsewhere is another balance.
    """

    balance: Decimal | None = None
    read_at: datetime | None = None
    proposal: Proposal | None = None
    asked: str = ""


class BalanceSeen(Struct, frozen=True):
    """The balance of a source as it was read; None: it is unknown, or in another unit than the top-up."""

    source: str
    unit: str
    balance: Decimal | None = None
    read_at: datetime | None = None
    asked: str = ""


def judged(
    state: ProposalState,
    name: str,
    auto: AutoTopUp | None,
    seen: BalanceSeen,
    purchases: Sequence[Purchase],
    now: datetime,
) -> ProposalState:
    """The state after a look; the same object where nothing is new.

    `purchases` are those of its target at its address, `auto` is None where nothing is proposed any more.
    """
    proposal = state.proposal
    before = state if seen.asked == state.asked else ProposalState()
    is_new = seen.balance is not None and _is_later(seen.read_at, before.read_at, now)
    balance = seen.balance if is_new else None
    if proposal is not None and proposal.end is None:
        # that of a service which is asked elsewhere is not the balance that was low
        is_other = balance is not None and seen.asked != state.asked
        end = ProposalEnd.CHANGED if is_other else _end(proposal, auto, balance, purchases, now)
        if end is not None:
            proposal = replace(proposal, end=end, ended_at=now)
    if balance is None:
        return state if proposal is state.proposal else replace(state, proposal=proposal)
    # one that waits ends before another fall: the balance rose in between
    if auto is not None and _has_fallen(before.balance, balance, auto) and has_room(auto, purchases, now):
        proposal = Proposal(name, auto.amount, auto.below, balance, now)
    return ProposalState(balance, seen.read_at, proposal, seen.asked)


def proposal_event(proposal: Proposal, seen: BalanceSeen) -> LoggedEvent:
    """That it was proposed, as an event of the balance."""
    kind = EventKind.TOPUP_PROPOSED
    return LoggedEvent(
        event_id(seen.source, kind, proposal.at),
        proposal.at,
        kind,
        source=seen.source,
        before=proposal.below,
        after=proposal.balance,
        now=money(proposal.amount),
        unit_name=seen.unit,
    )


def has_room(auto: AutoTopUp, purchases: Sequence[Purchase], now: datetime) -> bool:
    """Whether the caps let what is proposed be bought."""
    used = spent_by_proposals(purchases, now)
    return used.day + auto.amount <= auto.caps.day and used.month + auto.amount <= auto.caps.month


def spent_by_proposals(purchases: Sequence[Purchase], now: datetime) -> Spent:
    """What was bought, or may have been, because it was proposed."""
    return spent([each for each in purchases if each.proposed], now)


def _is_later(read_at: datetime | None, judged_at: datetime | None, now: datetime) -> bool:
    """Whether a reading is newer than that which was judged; one of the future was under a wrong clock."""
    if read_at is None:
        return False
    return judged_at is None or read_at > judged_at or judged_at > now + _SKEW


def _has_fallen(before: Decimal | None, balance: Decimal, auto: AutoTopUp) -> bool:
    return before is not None and balance < auto.below <= before


def _end(
    proposal: Proposal,
    auto: AutoTopUp | None,
    balance: Decimal | None,
    purchases: Sequence[Purchase],
    now: datetime,
) -> ProposalEnd | None:
    """Why it waits no more; None: it does."""
    if any(each.counts and each.at >= proposal.at for each in purchases):
        return ProposalEnd.BOUGHT
    if balance is not None and balance >= proposal.below:
        return ProposalEnd.ROSE
    if auto is None or (auto.below, auto.amount) != (proposal.below, proposal.amount):
        return ProposalEnd.CHANGED
    return None if proposal.waits(now) else ProposalEnd.EXPIRED
