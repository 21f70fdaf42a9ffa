"""A small codex-proxy: accounts with states, quotas out of upstream payloads, refreshes, a login."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.support import forbidden_routes
from tests.support.replay_server import PoolServer, Request, Response, answer

FETCHED_AT = "2026-11-20T20:00:00.000Z"


@dataclass
class ProxyAccountState:
    """One account; `usage` is the payload that upstream would give, `cached` the quota kept from before."""

    id: str
    email: str | None
    account_id: str | None
    user_id: str | None
    usage: dict[str, Any] | None = None
    label: str | None = None
    plan: str | None = None
    status: str = "active"
    cached: dict[str, Any] | None = None
    cached_at: str | None = None
    expires_at: str | None = None
    #: what the next refresh says: alive, dead, skipped
    refresh: str = "alive"
    refreshes: int = 0
    #: rows of the reset-credits list
    resets: list[dict[str, Any]] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """The account in the list."""
        row: dict[str, object] = {
            "id": self.id,
            "email": self.email,
            "accountId": self.account_id,
            "userId": self.user_id,
            "label": self.label,
            "planType": self.plan,
            "status": self.status,
            "expiresAt": self.expires_at,
        }
        if self.cached is not None:
            row |= {"quota": self.cached, "quotaFetchedAt": self.cached_at or FETCHED_AT}
        return row


def quota_of(usage: dict[str, Any]) -> dict[str, Any]:
    """The quota that codex-proxy makes of an upstream payload with a rate limit: windows by position."""
    limit = usage["rate_limit"]
    reached = usage.get("rate_limit_reset_credits")
    credit = usage.get("credits")
    # a balance that is no text, or none, costs the whole object there
    has_credits = isinstance(credit, dict) and isinstance(credit.get("balance"), str)
    second = limit.get("secondary_window")
    buckets = usage.get("additional_rate_limits") or []
    review = usage.get("code_review_rate_limit")
    return {
        "plan_type": usage.get("plan_type"),
        "rate_limit": _flat(limit),
        "secondary_rate_limit": _second(second) if second else None,
        "code_review_rate_limit": _flat(review) if review else None,
        "rate_limits_by_limit_id": {
            each["metered_feature"]: {"limit_name": each["limit_name"], **_named(each["rate_limit"])}
            for each in buckets
            if each["rate_limit"] is not None
        }
        or None,
        "reset_credits_available": reached["available_count"] if reached else None,
        "credits": {
            "has_credits": credit["has_credits"],
            "unlimited": credit["unlimited"],
            "overage_limit_reached": bool(credit.get("overage_limit_reached")),
            "balance": float(Decimal(credit["balance"])),
        }
        if has_credits and isinstance(credit, dict)
        else None,
    }


def _flat(limit: dict[str, Any]) -> dict[str, Any]:
    first = limit.get("primary_window") or {}
    return {
        "allowed": limit.get("allowed"),
        "limit_reached": limit.get("limit_reached"),
        "used_percent": first.get("used_percent"),
        "reset_at": first.get("reset_at"),
        "limit_window_seconds": first.get("limit_window_seconds"),
    }


def _second(window: dict[str, Any]) -> dict[str, Any]:
    return {
        "limit_reached": (window.get("used_percent") or 0) >= 100,
        "used_percent": window.get("used_percent"),
        "reset_at": window.get("reset_at"),
        "limit_window_seconds": window.get("limit_window_seconds"),
    }


def _named(limit: dict[str, Any]) -> dict[str, Any]:
    second = limit.get("secondary_window")
    return {**_flat(limit), "secondary_rate_limit": _second(second) if second else None}


class CodexProxyServer(PoolServer):
    """Lets everybody in unless a key or password is set; five wrong passwords throttle the login."""

    def __init__(
        self, *accounts: ProxyAccountState, key: str | None = None, password: str | None = None
    ) -> None:
        super().__init__(forbidden_routes.CODEX_PROXY)
        self.accounts = {account.id: account for account in accounts}
        self.key = key
        self.password = password
        self.rate: object = 25
        self.sessions: set[str] = set()
        self.wrong_passwords = 0
        #: closed: refreshes wait here
        self.gate = asyncio.Event()
        self.gate.set()
        self._refreshing: set[str] = set()
        #: how a refresh that was refused leaves an account; the real one may leave it stuck in `refreshing`
        self.status_of_dead = "expired"
        self.fetched_at = FETCHED_AT
        #: the ids of requests that used a banked reset
        self.redeemed: list[str] = []
        #: what the polls of a sign-in by code are answered with, in turn
        self.polls: list[Response] = []
        self.device: dict[str, object] = {
            "userCode": "WXYZ-1234",
            "verificationUri": "https://auth.example.com/device",
            "deviceCode": "fake-device-code",
            "expiresIn": 900,
            "interval": 5,
        }

    async def respond(self, request: Request) -> Response:
        """The answer of a codex-proxy in this state."""
        if request.route == "POST /auth/dashboard-login":
            return self._login(request)
        if not self._lets_in(request):
            return answer(401, {"error": "Dashboard login required"})
        if request.route == "GET /auth/accounts":
            rows = [account.row() for account in self.accounts.values()]
            return answer(200, {"accounts": rows, "persistence_health": {"ok": True}})
        if request.route == "GET /admin/general-settings":
            return answer(200, {"port": 8080, "credits_per_usd": self.rate})
        if request.route == "GET /admin/update-status":
            return answer(200, {"proxy": {"version": "2.0.91"}})
        if request.route == "POST /auth/device-login":
            return answer(200, self.device)
        if request.route == "GET /auth/device-poll/fake-device-code":
            return self.polls.pop(0)
        parts = request.path.split("/")
        if request.method == "POST" and request.path.endswith("/reset-credits/consume"):
            self.redeemed.append(json.loads(request.body)["redeem_request_id"])
            del self.accounts[parts[3]].resets[:1]
            return answer(200, {"success": True})
        if request.path.startswith("/auth/accounts/") and len(parts) == 5:
            account = self.accounts.get(parts[3])
            if account is None:
                return answer(404, {"error": "Account not found"})
            match (request.method, parts[4]):
                case ("GET", "quota"):
                    return self._quota(account)
                case ("GET", "reset-credits"):
                    return answer(200, {"available_count": len(account.resets), "credits": account.resets})
                case ("POST", "refresh"):
                    return await self._refresh(account)
        return answer(404, {"error": "Not found"})

    def _lets_in(self, request: Request) -> bool:
        if self.key is None and self.password is None:
            return True
        if self.key is not None and request.headers.get("authorization") == f"Bearer {self.key}":
            return True
        return request.headers.get("cookie", "").removeprefix("_codex_session=") in self.sessions

    def _login(self, request: Request) -> Response:
        if self.wrong_passwords >= 5:
            return answer(429, {"error": "Too many login attempts"}, Retry_After="60")
        if json.loads(request.body).get("password") != self.password:
            self.wrong_passwords += 1
            return answer(401, {"error": "Invalid password"})
        session = f"session-{len(self.sessions) + 1}"
        self.sessions.add(session)
        cookie = f"_codex_session={session}; HttpOnly; SameSite=Strict; Path=/; Max-Age=3600"
        return answer(200, {"success": True}, Set_Cookie=cookie)

    def _quota(self, account: ProxyAccountState) -> Response:
        if account.status != "active":
            return answer(409, {"error": f"Account is {account.status}, cannot query quota"})
        usage = account.usage
        if usage is None or usage.get("rate_limit") is None:
            detail = f"Codex API error (502): Unexpected response from upstream: {json.dumps(usage)[:200]}"
            return answer(502, {"error": "Failed to fetch quota from Codex API", "detail": detail})
        account.cached, account.cached_at = quota_of(usage), self.fetched_at
        return answer(200, {"quota": account.cached, "raw": usage})

    async def _refresh(self, account: ProxyAccountState) -> Response:
        told = {"id": account.id, "email": account.email, "previousStatus": account.status}
        if account.refresh == "skipped" or account.status == "disabled":
            return answer(200, {**told, "result": "skipped", "error": "No refresh token"})
        if account.status == "refreshing":
            return answer(200, {**told, "result": "skipped", "error": "Already refreshing"})
        second = account.id in self._refreshing
        self._refreshing.add(account.id)
        account.refreshes += 1
        await self.gate.wait()
        self._refreshing.discard(account.id)
        if second:
            # as the real one: the loser leaves the account stuck
            account.status = "refreshing"
        if second or account.refresh == "dead":
            if not second:
                account.status = self.status_of_dead
            body = {
                "error": {
                    "message": "Your refresh token has already been used.",
                    "code": "refresh_token_reused",
                }
            }
            why = f"Token refresh failed (401): {json.dumps(body)}"
            return answer(200, {**told, "result": "dead", "error": why, "durationMs": 19})
        account.status = "active"
        return answer(200, {**told, "result": "alive", "durationMs": 24})
