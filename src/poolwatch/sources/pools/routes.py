"""The routes of each pool program: those that are asked, and those that never are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_SEGMENT: Final = re.compile(r"(?!\.+$)[A-Za-z0-9._~%-]{1,600}")


class ForbiddenRouteError(RuntimeError):
    """A route was asked for that is not on the source's list: a mistake in the program."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route that may be called; `{id}` in the path stands for one segment.

    `whole_pool`: a pool that wants not to be asked by it for a while is not asked for anything else either.
    """

    method: str
    path: str
    whole_pool: bool = False

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is this route's; a path with a query never is."""
        if method != self.method:
            return False
        wanted, given = self.path.split("/"), path.split("/")
        return len(wanted) == len(given) and all(
            _SEGMENT.fullmatch(found) is not None if part.startswith("{") else part == found
            for part, found in zip(wanted, given, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Forbidden:
    """One route of the pool that is never called, and why."""

    route: Route
    reason: str


def segment(text: str) -> str | None:
    """The text as one segment of a path, None where no server would take it for one."""
    quoted = quote(text, safe="", errors="replace")
    return quoted if _SEGMENT.fullmatch(quoted) else None


CODEX_PROXY: Final = "codex-proxy"

CODEX_PROXY_LOGIN: Final = Route("POST", "/auth/dashboard-login")
CODEX_PROXY_ROUTES: Final = (
    Route("GET", "/auth/accounts", whole_pool=True),
    Route("GET", "/auth/accounts/{id}/quota"),
    Route("GET", "/auth/accounts/{id}/reset-credits"),
    Route("POST", "/auth/accounts/{id}/refresh"),
    Route("GET", "/admin/general-settings"),
    Route("GET", "/admin/update-status"),
)
#: Never called, whatever happens.
CODEX_PROXY_FORBIDDEN: Final = (
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

CODEX_LB: Final = "codex-lb"

CODEX_LB_LOGIN: Final = Route("POST", "/api/dashboard-auth/password/login")
CODEX_LB_KEY_ROUTES: Final = (
    Route("GET", "/api/fleet/summary", whole_pool=True),
    Route("POST", "/api/fleet/refresh"),
)
CODEX_LB_DASHBOARD_ROUTES: Final = (
    Route("GET", "/api/accounts", whole_pool=True),
    Route("GET", "/api/accounts/{id}/usage-reset-credits"),
)
#: Never called, whatever happens.
CODEX_LB_FORBIDDEN: Final = (
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

CLI_PROXY_API: Final = "CLIProxyAPI"
CLI_PROXY_API_PREFIX: Final = "/v0/management"
CLI_PROXY_API_LIST: Final = Route("GET", f"{CLI_PROXY_API_PREFIX}/auth-files", whole_pool=True)
CLI_PROXY_API_CALL: Final = Route("POST", f"{CLI_PROXY_API_PREFIX}/api-call", whole_pool=True)
#: Everything else is refused by the client; these are the ones that would do harm.
CLI_PROXY_API_FORBIDDEN: Final = (
    Forbidden(Route("GET", f"{CLI_PROXY_API_PREFIX}/auth-files/download"), "hands out tokens"),
    Forbidden(Route("GET", f"{CLI_PROXY_API_PREFIX}/usage-queue"), "takes entries out of the pool's queue"),
    Forbidden(Route("GET", f"{CLI_PROXY_API_PREFIX}/config"), "shows the keys of the pool's own clients"),
    Forbidden(Route("POST", f"{CLI_PROXY_API_PREFIX}/reset-quota"), "changes what is believed of a login"),
    Forbidden(Route("POST", f"{CLI_PROXY_API_PREFIX}/auth-files"), "adds a login"),
    Forbidden(Route("DELETE", f"{CLI_PROXY_API_PREFIX}/auth-files"), "deletes logins"),
    Forbidden(Route("PATCH", f"{CLI_PROXY_API_PREFIX}/auth-files/status"), "turns a login on or off"),
    Forbidden(Route("PATCH", f"{CLI_PROXY_API_PREFIX}/auth-files/fields"), "changes a login"),
    Forbidden(Route("PUT", f"{CLI_PROXY_API_PREFIX}/config.yaml"), "changes the pool's settings"),
)
