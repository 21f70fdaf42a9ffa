"""One account judged at one moment, and the settings that judge it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.account_state import AccountState
from poolwatch.domain.pool import PoolState
from poolwatch.domain.remake import replace
from poolwatch.domain.status import AccountStatus, Section, Status, derive_status, section_of

DEFAULT_CREDITS_PER_USD: Final = Decimal(25)
_LEFT_OUT: Final = (Status.DISABLED, Status.DEACTIVATED)


class PoolRules(Struct, frozen=True):
    """The settings that judge a pool."""

    stale_after: timedelta = timedelta(seconds=900)
    amber_percent: float = 60
    red_percent: float = 90
    #: 0 turns USD off everywhere
    credits_per_usd: Decimal = DEFAULT_CREDITS_PER_USD
    #: nobody set the rate: the one that all pools with a rate of their own agree on takes its place
    adopts_rate: bool = False

    def in_force(self, state: PoolState) -> PoolRules:
        """These rules with the rate that the pools agree on, where one may be adopted."""
        rate = state.agreed_rate if self.adopts_rate else None
        return self if rate is None or rate == self.credits_per_usd else replace(self, credits_per_usd=rate)


class Judged(Struct, frozen=True, eq=False):
    """One account with everything derived at one moment."""

    account: AccountState
    status: AccountStatus
    section: Section
    stale: bool
    #: the figures that the status rests on are stale, although something newer was said of the account
    stale_base: bool = False

    @property
    def label(self) -> str:
        """The name as drawn."""
        return self.account.name.full

    @property
    def counted(self) -> bool:
        """Whether totals and resets count it: neither disabled nor deactivated."""
        return self.status.kind not in _LEFT_OUT


def by_name(each: Judged) -> tuple[str, str]:
    """What decides between equals."""
    return each.label, each.account.key.id


def is_stale(at: datetime | None, now: datetime, rules: PoolRules) -> bool:
    """Whether a field said at `at` is old; what was never said is not old but unknown.

    What was said that far in the future was said under a wrong clock: nobody knows how old it is.
    """
    return at is not None and abs(now - at) > rules.stale_after


def judge(
    account: AccountState, now: datetime, rules: PoolRules, clock_offset: timedelta = timedelta(0)
) -> Judged:
    """The account with all that follows from `now`, which is our own clock.

    Ages are told by it, for readings and troubles are dated by it; tokens and resets belong to the
    server, whose clock is ahead by `clock_offset`.
    """
    status = derive_status(account, now + clock_offset)
    section = section_of(status, account.trouble, now)
    read_at, base = account.read_at, account.usage.base
    stale = is_stale(read_at, now, rules)
    if stale or base is None or base.at is read_at:
        return Judged(account, status, section, stale, stale)
    return Judged(account, status, section, stale, is_stale(base.at, now, rules))
