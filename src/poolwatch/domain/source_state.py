"""What is known of the sources themselves, apart from the usage of their accounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct, field

from poolwatch.domain.account import Listing
from poolwatch.domain.failure import Failure


class SourceState(Struct, frozen=True, eq=False):
    """One source: what it lists, when it last answered, and what keeps it from answering."""

    name: str
    listings: tuple[Listing, ...] = ()
    listed_at: datetime | None = None
    failure: Failure | None = None
    failing_since: datetime | None = None


class PoolFacts(Struct, frozen=True, eq=False):
    """What is true of the whole pool and worth remembering; the listings of `sources` are not part of it."""

    #: the pool's name, as it is configured
    name: str | None = None
    #: what the server's clock is ahead of ours
    clock_offset: timedelta = timedelta(0)
    sources: tuple[SourceState, ...] = ()
    #: credits per USD that each source is set up with, of those that have a rate
    rates: Mapping[str, Decimal] = field(default_factory=dict)
