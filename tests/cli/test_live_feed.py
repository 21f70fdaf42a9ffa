"""The feed of the app before its monitor runs: what was stored, and wishes that wait."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.bootstrap.feed import LiveFeed
from poolwatch.bootstrap.limits import BudgetWatch
from poolwatch.bootstrap.running import open_monitor
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around, newcomers
from poolwatch.domain.alerts import Silence, Subject, SubjectKind
from poolwatch.domain.budgets import Budget, BudgetPeriod, Limit, LimitUnit
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.events import AnswerKind
from poolwatch.domain.message import Message
from poolwatch.domain.past import CREDITS, PastAsked, base_window
from poolwatch.domain.refresh import BlockReason
from poolwatch.domain.series import Figure, HistoryRow, Series, Timeline
from poolwatch.domain.state import PoolState
from poolwatch.domain.tokens import GroupBy, Origin, Tokens
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY
from poolwatch.domain.use_report import UseReport, UseWish
from poolwatch.monitor.limits import Beside
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.events import UsageEvent
from poolwatch.store.audit import AuditLog
from poolwatch.ui.feed import Tried
from tests.monitor.test_background_files import HurriedClock
from tests.monitor.turned_clock import TurnedClock
from tests.ui.pools import crowd, state_of

EARLY = state_of(crowd(3))


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    config = tmp_path / "config.toml"
    config.write_text('[[sources]]\nkind = "codex-home"\nname = "homes"\npath = "homes/*"\n')
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(tmp_path / "state")}
    found = look_around(Options(config), env)
    assert isinstance(found, Surroundings)
    return found


async def test_wishes_before_the_monitor_reach_it(around: Surroundings) -> None:
    feed = LiveFeed(EARLY, around, None)
    assert feed.state is EARLY
    key = next(iter(EARLY.accounts))
    feed.set_paused(True)
    feed.set_visible([key])
    feed.stop_many()
    assert feed.raw(key) is None
    asked = asyncio.create_task(feed.refresh_many([key]))
    async with open_monitor(around) as running:
        feed.attach(running)
        assert (await asked).kind is AnswerKind.STARTED
        assert running.monitor.bulk.running
        await running.monitor.close()
        assert running.monitor.poller.paused
        assert feed.state is running.monitor.state


async def test_a_budget_is_tried_saved_and_looked_into(around: Surroundings) -> None:
    config = around.settings.path
    assert config is not None
    sources = config.read_text()
    config.write_text(f'{sources}\n[[budgets]]\nname = "team"  # all\nlimit = "$2"\n')
    at = datetime.now(UTC) - timedelta(minutes=1)
    event = UsageEvent(key=1, at=at.timestamp(), model="gpt-5.4", tokens=Tokens(input=400_000))
    UseBook(around.state_dir).take_events([event])
    feed = LiveFeed(EARLY, around, config)
    budget = Budget("team", Limit(LimitUnit.USD, Decimal(8)), BudgetPeriod.NEVER)
    trying = asyncio.create_task(feed.try_budget(budget))
    async with open_monitor(around) as running:
        feed.attach(running)
        tried = await trying
        assert tried.report is not None
        (state,) = tried.report.budgets
        assert state.measured.spent == Decimal(1)
        detail = await feed.budget_detail(state, GroupBy.MODEL)
        assert [(each.name, int(each.amount)) for each in detail.shares] == [("gpt-5.4", 1)]
        assert detail.earlier == ()
        assert feed.budgets_file() == "~/config.toml"
        assert config.read_text().count("$2") == 1
        assert await feed.save_budget("team", {"limit": "$8"}) is None
        assert 'name = "team"  # all\nlimit = "$8"' in config.read_text()
        assert running.budgets_changed.is_set()
        budgets = await running.budgets()
        report = await budgets.measured({}, datetime.now(UTC))
    assert report is not None
    assert [each.budget.limit.amount for each in report.budgets] == [Decimal(8)]
    noted = AuditLog(around.state_dir).path.read_text()
    assert '"act":"budget_set","at":' in noted


async def test_budgets_are_not_loaded_before_the_configuration_has_one(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = around.settings.path
    assert config is not None
    async with open_monitor(around) as running:
        monitor, services = running.monitor, running.services
        clock = TurnedClock()
        beside = Beside(monitor.ledger, services.store, monitor.recorder, clock, monitor.errors)
        watch = BudgetWatch(running)
        told = await watch.measured(beside)
        assert told is not None
        assert told.budgets is not None
        assert told.budgets.budgets == ()
        config.write_text(f'{config.read_text()}\n[[budgets]]\nname = "team"\nlimit = "$2"\n')
        # for a first one the file is looked at twice a minute: nothing else would wake a disk that often
        with monkeypatch.context() as patched:
            patched.setattr("poolwatch.bootstrap.limits.in_thread", None)
            await clock.advance(29)
            assert await watch.measured(beside) is None
        assert not running.has_budgets
        await clock.advance(1)
        told = await watch.measured(beside)
        assert told is not None
        assert told.budgets is not None
        assert [each.budget.name for each in told.budgets.budgets] == ["team"]
        assert running.has_budgets
        # once a minute, or at once where somebody has saved one
        waits = asyncio.create_task(running.until_budgets_change(asyncio.sleep(60)))
        running.budgets_changed.set()
        await asyncio.wait_for(waits, 5)


async def test_the_past_comes_from_the_store(around: Surroundings) -> None:
    feed = LiveFeed(EARLY, around, None)
    key, now = next(iter(EARLY.accounts)), datetime.now(UTC)
    weekly, day = base_window(WEEKLY), timedelta(days=1)
    asked = PastAsked(key, (weekly, CREDITS), now - 7 * day, cycles=1, events_since=now - 30 * day)
    answer = asyncio.create_task(feed.past(asked))
    async with open_monitor(around) as running:
        rows = [
            HistoryRow(key.id, now - days * day, Series.WINDOW, BASE_BUCKET, WEEKLY, Figure(used))
            for days, used in ((9, 3.0), (8, 5.0), (1, 7.0))
        ]
        cycles = [Cycle(key.id, BASE_BUCKET, WEEKLY, now - days * day) for days in (14, 7)]
        event = LoggedEvent("a1", now - day, EventKind.SIGNED_IN, key.id)
        assert await running.services.store.save((), now, rows, cycles=cycles, events=[event])
        feed.attach(running)
        past = await answer
    # what held when the time began comes first
    assert [point.last for point in past.line(weekly).points] == [5.0, 7.0]
    assert past.line(CREDITS) == Timeline()
    assert [each.started_at for each in past.cycles] == [now - 7 * day]
    assert [each.kind for each in past.events] == [EventKind.SIGNED_IN]
    assert past.known == (weekly,)


async def test_the_first_import_and_a_new_codex_login_come_by_themselves(tmp_path: Path) -> None:
    env = {
        "HOME": str(tmp_path),
        "POOLWATCH_STATE_DIR": str(tmp_path / "state"),
        "POOLWATCH_DATA_DIR": str(tmp_path / "data"),
    }
    empty = look_around(Options(), env)
    assert isinstance(empty, Surroundings)
    assert not empty.sources
    own = empty.own_logins
    assert own is not None
    async with open_monitor(empty, HurriedClock()) as running:
        tasks = [asyncio.create_task(running.watch_places()), asyncio.create_task(running.monitor.run())]
        try:
            await _until(lambda: running.monitor.state.settled)
            # an API key is listed and never polled: nothing is sent anywhere
            own.mkdir(parents=True)
            (own / "key.json").write_text('{"OPENAI_API_KEY": "sk-one-fake"}')
            await _until(lambda: len(running.monitor.state.accounts) == 1)
            (tmp_path / ".codex").mkdir()
            (tmp_path / ".codex" / "auth.json").write_text('{"OPENAI_API_KEY": "sk-two-fake"}')
            await _until(lambda: len(running.monitor.state.accounts) == 2)
            assert sorted(running.sources) == ["codex-home", "poolwatch"]
            # and what was added while it runs is refreshed like anything else
            for key in running.monitor.state.accounts:
                ended = await running.monitor.chain.run(key)
                assert ended.token is not None
                assert ended.token.block is BlockReason.API_KEY
            assert newcomers(running.around) == ()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_place_that_a_person_added_is_not_found_once_more(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(tmp_path / "state")}
    empty = look_around(Options(), env)
    assert isinstance(empty, Surroundings)
    feed = LiveFeed(PoolState(), empty, tmp_path / "config.toml")
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "auth.json").write_text('{"OPENAI_API_KEY": "sk-fake"}')
    assert [each.path for each in newcomers(empty)] == [str(tmp_path / ".codex")]
    async with open_monitor(empty) as running:
        feed.attach(running)
        assert await feed.add("~/.codex") == Tried(True, "1 login")
        assert newcomers(running.around) == ()
        assert list(running.sources) == ["codex-home"]
        begun, ended = AuditLog(tmp_path / "state").entries()
        assert (begun.act, ended.of, ended.outcome) == ("source_add", begun.seq, "done")
        assert (ended.what, ended.path) == (("codex-home",), str(tmp_path / "config.toml"))


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in tasks that tell nobody
            await asyncio.sleep(0.01)


async def test_a_place_is_tried_before_it_is_written(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(tmp_path / "state")}
    around, config = look_around(Options(), env), tmp_path / "config.toml"
    assert isinstance(around, Surroundings)
    for name, text in (("one", '{"OPENAI_API_KEY": "sk-fake"}'), ("two", "{ no json")):
        (tmp_path / "homes" / name).mkdir(parents=True)
        (tmp_path / "homes" / name / "auth.json").write_text(text)
    (tmp_path / "empty").mkdir()
    feed = LiveFeed(PoolState(), around, config)
    async with open_monitor(around) as running:
        feed.attach(running)
        assert await feed.add("~/empty") == Tried(False, "~/empty: no login found")
        broken = await feed.add("~/homes/two")
        assert not broken.added
        assert broken.words.startswith("~/homes/two/auth.json ")
        pool = await feed.add("http://me:secret@127.0.0.1:2455/?key=secret")
        assert not pool.added
        assert pool.words.endswith(": poolwatch sources add codex-lb http://127.0.0.1:2455")
        assert not config.exists()
        # a file that cannot be read is no login
        assert await feed.add("~/homes/*") == Tried(True, "1 login, 1 file not readable")
        assert 'kind = "codex-home"' in config.read_text()
        again = await feed.add("~/homes/*")
        assert not again.added
        assert "is monitored already, as codex-home" in again.words


async def test_a_place_that_lists_nobody_says_so(around: Surroundings) -> None:
    feed = LiveFeed(PoolState(), around, None)
    assert [row.words for row in feed.found() if "homes/*" in row.place] == []
    async with open_monitor(around) as running:
        feed.attach(running)
        await running.monitor.poller.lister.list_all()
        [row] = [row for row in feed.found() if "homes/*" in row.place]
    assert (row.words, row.can_add) == ("no login found", False)


async def test_a_monitor_that_cannot_begin_is_told_to_whoever_listens(around: Surroundings) -> None:
    feed = LiveFeed(EARLY, around, None)

    async def broken() -> None:
        await feed.painted.wait()
        raise OSError("no room")

    monitor = asyncio.create_task(broken())
    monitor.add_done_callback(feed.monitor_ended)
    with pytest.raises(OSError, match="no room"):
        async for _ in feed.changes():
            pass


async def test_use_is_told_without_a_monitor_and_why_it_cannot_be(around: Surroundings) -> None:
    feed = LiveFeed(EARLY, around, None)
    assert await feed.use_mark() is None
    nothing = await feed.use(UseWish())
    assert isinstance(nothing, UseReport)
    assert nothing.total.requests == 0
    assert await feed.costs() is None
    now = feed.now().timestamp()
    UseBook(around.state_dir).take_events([UsageEvent(1, now, Tokens(1_000_000), model="gpt-6-sol")])
    assert await feed.use_mark() is not None
    told = await feed.use(UseWish(origin=Origin.IMPORTED))
    assert isinstance(told, UseReport)
    assert told.figures.since_start.requests == 1
    assert told.figures.today.cost
    for path in around.state_dir.glob("usage.db*"):
        path.unlink()
    (around.state_dir / "usage.db").write_bytes(b"no database" * 200)
    why = await feed.use(UseWish())
    assert isinstance(why, Message)
    assert why.code == "use.damaged"
    assert await feed.costs() is None


async def test_a_silence_of_the_app_is_kept_shown_and_noted(around: Surroundings) -> None:
    feed = LiveFeed(EARLY, around, None)
    until, team = datetime.now(UTC) + timedelta(hours=1), Subject(SubjectKind.BUDGET, "team")
    asked = asyncio.create_task(feed.silence("budget", team, until, "maintenance"))
    async with open_monitor(around) as running:
        feed.attach(running)
        assert await asked is None
        book = await running.services.store.alert_book()
        assert book is not None
        kept = book.silences[0]
        assert (kept.rule, kept.subject, kept.until, kept.reason) == ("budget", team, until, "maintenance")
        assert kept.by
        board = feed.state.alerts
        assert board is not None
        assert board.silences == (kept,)
        # what is silenced by another process meanwhile is shown with it
        assert await running.services.store.silence(Silence("needs_you", datetime.now(UTC), "ann"))
        assert await feed.end_silence(kept) is None
        board = feed.state.alerts
        assert board is not None
        assert [each.rule for each in board.silences] == ["needs_you"]
    noted = [(each.act, each.what, each.outcome) for each in AuditLog(around.state_dir).entries()]
    assert noted == [
        ("alert_silence", ("budget", "budget team"), None),
        ("alert_silence", ("budget", "budget team"), "done"),
        ("alert_unsilence", ("budget", "budget team"), None),
        ("alert_unsilence", ("budget", "budget team"), "done"),
    ]


async def test_a_silence_that_is_not_kept_is_told(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poolwatch.store.alerts.silence", _fails)
    feed = LiveFeed(EARLY, around, None)
    async with open_monitor(around) as running:
        feed.attach(running)
        assert await feed.silence("budget", None, None, "") == Message("alerts.not_kept")
        board = feed.state.alerts
        assert board is None or board.silences == ()
        assert await feed.deliveries() == ()
    ended = [each.outcome for each in AuditLog(around.state_dir).entries()]
    assert ended == [None, "failed"]


def _fails(*_: object) -> bool:
    raise sqlite3.OperationalError("disk I/O error")
