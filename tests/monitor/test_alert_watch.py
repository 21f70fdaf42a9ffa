"""Alerts in the running monitor, over a real database: who looks, what is kept with what is sent."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest

from poolwatch.domain.account import AccountKey, Listing, Name, SourceRef, TokenFacts
from poolwatch.domain.alert_rules import all_rules, watched
from poolwatch.domain.alerting import Evaluated, evaluate
from poolwatch.domain.alerts import BuiltIn, Phase, Rule, Silence
from poolwatch.domain.balances import Balance, BalanceState
from poolwatch.domain.budgets import (
    Budget,
    BudgetPeriod,
    BudgetReport,
    BudgetState,
    Each,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
)
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.notices import NoticeKind
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import Aged, Credits, RateLimit, Usage, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.monitor.alert_watch import AlertTerms, AlertWatch
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.limits import Beside
from poolwatch.monitor.own_errors import OwnErrors
from poolwatch.monitor.recorder import Recorder
from poolwatch.presentation.view import Prefs
from poolwatch.store.store import Store

NOW = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)
HIGH = Rule("high", "weekly>=90", channels=("ops",))
ENDS = timedelta(days=5)


def account(name: str, percent: float | None, at: datetime, *, credits: str | None = None) -> AccountState:
    window = UsageWindow(percent, 604_800, NOW + timedelta(days=3))
    token = TokenFacts(NOW + timedelta(days=9), None, "f", "r")
    listing = Listing(SourceRef("homes", name), user_id=f"u-{name}", account_id=f"a-{name}", token=token)
    balance = None if credits is None else Aged(Credits(True, False, False, Decimal(credits)), at, "homes")
    usage = Usage(base=Aged(RateLimit(None, None, (window,)), at, "homes"), credits=balance)
    return AccountState(AccountKey("codex", f"u-{name}", f"a-{name}"), (listing,), Name(name), usage, at, at)


class Wall:
    """A clock that a test sets; nobody here waits for it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Watching:
    """One process: its own ledger and watch over a database that others share."""

    def __init__(
        self,
        store: Store,
        clock: Wall,
        *rules: Rule,
        summary: time | None = None,
        balances: tuple[str, ...] = (),
    ) -> None:
        self.store, self.clock = store, clock
        self.ledger = Ledger(PoolState(settled=True))
        found = [watched(each) for each in rules or (HIGH,)]
        own = tuple(each for each in found if each is not None)
        terms = AlertTerms(own, Prefs(), UTC, summary, ("ops",), frozenset(balances))
        self.woken = 0
        self.watch = AlertWatch(terms, self._wake)
        self.recorder = Recorder(store, UTC)
        errors = OwnErrors(clock, lambda: None)
        self.beside = Beside(self.ledger, store, self.recorder, clock, errors)

    def _wake(self) -> None:
        self.woken += 1

    def have(self, *accounts: AccountState) -> None:
        self.ledger.state = replace(self.ledger.state, accounts={each.key: each for each in accounts})

    async def see(self, *accounts: AccountState) -> None:
        self.have(*accounts)
        self.clock.at += timedelta(seconds=61)
        await self.watch.look(self.beside)

    async def told(self) -> list[tuple[str, str]]:
        found = await self.store.deliveries(99)
        return [(item.label, item.phase.value) for each in reversed(found) for item in each.notice.items]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path, NOW)
    yield opened
    await opened.aclose()


@pytest.fixture
def clock() -> Wall:
    return Wall()


async def test_what_begins_to_hold_is_kept_sent_logged_and_shown(store: Store, clock: Wall) -> None:
    one = Watching(store, clock)
    now = clock.now
    await one.see(account("carol", 50, now()), account("dan", 95, now()))
    assert await one.told() == []
    await one.see(account("carol", 93, now()), account("dan", 95, now()))
    assert await one.told() == [("carol", "firing")]
    assert one.woken == 1
    board = one.ledger.state.alerts
    assert board is not None
    assert [(each.label, each.phase) for each in board.firing] == [("carol", Phase.FIRING)]
    (event,) = await store.events(NOW - timedelta(days=400))
    assert (event.kind, event.rule) == (EventKind.ALERT_FIRED, "high")
    assert event.cause is not None
    assert dict(event.cause.arguments) == {"field": "weekly", "figure": "93%"}


async def test_in_a_busy_pool_a_rule_waits_no_longer_than_it_says(store: Store, clock: Wall) -> None:
    one = Watching(store, clock, replace(HIGH, held_for=timedelta(minutes=3)))
    carol = account("carol", 50, clock.now())
    await one.see(carol)
    carol, began = account("carol", 93, clock.now()), clock.now()
    while not await one.told():
        # others are read every few seconds, she is not
        one.have(carol, account("dan", 50, clock.now()))
        clock.at += timedelta(seconds=5)
        await one.watch.look(one.beside)
        assert clock.now() - began < timedelta(minutes=5)
    assert clock.now() - began >= timedelta(minutes=3)


async def test_a_poolwatch_that_takes_over_tells_nothing_twice(store: Store, clock: Wall) -> None:
    one, two = Watching(store, clock), Watching(store, clock)
    now = clock.now
    await one.see(account("carol", 50, now()))
    await one.see(account("carol", 93, now()))
    # it knows nothing of the other but what is kept
    await two.see(account("carol", 94, now()))
    await two.see(account("carol", 95, now()))
    assert await one.told() == [("carol", "firing")]
    # one that still believes that it polls keeps nothing over what the other has kept
    await two.see(account("carol", 95, now()), account("dan", 99, now()))
    await one.see(account("carol", 20, now()), account("dan", 99, now()))
    assert await one.told() == [("carol", "firing"), ("dan", "firing")]
    await one.see(account("carol", 95, now()), account("dan", 99, now()))
    assert await one.told() == [("carol", "firing"), ("dan", "firing")]
    board = one.ledger.state.alerts
    assert board is not None
    assert {each.label for each in board.firing} == {"carol", "dan"}


async def test_a_death_before_it_is_kept_loses_nothing_and_one_after_it_tells_nothing_twice(
    tmp_path: Path, clock: Wall
) -> None:
    store, now = Store(tmp_path, NOW), clock.now
    one = Watching(store, clock)
    await one.see(account("carol", 50, now()))
    put = store.put_alerts

    async def dies(*args: object) -> bool:
        raise asyncio.CancelledError

    store.put_alerts = dies  # type: ignore[method-assign,assignment]
    with pytest.raises(asyncio.CancelledError):
        await one.see(account("carol", 93, now()))
    store.put_alerts = put  # type: ignore[method-assign]
    await store.aclose()
    for _ in range(3):
        store = Store(tmp_path, NOW)
        after = Watching(store, clock)
        await after.see(account("carol", 93, now()))
        await after.see(account("carol", 93, now()))
        assert await after.told() == [("carol", "firing")]
        await store.aclose()


async def test_an_old_or_unknown_figure_begins_nothing_and_ends_nothing(store: Store, clock: Wall) -> None:
    one, now = Watching(store, clock), clock.now
    await one.see(account("carol", 50, now()), account("dan", 50, now()))
    await one.see(account("carol", 93, now()), account("dan", 99, now() - timedelta(hours=1)))
    assert await one.told() == [("carol", "firing")]
    for percent in (None, 3.0):
        await one.see(account("carol", percent, now() - timedelta(hours=1)), account("dan", None, now()))
        board = one.ledger.state.alerts
        assert board is not None
        assert [each.phase for each in board.alerts] == [Phase.UNKNOWN]


async def test_a_balance_is_told_of_once_by_its_name_and_not_at_the_first_look(
    store: Store, clock: Wall
) -> None:
    low = Rule("low", "balance<5", channels=("ops",))
    one = Watching(store, clock, low, balances=("reef", "other"))

    async def left(amount: str | None, **others: str) -> None:
        amounts = {"reef": amount, **others} if amount is not None else others
        states = {
            name: BalanceState(name).read(Balance("USD", Decimal(each)), clock.now())
            for name, each in amounts.items()
        }
        one.ledger.state = replace(one.ledger.state, balances=states)
        await one.see()

    # of what is not known yet nothing is told when it is; the rule waits for all of them
    await left(None)
    await left("9", other="1")
    await left("8", other="2")
    assert await one.told() == []
    await left("4.99", other="1")
    assert await one.told() == [("reef", "firing")]
    (event,) = await store.events(NOW - timedelta(days=400))
    assert (event.source, event.account_id, event.rule) == ("reef", None, "low")
    await left("4.98", other="1")
    assert await one.told() == [("reef", "firing")]
    # it is configured still, though nothing is known of it
    await left(None)
    board = one.ledger.state.alerts
    assert board is not None
    assert {each.phase for each in board.alerts} == {Phase.FIRING}
    # what is configured no more is no longer told of
    two = Watching(store, clock, low)
    await two.see()
    board = two.ledger.state.alerts
    assert board is not None
    assert not board.firing


async def test_a_top_up_of_another_process_is_what_low_is_measured_by(store: Store, clock: Wall) -> None:
    name = BuiltIn.CREDITS_LOW.value
    one = Watching(store, clock, Rule(name, name, channels=("ops",), built_in=True), balances=("reef",))

    async def read(amount: str, minutes: int) -> None:
        state = BalanceState("reef").read(Balance("USD", Decimal(amount)), clock.now())
        one.ledger.state = replace(one.ledger.state, balances={"reef": state})
        # another poolwatch keeps what befell it, and this one hears of it from the store alone
        await store.put_balance(state)
        for _ in range(minutes):
            await one.see()

    await read("2", 2)
    await read("12", 2)
    await read("1.5", 1)
    assert await one.told() == []
    await read("0.9", 2)
    assert await one.told() == [("reef", "firing")]


async def test_a_reading_that_flaps_is_one_alert(store: Store, clock: Wall) -> None:
    one, now = Watching(store, clock), clock.now
    await one.see(account("carol", 50, now()))
    # in and out of what begins it, and of what ends it
    for percent in (91, 89, 90, 84, 93, 80) * 5:
        await one.see(account("carol", percent, now()))
    assert await one.told() == [("carol", "firing")]


async def test_what_is_silenced_from_another_process_is_quiet_at_once(store: Store, clock: Wall) -> None:
    one, now = Watching(store, clock), clock.now
    await one.see(account("carol", 50, now()))
    await store.silence(Silence("high", now(), "dan"))
    await one.see(account("carol", 93, now()))
    assert await one.told() == []
    board = one.ledger.state.alerts
    assert board is not None
    assert [each.by for each in board.silences] == ["dan"]
    await store.unsilence("high", None, now())
    await one.see(account("carol", 93, now()))
    assert await one.told() == [("carol", "firing")]


async def test_events_of_a_kind_are_told_also_those_that_another_process_logged(
    store: Store, clock: Wall
) -> None:
    rule = Rule("early", "event:early_reset", channels=("ops",))
    one, carol = Watching(store, clock, rule), account("carol", 50, NOW)
    await one.see(carol)

    def event(number: int, at: datetime) -> LoggedEvent:
        return LoggedEvent(f"{number:016x}", at, EventKind.EARLY_RESET, carol.key.id, window="weekly")

    one.watch._listen(one.beside)
    one.recorder.tell([event(1, clock.now())])
    await one.see(carol)
    assert await one.told() == [("carol", "firing")]
    await store.save([], NOW, events=[event(1, clock.now()), event(2, clock.now()), event(3, NOW)])
    two = Watching(store, clock, rule)
    await two.watch._remember(two.beside)
    await two.see(carol)
    # what was before the rule is not its
    assert await one.told() == [("carol", "firing")] * 2
    (latest, _) = await store.deliveries(9)
    assert latest.notice.items[0].cause.code == "alerts.of_window"


async def test_what_is_logged_beside_the_recorder_is_told_within_a_minute(store: Store, clock: Wall) -> None:
    one = Watching(store, clock, Rule("anew", "event:budget_reset", channels=("ops",)))
    await one.see()
    anew = LoggedEvent("0123456789abcdef", clock.now(), EventKind.BUDGET_RESET, now="team")
    other = LoggedEvent("1123456789abcdef", clock.now(), EventKind.SOURCE_DOWN, source="s3")
    await store.save([], NOW, events=[anew, other])
    for _ in range(3):
        await one.see()
    assert await one.told() == [("team", "firing")]


async def test_the_day_before_is_told_once_a_day(store: Store, clock: Wall) -> None:
    one = Watching(store, clock, summary=time(9))
    carol = account("carol", 50, NOW)
    await one.see(carol)
    event = LoggedEvent("0123456789abcdef", NOW + timedelta(hours=3), EventKind.EXHAUSTED, carol.key.id)
    await store.save([], NOW, events=[event, replace(event, id="1123456789abcdef")])
    clock.at = NOW.replace(hour=8) + timedelta(days=1)
    await one.see(carol)
    assert await store.deliveries(9) == ()
    clock.at = NOW.replace(hour=9) + timedelta(days=1)
    for _ in range(3):
        await one.see(carol)
    two = Watching(store, clock, summary=time(9))
    await two.see(carol)
    (summary,) = await store.deliveries(9)
    assert summary.notice.kind is NoticeKind.SUMMARY
    (line,) = summary.notice.lines
    assert (line.code, dict(line.arguments)["count"]) == ("alerts.summary_happened", "2")
    # a clock that goes back and forth by a day tells no day twice
    for days in (-1, 2, -1):
        clock.at += timedelta(days=days)
        await two.see(carol)
        await two.see(carol)
    assert len(await store.deliveries(9)) == 2


async def test_a_day_that_cannot_be_read_is_told_as_that(
    store: Store, clock: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_given: object) -> NoReturn:
        raise sqlite3.OperationalError("database is locked")

    one, carol = Watching(store, clock, summary=time(9)), account("carol", 50, NOW)
    await one.see(carol)
    monkeypatch.setattr("poolwatch.store.events.between", fails)
    clock.at = NOW.replace(hour=9) + timedelta(days=1)
    await one.see(carol)
    (summary,) = await store.deliveries(9)
    assert [each.code for each in summary.notice.lines] == ["alerts.summary_not_read"]


async def test_very_many_are_evaluated_beside_the_event_loop(
    store: Store, clock: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[bool] = []

    def noting(*given: Any) -> Evaluated:
        threads.append(threading.current_thread() is threading.main_thread())
        return evaluate(*given)

    monkeypatch.setattr("poolwatch.monitor.alert_watch.evaluate", noting)
    one, names = Watching(store, clock), [f"a{number}" for number in range(1_001)]
    await one.see(*(account(name, 50, clock.now()) for name in names))
    await one.see(*(account(name, 93, clock.now()) for name in names))
    assert threads == [True, False]
    assert len(await one.told()) == 1_001


async def test_a_clock_that_was_a_year_ahead_keeps_no_day_from_being_told(store: Store, clock: Wall) -> None:
    one, carol = Watching(store, clock, summary=time(9)), account("carol", 50, NOW)
    await one.see(carol)
    clock.at = NOW + timedelta(days=365)
    await one.see(carol)
    told = len(await store.deliveries(9))
    for days in (0, 1, 1, 2):
        clock.at = NOW.replace(hour=9) + timedelta(days=days)
        await one.see(carol)
    assert len(await store.deliveries(9)) == told + 2


async def test_who_does_not_poll_shows_what_is_kept(store: Store, clock: Wall) -> None:
    one, viewer = Watching(store, clock), Watching(store, clock)
    await one.see(account("carol", 50, clock.now()))
    await one.see(account("carol", 93, clock.now()))
    told = await viewer.watch.recall(viewer.beside)
    assert told is not None
    assert told.alerts is not None
    assert [each.label for each in told.alerts.firing] == ["carol"]
    assert await viewer.watch.recall(viewer.beside) is None


async def test_accounts_that_are_gone_take_their_alerts_with_them(store: Store, clock: Wall) -> None:
    one, now = Watching(store, clock), clock.now
    await one.see(account("carol", 50, now()))
    await one.see(account("carol", 93, now()))
    one.ledger.state = replace(one.ledger.state, settled=False)
    await one.see()
    book = await store.alert_book()
    assert book is not None
    assert len(book.alerts) == 1
    one.ledger.state = replace(one.ledger.state, settled=True)
    await one.see()
    book = await store.alert_book()
    assert book is not None
    assert book.alerts == {}
    assert await one.told() == [("carol", "firing")]


async def test_parts_of_a_budget_that_cannot_be_read_for_a_while_are_neither_gone_nor_new(
    store: Store, clock: Wall
) -> None:
    one = Watching(store, clock, Rule("spent", "budget:team>=90", channels=("ops",)))
    budget = Budget("team", Limit(LimitUnit.USD, Decimal(10)), BudgetPeriod.MONTHLY, each=Each.USER)
    month = Period(NOW.replace(day=1), NOW.replace(month=10, day=1))

    async def look(dollars: int | None) -> None:
        by = MeasuredBy.USAGE
        measured = Measured(by, None if dollars is None else Decimal(dollars), read_at=clock.now())
        state = BudgetState(budget, month, measured, whose=None if dollars is None else "ann")
        report = BudgetReport(clock.now(), (state,), is_read=dollars is not None)
        one.ledger.state = replace(one.ledger.state, budgets=report)
        clock.at += timedelta(seconds=61)
        await one.watch.look(one.beside)

    for dollars in (None, 1, 9, None, None, 9):
        await look(dollars)
        book = await store.alert_book()
        assert book is not None
        if dollars != 1 and await store.deliveries(9):
            (alert,) = book.alerts.values()
            assert (alert.phase, alert.told) == (Phase.FIRING, 1)
    assert len(await store.deliveries(9)) == 1


async def test_a_first_look_at_budgets_waits_until_they_can_be_read(store: Store, clock: Wall) -> None:
    one = Watching(store, clock, Rule("spent", "budget:team>=90", channels=("ops",)))
    one.ledger.state = replace(one.ledger.state, budgets=BudgetReport(clock.now(), is_read=False))
    await one.see()
    book = await store.alert_book()
    assert book is not None
    assert "spent" not in book.rules


async def test_a_watch_that_runs_looks_when_something_changed(store: Store, clock: Wall) -> None:
    one = Watching(store, clock, *all_rules(()))
    running = asyncio.create_task(one.watch.run(one.beside))
    for _ in range(200):
        await asyncio.sleep(0.005)
        book = await store.alert_book()
        if book is not None and "needs_you" in book.rules:
            break
    running.cancel()
    assert book is not None
    # of budgets and of the pool nothing is known yet
    assert book.rules.keys() == {"needs_you", "credits_low", "source_down", "banked_reset_ends", "login_ends"}
