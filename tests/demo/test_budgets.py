"""The budgets of the simulated pool: near their limits by what poolwatch makes of the session files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from poolwatch.config.load import load_text
from poolwatch.config.rate_card import rate_card
from poolwatch.config.settings import Settings
from poolwatch.demo.account import DAY
from poolwatch.demo.budgets import budgets_of, cost_of
from poolwatch.demo.files import add_budgets
from poolwatch.demo.session_shapes import Plan
from poolwatch.demo.sessions import Folder
from poolwatch.demo.truth import QUARTER, Cell, Spent, Truth, Use
from poolwatch.domain.budgets import AtLimit
from poolwatch.domain.tokens import Tier, Tokens

#: When all models of the session files are offered at the prices of the card.
START: Final = datetime(2026, 12, 1, 10, 25, tzinfo=UTC).timestamp()
PLAIN: Final = Settings()


def settings_of(text: str) -> Settings:
    found = load_text(text, Path("/config.toml"), {"HOME": "/"}, {})
    assert isinstance(found, Settings), found
    return found


def by_the_card(cell: Cell, spent: Spent) -> float | None:
    """What poolwatch makes of it."""
    day = datetime.fromtimestamp(cell.quarter * QUARTER, UTC).date()
    tokens, kind = Tokens(*spent.use), (Tier(cell.tier), cell.long_context)
    price = rate_card(PLAIN).price(cell.model, day, *kind, tokens, spent.requests)
    return None if price.pico is None else price.pico / 1e12


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    folder = Folder(tmp_path_factory.mktemp("home"), "budgets", Plan(START, bulk=0.03, turns=2, fat=0.002))
    for _ in folder.threads(400_000):
        pass
    return folder.truth


def test_a_request_costs_what_the_rate_card_says(truth: Truth) -> None:
    month = [each for each in truth.cells.items() if each[0].quarter * QUARTER > START - 31 * DAY]
    assert len(month) > 10
    for cell, spent in month:
        assert cost_of(cell, spent) == pytest.approx(by_the_card(cell, spent) or 0.0, abs=1e-9), cell


@pytest.mark.parametrize("tier", ["fast", "standard", "unknown"])
@pytest.mark.parametrize("long_context", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        "gpt-6-sol", "gpt-6.1-terra", "gpt-5.6-sol", "gpt-6-luna", "gpt-5.5", "gpt-5.4", "gpt-6-astra",
        "gpt-5.3-codex", "gpt-5.3-codex-spark", "codex-auto-review", "nobody",
    ],
)  # fmt: skip
def test_so_does_each_model_in_each_tier(model: str, tier: str, long_context: bool) -> None:
    cell = Cell(int(START) // QUARTER, model, tier, long_context)
    spent = Spent(3, Use(900_000, 600_000, 10_000, 40_000, 1_000))
    assert cost_of(cell, spent) == pytest.approx(by_the_card(cell, spent) or 0.0)


def test_one_of_them_is_at_92_percent(truth: Truth) -> None:
    team, fast = settings_of(budgets_of([truth], START)).budgets
    started = datetime.fromtimestamp(START).astimezone().date()
    assert team.starts_on == fast.starts_on
    assert (started.day - (team.starts_on or 0)) % 30 in (19, 20, 21)
    since = START - 21 * DAY
    costs = [
        (cost_of(cell, spent), cell) for cell, spent in truth.cells.items() if cell.quarter * QUARTER >= since
    ]
    spent = sum(cost for cost, _ in costs)
    assert 0.9 < spent / float(team.limit.amount) < 1
    assert team.budget.at_limit is AtLimit.STOP
    part = sum(cost for cost, cell in costs if cell.tier == "fast")
    assert 0.4 < part / float(fast.limit.amount) < 0.6


def test_they_are_written_once_and_only_where_files_cost_anything(tmp_path: Path, truth: Truth) -> None:
    config = tmp_path / "config.toml"
    config.write_text('pool_name = "demo"\n')
    assert budgets_of([Truth()], START) == ""
    add_budgets(tmp_path, "")
    assert config.read_text() == 'pool_name = "demo"\n'
    tables = budgets_of([truth], START)
    add_budgets(tmp_path, tables)
    once = config.read_text()
    add_budgets(tmp_path, tables)
    assert config.read_text() == once
    assert config.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in settings_of(once).budgets] == ["team", "fast"]
    add_budgets(tmp_path / "gone", tables)
