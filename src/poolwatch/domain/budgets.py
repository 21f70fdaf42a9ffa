"""Budgets: what may be spent in a period, and how far that has gone; and how a limit is written."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.tokens import Origin
from poolwatch.domain.when import time_of


class LimitUnit(StrEnum):
    """What a limit is in."""

    USD = "usd"
    CREDITS = "credits"
    TOKENS = "tokens"
    #: of the weekly window
    PERCENT = "percent"


class Limit(Struct, frozen=True):
    """So much of a unit; above 0."""

    unit: LimitUnit
    amount: Decimal


class BudgetPeriod(StrEnum):
    """How often a budget begins anew."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    NEVER = "never"


#: The days on which a week may begin; Monday is 1.
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Each(StrEnum):
    """Who has a limit of their own, where not all share one; `GroupBy` has the same words."""

    ACCOUNT = "account"
    GROUP = "group"
    USER = "user"


class AtLimit(StrEnum):
    """What happens at the limit: it is told, or `check`, `run` and whoever asks are told to stop."""

    WARN = "warn"
    STOP = "stop"


class Grace(Struct, frozen=True):
    """How far a budget that stops may go beyond its limit: by a part of it, or for a time. One of both."""

    percent: Decimal | None = None
    time: timedelta | None = None


class Budget(Struct, frozen=True):
    """One budget as it is configured.

    `filter` None takes all usage. `starts_on` is the day of the week, Monday is 1, or of the month, where 31
    is its last; None is the first. `time_zone` None is the machine's. `warn_at` are percentages of the
    limit, ascending. `grace` means something only where it stops.
    """

    name: str
    limit: Limit
    period: BudgetPeriod
    filter: str | None = None
    starts_on: int | None = None
    time_zone: str | None = None
    each: Each | None = None
    warn_at: tuple[Decimal, ...] = (Decimal(75), Decimal(90))
    grace: Grace | None = None
    at_limit: AtLimit = AtLimit.WARN


class MeasuredBy(StrEnum):
    """What tells how much was spent."""

    #: Codex's session files on this machine, and imported usage
    USAGE = "usage"
    #: balances of credits that fell
    BALANCE = "balance"
    #: the weekly window itself
    WINDOW = "window"


class Measured(Struct, frozen=True):
    """What was spent in a period, in the unit of the limit.

    `spent` None: unknown. `estimated` is the part of it that is an estimate. `at_least`: some of it has no
    price, or was not read yet, so that it may be more. `read_at` is when its evidence was last looked at,
    None where nobody ever did. `steps` are what was spent until each instant, ascending in both: as finely as
    the moments of warnings and of the limit need it. By balances and windows, `accounts` are the ids of those
    that were looked at, and `top_ups` how often credits came in, which are taken out. By usage, `origins` are
    those that told of any of it.
    """

    by: MeasuredBy
    spent: Decimal | None = None
    estimated: Decimal = Decimal(0)
    at_least: bool = False
    read_at: datetime | None = None
    steps: tuple[tuple[datetime, Decimal], ...] = ()
    accounts: tuple[str, ...] = ()
    top_ups: int = 0
    origins: tuple[Origin, ...] = ()


class Period(Struct, frozen=True):
    """One period of a budget, aware UTC; one that never resets has no end and perhaps no beginning."""

    started_at: datetime | None = None
    resets_at: datetime | None = None


class Level(StrEnum):
    """How far a budget has gone."""

    OK = "ok"
    WARNED = "warned"
    #: at its limit or over it, and only warns
    LIMIT = "limit"
    #: at its limit or over it, and stops when its grace ends
    GRACE = "grace"
    STOPPED = "stopped"


class BudgetForecast(Struct, frozen=True):
    """What will have been spent when the period ends, in the unit of the limit: 8 times in 10 from `low`
    to `high`. The limit is reached between `over_earliest` and `over_latest`, None where nobody expects that.
    """

    low: Decimal
    median: Decimal
    high: Decimal
    over_earliest: datetime | None = None
    over_latest: datetime | None = None


class BudgetState(Struct, frozen=True):
    """How one budget stands, or one part of it where each has its own.

    `whose` is the account's id, the group or the user that the part is of; None for a budget as a whole.
    `level` None: what was spent is unknown. `reached` are the percentages of `warn_at`, and 100, that were
    reached in this period, with the moment of each. `over_since` is when the limit was reached, `stopped_at`
    when it stopped.
    """

    budget: Budget
    period: Period
    measured: Measured
    level: Level | None = None
    whose: str | None = None
    reached: tuple[tuple[Decimal, datetime], ...] = ()
    over_since: datetime | None = None
    grace_until: datetime | None = None
    forecast: BudgetForecast | None = None
    stopped_at: datetime | None = None

    @property
    def divided_by(self) -> Each:
        """What a part is of; a limit of the week is each account's own, whatever is said."""
        return self.budget.each or Each.ACCOUNT

    @property
    def blocking(self) -> bool:
        """Whether it says stop."""
        return self.level is Level.STOPPED

    @property
    def used_percent(self) -> Decimal | None:
        """What was spent of the limit; None where that is unknown."""
        spent = self.measured.spent
        return None if spent is None else spent / self.budget.limit.amount * 100

    @property
    def remaining(self) -> Decimal | None:
        """What may be spent yet, never below 0; None where nobody knows."""
        spent = self.measured.spent
        return None if spent is None else max(Decimal(0), self.budget.limit.amount - spent)

    @property
    def over_by(self) -> Decimal | None:
        """How far it is beyond its limit, 0 where it is exactly there; None where it is not."""
        spent, limit = self.measured.spent, self.budget.limit.amount
        return None if spent is None or spent < limit else spent - limit


class EndedPeriod(Struct, frozen=True):
    """A period of a budget that has ended, or of a part of one: what was spent of the limit that it had then.

    `spent` None: nobody knows. `over_since` is when the limit was reached, `stopped_at` when it stopped.
    """

    budget: str
    started_at: datetime
    ended_at: datetime
    limit: Limit
    spent: Decimal | None = None
    whose: str | None = None
    estimated: Decimal = Decimal(0)
    at_least: bool = False
    level: Level | None = None
    over_since: datetime | None = None
    stopped_at: datetime | None = None


class BudgetReport(Struct, frozen=True):
    """All budgets at one moment, in the order of the configuration, parts by name; `at` by our own clock.

    `is_read` False: what was used could not be read, so that parts of which nobody knows now may be missing.
    """

    at: datetime
    budgets: tuple[BudgetState, ...] = ()
    is_read: bool = True


_NUMBER: Final = r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(\.[0-9]{1,6})?"
#: Compiled when a limit is first read.
_WRITTEN: Final = (
    rf"(?a)(?P<dollars>\$ ?{_NUMBER}|{_NUMBER} ?USD)|(?P<credits>{_NUMBER} ?credits?)"
    rf"|(?P<tokens>{_NUMBER} ?(?P<scale>[kKMG]?) ?tokens?)|(?P<percent>{_NUMBER} ?%)"
)
_DIGITS: Final = rf"(?a){_NUMBER}"
_SCALES: Final = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}
_HUNDRED: Final = 100
_PERCENT: Final = r"(?a)[0-9]{1,3}(?:\.[0-9]{1,3})?"
_DAY_OF_MONTH: Final = r"(?a)[0-9]{1,2}"
_LAST_OF_MONTH: Final = 31


def limit_of(text: str) -> Limit | None:
    """`$10`, `250 credits`, `5M tokens`, `80%`; None for what is none of them, or not above 0."""
    found = re.fullmatch(_WRITTEN, text.strip())
    digits = re.search(_DIGITS, text) if found is not None else None
    if found is None or digits is None:
        return None
    amount = Decimal(digits[0].replace(",", ""))
    if amount == 0:
        return None
    match found.lastgroup if found["tokens"] is None else "tokens":
        case "dollars":
            return Limit(LimitUnit.USD, amount)
        case "credits":
            return Limit(LimitUnit.CREDITS, amount)
        case "tokens":
            return Limit(LimitUnit.TOKENS, amount * _SCALES[found["scale"]])
        case _:
            return Limit(LimitUnit.PERCENT, amount) if amount <= _HUNDRED else None


def limit_text(limit: Limit) -> str:
    """The limit as it is typed, so that `limit_of` reads it as the same."""
    match limit.unit:
        case LimitUnit.USD:
            return f"${limit.amount:f}"
        case LimitUnit.CREDITS:
            return f"{limit.amount:f} credits"
        case LimitUnit.PERCENT:
            return f"{limit.amount:f}%"
        case LimitUnit.TOKENS:
            for scale, times in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
                if limit.amount >= times and limit.amount % (times // 100) == 0:
                    return f"{_plain(limit.amount / times)}{scale} tokens"
            return f"{_plain(limit.amount)} tokens"


def _plain(amount: Decimal) -> str:
    """Its digits without zeros that say nothing."""
    told = f"{amount:f}"
    return told.rstrip("0").rstrip(".") if "." in told else told


def grace_of(text: str) -> Grace | None:
    """`10%` of the limit, or a time; None for anything else, and for none."""
    text = text.strip()
    if text.endswith("%"):
        digits = re.fullmatch(_DIGITS, text[:-1].strip())
        percent = Decimal(digits[0].replace(",", "")) if digits is not None else Decimal(0)
        return Grace(percent=percent) if 0 < percent <= _HUNDRED else None
    time = time_of(text)
    return Grace(time=time) if time else None


def percents_of(text: str) -> tuple[Decimal, ...] | None:
    """`75, 90%` or `[75, 90]`, ascending and each once; `[]` has none. None for anything else."""
    inner = text.strip().removeprefix("[").removesuffix("]")
    parts = inner.replace("%", " ").replace(",", " ").split()
    if not all(re.fullmatch(_PERCENT, part) for part in parts):
        return None
    found = sorted({Decimal(part) for part in parts})
    return tuple(found) if all(1 <= each <= _HUNDRED for each in found) else None


def start_day_of(text: str) -> tuple[BudgetPeriod, int] | None:
    """The day that a period begins with: `friday` is the fifth of a week, `15` is one of a month."""
    word = text.strip().casefold()
    if word in DAYS:
        return BudgetPeriod.WEEKLY, DAYS.index(word) + 1
    if re.fullmatch(_DAY_OF_MONTH, word) and 1 <= int(word) <= _LAST_OF_MONTH:
        return BudgetPeriod.MONTHLY, int(word)
    return None
