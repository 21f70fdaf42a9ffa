"""The contract of `status --json`, pinned: the twenty example answers as one pool.

After a change that is meant: UPDATE_GOLDEN=1 pytest tests/e2e/test_golden_json.py, and read the diff.
Keys may be added; none may go, change its name or its type.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from poolwatch.domain.account import AccountKey, Listing, SourceRef, TokenFacts
from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.events import Listed, LookedAhead, ReadingArrived
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook, Verdict
from poolwatch.domain.overview import overview
from poolwatch.domain.pool import apply
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import WEEKLY
from poolwatch.domain.values import replace
from poolwatch.presentation.status_json import status_json
from poolwatch.sources.usage_payload import parse_usage
from tests.cli.desk import Json, at, rows

AT = datetime(2026, 11, 20, 21, tzinfo=UTC)
PAYLOADS = Path(__file__).parent.parent / "payloads"
GOLDEN = Path(__file__).parent / "golden" / "status.json"
NUMBERS = [f"{number:02}" for number in range(1, 21)]


def pool() -> PoolState:
    listings = tuple(
        Listing(
            SourceRef("files", f"/pool/{number}.json"),
            user_id=f"user-{number}",
            account_id=f"acct-{number}",
            email=f"n{number}@example.com",
            label=number,
            token=TokenFacts(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 17, tzinfo=UTC), number),
        )
        for number in NUMBERS
    )
    state = apply(PoolState(), Listed("files", listings, AT))
    for number in NUMBERS:
        [path] = PAYLOADS.glob(f"{number}-*.json")
        key = AccountKey("codex", f"user-{number}", f"acct-{number}")
        state = apply(state, ReadingArrived(key, "files", AT, parse_usage(path.read_bytes(), AT)))
    return apply(state, ahead_of(state))


def ahead_of(state: PoolState) -> LookedAhead:
    """What was worked out of the first accounts that have a weekly window, and of the pool."""
    weekly = {
        account.key: window
        for account in state.accounts.values()
        for window in account.usage.windows
        if window.kind == WEEKLY and window.resets_at is not None and window.resets_at > AT
    }
    burn = AccountBurn(Burn(last_hour=0.6), Burn(last_24h=Decimal("3.10")))
    lasts = Forecast("codex", WEEKLY, AT, None, 54.0, 45.0, 66.0, 0.01, pace_per_day=18.0, even_percent=41.0)
    out = replace(
        lasts,
        out_probability=0.76,
        out_earliest=AT + timedelta(hours=20),
        out_latest=AT + timedelta(hours=40),
    )
    idle = Forecast("codex", WEEKLY, AT, pace_per_day=12.5, none_because=NoForecast.IDLE)
    made = zip(weekly.items(), (lasts, out, idle), strict=False)
    accounts = {
        key: AccountOutlook(AT, burn, (replace(forecast, resets_at=window.resets_at),))
        for (key, window), forecast in made
    }
    pool = PoolOutlook(
        AT - timedelta(minutes=5),
        PoolBurn(Burn(last_hour=0.9), Burn(last_hour=Decimal("41.5"), today=Decimal(212)), AT, AT),
        Verdict.LASTS,
        relief_at=AT + timedelta(hours=30),
        dry_probability=0.04,
        weekly_left_percent=61.0,
    )
    return LookedAhead(accounts, pool)


def rendered() -> str:
    state, rules = pool(), PoolRules()
    return status_json(overview(state, AT, rules), state, AT, mask=False)


def labelled(document: Json) -> dict[str, Json]:
    return {str(row["label"]): row for row in rows(document, "accounts")}


def test_it_is_the_golden_text() -> None:
    text = rendered()
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_pool_of_all_twenty() -> None:
    document: Json = json.loads(rendered())
    found = at(document, "pool")
    ids = {label: at(row, "id") for label, row in labelled(document).items()}
    assert at(document, "schema") == "poolwatch.status/1"
    assert at(document, "generated_at") == "2026-11-20T21:00:00Z"
    assert at(document, "credits_per_usd") == "25"
    assert [at(found, name) for name in ("accounts", "active", "exhausted", "needs_you", "stale")] == [
        20, 14, 5, 0, 0,
    ]  # fmt: skip
    assert at(found, "by_status") == {"active": 14, "exhausted": 5, "unknown": 1}
    assert at(found, "credits") == {
        "total": "1775.514225",
        "usd": "71.02",
        "accounts": 6,
        "unlimited": 1,
        "unknown": 4,
        "stale": "0.00",
    }
    assert at(found, "highest_weekly") == {
        "account": ids["07"],
        "label": "07",
        "used_percent": 100.0,
        "resets_at": "2026-11-23T05:00:00Z",
        "more_full": 2,
    }
    assert at(found, "next_reset") == {
        "account": ids["11"],
        "label": "11",
        "window": "5h",
        "resets_at": "2026-11-20T21:10:00Z",
    }
    assert at(found, "next_back") == {"account": ids["11"], "label": "11", "until": "2026-11-20T21:10:00Z"}


def test_the_accounts_that_say_most() -> None:
    found = labelled(json.loads(rendered()))
    assert at(found["01"], "credits") == {
        "has_credits": False,
        "unlimited": False,
        "overage_limit_reached": False,
        "balance": "0",
        "usd": "0.00",
    }
    assert [at(found["02"], "credits", name) for name in ("balance", "usd")] == ["394.7967250000", "15.79"]
    assert [at(found["03"], "credits", name) for name in ("balance", "usd")] == ["1234.5600", "49.38"]
    assert [at(found["05"], "credits", name) for name in ("balance", "usd")] == ["0.4075000000", "0.02"]
    assert [at(found["05"], name) for name in ("status", "reason", "until")] == [
        "exhausted",
        "weekly",
        "2026-11-22T21:00:00Z",
    ]
    unlimited = [at(found["04"], "credits", name) for name in ("unlimited", "balance", "usd")]
    assert unlimited == [True, None, None]
    assert [(row["bucket"], row["kind"], row["limit_reached"]) for row in rows(found["08"], "windows")] == [
        ("codex", "5h", False),
        ("codex", "weekly", False),
        ("code_review", "weekly", False),
        ("base_model_inference", "daily", False),
        ("codex_bengalfox", "5h", True),
        ("codex_bengalfox", "weekly", False),
    ]
    assert at(found["09"], "spend_control") == {
        "reached": False,
        "limits": [
            {
                "kind": "individual",
                "limit": "400.00",
                "used": "131.2500",
                "remaining": "268.7500",
                "used_percent": 33.0,
                "resets_at": "2026-12-01T00:00:00Z",
            }
        ],
    }
    assert [at(found["10"], name) for name in ("reason", "until")] == [
        "spend_control",
        "2026-12-01T00:00:00Z",
    ]
    assert [row["used_percent"] for row in rows(found["13"], "windows")] == [5.5, 0.25]
    assert [row["used_percent"] for row in rows(found["14"], "windows")] == [107.0, 100.0]
    malformed = found["16"]
    assert [at(malformed, name) for name in ("status", "section", "read_at", "credits")] == [
        "unknown",
        "rest",
        None,
        None,
    ]
    assert at(malformed, "trouble", "kind") == "malformed"
    assert [(row["kind"], row["window_seconds"]) for row in rows(found["18"], "windows")] == [
        ("5h", 18000),
        ("unknown", None),
    ]
    assert at(found["20"], "credits") is None


def test_no_figure_is_a_text_and_no_money_a_number() -> None:
    document: Json = json.loads(rendered())
    for row in rows(document, "accounts"):
        for window in rows(row, "windows"):
            assert isinstance(window["used_percent"], float)
        credits = row["credits"]
        if credits is not None:
            assert isinstance(at(credits, "balance"), str | None)
            assert isinstance(at(credits, "usd"), str | None)
