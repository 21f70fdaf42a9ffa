"""What the simulated service reports by days: as much as balances lost, and as a real one reports it."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.demo.talk import usage
from tests.support.upstream import Upstream

from poolwatch.demo.account import Account
from poolwatch.demo.daily import daily_report
from poolwatch.demo.past import past_lines
from poolwatch.demo.pool import accounts
from poolwatch.demo.usage import Motion
from poolwatch.domain.workspace_usage import DaysReported
from poolwatch.sources.workspace_usage import parse_workspace_usage

START = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
TODAY = START.date()
OWN = {"workspace_user": "true"}
DAY = timedelta(days=1)


def account(label: str) -> Account:
    return next(each for each in accounts(1, 12) if each.label == label)


def report(label: str, *, later: timedelta = timedelta(0), **query: str) -> list[dict[str, Any]]:
    motion = Motion(START.timestamp(), (START + later).timestamp(), 1.0)
    rows: Any = daily_report(account(label), motion, {}, {**OWN, **query})["data"]
    return list(rows)


def lost(label: str) -> dict[date, float]:
    """What the balance fell by between two readings, by the day of the later one."""
    pool = [account(label)]
    found: dict[date, float] = defaultdict(float)
    told = [json.loads(line) for line in past_lines(pool, START.timestamp(), 1.0, UTC).splitlines()]
    for before, after in pairwise(told):
        fell = float(before["credits"]["balance"]) - float(after["credits"]["balance"])
        found[date.fromisoformat(after["at"][:10])] += max(0.0, fell)
    return found


@pytest.mark.parametrize("label", ["alice", "ops", "grace"])
def test_credits_are_what_the_balance_lost(label: str) -> None:
    fell = lost(label)
    rows = {date.fromisoformat(row["date"]): row["totals"]["credits"] for row in report(label)}
    whole = [day for day in rows if TODAY - 50 * DAY <= day < TODAY]
    said = [day for day in whole if rows[day]]
    assert len(said) > 25
    # readings do not fall on midnight: what one day loses of it, the next one has
    told, known = sum(rows[day] for day in said), sum(fell[day] for day in said)
    assert told == pytest.approx(known, rel=0.05)


def test_today_is_not_settled_and_some_days_have_no_credits() -> None:
    *before, today = report("alice")
    assert today["date"] == TODAY.isoformat()
    assert "text_total_tokens" not in today["totals"]
    assert all("text_total_tokens" in row["totals"] for row in before)
    unsaid = [row for row in before if not row["totals"]["credits"] and row["totals"]["text_total_tokens"]]
    assert unsaid
    assert all(model["credits"] == 0 for row in before for model in row["models"])


def test_the_last_day_that_is_asked_for_is_not_told() -> None:
    rows = report("alice", start_date="2026-11-10", end_date="2026-11-12")
    assert [row["date"] for row in rows] == ["2026-11-10", "2026-11-11"]
    assert report("alice", start_date="nonsense") == report("alice")


def test_without_its_own_mark_the_figures_are_those_of_everybody() -> None:
    own, everybody = report("alice")[-2]["totals"], report("alice", workspace_user="")[-2]["totals"]
    assert (own["users"], everybody["users"]) == (1, 5)
    assert everybody["credits"] == pytest.approx(5 * own["credits"], rel=0.01)


def test_what_goes_after_the_start_is_told_of_its_day() -> None:
    before, after = report("alice"), report("alice", later=timedelta(days=2))
    assert [row["date"] for row in after[len(before) :]] == ["2026-11-21", "2026-11-22"]
    began = len(before) - 1
    assert after[began]["totals"]["credits"] > before[began]["totals"]["credits"]
    assert "text_total_tokens" in after[began]["totals"]


def test_it_is_served_to_the_login_as_the_real_one_is(upstream: Upstream) -> None:
    path = "/backend-api/wham/analytics/daily-workspace-usage-counts"
    query = "?start_date=2026-11-14&end_date=2026-11-21&group_by=day&workspace_user=true"
    served = usage(upstream, "alice", path + query)
    assert served.status == 200
    found = parse_workspace_usage(served.body, TODAY)
    assert isinstance(found, DaysReported)
    assert [day.day for day in found.days] == [TODAY - back * DAY for back in range(6, -1, -1)]
    assert found.fresh_at == datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert usage(upstream, "carol", path).status == 401
    # who has no past has no days
    assert usage(upstream, "hana", path + query).json["data"] == []
