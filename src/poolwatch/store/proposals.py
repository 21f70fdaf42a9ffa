"""Proposals to top up in the database: what was judged last of each `[[topups]]`, by its name.

They are judged here, by what stands in the store: of several processes one makes a proposal.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import convert

from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.proposals import (
    AutoTopUp,
    BalanceSeen,
    Proposal,
    ProposalEnd,
    ProposalState,
    judged,
    proposal_event,
)
from poolwatch.domain.purchases import Purchase
from poolwatch.store import events
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.stored import Amounts, Document, Instant, is_instant

_VERSION: Final = 1
#: They stand beside the facts about the pool.
_FIRST: Final = "proposal:"
_BEHIND: Final = "proposal;"


class _Proposal(Amounts, frozen=True):
    amount: Decimal
    below: Decimal
    balance: Decimal
    at: Instant
    end: ProposalEnd | None = None
    ended_at: Instant | None = None


class _Seen(Amounts, frozen=True):
    balance: Decimal
    read_at: Instant


class _Judged(Document, frozen=True):
    asked: str = ""
    seen: _Seen | None = None
    proposal: _Proposal | None = None


def read(held: sqlite3.Connection) -> Mapping[str, ProposalState]:
    """All of them by name; one that is damaged is left out."""
    rows = held.execute("SELECT name, value FROM meta WHERE name >= ? AND name < ?", (_FIRST, _BEHIND))
    found = {}
    for key, document in rows:
        name = str(key).removeprefix(_FIRST)
        state = _unpack(name, document)
        if state is not None:
            found[name] = state
    return found


def judge(
    held: sqlite3.Connection,
    name: str,
    auto: AutoTopUp | None,
    seen: BalanceSeen,
    purchases: Sequence[Purchase],
    now: datetime,
) -> tuple[ProposalState, tuple[LoggedEvent, ...]]:
    """What stands there after a look at a balance, by the rule, and what happened; kept where that is new."""
    row = held.execute("SELECT value FROM meta WHERE name = ?", (f"{_FIRST}{name}",)).fetchone()
    # of what is damaged nothing follows: it is as if the balance was never seen
    known = (None if row is None else _unpack(name, row[0])) or ProposalState()
    found = judged(known, name, auto, seen, purchases, now)
    if found is not known:
        held.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (f"{_FIRST}{name}", _pack(found))
        )
    made = found.proposal
    if made is None or made.end is not None or made == known.proposal:
        return found, ()
    told = (proposal_event(made, seen),)
    events.append(held, told)
    return found, told


def _pack(state: ProposalState) -> str:
    made = state.proposal
    proposal = None if made is None else convert(made, _Proposal, from_attributes=True)
    is_seen = state.balance is not None and state.read_at is not None
    seen = convert(state, _Seen, from_attributes=True) if is_seen else None
    return msgspec.json.encode(_Judged(_VERSION, state.asked, seen, proposal)).decode()


def _unpack(name: str, document: object) -> ProposalState | None:
    try:
        told = msgspec.json.decode(str(document), type=_Judged)
        made, seen = told.proposal, told.seen
        proposal = (
            None
            if made is None
            else Proposal(name, made.amount, made.below, made.balance, made.at, made.end, made.ended_at)
        )
    except UNREADABLE:
        return None
    read_at = None if seen is None else seen.read_at
    moments = (read_at, *(() if made is None else (made.at, made.ended_at)))
    if not all(is_instant(each) for each in moments if each is not None):
        return None
    return ProposalState(None if seen is None else seen.balance, read_at, proposal, told.asked)
