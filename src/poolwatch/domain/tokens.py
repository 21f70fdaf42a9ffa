"""Tokens that were used: how many, by which model, when, and for what. Their cost is not kept with them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

#: Use is kept by quarters of an hour, counted since 1970, UTC: there are time zones at half an hour, and at
#: three quarters.
QUARTER_SECONDS: Final = 900
QUARTERS_OF_DAY: Final = 96
#: While files are watched all of them are looked at once a minute.
_OLD_SECONDS: Final = 900.0


class Tokens(Struct, frozen=True):
    """Counts of one request or of many. Cached and cache-write tokens are part of the input, reasoning of the
    output."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """Input and output."""
        return self.input + self.output

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.cached + other.cached,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )


class Tier(StrEnum):
    """The speed that was paid for."""

    STANDARD = "standard"
    FAST = "fast"
    #: no source tells: priced as standard, and marked as estimated
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """Where the knowledge of use comes from."""

    #: Codex's session files on this machine
    FILES = "files"
    #: lines that `data import` took
    IMPORTED = "imported"


class WhoseBy(StrEnum):
    """What tells whose the use in a session file was; nothing does where it is unassigned."""

    #: one account alone is logged in in the file's home
    HOME = "home"
    #: its limits stood as our readings of one account alone
    READINGS = "readings"


class GroupBy(StrEnum):
    """What use can be grouped by."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    HOUR_OF_DAY = "hour"
    MODEL = "model"
    ACCOUNT = "account"
    GROUP = "group"
    USER = "user"
    CLIENT = "client"
    PROJECT = "project"
    CONVERSATION = "conversation"
    OPERATION = "operation"


class UseCell(Struct, frozen=True):
    """Requests of one quarter of an hour that share everything a price or a group depends on.

    Texts are None where the source does not tell. `account` is an account's id, or the text an imported line
    gave. Amounts that the source told (imported lines) stand beside the tokens: `told_cost` in pico-USD,
    `told_credits` in credits. They are those of `told_requests` of the requests, whose tokens, `told_tokens`,
    are not priced again.
    """

    #: quarters of an hour since 1970, UTC
    quarter: int
    model: str | None
    tier: Tier
    #: the input was above the limit from which a model costs more
    long_context: bool
    requests: int
    tokens: Tokens
    account: str | None = None
    user: str | None = None
    client: str | None = None
    project: str | None = None
    conversation: str | None = None
    operation: str | None = None
    #: some of it was not counted by the service: tokens made from characters, a model that was inferred
    estimated: bool = False
    told_cost: int | None = None
    told_credits: Decimal | None = None
    told_requests: int = 0
    told_tokens: Tokens = Tokens()


class UseAsked(Struct, frozen=True):
    """Which use is asked for: of quarters `since` (included) to `until` (not), from one origin.

    The store joins cells that differ only in texts that `by`, `narrow` and `also` do not need: those come as
    None.
    The operation is always told, for some prices are for an image; and requests that were not counted in
    tokens stand apart from those that were.
    `by` None asks for the whole in as few cells as there are quarters and prices.
    """

    since: int
    until: int
    origin: Origin = Origin.FILES
    by: GroupBy | None = GroupBy.MODEL
    #: only cells whose text of that kind is this one, None for "not told"; of groups of accounts the store
    #: knows nothing: for them it tells the account
    narrow: tuple[tuple[GroupBy, str | None], ...] = ()
    #: cells of a UTC day are joined into the last of these quarters of it, 0 to 95 and 0 among them, that
    #: does not come after them; empty: each quarter stands by itself
    joined_at: tuple[int, ...] = ()
    #: whose texts the cells tell besides
    also: frozenset[GroupBy] = frozenset()
    #: only cells whose text of that kind is one of these, None for "not told"
    among: tuple[tuple[GroupBy, frozenset[str | None]], ...] = ()


class RequestSeen(Struct, frozen=True):
    """One of the last requests. `at`: seconds since 1970, UTC."""

    at: float
    model: str | None
    tier: Tier
    long_context: bool
    tokens: Tokens
    account: str | None
    project: str | None
    conversation: str | None
    client: str | None
    operation: str | None = None
    #: what the source said it cost, in pico-USD
    told_cost: int | None = None


class ScanState(Struct, frozen=True):
    """How far the session files were read, and what was not counted. Instants: seconds since 1970, UTC."""

    #: None: nothing has ever been read to its end, or something new is not read to its end yet
    complete_at: float | None = None
    running: bool = False
    bytes_done: int = 0
    bytes_total: int = 0
    #: files from this instant on are read; None: not known yet
    newest_since: float | None = None
    files: int = 0
    homes: int = 0
    bytes_read: int = 0
    #: the oldest request that was counted
    since: float | None = None
    files_unverified: int = 0
    unverified: Tokens = Tokens()
    #: tokens that a wrong clock dated later than now: in no sum until then
    ahead: int = 0
    #: files that could not be read to their end, with the code of the failure
    troubles: tuple[tuple[str, str], ...] = ()
    #: files whose records do not come to what their counter says
    differing: tuple[str, ...] = ()

    def is_old(self, now: float) -> bool:
        """Whether all files were looked at last so long ago that there may be more in them by now."""
        return self.complete_at is not None and now - self.complete_at > _OLD_SECONDS
