"""What comes back from a request: an answer, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from msgspec import Struct

from poolwatch.domain.failure import Failure
from poolwatch.domain.values import BEYOND, UNDATED

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: As nearly all servers write it; the names are English whatever the locale.
_DATE: Final = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT",
    re.ASCII,
)
_SECONDS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_MOST_SECONDS: Final = 10**9


class Reply(Struct, frozen=True):
    """A complete answer. Header names are lower-case; of a header sent twice the first counts.

    `server_date` is the Date header in UTC, None when it is missing or rubbish. `body_refused` says that the
    body of an error answer came in an encoding nobody asked for: it is empty here, which means nothing.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    server_date: datetime | None
    elapsed_seconds: float
    body_refused: bool = False

    def __repr__(self) -> str:
        return f"Reply(status={self.status})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("status", self.status)]


class NotSent(Struct, frozen=True):
    """A POST of which no byte can have left this machine."""

    failure: Failure


class Lost(Struct, frozen=True):
    """A POST that may have arrived, and whose answer is missing or unreadable."""

    failure: Failure


@lru_cache(16)  # it is the same for a second
def http_date(text: str | None) -> datetime | None:
    """The instant of an HTTP date in UTC, or None; none where a clock that was never set says it."""
    at = _http_date(text)
    return at if at is not None and UNDATED < at < BEYOND else None


def _http_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        if found := _DATE.fullmatch(text):
            day, month, *rest = found.groups()
            year, hour, minute, second = map(int, rest)
            return datetime(year, _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
        from email.utils import parsedate_to_datetime  # few need it

        parsed = parsedate_to_datetime(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after(reply: Reply, at: datetime) -> timedelta | None:
    """How long the header asks to wait, None where it asks for nothing; `at` is our own clock."""
    given = (reply.headers.get("retry-after") or "").strip()
    if _SECONDS.fullmatch(given):
        return timedelta(seconds=min(int(given), _MOST_SECONDS))
    until = http_date(given)
    return None if until is None else until - (reply.server_date or at)


def clock_offset(server_date: datetime, asked_at: datetime, elapsed_seconds: float) -> timedelta:
    """What the server's clock is ahead of ours; zero where the answer's travel explains the difference.

    A Date header is cut to whole seconds and was written somewhere between asking and the answer.
    """
    middle = asked_at + timedelta(seconds=elapsed_seconds / 2)
    offset = server_date + timedelta(seconds=0.5) - middle
    doubt = timedelta(seconds=2 + elapsed_seconds / 2)
    return offset if abs(offset) > doubt else timedelta(0)
