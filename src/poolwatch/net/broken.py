"""What to call an exchange that gave no answer, or one that is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.text import visible
from poolwatch.net.address import host_of
from poolwatch.net.progress import Phase, Progress, TooLargeError

if TYPE_CHECKING:
    from poolwatch.net.request import Request

_HOST_LENGTH: Final = 100


def redirect_refused(request: Request, location: str) -> Failure:
    """The failure for a redirect, which names hosts alone: an address may hold secrets."""
    target = host_of(request.address, location)
    to = visible(target, _HOST_LENGTH) if target else "another place"
    return worded(
        FailureKind.NOT_THE_SERVICE,
        f"{visible(request.address.host, _HOST_LENGTH)} redirects to {to}; not followed",
        detail=to if target else None,
    )


def compressed(host: str) -> Failure:
    """The failure for an answer in an encoding that was not asked for."""
    name = visible(host, _HOST_LENGTH)
    return worded(
        FailureKind.MALFORMED, f"{name} sent a compressed answer that was not asked for", detail=name
    )


def broken_off(
    error: BaseException, request: Request, progress: Progress, deadline_seconds: float
) -> Failure:
    """What to call a broken exchange. Texts of exceptions are not used: they may quote what was sent."""
    name = visible(request.address.host, _HOST_LENGTH)
    place = name if request.address.port is None else f"{name}:{request.address.port}"
    kind = FailureKind.UNREACHABLE
    if isinstance(error, TooLargeError):
        kind, words = FailureKind.MALFORMED, f"sent more than {progress.cap_bytes // 1024} KiB"
    elif isinstance(error, TimeoutError):
        slow = {
            Phase.LOOKUP: "was not found by the name service (DNS) within",
            Phase.CONNECTING: "did not accept a connection within",
            Phase.TLS: "did not finish the TLS handshake within",
            Phase.SENDING: "did not take the request within",
            Phase.ANSWER: "did not answer within"
            if not progress.received
            else "did not finish its answer within",
        }
        words = f"{slow[progress.phase]} {deadline_seconds:.3g} s"
    elif progress.trouble is not None:
        words = visible(progress.trouble)
    elif progress.received and not progress.ended and _is_garbage(error):
        kind, words = FailureKind.NOT_THE_SERVICE, "does not answer in HTTP"
    elif progress.received:
        words = "closed the connection in the middle of its answer"
    else:
        words = "closed the connection without an answer"
    return worded(kind, f"{place} {words}", detail=name)


def _is_garbage(error: BaseException) -> bool:
    import h11

    return isinstance(error, h11.RemoteProtocolError)
