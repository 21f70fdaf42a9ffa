"""Renews poolwatch's own logins shortly before their access tokens end, where the settings allow it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Custody
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome
from poolwatch.domain.schedule import backoff
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import token_is_live, will_renew
from poolwatch.monitor.clock import Clock
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.poller import Poller
from poolwatch.monitor.refresh import ATTEMPT_SPACING, IN_FLIGHT, RefreshChain

#: A token is renewed when it has less than this left by the server's clock, less the jitter.
LEAD: Final = timedelta(minutes=5)
#: The share of the lead by which renewals are spread.
JITTER_SHARE: Final = 0.3
#: How often it looks. The first look comes after one of these, when readings have told the server's clock.
LOOK_SECONDS: Final = 15.0


class _Tried(Struct, frozen=True):
    """The last try for an account; while it has this refresh token, the next one is not before `again_at`."""

    at: datetime
    refresh_fingerprint: str | None
    again_at: datetime
    failures: int


class BackgroundRefresh:
    """Renews what is due, two at a time, each account at most once a minute and ever more seldom in vain."""

    def __init__(
        self,
        chain: RefreshChain,
        poller: Poller,
        ledger: Ledger,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        """`draw` gives numbers in 0..1."""
        self._chain = chain
        self._poller = poller
        self._ledger = ledger
        self._clock = clock
        self._draw = draw
        self._running: dict[AccountKey, asyncio.Task[None]] = {}
        self._tried: dict[AccountKey, _Tried] = {}
        self._leads: dict[str, timedelta] = {}

    async def run(self) -> None:
        """Look and renew for ever; ends only by cancellation. A token being spent goes on by itself."""
        try:
            while True:
                await self._clock.sleep(LOOK_SECONDS)
                # paused, nothing is asked of anybody unasked
                if not self._poller.paused:
                    self._look()
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self) -> None:
        now = self._clock.now()
        self._forget()
        due = [account for account in self._ledger.state.accounts.values() if self._is_due(account, now)]
        # those that end first go first; more than are in flight would only stand before a person's own wish
        due.sort(key=_end)
        for account in due[: max(0, IN_FLIGHT - len(self._running))]:
            task = asyncio.create_task(self._renew(account.key))
            self._running[account.key] = task
            task.add_done_callback(partial(self._ended, account.key))

    def _is_due(self, account: AccountState, now: datetime) -> bool:
        if account.key in self._running or not may_renew(account):
            return False
        token = account.acting.token
        tried = self._tried.get(account.key)
        if tried is not None and tried.at > now:
            tried = None  # the clock was set back since
        if tried is not None and _is_within(tried.at, ATTEMPT_SPACING, now):
            return False
        same = tried is not None and tried.refresh_fingerprint == token.refresh_fingerprint
        if tried is not None and same and now < tried.again_at:
            return False
        last = self._chain.attempted_at(account.key)
        if last is not None and _is_within(last, ATTEMPT_SPACING, now):
            return False
        served = now + self._ledger.state.clock_offset
        if not token_is_live(account.acting, account.rejected, served):
            return True
        return token.expires_at is not None and token.expires_at - served < self._lead(token.fingerprint)

    def _lead(self, fingerprint: str | None) -> timedelta:
        """Drawn once for each token, so that a pool that signed in together is not renewed together."""
        drawn = LEAD * (1 - JITTER_SHARE * self._draw())
        return self._leads.setdefault(fingerprint or "", drawn)

    async def _renew(self, key: AccountKey) -> None:
        account = self._ledger.state.accounts.get(key)
        if account is None:
            return
        mark = account.acting.token.refresh_fingerprint
        progress = await self._chain.renew(key, LEAD)
        now, tried = self._clock.now(), self._tried.get(key)
        if not _failed(progress):
            self._tried[key] = _Tried(now, None, now, 0)
            return
        failures = 1 + (tried.failures if tried is not None and tried.refresh_fingerprint == mark else 0)
        again_at = now + max(ATTEMPT_SPACING, backoff(ATTEMPT_SPACING, failures, self._draw()))
        told = progress.token.retry_at if progress.token is not None else None
        self._tried[key] = _Tried(now, mark, max(again_at, told) if told is not None else again_at, failures)

    def _ended(self, key: AccountKey, task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a renewal ended in an error", "exception": error, "task": task}
            )

    def _forget(self) -> None:
        """Drop what is remembered of accounts and tokens that are gone."""
        accounts = self._ledger.state.accounts
        self._tried = {key: tried for key, tried in self._tried.items() if key in accounts}
        held = {each.token.fingerprint or "" for account in accounts.values() for each in account.listings}
        self._leads = {mark: lead for mark, lead in self._leads.items() if mark in held}


def may_renew(account: AccountState) -> bool:
    """Whether this login is poolwatch's to renew unasked: not when it is dead, doubtful or in two files."""
    if not account.listings:
        return False
    listing, trouble = account.acting, account.login_trouble
    if listing.custody is not Custody.POOLWATCH or listing.disabled:
        return False
    if trouble is not None and trouble.kind in (FailureKind.CONFLICT, FailureKind.AMBIGUOUS):
        return False
    return will_renew(account, listing)


def _failed(progress: RefreshProgress) -> bool:
    """Whether no new token came of it; one that was not due after all is no failure."""
    if progress.token is None:
        return True
    return progress.token.outcome not in (
        TokenOutcome.REFRESHED,
        TokenOutcome.ADOPTED,
        TokenOutcome.CURRENT,
    )


def _is_within(at: datetime, span: timedelta, now: datetime) -> bool:
    """Whether an instant lies this shortly back; one in the future was noted before the clock was set."""
    return timedelta(0) <= now - at < span


def _end(account: AccountState) -> float:
    expires_at = account.acting.token.expires_at
    return expires_at.timestamp() if expires_at is not None else 0.0
