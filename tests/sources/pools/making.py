"""Pool sources over real servers, with real key files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Listing, SourceRef
from poolwatch.domain.failure import Failure
from poolwatch.domain.message import Message
from poolwatch.domain.usage import RateLimit, UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.net.client import HttpClient
from poolwatch.sources.banked_resets import ResetPace
from poolwatch.sources.json_body import JsonValue, read_json
from poolwatch.sources.pools.codex_lb import CodexLb
from poolwatch.sources.pools.codex_proxy import CodexProxy
from poolwatch.sources.source import PoolReport, SourceSetup, UsageReading
from poolwatch.words.messages import message_text
from tests.support.codex_proxy_server import ProxyAccountState
from tests.support.replay_server import PoolServer

AT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
KEY = "sk-fake-0123456789abcdef"
PASSWORD = "correct horse"
USAGE = {
    "user_id": "user-1",
    "plan_type": "plus",
    "rate_limit": {
        "allowed": True,
        "limit_reached": False,
        "primary_window": {"used_percent": 34, "limit_window_seconds": 18000, "reset_at": 1795215660},
        "secondary_window": {"used_percent": 18, "limit_window_seconds": 604800, "reset_at": 1795618800},
    },
    "credits": {"has_credits": True, "unlimited": False, "balance": "394.7967250000"},
}


def proxy(
    server: PoolServer,
    client: HttpClient,
    home: Path,
    *,
    key: str | None = None,
    password: str | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 5,
    resets: ResetPace | None = None,
) -> CodexProxy:
    """A codex-proxy source whose key stands in `key.txt` and password in `password.txt`."""
    settings = _settings(SourceKind.CODEX_PROXY, "proxy", server.url, home, key, password)
    return CodexProxy(SourceSetup(settings, client, home, env or {}, seconds, resets=resets))


def lb(
    server: PoolServer,
    client: HttpClient,
    home: Path,
    *,
    key: str | None = None,
    password: str | None = None,
    seconds: float = 5,
) -> CodexLb:
    """A codex-lb source, likewise."""
    settings = _settings(SourceKind.CODEX_LB, "lb", server.url, home, key, password)
    return CodexLb(SourceSetup(settings, client, home, {}, seconds))


def _settings(
    kind: SourceKind, name: str, url: str, home: Path, key: str | None, password: str | None
) -> SourceSettings:
    return SourceSettings(
        kind,
        name,
        Custody.POOL,
        url=url,
        api_key_file=_file(home / "key.txt", key),
        dashboard_password_file=_file(home / "password.txt", password),
    )


def _file(path: Path, content: str | None) -> str | None:
    if content is None:
        return None
    path.write_text(f"{content}\n")
    path.chmod(0o600)
    return f"~/{path.name}"


def snapshot(reading: UsageReading) -> UsageSnapshot:
    """The figures of a reading that succeeded."""
    assert isinstance(reading.outcome, UsageSnapshot), reading.outcome
    return reading.outcome


def failure(found: object) -> Failure:
    """The failure that came instead, of a reading as well."""
    outcome = found.outcome if isinstance(found, UsageReading) else found
    assert isinstance(outcome, Failure), outcome
    return outcome


def words(message: Message | None) -> str:
    """What a person is told, nothing where there is none."""
    return "" if message is None else message_text(message)


def lacks(report: object) -> list[str]:
    """What a pool lacks by its report, in words."""
    assert isinstance(report, PoolReport), report
    return [message_text(lack) for lack in report.lacks]


def windows(usage: UsageSnapshot) -> dict[str, float | None]:
    """The base windows: percent used by their name."""
    if not isinstance(usage.base, RateLimit):
        return {}
    return {window.kind: window.used_percent for window in usage.base.windows}


def listed(*rows: object) -> JsonValue:
    """A list of accounts as it comes out of an answer's body."""
    body = read_json(json.dumps({"accounts": rows}).encode())
    assert not isinstance(body, Failure)
    return body


def ref(source: CodexProxy | CodexLb, place: str) -> SourceRef:
    """An entry of a source."""
    return SourceRef(source.name, place)


def entry(source: CodexProxy | CodexLb, place: str) -> Listing:
    """An entry of a source, of whom nothing is known."""
    return Listing(ref(source, place))


def account(place: str = "acc1", **changes: object) -> ProxyAccountState:
    """One account of a codex-proxy, with figures."""
    plain = ProxyAccountState(
        place, "pool01@example.com", "00000000-0000-4000-8000-000000000001", "user-1", USAGE
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields of the account
