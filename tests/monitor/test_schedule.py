from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.account import Listing, LoginKind
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.message import message
from poolwatch.domain.schedule import POLL_FLOOR
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from poolwatch.monitor.schedule import PollSchedule
from tests.monitor.scripted import INTERVAL, key_of, listing, snapshot
from tests.monitor.turned_clock import START


def account(
    place: str,
    *,
    tried: datetime | None = None,
    failures: int = 0,
    retry_at: datetime | None = None,
    resets_at: datetime | None = None,
) -> AccountState:
    trouble = None if retry_at is None else worded(FailureKind.THROTTLED, "slow down", retry_at).since(START)
    usage = Usage().merged(snapshot(resets_at=resets_at), START, "homes")
    return AccountState(
        key_of(place),
        (listing(place),),
        usage=usage,
        tried_at=tried,
        failures=failures,
        reading_trouble=trouble,
    )


def pool(accounts: Sequence[AccountState], clock_offset: timedelta = timedelta(0)) -> PoolState:
    return PoolState({each.key: each for each in accounts}, clock_offset=clock_offset)


def hundred(tried: datetime | None = None) -> PoolState:
    return pool([account(f"p{number:03}", tried=tried) for number in range(100)])


def agenda(draw: float | None = 0.5) -> PollSchedule:
    seeded = random.Random(7)
    return PollSchedule(INTERVAL, seeded.random if draw is None else lambda: draw)


def played(plan: PollSchedule, state: PoolState, start: datetime, seconds: int) -> list[datetime]:
    """When polls start if each succeeds at once, looked at four times a second."""
    starts: list[datetime] = []
    accounts = dict(state.accounts)
    for tick in range(seconds * 4):
        now = start + timedelta(seconds=tick / 4)
        plan.follow(replace(state, accounts=accounts), now)
        for key in plan.take_due(now, (), 1000):
            starts.append(now)
            accounts[key] = replace(accounts[key], tried_at=now)
            plan.plan(accounts[key], now)
    return starts


def most_in_a_second(starts: Sequence[datetime]) -> int:
    return max(
        sum(first <= each < first + timedelta(seconds=1) for each in starts[index:])
        for index, first in enumerate(starts)
    )


def test_a_first_sweep_is_spread_over_its_accounts() -> None:
    starts = played(agenda(None), hundred(), START, 30)
    assert len(starts) == 100
    assert most_in_a_second(starts) <= 11
    assert timedelta(seconds=10) < starts[-1] - starts[0] <= timedelta(seconds=13)


def test_a_hundred_accounts_never_come_to_fire_together() -> None:
    starts = played(agenda(None), hundred(), START, 3 * 300)
    assert len(starts) >= 290
    assert most_in_a_second(starts) <= 11


def test_a_huge_pool_is_swept_within_one_interval() -> None:
    state = pool([account(f"p{number}") for number in range(5000)])
    plan = agenda(None)
    plan.follow(state, START)
    assert max(due for key in state.accounts if (due := plan.due_at(key))) <= START + INTERVAL


def test_what_is_on_screen_is_swept_first() -> None:
    visible = {key_of(f"p{number:03}") for number in (3, 50, 97)}
    plan = agenda()
    plan.follow(hundred(), START, visible)
    assert set(plan.take_due(START + INTERVAL, visible, 3)) == visible
    order = sorted(hundred().accounts, key=lambda key: plan.due_at(key) or START)
    assert set(order[:3]) == visible


def test_of_several_due_the_visible_then_the_longest_overdue_go_first() -> None:
    plan = agenda()
    plan.follow(pool([account(place, tried=START) for place in "abc"]), START)
    for seconds, place in ((30, "a"), (20, "b"), (10, "c")):
        plan.hold(key_of(place), START + timedelta(seconds=seconds))
    later = START + timedelta(seconds=40)
    assert plan.take_due(later, {key_of("b")}, 9) == [key_of("b"), key_of("c"), key_of("a")]
    assert plan.take_due(later, (), 1) == [key_of("c")]
    assert plan.take_due(START + timedelta(seconds=15), (), 9) == [key_of("c")]
    assert plan.take_due(later, (), 0) == []


def test_after_a_night_asleep_each_account_is_caught_up_once_and_spread() -> None:
    plan, state = agenda(None), hundred(tried=START)
    plan.follow(state, START)
    assert plan.take_due(START, (), 1000) == []
    morning = START + timedelta(hours=9)
    starts = played(plan, state, morning, 60)
    assert len(starts) == 100
    assert most_in_a_second(starts) <= 11


def test_a_sleep_moves_nothing_that_is_not_due() -> None:
    plan = agenda()
    state = pool([account("a", tried=START), account("b", tried=START, failures=5)])
    plan.follow(state, START)
    due = plan.due_at(key_of("b"))
    plan.follow(state, START + timedelta(minutes=10))
    assert plan.due_at(key_of("b")) == due
    assert plan.due_at(key_of("a")) == START + timedelta(minutes=10)


def test_a_late_loop_is_no_sleep() -> None:
    plan = agenda()
    state = pool([account(place, tried=START) for place in "ab"])
    plan.follow(state, START + INTERVAL - timedelta(seconds=10))
    plan.follow(state, START + INTERVAL + timedelta(seconds=20))
    assert plan.due_at(key_of("b")) == START + INTERVAL


@pytest.mark.parametrize("back", [timedelta(minutes=20), timedelta(hours=9), timedelta(days=3650)])
def test_a_clock_that_is_set_back_strands_nobody(back: timedelta) -> None:
    plan, state = agenda(None), hundred(tried=START)
    plan.follow(state, START)
    starts = played(plan, state, START - back, 60)
    assert len(starts) == 100
    assert most_in_a_second(starts) <= 11


def test_a_clock_that_leaps_years_ahead_is_one_sweep() -> None:
    plan, state = agenda(None), hundred(tried=START)
    plan.follow(state, START)
    starts = played(plan, state, START + timedelta(days=3650), 60)
    assert len(starts) == 100
    assert most_in_a_second(starts) <= 11


def test_accounts_come_and_go() -> None:
    plan = agenda()
    plan.follow(pool([account("a"), account("b")]), START)
    assert plan.next_due() == START
    plan.follow(pool([account("b"), account("c")]), START)
    assert plan.due_at(key_of("a")) is None
    assert plan.due_at(key_of("c")) == START
    plan.follow(pool([]), START)
    assert plan.next_due() is None


@pytest.mark.parametrize(
    "entry",
    [
        listing("a", login=LoginKind.API_KEY),
        listing("a", disabled=True),
        replace(listing("a"), problem=message("as_stored", text="not readable: permission denied")),
    ],
)
def test_what_has_no_figures_or_is_left_alone_has_no_due_time(entry: Listing) -> None:
    plan = agenda()
    plan.follow(pool([replace(account("a"), listings=(entry,))]), START)
    assert plan.due_at(key_of("a")) is None
    both = replace(account("a"), listings=(entry, listing("a", source="other")))
    plan.follow(pool([both]), START)
    assert plan.due_at(key_of("a")) is not None


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 5), (1, 5), (2, 7.5), (3, 15), (4, 30), (5, 45), (30, 45)]
)
def test_failures_put_the_next_poll_off(failures: int, minutes: float) -> None:
    plan = agenda()
    plan.plan(account("a", tried=START, failures=failures), START)
    assert plan.due_at(key_of("a")) == START + timedelta(minutes=minutes)


@pytest.mark.parametrize(("asked", "granted"), [(10, 300), (1200, 1200), (86400, 3600), (-50, 300)])
def test_a_retry_after_is_honoured_up_to_an_hour(asked: float, granted: float) -> None:
    plan = agenda()
    retry_at = START + timedelta(seconds=asked)
    plan.plan(account("a", tried=START, failures=1, retry_at=retry_at), START)
    assert plan.due_at(key_of("a")) == START + timedelta(seconds=granted)


def test_a_reset_is_looked_at_shortly_after_it() -> None:
    plan = agenda()
    plan.plan(account("a", tried=START, resets_at=START + timedelta(seconds=90)), START)
    assert plan.due_at(key_of("a")) == START + timedelta(seconds=120)


def test_a_reset_is_by_the_clock_of_the_server() -> None:
    plan = agenda()
    ahead = timedelta(hours=2)
    reset = account("a", tried=START, resets_at=START + ahead + timedelta(seconds=90))
    plan.follow(pool([reset], clock_offset=ahead), START)
    assert plan.due_at(key_of("a")) == START + timedelta(seconds=120)


def test_what_is_overdue_after_a_pause_is_spread() -> None:
    plan, state = agenda(None), hundred(tried=START)
    plan.follow(state, START)
    later = START + timedelta(minutes=10)
    plan.catch_up(later)
    dues = sorted(due for key in state.accounts if (due := plan.due_at(key)))
    assert dues[0] == later
    assert most_in_a_second(dues) <= 11


def test_a_login_that_came_to_life_is_polled_soon_but_not_at_once_after_a_try() -> None:
    plan = agenda()
    tried = START - timedelta(seconds=10)
    revived = [account("a", tried=tried), account("b", tried=START - INTERVAL), account("c")]
    plan.follow(pool(revived), START)
    plan.hasten(revived, START)
    assert plan.due_at(key_of("a")) == tried + POLL_FLOOR
    for place in "bc":
        due = plan.due_at(key_of(place))
        assert due is not None
        assert due - START < timedelta(seconds=1)


seconds = st.integers(-100_000, 100_000).map(lambda value: timedelta(seconds=value))
moments = st.none() | seconds.map(lambda value: START + value)


@given(
    facts=st.lists(st.tuples(moments, st.integers(0, 40), moments, moments), min_size=1, max_size=20),
    draws=st.randoms(use_true_random=False),
    offset=seconds,
    limit=st.integers(-1, 25),
    ahead=st.integers(0, 200_000),
    visible=st.sets(st.integers(0, 19)),
)
def test_due_times_keep_their_promises(
    facts: list[tuple[datetime | None, int, datetime | None, datetime | None]],
    draws: random.Random,
    offset: timedelta,
    limit: int,
    ahead: int,
    visible: set[int],
) -> None:
    accounts = [
        account(f"p{index}", tried=tried, failures=failures, retry_at=retry_at, resets_at=resets_at)
        for index, (tried, failures, retry_at, resets_at) in enumerate(facts)
    ]
    shown = {key_of(f"p{index}") for index in visible}
    plan = PollSchedule(INTERVAL, draws.random)
    plan.follow(pool(accounts, offset), START, shown)
    dues = {each.key: plan.due_at(each.key) for each in accounts}
    for each in accounts:
        due = dues[each.key]
        assert due is not None
        assert START - timedelta(days=2) < due
        if each.tried_at is None or each.tried_at - START > INTERVAL:
            assert START <= due <= START + INTERVAL
        else:
            assert due >= each.tried_at + POLL_FLOOR
            assert due <= max(START, each.tried_at) + timedelta(hours=1) + INTERVAL
    assert plan.next_due() == min(due for due in dues.values() if due is not None)
    now = START + timedelta(seconds=ahead)
    taken = plan.take_due(now, shown, limit)
    ready = [key for key, due in dues.items() if due is not None and due <= now]
    assert len(taken) == min(max(limit, 0), len(ready))
    assert set(taken) <= set(ready)
    places = [(key not in shown, dues[key]) for key in taken]
    assert places == sorted(places, key=lambda place: (place[0], place[1] or START))
    assert Counter(taken).most_common(1) == [] or Counter(taken).most_common(1)[0][1] == 1


def test_after_an_outage_the_long_waits_end() -> None:
    tried = START - timedelta(minutes=20)
    down = worded(FailureKind.UNREACHABLE, "refused").since(tried)
    waiting = [
        replace(
            account(f"p{number}", tried=tried, failures=6), reading_trouble=down, read_at=tried - INTERVAL
        )
        for number in range(20)
    ]
    plan = agenda(None)
    plan.follow(pool(waiting), START)
    assert min(due for each in waiting if (due := plan.due_at(each.key))) > START
    late = [each.key for each in waiting if (plan.due_at(each.key) or START) > START + INTERVAL]
    assert len(late) > 10
    # one of them was read: the service answers again
    waiting[0] = replace(waiting[0], reading_trouble=None, failures=0, tried_at=START, read_at=START)
    plan.follow(pool(waiting), START)
    dues = sorted(due for key in late if key != waiting[0].key and (due := plan.due_at(key)))
    assert dues[-1] <= START + INTERVAL
    assert dues[-1] - dues[0] > INTERVAL / 2


@pytest.mark.parametrize("kind", [FailureKind.THROTTLED, FailureKind.EDGE_BLOCKED])
def test_what_the_service_wished_is_not_shortened_by_an_answer(kind: FailureKind) -> None:
    tried = START - timedelta(minutes=20)
    held = replace(account("a", tried=tried, failures=6), reading_trouble=worded(kind, "no").since(tried))
    plan = agenda()
    plan.follow(pool([held]), START)
    due = plan.due_at(key_of("a"))
    plan.follow(pool([replace(held, read_at=START)]), START)
    assert plan.due_at(key_of("a")) == due


def test_polls_that_come_due_together_are_taken_apart() -> None:
    plan, instant = agenda(None), START + timedelta(minutes=20)
    for number in range(100):
        plan.plan(account(f"p{number}", tried=START, failures=1, retry_at=instant), START)
    dues = sorted(due for number in range(100) if (due := plan.due_at(key_of(f"p{number}"))))
    assert dues[0] == instant
    assert instant + timedelta(seconds=40) <= dues[-1] <= instant + INTERVAL
    assert max(sum(due <= other < due + timedelta(seconds=2) for other in dues) for due in dues) <= 8
