"""All that is told of use over a time: what is asked for, and what its cells come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct, field

from poolwatch.domain.month_ahead import DAYS_BACK, DayCost, MonthAhead, month_ahead
from poolwatch.domain.plans import Paid
from poolwatch.domain.quarters import (
    TIMES,
    Calendar,
    UsePeriod,
    begins,
    instant_of,
    quarter_of,
    span_of_period,
)
from poolwatch.domain.rates import Price, RateCard
from poolwatch.domain.tokens import (
    QUARTERS_OF_DAY,
    GroupBy,
    Origin,
    RequestSeen,
    ScanState,
    Tier,
    UseAsked,
    UseCell,
)
from poolwatch.domain.use_ideas import Idea, use_ideas
from poolwatch.domain.use_sums import (
    Group,
    UseRow,
    UseSum,
    by_cost,
    grouper,
    price_of,
    sums,
    total,
    use_rows,
)

_DAY: Final = timedelta(days=1)
#: A time up to this length is drawn by hours.
_HOURS_UP_TO: Final = 2 * QUARTERS_OF_DAY


class Narrowed(Struct, frozen=True):
    """Only the use of one group."""

    by: GroupBy
    group: Group


class UseWish(Struct, frozen=True):
    """What a person looks at."""

    period: UsePeriod = UsePeriod.MONTH
    by: GroupBy = GroupBy.MODEL
    origin: Origin = Origin.FILES
    narrow: tuple[Narrowed, ...] = ()
    #: a filter that lets some of it through, as it was typed; `mask`: by the names that hide who it was
    filter_text: str = ""
    mask: bool = False

    @property
    def is_filtered(self) -> bool:
        """Whether a filter was typed."""
        return bool(self.filter_text.strip())


def span_of(wish: UseWish, now: datetime, calendar: Calendar) -> tuple[int, int]:
    """The quarters that are looked at: those of the period, and of the days it was narrowed to."""
    since, until = span_of_period(wish.period, now, calendar)
    for each in wish.narrow:
        own = calendar.span_of(each.by, each.group.text or "")
        if own is not None:
            since, until = max(since, own[0]), min(until, own[1])
    return since, max(since, until)


def asked_of(
    by: GroupBy,
    narrow: Sequence[Narrowed],
    span: tuple[int, int],
    origin: Origin,
    also: frozenset[GroupBy] = frozenset(),
) -> UseAsked:
    """What the book has to be asked for: of what it does not know, more than is meant (`kept_of`)."""
    texts = tuple((each.by, each.group.text) for each in narrow if each.by not in TIMES)
    return UseAsked(span[0], span[1], origin, None if by in TIMES else by, texts, also=also)


def kept_of(
    narrow: Sequence[Narrowed], calendar: Calendar, groups: Mapping[str, str | None]
) -> Callable[[UseCell], bool]:
    """Which cells of what the book gives are meant: it knows no tiers, hours of the day or groups.

    `groups` are those of accounts, by their ids; of others there is none.
    """
    fast = {each.group.fast for each in narrow if each.by is GroupBy.MODEL}
    hours = {each.group.text for each in narrow if each.by is GroupBy.HOUR_OF_DAY}
    wanted = {each.group.text for each in narrow if each.by is GroupBy.GROUP}
    if not fast and not hours and not wanted:
        return lambda _: True

    def keeps(cell: UseCell) -> bool:
        if fast and (cell.tier is Tier.FAST) not in fast:
            return False
        if wanted and (None if cell.account is None else groups.get(cell.account)) not in wanted:
            return False
        return not hours or calendar.text(GroupBy.HOUR_OF_DAY, cell.quarter) in hours

    return keeps


def untimed(narrow: Sequence[Narrowed]) -> tuple[Narrowed, ...]:
    """What the figures of the head and the last requests are narrowed to: they have times of their own."""
    return tuple(each for each in narrow if each.by not in TIMES)


def seen_of(narrow: Sequence[Narrowed], groups: Mapping[str, str | None]) -> Callable[[RequestSeen], bool]:
    """Which of the last requests are of all these groups; whose user it was, none of them tells."""

    def is_of(request: RequestSeen, each: Narrowed) -> bool:
        wanted = each.group
        match each.by:
            case GroupBy.MODEL:
                return request.model == wanted.text and (request.tier is Tier.FAST) == wanted.fast
            case GroupBy.ACCOUNT:
                return request.account == wanted.text
            case GroupBy.GROUP:
                return (groups.get(request.account) if request.account else None) == wanted.text
            case GroupBy.CLIENT:
                return request.client == wanted.text
            case GroupBy.PROJECT:
                return request.project == wanted.text
            case GroupBy.CONVERSATION:
                return request.conversation == wanted.text
            case GroupBy.OPERATION:
                return request.operation == wanted.text
            case _:
                return False

    return lambda request: all(is_of(request, each) for each in narrow)


class UseSlice(Struct, frozen=True):
    """The use of an hour or a day that begins at `at` (local, without a zone), by model."""

    at: datetime
    by_model: tuple[UseRow, ...]


class UseFigures(Struct, frozen=True):
    """What has come together in the groups that are looked at, whatever the period."""

    today: UseSum
    month: UseSum
    #: None where too little is known for it
    ahead: MonthAhead | None
    days_30: UseSum
    #: since the quarter in which poolwatch was started
    since_start: UseSum
    started_at: datetime


class Attribution(Struct, frozen=True):
    """How the accounts of use are known, in tokens."""

    by_home: int = 0
    by_readings: int = 0
    unassigned: int = 0


class Conversation(Struct, frozen=True):
    """What is known of one beside its use. `title` only where titles were read."""

    project: str | None = None
    title: str | None = None


class UseReport(Struct, frozen=True):
    """The answer. `by_hour`: the slices are hours, else days; those without use are left out."""

    wish: UseWish
    since: datetime
    until: datetime
    rows: tuple[UseRow, ...]
    total: UseSum
    #: the same, and how many rows there are, whatever a filter lets through
    whole: UseSum
    count: int
    slices: tuple[UseSlice, ...]
    by_hour: bool
    #: the models of the slices, what cost most first
    models: tuple[UseRow, ...]
    figures: UseFigures
    latest: tuple[tuple[RequestSeen, Price], ...]
    ideas: tuple[Idea, ...]
    scan: ScanState
    card_name: str
    card_day: date
    attribution: Attribution | None = None
    #: of rows by conversation, by their ids
    conversations: Mapping[str, Conversation] = field(default_factory=dict)
    #: the part of the tokens that the service counted which the files tell of, 0..1, where it was asked
    counted_share: float | None = None
    #: what the plans of all accounts cost in a month, where somebody said so
    paid: Paid | None = None
    #: every text that is known of use, where a filter was typed
    texts: Mapping[GroupBy, Sequence[str]] = field(default_factory=dict)


def report(
    wish: UseWish,
    span: tuple[int, int],
    cells: Sequence[UseCell],
    figures: UseFigures,
    latest: Iterable[RequestSeen],
    scan: ScanState,
    card: RateCard,
    calendar: Calendar,
    groups: Mapping[str, str | None],
    among: Sequence[UseCell] | None = None,
) -> UseReport:
    """All that is told of the cells of `span`; `among`: of which a filter let these through."""
    by_hour = span[1] - span[0] <= _HOURS_UP_TO
    slices = use_slices(cells, card, calendar, by_hour=by_hour)
    # what is summed is not summed again
    models = by_cost(row for each in slices for row in each.by_model)
    rows = models if wish.by is GroupBy.MODEL else use_rows(cells, wish.by, card, calendar, groups)
    whole, count = total(row.sum for row in rows), len(rows)
    if among is not None:
        group_of = grouper(wish.by, calendar, groups)
        whole, count = total(sums(among, card, lambda _: True).values()), len(set(map(group_of, among)))
    since, until = span
    if not since and cells:
        since = min(cell.quarter for cell in cells)
    return UseReport(
        wish,
        begins(since),
        begins(until),
        rows,
        total(row.sum for row in rows),
        whole,
        count,
        slices,
        by_hour,
        models,
        figures,
        tuple((each, price_of(each, card)) for each in latest),
        use_ideas(cells, models, card),
        scan,
        card.name,
        card.day,
    )


def use_slices(
    cells: Iterable[UseCell], card: RateCard, calendar: Calendar, *, by_hour: bool
) -> tuple[UseSlice, ...]:
    """The use by hours or days and models, old to new."""

    def key(cell: UseCell) -> tuple[date, int, str | None, bool]:
        hour = calendar.hour(cell.quarter) if by_hour else 0
        return calendar.day(cell.quarter), hour, cell.model, cell.tier is Tier.FAST

    found: dict[datetime, list[UseRow]] = defaultdict(list)
    for (day, hour, model, fast), each in sums(cells, card, key).items():
        # an hour or a day of the calendar, of which the zone is said elsewhere
        at = datetime(day.year, day.month, day.day, hour)  # noqa: DTZ001 - local, as a calendar has it
        found[at].append(UseRow(Group(model, fast), each))
    return tuple(UseSlice(at, tuple(rows)) for at, rows in sorted(found.items()))


def figures_since(now: datetime, started_at: datetime, calendar: Calendar) -> int:
    """From which quarter on `use_figures` needs the whole of use."""
    today = now.astimezone(calendar.zone).date()
    back = min(today - DAYS_BACK * _DAY, today.replace(day=1))
    return min(calendar.span(back, back)[0], quarter_of(started_at))


def use_figures(
    cells: Sequence[UseCell],
    origin: Origin,
    scan: ScanState,
    card: RateCard,
    now: datetime,
    started_at: datetime,
    calendar: Calendar,
    *,
    is_part: bool = False,
) -> UseFigures:
    """Today, this month and its end, 30 days, and since the start, from the whole of use.

    Of a part of it, `is_part`, nobody knows more than its first use: before that it may not have been there.
    """
    there = now.astimezone(calendar.zone)
    today, time = there.date(), there.hour * 60 + there.minute
    start, newest = quarter_of(started_at), quarter_of(now)

    def key(cell: UseCell) -> tuple[date, bool] | None:
        # of a clock that was ahead it is not told when it was
        if cell.quarter > newest:
            return None
        return calendar.day(cell.quarter), calendar.minute_of_day(cell.quarter) > time

    days = sums(cells, card, key)

    def since(first: date) -> UseSum:
        return total(each for (day, _), each in days.items() if day >= first)

    month = since(today.replace(day=1))
    started = sums((each for each in cells if start <= each.quarter <= newest), card, lambda _: True)
    first_day = _first_day(cells, calendar, None if is_part or origin is not Origin.FILES else scan.since)
    may_tell = month.cost is not None and (origin is not Origin.FILES or scan.complete_at is not None)
    return UseFigures(
        since(today),
        month,
        # a day that is not read yet would count as one without cost
        month_ahead(month.pico, _past(days), first_day, today) if may_tell else None,
        since(today - 29 * _DAY),
        started.get(True, UseSum()),
        begins(start),
    )


def _past(days: Mapping[tuple[date, bool], UseSum]) -> dict[date, DayCost]:
    """What each day cost, and what of that after the time of day that it is now."""
    wholes: dict[date, int] = defaultdict(int)
    laters: dict[date, int] = defaultdict(int)
    for (day, is_later), each in days.items():
        wholes[day] += each.pico
        if is_later:
            laters[day] += each.pico
    return {day: DayCost(cost, laters[day]) for day, cost in wholes.items()}


def _first_day(cells: Sequence[UseCell], calendar: Calendar, known_since: float | None) -> date | None:
    """The first day that is known whole."""
    if not cells:
        return None
    since = begins(min(cell.quarter for cell in cells)).timestamp()
    since = since if known_since is None else min(since, known_since)
    return instant_of(since).astimezone(calendar.zone).date() + _DAY
