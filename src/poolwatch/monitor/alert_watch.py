"""Watches for alerts: looks at what changed, works out what follows, and keeps and tells it.

In short turns, for all of it runs on the event loop; what is sent stands in the outbox with the alerts
themselves, or neither does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.alert_findings import RuleFinding, Seen
from poolwatch.domain.alert_notices import first_summary_after, noted_day, summary_day, summary_notices
from poolwatch.domain.alert_rules import ByFilter, OfBudgets, OfEvents, WatchedRule
from poolwatch.domain.alerting import Evaluated, evaluate
from poolwatch.domain.alerts import AlertBoard, AlertBook, BuiltIn, Subject, SubjectKind
from poolwatch.domain.event_log import OF_ALERTS, LoggedEvent, came_to, credits_that_came
from poolwatch.domain.events import LimitsTold
from poolwatch.domain.overview import overview
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread
from poolwatch.monitor.limits import Beside
from poolwatch.monitor.turns import Turns
from poolwatch.presentation.alert_look import OF_ACCOUNTS, AlertLook, Moment
from poolwatch.presentation.balance_alerts import found_of_balances, watches_balances
from poolwatch.presentation.pool_alerts import (
    events_seen,
    found_of_budgets,
    found_of_pool,
    found_of_sources,
    summary_lines,
)
from poolwatch.presentation.view import Prefs

#: The code under which an error of our own in here is told.
CODE: Final = "monitor.no_alerts"
#: Two looks are so far apart, and no further than that; in seconds.
APART_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 60.0
#: A viewer reads what the store holds this often, in seconds.
_RECALL_SECONDS: Final = 6.0
#: A reading that is not followed is looked at all the same after so many looks.
_MOST_WAITS: Final = 5
#: What another process logged so long ago is still told; once a watch runs, what it logs meanwhile.
_LOOK_BACK: Final = timedelta(hours=24)
_LATELY: Final = timedelta(hours=2)
_DAY: Final = timedelta(days=1)
#: A turn on the event loop is no longer, in seconds.
_TURN: Final = 0.002
#: So many findings and alerts are evaluated within such a turn or two.
_MANY: Final = 1_000


class AlertTerms(Struct, frozen=True):
    """What an operator sets. `zone` None: the machine's."""

    rules: tuple[WatchedRule, ...]
    prefs: Prefs
    zone: tzinfo | None = None
    #: when the day before is told, and where
    daily_summary: time | None = None
    summary_channels: tuple[str, ...] = ()
    #: the balances of the configuration, by name
    balances: frozenset[str] = frozenset()


class AlertWatch:
    """Looks for ever; `wake` is called when there are notices to send."""

    def __init__(self, terms: AlertTerms, wake: Callable[[], None] = lambda: None) -> None:
        self._terms = terms
        self._wake = wake
        self._touched = asyncio.Event()
        self._listens = False
        self._book: AlertBook | None = None
        #: events that no look has taken in yet
        self._events: list[LoggedEvent] = []
        #: accounts as they were when last looked at, and how often a look waited for them
        self._looked: dict[AccountKey, AccountState] = {}
        self._waits: dict[AccountKey, int] = {}
        #: what came last by account id, or balance in its unit, and when
        self._top_ups: dict[str, Decimal] = {}
        self._top_ups_at: dict[str, datetime] = {}
        #: when running windows began, as the store has them, by account, bucket and kind
        self._began: dict[tuple[str, str, str], datetime] = {}
        self._whole_at: datetime | None = None
        self._recalled_at: datetime | None = None
        self._kinds = frozenset(
            each.condition.kind for each in terms.rules if isinstance(each.condition, OfEvents)
        )
        self._of_accounts = frozenset(each.rule.name for each in terms.rules if _watches_accounts(each))
        self._of_balances = frozenset(
            each.rule.name for each in (terms.rules if terms.balances else ()) if watches_balances(each)
        )

    async def run(self, beside: Beside) -> None:
        """Look whenever something changed, and every minute; ends only by cancellation."""
        self._listen(beside)
        self._book = None
        await self._remember(beside)
        while True:
            again_at = await self.look(beside)
            self._touched.clear()
            beside.errors.over(CODE)
            await beside.clock.sleep(APART_SECONDS)
            if not self._touched.is_set() and not self._events:
                await self._wait(beside, again_at)

    async def recall(self, beside: Beside) -> LimitsTold | None:
        """For a process that does not poll: the alerts as the one that does has kept them."""
        now, last = beside.clock.now(), self._recalled_at
        if last is not None and abs((now - last).total_seconds()) < _RECALL_SECONDS:
            return None
        self._recalled_at = now
        book = await beside.store.alert_book()
        return None if book is None else _told(beside.ledger.state, book.board(now))

    async def look(self, beside: Beside) -> datetime | None:
        """One look; when the next has to come at the latest, where that is sooner than usual."""
        book = await self._current_book(beside)
        if book is None:
            return None
        events, self._events = self._events, []
        try:
            done = await self._evaluated(beside, book, events)
        except BaseException:
            self._events = [*events, *self._events]
            raise
        if not await self._keep(beside, book, done):
            self._events = [*events, *self._events]
            return None
        return done.again_at

    # -- what it stands on

    def _listen(self, beside: Beside) -> None:
        if not self._listens:
            self._listens = True
            beside.ledger.on_event(self._touched.set)
            beside.recorder.on_events(self._take_events)

    def _take_events(self, events: Sequence[LoggedEvent]) -> None:
        self._events += (event for event in events if event.kind not in OF_ALERTS)
        self._note_top_ups(events)
        self._touched.set()

    def _note_top_ups(self, events: Sequence[LoggedEvent]) -> None:
        for event in events:
            came, whose = credits_that_came(event), came_to(event)
            if came is None or whose is None:
                continue
            last = self._top_ups_at.get(whose)
            if last is None or last <= event.at:
                self._top_ups[whose], self._top_ups_at[whose] = came, event.at

    async def _remember(self, beside: Beside) -> None:
        """Read what the store has: top-ups, windows, and events that other processes have logged."""
        store, now = beside.store, beside.clock.now()
        if any(each.condition is BuiltIn.CREDITS_LOW for each in self._terms.rules):
            self._top_ups = {**await store.top_ups(), **self._top_ups}
        for account_id, cycles in (await store.cycles(None, 1)).items():
            for cycle in cycles:
                if cycle.ended_at is None:
                    self._began[account_id, cycle.bucket, cycle.window] = cycle.started_at
        self._events = [*await self._logged(beside, now - _LOOK_BACK, self._events), *self._events]

    async def _logged(
        self, beside: Beside, since: datetime, known: Sequence[LoggedEvent]
    ) -> list[LoggedEvent]:
        """The events that rules wait for and that were logged by others: not all go by the recorder.

        A top-up may be of another process as well.
        """
        if not self._kinds and not self._of_balances:
            return []
        ids = {event.id for event in known}
        logged = await beside.store.events(since)
        self._note_top_ups(logged)
        return [each for each in logged if each.kind in self._kinds and each.id not in ids]

    async def _current_book(self, beside: Beside) -> AlertBook | None:
        """The book with the silences of this moment; None where the store tells nothing."""
        if self._book is None:
            self._book = await beside.store.alert_book()
            self._whole_at = None
            return self._book
        silences = await beside.store.silences()
        if silences is not None and silences != self._book.silences:
            self._book = replace(self._book, silences=silences)
        return self._book

    # -- one look

    async def _evaluated(self, beside: Beside, book: AlertBook, events: Sequence[LoggedEvent]) -> Evaluated:
        state, now = beside.ledger.state, beside.clock.now()
        moment = Moment.of(state, now, self._terms.prefs, self._window_of(beside), self._top_ups)
        rules, ready = self._terms.rules, self._ready(state)
        is_first = not ready.isdisjoint(self._unknown(book))
        is_whole = is_first or self._is_due(now)
        findings = await self._of_each_account(beside, book, moment, is_whole=is_whole, is_first=is_first)
        there: set[Subject] = {Subject(SubjectKind.ACCOUNT, key.id) for key in state.accounts}
        names = {each.rule.name for each in rules if isinstance(each.condition, BuiltIn)}
        if self._of_balances:
            findings += found_of_balances(rules, moment, self._needed(book), self._unknown(book))
        there |= {Subject(SubjectKind.BALANCE, name) for name in self._terms.balances}
        if BuiltIn.SOURCE_DOWN in names:
            findings += found_of_sources(moment)
        if BuiltIn.RUNS_DRY in names:
            findings.append(found_of_pool(state.outlook, now))
        kinds = {SubjectKind.BALANCE}
        kinds |= {SubjectKind.ACCOUNT, SubjectKind.SOURCE} if state.settled else set()
        there |= {Subject(SubjectKind.SOURCE, name) for name in state.sources}
        if state.budgets is not None:
            # of parts that could not be read nobody knows that they are gone
            kinds |= {SubjectKind.BUDGET} if state.budgets.is_read else set()
            found, budgets = found_of_budgets(rules, state.budgets, moment)
            findings += found
            there |= budgets
        known = {key.subject for key in book.alerts}
        known |= {subject for memory in book.rules.values() for subject in memory.awaited}
        gone = frozenset(each for each in known - there if each.kind in kinds)
        if is_whole:
            self._whole_at = now
            events = [*events, *await self._logged(beside, now - _LATELY, events)]
        seen = Seen(findings, events_seen(events, moment), ready if is_whole else frozenset(), gone)
        done = await _evaluated_of(rules, book, seen, now, self._terms.zone)
        return await self._with_summary(beside, book, done, now)

    def _is_due(self, now: datetime) -> bool:
        last = self._whole_at
        return last is None or not timedelta(0) <= now - last < timedelta(seconds=LOOK_SECONDS)

    def _ready(self, state: PoolState) -> frozenset[str]:
        """The rules of which all subjects are known, so that a first look says how things stand."""
        ready: set[str] = set()
        for each in self._terms.rules:
            match each.condition:
                case OfBudgets() | BuiltIn.BUDGET:
                    is_ready = state.budgets is not None and state.budgets.is_read
                case BuiltIn.RUNS_DRY:
                    is_ready = state.outlook is not None
                case _:
                    is_ready = state.settled
            if each.rule.name in self._of_balances:
                is_ready = is_ready and self._terms.balances <= state.balances.keys()
            ready |= {each.rule.name} if is_ready else set()
        return frozenset(ready)

    async def _of_each_account(
        self, beside: Beside, book: AlertBook, moment: Moment, *, is_whole: bool, is_first: bool
    ) -> list[RuleFinding]:
        if not self._of_accounts:
            return []
        look = AlertLook(self._terms.rules, moment, self._needed(book), self._unknown(book))
        unfollowed, turns = beside.recorder.unfollowed(), Turns(_TURN)
        findings: list[RuleFinding] = []
        looked: dict[AccountKey, AccountState] = {}
        for key, account in moment.state.accounts.items():
            if not is_whole and self._looked.get(key) is account:
                looked[key] = account
                continue
            waits = self._waits.get(key, 0)
            # which window a figure is of is known once its reading was followed
            if key.id in unfollowed and waits < _MOST_WAITS and not is_first:
                self._waits[key] = waits + 1
                continue
            self._waits.pop(key, None)
            findings += look.findings(account)
            looked[key] = account
            await turns.pause()
        self._looked = looked
        return findings

    def _needed(self, book: AlertBook) -> Callable[[str, Subject], bool]:
        held = {(key.rule, key.subject) for key in book.alerts}
        awaited: Mapping[str, Collection[Subject]] = {
            name: memory.awaited for name, memory in book.rules.items()
        }
        first = self._unknown(book)

        def needed(rule: str, subject: Subject) -> bool:
            return rule in first or (rule, subject) in held or subject in awaited.get(rule, ())

        return needed

    def _unknown(self, book: AlertBook) -> frozenset[str]:
        """The rules that were never looked at."""
        rules = (each.rule for each in self._terms.rules)
        return frozenset(
            each.name
            for each in rules
            if (known := book.rules.get(each.name)) is None or known.when != each.when
        )

    def _window_of(self, beside: Beside) -> Callable[[str, str, str], str | None]:
        recorder = beside.recorder

        def window(account_id: str, bucket: str, kind: str) -> str | None:
            if recorder.has_tracks(account_id):
                running = recorder.running(account_id).get((bucket, kind))
                began = None if running is None else running.started_at
            else:
                began = self._began.get((account_id, bucket, kind))
            return None if began is None else f"{bucket}/{kind}/{began:%Y-%m-%dT%H:%M:%SZ}"

        return window

    async def _with_summary(
        self, beside: Beside, book: AlertBook, done: Evaluated, now: datetime
    ) -> Evaluated:
        """The same with the daily summary, where it is due."""
        at, zone = self._terms.daily_summary, self._terms.zone
        if at is None:
            return done
        last = noted_day(book.summary_on, now, zone)
        if last is None:
            first = first_summary_after(at, now, zone)
            return replace(done, book=replace(done.book, summary_on=first))
        day = summary_day(at, last, now, zone)
        if day is None:
            return done
        state, events = beside.ledger.state, await beside.store.events_since(now - _DAY)
        judged = overview(state, now, self._terms.prefs.rules)
        lines = summary_lines(judged, state.budgets, done.book.board(now), events)
        notices = summary_notices(day, lines, self._terms.summary_channels, now)
        return replace(done, book=replace(done.book, summary_on=day), notices=(*done.notices, *notices))

    # -- what follows

    async def _keep(self, beside: Beside, book: AlertBook, done: Evaluated) -> bool:
        """Keep it, have it sent, and tell it; False when it could not be kept, or was another's to keep."""
        after = done.book
        if done.notices or done.events or _differs(book, after):
            if not await beside.store.put_alerts(after, done.notices, done.events, book):
                self._book = None
                return False
            beside.recorder.tell(done.events)
        else:
            after = replace(after, number=book.number)
        self._book = after
        if done.notices:
            self._wake()
        told = _told(beside.ledger.state, after.board(beside.clock.now()))
        if told is not None:
            beside.ledger.take(told)
        return True

    async def _wait(self, beside: Beside, again_at: datetime | None) -> None:
        """Wait until something changes, a minute has passed, or a notice is due."""
        seconds = LOOK_SECONDS - APART_SECONDS
        if again_at is not None:
            left = (again_at - beside.clock.now()).total_seconds()
            seconds = min(seconds, max(left, 0.0))
        waits = [
            asyncio.ensure_future(self._touched.wait()),
            asyncio.ensure_future(beside.clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()


def _watches_accounts(rule: WatchedRule) -> bool:
    condition = rule.condition
    return condition.of_accounts if isinstance(condition, ByFilter) else condition in OF_ACCOUNTS


async def _evaluated_of(
    rules: Sequence[WatchedRule], book: AlertBook, seen: Seen, now: datetime, zone: tzinfo | None
) -> Evaluated:
    """What follows; of very many alerts beside the event loop, which they would hold up."""
    if len(seen.findings) + len(book.alerts) <= _MANY:
        return evaluate(rules, book, seen, now, zone)
    return await in_thread(partial(evaluate, rules, book, seen, now, zone))


def _differs(before: AlertBook, after: AlertBook) -> bool:
    """Whether there is something to keep besides when it was looked at."""
    if before.rules != after.rules or before.told != after.told or before.summary_on != after.summary_on:
        return True
    if before.alerts.keys() != after.alerts.keys():
        return True
    return any(before.alerts[key] is not alert for key, alert in after.alerts.items())


def _told(state: PoolState, board: AlertBoard) -> LimitsTold | None:
    """The board, where it says something else than what stands."""
    held = state.alerts
    if held is not None and (held.alerts, held.silences) == (board.alerts, board.silences):
        return None
    return LimitsTold(alerts=board)
