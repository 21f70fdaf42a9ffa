"""The rooms below the monitor, as scripts: sources, the custodian, the store, the queue, the poll lock."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Hashable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import cast

from poolwatch.custody.recovery import Recovered
from poolwatch.custody.token_step import TokenAsk
from poolwatch.domain.account import (
    AccountKey,
    Custody,
    Listing,
    LoginKind,
    NamingRule,
    SourceRef,
    TokenFacts,
)
from poolwatch.domain.audit import By, Deed, Doer, Ending
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.message import Message, message
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook
from poolwatch.domain.refresh import Awaited, RefreshProgress, TokenOutcome, TokenStep
from poolwatch.domain.series import FigureName, Finest, Gap, HistoryRow, Point, Timeline, amount_of
from poolwatch.domain.state import AccountState, KeptFile, PoolFacts, PoolState
from poolwatch.domain.usage import Credits, RateLimit, UsageSnapshot, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.monitor.auditing import Auditor, Doing
from poolwatch.monitor.custodian import Custodian
from poolwatch.monitor.learning import Terms
from poolwatch.monitor.limits import LimitWork
from poolwatch.monitor.monitor import Monitor, Services
from poolwatch.monitor.owner import Asked, OwnerLock, RequestQueue, request_of
from poolwatch.monitor.poller import Pace
from poolwatch.sources.source import Directness, UsageReading
from poolwatch.store.requests import QueuedRequest
from poolwatch.store.store import Store
from tests.monitor.turned_clock import START, TurnedClock

INTERVAL = timedelta(minutes=5)
WEEK = 604800
IN_A_WEEK = START + timedelta(days=7)


def listing(
    place: str,
    *,
    source: str = "homes",
    custody: Custody = Custody.CODEX,
    login: LoginKind = LoginKind.OAUTH,
    expires_at: datetime | None = IN_A_WEEK,
    token: str | None = "",
    refresh: str | None = "",
    disabled: bool = False,
    says_login_needed: bool = False,
) -> Listing:
    """A login; its tokens are named after its place unless said otherwise."""
    facts = TokenFacts(
        expires_at=expires_at,
        fingerprint=f"access-{place}" if token == "" else token,
        refresh_fingerprint=f"refresh-{place}" if refresh == "" else refresh,
    )
    if login is LoginKind.API_KEY:
        facts = TokenFacts()
    return Listing(
        SourceRef(source, place),
        user_id=f"user-{place}",
        account_id=f"account-{place}",
        email=f"{place}@example.com",
        custody=custody,
        login=login,
        token=facts,
        disabled=disabled,
        says_login_needed=says_login_needed,
    )


def key_of(place: str) -> AccountKey:
    return AccountKey("codex", f"user-{place}", f"account-{place}")


def snapshot(
    weekly: float = 71.0,
    *,
    allowed: bool | None = True,
    resets_at: datetime | None = None,
    balance: str | None = None,
) -> UsageSnapshot:
    limit = RateLimit(allowed, None, (UsageWindow(weekly, WEEK, resets_at),))
    credits = Credits(True, False, None, Decimal(balance)) if balance is not None else None
    return UsageSnapshot(base=limit, credits=credits)


def failure(kind: FailureKind, *, retry_at: datetime | None = None) -> Failure:
    return worded(kind, f"{kind.value} was said", retry_at)


def weekly_of(account: AccountState) -> float | None:
    return account.usage.windows[0].used_percent if account.usage.windows else None


NOTICE = Message("a standing notice")

#: What a source says to one question: an outcome, or an error of its own.
Answer = UsageSnapshot | Failure | Exception


class ScriptedSource:
    """Lists what it is given and answers as told; it notes each question and how many it had at once."""

    def __init__(
        self,
        name: str = "homes",
        *places: str,
        clock: TurnedClock | None = None,
        directness: Directness = Directness.SERVICE,
    ) -> None:
        self._name = name
        self._directness = directness
        self._clock = clock
        self.listings: list[Listing] = [listing(place, source=name) for place in places]
        self.listing_failure: Failure | Exception | None = None
        self.stamp: Hashable | Exception = 0
        self.default: Answer = snapshot()
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, datetime]] = []
        #: whom they were about, as the asker knows them
        self.entries: list[Listing] = []
        self.sent: list[str | None] = []
        self.offsets: list[timedelta] = []
        self.listed = 0
        #: a question takes this long by the turned clock
        self.takes = 0.0
        #: places whose questions, and whether the list, wait until they are let go
        self.hung: dict[str, asyncio.Event] = {}
        self.hung_list: asyncio.Event | None = None
        self.clock_offset: timedelta | None = None
        self.raw: str | None = None
        self.at_once = 0
        self.looked_at = 0
        #: whether a look waits until it is let go, and whether one is under way
        self.hung_look: asyncio.Event | None = None
        self.is_looked_at = False
        self.most_at_once = 0

    @property
    def name(self) -> str:
        return self._name

    def changed(self) -> None:
        """Its files look different from now on."""
        self.stamp = object()

    def replace(self, new: Listing) -> None:
        """One entry is another from now on."""
        self.listings = [new if each.ref == new.ref else each for each in self.listings]
        self.changed()

    def places_asked(self) -> list[str]:
        return [place for place, _ in self.asked]

    @property
    def directness(self) -> Directness:
        return self._directness

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        self.listed += 1
        found = tuple(self.listings)
        if self.hung_list is not None:
            await self.hung_list.wait()
        if isinstance(self.listing_failure, Exception):
            raise self.listing_failure
        return self.listing_failure or found

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        self.asked.append((entry.ref.place, at))
        self.entries.append(entry)
        self.offsets.append(clock_offset)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            held = next((each for each in self.listings if each.ref == entry.ref), None)
            mark = held.token.fingerprint if held is not None else None
            self.sent.append(mark)
            if entry.ref.place in self.hung:
                await self.hung[entry.ref.place].wait()
            if self.takes and self._clock is not None:
                await self._clock.sleep(self.takes)
            script = self.answers.get(entry.ref.place)
            outcome = script.pop(0) if script else self.default
            if isinstance(outcome, Exception):
                raise outcome
            return UsageReading(
                outcome,
                self.raw,
                elapsed_seconds=0.3,
                token_fingerprint=mark,
                clock_offset=self.clock_offset,
            )
        finally:
            self.at_once -= 1

    async def signature(self) -> Hashable:
        self.looked_at += 1
        self.is_looked_at = True
        try:
            await asyncio.sleep(0)
            if self.hung_look is not None:
                await self.hung_look.wait()
        finally:
            self.is_looked_at = False
        if isinstance(self.stamp, Exception):
            raise self.stamp
        return self.stamp


class ScriptedStore:
    """A store in memory that keeps the promises of the real one."""

    def __init__(self) -> None:
        self.accounts: dict[str, AccountState] = {}
        self.polls: dict[str, datetime] = {}
        self.rows: list[HistoryRow] = []
        self.saved_cycles: list[Cycle] = []
        self.events: list[LoggedEvent] = []
        self.outlooks_kept: dict[str, AccountOutlook] = {}
        self.pool_kept: PoolOutlook | None = None
        #: how often another process told the past anew
        self.imports_made = 0
        self.gaps: list[tuple[str, Gap]] = []
        self.saves: list[tuple[str, ...]] = []
        self.forgotten: list[str] = []
        self.noted: list[str] = []
        self.claims: list[tuple[str, bool]] = []
        self.kept_facts = PoolFacts()
        #: writes wait until this is set
        self.gate: asyncio.Event | None = None
        self.claim_error: Exception | None = None
        #: so often it cannot be read from now on
        self.locked_loads = 0
        #: whether the disk takes anything
        self.is_full = False

    @property
    def notices(self) -> tuple[Message, ...]:
        return (Message("store.disk_full"),) if self.is_full else ()

    async def load_accounts(self) -> tuple[AccountState, ...] | None:
        if self.locked_loads:
            self.locked_loads -= 1
            return None
        return tuple(self.accounts.values())

    async def load_some(self, account_ids: Collection[str]) -> tuple[AccountState, ...]:
        return tuple(account for each in account_ids if (account := self.accounts.get(each)) is not None)

    async def facts(self) -> PoolFacts:
        return self.kept_facts

    async def put_facts(self, facts: PoolFacts) -> bool:
        if self.is_full:
            return False
        self.kept_facts = facts
        return True

    async def save(
        self,
        accounts: Sequence[AccountState],
        at: datetime,
        rows: Sequence[HistoryRow] = (),
        gone: Sequence[str] = (),
        *,
        cycles: Sequence[Cycle] = (),
        events: Sequence[LoggedEvent] = (),
        gaps: Sequence[tuple[str, Gap]] = (),
    ) -> bool:
        await self._wait()
        if self.is_full:
            return False
        self.forgotten.extend(gone)
        for each in gone:
            self.accounts.pop(each, None)
        self.rows.extend(rows)
        self.saved_cycles.extend(cycles)
        self.events.extend(events)
        self.gaps.extend(gaps)
        if accounts or rows:
            self.saves.append(tuple(account.key.id for account in accounts))
        self.accounts |= {account.key.id: replace(account, refresh=None) for account in accounts}
        return True

    async def imports(self) -> int | None:
        return self.imports_made

    async def outlooks(self) -> tuple[Mapping[str, AccountOutlook], PoolOutlook | None]:
        return self.outlooks_kept, self.pool_kept

    async def put_outlooks(self, accounts: Mapping[str, AccountOutlook], pool: PoolOutlook | None) -> bool:
        self.outlooks_kept |= accounts
        self.pool_kept = pool or self.pool_kept
        return True

    async def history(self, account_id: str, since: datetime) -> tuple[HistoryRow, ...]:
        found = [row for row in self.rows if row.account_id == account_id and row.at >= since]
        return tuple(sorted(found, key=lambda row: row.at))

    async def cycles(
        self, account_ids: Collection[str] | None, newest: int
    ) -> Mapping[str, tuple[Cycle, ...]]:
        windows: dict[tuple[str, str, str], dict[datetime, Cycle]] = defaultdict(dict)
        for cycle in self.saved_cycles:
            windows[cycle.account_id, cycle.bucket, cycle.window][cycle.started_at] = cycle
        found: dict[str, tuple[Cycle, ...]] = defaultdict(tuple)
        for (account_id, _, _), cycles in windows.items():
            if account_ids is None or account_id in account_ids:
                found[account_id] += tuple(cycles[at] for at in sorted(cycles)[-newest:])
        return found

    async def timeline(
        self,
        account_id: str,
        name: FigureName,
        since: datetime,
        until: datetime,
        finest: Finest = Finest.CHANGE,
    ) -> Timeline:
        place = (account_id, name.series, name.bucket, name.window)
        rows = [row for row in self.rows if (row.account_id, row.series, row.bucket, row.window) == place]
        values = [(row.at, amount_of(row.series, row.figure), row.figure.resets_at) for row in rows]
        points = [Point(at, value, value, value, resets_at) for at, value, resets_at in sorted(values)]
        held = [point for point in points if point.at < since][-1:]
        within = [point for point in points if since <= point.at < until]
        gaps = [gap for owner, gap in self.gaps if owner == account_id and gap.start < until]
        return Timeline((*held, *within), tuple(gap for gap in gaps if gap.end > since))

    async def claim_poll(self, account_id: str, now: datetime, floor: timedelta) -> bool:
        if self.claim_error is not None:
            raise self.claim_error
        last = self.polls.get(account_id)
        granted = last is None or abs(now - last) >= floor
        if granted:
            self.polls[account_id] = now
        self.claims.append((account_id, granted))
        return granted

    def note_poll(self, account_id: str, now: datetime) -> None:
        self.noted.append(account_id)
        self.polls[account_id] = now

    async def _wait(self) -> None:
        if self.gate is not None:
            await self.gate.wait()


class ScriptedCustodian:
    """Answers token steps as told; `act` does to the login's file what the step does."""

    def __init__(self) -> None:
        self.steps: dict[str, TokenStep] = {}
        self.default = TokenStep(TokenOutcome.CURRENT)
        self.act: dict[str, Callable[[], None]] = {}
        self.error: Exception | None = None
        self.delegates = False
        self.waits: list[Awaited] = []
        self.listings: list[Listing] = []
        self.asks: list[TokenAsk] = []
        self.interrupted: tuple[Recovered, ...] = ()
        self.waiting: tuple[KeptFile, ...] = ()
        #: no thread can be started
        self.threadless = False
        self.gates: dict[str, asyncio.Event] = {}
        self.at_once = 0
        self.most_at_once = 0

    def places(self) -> list[str]:
        return [listing.ref.place for listing in self.listings]

    async def step(
        self,
        listing: Listing,
        ask: TokenAsk,
        on_delegating: Callable[[], None],
        on_waiting: Callable[[Awaited], None],
    ) -> TokenStep:
        place = listing.ref.place
        self.listings.append(listing)
        self.asks.append(ask)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.delegates:
                on_delegating()
            for found in self.waits:
                on_waiting(found)
            if place in self.gates:
                await self.gates[place].wait()
            if self.error is not None:
                raise self.error
            if place in self.act:
                self.act[place]()
            return self.steps.get(place, self.default)
        finally:
            self.at_once -= 1

    async def left_anything(self) -> bool:
        return bool(self.interrupted)

    async def recover(
        self, listings: Sequence[Listing], now: datetime, *, waiting_only: bool = False
    ) -> tuple[Recovered, ...]:
        self._need_thread()
        return () if waiting_only else self.interrupted

    def _need_thread(self) -> None:
        if self.threadless:
            raise RuntimeError("can't start new thread")

    async def kept(self, accounts: Mapping[AccountKey, AccountState]) -> tuple[KeptFile, ...]:
        self._need_thread()
        return self.waiting


class ScriptedQueue:
    """The queue of requests; `answers` says whether anybody takes them."""

    def __init__(self) -> None:
        self.answers = True
        self.asked: list[tuple[str, Asked]] = []
        self.waiting: list[QueuedRequest] = []
        #: whether what waits can be taken
        self.yields = True
        self._arrived = asyncio.Event()
        self.takes = 0
        #: how requests of ours ended there, and requests of others here
        self.ends: dict[int, RefreshProgress | None] = {}
        self.finished: dict[int, RefreshProgress | None] = {}
        self._numbers = count(1)

    def put(self, account_id: str, asked: Asked, asker: str = "another") -> None:
        """A request of another process."""
        self.waiting.append(QueuedRequest(next(self._numbers), request_of(account_id, asked), START, asker))
        self._arrived.set()

    async def ask(self, account_id: str, asked: Asked, now: datetime) -> int | None:
        self.asked.append((account_id, asked))
        return len(self.asked) if self.answers else None

    async def handled(self, number: int) -> tuple[bool, RefreshProgress | None]:
        return number in self.ends, self.ends.get(number)

    async def finish(self, number: int, progress: RefreshProgress | None, now: datetime) -> None:
        self.finished[number] = progress

    async def arrived(self) -> None:
        await self._arrived.wait()
        # as the real one: at least one turn of the loop, so that who spins is noticed
        await asyncio.sleep(0)

    async def take(self, now: datetime) -> tuple[QueuedRequest, ...]:
        self.takes += 1
        if not self.yields:
            return ()
        self._arrived.clear()
        taken, self.waiting = tuple(self.waiting), []
        return taken


class ScriptedLock:
    """A poll lock that another process holds until a test lets go of it."""

    def __init__(self) -> None:
        self.held_elsewhere = False
        self.is_ours = False

    def try_acquire(self) -> bool:
        self.is_ours = not self.held_elsewhere
        return self.is_ours

    def release(self) -> None:
        self.is_ours = False

    def holder(self) -> Message:
        return message("monitor.process", pid=123, host="host")

    def awaited(self) -> Awaited:
        return Awaited(123)


class ScriptedAuditor:
    """Remembers what was noted, and takes no thread for it."""

    def __init__(self) -> None:
        self.doer = Doer(By.APP, "ann", 4711, ssh="198.51.100.7 1 192.0.2.1 22")
        self.trouble: Message | None = None
        self.on_trouble: Callable[[], None] = lambda: None
        #: each act as it begins, and with its end
        self.notes: list[tuple[Deed, Doer, Ending | None]] = []
        #: unset: the disk hangs when an end is noted
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    @asynccontextmanager
    async def noting_on_thread(self, deed: Deed, doer: Doer | None = None) -> AsyncIterator[Doing]:
        by, doing = doer or self.doer, Doing(deed)
        self.notes.append((deed, by, None))
        try:
            yield doing
        finally:
            await self.goes_on.wait()
            self.notes.append((deed, by, doing.ending))


def as_store(store: ScriptedStore) -> Store:
    """What stands in for a store."""
    return cast("Store", store)


@dataclass
class Rig:
    """A whole monitor on scripted rooms."""

    sources: list[ScriptedSource]
    clock: TurnedClock = field(default_factory=TurnedClock)
    store: ScriptedStore = field(default_factory=ScriptedStore)
    custodian: ScriptedCustodian = field(default_factory=ScriptedCustodian)
    queue: ScriptedQueue = field(default_factory=ScriptedQueue)
    lock: ScriptedLock = field(default_factory=ScriptedLock)
    auditor: ScriptedAuditor = field(default_factory=ScriptedAuditor)
    concurrency: int = 4
    draw: Callable[[], float] = lambda: 0.5
    renews: bool = False
    past: asyncio.Task[None] | None = None
    naming: tuple[NamingRule, ...] = ()
    limits: Callable[[], LimitWork] | None = None

    def __post_init__(self) -> None:
        services = Services(
            as_store(self.store),
            cast("Custodian", self.custodian),
            cast("RequestQueue", self.queue),
            cast("OwnerLock", self.lock),
            self.clock,
            self.draw,
            cast("Auditor", self.auditor),
        )
        self.monitor = Monitor(
            services,
            Pace(INTERVAL, self.concurrency),
            [source.name for source in self.sources],
            naming=self.naming,
            renews=self.renews,
            zone=UTC,
            terms=lambda: Terms(zone=UTC),
            limits=self.limits,
            notices=(NOTICE,),
            past=self.past,
            sleep=self.clock.sleep,
        )
        for source in self.sources:
            self.monitor.add_source(source)
        self.ledger, self.poller, self.chain = self.monitor.ledger, self.monitor.poller, self.monitor.chain
        self.bulk, self.saver = self.monitor.bulk, self.monitor.saver

    @property
    def source(self) -> ScriptedSource:
        """The first source."""
        return self.sources[0]

    @property
    def state(self) -> PoolState:
        return self.ledger.state

    def account(self, place: str) -> AccountState:
        return self.ledger.state.accounts[key_of(place)]

    async def listed(self) -> Rig:
        """Every source has been listed once."""
        await self.poller.lister.list_all()
        return self


def rig(
    *places: str,
    concurrency: int = 4,
    draw: Callable[[], float] = lambda: 0.5,
    renews: bool = False,
    limits: Callable[[], LimitWork] | None = None,
) -> Rig:
    """A monitor with one source of these logins."""
    clock = TurnedClock()
    source = ScriptedSource("homes", *places, clock=clock)
    return Rig([source], clock, concurrency=concurrency, draw=draw, renews=renews, limits=limits)


@asynccontextmanager
async def running(
    work: Coroutine[object, object, None], clock: TurnedClock
) -> AsyncIterator[asyncio.Task[None]]:
    """Something that runs for ever, until the end of the block; an error of it is the test's."""
    task = asyncio.create_task(work)
    await clock.settle()
    try:
        yield task
    finally:
        failed = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if failed and not task.cancelled():
            task.result()


async def soon(work: Awaitable[object], clock: TurnedClock) -> asyncio.Future[object]:
    """Begin something and let it come as far as it gets without time passing."""
    future = asyncio.ensure_future(work)
    await clock.settle()
    return future
