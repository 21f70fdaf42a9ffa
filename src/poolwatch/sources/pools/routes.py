"""The routes that each pool program is asked for; there is no way to ask for any other."""

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
    #: what stands in the path is a secret, and is remembered nowhere
    is_secret: bool = False

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
class PoolProgram:
    """A program that keeps accounts: its name as people know it, and all routes that it is asked for.

    Others hand out tokens, spend requests or change the pool; the tests name the worst of them.
    """

    name: str
    routes: tuple[Route, ...]


def segment(text: str) -> str | None:
    """The text as one segment of a path, None where no server would take it for one."""
    quoted = quote(text, safe="", errors="replace")
    return quoted if _SEGMENT.fullmatch(quoted) else None


CODEX_PROXY: Final = PoolProgram(
    "codex-proxy",
    (
        Route("POST", "/auth/dashboard-login"),
        Route("GET", "/auth/accounts", whole_pool=True),
        Route("GET", "/auth/accounts/{id}/quota"),
        Route("GET", "/auth/accounts/{id}/reset-credits"),
        # only where a person has a banked reset used
        Route("POST", "/auth/accounts/{id}/reset-credits/consume"),
        Route("POST", "/auth/accounts/{id}/refresh"),
        # only where a person signs in
        Route("POST", "/auth/device-login"),
        Route("GET", "/auth/device-poll/{id}", is_secret=True),
        Route("GET", "/admin/general-settings"),
        Route("GET", "/admin/update-status"),
    ),
)

CODEX_LB: Final = PoolProgram(
    "codex-lb",
    (
        # by the API key
        Route("GET", "/api/fleet/summary", whole_pool=True),
        Route("POST", "/api/fleet/refresh"),
        # by the dashboard's password
        Route("POST", "/api/dashboard-auth/password/login"),
        Route("GET", "/api/accounts", whole_pool=True),
        Route("GET", "/api/accounts/{id}/usage-reset-credits"),
        # only where a person has a banked reset used
        Route("POST", "/api/accounts/{id}/rate-limit-reset-credits/consume"),
        # only where a person signs in
        Route("POST", "/api/oauth/start"),
        Route("POST", "/api/oauth/complete"),
        Route("GET", "/api/oauth/status"),
    ),
)

MANAGEMENT: Final = "/v0/management"
CLI_PROXY_API: Final = PoolProgram(
    "CLIProxyAPI",
    (
        Route("GET", f"{MANAGEMENT}/auth-files", whole_pool=True),
        Route("POST", f"{MANAGEMENT}/api-call", whole_pool=True),
    ),
)
