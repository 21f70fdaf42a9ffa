"""What all pools have in common as sources: a list of accounts, asked for once at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable
from datetime import datetime, timedelta
from typing import Final, Generic, Self, TypeVar

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from poolwatch.domain.account import Custody, Listing, SourceRef, TokenFacts
from poolwatch.domain.failure import AS_STORED, Failure, FailureKind, worded
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.remake import replace
from poolwatch.domain.usage import UsageWindow
from poolwatch.host.single_flight import SingleFlight
from poolwatch.host.threads import in_thread
from poolwatch.sources.json_body import MOST_ROWS, JsonValue
from poolwatch.sources.lenient import all_said, reader_in
from poolwatch.sources.pools.client import Refused
from poolwatch.sources.pools.keys import Door, key_stamps, key_warnings
from poolwatch.sources.pools.routes import segment
from poolwatch.sources.redaction import their_words
from poolwatch.sources.source import Directness, SourceSetup, UsageReading
from poolwatch.words.messages import failure_text

L = TypeVar("L")

#: One list answers for all accounts that are asked for within this time after it came.
LIST_LIFE: Final = timedelta(seconds=2)


def rows_left_out(body: JsonValue, member: str = "accounts") -> str | None:
    """That a list was too long to be read whole, in words for people."""
    rows = body.get(member) if isinstance(body, dict) else None
    if not isinstance(rows, list) or len(rows) <= MOST_ROWS:
        return None
    return f"its list has more than {MOST_ROWS:,} accounts: the others are not shown"


class _Told(Struct, Generic[L]):
    """What came of asking for the list, between these instants of our own clock."""

    asked_at: datetime
    came_at: datetime
    found: L | Failure
    #: its entries, once they were wanted
    listings: tuple[Listing, ...] | None = None
    #: whether it was asked for because something else failed
    since_failure: bool = False


class ListingPool(ABC, Generic[L]):
    """A pool whose list comes as an `L`; callers that want it at the same time share one answer."""

    #: how much it can tell
    directness: Directness

    def __init__(self, setup: SourceSetup) -> None:
        self._settings = setup.settings
        self._home = setup.home
        self._shows_raw = setup.shows_raw
        self._door = Door(setup)
        self._lists: SingleFlight[_Told[L]] = SingleFlight()
        self._told: _Told[L] | None = None
        #: that its list was too long to be read whole, in words
        self.left_out: str | None = None

    @property
    def name(self) -> str:
        """The source's name."""
        return self._settings.name

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """One entry per account of the pool, or why the pool cannot say."""
        return await self._entries(await self._ask_for_list(at))

    async def list_lately(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """The same, of the list that came a moment ago if there is one: it is then the very same value."""
        return await self._entries(self._recent(at) or await self._ask_for_list(at))

    async def signature(self) -> Hashable:
        """Differs once a key file was replaced; the pool itself is not asked."""
        return await asyncio.to_thread(key_stamps, self._settings, self._home)

    @abstractmethod
    async def _list_now(self, at: datetime) -> L | Failure:
        """Ask the pool for its list."""

    @abstractmethod
    def _listings(self, found: L) -> tuple[Listing, ...]:
        """The entries of a list. It runs beside the event loop."""

    async def _list(self, at: datetime) -> L | Failure:
        return (await self._ask_for_list(at)).found

    async def _lately(self, at: datetime) -> L | Failure:
        """The list that came a moment ago, else a new one."""
        told = self._recent(at)
        if told is None or isinstance(told.found, Failure):
            told = await self._ask_for_list(at)
        return told.found

    async def _after_failure(self, at: datetime) -> L | Failure:
        """The list, which tells whether the whole pool fails; for the first failure it is asked for anew."""
        told = self._recent(at)
        if told is None or not told.since_failure:
            told = await self._ask_for_list(at)
            told.since_failure = not isinstance(told.found, Failure)
        return told.found

    def _outdated(self) -> None:
        """Something was done to the pool: what it listed before is old."""
        self._told = None

    def _recent(self, at: datetime) -> _Told[L] | None:
        told = self._told
        return told if told is not None and told.asked_at <= at <= told.came_at + LIST_LIFE else None

    async def _ask_for_list(self, at: datetime) -> _Told[L]:
        return await self._lists.join("list", lambda: self._new_list(at))

    async def _new_list(self, at: datetime) -> _Told[L]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        found = await self._list_now(at)
        self._told = _Told(at, at + timedelta(seconds=loop.time() - started), found)
        return self._told

    async def _entries(self, told: _Told[L]) -> tuple[Listing, ...] | Failure:
        found = told.found
        if isinstance(found, Failure):
            return found
        if told.listings is None:
            told.listings = await in_thread(lambda: self._listings(found))
        return told.listings

    async def _key_warnings(self) -> tuple[str, ...]:
        return await asyncio.to_thread(key_warnings, self._settings, self._home)


class PoolAccount(Struct, frozen=True, kw_only=True):
    """One account; `id` is the pool's own and goes into its routes, `status` is the pool's word."""

    id: str
    user_id: str | None = None
    account_id: str | None
    email: str | None
    label: str | None
    plan: str | None
    status: str
    #: the end of its access token
    expires_at: datetime | None = None
    #: the workspace's name
    workspace: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, {self.status!r})"

    def listing(
        self, source: str, pool: str, *, disabled: str, login_needed: str, works: Collection[str] = ()
    ) -> Listing:
        """Its entry; `disabled` and `login_needed` are the pool's words for accounts that are switched off or
        signed out, `works` those for accounts whose login it can use.
        """
        return Listing(
            SourceRef(source, self.id),
            user_id=self.user_id,
            account_id=self.account_id,
            email=self.email,
            label=self.label,
            plan=self.plan,
            custody=Custody.POOL,
            token=TokenFacts(expires_at=self.expires_at),
            owner=pool,
            disabled=self.status == disabled,
            says_login_needed=self.status == login_needed,
            says_login_works=self.status in works,
            workspace=self.workspace,
        )


#: More extra buckets than this are no answer of a pool.
MAX_BUCKETS: Final = 64
#: How much of a pool's own words is shown.
SAID_LENGTH: Final = 120
#: A window of which nothing is known.
NO_WINDOW: Final = UsageWindow(None, None, None)


class CamelWire(BaseModel):
    """A pool's own object, whose keys are the fields' names in camel case.

    As in a `WireObject`, unknown keys are ignored, and no field can spoil another.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        # a field may hold a WireObject
        arbitrary_types_allowed=True,
    )

    @field_validator("*", mode="plain")
    @classmethod
    def _said(cls, value: object, info: ValidationInfo) -> object:
        name = info.field_name or ""
        return all_said([(name, reader_in(cls.model_fields[name].metadata))], {name: value})[0]

    @classmethod
    def of(cls, value: object) -> Self | None:
        """The object that a JSON value is; None of anything else."""
        return cls.model_validate(value) if isinstance(value, dict) else None


def account_rows(body: JsonValue, pool: str, id_key: str) -> dict[str, dict[str, JsonValue]] | Failure:
    """The rows of `accounts` by their id, the first of equals; those whose id fits no route are left out.

    Of more than `MOST_ROWS` the others are left out as well.
    """
    rows = body.get("accounts") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        return holds_no(pool, "list of accounts", body)
    found: dict[str, dict[str, JsonValue]] = {}
    for row in rows[:MOST_ROWS]:
        place = row.get(id_key) if isinstance(row, dict) else None
        if isinstance(row, dict) and isinstance(place, str) and segment(place) is not None:
            found.setdefault(place, row)
    return found


def holds_no(pool: str, what: str, body: JsonValue) -> Failure:
    """The failure for an answer without what was asked for: the pool's own words where it has some."""
    error = body.get("error") if isinstance(body, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    if isinstance(said, str) and said.strip():
        words = f"{pool} says: {their_words(said, SAID_LENGTH)}"
        return worded(FailureKind.UPSTREAM_ERROR, words)
    return worded(FailureKind.MALFORMED, f"the answer of {pool} holds no {what}")


def unasked(words: str) -> UsageReading:
    """No figures, and no fault of the account's: the pool as a whole is silent, or has none to give.

    It is no trouble of the account; what lists the source again says what is wrong with the pool.
    """
    return UsageReading(worded(FailureKind.NO_TOKEN, words))


def not_renewed(answer: Refused, pool: Failure) -> TokenStep:
    """The token step of a pool that lists nothing either: its own trouble, and none of the account's.

    `pool` is why it does not list.
    """
    words = failure_text(may_be_renewed(pool, answer))
    return TokenStep(
        TokenOutcome.BLOCKED,
        answer.elapsed_seconds,
        block=BlockReason.POOL_SKIPPED,
        detail=words,
        retry_at=pool.retry_at,
    )


def may_be_renewed(failure: Failure, answer: Refused) -> Failure:
    """The failure, which says so where the answer to a renewal that the pool may have taken was lost."""
    if answer.status is not None or not answer.sent:
        return failure
    return replace(
        failure,
        code=AS_STORED,
        arguments=(("text", f"{failure_text(failure)}; the pool may have renewed the token all the same"),),
    )


def renews_by_itself(took_seconds: float | None = None, detail: str | None = None) -> TokenStep:
    """The token step of a pool that has no refresh route, or skipped this account."""
    return TokenStep(
        TokenOutcome.CURRENT, took_seconds=took_seconds, block=BlockReason.POOL_SKIPPED, detail=detail
    )
