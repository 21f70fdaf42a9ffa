"""Balances put together from settings: for a run, for one look by a command, and for one source alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.kept import open_kept
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.credit_settings import mark_of, terms_of
from poolwatch.config.source_settings import CreditSettings
from poolwatch.domain.balances import Balance, BalanceState
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.events import LimitsTold
from poolwatch.domain.failure import Failure
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.values import replace
from poolwatch.monitor.balances import CODE, BalanceWatch, WatchedBalance
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.limits import Beside, Task
from poolwatch.net.client import HttpClient
from poolwatch.sources.credits_http import CreditsHttp
from poolwatch.sources.source import SourceSetup
from poolwatch.store.store import Store

if TYPE_CHECKING:
    from poolwatch.bootstrap.running import Running


class BalancesSeen(Struct, frozen=True):
    """Balances as a command shows them, and the accounts of which something is kept, by id."""

    at: datetime
    balances: Mapping[str, BalanceState]
    accounts: Mapping[str, AccountState]


def reader_of(around: Surroundings, settings: CreditSettings, client: HttpClient) -> CreditsHttp:
    """Who asks one service."""
    return CreditsHttp(
        SourceSetup(
            settings,
            client,
            home=around.home or Path("/"),
            env=around.env,
            deadline_seconds=around.settings.poll.timeout_seconds,
        )
    )


def balance_watch(
    around: Surroundings,
    ledger: Ledger,
    store: Store,
    clock: Clock,
    tell: Callable[[Sequence[LoggedEvent]], None] = lambda _: None,
) -> BalanceWatch:
    """All balances of the configuration; `tell` is called with what happened to them."""
    client = HttpClient(around.settings.net, around.env)
    usual = around.settings.poll.interval_seconds
    watched = []
    for each in around.sources:
        if isinstance(each, CreditSettings):
            seconds = usual if each.poll is None else each.poll
            every = timedelta(seconds=seconds) if isinstance(seconds, float | int) else None
            here = [topup for topup in around.settings.topups if topup.source == each.name]
            auto = next((topup.auto for topup in here if topup.auto is not None), None)
            terms = replace(terms_of(each, tops_up_here=bool(here)), auto=auto)
            reader = reader_of(around, each, client)
            watched.append(WatchedBalance(each.name, reader, terms, every, mark_of(each)))
    return BalanceWatch(watched, ledger, store, clock, tell)


def balance_task(running: Running) -> Task:
    """What the process that polls does about them."""

    async def run(beside: Beside) -> None:
        judge = None
        if any(each.auto is not None for each in running.around.settings.topups):
            from poolwatch.bootstrap.waiting import proposal_watch  # few have any

            judge = proposal_watch(running).look
        await running.balances().run(beside, lambda: running.monitor.poller.paused, judge)

    return Task(CODE, run)


async def recall_balances(running: Running, _: Beside) -> LimitsTold | None:
    """For another process: take in what it keeps."""
    await running.balances().recall()
    return None


async def look_at_balances(
    around: Surroundings, max_age: timedelta | None, names: Collection[str] | None = None
) -> BalancesSeen:
    """Read those that are older than that, of these names alone; keep them, and tell all.

    `max_age` None: older than their own interval; those without one only where they were never read.
    """
    clock = RealClock()
    store, ledger = Store(around.state_dir, clock.now()), Ledger(PoolState())
    try:
        watch = balance_watch(around, ledger, store, clock)
        if max_age is None:
            await watch.begin_command()
        else:
            await watch.recall()
            await watch.read_older(max_age, names)
    finally:
        await store.aclose()
    async with open_kept(around) as kept:
        accounts = {} if kept is None else dict(kept.own)
    return BalancesSeen(clock.now(), ledger.state.balances, accounts)


async def try_balance(around: Surroundings, settings: CreditSettings) -> Balance | Failure:
    """Ask one service that need not be configured; nothing is kept."""
    client = HttpClient(around.settings.net, around.env)
    return await reader_of(around, settings, client).read(RealClock().now())
