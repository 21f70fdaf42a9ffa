"""The routes of codex-lb: those that are asked, and those that never are."""

from __future__ import annotations

from typing import Final

from poolwatch.sources.pool_client import Forbidden, Route

POOL: Final = "codex-lb"

LOGIN: Final = Route("POST", "/api/dashboard-auth/password/login")
KEY_ROUTES: Final = (
    Route("GET", "/api/fleet/summary", whole_pool=True),
    Route("POST", "/api/fleet/refresh"),
)
DASHBOARD_ROUTES: Final = (
    Route("GET", "/api/accounts", whole_pool=True),
    Route("GET", "/api/accounts/{id}/usage-reset-credits"),
)
#: Never called, whatever happens.
FORBIDDEN_ROUTES: Final = (
    Forbidden(Route("POST", "/api/accounts/{id}/probe"), "spends a model request"),
    Forbidden(Route("POST", "/api/accounts/{id}/export/auth"), "hands out tokens"),
    Forbidden(Route("GET", "/api/accounts/{id}/export/auth"), "hands out tokens"),
    Forbidden(Route("POST", "/api/accounts/export"), "hands out tokens"),
    Forbidden(Route("POST", "/api/accounts/import"), "changes the pool"),
    Forbidden(Route("POST", "/api/accounts/{id}/pause"), "changes the pool"),
    Forbidden(Route("POST", "/api/accounts/{id}/reactivate"), "changes the pool"),
    Forbidden(Route("DELETE", "/api/accounts/{id}"), "removes an account"),
    Forbidden(Route("POST", "/api/accounts/{id}/rate-limit-reset-credits/consume"), "spends a banked reset"),
    Forbidden(Route("POST", "/api/accounts/{id}/usage-reset-credits/consume"), "spends a banked reset"),
    Forbidden(Route("POST", "/api/api-keys/"), "makes a key"),
    Forbidden(Route("PUT", "/api/settings"), "changes the pool"),
    Forbidden(Route("POST", "/api/dashboard-auth/password/setup"), "changes the dashboard's password"),
    Forbidden(Route("POST", "/v1/responses"), "spends a model request"),
    Forbidden(Route("POST", "/backend-api/codex/responses"), "spends a model request"),
)
