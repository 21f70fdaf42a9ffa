"""How fast figures are used up."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from msgspec import Struct

N = TypeVar("N", float, Decimal)


class Burn(Struct, Generic[N], frozen=True):
    """What was used of one figure: percent points of a window, or credits. None: not known, which is not 0.

    Top-ups and grants are taken out. `usual_per_day` is the median of the last 14 whole days.
    """

    last_hour: N | None = None
    last_24h: N | None = None
    today: N | None = None
    since_start: N | None = None
    usual_per_day: N | None = None


class AccountBurn(Struct, frozen=True):
    """Of one account: its weekly window in percent points, and its credits."""

    weekly: Burn[float]
    credits: Burn[Decimal]


class PoolBurn(Struct, frozen=True):
    """Of the whole pool. Percentages are of all weekly windows together, each account's counted alike."""

    weekly: Burn[float]
    credits: Burn[Decimal]
    #: when poolwatch began to watch in this run, UTC
    started_at: datetime | None = None
    #: of which moment its last hour and last 24 speak, UTC
    made_at: datetime | None = None
