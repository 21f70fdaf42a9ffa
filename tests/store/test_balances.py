"""Balances in the store: the last reading of each, whoever read it, and a history in its own unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.balances import Balance, BalanceState, balance_id, balance_rises
from poolwatch.domain.event_log import EventKind
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.series import Figure, FigureName, Finest, Series
from poolwatch.domain.values import replace
from poolwatch.store.database import Database
from poolwatch.store.lines import PastBalance
from poolwatch.store.store import Store

NOW = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
_D = Decimal
_MINUTE = timedelta(minutes=1)
BROKEN = failure(FailureKind.UPSTREAM_ERROR, "sources.service_fault", status=500)
FULL = Balance(
    "USD",
    _D("3.20"),
    _D("10.00"),
    _D("6.8"),
    _D(10),
    resets_at=NOW + _MINUTE,
    last_reset_at=NOW - _MINUTE,
    own_topup_below=_D("2.50"),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path, NOW)
    yield opened
    await opened.aclose()


def read(balance: Balance, at: datetime = NOW) -> BalanceState:
    return BalanceState("reef team").read(balance, at)


async def test_all_of_a_reading_is_kept_digit_for_digit(store: Store) -> None:
    state = read(FULL).read(BROKEN, NOW + _MINUTE)
    assert await store.put_balance(state) == ()
    kept = (await store.balances())["reef team"]
    assert kept == state
    assert kept.balance is not None
    assert str(kept.balance.remaining) == "3.20"
    # none of them is taken for an account
    assert await store.load_accounts() == ()


async def test_what_was_read_elsewhere_under_the_same_name_has_not_risen(store: Store) -> None:
    full, more = read(FULL), read(Balance("USD", _D(500)), NOW + _MINUTE)
    await store.put_balance(full)
    assert await store.put_balance(replace(more, asked="elsewhere")) == ()
    assert (await store.balances())["reef team"].asked == "elsewhere"
    name = FigureName(Series.CREDITS, "USD")
    line = await store.timeline(balance_id("reef team"), name, NOW, NOW + timedelta(hours=1))
    assert [each.last for each in line.points] == [_D("3.20"), None, _D(500)]
    risen = read(Balance("USD", _D(900)), NOW + 2 * _MINUTE)
    told = await store.put_balance(replace(risen, asked="elsewhere"))
    assert [each.kind for each in told or ()] == [EventKind.CREDITS_CAME]


async def test_an_older_reading_replaces_no_newer_one(store: Store) -> None:
    newer, older = read(FULL, NOW + _MINUTE), read(Balance("USD", _D(9)), NOW)
    await store.put_balance(newer)
    assert await store.put_balance(older) == ()
    assert (await store.balances())["reef team"] == newer
    # but one of a clock that was far ahead holds up nothing
    await store.put_balance(read(FULL, NOW + timedelta(days=2)))
    now = read(Balance("USD", _D(9)), NOW + timedelta(minutes=2))
    await store.put_balance(now)
    assert (await store.balances())["reef team"] == now


async def test_its_history_has_what_moved_in_its_unit_alone(store: Store) -> None:
    amounts = [("USD", "3.20"), ("USD", "3.20"), ("USD", "2.20"), ("CNY", "12.40")]
    for minute, (unit, amount) in enumerate(amounts):
        await store.put_balance(read(Balance(unit, _D(amount)), NOW + minute * _MINUTE))
    state = read(Balance("CNY", _D("12.40")), NOW + 3 * _MINUTE).read(BROKEN, NOW + 4 * _MINUTE)
    await store.put_balance(state)
    key, until = balance_id("reef team"), NOW + timedelta(hours=1)
    assert await store.figures(key) == (FigureName(Series.CREDITS, "USD"), FigureName(Series.CREDITS, "CNY"))
    dollars = await store.timeline(key, FigureName(Series.CREDITS, "USD"), NOW, until)
    assert [each.last for each in dollars.points] == [_D("3.20"), _D("2.20")]
    yuan = await store.timeline(key, FigureName(Series.CREDITS, "CNY"), NOW, until)
    assert [each.last for each in yuan.points] == [_D("12.40")]


async def test_what_happened_is_kept_with_it_once_whoever_reads(store: Store) -> None:
    for minute, amount in enumerate(("3.20", "13.20", "0", "0")):
        await store.put_balance(read(Balance("USD", _D(amount)), NOW + minute * _MINUTE))
    # another process that read the same a moment later tells nothing again
    assert await store.put_balance(read(Balance("USD", _D(0)), NOW + 4 * _MINUTE)) == ()
    kept = await store.events(NOW)
    assert [(each.kind, each.source) for each in kept] == [
        (EventKind.CREDITS_CAME, "reef team"),
        (EventKind.EXHAUSTED, "reef team"),
    ]
    assert (kept[0].before, kept[0].after, kept[0].unit_name) == (_D("3.20"), _D("13.20"), "USD")
    assert await store.top_ups() == {"balance:reef team USD": _D("10.00")}


@pytest.mark.parametrize("finest", [Finest.CHANGE, Finest.HOUR])
async def test_the_chart_and_the_events_judge_alike_what_was_filled_up(store: Store, finest: Finest) -> None:
    start, hour = NOW.replace(minute=0), 60 * _MINUTE
    # only the service says that it was filled up, an hour and three after the first reading
    for hours, amount, reset in (
        (0, "3", None),
        (1, "10", 0.9),
        (2, "4", 0.9),
        (3, "10", 2.5),
        (4, "15", 2.5),
    ):
        seen = None if reset is None else start + reset * hour
        await store.put_balance(read(Balance("USD", _D(amount), last_reset_at=seen), start + hours * hour))
    await store.put_balance(replace(read(Balance("CNY", _D(1)), start + 5 * hour), name="other"))
    kept = await store.events(start)
    line = await store.balance_timeline("reef team", "USD", start, start + 9 * hour, finest)
    told = [(each.at, each.is_filling) for each in balance_rises(line.points)]
    assert told == [(each.at, each.kind is EventKind.RESET) for each in kept]
    assert [is_filling for _, is_filling in told] == [True, True, False]
    assert [each.last for each in line.points] == [_D(3), _D(10), _D(4), _D(10), _D(15)]


async def test_lines_of_the_past_add_what_was_not_known_and_nothing_else(
    store: Store, tmp_path: Path
) -> None:
    await store.put_balance(read(Balance("USD", _D(5)), NOW))
    await store.aclose()
    database = Database(tmp_path, NOW)

    def line(minutes: int, amount: str, unit: str = "USD") -> PastBalance:
        return PastBalance("reef team", NOW + minutes * _MINUTE, unit, Figure(balance=_D(amount)))

    # what held already is no change; another unit is another line
    assert database.take_balances([line(0, "5"), line(7, "5"), line(-9, "8"), line(3, "5", "CNY")]) == 2
    assert database.take_balances([line(-9, "8"), line(-4, "8")]) == 0
    kept = database.history(balance_id("reef team"), NOW - timedelta(hours=1))
    assert [(each.bucket, str(each.figure.balance)) for each in kept] == [
        ("USD", "8"), ("USD", "5"), ("CNY", "5"),
    ]  # fmt: skip
    assert database.balances()["reef team"].balance == Balance("USD", _D(5))
    assert database.balance_names() == ("reef team",)
    # what takes the place of a reading is what the next one is held against
    assert database.take_balances([line(-9, "6"), line(-8, "8")]) == 2
    kept = database.history(balance_id("reef team"), NOW - timedelta(hours=1))
    assert [str(each.figure.balance) for each in kept] == ["6", "8", "5", "5"]
    database.close()


async def test_that_it_is_no_longer_offered_is_told_once_until_it_answers_again(
    store: Store, tmp_path: Path
) -> None:
    gone = failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=410)
    down = failure(FailureKind.UNREACHABLE, "net.refused")
    state, told = read(FULL), []
    outcomes: list[Balance | Failure] = [gone, gone, down, gone, FULL, gone, down, down, gone]
    for hour, outcome in enumerate(outcomes, 1):
        if hour == 4:
            # a restart forgets nothing of it
            await store.aclose()
            store = Store(tmp_path, NOW)
        state = state.read(outcome, NOW + timedelta(hours=hour))
        told.append([each.kind.value for each in await store.put_balance(state) or ()])
    await store.aclose()
    assert told == [["not_offered"], [], [], [], [], ["not_offered"], [], [], []]


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        '{"balance":{"unit":"USD","remaining":"1e999999"}}',
        '{"read_at":"0001-01-01T00:00:00Z"}',
    ],
)
def test_a_damaged_one_costs_itself_alone(tmp_path: Path, damage: str) -> None:
    held = Database(tmp_path, NOW)
    assert held.put_balance(BalanceState("good").read(FULL, NOW)) == ()
    connection = held._connection
    connection.execute("INSERT INTO meta VALUES ('balance:bad', ?)", (damage,))
    connection.commit()
    assert held.balances().keys() == {"good"}
    # and is written over by the next reading
    assert held.put_balance(BalanceState("bad").read(FULL, NOW)) == ()
    assert held.balances().keys() == {"good", "bad"}
    held.close()
