"""What session files there are: how each comes to be, what befalls it, and how often."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from random import Random
from typing import Final, NamedTuple

from poolwatch.demo.account import HOUR, WEEK
from poolwatch.demo.rollout import Limits

_UNITS: Final = {"kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_LARGEST: Final = 1_000_000_000_000


class Shape(StrEnum):
    """How the file of a thread comes to be."""

    #: counters alone
    COUNTER = "counter"
    #: a record for each response, and counters beside
    LEDGER = "ledger"
    #: counters, then records from an update on
    UPGRADED = "upgraded"
    #: of a build that told no model
    UNTOLD = "untold"
    #: the parent's counters copied, then a turn of its own
    FORK = "fork"
    #: the same without a line that tells where its own part begins
    MATCHED = "matched"
    #: the copied lines are those before an ordinal that the head tells
    NUMBERED = "numbered"
    #: the counter goes on from the parent's
    INHERITED = "inherited"
    #: a child whose counter starts at zero
    ZERO = "zero"
    #: a fork whose parent is gone, and nothing tells where its own part begins
    ORPHAN = "orphan"
    #: two files of one thread, the second of which begins where the first one ended
    CONTINUED = "continued"
    #: a fork in the ledger's time, which copies nothing
    BRANCHED = "branched"
    #: a fork that copies the parent's records
    COPIED = "copied"
    #: a fork that was written anew: no foreign head, every line at the start, a boundary beyond the last
    MIGRATED = "migrated"


class Model(NamedTuple):
    """How often a model is chosen while it is offered: from a day on, until another."""

    name: str
    weight: int
    since: str = ""
    until: str = "9"


_MODELS: Final = (
    Model("gpt-6-sol", 30, since="2026-09-22"),
    Model("gpt-6.1-terra", 24, since="2026-10-26"),
    Model("gpt-5.6-sol", 20),
    Model("gpt-6-luna", 8, since="2026-09-22"),
    Model("gpt-5.5", 8, until="2026-10-14"),
    Model("gpt-5.4", 6),
    Model("gpt-6-astra", 4, since="2026-09-03"),
    Model("gpt-5.3-codex", 3),
    Model("gpt-5.3-codex-spark", 2),
    Model("codex-auto-review", 1),
)


def model_at(draw: Random, at: float) -> str:
    """One of the models that are offered at an epoch second."""
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    offered = [model for model in _MODELS if model.since <= day < model.until]
    return draw.choices(offered, [model.weight for model in offered])[0].name


class Dress(StrEnum):
    """What befell the file afterwards."""

    PLAIN = "plain"
    COMPRESSED = "compressed"
    ARCHIVED = "archived"
    #: it is being archived: both are there
    TWICE = "twice"
    CRLF = "crlf"
    #: the last line is being written
    HALF = "half"
    #: some bytes of a message were lost
    INVALID = "invalid"


#: How often a shape occurs.
SHAPES: Final = {
    Shape.COUNTER: 30, Shape.LEDGER: 30, Shape.UPGRADED: 3, Shape.UNTOLD: 1, Shape.FORK: 6, Shape.MATCHED: 3,
    Shape.NUMBERED: 3, Shape.INHERITED: 4, Shape.ZERO: 5, Shape.ORPHAN: 1, Shape.CONTINUED: 3,
    Shape.BRANCHED: 4, Shape.COPIED: 3, Shape.MIGRATED: 2,
}  # fmt: skip
DRESSES: Final = {
    Dress.PLAIN: 60, Dress.COMPRESSED: 14, Dress.ARCHIVED: 9, Dress.TWICE: 4, Dress.CRLF: 3, Dress.HALF: 5,
    Dress.INVALID: 5,
}  # fmt: skip


def moving_limits(draw: Random, since: float) -> Limits:
    """Two windows that fill up and begin anew, as those of an account do."""
    pace = draw.uniform(2, 20) / HOUR
    short_began, long_began = since - draw.uniform(0, 5 * HOUR), since - draw.uniform(0, WEEK)

    def text(at: float) -> str:
        short, long = (at - short_began) % (5 * HOUR), (at - long_began) % WEEK
        windows = (
            (min(100, int(short * pace)), 300, at - short + 5 * HOUR),
            (min(100, int(long * pace / 14)), 10_080, at - long + WEEK),
        )
        return limits_text(windows, "plus")

    return text


def limits_text(windows: Iterable[tuple[float, float, float]], plan: str) -> str:
    """The `rate_limits` of a counter line: percent used, minutes and reset of at most two windows."""
    told = [
        f'{{"used_percent":{float(used)},"window_minutes":{int(minutes)},"resets_at":{int(resets_at)}}}'
        for used, minutes, resets_at in windows
    ]
    primary, secondary = (*told, "null", "null")[:2]
    return (
        f'{{"limit_id":"codex","limit_name":null,"primary":{primary},"secondary":{secondary},"credits":'
        f'{{"has_credits":false,"unlimited":false,"balance":null}},"plan_type":"{plan}",'
        f'"rate_limit_reached_type":null}}'
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What kind of folder is wanted.

    Attributes:
        until: the epoch second before which everything happened.
        zone: in which the folders' dates are; None is this machine's.
        bulk: how large messages are, as a factor; small files need little.
        turns: how many of them a thread has, in the middle.
        fat: megabytes of images in a compaction, at most.
        moments: when a thread begins; unset, at any time.
    """

    until: float
    days: float = 58
    zone: tzinfo | None = UTC
    bulk: float = 1.0
    turns: float = 14
    fat: float = 0.2
    shapes: Mapping[Shape, int] = field(default_factory=lambda: SHAPES)
    dresses: Mapping[Dress, int] = field(default_factory=lambda: DRESSES)
    moments: Callable[[Random], float] | None = None
    limits: Callable[[Random, float], Limits] = moving_limits


def size_of(text: str) -> int:
    """Bytes of a size like `300MB`; raises ValueError."""
    unit = next((unit for unit in _UNITS if text.lower().endswith(unit)), None)
    size = int(text) if unit is None else int(float(text[: -len(unit)]) * _UNITS[unit])
    if not 0 <= size <= _LARGEST:
        raise ValueError(text)
    return size
