"""The nine accounts as the running monitor reads them: one request each, to whoever can tell most."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from poolwatch.domain.overview import overview
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.poller import Pace, Poller
from poolwatch.sources.source import Source
from tests.monitor.scripted import ScriptedStore, as_store
from tests.monitor.turned_clock import TurnedClock
from tests.sources.logins import AT
from tests.sources.one_pool.seen import NAMES, NUMBERS, figures, key_of, numbers


async def read_through(sources: Mapping[str, Source], *names: str) -> PoolState:
    """The pool after every account was listed by these sources and read once."""
    clock = TurnedClock(AT)
    ledger = Ledger(PoolState(), clock.sleep)
    chosen = {name: sources[name] for name in names}
    poller = Poller(ledger, as_store(ScriptedStore()), Pace(timedelta(minutes=5), 4), clock, lambda: 0.5)
    for source in chosen.values():
        poller.lister.add(source)
    await poller.lister.list_all()
    for key in list(ledger.state.accounts):
        assert await poller.read(key) is not None
    return ledger.state


async def test_all_four_together_show_what_the_files_alone_show(sources: Mapping[str, Source]) -> None:
    together, alone = await read_through(sources, *NAMES), await read_through(sources, "files")
    assert set(together.accounts) == {key_of(number) for number in NUMBERS}
    for key, account in together.accounts.items():
        assert set(account.sources) == set(NAMES)
        assert figures(account) == figures(alone.accounts[key])
        told = [account.usage.base, account.usage.credits, account.usage.spend]
        assert {aged.source for aged in told if aged is not None} <= {"files"}
    one, other = overview(together, AT, PoolRules()), overview(alone, AT, PoolRules())
    assert one.by_section == other.by_section
    assert one.credits is not None
    assert other.credits is not None
    assert one.credits.total == other.credits.total


@pytest.mark.parametrize("names", [("cpa", "codex-lb"), ("codex-lb", "codex-proxy", "cpa")])
async def test_pools_alone_are_nine_cards_too_and_nothing_counts_twice(
    sources: Mapping[str, Source], names: tuple[str, ...]
) -> None:
    state, alone = await read_through(sources, *names), await read_through(sources, "files")
    assert len(state.accounts) == len(NUMBERS)
    by_mail = {
        (account.email, account.listings[0].account_id): account for account in alone.accounts.values()
    }
    for account in state.accounts.values():
        assert set(account.sources) == set(names)
        same = by_mail[account.email, account.listings[0].account_id]
        assert numbers(account) == numbers(same)
    one, other = overview(state, AT, PoolRules()), overview(alone, AT, PoolRules())
    assert one.credits is not None
    assert other.credits is not None
    assert one.credits.total == other.credits.total
