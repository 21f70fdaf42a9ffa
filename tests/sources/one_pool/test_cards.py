"""One set of nine cards, whatever sources are put together, and in whatever order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import permutations

from poolwatch.domain.account import Custody, SourceRef
from poolwatch.domain.events import Listed, ReadingArrived, SourceFailed
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.overview import overview
from poolwatch.domain.pool import apply
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules, Status, derive_status
from poolwatch.domain.values import replace
from tests.sources.logins import AT
from tests.sources.one_pool.seen import (
    NAMES,
    NUMBERS,
    Seen,
    account_of,
    email_of,
    figures,
    key_of,
    numbers,
    pool_of,
    truth,
    user_of,
)
from tests.support.entries import account_of_entry


async def test_nine_cards(world: Mapping[str, Seen]) -> None:
    state = pool_of(world.values())
    assert set(state.accounts) == {key_of(number) for number in NUMBERS}
    for account in state.accounts.values():
        assert set(account.sources) == set(NAMES)
        assert len(account.listings) == 4
        assert account.custody is Custody.POOL
    judged = overview(state, AT, PoolRules())
    alone = overview(pool_of([world["files"]]), AT, PoolRules())
    assert (judged.by_section, judged.by_status) == (alone.by_section, alone.by_status)
    assert judged.credits is not None
    assert alone.credits is not None
    assert judged.credits.total == alone.credits.total
    assert (judged.credits.accounts, judged.credits.unlimited) == (
        alone.credits.accounts,
        alone.credits.unlimited,
    )


async def test_the_order_of_the_sources_does_not_matter(world: Mapping[str, Seen]) -> None:
    alone = pool_of([world["files"]])
    wanted = {key: figures(account) for key, account in alone.accounts.items()}
    names = {key: account.name for key, account in alone.accounts.items()}
    for order in permutations(NAMES):
        state = pool_of(world[name] for name in order)
        assert {key: figures(account) for key, account in state.accounts.items()} == wanted, order
        assert {key: account.name for key, account in state.accounts.items()} == names, order


async def test_newer_figures_of_a_pool_that_knows_less_change_no_number(world: Mapping[str, Seen]) -> None:
    """codex-lb's windows and balance may be the newest: the same figures, and nothing else forgotten."""
    alone, state = pool_of([world["files"]]), pool_of(world.values())
    lb = world["codex-lb"]
    for ref, reading in lb.readings.items():
        key = account_of_entry(state, ref)
        assert key is not None
        later = AT + timedelta(minutes=1)
        state = apply(state, ReadingArrived(key, "codex-lb", later, reading.outcome, asked_at=later))
    for number in NUMBERS:
        was, now = alone.accounts[key_of(number)], state.accounts[key_of(number)]
        assert numbers(now) == numbers(was)
        assert now.usage.spend is not None
        assert was.usage.spend is not None
        assert now.usage.spend.value == was.usage.spend.value
        assert now.usage.review is not None
        assert derive_status(now, AT).kind is derive_status(was, AT).kind


async def test_a_pool_that_is_down_is_one_trouble(world: Mapping[str, Seen]) -> None:
    """Its accounts keep their cards and their figures, alone as well as beside other sources."""
    down = worded(FailureKind.UNREACHABLE, "127.0.0.1:8317 did not accept a connection")
    for seen in ([world["cpa"]], list(world.values())):
        before = pool_of(seen)
        after = apply(before, SourceFailed("cpa", down, AT))
        assert after.accounts == before.accounts
        assert [each.name for each in after.sources.values() if each.failure is not None] == ["cpa"]


async def test_files_that_come_later_take_over_the_pools_cards(world: Mapping[str, Seen]) -> None:
    """What a pool's own entry was known for stays with the account once its ids are known."""
    state = pool_of([world["cpa"]])
    assert not any(key.is_full for key in state.accounts)
    files = world["files"]
    state = apply(state, Listed("files", files.listings, AT))
    assert set(state.accounts) == {key_of(number) for number in NUMBERS}
    for number in NUMBERS:
        base = state.accounts[key_of(number)].usage.base
        assert base is not None
        assert base.value == truth(number).base


async def test_an_ambiguous_entry_stays_alone(world: Mapping[str, Seen]) -> None:
    """Two logins of one person in one workspace: an entry without user id belongs to neither for sure."""
    files, cpa = world["files"], world["cpa"]
    [first] = [each for each in files.listings if each.user_id == user_of(2)]
    twin = replace(first, ref=SourceRef("files", "twin"), user_id="user-another")
    state = apply(PoolState(), Listed("files", (*files.listings, twin), AT))
    state = apply(state, Listed("cpa", cpa.listings, AT))
    lone = [account for account in state.accounts.values() if account.sources == ("cpa",)]
    assert [account.email for account in lone] == [email_of(2)]
    assert len(state.accounts) == len(NUMBERS) + 2


async def test_the_two_workspaces_of_one_mail_are_told_apart_by_every_source(
    world: Mapping[str, Seen],
) -> None:
    for seen in world.values():
        state = pool_of([seen])
        labels = sorted(
            account.name.label for account in state.accounts.values() if account.email == email_of(1)
        )
        assert labels == [f"{email_of(1)} ({account_of(number)[-6:]})" for number in (1, 8)], seen.name


async def test_active_and_exhausted_are_as_in_the_files(world: Mapping[str, Seen]) -> None:
    state = pool_of(world.values())
    found = {number: derive_status(state.accounts[key_of(number)], AT).kind for number in NUMBERS}
    exhausted = {number for number, kind in found.items() if kind is Status.EXHAUSTED}
    assert exhausted == {5, 7, 11}
    assert set(found.values()) == {Status.ACTIVE, Status.EXHAUSTED}
