"""Proposals in the store: kept over a restart, one for each fall whoever looks, and damage is no proposal."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from poolwatch.domain.event_log import EventKind
from poolwatch.domain.proposals import AutoTopUp, BalanceSeen, Proposal, ProposalEnd, ProposalState
from poolwatch.domain.purchases import Caps
from poolwatch.store.opening import FILE_NAME
from poolwatch.store.store import Store

NOW = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
_D = Decimal
_MINUTE = timedelta(minutes=1)
AUTO = AutoTopUp(_D(5), _D("10.00"), Caps(_D(20), _D(100)))


async def look(store: Store, balance: str, at: datetime) -> ProposalState:
    seen = BalanceSeen("reef balance", "USD", _D(balance), at, "asked-1")
    found = await store.judge_proposal("reef", AUTO, seen, (), at)
    assert found is not None
    return found[0]


async def test_a_fall_is_seen_over_a_restart_and_what_is_proposed_is_kept_digit_for_digit(
    tmp_path: Path,
) -> None:
    first = Store(tmp_path, NOW)
    assert (await look(first, "5.20", NOW)).proposal is None
    await first.aclose()
    second = Store(tmp_path, NOW)
    found = await look(second, "3.20", NOW + _MINUTE)
    assert found.proposal == Proposal("reef", _D("10.00"), _D(5), _D("3.20"), NOW + _MINUTE)
    await second.aclose()
    third = Store(tmp_path, NOW)
    assert await third.proposals() == {"reef": found}
    kept = (await third.proposals())["reef"].proposal
    assert kept is not None
    assert str(kept.amount) == "10.00"
    # none of them is a balance
    assert await third.balances() == {}
    nothing = BalanceSeen("reef balance", "USD")
    judged = await third.judge_proposal("reef", AUTO, nothing, (), NOW + timedelta(hours=7))
    assert judged is not None
    late, told = judged
    # that it ends is no event
    assert told == ()
    assert late.proposal is not None
    assert late.proposal.end is ProposalEnd.EXPIRED
    assert await third.proposals() == {"reef": late}
    await third.aclose()


async def test_of_two_processes_that_see_the_same_fall_one_proposes(tmp_path: Path) -> None:
    one, other = Store(tmp_path, NOW), Store(tmp_path, NOW)
    await look(one, "6", NOW)
    mine, theirs = await asyncio.gather(
        look(one, "4", NOW + _MINUTE), look(other, "4", NOW + _MINUTE + timedelta(seconds=1))
    )
    assert mine.proposal == theirs.proposal
    assert mine.proposal is not None
    # and it is one event
    (event,) = await one.events(NOW)
    assert (event.kind, event.at) == (EventKind.TOPUP_PROPOSED, mine.proposal.at)
    # who comes with an older reading, from before the fall, changes nothing
    assert await look(other, "6", NOW) == (await one.proposals())["reef"]
    await one.aclose()
    await other.aclose()


async def test_what_is_damaged_proposes_nothing_and_the_next_reading_begins_anew(tmp_path: Path) -> None:
    store = Store(tmp_path, NOW)
    await look(store, "6", NOW)
    for damage in (
        "{",
        "[]",
        '{"asked": "asked-1", "seen": {"balance": "NaN", "read_at": "2026-11-20T13:03:00Z"}}',
        '{"asked": "asked-1", "seen": {"balance": "6", "read_at": "2026-11-20T13:03:00"}}',
        '{"asked": "asked-1", "seen": {"balance": "6", "read_at": "2999-11-20T13:03:00Z"}}',
        '{"proposal": {"amount": "10", "below": "5", "balance": "4"}}',
    ):
        with sqlite3.connect(tmp_path / FILE_NAME) as held:
            held.execute("UPDATE meta SET value = ? WHERE name = 'proposal:reef'", (damage,))
        assert await store.proposals() == {}
    assert (await look(store, "4", NOW + _MINUTE)).proposal is None
    assert (await store.proposals())["reef"].balance == 4
    await store.aclose()
