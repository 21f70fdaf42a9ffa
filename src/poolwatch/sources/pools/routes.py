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


@dataclass(frozen=True, slots=True)
class PoolProgram:
    """A program that keeps accounts: its name as people know it, and its routes.

    `routes` are all that is asked for, beside the `login` of its dashboard; of the others the `forbidden`
    ones would do harm.
    """

    name: str
    routes: tuple[Route, ...]
    forbidden: tuple[Forbidden, ...]
    login: Route | None = None


def segment(text: str) -> str | None:
    """The text as one segment of a path, None where no server would take it for one."""
    quoted = quote(text, safe="", errors="replace")
    return quoted if _SEGMENT.fullmatch(quoted) else None


CODEX_PROXY: Final = PoolProgram(
    "codex-proxy",
    login=Route("POST", "/auth/dashboard-login"),
    routes=(
        Route("GET", "/auth/accounts", whole_pool=True),
        Route("GET", "/auth/accounts/{id}/quota"),
        Route("GET", "/auth/accounts/{id}/reset-credits"),
        Route("POST", "/auth/accounts/{id}/refresh"),
        Route("GET", "/admin/general-settings"),
        Route("GET", "/admin/update-status"),
    ),
    forbidden=(
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
    ),
)

CODEX_LB: Final = PoolProgram(
    "codex-lb",
    login=Route("POST", "/api/dashboard-auth/password/login"),
    routes=(
        # by the API key
        Route("GET", "/api/fleet/summary", whole_pool=True),
        Route("POST", "/api/fleet/refresh"),
        # by the dashboard's password
        Route("GET", "/api/accounts", whole_pool=True),
        Route("GET", "/api/accounts/{id}/usage-reset-credits"),
    ),
    forbidden=(
        Forbidden(Route("POST", "/api/accounts/{id}/probe"), "spends a model request"),
        Forbidden(Route("POST", "/api/accounts/{id}/export/auth"), "hands out tokens"),
        Forbidden(Route("GET", "/api/accounts/{id}/export/auth"), "hands out tokens"),
        Forbidden(Route("POST", "/api/accounts/export"), "hands out tokens"),
        Forbidden(Route("POST", "/api/accounts/import"), "changes the pool"),
        Forbidden(Route("POST", "/api/accounts/{id}/pause"), "changes the pool"),
        Forbidden(Route("POST", "/api/accounts/{id}/reactivate"), "changes the pool"),
        Forbidden(Route("DELETE", "/api/accounts/{id}"), "removes an account"),
        Forbidden(
            Route("POST", "/api/accounts/{id}/rate-limit-reset-credits/consume"), "spends a banked reset"
        ),
        Forbidden(Route("POST", "/api/accounts/{id}/usage-reset-credits/consume"), "spends a reset"),
        Forbidden(Route("POST", "/api/api-keys/"), "makes a key"),
        Forbidden(Route("PUT", "/api/settings"), "changes the pool"),
        Forbidden(Route("POST", "/api/dashboard-auth/password/setup"), "changes the dashboard's password"),
        Forbidden(Route("POST", "/v1/responses"), "spends a model request"),
        Forbidden(Route("POST", "/backend-api/codex/responses"), "spends a model request"),
    ),
)

MANAGEMENT: Final = "/v0/management"
CLI_PROXY_API: Final = PoolProgram(
    "CLIProxyAPI",
    routes=(
        Route("GET", f"{MANAGEMENT}/auth-files", whole_pool=True),
        Route("POST", f"{MANAGEMENT}/api-call", whole_pool=True),
    ),
    forbidden=(
        Forbidden(Route("GET", f"{MANAGEMENT}/auth-files/download"), "hands out tokens"),
        Forbidden(Route("GET", f"{MANAGEMENT}/usage-queue"), "takes entries out of the pool's queue"),
        Forbidden(Route("GET", f"{MANAGEMENT}/config"), "shows the keys of the pool's own clients"),
        Forbidden(Route("POST", f"{MANAGEMENT}/reset-quota"), "changes what is believed of a login"),
        Forbidden(Route("POST", f"{MANAGEMENT}/auth-files"), "adds a login"),
        Forbidden(Route("DELETE", f"{MANAGEMENT}/auth-files"), "deletes logins"),
        Forbidden(Route("PATCH", f"{MANAGEMENT}/auth-files/status"), "turns a login on or off"),
        Forbidden(Route("PATCH", f"{MANAGEMENT}/auth-files/fields"), "changes a login"),
        Forbidden(Route("PUT", f"{MANAGEMENT}/config.yaml"), "changes the pool's settings"),
    ),
)
