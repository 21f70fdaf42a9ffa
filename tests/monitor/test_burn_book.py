"""Burn in memory: small, and exact whatever the amounts."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from poolwatch.domain.cycles import Gain
from poolwatch.domain.ratios import at_once
from poolwatch.domain.series import FigureName, Finest, Gap, Point, Series, Timeline
from poolwatch.domain.uses import Stretch, credit_uses, usual_per_day, weekly_uses, whole_days
from poolwatch.monitor.burn_book import BurnBook

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def at(**span: float) -> datetime:
    return NOON + timedelta(**span)


class History:
    """What is stored of one account: a weekly window, and a balance; `gate` holds up who reads it."""

    def __init__(self, weekly: Timeline, credits: Timeline | None = None) -> None:
        self._lines = {Series.WINDOW: weekly, Series.CREDITS: credits or Timeline()}
        self.gate: asyncio.Event | None = None

    async def timeline(
        self,
        account_id: str,
        name: FigureName,
        since: datetime,
        until: datetime,
        finest: Finest = Finest.CHANGE,
    ) -> Timeline:
        if self.gate is not None:
            await self.gate.wait()
        line = self._lines[name.series]
        held = [point for point in line.points if point.at < since][-1:]
        within = [point for point in line.points if since <= point.at < until]
        return Timeline((*held, *within), line.gaps)


def burning(*amounts: str | None, apart: float = 5, zone: ZoneInfo | None = None) -> BurnBook:
    """An account "a" whose credits were read that often, so many minutes apart, and fell by these."""
    book = BurnBook(zone)
    for number, amount in enumerate(amounts):
        used = None if amount is None else Decimal(amount)
        former = at(minutes=(number - 1) * apart) if number else None
        book.read_credits("a", at(minutes=number * apart), used, former)
    asyncio.run(book.load(History(Timeline()), "a", None, NOON))
    return book


@pytest.mark.parametrize(
    "amounts", [("0.1", "0.2", "0.0000000001"), ("5", "7", "9"), ("123456789012345678", "3", "0.5")]
)
def test_amounts_are_exact_however_small_or_large(amounts: tuple[str, ...]) -> None:
    burn = burning(None, *amounts).of("a", at(minutes=20)).credits
    assert burn.last_hour == burn.last_24h == sum(map(Decimal, amounts))


def test_what_is_over_is_forgotten_and_what_is_late_kept() -> None:
    book = burning(None, *["1"] * 600)
    now = at(minutes=600 * 5)
    burn = book.of("a", now).credits
    assert [burn.last_hour, burn.last_24h, burn.since_start] == [Decimal(12), Decimal(288), Decimal(600)]
    assert book.of("a", now + timedelta(hours=3)).credits.last_24h == 288 - 36
    assert book.of("a", now + timedelta(hours=3)).credits.last_hour is None


def test_today_begins_at_midnight_where_the_pool_is() -> None:
    for name in ("Asia/Kolkata", "America/New_York"):
        zone = ZoneInfo(name)
        book, now = burning(None, *["1"] * 200, apart=10, zone=zone), at(minutes=2000)
        midnight = whole_days(now, zone)[0].end
        assert midnight.astimezone(zone).hour == 0
        assert book.of("a", now).credits.today == (now - midnight) // timedelta(minutes=10)


def test_a_day_on_which_clocks_change_is_a_whole_day() -> None:
    days = whole_days(datetime(2026, 11, 2, 12, tzinfo=UTC), ZoneInfo("America/New_York"), 3)
    assert [day.end - day.start for day in days] == [timedelta(hours=hours) for hours in (25, 24, 24)]


def test_a_use_over_a_longer_gap_belongs_to_no_hour() -> None:
    hour = Stretch(NOON, at(hours=1))
    assert hour.counts(at(minutes=10), at(minutes=20))
    assert hour.counts(at(minutes=-10), at(minutes=20))
    assert not hour.counts(at(minutes=-50), at(minutes=20))
    assert not hour.counts(at(minutes=-5), NOON)


def test_uses_of_history_are_those_of_the_readings() -> None:
    resets, later = at(hours=2), at(days=7, hours=2)
    points = [(0, 40, resets), (1, 42, resets), (3, 5, later), (4, 6, later), (9, 9, later)]
    timeline = Timeline(
        tuple(Point(at(hours=hour), used, used, used, reset) for hour, used, reset in points),
        (Gap(at(hours=5), at(hours=9)),),
    )
    uses = at_once(weekly_uses(timeline, at(hours=10)))
    assert [(use.at, use.amount) for use in uses] == [
        (at(hours=1), 2),
        (at(hours=3), 5),
        (at(hours=4), 1),
        (at(hours=9), 3),
    ]
    assert uses[-1].since == at(hours=5)


def test_a_balance_that_is_unknown_for_a_while_says_nothing() -> None:
    values = [Decimal(50), Decimal(45), None, Decimal(30), Decimal(130), Decimal(128)]
    timeline = Timeline(tuple(Point(at(hours=n), None, None, value) for n, value in enumerate(values)))
    assert [use.amount for use in at_once(credit_uses(timeline))] == [5, 2]


def test_days_that_lie_in_a_gap_are_not_usual() -> None:
    days = whole_days(NOON, ZoneInfo("UTC"), 5)
    per_day = [
        use
        for number, day in reversed(list(enumerate(days)))
        for use in at_once(
            weekly_uses(
                Timeline(
                    tuple(Point(day.start + timedelta(hours=n), n, n, (number + 1) * n) for n in (1, 2))
                ),
                day.end,
            )
        )
    ]
    assert at_once(usual_per_day(per_day, days, (), days[-1].start, 0.0)) == 3
    away = (Gap(days[2].start + timedelta(hours=2), days[0].start + timedelta(hours=20)),)
    assert at_once(usual_per_day(per_day, days, away, days[-1].start, 0.0)) is None
    assert at_once(usual_per_day(per_day, days, away[:0], days[1].start, 0.0)) is None


def every(minutes: float, days: float) -> Timeline:
    """A window that rises by a fraction at each reading, and begins anew each week."""
    count, points = int(days * 1440 / minutes), []
    for number in range(count):
        when = at(minutes=-(count - number) * minutes)
        weeks, gone = divmod((when - NOON).total_seconds(), 7 * 86400)
        used = gone / 86400 * 11.37
        points.append(Point(when, used, used, used, at(days=7 * (weeks + 1))))
    return Timeline(tuple(points))


async def test_burn_is_unknown_until_all_of_it_is_read() -> None:
    history, book = History(every(5, 2)), BurnBook(ZoneInfo("UTC"))
    for number in range(1, 4):
        book.read_weekly("a", at(minutes=number), [Gain(at(minutes=number), 1.0)], at(minutes=number - 1))
    history.gate = asyncio.Event()
    loading = asyncio.create_task(book.load(history, "a", NOON, at(minutes=3)))
    await asyncio.sleep(0)
    assert not book.is_filled("a")
    weekly = book.of("a", at(minutes=3)).weekly
    assert (weekly.last_hour, weekly.last_24h, weekly.today, weekly.since_start) == (None, None, None, 2)
    history.gate.set()
    await loading
    assert book.is_filled("a")
    assert book.of("a", at(minutes=3)).weekly.last_24h == pytest.approx(11.37 + 3, abs=0.1)


async def test_a_past_that_is_told_while_it_is_read_is_read_again() -> None:
    history, book = History(every(5, 2)), BurnBook(ZoneInfo("UTC"))
    history.gate = asyncio.Event()
    loading = asyncio.create_task(book.load(history, "a", NOON, NOON))
    await asyncio.sleep(0)
    book.read_again()
    history.gate.set()
    await loading
    assert not book.is_filled("a")
    await book.load(history, "a", NOON, NOON)
    assert book.is_filled("a")
    assert book.of("a", NOON).weekly.last_24h == pytest.approx(11.37, abs=0.1)


async def test_an_account_whose_past_cannot_be_read_leaves_the_others_theirs() -> None:
    class Broken(History):
        async def timeline(
            self,
            account_id: str,
            name: FigureName,
            since: datetime,
            until: datetime,
            finest: Finest = Finest.CHANGE,
        ) -> Timeline:
            if account_id == "a":
                raise ValueError("damaged")
            return await super().timeline(account_id, name, since, until, finest)

    async def turn(_: float) -> None:
        await asyncio.sleep(0)

    book = BurnBook(ZoneInfo("UTC"))
    with pytest.raises(ValueError, match="damaged"):
        await book.run(Broken(every(60, 1)), lambda: [("a", NOON), ("b", NOON)], lambda: NOON, turn)
    assert (book.is_filled("a"), book.is_filled("b")) == (False, True)


def test_no_turn_of_the_event_loop_goes_through_all_readings() -> None:
    line = every(20, 15)
    balances = Timeline(tuple(Point(point.at, None, None, Decimal(5)) for point in line.points))
    assert sum(1 for _ in weekly_uses(line, NOON)) > len(line.points) / 100
    assert sum(1 for _ in credit_uses(balances)) > len(line.points) / 1000
    days = whole_days(NOON, ZoneInfo("UTC"))
    assert sum(1 for _ in usual_per_day(at_once(weekly_uses(line, NOON)), days, (), NOON, 0.0)) == len(days)


def test_an_account_takes_two_kilobytes() -> None:
    tracemalloc.start()
    book = BurnBook()
    for hour in range(25):
        for number in range(200):
            now = at(hours=hour)
            book.read_weekly(f"a{number}", now, (Gain(now, 1),), None)
            if number % 4 == 0:
                book.read_credits(f"a{number}", now, Decimal("1.5"), None)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 200 * 2048
