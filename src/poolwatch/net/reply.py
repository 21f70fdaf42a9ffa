"""What comes back from a request: an answer, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from msgspec import Struct

from poolwatch.domain.failure import Failure


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer. Header names are lower-case; of a header sent twice the first counts.

    `server_date` is the Date header in UTC, None when it is missing or rubbish. `body_refused` says that the
    body of an error answer came in an encoding nobody asked for: it is empty here, which means nothing.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    server_date: datetime | None
    elapsed_seconds: float
    body_refused: bool = False


class NotSent(Struct, frozen=True):
    """A POST of which no byte can have left this machine."""

    failure: Failure


class Lost(Struct, frozen=True):
    """A POST that may have arrived, and whose answer is missing or unreadable."""

    failure: Failure


def http_date(text: str | None) -> datetime | None:
    """The instant of an HTTP date in UTC, or None."""
    if not text:
        return None
    try:
        parsed = parsedate_to_datetime(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def clock_offset(server_date: datetime, asked_at: datetime, elapsed_seconds: float) -> timedelta:
    """What the server's clock is ahead of ours; zero where the answer's travel explains the difference.

    A Date header is cut to whole seconds and was written somewhere between asking and the answer.
    """
    middle = asked_at + timedelta(seconds=elapsed_seconds / 2)
    offset = server_date + timedelta(seconds=0.5) - middle
    doubt = timedelta(seconds=2 + elapsed_seconds / 2)
    return offset if abs(offset) > doubt else timedelta(0)
