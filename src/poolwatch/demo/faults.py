"""Faults on order: what to do to the next requests of an account or of the token endpoint."""

import json
from collections import deque
from dataclasses import dataclass
from typing import Literal, TypeAlias

from poolwatch.demo.account import JsonObject, JsonValue

Endpoint = Literal["usage", "token"]
Key: TypeAlias = tuple[Endpoint, str]

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to answer badly; the parts combine.

    Attributes:
        status: answer with this status instead of doing what was asked.
        body: the body to answer with, with status 200 unless `status` says otherwise.
        headers: headers to add to the answer, or to put in place of those with the same name.
        delay_seconds: wait before anything is done.
        reset: end the connection by RST before anything is done.
        hang: say nothing until the client gives up.
        garbage: answer with bytes that are not HTTP.
        redirect_to: answer 307 with this Location.
        truncate_at: do what was asked, send so many bytes of the body, then close.
        drip_seconds: do what was asked, then pause so long before each of the body's bytes.
        drop_after_commit: do what was asked, then end the connection by RST.
        times: for how many requests; None is for all until it is cleared.
    """

    status: int | None = None
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    delay_seconds: float = 0.0
    reset: bool = False
    hang: bool = False
    garbage: bool = False
    redirect_to: str | None = None
    truncate_at: int | None = None
    drip_seconds: float = 0.0
    drop_after_commit: bool = False
    times: int | None = 1

    @property
    def replaces_reply(self) -> bool:
        """Whether the request is answered without being carried out."""
        return self.status is not None or self.body is not None or self.redirect_to is not None


class NotAFaultError(ValueError):
    """The order names a part that does not exist, or gives it a wrong value."""


def _flag(name: str, value: JsonValue) -> bool:
    if not isinstance(value, bool):
        raise NotAFaultError(f"{name} must be true or false")
    return value


def _whole(name: str, value: JsonValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NotAFaultError(f"{name} must be a whole number, 0 or more")
    return value


def _seconds(name: str, value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise NotAFaultError(f"{name} must be a number of seconds, 0 or more")
    return float(value)


def _headers(value: JsonValue) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise NotAFaultError("headers must be an object")
    named = tuple((name, str(text)) for name, text in value.items())
    if any("\n" in part or "\r" in part for pair in named for part in pair):
        raise NotAFaultError("a header cannot hold a line break")
    return named


def parse_fault(order: JsonObject) -> Fault:
    """Read a fault.

    Raises:
        NotAFaultError: the order cannot be carried out as it is written.
    """
    unknown = sorted(set(order) - set(Fault.__slots__))
    if unknown:
        raise NotAFaultError(f"no such part of a fault: {', '.join(unknown)}")
    body = order.get("body")
    location = order.get("redirect_to")
    if location is not None and not isinstance(location, str):
        raise NotAFaultError("redirect_to must be an address")
    times = order.get("times", 1)
    return Fault(
        status=None if order.get("status") is None else _whole("status", order["status"]),
        body=None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode(),
        headers=_headers(order.get("headers", {})),
        delay_seconds=_seconds("delay_seconds", order.get("delay_seconds", 0)),
        reset=_flag("reset", order.get("reset", False)),
        hang=_flag("hang", order.get("hang", False)),
        garbage=_flag("garbage", order.get("garbage", False)),
        redirect_to=location,
        truncate_at=None if order.get("truncate_at") is None else _whole("truncate_at", order["truncate_at"]),
        drip_seconds=_seconds("drip_seconds", order.get("drip_seconds", 0)),
        drop_after_commit=_flag("drop_after_commit", order.get("drop_after_commit", False)),
        times=None if times is None else _whole("times", times),
    )


class FaultBook:
    """The orders that are still open: an account's own come before those for everybody, each in turn."""

    def __init__(self) -> None:
        self._open: dict[Key, deque[tuple[Fault, int | None]]] = {}

    def order(self, endpoint: Endpoint, who: str, fault: Fault) -> None:
        """Queue a fault for an account's label, or for everybody."""
        if fault.times != 0:
            self._open.setdefault((endpoint, who), deque()).append((fault, fault.times))

    def clear(self, endpoint: Endpoint, who: str) -> None:
        """Forget what is queued there."""
        self._open.pop((endpoint, who), None)

    def take(self, endpoint: Endpoint, who: str | None) -> Fault | None:
        """The fault for this request, if any; it is counted as used."""
        for name in (who, EVERYBODY) if who is not None else (EVERYBODY,):
            queue = self._open.get((endpoint, name))
            if not queue:
                continue
            fault, left = queue.popleft()
            if left is None:
                queue.appendleft((fault, None))
            elif left > 1:
                queue.appendleft((fault, left - 1))
            return fault
        return None

    def pending(self) -> JsonObject:
        """How many requests each open order still waits for; null is without end."""
        counts: JsonObject = {}
        for (endpoint, who), queue in sorted(self._open.items()):
            left = [times for _, times in queue if times is not None]
            if queue:
                counts[f"{endpoint}:{who}"] = sum(left) if len(left) == len(queue) else None
        return counts
