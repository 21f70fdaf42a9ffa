"""The refresh chain of one account: the token step, then the usage step, each shown as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.custody.token_step import TokenAsk
from poolwatch.domain.account import AccountKey, Custody, Listing
from poolwatch.domain.audit import Act, Deed, Doer, refresh_ending
from poolwatch.domain.events import Answer, AnswerKind, RefreshMoved
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.refresh import (
    Awaited,
    RefreshProgress,
    TokenOutcome,
    TokenStep,
    UsageStep,
    usage_changes,
)
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import token_is_live
from poolwatch.domain.transitions import is_refused, with_standing_refusal
from poolwatch.domain.values import replace
from poolwatch.host.single_flight import SingleFlight
from poolwatch.monitor.auditing import Auditor
from poolwatch.monitor.custodian import Custodian
from poolwatch.monitor.ledger import Clock, Ledger
from poolwatch.monitor.own_errors import internal_error
from poolwatch.monitor.poller import Poller
from poolwatch.sources.source import by_hand
from poolwatch.store.store import Store

#: Refreshes at work at once, pool-wide.
IN_FLIGHT: Final = 2
#: So many accounts are read at once for others that only print them, beside those and the polls.
READS_IN_FLIGHT: Final = 8
#: The end of a refresh is shown once it is noted, or has waited so long for that.
SHOWN_SECONDS: Final = 0.5
#: A refresh of many leaves a token alone that lives at least this long.
FRESH_ENOUGH: Final = timedelta(hours=24)
#: A refresh of many spends no login again sooner than this after its last attempt.
ATTEMPT_SPACING: Final = timedelta(seconds=60)
#: What a pool answers with figures older than this came from its cache.
OLD_ANSWER: Final = timedelta(minutes=2)
#: Outcomes that a token exchange may stand behind.
_ATTEMPTS: Final = frozenset(
    {TokenOutcome.REFRESHED, TokenOutcome.FAILED, TokenOutcome.REJECTED_FOR_GOOD, TokenOutcome.AMBIGUOUS}
)


#: Outcomes after which another access token is in the file.
_RENEWED: Final = frozenset({TokenOutcome.REFRESHED, TokenOutcome.ADOPTED, TokenOutcome.DELEGATED})


class _Order(Struct, frozen=True):
    """How one refresh is to run. `due_within`: leave a token alone that outlives it; None: never."""

    usage_only: bool = False
    try_once: bool = False
    due_within: timedelta | None = None
    #: nobody asked for it: the token step, and a reading only with a token that is new
    unasked: bool = False
    #: a person was warned and wants it: renewed beside a codex that works on the home
    beside_codex: bool = False
    #: who asked for it, where that was another process
    doer: Doer | None = None

    @property
    def is_by_hand(self) -> bool:
        """Whether a person asked for this one account."""
        return not self.usage_only and not self.unasked and self.due_within is None


class _Attempt(Struct, frozen=True):
    """The last exchange of an account's token, and the entry that it spoke of."""

    listing: Listing
    step: TokenStep
    at: datetime


class RefreshChain:
    """Runs refreshes: one per account at a time, two pool-wide."""

    def __init__(
        self,
        poller: Poller,
        ledger: Ledger,
        custodian: Custodian,
        store: Store,
        clock: Clock,
        auditor: Auditor,
    ) -> None:
        self._poller = poller
        self._ledger = ledger
        self._custodian = custodian
        self._store = store
        self._clock = clock
        self._auditor = auditor
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._reads = asyncio.Semaphore(READS_IN_FLIGHT)
        self._refreshes: SingleFlight[RefreshProgress] = SingleFlight()
        self._attempts: dict[AccountKey, _Attempt] = {}
        #: told when a token step waits for a process that does not come
        self.on_waiting: Callable[[AccountKey, Awaited], None] | None = None

    def start(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        """Begin a refresh and return at once; the ledger shows how it goes."""
        objection = self.objection(key, usage_only=usage_only, override=override, try_once=try_once)
        if objection is not None:
            return objection
        self._begin(key, _Order(usage_only, try_once, beside_codex=self.confirms(key)))
        return Answer(AnswerKind.STARTED)

    def confirms(self, key: AccountKey) -> bool:
        """Whether a refresh now is the second one, after the warning that a codex works on the home."""
        account = self._ledger.state.accounts.get(key)
        return account is not None and account.is_warned_of_codex(self._clock.now())

    def objection(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer | None:
        """Why a refresh does not begin now, or None: it runs, must wait, or needs a word of the person.

        Asking to try once is a second key press already, so it overrides a Retry-After as well.
        """
        account = self._ledger.state.accounts.get(key)
        if key in self._refreshes or account is None:
            return Answer(AnswerKind.RUNNING)
        retry_at = _throttled_until(account, usage_only=usage_only)
        if retry_at is not None and retry_at > self._clock.now() and not (override or try_once):
            return Answer(AnswerKind.THROTTLED, retry_at)
        if not usage_only and not try_once and account.ambiguous and account.login_trouble is not None:
            return Answer(AnswerKind.ASK_ONCE, account.login_trouble.since)
        return None

    async def run(
        self,
        key: AccountKey,
        *,
        usage_only: bool = False,
        try_once: bool = False,
        spare_fresh_tokens: bool = False,
        beside_codex: bool = False,
        doer: Doer | None = None,
    ) -> RefreshProgress:
        """Refresh and wait for the end; joins a refresh of the account that is already running.

        Cancelling the wait does not end the refresh. `doer`: who asked for it in another process.
        """
        due_within = FRESH_ENOUGH if spare_fresh_tokens else None
        order = _Order(usage_only, try_once, due_within, beside_codex=beside_codex, doer=doer)
        return await asyncio.shield(self._begin(key, order))

    async def read(self, key: AccountKey) -> RefreshProgress:
        """Read the usage for somebody who only prints it: no card shows it, and no refresh waits for it.

        Joins a refresh of the account that is already running.
        """
        if key in self._refreshes:
            return await asyncio.shield(self._begin(key, _Order(usage_only=True)))
        progress = RefreshProgress(self._clock.now(), usage_only=True)
        async with self._reads:
            usage = await self._usage_step_safely(key, renewed=False)
        return replace(progress, usage=usage, done=True)

    async def renew(self, key: AccountKey, due_within: timedelta) -> RefreshProgress:
        """Renew a token that ends within this time, unasked, and read the usage with the new one alone.

        Joins a refresh of the account that is already running.
        """
        order = _Order(due_within=due_within, unasked=True)
        return await asyncio.shield(self._begin(key, order))

    def attempted_at(self, key: AccountKey) -> datetime | None:
        """When a token of the account was last exchanged in this run."""
        last = self._attempts.get(key)
        return last.at if last is not None else None

    async def close(self) -> None:
        """Stop watching what runs. A token being spent goes on in its own process."""
        await self._refreshes.cancel()

    def _begin(self, key: AccountKey, order: _Order) -> asyncio.Task[RefreshProgress]:
        """A refresh, or the one that is under way already."""
        progress = RefreshProgress(self._clock.now(), usage_only=order.usage_only)
        if key not in self._refreshes:
            self._ledger.take(RefreshMoved(key, progress, progress.started_at))
        return self._refreshes.start(key, partial(self._chain, key, progress, order))

    async def _chain(self, key: AccountKey, progress: RefreshProgress, order: _Order) -> RefreshProgress:
        async with self._slots:
            # a pool that refused before is asked again where a person asked for this account
            with by_hand() if order.is_by_hand else nullcontext():
                if order.usage_only:
                    ended = await self._steps(key, progress, order)
                else:
                    ended = await self._noted_steps(key, progress, order)
                self._show_end(key, ended, order)
                return ended

    async def _noted_steps(
        self, key: AccountKey, progress: RefreshProgress, order: _Order
    ) -> RefreshProgress:
        """The steps, and their end in the audit log: what is shown as done can be asked for again."""
        doer = self._auditor.doer.unasked if order.unasked else order.doer
        late: asyncio.TimerHandle | None = None
        try:
            async with self._auditor.noting_on_thread(Deed(Act.REFRESH, (key.id,)), doer) as doing:
                ended = await self._steps(key, progress, order)
                doing.ending = refresh_ending(ended)
                # a disk that hangs keeps nobody waiting for a word
                loop = asyncio.get_running_loop()
                late = loop.call_later(SHOWN_SECONDS, self._show_end, key, ended, order)
        finally:
            if late is not None:
                late.cancel()
        return ended

    async def _steps(self, key: AccountKey, progress: RefreshProgress, order: _Order) -> RefreshProgress:
        before = self._ledger.state.accounts.get(key)
        if before is None:
            return replace(progress, done=True)
        if not progress.usage_only:
            token = await self._token_step(before, progress, order)
            progress = replace(progress, token=token)
            await self._look_again(before)
            if order.unasked and token.outcome not in _RENEWED:
                return replace(progress, done=True)
            self._ledger.take(RefreshMoved(key, progress, self._clock.now()))
        renewed = progress.token is not None and progress.token.outcome in _RENEWED
        usage = await self._usage_step_safely(key, renewed=renewed)
        after = self._ledger.state.accounts.get(key)
        changes = usage_changes(before.usage, after.usage) if after is not None else ()
        return replace(progress, usage=usage, changes=changes, done=True)

    def _show_end(self, key: AccountKey, ended: RefreshProgress, order: _Order) -> None:
        """Show how it ended; a token that was not due, and nobody asked for, leaves no word on the card."""
        token = ended.token
        is_nothing = order.unasked and token is not None and token.outcome is TokenOutcome.CURRENT
        self._ledger.take(RefreshMoved(key, None if is_nothing else ended, self._clock.now()))

    async def _token_step(self, account: AccountState, progress: RefreshProgress, order: _Order) -> TokenStep:
        listing = account.acting
        now = self._clock.now() + self._ledger.state.clock_offset
        if order.due_within is not None:
            if not _is_due(listing, account, now + order.due_within, now):
                return TokenStep(TokenOutcome.CURRENT)
            last = self._attempts.get(account.key)
            recent = last is not None and self._clock.now() - last.at < ATTEMPT_SPACING
            if last is not None and recent and last.listing == listing:
                return last.step
        others = _other_holders(self._ledger.state, listing)
        ask = TokenAsk(
            now,
            order.try_once,
            others,
            account.rejected,
            beside_codex=order.beside_codex,
            spacing=ATTEMPT_SPACING if order.unasked else timedelta(0),
        )

        shown = progress

        def show(moved: RefreshProgress) -> None:
            nonlocal shown
            shown = moved
            self._ledger.take(RefreshMoved(account.key, shown, self._clock.now()))

        def show_delegating() -> None:
            show(replace(shown, delegating=True))

        def show_waiting(found: Awaited) -> None:
            show(replace(shown, waits_for=found))
            if self.on_waiting is not None:
                self.on_waiting(account.key, found)

        try:
            step = await self._custodian.step(listing, ask, show_delegating, show_waiting)
        except Exception as error:  # noqa: BLE001 - the card must not say "refreshing" for ever
            step = TokenStep(TokenOutcome.FAILED, failure=internal_error(error))
        if step.outcome in _ATTEMPTS:
            self._attempts[account.key] = _Attempt(listing, step, self._clock.now())
        return with_standing_refusal(account, step) if listing.custody is Custody.POOL else step

    async def look_again(self, key: AccountKey) -> None:
        """List an account's sources anew."""
        account = self._ledger.state.accounts.get(key)
        if account is not None:
            await self._look_again(account)

    async def _look_again(self, account: AccountState) -> None:
        await asyncio.gather(*(self._poller.relist(source) for source in account.sources))
        state = self._ledger.state
        if account.key not in state.accounts:
            # its file was moved meanwhile, perhaps to where another source looks
            others = state.sources.keys() - set(account.sources)
            await asyncio.gather(*(self._poller.relist(source) for source in others))

    async def _usage_step_safely(self, key: AccountKey, *, renewed: bool) -> UsageStep:
        try:
            return await self._usage_step(key, renewed=renewed)
        except Exception as error:  # noqa: BLE001 - the card must not say "refreshing" for ever
            return UsageStep(internal_error(error), tried=False)

    async def _usage_step(self, key: AccountKey, *, renewed: bool) -> UsageStep:
        account = self._ledger.state.accounts.get(key)
        if account is None:
            return UsageStep(tried=False)
        if self._poller.live_listing(account) is None:
            return UsageStep(_silence(self._ledger.state, account), tried=False)
        self._store.note_poll(key.id, self._clock.now())
        reading = await self._poller.read(key, renewed=renewed, by_hand=True)
        if reading is None:
            return UsageStep(tried=False)
        failure = reading.outcome if isinstance(reading.outcome, Failure) else None
        was_sent = failure is None or failure.kind is not FailureKind.NO_TOKEN
        now = self._clock.now()
        cached = reading.at if reading.at is not None and now - reading.at > OLD_ANSWER else None
        return UsageStep(failure, reading.elapsed_seconds, tried=was_sent, cached_at=cached)


def _silence(state: PoolState, account: AccountState) -> Failure | None:
    """Why the pool that would be asked does not answer, if it is a pool's silence."""
    sources = (
        state.sources.get(entry.ref.source)
        for entry in account.listings
        if entry.polled and entry.custody is Custody.POOL
    )
    return next((source.failure for source in sources if source is not None and source.failure), None)


def _throttled_until(account: AccountState, *, usage_only: bool) -> datetime | None:
    """The end of the Retry-After that the usage service or, for a whole refresh, the token issuer gave."""
    reading, last = account.reading_trouble, account.refresh
    ends = [reading.retry_at if reading is not None and reading.kind is FailureKind.THROTTLED else None]
    if not usage_only and last is not None and last.token is not None and last.token.failure is not None:
        ends.append(last.token.retry_at if last.token.failure.kind is FailureKind.THROTTLED else None)
    return max((end for end in ends if end is not None), default=None)


def _is_due(listing: Listing, account: AccountState, until: datetime, now: datetime) -> bool:
    """Whether a refresh that is bound to what is due runs the token step: it is of no use now or by then."""
    expires_at = listing.token.expires_at
    ends_soon = expires_at is not None and expires_at < until
    match listing.custody:
        case Custody.STATIC:
            return True  # it spends nothing, and says that there is nothing to renew
        case Custody.POOL:
            return ends_soon or listing.says_login_needed or is_refused(account)
        case _:
            return ends_soon or not token_is_live(listing, account.rejected, now)


def _other_holders(state: PoolState, listing: Listing) -> frozenset[str]:
    """Refresh tokens that other files hold: the same one in two places is a conflict."""
    return frozenset(
        each.token.refresh_fingerprint
        for account in state.accounts.values()
        for each in account.listings
        if each.ref.place != listing.ref.place and each.token.refresh_fingerprint is not None
    )
