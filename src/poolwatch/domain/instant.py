"""The type of every instant: a datetime that knows its zone, UTC wherever poolwatch makes one."""

from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

#: What is read from outside without an offset is refused by its decoder.
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
#: The instant of figures whose age nobody tells. It lies before all others, so that such figures are old.
UNDATED: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_undated(at: datetime) -> bool:
    """Whether this stands for an instant that nobody knows."""
    return at <= UNDATED
