"""The twenty example answers, and what each must become at 2026-11-20T21:00:00Z."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.account import AccountKey, Listing, SourceRef, TokenFacts
from poolwatch.domain.events import Listed, ReadingArrived
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.overview import overview, usd
from poolwatch.domain.pool import apply
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules, Section, Status, derive_status
from poolwatch.domain.usage import Bucket, ResetCredits, SpendLimit, Unsaid, UsageSnapshot, window_kind
from poolwatch.sources.usage_payload import parse_usage

AT = datetime(2026, 11, 20, 21, tzinfo=UTC)
PAYLOADS = Path(__file__).parent.parent / "payloads"
RULES = PoolRules()


def when(text: str) -> datetime:
    """An instant from `MM-DDTHH:MM:SS`."""
    return datetime.fromisoformat(f"2026-{text}+00:00")


def body(number: str) -> bytes:
    [path] = PAYLOADS.glob(f"{number}-*.json")
    return path.read_bytes()


def snapshot(number: str) -> UsageSnapshot:
    found = parse_usage(body(number), AT)
    assert isinstance(found, UsageSnapshot)
    return found


def pool() -> PoolState:
    numbers = [f"{number:02}" for number in range(1, 21)]
    listings = tuple(
        Listing(
            SourceRef("files", number),
            user_id=f"user-{number}",
            account_id=f"acct-{number}",
            label=number,
            token=TokenFacts(fingerprint=number),
        )
        for number in numbers
    )
    state = apply(PoolState(), Listed("files", listings, AT))
    for number in numbers:
        state = apply(state, ReadingArrived(key_of(number), "files", AT, parse_usage(body(number), AT)))
    return state


def key_of(number: str) -> AccountKey:
    return AccountKey("codex", f"user-{number}", f"acct-{number}")


Windows = list[tuple[str, float, str]]


@dataclass(frozen=True)
class Row:
    """What one answer becomes: status, base windows, balance as text, its USD, whether there is a row."""

    status: Status
    reason: str | None = None
    until: str | None = None
    windows: Windows | None = None
    balance: str | None = None
    usd: str | None = None
    shown: bool = False
    unknown: bool = False


ACTIVE, EXHAUSTED = Status.ACTIVE, Status.EXHAUSTED
ROWS = {
    "01": Row(
        ACTIVE,
        windows=[("5h", 34, "11-20T23:01:00"), ("weekly", 18, "11-25T15:00:00")],
        balance="0",
        usd="0.00",
    ),
    "02": Row(
        ACTIVE,
        windows=[("5h", 61, "11-20T22:00:00"), ("weekly", 47, "11-23T21:00:00")],
        balance="394.7967250000",
        usd="15.79",
        shown=True,
    ),
    "03": Row(
        ACTIVE,
        windows=[("5h", 12, "11-21T01:10:00"), ("weekly", 4, "11-27T16:53:20")],
        balance="1234.5600",
        usd="49.38",
        shown=True,
    ),
    "04": Row(ACTIVE, windows=[], shown=True),
    "05": Row(
        EXHAUSTED,
        "weekly",
        "11-22T21:00:00",
        windows=[("5h", 100, "11-20T22:30:00"), ("weekly", 100, "11-22T21:00:00")],
        balance="0.4075000000",
        usd="0.02",
        shown=True,
    ),
    "06": Row(ACTIVE, windows=[("weekly", 72, "11-24T09:00:00")]),
    "07": Row(
        EXHAUSTED,
        "weekly",
        "11-23T05:00:00",
        windows=[("weekly", 100, "11-23T05:00:00")],
        balance="0",
        usd="0.00",
    ),
    "08": Row(
        ACTIVE,
        windows=[("5h", 22, "11-20T23:30:00"), ("weekly", 9, "11-27T03:00:00")],
        balance="88.5",
        usd="3.54",
        shown=True,
    ),
    "09": Row(ACTIVE, windows=[], shown=True, unknown=True),
    "10": Row(EXHAUSTED, "spend_control", "12-01T00:00:00", windows=[], shown=True, unknown=True),
    "11": Row(
        EXHAUSTED,
        "credits",
        "11-20T21:10:00",
        windows=[("5h", 100, "11-20T21:10:00"), ("weekly", 83, "11-21T22:00:00")],
        balance="0",
        usd="0.00",
    ),
    "12": Row(
        ACTIVE,
        windows=[("5h", 10, "11-21T00:20:00"), ("weekly", 10, "11-24T08:20:00")],
        shown=True,
        unknown=True,
    ),
    "13": Row(
        ACTIVE,
        windows=[("5h", 5.5, "11-21T00:20:00"), ("weekly", 0.25, "11-24T08:20:00")],
        balance="50.25",
        usd="2.01",
        shown=True,
    ),
    "14": Row(
        EXHAUSTED,
        "weekly",
        "11-20T20:59:00",
        windows=[("5h", 107, "11-20T19:53:20"), ("weekly", 100, "11-20T20:59:00")],
        shown=True,
        unknown=True,
    ),
    "15": Row(ACTIVE, windows=[("5h", 100, "11-20T21:15:00"), ("weekly", 41, "11-23T04:33:20")]),
    "16": Row(Status.UNKNOWN, windows=[]),
    "17": Row(ACTIVE, windows=[("monthly", 63, "12-08T05:40:00")]),
    "18": Row(
        ACTIVE,
        windows=[("5h", 44, "11-20T22:23:00"), ("unknown", 71, "11-21T21:00:00")],
        balance="7",
        usd="0.28",
        shown=True,
    ),
    "19": Row(ACTIVE, windows=[]),
    "20": Row(ACTIVE, windows=[("5h", 100, "11-20T21:20:00"), ("weekly", 100, "11-21T16:26:40")]),
}


@pytest.mark.parametrize("number", ROWS)
def test_one_answer(number: str) -> None:
    row = ROWS[number]
    account = pool().accounts[key_of(number)]
    status = derive_status(account, AT)
    assert (status.kind, status.reason) == (row.status, row.reason)
    assert status.until == (when(row.until) if row.until else None)
    windows = [(window.kind, window.used_percent, window.resets_at) for window in account.usage.windows]
    assert windows == [(kind, used, when(reset)) for kind, used, reset in row.windows or []]
    credits = account.usage.credits.value if account.usage.credits else None
    balance = credits.balance if credits else None
    assert (None if balance is None else str(balance)) == row.balance
    assert (None if balance is None else str(usd(balance, RULES))) == row.usd
    assert bool(credits and credits.is_shown) is row.shown
    assert bool(credits and credits.is_unknown) is row.unknown


def test_the_pool_of_all_twenty() -> None:
    seen = overview(pool(), AT, RULES)
    assert len(seen.accounts) == 20
    assert seen.by_section == {Section.ACTIVE: 14, Section.EXHAUSTED: 5, Section.REST: 1}
    assert seen.by_status == {Status.ACTIVE: 14, Status.EXHAUSTED: 5, Status.UNKNOWN: 1}
    labels = {each.label for each in seen.accounts if each.status.kind is Status.EXHAUSTED}
    assert labels == {"05", "07", "10", "11", "14"}
    assert seen.stale == 0
    assert seen.credits is not None
    assert seen.credits.total == Decimal("1775.514225")
    assert usd(seen.credits.total, RULES) == Decimal("71.02")
    assert (seen.credits.accounts, seen.credits.unlimited, seen.credits.unknown) == (6, 1, 4)
    assert seen.credits.stale == 0
    counted = {
        each.label
        for each in seen.accounts
        if (c := each.account.usage.credits) and c.value and c.value.counts
    }
    assert counted == {"02", "03", "05", "08", "13", "18"}
    assert seen.highest_weekly is not None
    assert seen.highest_weekly.judged.label == "07"
    assert seen.highest_weekly.used_percent == 100
    assert seen.highest_weekly.resets_at == when("11-23T05:00:00")
    assert seen.highest_weekly.more_full == 2
    assert seen.next_reset is not None
    assert (seen.next_reset.judged.label, seen.next_reset.window.kind) == ("11", "5h")
    assert seen.next_reset.resets_at == when("11-20T21:10:00")
    assert seen.next_back is not None
    assert (seen.next_back.judged.label, seen.next_back.until) == ("11", when("11-20T21:10:00"))
    assert len(seen.next_back.all_until) == 4


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("01", ResetCredits(0, None)),
        ("02", ResetCredits(2, 1)),
        ("04", Unsaid.MALFORMED),
        ("07", ResetCredits(1, 1)),
        ("18", Unsaid.ABSENT),
        ("19", ResetCredits(0, None)),
    ],
)
def test_banked_resets(number: str, expected: object) -> None:
    assert snapshot(number).reset_credits == expected


def _windows(bucket: Bucket) -> Windows | None:
    if bucket.limit is None:
        return None
    found: Windows = []
    for window in bucket.limit.windows:
        assert window.used_percent is not None
        assert window.resets_at is not None
        found.append((window.kind, window.used_percent, window.resets_at.strftime("%m-%dT%H:%M:%S")))
    return found


def test_buckets_beside_the_base() -> None:
    account = pool().accounts[key_of("08")]
    base, review, *extras = account.usage.buckets
    assert base.id == "codex"
    assert (review.id, _windows(review)) == ("code_review", [("weekly", 0, "11-27T21:00:00")])
    assert {bucket.id: (bucket.name, _windows(bucket)) for bucket in extras} == {
        "codex_bengalfox": (
            "GPT-5.3-Codex-Spark",
            [("5h", 100, "11-20T22:10:00"), ("weekly", 64, "11-25T14:53:20")],
        ),
        "base_model_inference": ("gpt-reserve", [("daily", 3, "11-21T19:13:20")]),
        "codex_other": ("no-window-bucket", None),
    }
    spark = next(bucket.limit for bucket in extras if bucket.id == "codex_bengalfox")
    assert spark is not None
    assert [spark.reached(window) for window in spark.windows] == [True, False]
    weekly = next(
        bucket for bucket in pool().accounts[key_of("02")].usage.buckets if bucket.id == "code_review"
    )
    assert _windows(weekly) == [("weekly", 5, "11-26T15:53:20")]


def test_spend_limits() -> None:
    business = snapshot("09").spend
    assert business is not None
    assert not isinstance(business, Unsaid)
    december = when("12-01T00:00:00")
    assert business.limits == (
        SpendLimit("individual", Decimal("400.00"), Decimal("131.2500"), Decimal("268.7500"), 33, december),
    )
    everything = snapshot("10").spend
    assert everything is not None
    assert not isinstance(everything, Unsaid)
    assert (everything.reached, everything.reached_limit_type) == (True, "individual")
    assert [
        (limit.kind, str(limit.used), str(limit.limit), limit.used_percent) for limit in everything.limits
    ] == [
        ("individual", "259.4", "100", 259),
        ("workspace_default", "259.4", "150", 173),
        ("group_default", "259.4", "500", 52),
        ("group_shared", "4100", "5000", 82),
        ("workspace_shared", "11250.75", "20000", 56),
    ]
    bare = snapshot("13").spend
    assert bare is not None
    assert not isinstance(bare, Unsaid)
    assert bare.limits == (SpendLimit("individual", Decimal(500), None, None, None, None),)


def test_what_is_odd_stays_visible() -> None:
    odd = snapshot("15")
    assert odd.plan == "galaxy_ultra_v9"
    assert odd.reached_type is None
    assert odd.spend is not None
    assert not isinstance(odd.spend, Unsaid)
    assert (odd.spend.reached, odd.spend.reached_limit_type) == (True, "moon_budget")
    assert odd.base is not None
    assert not isinstance(odd.base, Unsaid)
    assert (odd.base.allowed, odd.base.limit_reached) == (True, True)
    overage = snapshot("05").credits
    assert overage is not None
    assert not isinstance(overage, Unsaid)
    assert overage.overage_limit_reached is True


def test_absent_null_and_empty_are_told_apart() -> None:
    assert snapshot("20").credits is Unsaid.ABSENT
    assert snapshot("20").user_id is None
    assert snapshot("04").base is None
    assert snapshot("19").extras == ()
    assert snapshot("09").extras is None
    assert snapshot("01").user_id == "user-ExampleFake01"


def test_an_empty_object_is_no_reading() -> None:
    outcome = parse_usage(body("16"), AT)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MALFORMED
    account = pool().accounts[key_of("16")]
    assert account.read_at is None
    assert account.trouble is not None
    assert account.trouble.kind is FailureKind.MALFORMED


def test_windows_are_named_by_their_length() -> None:
    assert [
        window_kind(seconds) for seconds in (18000, 18900, 86400, 604800, 2592000, 43200, 259200, None)
    ] == [*("5h", "5h", "daily", "weekly", "monthly", "12h", "3d", "unknown")]
