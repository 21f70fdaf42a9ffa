"""Whatever JSON a pool sends, reading it ends in values or failures, never in an exception."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.failure import Failure
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.sources.json_body import JsonValue, read_json
from poolwatch.sources.pools import codex_lb_wire, codex_proxy_wire
from tests.sources.pools.making import AT
from tests.support.codex_lb_server import LbAccountState
from tests.support.codex_proxy_server import ProxyAccountState, quota_of

USAGE = {
    "rate_limit": {
        "primary_window": {"used_percent": 34, "limit_window_seconds": 18000, "reset_at": 1795215660},
        "secondary_window": {"used_percent": 18, "limit_window_seconds": 604800, "reset_at": 1795618800},
    },
    "additional_rate_limits": [{"limit_name": "Spark", "metered_feature": "spark", "rate_limit": {}}],
    "credits": {"has_credits": True, "unlimited": False, "balance": "12.5"},
}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ROWS: list[object] = [
    ProxyAccountState("acc1", "a@example.com", "id", "user", cached=quota_of(USAGE)).row(),
    LbAccountState("00000000-0000-4000-8000-000000000001", "a@example.com", read=USAGE, read_at="now").row(),
    LbAccountState("x", "b@example.com", read=USAGE, read_at="2026-11-20T20:30:00Z").fleet_row(),
    {"result": "dead", "error": "why", "quota": quota_of(USAGE), "raw": USAGE, "ok": True},
    {"rateLimitResetCredits": {"availableCount": 3}, "credits_per_usd": 25, "proxy": {"version": "1"}},
]


def paths(value: object, here: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inside: list[tuple[object, ...]] = [here]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        inside += paths(each, (*here, key))
    return inside


def replaced(value: object, path: tuple[object, ...], junk: object) -> object:
    if not path:
        return junk
    if isinstance(value, dict):
        return {
            key: replaced(each, path[1:], junk) if key == path[0] else each for key, each in value.items()
        }
    assert isinstance(value, list)
    return [replaced(each, path[1:], junk) if key == path[0] else each for key, each in enumerate(value)]


def body(value: object) -> JsonValue:
    found = read_json(json.dumps(value).encode())
    assert not isinstance(found, Failure)
    return found


@given(st.data())
def test_reading_never_raises(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(ROWS))
    spoilt = replaced(row, data.draw(st.sampled_from(paths(row))), data.draw(JUNK))
    alone, within = body(spoilt), body({"accounts": [spoilt], "persistence_health": spoilt})
    for value in (alone, within):
        codex_proxy_wire.parse_accounts(value, "pool")
        codex_proxy_wire.parse_quota(value, AT)
        codex_proxy_wire.parse_refresh(value)
        codex_proxy_wire.parse_rate(value)
        codex_proxy_wire.parse_version(value)
        codex_proxy_wire.quota_failure(502, value)
        codex_lb_wire.parse_accounts(value, "pool", by_dashboard=True)
        codex_lb_wire.parse_accounts(value, "pool", by_dashboard=False)
        codex_lb_wire.with_banked(UsageSnapshot(), "a", value)
        codex_lb_wire.fleet_refresh_trouble(value)
        codex_lb_wire.needs_code(value)
