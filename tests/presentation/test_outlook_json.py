"""What lies ahead, for scripts: figures where they hold, else a code for why there are none."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, NoOutlook, PoolOutlook, Verdict
from poolwatch.domain.overview import overview
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.json_values import Json
from poolwatch.presentation.outlook_json import pool_ahead, window_forecast
from poolwatch.presentation.status_json import status_json
from tests.presentation.scene import FIVE_HOURS, NOW, WEEK, account, after, base, pool, window

BURN = AccountBurn(Burn(), Burn())
WEEKLY = Forecast(
    *("codex", "weekly", NOW, after(days=3), 54.0, 45.0, 66.0, 0.76),
    *(after(hours=20), after(hours=40), 18.0, 41.0),
)
IDLE = replace(WEEKLY, none_because=NoForecast.IDLE)
NONE: Json = {"at_reset": None, "runs_out": None, "pace": None, "none_because": None}


def told(state: AccountState, kind: str = "weekly") -> Json:
    view = overview(pool(state), NOW, PoolRules())
    return window_forecast(view.accounts[0], kind, view)


def ahead(forecast: Forecast, used: float = 30) -> AccountState:
    usage = Usage(base=base(window(used, WEEK, after(days=3)), window(9, FIVE_HOURS, after(hours=3))))
    return replace(account("a", usage), outlook=AccountOutlook(forecast.made_at, BURN, (forecast,)))


def test_a_forecast_that_holds() -> None:
    assert told(ahead(WEEKLY)) == {
        "at_reset": {"median_percent": 54.0, "low_percent": 45.0, "high_percent": 66.0, "coverage": 0.8},
        "runs_out": {
            "probability": 0.76,
            "earliest": "2026-11-21T09:03:00Z",
            "latest": "2026-11-22T05:03:00Z",
        },
        "pace": {"per_day_percent": 18.0, "even_percent": 41.0},
        "none_because": None,
    }


def test_at_this_hours_pace_there_is_no_interval() -> None:
    five = Forecast("codex", "5h", NOW, after(hours=3), 78.0)
    assert told(ahead(five), "5h") == {
        **NONE,  # type: ignore[dict-item]  # it is an object
        "at_reset": {"median_percent": 78.0, "low_percent": None, "high_percent": None, "coverage": None},
    }


def test_of_two_windows_of_one_kind_only_the_fuller_is_foretold() -> None:
    usage = Usage(base=base(window(10, WEEK, after(days=3)), window(30, WEEK, after(days=3))))
    state = pool(replace(account("a", usage), outlook=AccountOutlook(NOW, BURN, (WEEKLY,))))
    document = json.loads(status_json(overview(state, NOW, PoolRules()), state, NOW, mask=False))
    [found] = document["accounts"]
    told = {each["used_percent"]: each["forecast"] for each in found["windows"]}
    assert told[10] is None
    assert told[30]["at_reset"]["median_percent"] == 54.0


PACE: Json = {"per_day_percent": 18.0, "even_percent": 41.0}


@pytest.mark.parametrize(
    ("state", "kind", "why", "pace"),
    [
        (ahead(IDLE), "weekly", "idle", PACE),
        (ahead(WEEKLY, used=100), "weekly", "full", PACE),
        (ahead(replace(WEEKLY, made_at=NOW - timedelta(hours=2, minutes=1))), "weekly", "old", None),
        (ahead(replace(WEEKLY, resets_at=NOW - timedelta(minutes=1))), "weekly", "due", None),
        (ahead(replace(WEEKLY, made_at=NOW - timedelta(hours=3)), used=100), "weekly", "full", None),
        # of the window that was there before, also where nothing was foretold of that
        (ahead(replace(IDLE, resets_at=NOW - timedelta(minutes=1))), "weekly", "due", None),
        (ahead(replace(IDLE, resets_at=after(days=1))), "weekly", "idle", None),
        (ahead(WEEKLY), "5h", "none", None),
    ],
)
def test_why_there_is_none(state: AccountState, kind: str, why: str, pace: Json) -> None:
    assert told(state, kind) == {
        "at_reset": None, "runs_out": None, "pace": pace, "none_because": why,
    }  # fmt: skip


def test_what_was_never_worked_out_is_null() -> None:
    assert told(replace(ahead(WEEKLY), outlook=None)) is None


def burned_at(minutes: int) -> PoolBurn:
    return PoolBurn(Burn(last_hour=0.9), Burn(today=Decimal("212.50")), made_at=after(minutes=minutes))


POOL = PoolOutlook(NOW, burned_at(0), relief_at=after(hours=30))


def of_pool(outlook: PoolOutlook | None) -> dict[str, Json]:
    return pool_ahead(overview(pool(), NOW, PoolRules()), outlook)


def test_the_pool() -> None:
    found = of_pool(replace(POOL, verdict=Verdict.MAY_RUN_DRY, dry_probability=0.3, weekly_left_percent=61.0))
    assert found["outlook"] == {
        "verdict": "may_run_dry",
        "relief_at": "2026-11-21T19:03:00Z",
        "dry_probability": 0.3,
        "weekly_left_percent": 61.0,
        "none_because": None,
    }
    assert found["burn"] == {
        "credits_last_hour": None,
        "credits_last_24h": None,
        "credits_today": "212.50",
        "credits_since_start": None,
        "started_at": None,
        "weekly_percent_per_hour": 0.9,
    }


@pytest.mark.parametrize(
    ("outlook", "why", "has_burn"),
    [
        (replace(POOL, none_because=NoOutlook.TOO_MANY), "too_many", True),
        (replace(POOL, verdict=Verdict.LASTS, made_at=NOW - timedelta(hours=3)), "old", True),
        (replace(POOL, none_because=NoOutlook.TOO_FEW, burn=burned_at(minutes=-16)), "too_few", False),
        # it was dated by a clock that was set back since
        (replace(POOL, made_at=after(hours=1), burn=burned_at(minutes=60)), "old", False),
        (
            replace(POOL, none_because=NoOutlook.TOO_FEW, burn=replace(POOL.burn, made_at=None)),
            "too_few",
            False,
        ),
        (replace(POOL, verdict=Verdict.LASTS, relief_at=NOW), "due", True),
    ],
)
def test_why_nothing_is_foretold_of_the_pool(outlook: PoolOutlook, why: str, has_burn: bool) -> None:
    found = of_pool(outlook)
    assert isinstance(found["outlook"], dict)
    assert (found["outlook"]["verdict"], found["outlook"]["none_because"]) == ("unknown", why)
    assert (found["burn"] is not None) is has_burn
    assert of_pool(None) == {"burn": None, "outlook": None}
