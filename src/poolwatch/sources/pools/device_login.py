"""Sign-ins that a pool does by itself: a person types its code elsewhere, and the pool has the login.

poolwatch sees neither password nor token. What codex-proxy calls the device code could be traded for a
login by whoever holds it: it is a secret here, kept for as long as the wait.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec import Struct

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import message
from poolwatch.sources.json_body import JsonObject
from poolwatch.sources.pools.client import PoolClient, Refused, json_bytes
from poolwatch.sources.pools.routes import segment
from poolwatch.sources.redaction import their_words

_LONGEST_ADDRESS: Final = 200
_LONGEST_CODE: Final = 40
_SAID_LENGTH: Final = 120
_SOONEST: Final = timedelta(seconds=2)
_LATEST: Final = timedelta(seconds=30)
_LIFE: Final = timedelta(minutes=15)


class DeviceCode(Struct, frozen=True):
    """What a person types, and where; the pool is asked every `pause` for at most `life`."""

    address: str
    code: str
    ticket: Secret
    pause: timedelta = timedelta(seconds=5)
    life: timedelta = _LIFE


class DeviceLogin(Protocol):
    """A pool's own sign-in by code."""

    async def start(self, at: datetime) -> DeviceCode | Failure:
        """Have the pool ask for a code."""

    async def ended(self, code: DeviceCode, at: datetime) -> bool | Failure:
        """Whether the pool has the login by now, or why it will not."""


class ProxyDeviceLogin:
    """codex-proxy's."""

    def __init__(self, pool: PoolClient) -> None:
        self._pool = pool

    async def start(self, at: datetime) -> DeviceCode | Failure:
        answer = await self._pool.post_json("/auth/device-login", None, at)
        if isinstance(answer, Refused):
            return answer.failure
        body = answer.body if isinstance(answer.body, dict) else {}
        addresses = body.get("verificationUriComplete"), body.get("verificationUri")
        return _code(addresses, body.get("userCode"), body.get("deviceCode"), body, "interval", "expiresIn")

    async def ended(self, code: DeviceCode, at: datetime) -> bool | Failure:
        part = segment(code.ticket.reveal())
        if part is None:
            return _not_understood()
        answer = await self._pool.get_json(f"/auth/device-poll/{part}", at, secrets=(code.ticket,))
        if isinstance(answer, Refused):
            return answer.failure
        body = answer.body if isinstance(answer.body, dict) else {}
        if body.get("success") is True:
            return True
        return False if body.get("pending") is True else _not_understood()


class LbDeviceLogin:
    """codex-lb's, which the dashboard's session opens."""

    def __init__(self, dashboard: PoolClient) -> None:
        self._dashboard = dashboard

    async def start(self, at: datetime) -> DeviceCode | Failure:
        order = json_bytes({"forceMethod": "device"})
        answer = await self._dashboard.post_json("/api/oauth/start", lambda: order, at)
        if isinstance(answer, Refused):
            return answer.failure
        body = answer.body if isinstance(answer.body, dict) else {}
        ticket = body.get("deviceAuthId")
        names = ("intervalSeconds", "expiresInSeconds")
        found = _code((body.get("verificationUrl"),), body.get("userCode"), ticket, body, *names)
        if isinstance(found, DeviceCode):
            # an older one begins to wait only when it is told to
            told = json_bytes({"deviceAuthId": found.ticket.reveal(), "userCode": found.code})
            await self._dashboard.post_json("/api/oauth/complete", lambda: told, at, (found.ticket,))
        return found

    async def ended(self, code: DeviceCode, at: datetime) -> bool | Failure:
        answer = await self._dashboard.get_json("/api/oauth/status", at, secrets=(code.ticket,))
        if isinstance(answer, Refused):
            return answer.failure
        body = answer.body if isinstance(answer.body, dict) else {}
        match body.get("status"):
            case "success":
                return True
            case "pending":
                return False
            case "error":
                said = body.get("errorMessage")
                text = their_words(said if isinstance(said, str) else "", _SAID_LENGTH, code.ticket)
                return failure(FailureKind.FORBIDDEN, "sign_in.pool_says", text=text)
        return _not_understood()


def _code(
    addresses: tuple[object, ...], code: object, ticket: object, body: JsonObject, pause: str, life: str
) -> DeviceCode | Failure:
    place = next((each for each in addresses if isinstance(each, str) and _can_be_opened(each)), None)
    if place is None or not isinstance(code, str) or not isinstance(ticket, str) or not (code and ticket):
        return _not_understood()
    if their_words(code, _LONGEST_CODE) != code:
        # nobody could type it
        return _not_understood()
    return DeviceCode(
        place,
        code,
        Secret(ticket),
        min(max(_seconds(body.get(pause), timedelta(seconds=5)), _SOONEST), _LATEST),
        min(_seconds(body.get(life), _LIFE), _LIFE),
    )


def _can_be_opened(address: str) -> bool:
    """Whether it is shown as it is, and what is typed there, which signs in, is read by nobody on the way."""
    return address.startswith("https://") and their_words(address, _LONGEST_ADDRESS) == address


def _seconds(value: object, otherwise: timedelta) -> timedelta:
    try:
        seconds = float(str(value))
    except ValueError:
        return otherwise
    return timedelta(seconds=seconds) if 0 < seconds < 86_400 else otherwise


def _not_understood() -> Failure:
    return failure(FailureKind.MALFORMED, "sign_in.no_code", why=message("sign_in.old_pool"))
