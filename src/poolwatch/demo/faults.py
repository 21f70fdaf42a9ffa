"""Faults on order: what to do to the next requests of an account or of the token endpoint."""

import json
from collections import deque
from typing import Annotated, Literal, TypeAlias

import msgspec

from poolwatch.demo.account import JsonObject

Endpoint = Literal["usage", "token"]
Key: TypeAlias = tuple[Endpoint, str]

EVERYBODY = "*"

_Whole = Annotated[int, msgspec.Meta(ge=0)]
_Seconds = Annotated[float, msgspec.Meta(ge=0)]
_HeaderText = Annotated[str, msgspec.Meta(pattern=r"\A[^\r\n]*\Z")]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to answer badly; the parts combine.

    Attributes:
        status: answer with this status instead of doing what was asked.
        body: the body to answer with, a text as it is, else as JSON; with status 200 unless `status` says
            otherwise.
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

    status: _Whole | None = None
    body: object = None
    headers: dict[_HeaderText, _HeaderText] = {}
    delay_seconds: _Seconds = 0.0
    reset: bool = False
    hang: bool = False
    garbage: bool = False
    redirect_to: str | None = None
    truncate_at: _Whole | None = None
    drip_seconds: _Seconds = 0.0
    drop_after_commit: bool = False
    times: _Whole | None = 1

    @property
    def replaces_reply(self) -> bool:
        """Whether the request is answered without being carried out."""
        return self.status is not None or self.body is not None or self.redirect_to is not None

    @property
    def content(self) -> bytes:
        """The body to answer with, as bytes."""
        if self.body is None:
            return b""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def parse_fault(order: JsonObject) -> Fault:
    """Read a fault.

    Raises:
        msgspec.ValidationError: the order names a part that does not exist, or gives it a wrong value.
    """
    return msgspec.convert(order, Fault)


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
