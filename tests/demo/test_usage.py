"""Consumption as a pure function, and payloads that the strictest client can read."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.demo.account import Account, Meter
from poolwatch.demo.pool import accounts
from poolwatch.demo.usage import Motion, beyond, level, usage_payload

START = datetime(2026, 11, 20, 21, 0, tzinfo=UTC).timestamp()
POOL = accounts(7, 400)
BY_LABEL = {account.label: account for account in POOL}

Check = Callable[[object, str], None]


def exactly(kind: type) -> Check:
    def check(value: object, where: str) -> None:
        assert type(value) is kind, f"{where} is {value!r}"

    return check


def maybe(inner: Check) -> Check:
    def check(value: object, where: str) -> None:
        if value is not None:
            inner(value, where)

    return check


def members(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    known = required | (optional or {})

    def check(value: object, where: str) -> None:
        assert isinstance(value, dict), where
        assert not set(required) - set(value), f"{where} lacks {set(required) - set(value)}"
        assert not set(value) - set(known), f"{where} has {set(value) - set(known)}"
        for name, inner in value.items():
            known[name](inner, f"{where}.{name}")

    return check


def every(inner: Check) -> Check:
    def check(value: object, where: str) -> None:
        assert isinstance(value, list), where
        for number, item in enumerate(value):
            inner(item, f"{where}[{number}]")

    return check


def pair(value: object, where: str) -> None:
    every(exactly(int))(value, where)
    assert isinstance(value, list)
    assert len(value) == 2


text, whole, flag = exactly(str), exactly(int), exactly(bool)
window = members(
    {"used_percent": whole, "limit_window_seconds": whole, "reset_after_seconds": whole, "reset_at": whole}
)
limit = members(
    {
        "allowed": flag,
        "limit_reached": flag,
        "primary_window": maybe(window),
        "secondary_window": maybe(window),
    }
)
details = members(
    {
        "source": maybe(text),
        "limit": text,
        "used": text,
        "remaining": text,
        "used_percent": whole,
        "remaining_percent": whole,
        "reset_after_seconds": whole,
        "reset_at": whole,
    }
)
shared = members({"group_id": text, "group_name": text, "details": details})
usage_reply = members(
    {
        "user_id": text,
        "account_id": text,
        "email": text,
        "plan_type": text,
        "rate_limit": maybe(limit),
        "code_review_rate_limit": maybe(limit),
        "additional_rate_limits": maybe(
            every(
                members(
                    {"limit_name": text, "metered_feature": text, "rate_limit": maybe(limit)},
                    {"normal_model_slug": text},
                )
            )
        ),
        "credits": members(
            {
                "has_credits": flag,
                "unlimited": flag,
                "overage_limit_reached": flag,
                "balance": maybe(text),
                "approx_local_messages": maybe(pair),
                "approx_cloud_messages": maybe(pair),
            }
        ),
        "spend_control": members(
            {"reached": flag, "individual_limit": maybe(details)},
            {
                "reached_limit_type": maybe(text),
                "workspace_default_limit": maybe(details),
                "group_default_limit": maybe(shared),
                "role_budget_limit": maybe(details),
                "group_shared_limit": maybe(shared),
                "workspace_shared_limit": maybe(details),
            },
        ),
        "rate_limit_reached_type": maybe(members({"type": text, "details": maybe(text)})),
        "promo": maybe(text),
        "referral_beacon": maybe(text),
        "rate_limit_reset_credits": maybe(
            members({"available_count": whole}, {"applicable_available_count": whole})
        ),
    }
)


def motion(after: float = 0, speed: float = 1.0, refreshes: tuple[float, ...] = ()) -> Motion:
    return Motion(START, START + after, speed, refreshes, phase=0.3)


@given(
    who=st.sampled_from(POOL),
    after=st.floats(0, 10_000_000),
    speed=st.floats(0.1, 1_000),
    refreshed=st.lists(st.floats(0, 1), max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_the_strictest_client_can_read_every_payload(
    who: Account, after: float, speed: float, refreshed: list[float]
) -> None:
    at = tuple(sorted(START + after * share for share in refreshed))
    payload = usage_payload(who, motion(after, speed, at))
    usage_reply(payload, "usage")
    limits = payload["rate_limit"]
    for name in ("primary_window", "secondary_window"):
        shown = limits[name] if isinstance(limits, dict) else None
        if isinstance(shown, dict):
            percent, reset_at, left = shown["used_percent"], shown["reset_at"], shown["reset_after_seconds"]
            assert isinstance(percent, int)
            assert isinstance(reset_at, int)
            assert isinstance(left, int)
            assert 0 <= percent <= 100
            assert left == max(0, reset_at - int(START + after))
            assert reset_at > START + after - 1


def test_the_opening_figures_are_those_of_the_cast() -> None:
    alice = usage_payload(BY_LABEL["alice"], motion())
    assert alice["rate_limit"] == {
        "allowed": True,
        "limit_reached": False,
        "primary_window": {
            "used_percent": 58,
            "limit_window_seconds": 18000,
            "reset_after_seconds": 72 * 60,
            "reset_at": int(START) + 72 * 60,
        },
        "secondary_window": {
            "used_percent": 23,
            "limit_window_seconds": 604800,
            "reset_after_seconds": 99 * 3600,
            "reset_at": int(START) + 99 * 3600,
        },
    }
    credits = alice["credits"]
    assert isinstance(credits, dict)
    assert credits["balance"] == "1234.5600000000"


METER = Meter(seconds=18_000, used=40, elapsed=9_000, pace=95, step=3.4)


@given(first=st.floats(0, 8_999), then=st.floats(0, 8_999))
def test_used_only_grows_within_a_window_and_the_reset_stays_where_it_is(first: float, then: float) -> None:
    early, late = sorted((first, then))
    before, after = level(METER, motion(early)), level(METER, motion(late))
    assert before.used <= after.used + 1e-9
    assert before.resets_at == after.resets_at == START + 9_000


def test_a_reset_empties_the_window_and_begins_the_next() -> None:
    assert level(METER, motion(8_999)).used > 60
    fresh = level(METER, motion(9_000))
    assert fresh.used == pytest.approx(0, abs=1)
    assert fresh.resets_at == START + 27_000


@given(after=st.floats(0, 40_000))
def test_speed_makes_the_same_happen_sooner(after: float) -> None:
    slow, fast = level(METER, motion(after)), level(METER, motion(after / 20, speed=20))
    assert slow.used == pytest.approx(fast.used, abs=0.01)
    assert fast.resets_at - START == pytest.approx((slow.resets_at - START) / 20, abs=1.1)


def test_consumption_comes_in_bursts() -> None:
    readings = [level(METER, motion(minute * 60)).used for minute in range(149)]
    steps = [later - earlier for earlier, later in pairwise(readings)]
    assert min(steps) == pytest.approx(0, abs=1e-9)
    assert max(steps) > 95 / 300 * 1.5


@pytest.mark.parametrize(("speed", "least"), [(1, 4), (20, 7)])
def test_a_pool_watched_for_two_minutes_is_alive(speed: float, least: int) -> None:
    def figures(account: Account, at: Motion) -> tuple[object, ...]:
        return (*_percents(account, at), usage_payload(account, at)["credits"])

    then, now = motion(0, speed), motion(120, speed)
    assert sum(figures(account, then) != figures(account, now) for account in POOL[:12]) >= least


def _percents(account: Account, at: Motion) -> list[object]:
    limits = usage_payload(account, at)["rate_limit"]
    if not isinstance(limits, dict):
        return []
    return [shown["used_percent"] for shown in limits.values() if isinstance(shown, dict)]


def test_a_token_refresh_moves_the_figures_of_every_account_with_windows() -> None:
    for account in POOL[:12]:
        if account.windows is None or account.label in ("bob", "grace"):
            continue
        assert _percents(account, motion(5, 1, (START + 4,))) != _percents(account, motion(5)), account.label


def test_a_token_refresh_resets_the_weekly_window_of_lee() -> None:
    assert _percents(BY_LABEL["lee"], motion(10)) == [3, 100]
    refreshed = usage_payload(BY_LABEL["lee"], motion(10, 1, (START + 9,)))
    limits = refreshed["rate_limit"]
    assert isinstance(limits, dict)
    assert limits["allowed"] is True
    weekly = limits["secondary_window"]
    assert isinstance(weekly, dict)
    assert weekly["used_percent"] == 0
    assert weekly["reset_at"] == START + 9 + 604_800


def _balance(label: str, at: Motion) -> Decimal:
    credits = usage_payload(BY_LABEL[label], at)["credits"]
    assert isinstance(credits, dict)
    return Decimal(str(credits["balance"]))


@given(times=st.lists(st.floats(0, 3_000_000), min_size=2, max_size=6))
@settings(max_examples=60, deadline=None)
def test_credits_only_fall(times: list[float]) -> None:
    balances = [_balance("grace", motion(after)) for after in sorted(times)]
    assert balances == sorted(balances, reverse=True)
    assert balances[-1] >= 0


def test_credits_pay_once_a_window_is_full_and_not_before() -> None:
    assert _balance("grace", motion(1_800)) < _balance("grace", motion())
    assert _balance("ops", motion(1_800)) == _balance("ops", motion())
    assert _balance("ops", motion(20_000)) < _balance("ops", motion())
    limits = usage_payload(BY_LABEL["grace"], motion())["rate_limit"]
    assert isinstance(limits, dict)
    assert limits["allowed"] is True
    assert _percents(BY_LABEL["grace"], motion())[0] == 100


def test_some_credits_go_by_the_hour_and_sooner_at_a_higher_speed() -> None:
    assert _balance("alice", motion()) - _balance("alice", motion(1_800)) == Decimal("20.5")
    assert _balance("alice", motion(1_800)) == _balance("alice", motion(90, 20))


def test_an_account_whose_credits_are_gone_is_blocked() -> None:
    later = next(
        at
        for at in (motion(hours * 3_600.0) for hours in range(0, 24 * 90, 1))
        if _balance("grace", at) == 0 and 100 in _percents(BY_LABEL["grace"], at)
    )
    payload = usage_payload(BY_LABEL["grace"], later)
    limits = payload["rate_limit"]
    assert isinstance(limits, dict)
    assert limits["allowed"] is False
    assert payload["rate_limit_reached_type"] == {"type": "rate_limit_reached", "details": "default"}


def test_what_goes_beyond_a_full_window_adds_up_over_resets() -> None:
    meter = Meter(seconds=18_000, used=100, elapsed=9_000, pace=200, step=0)
    # half a window at double pace, then 100 percent beyond in each whole one
    assert beyond(meter, motion(9_000)) == pytest.approx(100, abs=1)
    assert beyond(meter, motion(27_000)) == pytest.approx(200, abs=1)
    assert beyond(meter, motion(45_000)) == pytest.approx(300, abs=1)


STATES = {
    "credits", "exhausted_5h", "lapsed", "normal", "exhausted_weekly", "almost_full",
    "business_spend_control", "weekly_in_primary", "edge_blocked", "extra_buckets", "on_credits",
    "refresh_token_reused", "monthly", "unlimited", "expired_other", "expired_codex", "throttled", "slow",
    "malformed_balance", "api_key", "personal_access_token", "same_account_twice", "unknown_plan",
    "exhausted_spend_control",
}  # fmt: skip


def test_the_first_24_accounts_show_every_state_of_the_wire() -> None:
    assert {account.state for account in accounts(7, 24)} == STATES


def test_every_known_plan_and_one_unknown_occurs() -> None:
    plans = {account.plan for account in accounts(7, 24)}
    expected = {"plus", "pro", "team", "business", "free", "go", "prolite", "enterprise", "edu"}
    assert expected | {"galaxy_ultra_v9"} <= plans


SHAPES: list[tuple[str, Callable[[dict[str, object]], bool]]] = [
    ("build", lambda p: p["rate_limit"] is None and '"limit": "50.00"' in _json(p)),
    ("dan", lambda p: _seconds(p) == [604_800, None]),
    ("hana", lambda p: _seconds(p) == [2_592_000, None]),
    ("ivan", lambda p: '"unlimited": true, "overage_limit_reached": false, "balance": null' in _json(p)),
    ("pay", lambda p: '"balance": "-3.1000000000"' in _json(p)),
    ("nora", lambda p: '"balance": "12,5 credits"' in _json(p)),
    ("lee", lambda p: '"allowed": false' in _json(p) and '"overage_limit_reached": true' in _json(p)),
    ("bob", lambda p: '"allowed": false' in _json(p)),
    ("sara", lambda p: '"reached": true, "reached_limit_type": "individual"' in _json(p)),
    ("sara", lambda p: "workspace_member_usage_limit_reached" in _json(p)),
    ("sara", lambda p: '"used_percent": 259' in _json(p)),
    ("rosa", lambda p: "workspace_member_credits_depleted" in _json(p)),
    ("frank", lambda p: "codex_bengalfox" in _json(p) and p["code_review_rate_limit"] is not None),
    ("quinn", lambda p: '"allowed": true, "limit_reached": true' in _json(p)),
    ("alice", lambda p: p["rate_limit_reset_credits"] is not None),
    ("toni", lambda p: _seconds(p) == [None, None]),
]


def _json(payload: dict[str, object]) -> str:
    return json.dumps(payload)


def _seconds(payload: dict[str, object]) -> list[object]:
    limits = payload["rate_limit"]
    assert isinstance(limits, dict)
    found: list[object] = []
    for name in ("primary_window", "secondary_window"):
        shown = limits[name]
        found.append(None if shown is None else shown["limit_window_seconds"])
    return found


@pytest.mark.parametrize(("label", "holds"), SHAPES)
def test_a_state_looks_on_the_wire_as_it_is_called(
    label: str, holds: Callable[[dict[str, object]], bool]
) -> None:
    payload: dict[str, object] = dict(usage_payload(BY_LABEL[label], motion()))
    assert holds(payload), payload


def test_personal_payloads_repeat_the_user_id_and_workspaces_do_not() -> None:
    alice, dev14 = (usage_payload(BY_LABEL[label], motion()) for label in ("alice", "dev14"))
    assert alice["account_id"] == alice["user_id"]
    assert dev14["account_id"] == BY_LABEL["dev14"].account_id != dev14["user_id"]


def test_a_pool_depends_on_its_seed_and_a_larger_one_begins_like_a_smaller_one() -> None:
    assert accounts(7, 60) == accounts(7, 60)
    assert accounts(7, 60)[:24] == accounts(7, 24)
    assert accounts(8, 60) != accounts(7, 60)


@pytest.mark.parametrize("count", [1, 12, 24, 60, 3_000])
def test_labels_files_and_identities_are_distinct(count: int) -> None:
    pool = accounts(3, count)
    assert len(pool) == count
    assert len({account.label for account in pool}) == count
    assert len({(account.user_id, account.account_id) for account in pool}) == count
    assert all(account.email.endswith("@example.com") for account in pool)
    assert [account.index for account in pool] == list(range(count))


def test_the_cast_is_one_pool_whatever_the_seed_says_about_its_rhythm() -> None:
    assert [account.label for account in accounts(1, 35)] == [account.label for account in accounts(2, 35)]
    assert len({accounts(seed, 1)[0].phase for seed in range(5)}) > 1
