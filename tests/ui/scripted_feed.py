"""A monitor that does what a test says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from poolwatch.bootstrap.topups import LiveTopUps, TopUpDesk
from poolwatch.domain.account import AccountKey
from poolwatch.domain.alerts import AlertBoard, Silence, Subject
from poolwatch.domain.balances import BalanceState
from poolwatch.domain.banked_resets import Evidence, ResetPlan, ResetUse, UsedReset, Wish
from poolwatch.domain.budgets import Budget, BudgetState
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.events import Answer, AnswerKind, BulkProgress, LimitsTold, PoolChanged, PoolEvent
from poolwatch.domain.message import Message
from poolwatch.domain.notices import Delivery
from poolwatch.domain.past import AccountPast, PastAsked
from poolwatch.domain.pool import apply
from poolwatch.domain.purchases import Purchase, Settled
from poolwatch.domain.reset_past import ResetPast
from poolwatch.domain.series import Finest, Point
from poolwatch.domain.state import PoolState
from poolwatch.domain.tokens import GroupBy
from poolwatch.domain.use_report import UseReport, UseWish
from poolwatch.domain.values import replace
from poolwatch.domain.workspace_usage import AccountUsage
from poolwatch.presentation.budgets import BudgetDetail
from poolwatch.presentation.sign_in import CodexLogin
from poolwatch.presentation.topups import TopUpLook, TopUpsDone
from poolwatch.presentation.view import Costs
from poolwatch.presentation.waiting import Waits
from poolwatch.ui.feed import (
    EVENTS_MOST,
    BankedResets,
    BudgetTried,
    FoundLogins,
    LoginRun,
    PoolSignIn,
    TopUps,
    Tried,
)


class _Nowhere:
    """No place where credits are bought; something was, once."""

    def __init__(self, done: TopUpsDone) -> None:
        self._done = done

    async def looks(self) -> tuple[TopUpLook, ...]:
        return ()

    async def done(self) -> TopUpsDone:
        return self._done

    async def balance_of(self, name: str) -> Decimal | None:
        raise AssertionError(name)

    async def buy(self, look: TopUpLook, amount: Decimal) -> Purchase:
        raise AssertionError(look)

    async def ask(self, purchase: Purchase) -> Purchase:
        raise AssertionError(purchase)

    async def settle(self, purchase: Purchase, settled: Settled) -> Purchase:
        raise AssertionError(purchase)


class ScriptedFeed:
    """The Feed of tests: a state, a clock that stands still until it is moved, and scripted answers."""

    def __init__(self, state: PoolState, now: datetime, zone: tzinfo) -> None:
        self._state = state
        self._now = now
        self._zone = zone
        self._changes: asyncio.Queue[PoolChanged | Exception | None] = asyncio.Queue()
        self.answers: list[Answer] = []
        self.refreshes: list[tuple[AccountKey, dict[str, bool]]] = []
        self.bulk: list[tuple[AccountKey, ...]] = []
        self.bulk_usage_only: list[bool] = []
        self.stopped = 0
        self.visible: tuple[AccountKey, ...] = ()
        self.paused: list[bool] = []
        self.payloads: dict[AccountKey, str] = {}
        #: what is kept, and what was asked for
        self.kept: Callable[[PastAsked], AccountPast] = AccountPast
        self.pasts: list[PastAsked] = []
        self.places: tuple[FoundLogins, ...] = ()
        self.added: list[str] = []
        self.add_reason: str | None = None
        #: what a sign-in does; None: there is no codex
        self.login: LoginRun | None = None
        self.sign_ins: list[tuple[AccountKey, CodexLogin]] = []
        self.pool_login: PoolSignIn | Message = Message("sign_in.by_page", (("url", "http://pool"),))
        self.signed_in_of: list[AccountKey] = []
        #: what the store keeps, old to new, and when somebody looked
        self.logged: tuple[LoggedEvent, ...] = ()
        self.looked: datetime | None = None
        #: what waits for a person
        self.waiting = Waits()
        #: the latest notices, and why nothing is silenced
        self.delivered: tuple[Delivery, ...] = ()
        self.silence_fails: Message | None = None
        #: what is told about use, what was asked for, and what changes when there is more
        self.used: Callable[[UseWish], UseReport | Message] | None = None
        self.wishes: list[UseWish] = []
        self.use_is: object = ()
        self.cost: Costs | None = None
        #: what OpenAI reported, what asking for it does, what holds that up, and for whom it was asked
        self.reported: Callable[[AccountKey, date], AccountUsage] | None = None
        self.reading_report: Callable[[AccountKey], Message | None] = lambda _: None
        self.report_held: asyncio.Event | None = None
        self.reports_read: list[tuple[AccountKey, date]] = []
        #: what is told of a selected budget, how one that nobody saved would stand, and what was asked for
        self.details: Callable[[BudgetState, GroupBy], BudgetDetail] = lambda _, by: BudgetDetail(by)
        self.detailed: list[tuple[str, GroupBy]] = []
        self.trying: Callable[[Budget], BudgetTried] = lambda _: BudgetTried()
        self.tried: list[Budget] = []
        self.saved_budgets: list[tuple[str | None, dict[str, str]]] = []
        self.save_problem: str | None = None
        #: requests to use banked resets, what would be used, and what becomes of it
        self.requests: tuple[ResetUse, ...] = ()
        self.plans: Callable[[AccountKey, Wish], ResetPlan | Message] = lambda *_: Message("resets.no_way")
        self.uses_reset: Callable[[ResetPlan], UsedReset] | None = None
        self.asks_reset: Callable[[ResetUse], UsedReset] | None = None
        self.acted: list[tuple[str, object]] = []
        self.evidence: tuple[Evidence, ...] = ()
        self.reset_pasts: Callable[[AccountKey, bool], ResetPast] = lambda *_: ResetPast()
        #: where credits are bought: the real one; None: nowhere
        self.desk: TopUpDesk | None = None
        #: what was bought, where there is no desk
        self.topped_up = TopUpsDone()
        #: how balances ran, which were read by hand, and how often somebody looked again
        self.balance_pasts: dict[str, tuple[Point, ...]] = {}
        self.balances_read: list[str] = []
        self.focuses = 0

    @property
    def zone(self) -> tzinfo:
        return self._zone

    @property
    def state(self) -> PoolState:
        return self._state

    def now(self) -> datetime:
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Move the clock."""
        self._now += timedelta(seconds=seconds)

    def settle(self) -> None:
        """Every source has answered."""
        self._state = replace(self._state, settled=True)

    def happen(
        self, *events: PoolEvent, bulk: BulkProgress | None = None, notices: tuple[str | Message, ...] = ()
    ) -> None:
        """Let things happen, and tell of them in one burst."""
        for event in events:
            self._state = apply(self._state, event)
        lines = tuple(each if isinstance(each, Message) else Message(each) for each in notices)
        keys = {event.key for event in events if hasattr(event, "key")}
        whole = any(not hasattr(event, "key") for event in events)
        self._changes.put_nowait(PoolChanged(self._state, None if whole else frozenset(keys), bulk, lines))

    def show(self, state: PoolState) -> None:
        """The pool is like that from now on."""
        self._state = state
        self._changes.put_nowait(PoolChanged(state, None))

    def end(self, error: Exception | None = None) -> None:
        """Stop, or fail."""
        self._changes.put_nowait(error)

    async def changes(self) -> AsyncIterator[PoolChanged]:
        while (change := await self._changes.get()) is not None:
            if isinstance(change, Exception):
                raise change
            yield change

    async def refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        asked = {"usage_only": usage_only, "override": override, "try_once": try_once}
        self.refreshes.append((key, {name: value for name, value in asked.items() if value}))
        return self.answers.pop(0) if self.answers else Answer(AnswerKind.STARTED)

    async def refresh_many(self, keys: Collection[AccountKey], *, usage_only: bool = False) -> Answer:
        self.bulk.append(tuple(keys))
        self.bulk_usage_only.append(usage_only)
        return self.answers.pop(0) if self.answers else Answer(AnswerKind.STARTED)

    def stop_many(self) -> None:
        self.stopped += 1

    def set_visible(self, keys: Collection[AccountKey]) -> None:
        self.visible = tuple(keys)

    def set_paused(self, paused: bool) -> None:
        self.paused.append(paused)

    def raw(self, key: AccountKey) -> str | None:
        return self.payloads.get(key)

    async def past(self, asked: PastAsked) -> AccountPast:
        self.pasts.append(asked)
        return self.kept(asked)

    async def events(self, since: datetime, until: datetime | None = None) -> tuple[LoggedEvent, ...]:
        found = [each for each in self.logged if since <= each.at and (until is None or each.at < until)]
        return tuple(found[-EVENTS_MOST:])

    async def looked_at(self) -> datetime | None:
        return self.looked

    async def look(self) -> None:
        self.looked = self._now

    async def deliveries(self) -> tuple[Delivery, ...]:
        return self.delivered

    async def silence(
        self, rule: str, subject: Subject | None, until: datetime | None, reason: str
    ) -> Message | None:
        if self.silence_fails is None:
            quiet = Silence(rule, self._now, "ann", until, reason, subject)
            self._tell_silences((*self._silences, quiet))
        return self.silence_fails

    async def end_silence(self, silence: Silence) -> Message | None:
        if self.silence_fails is None:
            self._tell_silences(tuple(each for each in self._silences if each != silence))
        return self.silence_fails

    @property
    def _silences(self) -> tuple[Silence, ...]:
        return () if self._state.alerts is None else self._state.alerts.silences

    def _tell_silences(self, silences: tuple[Silence, ...]) -> None:
        board = self._state.alerts or AlertBoard(self._now)
        self.happen(LimitsTold(alerts=replace(board, silences=silences)))

    async def use(self, wish: UseWish) -> UseReport | Message:
        self.wishes.append(wish)
        return Message("use.denied", (("why", "nothing"),)) if self.used is None else self.used(wish)

    async def costs(self) -> Costs | None:
        return self.cost

    async def use_mark(self) -> object:
        return self.use_is

    @property
    def reads_reports(self) -> bool:
        return False

    async def report(self, key: AccountKey, since: date) -> AccountUsage | None:
        return None if self.reported is None else self.reported(key, since)

    async def read_report(self, key: AccountKey, since: date) -> Message | None:
        self.reports_read.append((key, since))
        if self.report_held is not None:
            await self.report_held.wait()
        return self.reading_report(key)

    async def resets(self) -> BankedResets:
        return _ScriptedResets(self)

    async def top_ups(self) -> TopUps:
        return _Nowhere(self.topped_up) if self.desk is None else LiveTopUps(self.desk)

    async def budget_detail(self, state: BudgetState, by: GroupBy) -> BudgetDetail:
        self.detailed.append((state.budget.name, by))
        return self.details(state, by)

    async def try_budget(self, budget: Budget) -> BudgetTried:
        self.tried.append(budget)
        return self.trying(budget)

    def budgets_file(self) -> str:
        return "~/.config/poolwatch/config.toml"

    async def save_budget(self, name: str | None, values: Mapping[str, str]) -> str | None:
        self.saved_budgets.append((name, dict(values)))
        return self.save_problem

    async def waits(self) -> Waits:
        return self.waiting

    async def read_balance(self, name: str) -> None:
        self.balances_read.append(name)

    async def balance_points(
        self, balance: BalanceState, since: datetime, finest: Finest
    ) -> tuple[Point, ...]:
        return self.balance_pasts.get(balance.name, ())

    async def focused(self) -> None:
        self.focuses += 1

    def found(self) -> tuple[FoundLogins, ...]:
        return self.places

    async def sign_in(self, key: AccountKey, login: CodexLogin) -> LoginRun | None:
        self.sign_ins.append((key, login))
        return self.login

    async def pool_sign_in(self, key: AccountKey) -> PoolSignIn | Message:
        return self.pool_login

    async def signed_in(self, key: AccountKey) -> Answer:
        self.signed_in_of.append(key)
        return self.answers.pop(0) if self.answers else Answer(AnswerKind.STARTED)

    async def add(self, place: str) -> Tried:
        self.added.append(place)
        return Tried(self.add_reason is None, self.add_reason or "3 logins")


class _ScriptedResets:
    """What its feed says of banked resets, which notes what is asked for."""

    def __init__(self, feed: ScriptedFeed) -> None:
        self._feed = feed

    async def uses(self) -> tuple[ResetUse, ...]:
        return self._feed.requests

    async def past(self, key: AccountKey, *, asks: bool) -> ResetPast:
        if asks:
            self._feed.acted.append(("history", key.id))
        return self._feed.reset_pasts(key, asks)

    async def plan(self, key: AccountKey, wish: Wish) -> ResetPlan | Message:
        self._feed.acted.append(("plan", wish.reset_id))
        return self._feed.plans(key, wish)

    async def use(self, plan: ResetPlan, wish: Wish) -> UsedReset:
        self._feed.acted.append(("use", wish.reset_id))
        assert self._feed.uses_reset is not None
        return self._feed.uses_reset(plan)

    async def evidence_of(self, use: ResetUse) -> tuple[Evidence, ...]:
        self._feed.acted.append(("evidence", use.id))
        return self._feed.evidence

    async def ask_again(self, use: ResetUse) -> UsedReset:
        self._feed.acted.append(("ask", use.id))
        assert self._feed.asks_reset is not None
        return self._feed.asks_reset(use)

    async def settle(self, use: ResetUse, *, used: bool) -> ResetUse | Message | None:
        self._feed.acted.append(("settle", used))
        code = "resets.settled_used" if used else "resets.settled_not_used"
        self._feed.requests = ()
        return replace(use, settled=used, reason=Message(code))
