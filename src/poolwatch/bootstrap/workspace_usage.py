"""What OpenAI reports of accounts' days: who asks for it, and what is kept of it with what is told beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.kept import open_kept
from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.failure import Failure
from poolwatch.domain.past import CREDITS
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.values import replace
from poolwatch.domain.workspace_usage import (
    AccountUsage,
    KeptReport,
    falls_by_day,
    midnight,
    usage_days,
)
from poolwatch.host.threads import in_thread
from poolwatch.monitor.workspace_usage import Reporter
from poolwatch.presentation.account_names import AccountNames
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.tables import BookError
from poolwatch.store.store import Store

_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = timedelta(days=1)


def reporter_of(running: Running) -> Reporter:
    """Who has OpenAI report, in this run."""
    monitor, services = running.monitor, running.services
    return Reporter(monitor.poller, monitor.ledger, services.store, services.clock)


async def told_usage(
    store: Store, state_dir: Path, account: AccountState, since: date, now: datetime
) -> AccountUsage:
    """What is kept of an account's days from `since` to today, UTC; `now` is the server's clock."""
    key, until = account.key.id, now.astimezone(UTC).date()
    kept = await store.kept_report(key, account.key.account_id or "", since, until) or KeptReport()
    line = await store.timeline(key, CREDITS, midnight(since), midnight(until) + _DAY)
    in_files = await in_thread(partial(_tokens_in_files, state_dir, key, since, until))
    falls = falls_by_day(line, since, until, account.read_at)
    days = usage_days(since, until, kept.days, falls, in_files)
    return AccountUsage(key, since, until, days, kept.fresh_at, kept.asked_at, kept.answered_at)


def _tokens_in_files(state_dir: Path, account: str, since: date, until: date) -> dict[date, int]:
    first, end = (since - _EPOCH) // _DAY, (until - _EPOCH) // _DAY + 1
    try:
        found = UseBook(state_dir).tokens_of_days(account, first, end)
    except BookError:  # whoever looks at the files is told why
        return {}
    return {_EPOCH + day * _DAY: tokens for day, tokens in found.items()}


# --- for commands


class Reports(Struct, frozen=True):
    """What is told of whom at that moment; `refused`: why others were not asked about, by how many."""

    usages: tuple[AccountUsage, ...]
    names: AccountNames
    now: datetime
    refused: Mapping[Failure, int] = {}


#: Who is meant, of all that there are; None: everybody.
Choice: TypeAlias = Callable[[PoolState], AccountState] | None


async def ask_reports(around: Surroundings, choose: Choice, since: date) -> Reports:
    """Ask about one account after the other; of everybody those who can be asked about."""
    async with open_monitor(around) as running:
        monitor, services = running.monitor, running.services
        await monitor.recall()
        await monitor.poller.lister.list_all()
        reporter, refused = reporter_of(running), Counter[Failure]()
        accounts = [choose(monitor.state)] if choose is not None else []
        for account in monitor.state.accounts.values() if choose is None else ():
            found = reporter.whom_to_ask(account)
            if isinstance(found, Failure):
                refused[found] += 1
            else:
                accounts.append(account)
        usages = []
        for account in accounts:
            failed = await reporter.ask(account, since)
            now = services.clock.now() + monitor.state.clock_offset
            told = await told_usage(services.store, around.state_dir, account, since, now)
            usages.append(replace(told, failure=failed))
        now = services.clock.now() + monitor.state.clock_offset
        await _keep_new(services.store, accounts, now)
        return Reports(tuple(usages), _names(monitor.state, around), now, refused)


async def kept_reports(around: Surroundings, choose: Choice, since: date) -> Reports:
    """What was read before; of everybody those of whom something was."""
    now = RealClock().now()
    async with open_kept(around) as kept:
        if kept is None:
            return Reports((), _names(PoolState(), around), now)
        now += (await kept.store.facts()).clock_offset
        accounts = [choose(kept.state)] if choose is not None else list(kept.own.values())
        usages = [await told_usage(kept.store, around.state_dir, each, since, now) for each in accounts]
        known = tuple(each for each in usages if choose is not None or each.answered_at is not None)
        return Reports(known, _names(kept.state, around), now)


async def _keep_new(store: Store, accounts: Sequence[AccountState], now: datetime) -> None:
    """Keep who was asked about and is not known yet; of all others another poolwatch may know more."""
    known = {account.key.id for account in await store.load_accounts() or ()}
    new = [account for account in accounts if account.key.id not in known]
    if new:
        await store.save(new, now)


def _names(state: PoolState, around: Surroundings) -> AccountNames:
    accounts = {account.key.id: account for account in state.accounts.values()}
    return AccountNames(accounts, around.settings.ui.mask)
