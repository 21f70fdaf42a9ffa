"""What OpenAI reports of an account's own use in its workspace, by days in UTC, and what is told beside it.

Nothing here is made up where the report is silent: a day that is not settled, and credits that are said to be
0 while tokens were used, are unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.budget_use import falls_of
from poolwatch.domain.failure import Failure
from poolwatch.domain.series import Timeline

_DAY: Final = timedelta(days=1)
_NOTHING: Final = Decimal(0)
#: What programs used falls short of a day's credits by less than this part where it was only rounded.
_ROUNDING: Final = 1000
#: So many days are asked for where nobody says, today among them.
DAYS_ASKED: Final = 30
#: An answer may have no more; the service keeps fewer.
MOST_DAYS: Final = 370


class Counted(StrEnum):
    """Which of a report's figures is looked at."""

    CREDITS = "credits"
    TOKENS = "tokens"


class ReportedClient(Struct, frozen=True):
    """What one program that talks to the service used of a day; its name is as it was sent."""

    client: str
    credits: Decimal | None = None
    tokens: int | None = None
    turns: int | None = None

    def amount(self, counted: Counted) -> Decimal | None:
        """One of its figures."""
        return _amount(self, counted)


class ReportedDay(Struct, frozen=True):
    """One day as the service reports it; None where it does not say, or says what cannot be.

    `input` and `cached` add up to all input: cached tokens are not part of `input` here.
    """

    day: date
    credits: Decimal | None = None
    tokens: int | None = None
    input: int | None = None
    cached: int | None = None
    output: int | None = None
    threads: int | None = None
    turns: int | None = None
    cost_usd: Decimal | None = None
    clients: tuple[ReportedClient, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether the service has counted the day's tokens; until then its figures are not the whole."""
        return self.tokens is not None

    def amount(self, counted: Counted) -> Decimal | None:
        """One of its figures."""
        return _amount(self, counted)

    @property
    def rank(self) -> tuple[bool, bool]:
        """How much is known: a day never takes the place of one that is better known."""
        return self.is_settled, self.credits is not None


def _amount(of: ReportedClient | ReportedDay, counted: Counted) -> Decimal | None:
    if counted is Counted.CREDITS:
        return of.credits
    return None if of.tokens is None else Decimal(of.tokens)


class DaysReported(Struct, frozen=True):
    """One answer: the days in order, and up to when the service says that its figures are fresh (UTC)."""

    days: tuple[ReportedDay, ...] = ()
    fresh_at: datetime | None = None


class KeptReport(Struct, frozen=True):
    """What is kept of all answers about one account in one workspace. Instants are aware UTC.

    `asked_at` is when it was asked for last, `answered_at` when that was last answered.
    """

    days: tuple[ReportedDay, ...] = ()
    fresh_at: datetime | None = None
    asked_at: datetime | None = None
    answered_at: datetime | None = None


def known_credits(credits: Decimal | None, tokens: int | None, turns: int | None) -> Decimal | None:
    """The credits that a report means: 0 says nothing where something was used, or may have been."""
    if credits is None or credits < 0:
        return None
    if credits:
        return credits
    used = tokens if tokens is not None else turns
    return _NOTHING if used == 0 else None


def one_per_day(days: Iterable[ReportedDay]) -> tuple[ReportedDay, ...]:
    """In order, each day once: of two the better known, and nothing of two that differ and are as good."""
    found: dict[date, ReportedDay] = {}
    for each in days:
        other = found.get(each.day)
        if other is None or each.rank > other.rank:
            found[each.day] = each
        elif each.rank == other.rank and each != other:
            found[each.day] = ReportedDay(each.day)
    return tuple(found[day] for day in sorted(found))


# --- what is told


class UsageDay(Struct, frozen=True):
    """A day of an account: as reported, and what else is known of it.

    `fell` is what the balance of credits lost, top-ups taken out; `fell_is_part`: some of the day is not in
    that. `in_files` are the tokens that session files on this machine tell. None: not known.
    """

    day: date
    reported: ReportedDay | None = None
    fell: Decimal | None = None
    fell_is_part: bool = False
    in_files: int | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the service has counted its tokens."""
        return self.reported is not None and self.reported.is_settled

    @property
    def credits(self) -> Decimal | None:
        """What the service reports."""
        return self.reported.credits if self.reported is not None else None

    @property
    def tokens(self) -> int | None:
        """What the service counted."""
        return self.reported.tokens if self.reported is not None else None

    @property
    def share_in_files(self) -> float | None:
        """Which part of the tokens that the service counted is in the session files; None: unknown."""
        return self.in_files / self.tokens if self.tokens and self.in_files is not None else None


class CreditSum(Struct, frozen=True):
    """Credits and tokens of several days: `told` of `days` have credits that are known.

    `tokens` None: those of no day were counted.
    """

    days: int = 0
    told: int = 0
    credits: Decimal = _NOTHING
    tokens: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the credits of every day are in the sum."""
        return self.told == self.days

    @property
    def known(self) -> Decimal | None:
        """The credits; None where those of no day are known."""
        return self.credits if self.told else None


class WeekUsed(Struct, frozen=True):
    """A week from Monday on (ISO 8601), of which the days that are looked at are summed."""

    first: date
    settled: CreditSum
    unsettled: CreditSum
    fell: Decimal | None = None
    fell_is_part: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether all its seven days are settled, and their credits known."""
        return self.settled.told == 7


class ClientPart(Struct, frozen=True):
    """What one program used of the credits, or tokens, that were reported; `client` None: told of none.

    `part` is that share, 0 to 1.
    """

    client: str | None
    amount: Decimal
    part: float


class AccountUsage(Struct, frozen=True):
    """An account's days from `since` to `until`, both included, old to new; every day of that time is there.

    `failure`: why the last request brought nothing, if it did not.
    """

    account: str
    since: date
    until: date
    days: tuple[UsageDay, ...] = ()
    fresh_at: datetime | None = None
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    failure: Failure | None = None

    @property
    def settled(self) -> CreditSum:
        """The days that the service has counted."""
        return sum_of(day for day in self.days if day.is_settled)

    @property
    def unsettled(self) -> CreditSum:
        """The days of which it has told something, and will tell more."""
        return sum_of(day for day in self.days if day.reported is not None and not day.is_settled)

    @property
    def fell(self) -> tuple[Decimal | None, bool]:
        """What the balance lost in that time, and whether that is a part of it only."""
        return _fell(self.days)


def usage_days(
    since: date,
    until: date,
    reported: Iterable[ReportedDay],
    falls: dict[date, tuple[Decimal, bool]],
    in_files: dict[date, int],
) -> tuple[UsageDay, ...]:
    """Every day from `since` to `until`, both included, with all that is known of it."""
    by_day = {each.day: each for each in reported}
    found = []
    for day in _days(since, until):
        fell, is_part = falls.get(day, (None, False))
        found.append(UsageDay(day, by_day.get(day), fell, is_part, in_files.get(day)))
    return tuple(found)


def sum_of(days: Iterable[UsageDay]) -> CreditSum:
    """What is known of these days together."""
    count, told, credits = 0, 0, _NOTHING
    tokens: int | None = None
    for day in days:
        count += 1
        if day.tokens is not None:
            tokens = (tokens or 0) + day.tokens
        if day.credits is not None:
            told += 1
            credits += day.credits
    return CreditSum(count, told, credits, tokens)


def weeks_of(days: Sequence[UsageDay]) -> tuple[WeekUsed, ...]:
    """The weeks that these days are in, old to new."""
    weeks: dict[date, list[UsageDay]] = defaultdict(list)
    for day in days:
        weeks[day.day - timedelta(days=day.day.weekday())].append(day)
    found = []
    for first, within in sorted(weeks.items()):
        settled = sum_of(day for day in within if day.is_settled)
        unsettled = sum_of(day for day in within if day.reported is not None and not day.is_settled)
        found.append(WeekUsed(first, settled, unsettled, *_fell(within)))
    return tuple(found)


def clients_of(days: Iterable[UsageDay], counted: Counted = Counted.CREDITS) -> tuple[ClientPart, ...]:
    """Which programs used the credits, or tokens, of settled days, the most first.

    What is told of none comes last.
    """
    by_client: dict[str, Decimal] = defaultdict(Decimal)
    rest = _NOTHING
    for day in days:
        reported = day.reported
        amount = None if reported is None else reported.amount(counted)
        if reported is None or not reported.is_settled or amount is None:
            continue
        told = _NOTHING
        for client in reported.clients:
            used = client.amount(counted)
            if used:
                by_client[client.client] += used
                told += used
        rest += max(_NOTHING, amount - told)
    whole = sum(by_client.values(), rest)
    if not whole:
        return ()
    if rest * _ROUNDING < whole:
        rest = _NOTHING
    ordered = sorted(by_client.items(), key=lambda each: (-each[1], each[0]))
    parts: list[tuple[str | None, Decimal]] = [*ordered, *([(None, rest)] if rest else [])]
    return tuple(ClientPart(name, amount, float(amount / whole)) for name, amount in parts)


def _fell(days: Iterable[UsageDay]) -> tuple[Decimal | None, bool]:
    known, is_part = None, False
    for day in days:
        is_part = is_part or day.fell is None or day.fell_is_part
        if day.fell is not None:
            known = day.fell + (known or _NOTHING)
    return known, is_part and known is not None


# --- the balance


def falls_by_day(
    line: Timeline, since: date, until: date, read_at: datetime | None
) -> dict[date, tuple[Decimal, bool]]:
    """What a balance lost on each day, UTC, with top-ups taken out, and whether that is a part of it only.

    `read_at` is the last reading. Days of which no balance is known are left out, and those on which there
    was nothing that could fall.
    """
    found: dict[date, tuple[Decimal, bool]] = {}
    for day in _days(since, until):
        start = midnight(day)
        end = start + _DAY
        if read_at is None or read_at < start:
            break
        told = falls_of(line, start, end)
        if told.known_from is None or not _had_any(line, start, end):
            continue
        # what a gap over midnight hides may have been of either day
        is_cut = any(gap.start < edge < gap.end for gap in line.gaps for edge in (start, end))
        begins_late = told.known_from > start
        is_part = told.is_partial or is_cut or begins_late or _hides(line, start, end, told.top_ups)
        found[day] = sum((fall.amount for fall in told.falls), _NOTHING), is_part
    return found


def _had_any(line: Timeline, start: datetime, end: datetime) -> bool:
    """Whether the balance was other than 0 at any time of a day."""
    before = next((point for point in reversed(line.points) if point.at < start), None)
    within = [point for point in line.points if start <= point.at < end]
    return any(each.last or each.high for each in ([before] if before is not None else []) + within)


def _hides(line: Timeline, start: datetime, end: datetime, top_ups: int) -> bool:
    """Whether a top-up came within an hour that is kept as one: what was spent in it is at least so much."""
    within = (point for point in line.points if start <= point.at < end)
    return top_ups > 0 and any(point.high != point.last or point.low != point.last for point in within)


def midnight(day: date) -> datetime:
    """When a day begins, UTC."""
    return datetime.combine(day, time(), UTC)


def _days(since: date, until: date) -> Iterator[date]:
    for number in range((until - since) // _DAY + 1):
        yield since + number * _DAY
