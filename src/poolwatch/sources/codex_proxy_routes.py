"""The routes of codex-proxy: those that are asked, and those that never are."""

from __future__ import annotations

from typing import Final

from poolwatch.sources.pool_client import Forbidden, Route

POOL: Final = "codex-proxy"

LOGIN: Final = Route("POST", "/auth/dashboard-login")
ROUTES: Final = (
    Route("GET", "/auth/accounts", whole_pool=True),
    Route("GET", "/auth/accounts/{id}/quota"),
    Route("GET", "/auth/accounts/{id}/reset-credits"),
    Route("POST", "/auth/accounts/{id}/refresh"),
    Route("GET", "/admin/general-settings"),
    Route("GET", "/admin/update-status"),
)
#: Never called, whatever happens.
FORBIDDEN_ROUTES: Final = (
    Forbidden(Route("GET", "/auth/accounts/export"), "hands out every token"),
    Forbidden(Route("GET", "/auth/status"), "hands out the pool's own API key"),
    Forbidden(Route("GET", "/auth/token"), "hands out a token"),
    Forbidden(Route("POST", "/auth/accounts/health-check"), "spends every refresh token at once"),
    Forbidden(Route("POST", "/auth/accounts/{id}/reset-credits/consume"), "spends a banked reset"),
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
