from __future__ import annotations

import pytest

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Listed, ReadingArrived, Recalled, RefreshMoved, SourceFailed
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.message import Message
from poolwatch.domain.refresh import RefreshProgress
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.values import replace
from poolwatch.monitor.ledger import Ledger
from tests.monitor.scripted import failure, key_of, listing, snapshot
from tests.monitor.turned_clock import START

A, B = key_of("a"), key_of("b")


def ledger_of(*places: str) -> Ledger:
    ledger = Ledger(PoolState())
    ledger.take(Listed("homes", tuple(listing(place) for place in places), START))
    return ledger


def test_accounts_that_come_or_change_are_unsaved_and_the_others_are_not() -> None:
    ledger = ledger_of("a", "b")
    assert ledger.unsaved == {A, B}
    ledger.unsaved.clear()
    ledger.take(Listed("homes", (listing("a"), listing("b", token="another")), START))
    assert ledger.unsaved == {B}


def test_accounts_that_go_are_gone_until_they_come_again() -> None:
    ledger = ledger_of("a", "b")
    ledger.take(Listed("homes", (listing("b"),), START))
    assert ledger.gone == {A}
    ledger.take(Listed("homes", (listing("a"), listing("b")), START))
    assert ledger.gone == set()


def test_a_source_that_fails_takes_nobody_away() -> None:
    ledger = ledger_of("a")
    ledger.take(SourceFailed("homes", failure(FailureKind.UNREACHABLE), START))
    assert set(ledger.state.accounts) == {A}
    assert ledger.gone == set()


def test_readings_are_told_but_failures_and_refreshes_are_not() -> None:
    ledger = ledger_of("a")
    told: list[tuple[AccountState, AccountState]] = []
    ledger.on_reading(lambda before, after: told.append((before, after)))
    ledger.unsaved.clear()
    ledger.take(ReadingArrived(A, "homes", START, failure(FailureKind.MALFORMED)))
    ledger.take(RefreshMoved(A, RefreshProgress(START), START))
    assert told == []
    assert ledger.unsaved == {A}
    before = ledger.state.accounts[A]
    ledger.take(ReadingArrived(A, "homes", START, snapshot()))
    assert told == [(before, ledger.state.accounts[A])]


@pytest.mark.parametrize("key", [B])
def test_what_is_said_of_an_unknown_account_changes_nothing(key: AccountKey) -> None:
    ledger = ledger_of("a")
    ledger.unsaved.clear()
    before = ledger.state
    ledger.take(ReadingArrived(key, "homes", START, snapshot()))
    assert ledger.state is before
    assert ledger.unsaved == set()


def test_what_the_store_recalls_is_saved_already() -> None:
    ledger = Ledger(PoolState())
    ledger.take(Recalled((replace(AccountState(A), listings=(listing("a"),)),)))
    assert set(ledger.state.accounts) == {A}
    assert ledger.unsaved == set()


def test_settling_and_notices() -> None:
    ledger = ledger_of()
    ledger.settle()
    settled = ledger.state
    ledger.settle()
    assert ledger.state is settled
    assert settled.settled
    ledger.tell(notices=(Message("a line"),))
    ledger.tell()
    assert list(ledger.notices) == [Message("a line")]
    ledger.tell(notices=())
    assert list(ledger.notices) == []
