"""What told nothing new leaves the very same values, so that nobody draws or judges them again."""

from __future__ import annotations

from datetime import timedelta

from poolwatch.domain.events import Listed, ReadingArrived, Recalled
from poolwatch.domain.overview import overview
from poolwatch.domain.pool import apply
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import UsageSnapshot
from tests.support.entries import account_of_entry
from tests.ui.pools import NOW, crowd, five, limits, state_of

CROWD = crowd(40)
STATE = state_of(CROWD)


def test_a_list_that_tells_nothing_new_keeps_every_account() -> None:
    for name, source in STATE.sources.items():
        again = apply(STATE, Listed(name, source.listings, NOW + timedelta(minutes=5)))
        assert all(again.accounts[key] is account for key, account in STATE.accounts.items())


def test_a_list_that_tells_something_new_changes_that_account_alone() -> None:
    name, source = next(iter(STATE.sources.items()))
    gone = source.listings[0]
    again = apply(STATE, Listed(name, source.listings[1:], NOW))
    assert [key for key in STATE.accounts if key not in again.accounts] == [account_of_entry(STATE, gone.ref)]
    assert all(again.accounts[key] is STATE.accounts[key] for key in again.accounts)


def test_what_the_store_remembers_is_taken_in_as_it_is() -> None:
    stored = tuple(STATE.accounts.values())
    again = apply(STATE, Recalled(stored, whole=True))
    assert all(again.accounts[each.key] is each for each in stored)


def test_an_account_that_did_not_change_is_not_judged_again() -> None:
    before = overview(STATE, NOW, PoolRules())
    read = next(actor for actor in CROWD if actor.usage is not None)
    after = apply(
        STATE, ReadingArrived(read.key, read.source, NOW, UsageSnapshot(base=limits(five(77, None))))
    )
    again = overview(after, NOW, PoolRules(), before.by_key)
    assert [key for key in STATE.accounts if again.by_key[key] is not before.by_key[key]] == [read.key]
    anew = overview(after, NOW, PoolRules())
    assert (again.by_status, again.by_section, again.stale) == (anew.by_status, anew.by_section, anew.stale)
    assert again.by_key[read.key].status == anew.by_key[read.key].status
