"""`budgets --json`, a contract: the golden file has it whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.budget_judge import judged
from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetForecast,
    BudgetPeriod,
    BudgetReport,
    BudgetState,
    Each,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
    grace_of,
)
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import Origin
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budgets_json import budgets_json
from tests.presentation.test_history_json import is_golden

_D = Decimal
_NOW = datetime(2026, 11, 20, 13, 3, 5, 123456, tzinfo=UTC)
_MONTH = Period(datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC))
_ALICE = AccountState(AccountKey("codex", "u1", "u1"), name=Name("alice@example.com", "team"))
_NAMES = AccountNames({"a1": _ALICE})


def _at(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


_TEAM = Budget(
    "team",
    Limit(LimitUnit.USD, _D(300)),
    BudgetPeriod.MONTHLY,
    "group:team",
    time_zone="Europe/Berlin",
    grace=grace_of("2h"),
    at_limit=AtLimit.STOP,
)
_STEPS = ((_at(3, 9), _D("100.5")), (_at(14, 15), _D("230")), (_at(20, 12), _D("312.345678901234")))


def _states() -> tuple[BudgetState, ...]:
    spent = Measured(
        MeasuredBy.USAGE,
        _STEPS[-1][1],
        _D("8.28"),
        at_least=True,
        read_at=_at(20, 13),
        steps=_STEPS,
        origins=tuple(Origin),
    )
    team = replace(
        judged(_TEAM, _MONTH, spent, _NOW),
        forecast=BudgetForecast(_D("372.0000001"), _D(400), _D("431.5"), None, None),
    )
    tokens = Budget("nightly", Limit(LimitUnit.TOKENS, _D(5_000_000)), BudgetPeriod.DAILY, each=Each.GROUP)
    nightly = replace(
        judged(tokens, _MONTH, Measured(MeasuredBy.USAGE, _D(1_200_000)), _NOW, "night"),
        forecast=BudgetForecast(_D(1), _D(2), _D(3), _at(21, 1), _at(22, 1)),
    )
    people = Budget("people", Limit(LimitUnit.CREDITS, _D("250.5")), BudgetPeriod.NEVER, each=Each.ACCOUNT)
    window = Budget("week", Limit(LimitUnit.PERCENT, _D(80)), BudgetPeriod.WEEKLY)
    return (
        team,
        nightly,
        judged(people, Period(), Measured(MeasuredBy.BALANCE, _D("0.5"), accounts=("a1",)), _NOW, "a1"),
        judged(people, Period(), Measured(MeasuredBy.BALANCE, _D("250.5")), _NOW, "gone"),
        judged(replace(people, each=Each.USER), Period(), Measured(MeasuredBy.USAGE, _D(0)), _NOW, "ann"),
        judged(window, Period(None, _at(22, 0)), Measured(MeasuredBy.WINDOW, _D(80)), _NOW, "a1"),
        judged(window, Period(), Measured(MeasuredBy.WINDOW), _NOW),
    )


def test_the_document_is_the_golden_file() -> None:
    assert is_golden("budgets.json", budgets_json(BudgetReport(_NOW, _states()), _NAMES, "CET"))


def test_the_keys_of_the_contract_come_first() -> None:
    found = json.loads(budgets_json(BudgetReport(_NOW, _states()), _NAMES, "CET"))
    assert list(found) == ["schema", "generated_at", "zone", "budgets"]
    assert found["schema"] == "poolwatch.budgets/1"
    assert list(found["budgets"][0])[:17] == [
        *("name", "for", "filter", "limit", "unit", "period", "period_started_at", "resets_at", "spent"),
        *("remaining", "used_percent", "level", "blocking", "grace_until", "forecast", "measured_by"),
        "estimated",
    ]


def test_amounts_are_strings_and_what_is_unknown_is_null() -> None:
    team, nightly, alice, gone, ann, week, nobody = json.loads(
        budgets_json(BudgetReport(_NOW, _states()), _NAMES, "CET")
    )["budgets"]
    assert (team["spent"], team["remaining"], team["over_by"]) == (
        "312.345678901234",
        "0.00",
        "12.345678901234",
    )
    assert (team["level"], team["blocking"], team["grace_until"]) == ("grace", False, "2026-11-20T14:00:00Z")
    assert team["forecast"]["low"] == "372.00"
    assert (nightly["limit"], nightly["spent"], nightly["used_percent"]) == ("5000000", "1200000", 24.0)
    assert alice["for"] == {"each": "account", "name": "alice@example.com", "account": "a1"}
    assert gone["for"]["account"] == "gone"
    assert (ann["for"], ann["spent"]) == ({"each": "user", "name": "ann", "account": None}, "0")
    assert (week["for"]["account"], week["level"], week["over_by"]) == ("a1", "limit", "0")
    assert [nobody[key] for key in ("for", "spent", "remaining", "used_percent", "level", "estimated")] == [
        None
    ] * 6


def test_masked_it_tells_nobody() -> None:
    states = (*_states(), replace(_states()[0], budget=replace(_TEAM, name="x", filter="bob@example.com")))
    hidden = budgets_json(BudgetReport(_NOW, states), AccountNames({"a1": _ALICE}, mask=True), "CET")
    assert "example.com" not in hidden
    assert '"ann"' not in hidden
