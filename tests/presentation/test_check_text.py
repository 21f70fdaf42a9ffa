"""What `check` prints: lines for people, and the JSON that a golden file pins."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.account import Name
from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetPeriod,
    BudgetState,
    Each,
    Level,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
)
from poolwatch.domain.check import Check, Checked, Verdict, both, of_account, of_budgets
from poolwatch.domain.status import PoolRules, judge
from poolwatch.domain.values import replace
from poolwatch.presentation.check_text import CheckWords, check_json, spent_text
from poolwatch.presentation.view import Prefs
from tests.domain.test_check import account_of

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
RULES = PoolRules()
ZONE = timezone(timedelta(hours=1), "CET")
ANN = replace(account_of(), name=Name("ann", "east"))
TOLD = CheckWords({ANN.key.id: ANN}, Prefs(RULES, zone=ZONE), NOW, NOW)
HIDDEN = replace(TOLD, prefs=replace(TOLD.prefs, mask=True))

DOLLARS = Limit(LimitUnit.USD, Decimal(300))
TOKENS = Limit(LimitUnit.TOKENS, Decimal(5_000_000))
CREDITS = Limit(LimitUnit.CREDITS, Decimal(250))
WEEK = Limit(LimitUnit.PERCENT, Decimal(80))


def budget_state(
    spent: str | None,
    level: Level | None,
    *,
    name: str = "team",
    limit: Limit = DOLLARS,
    each: Each | None = None,
    whose: str | None = None,
    by: MeasuredBy = MeasuredBy.USAGE,
    ago: timedelta | None = timedelta(minutes=3),
    at_least: bool = False,
    estimated: str = "0",
    resets: bool = True,
    grace_until: datetime | None = None,
) -> BudgetState:
    measured = Measured(
        by,
        None if spent is None else Decimal(spent),
        Decimal(estimated),
        at_least,
        None if ago is None else NOW - ago,
    )
    period = BudgetPeriod.MONTHLY if resets else BudgetPeriod.NEVER
    ends = Period(NOW - timedelta(days=20), NOW + timedelta(days=10, hours=2)) if resets else Period()
    budget = Budget(name, limit, period, each=each, at_limit=AtLimit.STOP)
    return BudgetState(budget, ends, measured, level, whose, grace_until=grace_until)


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (
            # of whom nobody knows, nothing is told to be 0
            budget_state("0", Level.OK, each=Each.USER),
            "go  budget team: no user is known that spent any of it, resets Fri 11 Dec 15:00 CET, in 10d 2h;"
            " usage read 3m ago",
        ),
        (
            budget_state("276.104", Level.WARNED),
            "go  budget team: $276.10 of $300, resets Fri 11 Dec 15:00 CET, in 10d 2h; usage read 3m ago",
        ),
        (
            budget_state("310", Level.STOPPED, at_least=True, estimated="12.5"),
            "stop  budget team: at least $310.00 of $300, $12.50 of it estimated, at least $10.00 over,"
            " until Fri 11 Dec 15:00 CET, in 10d 2h; usage read 3m ago",
        ),
        (
            budget_state("300", Level.STOPPED, resets=False, ago=None),
            "stop  budget team: $300.00 of $300, exactly at the limit, it never resets: raise the"
            " limit; session files not read to their end",
        ),
        (
            budget_state("300", Level.STOPPED, resets=False, at_least=True),
            "stop  budget team: at least $300.00 of $300, at the limit or over it, it never resets: raise"
            " the limit; usage read 3m ago",
        ),
        # what is below its limit is not told as that limit
        (
            budget_state("299.9951", Level.WARNED, resets=False),
            "go  budget team: $299.9951 of $300; usage read 3m ago",
        ),
        (
            budget_state("301", Level.GRACE, grace_until=NOW + timedelta(hours=2)),
            "go  budget team: $301.00 of $300, over, in grace until Tue 15:00 CET, in 2h; usage read 3m ago",
        ),
        (
            budget_state("5000001", Level.STOPPED, limit=TOKENS, name="", resets=False),
            "stop  this limit: 5.00M of 5M tokens, 1 over, it never resets: raise the"
            " limit; usage read 3m ago",
        ),
        (
            budget_state("1", Level.OK, limit=CREDITS, by=MeasuredBy.BALANCE, resets=False),
            "go  budget team: 1.00 of 250 credits; balances read 3m ago",
        ),
        (
            budget_state(
                "72.5",
                Level.OK,
                limit=WEEK,
                by=MeasuredBy.WINDOW,
                each=Each.ACCOUNT,
                whose=ANN.key.id,
                resets=False,
            ),
            "go  budget team: east/ann: 73% of 80% of the week; limits read 3m ago",
        ),
    ],
)
def test_a_budget_s_line(state: BudgetState, line: str) -> None:
    assert TOLD.answer(of_budgets([state], NOW, RULES)) == [line]


def test_only_what_the_verdict_rests_on_is_told() -> None:
    stop, go = budget_state("310", Level.STOPPED), budget_state("1", Level.OK, name="other")
    unknown = budget_state(None, None, name="third")
    old = budget_state("7", Level.OK, name="fourth", ago=timedelta(hours=3))
    never = budget_state(None, None, name="fifth", ago=None)
    assert len(TOLD.answer(of_budgets([go, stop, unknown], NOW, RULES))) == 1
    doubtful = of_budgets([go, unknown, old, never], NOW, RULES)
    assert [line.split(":")[0] for line in TOLD.answer(doubtful)] == ["go  budget other"]
    assert TOLD.doubts(doubtful, "USAGE", "STATUS") == [
        "budget third; usage read 3m ago; its figures are unknown; USAGE says why",
        "budget fourth: $7.00 of $300; usage read 3h ago, which is too old; USAGE reads it anew",
        "budget fifth: session files were not read to their end yet; USAGE reads them",
    ]


def test_of_many_the_first_are_told() -> None:
    states = [budget_state("310", Level.STOPPED, name=f"b{number}") for number in range(13)]
    lines = TOLD.answer(of_budgets(states, NOW, RULES))
    assert [line.split(":")[0] for line in lines[:2]] == ["stop  budget b0", "stop  budget b1"]
    assert (len(lines), lines[-1]) == (11, "and 3 more")
    old = of_budgets(
        [
            replace(each, level=Level.OK, measured=budget_state("1", None, ago=None).measured)
            for each in states
        ],
        NOW,
        RULES,
    )
    assert TOLD.doubts(old, "USAGE", "STATUS")[-1] == "and 3 more"


def test_an_account_s_line() -> None:
    def line(found: Checked) -> str:
        return TOLD.finding(found)

    def of(**more: object) -> Checked:
        return of_account(judge(account_of(**more), NOW, RULES), NOW)  # type: ignore[arg-type]

    assert line(of()) == "bob: active; read 1m ago"
    used_up = of(allowed=False, resets_in=timedelta(hours=2))
    assert line(used_up) == "bob: exhausted: 5h limit, until Tue 15:00 CET, in 2h; read 1m ago"
    assert line(of(disabled=True)) == "bob: disabled; read 1m ago"


def test_masked_it_tells_nobody() -> None:
    by_account = budget_state("1", Level.OK, each=Each.ACCOUNT, whose=ANN.key.id)
    by_user = budget_state("1", Level.OK, name="bob@example.com", each=Each.USER, whose="ann@example.com")
    ends = of_account(judge(account_of(), NOW, RULES), NOW)
    answer = both(of_budgets([by_account, by_user], NOW, RULES), Check(NOW, ends.verdict, (ends,)))
    told = "\n".join(HIDDEN.answer(answer)) + check_json(answer, HIDDEN, 0)
    assert "example.com" in check_json(answer, TOLD, 0)
    assert "example.com" not in told


@pytest.mark.parametrize(
    ("limit", "spent", "text"),
    [
        (DOLLARS, "0", "$0.00"),
        (DOLLARS, "0.004", "<$0.01"),
        (DOLLARS, "1234567.1", "$1,234,567.10"),
        (DOLLARS, "299.994", "$299.99"),
        (DOLLARS, "299.9951", "$299.9951"),
        (DOLLARS, "300", "$300.00"),
        (CREDITS, "249.999", "249.999"),
        (TOKENS, "4999999", "4,999,999"),
        (TOKENS, "4800000", "4.80M"),
        (WEEK, "79.7", "79.70%"),
    ],
)
def test_what_is_below_its_limit_is_not_told_as_that(limit: Limit, spent: str, text: str) -> None:
    assert spent_text(limit, Decimal(spent)) == text


def test_in_json_what_nobody_is_known_to_have_spent_is_null() -> None:
    answer = of_budgets([budget_state("0", Level.OK, each=Each.USER)], NOW, RULES)
    (row,) = json.loads(check_json(answer, TOLD, 0))["budgets"]
    assert (row["verdict"], row["for"], row["spent"], row["level"]) == ("go", None, None, None)


def test_the_json_is_the_golden_file() -> None:
    states = [
        budget_state("310.000000000001", Level.STOPPED, estimated="1"),
        budget_state("72.5", Level.OK, limit=WEEK, by=MeasuredBy.WINDOW, each=Each.ACCOUNT, whose=ANN.key.id),
        budget_state(None, None, name="", ago=None, resets=False),
        budget_state("301", Level.GRACE, at_least=True, grace_until=NOW + timedelta(hours=2)),
    ]
    accounts = tuple(
        of_account(judge(account, NOW, RULES), NOW)
        for account in (
            account_of(),
            account_of(None),
            account_of(allowed=False, resets_in=timedelta(hours=2)),
        )
    )
    answer = both(of_budgets(states, NOW, RULES), Check(NOW, Verdict.GO, accounts))
    assert states[0].over_by == Decimal("10.000000000001")
    text = check_json(answer, TOLD, 5)
    path = Path(__file__).parent / "golden" / "check.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
