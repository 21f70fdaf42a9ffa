"""A small codex-lb: it shows what it last read of upstream, and reads anew in a fleet refresh."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support import forbidden_routes
from tests.support.replay_server import PoolServer, Request, Response, answer

READ_AT = "2026-11-20T20:30:00Z"
REFRESHED_AT = "2026-11-20T20:59:00Z"


@dataclass
class LbAccountState:
    """One account; `upstream` is the payload of the service, `read` what the pool knows of it."""

    account_id: str
    email: str
    upstream: dict[str, Any] | None = None
    name: str | None = None
    plan: str | None = None
    status: str = "active"
    reason: str | None = None
    read: dict[str, Any] | None = None
    read_at: str | None = None
    banked: int = 0
    mark: str = ""
    hidden: bool = field(default=False)

    @property
    def id(self) -> str:
        """The pool's own id."""
        return f"{self.account_id}_{hashlib.sha256(self.email.encode()).hexdigest()[:8]}{self.mark}"

    def take(self, at: str) -> None:
        """Read upstream, as the pool's own scheduler does."""
        self.read, self.read_at = self.upstream, at

    def windows(self) -> dict[str, dict[str, Any]]:
        """The windows by codex-lb's names: by length, cut to 0..100, in what remains."""
        limit = (self.read or {}).get("rate_limit") or {}
        found: dict[str, dict[str, Any]] = {}
        for place in ("primary_window", "secondary_window"):
            window = limit.get(place)
            if not window:
                continue
            minutes = window["limit_window_seconds"] // 60
            name = "Primary" if minutes < 10000 else "Secondary" if minutes < 40000 else "Monthly"
            left = min(max(100.0 - window["used_percent"], 0.0), 100.0)
            reset = datetime.fromtimestamp(window["reset_at"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            found[name] = {"remainingPercent": left, "resetAt": reset, "windowMinutes": minutes}
        return found

    def fleet_row(self) -> dict[str, object]:
        """The account in the fleet summary."""
        none = {"remainingPercent": None, "resetAt": None, "windowMinutes": None}
        windows = self.windows()
        return {
            "accountId": self.id,
            "displayName": self.name or self.email,
            "email": self.email,
            "status": self.status,
            "planType": self.plan,
            "primary": None if self.hidden else windows.get("Primary", none),
            "secondary": None if self.hidden else windows.get("Secondary", none),
            "usageRefreshedAt": self.read_at,
        }

    def row(self) -> dict[str, object]:
        """The account in the dashboard's list."""
        windows = self.windows()
        credit = (self.read or {}).get("credits") or {}
        balance = credit.get("balance")
        extras = (self.read or {}).get("additional_rate_limits") or []
        return {
            "accountId": self.id,
            "chatgptAccountId": self.account_id,
            "email": self.email,
            "alias": self.name,
            "displayName": self.name or self.email,
            "planType": self.plan,
            "status": self.status,
            "usage": {
                f"{name.lower()}RemainingPercent": windows.get(name, {}).get("remainingPercent")
                for name in ("Primary", "Secondary", "Monthly")
            },
            **{f"resetAt{name}": windows.get(name, {}).get("resetAt") for name in ("Primary", "Secondary")},
            **{
                f"windowMinutes{name}": windows.get(name, {}).get("windowMinutes")
                for name in ("Primary", "Secondary")
            },
            "capacityCreditsPrimary": 225.0,
            "remainingCreditsPrimary": 130.5,
            "additionalQuotas": [
                {
                    "quotaKey": "spark",
                    "limitName": each["limit_name"],
                    "meteredFeature": each["metered_feature"],
                    "primaryWindow": _used((each["rate_limit"] or {}).get("primary_window")),
                    "secondaryWindow": _used((each["rate_limit"] or {}).get("secondary_window")),
                }
                for each in extras
            ],
            "creditsHas": credit.get("has_credits"),
            "creditsUnlimited": credit.get("unlimited"),
            "creditsBalance": float(balance) if balance is not None else None,
            "deactivationReason": self.reason,
            "availableResetCredits": 0,
            "resetCreditNearestExpiresAt": None,
            "auth": {"access": {"expiresAt": "2026-11-25T00:00:00Z"}, "refresh": {"state": "stored"}},
        }


def _used(window: dict[str, Any] | None) -> dict[str, Any] | None:
    if window is None:
        return None
    minutes = window["limit_window_seconds"] // 60
    return {"usedPercent": window["used_percent"], "resetAt": window["reset_at"], "windowMinutes": minutes}


class CodexLbServer(PoolServer):
    """The fleet wants the key always; the dashboard lets everybody in unless a password is set."""

    def __init__(
        self, *accounts: LbAccountState, key: str | None = None, password: str | None = None
    ) -> None:
        super().__init__(forbidden_routes.CODEX_LB)
        self.accounts = {account.id: account for account in accounts}
        self.key = key
        self.password = password
        self.sessions: set[str] = set()
        self.wants_code = False
        #: closed: fleet refreshes wait here
        self.gate = asyncio.Event()
        self.gate.set()
        self.refresh_answer: Response | None = None
        #: the ids of requests to use a banked reset
        self.redeemed: list[str] = []
        #: how a sign-in by code stands, in turn
        self.sign_in: list[dict[str, object]] = []
        for account in accounts:
            if account.upstream is not None and account.read is None and account.status != "reauth_required":
                account.take(READ_AT)

    async def respond(self, request: Request) -> Response:
        """The answer of a codex-lb in this state."""
        version = "1.24.0"
        if request.path.startswith("/api/fleet/"):
            if self.key is None or request.headers.get("authorization") != f"Bearer {self.key}":
                error = {
                    "message": "Invalid API key",
                    "type": "authentication_error",
                    "code": "invalid_api_key",
                }
                return answer(401, {"error": error}, X_App_Version=version)
            return await self._fleet(request, version)
        if request.route == "POST /api/dashboard-auth/password/login":
            return self._login(request)
        session = request.headers.get("cookie", "").removeprefix("codex_lb_dashboard_session=")
        if self.password is not None and session not in self.sessions:
            error = {"code": "authentication_required", "message": "Authentication is required"}
            return answer(401, {"error": error}, X_App_Version=version)
        if request.route == "GET /api/accounts":
            rows = [account.row() for account in self.accounts.values()]
            return answer(200, {"accounts": rows}, X_App_Version=version)
        if request.route == "POST /api/oauth/start" and json.loads(request.body) == {"forceMethod": "device"}:
            device = {"verificationUrl": "https://auth.example.com/device", "userCode": "WXYZ-1234"}
            return answer(200, {"method": "device", "deviceAuthId": "fake-ticket", **device})
        if request.route == "POST /api/oauth/complete":
            return answer(200, {"status": "pending"})
        if request.route == "GET /api/oauth/status":
            return answer(200, self.sign_in.pop(0))
        parts = request.path.split("/")
        if request.method == "POST" and request.path.endswith("/rate-limit-reset-credits/consume"):
            self.redeemed.append(json.loads(request.body)["redeemRequestId"])
            if self.accounts[parts[3]].banked == 0:
                error = {"code": "no_available_reset_credit", "message": "No available reset credit"}
                return answer(409, {"error": error}, X_App_Version=version)
            self.accounts[parts[3]].banked -= 1
            return answer(200, {"code": "reset", "windowsReset": 2, "redeemedAt": READ_AT})
        if request.method == "GET" and parts[-1] == "usage-reset-credits" and parts[3] in self.accounts:
            banked = self.accounts[parts[3]].banked
            inner = {"availableCount": banked}
            return answer(200, {"accountId": parts[3], "rateLimitResetCredits": inner})
        return answer(404, {"error": {"code": "not_found", "message": "Not Found"}})

    async def _fleet(self, request: Request, version: str) -> Response:
        if request.route == "GET /api/fleet/summary":
            rows = [account.fleet_row() for account in self.accounts.values()]
            return answer(200, {"accounts": rows}, X_App_Version=version)
        if request.route == "POST /api/fleet/refresh":
            await self.gate.wait()
            if self.refresh_answer is not None:
                return self.refresh_answer
            for account in self.accounts.values():
                if account.upstream is not None and account.status != "reauth_required":
                    account.take(REFRESHED_AT)
            total = len(self.accounts)
            body = {"ok": True, "usageWritten": total, "accountCount": total, "attemptedCount": total}
            return answer(200, {**body, "generatedAt": REFRESHED_AT})
        return answer(404, {"error": {"code": "not_found", "message": "Not Found"}})

    def _login(self, request: Request) -> Response:
        if json.loads(request.body).get("password") != self.password:
            return answer(401, {"error": {"code": "invalid_credentials", "message": "Invalid credentials"}})
        session = f'"session-{len(self.sessions) + 1}=="'
        self.sessions.add(session)
        cookie = f"codex_lb_dashboard_session={session}; HttpOnly; Path=/; SameSite=lax"
        return answer(200, {"authenticated": not self.wants_code}, Set_Cookie=cookie)
