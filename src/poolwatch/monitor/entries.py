"""Whom to ask for an account's usage: which of its entries, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Custody, Listing, SourceRef
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.schedule import RETRY_AFTER_CEILING, backoff
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import token_is_live
from poolwatch.domain.values import replace
from poolwatch.sources.source import Source

#: Failures that say nothing of the account: another entry may bring its figures. A 429 is the service's
#: wish to be left alone, whoever asks, and what it says of this very account is an answer.
ANOTHER_MAY_KNOW: Final = frozenset(
    {
        FailureKind.EDGE_BLOCKED,
        FailureKind.UNREACHABLE,
        FailureKind.NOT_THE_SERVICE,
        FailureKind.MALFORMED,
        FailureKind.FORBIDDEN,
        FailureKind.UPSTREAM_ERROR,
        FailureKind.TOKEN_REFRESH,
        FailureKind.UNAUTHORIZED,
        FailureKind.NO_TOKEN,
        FailureKind.NO_FIGURES,
        FailureKind.OTHER_ACCOUNT,
    }
)


def as_known(entry: Listing, key: AccountKey) -> Listing:
    """The entry with all that is known of whose it is: a pool may list less than another source does."""
    if entry.custody is not Custody.POOL or not key.is_full:
        return entry
    return replace(entry, user_id=entry.user_id or key.user_id, account_id=entry.account_id or key.account_id)


def live_entries(
    account: AccountState,
    sources: Mapping[str, Source],
    answers: Callable[[str], bool],
    server_now: datetime,
    *,
    acting_first: bool = False,
) -> list[Listing]:
    """The entries that can be asked, the one that can tell most first.

    A login file lives while its token does; a pool keeps its tokens to itself, so its entries live as
    long as it `answers`. `acting_first`: a refresh has just renewed the acting entry's token, and its
    reading shows that the new one works.
    """
    live = [
        listing
        for listing in account.listings
        if listing.polled
        and listing.ref.source in sources
        and (
            answers(listing.ref.source)
            if listing.custody is Custody.POOL
            else token_is_live(listing, account.rejected, server_now)
        )
    ]
    if len(live) < 2:
        return live
    acting = account.acting

    def order(listing: Listing) -> tuple[bool, bool, int, bool]:
        is_acting = listing is acting
        return (
            # a pool whose login is dead still answers from its cache; a file that is alive knows better
            listing.says_login_needed,
            acting_first and not is_acting,
            sources[listing.ref.source].directness,
            not is_acting,
        )

    return sorted(live, key=order)


class _Quiet(Struct, frozen=True):
    until: datetime
    failures: int


class QuietEntries:
    """Entries that brought no reading while another one did: they are left alone for longer each time."""

    def __init__(self, interval: timedelta, draw: Callable[[], float]) -> None:
        self._interval = interval
        self._draw = draw
        self._held: dict[SourceRef, _Quiet] = {}

    def last(self, entries: list[Listing], now: datetime) -> list[Listing]:
        """The entries with the quiet ones behind the others."""
        return sorted(entries, key=lambda entry: self._is_quiet(entry.ref, now))

    def note(self, ref: SourceRef, failure: Failure, now: datetime) -> None:
        """It was asked in vain while another entry answered."""
        held = self._held.get(ref)
        failures = held.failures + 1 if held is not None else 1
        wait = backoff(self._interval, failures, self._draw())
        if failure.retry_at is not None:
            wait = max(wait, min(failure.retry_at - now, RETRY_AFTER_CEILING))
        self._held[ref] = _Quiet(now + wait, failures)

    def over(self, ref: SourceRef) -> None:
        """It speaks again."""
        self._held.pop(ref, None)

    def _is_quiet(self, ref: SourceRef, now: datetime) -> bool:
        held = self._held.get(ref)
        return held is not None and now < held.until
