"""Logins that wait in the state directory, as the pool's state tells of them."""

from __future__ import annotations

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import KeptTold, Listed, Recalled
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.pool import apply
from poolwatch.domain.state import KeptFile, PoolState
from poolwatch.domain.values import replace
from tests.domain.make import T0, after, listing

ALICE = AccountKey("codex", "user-alice", "acct-alice")
OLD = KeptFile("~/kept-1.auth.json", T0, ALICE)
NEW = KeptFile("~/kept-2.auth.json", after(minutes=1), ALICE)
STRAY = KeptFile("~/kept-3.auth.json", T0)


def pool(*files: KeptFile) -> PoolState:
    listed = apply(PoolState(), Listed("homes", (listing("alice"), listing("bob")), T0))
    return apply(listed, KeptTold(files))


def test_the_newest_one_is_the_trouble_of_its_account_and_of_no_other() -> None:
    state = pool(NEW, OLD, STRAY)
    alice, bob = state.accounts[ALICE], next(each for key, each in state.accounts.items() if key != ALICE)
    assert alice.kept == NEW
    assert alice.trouble is not None
    assert (alice.trouble.kind, alice.trouble.detail) == (FailureKind.KEPT, NEW.path)
    assert (alice.trouble.since, bob.kept, bob.trouble) == (NEW.since, None, None)


def test_it_is_told_until_it_is_home_whatever_else_happens_to_the_account() -> None:
    state = apply(pool(NEW), Listed("homes", (), after(minutes=2)))
    assert ALICE not in state.accounts
    state = apply(state, Listed("homes", (listing("alice"),), after(minutes=3)))
    assert state.accounts[ALICE].kept == NEW
    stored = replace(state.accounts[ALICE], kept=None, tried_at=after(hours=1))
    assert apply(state, Recalled((stored,))).accounts[ALICE].kept == NEW
    assert apply(state, Recalled((stored,), whole=True)).accounts[ALICE].kept == NEW
    home = apply(state, KeptTold(()))
    assert (home.accounts[ALICE].kept, home.accounts[ALICE].trouble) == (None, None)


def test_nothing_new_changes_nothing() -> None:
    state = pool(NEW)
    again = apply(state, KeptTold((NEW,)))
    assert again.accounts[ALICE] is state.accounts[ALICE]
