"""What all pools have in common as sources: a list of accounts, asked for once at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final, Generic, TypeVar

from msgspec import Struct

from poolwatch.domain.account import Listing
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.text import visible_or_none
from poolwatch.domain.usage import UsageWindow
from poolwatch.domain.values import replace
from poolwatch.host.single_flight import SingleFlight
from poolwatch.sources.json_body import MOST_ROWS, JsonObject, JsonValue, within
from poolwatch.sources.pools.client import Answered, Refused
from poolwatch.sources.pools.keys import ConfiguredSecret, Refusals, SecretKind
from poolwatch.sources.pools.routes import PoolProgram, segment
from poolwatch.sources.redaction import their_words
from poolwatch.sources.source import Directness, PoolReport, SourceSetup, UsageReading

#: One list answers for all accounts that are asked for within this time after it came.
LIST_LIFE: Final = timedelta(seconds=2)
#: More extra buckets than this are no answer of a pool.
MAX_BUCKETS: Final = 64
#: How much of a pool's own words is shown.
SAID_LENGTH: Final = 120
_VERSION_LENGTH: Final = 40
#: A window of which nothing is known.
NO_WINDOW: Final = UsageWindow(None, None, None)


class PoolAccount(Struct, frozen=True):
    """One account as a pool lists it."""

    listing: Listing


A = TypeVar("A", bound=PoolAccount)


class PoolList(Struct, Generic[A], frozen=True):
    """A pool's accounts by its own ids."""

    accounts: Mapping[str, A]
    #: what the pool's clock is ahead of ours
    pool_ahead: timedelta = timedelta(0)
    #: that the list was too long to be read whole
    left_out: Message | None = None
    #: what it cannot tell or do
    lacks: tuple[Message, ...] = ()
    #: the dashboard's list, which may know more than the one that a key opens
    by_dashboard: bool = False
    #: the answer that they stand in, as text, and how long it took
    raw: str | None = None
    elapsed_seconds: float = 0.0


class _Told(Struct, Generic[A]):
    """What came of asking for the list, between these instants of our own clock."""

    asked_at: datetime
    came_at: datetime
    found: PoolList[A] | Failure
    #: its entries, once they were wanted
    listings: tuple[Listing, ...] | None = None
    #: whether it was asked for because something else failed
    since_failure: bool = False


class ListingPool(ABC, Generic[A]):
    """A pool; callers that want its list at the same time share one answer."""

    #: how much it can tell
    directness: Directness
    program: PoolProgram

    def __init__(self, setup: SourceSetup) -> None:
        self._settings = setup.settings
        self._failure = partial(failure, pool=self.program.name)
        self._key = ConfiguredSecret(setup, SecretKind.KEY)
        self._password = ConfiguredSecret(setup, SecretKind.PASSWORD)
        self._refusals = Refusals(setup)
        self._lists: SingleFlight[_Told[A]] = SingleFlight()
        self._told: _Told[A] | None = None
        self._told_version: str | None = None
        #: that its list was too long to be read whole
        self.left_out: Message | None = None

    @property
    def name(self) -> str:
        """The source's name."""
        return self._settings.name

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """One entry per account of the pool, or why the pool cannot say."""
        return self._entries(await self._ask_for_list(at))

    async def list_lately(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """The same, of the list that came a moment ago if there is one: it is then the very same value."""
        return self._entries(self._recent(at) or await self._ask_for_list(at))

    async def rate(self, at: datetime) -> Decimal | None:
        """Credits per US dollar as this pool is set up, None where it does not say."""
        return None

    async def signature(self) -> Hashable:
        """Differs once a key file was replaced; the pool itself is not asked."""
        return await asyncio.to_thread(lambda: (self._key.stamp(), self._password.stamp()))

    async def report(self, at: datetime) -> PoolReport | Failure:
        """How the pool is, for people who look for what is wrong."""
        listed = await self._list(at)
        if isinstance(listed, Failure):
            return listed
        entries = [self._listing(account) for account in listed.accounts.values()]
        need_login = sum(entry.says_login_needed and not entry.disabled for entry in entries)
        warnings = await asyncio.to_thread(lambda: (self._key.warning(), self._password.warning()))
        lacks = [*warnings, listed.left_out, *listed.lacks]
        told = tuple(lack for lack in lacks if lack is not None)
        return PoolReport(self.program.name, await self._version(at), len(entries), need_login, told)

    @abstractmethod
    async def _list_now(self, at: datetime) -> PoolList[A] | Failure:
        """Ask the pool for its list."""

    async def _version(self, at: datetime) -> str | None:
        """The program's version, where it tells."""
        return self._told_version

    def _unlisted(self) -> UsageReading:
        """The pool has no such account, any more or at all."""
        return unasked(message("pools.account_gone", pool=self.program.name))

    def _note_version(self, answer: Answered | Refused, header: str) -> None:
        version = visible_or_none(answer.headers.get(header), _VERSION_LENGTH)
        self._told_version = version or self._told_version

    def _listing(self, account: A) -> Listing:
        return account.listing

    async def _list(self, at: datetime) -> PoolList[A] | Failure:
        return (await self._ask_for_list(at)).found

    async def _lately(self, at: datetime) -> PoolList[A] | Failure:
        """The list that came a moment ago, else a new one."""
        told = self._recent(at)
        if told is None or isinstance(told.found, Failure):
            told = await self._ask_for_list(at)
        return told.found

    async def _after_failure(self, at: datetime) -> PoolList[A] | Failure:
        """The list, which tells whether the whole pool fails; for the first failure it is asked for anew."""
        told = self._recent(at)
        if told is None or not told.since_failure:
            told = await self._ask_for_list(at)
            told.since_failure = not isinstance(told.found, Failure)
        return told.found

    def _outdated(self) -> None:
        """Something was done to the pool: what it listed before is old."""
        self._told = None

    def _recent(self, at: datetime) -> _Told[A] | None:
        told = self._told
        return told if told is not None and told.asked_at <= at <= told.came_at + LIST_LIFE else None

    async def _ask_for_list(self, at: datetime) -> _Told[A]:
        return await self._lists.join("list", lambda: self._new_list(at))

    async def _new_list(self, at: datetime) -> _Told[A]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        found = await self._list_now(at)
        if not isinstance(found, Failure):
            self.left_out = found.left_out
        self._told = _Told(at, at + timedelta(seconds=loop.time() - started), found)
        return self._told

    def _entries(self, told: _Told[A]) -> tuple[Listing, ...] | Failure:
        found = told.found
        if isinstance(found, Failure):
            return found
        if told.listings is None:
            told.listings = tuple(map(self._listing, found.accounts.values()))
        return told.listings


def account_rows(body: JsonValue, pool: str, id_key: str) -> dict[str, JsonObject] | Failure:
    """The rows of `accounts` by their id, the first of equals; those whose id fits no route are left out.

    Of more than `MOST_ROWS` the others are left out as well.
    """
    rows = within(body, "accounts")
    if not isinstance(rows, list):
        return holds_no("pools.no_accounts", pool, body)
    found: dict[str, JsonObject] = {}
    for row in rows[:MOST_ROWS]:
        place = within(row, id_key)
        if isinstance(row, dict) and isinstance(place, str) and segment(place) is not None:
            found.setdefault(place, row)
    return found


def rows_left_out(body: JsonValue, member: str = "accounts") -> Message | None:
    """That a list was too long to be read whole."""
    rows = within(body, member)
    if not isinstance(rows, list) or len(rows) <= MOST_ROWS:
        return None
    return message("pools.list_too_long", most=f"{MOST_ROWS:,}")


def holds_no(code: str, pool: str, body: JsonValue) -> Failure:
    """The failure for an answer without what was asked for: the pool's own words where it has some."""
    error = within(body, "error")
    said = within(error, "message") if isinstance(error, dict) else error
    if isinstance(said, str) and said.strip():
        text = their_words(said, SAID_LENGTH)
        return failure(FailureKind.UPSTREAM_ERROR, "pools.says", pool=pool, text=text)
    return failure(FailureKind.MALFORMED, code, pool=pool)


def unasked(why: Message) -> UsageReading:
    """No figures, and no fault of the account's: the pool as a whole is silent, or has none to give.

    It is no trouble of the account; what lists the source again says what is wrong with the pool.
    """
    return UsageReading(Failure(FailureKind.NO_TOKEN, why.code, why.arguments))


def not_renewed(answer: Refused, pool: Failure) -> TokenStep:
    """The token step of a pool that lists nothing either: its own trouble, and none of the account's.

    `pool` is why it does not list.
    """
    return TokenStep(
        TokenOutcome.BLOCKED,
        answer.elapsed_seconds,
        block=BlockReason.POOL_SKIPPED,
        said=may_be_renewed(pool, answer).as_message,
        retry_at=pool.retry_at,
    )


def may_be_renewed(why: Failure, answer: Refused) -> Failure:
    """The failure, which says so where the answer to a renewal that the pool may have taken was lost."""
    if answer.status is not None or not answer.sent:
        return why
    worded = message("pools.maybe_renewed", why=why.as_message)
    return replace(why, code=worded.code, arguments=worded.arguments)


def renews_by_itself(took_seconds: float | None = None, said: Message | None = None) -> TokenStep:
    """The token step of a pool that has no refresh route, or skipped this account."""
    return TokenStep(TokenOutcome.CURRENT, took_seconds, block=BlockReason.POOL_SKIPPED, said=said)
