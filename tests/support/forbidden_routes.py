"""Routes of each pool program that would do harm: none is ever asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from poolwatch.sources.pools.routes import MANAGEMENT, Route


@dataclass(frozen=True, slots=True)
class Forbidden:
    """One route of a pool that is never called, and why."""

    route: Route
    reason: str


CODEX_PROXY: Final = (
    Forbidden(Route("GET", "/auth/accounts/export"), "hands out every token"),
    Forbidden(Route("GET", "/auth/status"), "hands out the pool's own API key"),
    Forbidden(Route("GET", "/auth/token"), "hands out a token"),
    Forbidden(Route("POST", "/auth/accounts/health-check"), "spends every refresh token at once"),
    Forbidden(Route("POST", "/auth/accounts/import"), "changes the pool"),
    Forbidden(Route("POST", "/auth/accounts"), "changes the pool"),
    Forbidden(Route("DELETE", "/auth/accounts/{id}"), "removes an account"),
    Forbidden(Route("PATCH", "/auth/accounts/{id}/label"), "changes the pool"),
    Forbidden(Route("POST", "/auth/accounts/batch-status"), "changes the pool"),
    Forbidden(Route("POST", "/auth/accounts/batch-delete"), "removes accounts"),
    Forbidden(Route("GET", "/auth/login"), "starts a login"),
    Forbidden(Route("POST", "/auth/logout"), "removes every account"),
    Forbidden(Route("POST", "/admin/general-settings"), "changes the pool"),
    Forbidden(Route("POST", "/v1/responses"), "spends a model request"),
)

CODEX_LB: Final = (
    Forbidden(Route("POST", "/api/accounts/{id}/probe"), "spends a model request"),
    Forbidden(Route("POST", "/api/accounts/{id}/export/auth"), "hands out tokens"),
    Forbidden(Route("GET", "/api/accounts/{id}/export/auth"), "hands out tokens"),
    Forbidden(Route("POST", "/api/accounts/export"), "hands out tokens"),
    Forbidden(Route("POST", "/api/accounts/import"), "changes the pool"),
    Forbidden(Route("POST", "/api/accounts/{id}/pause"), "changes the pool"),
    Forbidden(Route("POST", "/api/accounts/{id}/reactivate"), "changes the pool"),
    Forbidden(Route("DELETE", "/api/accounts/{id}"), "removes an account"),
    Forbidden(Route("POST", "/api/accounts/{id}/usage-reset-credits/consume"), "spends a reset"),
    Forbidden(Route("POST", "/api/api-keys/"), "makes a key"),
    Forbidden(Route("PUT", "/api/settings"), "changes the pool"),
    Forbidden(Route("POST", "/api/dashboard-auth/password/setup"), "changes the dashboard's password"),
    Forbidden(Route("POST", "/v1/responses"), "spends a model request"),
    Forbidden(Route("POST", "/backend-api/codex/responses"), "spends a model request"),
)

CLI_PROXY_API: Final = (
    Forbidden(Route("GET", f"{MANAGEMENT}/auth-files/download"), "hands out tokens"),
    Forbidden(Route("GET", f"{MANAGEMENT}/usage-queue"), "takes entries out of the pool's queue"),
    Forbidden(Route("GET", f"{MANAGEMENT}/config"), "shows the keys of the pool's own clients"),
    Forbidden(Route("POST", f"{MANAGEMENT}/reset-quota"), "changes what is believed of a login"),
    Forbidden(Route("POST", f"{MANAGEMENT}/auth-files"), "adds a login"),
    Forbidden(Route("DELETE", f"{MANAGEMENT}/auth-files"), "deletes logins"),
    Forbidden(Route("PATCH", f"{MANAGEMENT}/auth-files/status"), "turns a login on or off"),
    Forbidden(Route("PATCH", f"{MANAGEMENT}/auth-files/fields"), "changes a login"),
    Forbidden(Route("PUT", f"{MANAGEMENT}/config.yaml"), "changes the pool's settings"),
)
