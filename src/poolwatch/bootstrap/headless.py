"""The monitor for commands: one look at everything, through the same parts that the app runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.owner import Owner, ReadThere, read_there
from poolwatch.bootstrap.parts import Running, open_monitor
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.account import AccountKey
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.refresh import Awaited, RefreshProgress
from poolwatch.domain.schedule import POLL_FLOOR
from poolwatch.domain.state import PoolState
from poolwatch.monitor.agenda import is_polled
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.ports import Asked

#: Which accounts a command speaks of; where there is no choice, it is all of them.
Choice = Callable[[PoolOverview], Collection[AccountKey]]
#: Told of a process that does not come: the account that it refreshes, None for the poolwatch that polls.
Waiting = Callable[[AccountKey | None, Awaited], None]
#: Readings are saved this often: what is left to save in the end is waited for.
_SAVE_SECONDS: Final = 0.25


class Look(Struct, frozen=True):
    """The pool at one moment, as a command prints it."""

    state: PoolState
    overview: PoolOverview
    notices: tuple[str, ...]
    #: there was something to read, and nothing of it could be
    in_vain: bool = False


async def look(
    around: Surroundings, older_than: timedelta, choose: Choice | None, clock: Clock | None = None
) -> Look:
    """List every source, read what is old among the chosen accounts, and judge it all.

    While another poolwatch polls, it is asked to read, so that the two never poll twice.
    """
    async with open_monitor(around, clock, shows_raw=False) as running:
        session = running.session
        await running.connect()
        # where all are asked anew, what asks is loaded while the disk is read
        await asyncio.gather(session.recall(), *([running.prepare()] if older_than <= timedelta(0) else []))
        there, began = ReadThere(), running.clock.now()
        session.polls = running.parts.lock.try_acquire()
        await session.poller.list_for_good()
        keys = tuple(session.state.accounts) if choose is None else tuple(choose(_judged(running, around)))
        if not session.polls:
            there = await read_there(running, keys, older_than)
            session.polls = there.polls_here
            await _read_beside(running, there.unknown, older_than)
            if not session.polls:
                await _read_beside(running, _unread(session.state, keys), max(older_than, POLL_FLOOR))
        if session.polls:
            await _kept_meanwhile(running, running.sweep.run(keys, older_than))
            running.parts.lock.release()
        session.polls = False
        await session.tell_kept()
        asked = running.sweep.asked.union(there.asked)
        in_vain = not _has_answer(session.state, asked, began) and (
            bool(asked) or _is_out_of_reach(running, keys, older_than)
        )
        notices = (*running.notices, *there.notices)
        return Look(session.state, _judged(running, around), notices, in_vain)


def _has_answer(state: PoolState, asked: Collection[AccountKey], began: datetime) -> bool:
    """Whether one of these was read, or its login was found dead, which is an answer too."""
    for key in asked:
        account = state.accounts.get(key)
        if account is None or account.tried_at is None or account.tried_at < began:
            continue
        trouble = account.reading_trouble
        if trouble is None or trouble.kind is FailureKind.DEACTIVATION_REPORTED:
            return True
    return False


def _is_out_of_reach(running: Running, keys: Collection[AccountKey], older_than: timedelta) -> bool:
    """Whether something was due that nobody could be asked for: its source does not answer."""
    state = running.session.state
    down = {source.name for source in state.sources.values() if source.failure is not None}
    if not state.accounts:
        return bool(down)
    return any(
        running.sweep.is_due(account, older_than) and is_polled(account)
        for key in keys
        if (account := state.accounts.get(key)) is not None and not down.isdisjoint(account.sources)
    )


def _unread(state: PoolState, keys: Collection[AccountKey]) -> list[AccountKey]:
    """Accounts that nobody has given figures of, as where the store that they come by is locked."""
    found = (state.accounts.get(key) for key in keys)
    return [account.key for account in found if account is not None and account.tried_at is None]


async def _read_beside(running: Running, keys: Collection[AccountKey], older_than: timedelta) -> None:
    """Read and keep accounts that the polling process does not have; all others are its own to keep."""
    if keys:
        await running.sweep.run(keys, older_than)
        accounts = running.session.state.accounts
        await running.readings.save([accounts[key] for key in keys if key in accounts])


async def _kept_meanwhile(running: Running, work: Awaitable[None]) -> None:
    """Save readings while more are on their way: the disk has time then, and being stopped loses little."""
    keeping = asyncio.create_task(running.parts.keeping.run(_SAVE_SECONDS))
    try:
        await work
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await running.parts.keeping.flush()


async def refresh(
    around: Surroundings,
    choose: Choice,
    *,
    only_if_due: bool,
    beside_codex: bool = False,
    on_waiting: Waiting = lambda key, found: None,
) -> tuple[Look, dict[AccountKey, RefreshProgress]]:
    """Run the refresh chain for the chosen accounts; how each one ended, as they ended.

    While another poolwatch polls, it is asked for each of them; where it does not answer, it runs here.
    `on_waiting` is told of a process that does not come.
    """
    async with open_monitor(around, shows_raw=False) as running:
        await running.session.recall()
        await running.connect()
        polls = running.parts.lock.try_acquire()
        running.session.polls = polls
        await running.session.poller.list_for_good()
        ended: dict[AccountKey, RefreshProgress] = {}
        asked = _asked(only_if_due=only_if_due, beside_codex=beside_codex)
        owner = Owner(running, asked, partial(on_waiting, None))
        running.parts.chain.on_waiting = on_waiting
        passes_on = not around.settings.read_only

        async def one(key: AccountKey) -> None:
            progress = await owner.refresh(key) if passes_on else None
            if progress is None:
                chain = running.parts.chain
                progress = await chain.run(key, only_if_due=only_if_due, beside_codex=beside_codex)
            ended[key] = progress

        await asyncio.gather(*(one(key) for key in choose(_judged(running, around))))
        await running.parts.keeping.flush()
        running.parts.lock.release()
        running.session.polls = False
        await running.session.tell_kept()
        notices = (*running.notices, *owner.notices)
        return Look(running.session.state, _judged(running, around), notices), ended


def _asked(*, only_if_due: bool, beside_codex: bool) -> Asked:
    if only_if_due:
        return Asked.DUE
    return Asked.BESIDE if beside_codex else Asked.REFRESH


def _judged(running: Running, around: Surroundings) -> PoolOverview:
    return overview(running.session.state, running.clock.now(), around.rules)
