"""What lies ahead of an account, and of the pool: as it is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.burn import AccountBurn, PoolBurn
from poolwatch.domain.forecast import Forecast

#: What was worked out longer ago than this counts as not worked out.
KEPT: Final = timedelta(hours=2)
#: The last hour of the pool is told so long as the last hour.
BURN_KEPT: Final = timedelta(minutes=15)
#: Two processes may read the clock so far apart; what is dated later is of a clock that was set back since.
_AHEAD: Final = timedelta(minutes=1)


def is_recent(made_at: datetime, own_now: datetime, kept: timedelta = KEPT) -> bool:
    """Whether what was worked out then is worth telling now, both by our own clock."""
    return -_AHEAD <= own_now - made_at <= kept


class AccountOutlook(Struct, frozen=True):
    """Of one account: what it burns, and a forecast for each of its base windows that has one.

    `if_reset`: of its weekly window, were a banked reset used now; None where it has no banked reset.
    """

    made_at: datetime
    burn: AccountBurn
    forecasts: tuple[Forecast, ...] = ()
    if_reset: Forecast | None = None

    def forecast(self, window: str) -> Forecast | None:
        """That of the base window of this kind."""
        return next((each for each in self.forecasts if each.window == window), None)


class Verdict(StrEnum):
    """Whether the pool lasts until the next weekly limits come back."""

    LASTS = "lasts"
    MAY_RUN_DRY = "may_run_dry"
    DRY = "dry"
    UNKNOWN = "unknown"


class NoOutlook(StrEnum):
    """Why nothing is foretold of the pool."""

    #: simulating so many accounts would hold up the screen
    TOO_MANY = "too_many"
    TOO_FEW = "too_few"
    NO_WEEKLY = "no_weekly"


class PoolOutlook(Struct, frozen=True):
    """Of the whole pool. Instants aware UTC; percentages of all weekly limits, weighted by plan."""

    made_at: datetime
    burn: PoolBurn
    verdict: Verdict = Verdict.UNKNOWN
    #: when the next weekly limits come back, and how many do then
    relief_at: datetime | None = None
    relief_accounts: int = 0
    #: 0..1: that no account is left before that
    dry_probability: float | None = None
    dry_earliest: datetime | None = None
    dry_latest: datetime | None = None
    weekly_left_percent: float | None = None
    none_because: NoOutlook | None = None

    def burn_at(self, own_now: datetime) -> PoolBurn | None:
        """What the pool burns, where that is of this hour."""
        made_at = self.burn.made_at
        return self.burn if made_at is not None and is_recent(made_at, own_now, BURN_KEPT) else None
