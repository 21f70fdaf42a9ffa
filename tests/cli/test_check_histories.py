"""Verdicts over random histories, each beside an oracle of their own: plain sums, the calendar of `zoneinfo`.

A few in the suite, ten thousand by `make histories`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from poolwatch.bootstrap.check import Checker
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.domain.budgets import AtLimit, Budget, BudgetPeriod, Each, Grace, Limit, LimitUnit
from poolwatch.domain.check import Checked, Verdict, of_budgets
from poolwatch.domain.tokens import Tokens
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.events import UsageEvent
from poolwatch.sessions.progress import Progress, note_progress
from poolwatch.sessions.tables import open_to_write

_HISTORIES: Final = int(os.environ.get("HISTORIES", "240"))
#: So many budgets are asked of one ledger.
_OF_ONE: Final = 20
_ZONES: Final = (
    "UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "America/Santiago", "Africa/Cairo",
    "Pacific/Chatham", "America/Havana",
)  # fmt: skip
_QUARTER: Final = timedelta(minutes=15)
_OLD: Final = timedelta(minutes=15)
_FILTERS: Final[Mapping[str | None, Callable[[UsageEvent], bool]]] = {
    None: lambda _: True,
    "user:ann": lambda event: event.user == "ann",
    "operation:image": lambda event: event.operation == "image",
    "model:alpha or user=bob": lambda event: event.model == "alpha" or event.user == "bob",
    "not model:beta": lambda event: event.model != "beta",
}


class Ledger(NamedTuple):
    """What was used, when the files were last looked at, and the moment of the question."""

    events: Sequence[UsageEvent]
    read_at: datetime | None
    now: datetime


def test_the_verdict_is_that_of_the_oracle(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for number in range(-(-_HISTORIES // _OF_ONE)):
        random = Random(number)
        ledger = made(random)
        state = tmp_path / str(number)
        written(state, ledger)
        checker = Checker(around_of(tmp_path, state), ledger.now)
        for _ in range(_OF_ONE):
            budget = made_budget(random, ledger)
            answer = of_budgets(checker.budgets([budget]), ledger.now, checker.rules)
            expected = oracle(budget, ledger)
            assert answer.verdict is expected, (number, budget, [told(each) for each in answer.findings])
            seen[expected.value] += 1
            seen["exactly"] += any(
                each.budget is not None and each.budget.over_by == 0 for each in answer.findings
            )
            seen["estimated"] += any(
                each.budget is not None and each.budget.measured.estimated for each in answer.findings
            )
    # a generator that makes but one kind of answer would prove nothing
    assert all(seen[kind] > _HISTORIES / 30 for kind in (*Verdict, "exactly", "estimated")), seen


def told(found: Checked) -> object:
    state = found.budget
    return found.verdict, found.why, state and (state.measured.spent, state.period, state.level, state.whose)


# --- the oracle


def oracle(budget: Budget, ledger: Ledger) -> Verdict:
    """What is to be answered, from the events themselves."""
    begins, ends = calendar(budget, ledger.now)
    counted = [
        event
        for event in ledger.events
        if begins.timestamp() <= event.at < ends.timestamp() and _FILTERS[budget.filter](event)
    ]
    parts: dict[str | None, list[UsageEvent]] = {}
    for event in counted:
        if budget.each is None or event.user is not None:
            # of nobody known, it is nobody's part
            parts.setdefault(event.user if budget.each is Each.USER else None, []).append(event)
    if any(stops(budget, events, ledger.now) for events in parts.values()):
        return Verdict.STOP
    is_old = ledger.read_at is None or abs(ledger.now - ledger.read_at) > _OLD
    # without a session file nobody knows that nothing was used
    return Verdict.CANNOT_TELL if is_old or not counted else Verdict.GO


def stops(budget: Budget, events: Sequence[UsageEvent], now: datetime) -> bool:
    total, reached_at = Decimal(0), None
    for event in sorted(events, key=lambda each: each.at):
        total += amount(event, budget.limit.unit)
        if reached_at is None and total >= budget.limit.amount:
            reached_at = datetime.fromtimestamp(event.at // 900 * 900, UTC)
    if reached_at is None:
        return False
    grace = budget.grace
    if grace is None:
        return True
    if grace.time is not None:
        return now >= reached_at + grace.time
    assert grace.percent is not None
    return total >= budget.limit.amount * (1 + grace.percent / 100)


def amount(event: UsageEvent, unit: LimitUnit) -> Decimal:
    match unit:
        case LimitUnit.USD:
            return Decimal(event.cost or 0) / 10**12
        case LimitUnit.CREDITS:
            return event.credits or Decimal(0)
        case _:
            return Decimal(event.tokens.input + event.tokens.output)


def calendar(budget: Budget, now: datetime) -> tuple[datetime, datetime]:
    """The period of a moment, from the first moment of a day to that of another."""
    if budget.period is BudgetPeriod.NEVER:
        return datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    zone = ZoneInfo(budget.time_zone or "UTC")
    starts = [first_moment(day, zone) for day in first_days(budget, now.date())]
    began = max(at for at in starts if at <= now)
    return began, min(at for at in starts if at > now)


def first_days(budget: Budget, around: date) -> list[date]:
    """Every day near that one on which a period begins."""
    far = 34 if budget.period is BudgetPeriod.MONTHLY else 9
    days = [around + timedelta(days=shift) for shift in range(-far, far + 1)]
    match budget.period:
        case BudgetPeriod.DAILY:
            return days
        case BudgetPeriod.WEEKLY:
            return [day for day in days if day.isoweekday() == (budget.starts_on or 1)]
        case _:
            wanted = budget.starts_on or 1
            return [
                day
                for day in days
                if day.day == wanted or (day.day < wanted and (day + timedelta(days=1)).day == 1)
            ]


def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """The first quarter of an hour of a local day: somewhere clocks skip midnight, or have it twice."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(zone).date() < day:
        at += _QUARTER
    return at


# --- random histories


def made(random: Random) -> Ledger:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(365 * 86_400))
    if random.random() < 0.3:
        # around a change of clocks, and the beginning of a day
        change = random.choice(
            ((3, 29), (4, 4), (4, 5), (4, 24), (9, 6), (9, 27), (10, 25), (10, 30), (11, 1))
        )
        now = datetime(2026, *change, tzinfo=UTC) + timedelta(seconds=random.randrange(-43_200, 86_400))
    whole = int(now.timestamp()) // 900 * 900
    events = []
    for number in range(random.randrange(0, 60)):
        back = random.choice((4, 96, 96 * 7, 96 * 40))
        priced = random.random() < 0.9
        events.append(
            UsageEvent(
                key=number,
                at=whole - 900 * random.randrange(back),
                tokens=Tokens(input=random.randrange(1, 9_000), output=random.randrange(900)),
                model=random.choice(("alpha", "beta", None)),
                user=random.choice(("ann", "bob", None)),
                operation=random.choice(("image", None)),
                estimated=random.random() < 0.2,
                cost=random.randrange(1, 4 * 10**12) if priced else None,
                credits=Decimal(random.randrange(1, 10_000)) / 100 if priced else None,
            )
        )
    age = random.choice((None, 0, 1, 5, 14, 15, 16, 60, -1, -16))
    return Ledger(events, None if age is None else now - timedelta(minutes=age), now)


def made_budget(random: Random, ledger: Ledger) -> Budget:
    period = random.choice(list(BudgetPeriod))
    starts = {BudgetPeriod.WEEKLY: (None, 1, 3, 7), BudgetPeriod.MONTHLY: (None, 1, 15, 29, 31)}
    stop = random.random() < 0.8
    grace = random.choice((None, None, Grace(percent=Decimal(10)), Grace(time=timedelta(hours=2))))
    budget = Budget(
        "b",
        Limit(random.choice([LimitUnit.USD, LimitUnit.CREDITS, LimitUnit.TOKENS]), Decimal(1)),
        period,
        random.choice(list(_FILTERS)),
        random.choice(starts.get(period, (None,))),
        random.choice(_ZONES),
        random.choice((None, None, Each.USER)),
        grace=grace if stop else None,
        at_limit=AtLimit.STOP if stop else AtLimit.WARN,
    )
    begins, ends = calendar(budget, ledger.now)
    spent = sum(
        (
            amount(event, budget.limit.unit)
            for event in ledger.events
            if begins.timestamp() <= event.at < ends.timestamp() and _FILTERS[budget.filter](event)
        ),
        Decimal(0),
    )
    least = Decimal(1) / (10**12 if budget.limit.unit is LimitUnit.USD else 100)
    if budget.limit.unit is LimitUnit.TOKENS:
        least = Decimal(1)
    # what was spent exactly, the least more or less, and anything
    near = spent + random.choice((0, 0, -least, least))
    wanted = near if random.random() < 0.5 else spent * random.randrange(10, 250) / 100
    return Budget(
        **{name: getattr(budget, name) for name in budget.__struct_fields__ if name != "limit"},
        limit=Limit(budget.limit.unit, wanted if wanted > 0 else Decimal(1)),
    )


def written(state: Path, ledger: Ledger) -> None:
    UseBook(state).take_events(ledger.events)
    connection = open_to_write(state)
    read_at = None if ledger.read_at is None else ledger.read_at.timestamp()
    note_progress(connection, Progress(complete_at=read_at))
    connection.close()


def around_of(root: Path, state: Path) -> Surroundings:
    config = root / "config.toml"
    config.write_text("")
    found = look_around(Options(config), {"HOME": str(root), "POOLWATCH_STATE_DIR": str(state), "TZ": "UTC"})
    assert isinstance(found, Surroundings)
    return found
