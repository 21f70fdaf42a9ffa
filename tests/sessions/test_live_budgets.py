"""Budgets while poolwatch runs: when they are measured, what a form has counted, and what it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.bootstrap.auditing import auditor_of
from poolwatch.bootstrap.live_budgets import LiveBudgets
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.config import edit
from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.audit import By
from poolwatch.domain.budgets import Budget, BudgetPeriod, BudgetReport, Each, Level, Limit, LimitUnit
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import GroupBy, Tokens
from poolwatch.host.files import FileProblem
from poolwatch.presentation.budget_form import assigned, form_of
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.events import UsageEvent
from poolwatch.sessions.progress import Progress, note_progress
from poolwatch.sessions.tables import FILE_NAME, open_to_write
from poolwatch.store.store import Store

_NOW = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
_ALICE, _BOB = (
    AccountState(AccountKey("codex", user, user), name=Name(user, group))
    for user, group in (("alice", "day"), ("bob", "night"))
)
_POOL = {each.key.id: each for each in (_ALICE, _BOB)}
_RATES = """
[[rates]]
model = "sol"
input = 1
output = 10
"""
_TEAM = """
# what all of us may spend
[[budgets]]
name = "team"   # everybody
limit = "$10"
time_zone = "UTC"
"""


class Desk:
    """A configuration, a state directory with some use, and its budgets."""

    def __init__(self, folder: Path, budgets: str = _TEAM) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.config.write_text(_RATES + budgets)
        self.state_dir = folder / "state"
        self.state_dir.mkdir()
        self.use(1, "alice", 6)
        self.use(2, "bob", 2)
        with closing(open_to_write(self.state_dir)) as change:
            note_progress(change, Progress(_NOW.timestamp()))
        self.wanted = asyncio.Event()
        self.live = LiveBudgets(self.around(), self.wanted, UTC)

    def around(self) -> Surroundings:
        env = {
            "HOME": str(self.folder),
            "POOLWATCH_CONFIG": str(self.config),
            "POOLWATCH_STATE_DIR": str(self.state_dir),
        }
        found = look_around(Options(), env)
        assert isinstance(found, Surroundings), found
        return found

    def use(self, key: int, user: str, dollars: int, at: datetime = _NOW - timedelta(days=2)) -> None:
        """So much was used, at a dollar for a million tokens."""
        account = AccountKey("codex", user, user).id
        tokens = Tokens(input=dollars * 10**6)
        event = UsageEvent(key=key, at=at.timestamp(), model="sol", tokens=tokens, account=account)
        UseBook(self.state_dir).take_events([event])

    async def measured(self, seconds: float = 0) -> BudgetReport | None:
        return await self.live.measured(_POOL, _NOW + timedelta(seconds=seconds))

    async def save(self, name: str | None, values: Mapping[str, str]) -> str | None:
        auditor = auditor_of(self.state_dir, {}, By.APP, lambda: _NOW)
        return await self.live.save(name, values, auditor)


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def spent(report: BudgetReport | None) -> dict[str, Decimal | None]:
    assert report is not None
    return {each.budget.name: each.measured.spent for each in report.budgets}


# --- when


async def test_they_are_measured_at_once_and_then_each_minute(desk: Desk) -> None:
    assert spent(await desk.measured()) == {"team": 8}
    for seconds in (1, 30, 59):
        assert await desk.measured(seconds) is None
    assert spent(await desk.measured(60)) == {"team": 8}


async def test_new_use_is_counted_within_ten_seconds_and_no_sooner(desk: Desk) -> None:
    await desk.measured()
    desk.use(3, "bob", 1)
    assert await desk.measured(9) is None
    assert spent(await desk.measured(10)) == {"team": 9}


async def test_a_clock_that_was_set_back_holds_up_nothing(desk: Desk) -> None:
    await desk.measured()
    assert spent(await desk.measured(-3600)) == {"team": 8}


async def test_a_budget_that_somebody_writes_into_the_file_counts_at_once(desk: Desk) -> None:
    await desk.measured()
    desk.config.write_text(desk.config.read_text() + '\n[[budgets]]\nname = "more"\nlimit = "$2"\n')
    assert spent(await desk.measured(1)) == {"team": 8, "more": 8}
    desk.config.write_text(_RATES)
    assert spent(await desk.measured(2)) == {}


async def test_a_file_in_which_something_is_wrong_changes_nothing(desk: Desk) -> None:
    await desk.measured()
    desk.config.write_text("[[budgets]]\nname = 5\n")
    assert spent(await desk.measured(60)) == {"team": 8}
    desk.config.unlink()
    assert spent(await desk.measured(120)) == {"team": 8}


async def test_where_use_cannot_be_read_what_was_spent_is_unknown(desk: Desk) -> None:
    (desk.state_dir / FILE_NAME).write_bytes(b"no database" * 1000)
    report = await desk.measured()
    assert spent(report) == {"team": None}
    assert report is not None
    assert not report.is_read
    assert report.budgets[0].level is None
    assert report.budgets[0].period.resets_at == datetime(2026, 12, 1, tzinfo=UTC)


# --- who


@pytest.mark.parametrize(
    ("by", "shares"),
    [
        (GroupBy.ACCOUNT, [(_ALICE.key.id, 6), (_BOB.key.id, 2)]),
        (GroupBy.GROUP, [("day", 6), ("night", 2)]),
        (GroupBy.MODEL, [("sol", 8)]),
    ],
)
async def test_who_spent_it_comes_to_what_was_spent(
    by: GroupBy, shares: list[tuple[str, int]], desk: Desk
) -> None:
    report = await desk.measured()
    assert report is not None
    found = await desk.live.shares(report.budgets[0], by, _POOL, _NOW)
    assert [(each.name, int(each.amount)) for each in found] == shares


async def test_a_part_of_a_budget_is_spent_by_whose_it_is(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _TEAM + 'each = "group"\nfilter = "model:sol"\n')
    report = await desk.measured()
    assert report is not None
    night = next(each for each in report.budgets if each.whose == "night")
    found = await desk.live.shares(night, GroupBy.ACCOUNT, _POOL, _NOW)
    assert [(each.name, int(each.amount)) for each in found] == [(_BOB.key.id, 2)]


# --- the form


async def test_what_nobody_saved_is_counted_and_not_written(desk: Desk) -> None:
    before = desk.config.read_bytes()
    budget = Budget("x", Limit(LimitUnit.USD, Decimal(4)), BudgetPeriod.MONTHLY, filter="group:day")
    tried = await desk.live.tried(budget, _POOL, _NOW)
    assert tried.wrong == {}
    assert tried.report is not None
    (state,) = tried.report.budgets
    assert (state.measured.spent, state.level) == (Decimal(6), Level.LIMIT)
    assert state.budget == budget
    assert desk.config.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"filter": "weekly>=80"}, "filter"),
        ({"filter": "@nobody"}, "filter"),
        ({"limit": Limit(LimitUnit.PERCENT, Decimal(80))}, "limit"),
        ({"name": "a\tb"}, "name"),
    ],
)
async def test_what_only_the_configuration_knows_is_told_by_its_key(
    changes: dict[str, object], key: str, desk: Desk
) -> None:
    usual: dict[str, object] = {
        "name": "x",
        "limit": Limit(LimitUnit.USD, Decimal(4)),
        "period": BudgetPeriod.MONTHLY,
    }
    budget = Budget(**{**usual, **changes})  # type: ignore[arg-type]  # fields by name
    tried = await desk.live.tried(budget, _POOL, _NOW)
    assert list(tried.wrong) == [key]
    assert "budgets[0]" not in tried.wrong[key]
    assert tried.report is None


async def test_a_saved_filter_of_the_file_may_stand_in_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, _TEAM + '\n[filters]\nnights = "group:night"\n')
    budget = Budget("x", Limit(LimitUnit.USD, Decimal(4)), BudgetPeriod.MONTHLY, filter="@nights")
    tried = await desk.live.tried(budget, _POOL, _NOW)
    assert tried.wrong == {}
    assert spent(tried.report) == {"x": 2}


async def test_a_change_keeps_comments_is_noted_and_counts_at_once(desk: Desk) -> None:
    await desk.measured()
    assert await desk.save("team", {"limit": "$16", "warn_at": "50, 75"}) is None
    text = desk.config.read_text()
    assert "# what all of us may spend" in text
    assert 'name = "team"   # everybody' in text
    assert 'limit = "$16"' in text
    assert desk.wanted.is_set()
    report = await desk.measured(1)
    assert report is not None
    (state,) = report.budgets
    assert (state.budget.limit.amount, state.level) == (Decimal(16), Level.WARNED)
    noted = (desk.state_dir / "audit.jsonl").read_text().splitlines()
    assert len(noted) == 2
    assert '"act":"budget_set"' in noted[0]
    assert '"what":["team","limit","warn_at"]' in noted[0]
    assert '"outcome":"done"' in noted[1]
    assert "$16" not in "".join(noted)


async def test_a_new_one_is_added_as_its_form_has_it(desk: Desk) -> None:
    budget = Budget(
        "nights", Limit(LimitUnit.USD, Decimal(4)), BudgetPeriod.WEEKLY, "group:night", 5, each=Each.ACCOUNT,
        warn_at=(),
    )  # fmt: skip
    assert await desk.save(None, assigned(form_of(None, ()), budget)) is None
    report = await desk.measured()
    assert report is not None
    assert [each.budget.name for each in report.budgets] == ["team", "nights"]
    assert report.budgets[-1].budget == budget


async def test_a_change_is_not_written_where_another_name_is_taken_or_a_value_is_wrong(desk: Desk) -> None:
    before = desk.config.read_bytes()
    assert "called team already" in (await desk.save(None, {"name": "team", "limit": "$5"}) or "")
    assert "must be above 0" in (await desk.save("team", {"limit": "much"}) or "")
    assert await desk.save("nobody", {"limit": "$5"}) is not None
    assert desk.config.read_bytes() == before
    assert not desk.wanted.is_set()
    # nothing was tried
    assert not (desk.state_dir / "audit.jsonl").exists()


async def test_what_the_disk_refuses_is_noted_with_why(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit, "write_whole", lambda path, *_, **__: FileProblem("file.unwritable", path))
    assert "cannot be written" in str(await desk.save("team", {"limit": "$16"}))
    noted = (desk.state_dir / "audit.jsonl").read_text().splitlines()
    assert len(noted) == 2
    assert '"codes":["not_written"]' in noted[1]
    assert '"outcome":"failed"' in noted[1]


# --- periods


async def test_a_period_that_has_ended_is_kept_once(desk: Desk) -> None:
    store = Store(desk.state_dir, _NOW)
    await store.ready()
    try:
        await desk.measured()
        await desk.live.end_periods(store, _POOL, _NOW)
        assert await store.ended_periods("team", None, 3) == ()
        december = datetime(2026, 12, 2, 9, tzinfo=UTC)
        for _ in range(2):
            await desk.live.end_periods(store, _POOL, december)
        (period,) = await store.ended_periods("team", None, 3)
        assert (period.spent, period.ended_at) == (Decimal(8), datetime(2026, 12, 1, tzinfo=UTC))
    finally:
        await store.aclose()
