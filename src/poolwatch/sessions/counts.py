"""What counting a session file comes to: requests, alone and together, and where it stands."""

# no `annotations` from __future__: a decoder would evaluate them at each start
from typing import Final, TypeAlias

from msgspec import Struct, field

from poolwatch.domain.tokens import Tier
from poolwatch.sessions.copies import Prefix, Vector
from poolwatch.sessions.heads import FileHead
from poolwatch.sessions.ledger_check import LedgerCheck
from poolwatch.sessions.limits import KnownLimits
from poolwatch.sessions.rollout import Usage
from poolwatch.sessions.tables import TIERS

#: input, cached, cache write, output, reasoning
Counts: TypeAlias = tuple[int, int, int, int, int]
NO_COUNTS: Final[Counts] = (0, 0, 0, 0, 0)
#: What requests share that are counted together: quarter, model, tier, long context, verified
CellKey: TypeAlias = tuple[int, str, int, bool, bool]


class Request(Struct, frozen=True, gc=False):
    """One request. `at`: seconds since 1970, UTC; the tier as `tables` writes it; no model is ''."""

    at: float
    model: str
    tier: int
    long_context: bool
    counts: Counts


class Response(Struct, frozen=True, gc=False):
    """A request that has a record. `rank`: 0 in its own thread's file, 1 in a copy, 2 a mere reference."""

    hash: int
    rank: int
    thread: str
    request: Request


class State(Struct, array_like=True):
    """Where the counting of a file stands between two reads of it."""

    #: when the line before happened: one without a readable instant happened then, too
    at: float = 0.0
    head: FileHead | None = None
    prefix: Prefix = Prefix.NONE
    #: an ancestor's head stands in the file
    has_ancestor: bool = False
    #: another file of its thread comes first
    is_further: bool = False
    vector: Vector | None = None
    cache_write: int = 0
    model: str = ""
    tier: int = TIERS[Tier.UNKNOWN]
    has_records: bool = False
    limits: KnownLimits = field(default_factory=dict)
    ledger: LedgerCheck = field(default_factory=LedgerCheck)
    #: lines that tell about tokens, and are damaged
    bad_lines: int = 0


def counts_of(usage: Usage) -> Counts:
    return (
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.cache_write_input_tokens,
        usage.output_tokens,
        usage.reasoning_output_tokens,
    )
