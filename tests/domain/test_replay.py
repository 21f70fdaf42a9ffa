"""The same folds over stored history and over readings as they come."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.cycles import Cycle, EndedBy, Gain
from poolwatch.domain.event_log import EventKind, LoggedEvent, Standing, reading_events
from poolwatch.domain.replay import Followed, WindowPlace, follow, observations, replay
from poolwatch.domain.series import Figure, HistoryRow, Series, figures, history_rows
from poolwatch.domain.usage import SpendControl, SpendLimit, Usage, UsageSnapshot
from tests.domain.make import FIVE_HOURS, after, credit, limit, window


def snapshot(minute: int) -> UsageSnapshot:
    """An account whose weekly window fills up, is reset early, and fills again beside a short one."""
    day = minute / 1440
    weekly, resets = (
        (min(100, int(30 * day)), after(days=7)) if day < 4.2 else (int(9 * (day - 4.2)), after(days=11.2))
    )
    short_age = minute % 700
    short = window(0, FIVE_HOURS, after(minutes=minute + 300))
    if short_age >= 60:
        begun = minute - short_age + 60
        used = 0 if short_age >= 360 else min(100, (short_age - 60) // 2)
        short = window(used, FIVE_HOURS, after(minutes=(begun if used else minute) + 300))
    out = weekly >= 100 or (short.used_percent or 0) >= 100
    balance = 50 - minute // 100 + (40 if minute > 3000 else 0)
    spent = SpendLimit("individual", Decimal(400), Decimal(minute) / 100, None, 1, after(days=20))
    return UsageSnapshot(
        plan="plus" if day < 6 else "pro",
        base=limit(short, window(weekly, resets=resets), allowed=not out),
        credits=credit(str(balance)),
        spend=SpendControl(False, None, (spent,)),
    )


def lived(minutes: range) -> tuple[Followed, list[LoggedEvent], list[HistoryRow]]:
    """What is told while readings come, and the history that they leave."""
    usage, whole = Usage(), Followed()
    rows: list[HistoryRow] = []
    closed: list[Cycle] = []
    gains: list[tuple[WindowPlace, Gain]] = []
    events: list[LoggedEvent] = []
    standing: Standing | None = None
    for minute in minutes:
        at = after(minutes=minute)
        now = usage.merged(snapshot(minute), at, "homes")
        rows += history_rows(usage, now, "alice", at)
        whole = follow("alice", whole.tracks, observations(figures(now), at))
        closed += whole.closed
        gains += whole.gains
        events += whole.events
        if standing is not None:
            events += reading_events("alice", standing, Standing.of(now), at)
        standing, usage = Standing.of(now), now
    return Followed(whole.tracks, tuple(closed), tuple(events), tuple(gains)), events, rows


MINUTES = range(0, 8 * 1440, 5)


def test_history_tells_what_the_readings_told() -> None:
    live, events, rows = lived(MINUTES)
    again = replay("alice", rows, until=after(minutes=MINUTES[-1]))
    assert len(rows) < 3 * len(MINUTES)
    assert again.cycles == live.cycles
    assert sorted(event.id for event in again.events) == sorted(event.id for event in events)
    assert again.gains == live.gains
    kinds = {event.kind for event in events}
    assert kinds >= {
        EventKind.EXHAUSTED,
        EventKind.BACK,
        EventKind.EARLY_RESET,
        EventKind.CREDITS_CAME,
        EventKind.PLAN_CHANGED,
    }
    short = [cycle for cycle in live.closed if cycle.window == "5h"]
    assert len(short) == 17
    assert {cycle.ended_by for cycle in short} == {EndedBy.RESET, EndedBy.PLAN_CHANGE}


@pytest.mark.parametrize("share", [0.3, 0.55, 0.8])
def test_history_may_be_read_from_where_the_tracks_stand(share: float) -> None:
    cut = MINUTES[int(len(MINUTES) * share)]
    whole, _, rows = lived(MINUTES)
    before, _, _ = lived(range(0, cut, 5))
    later = [row for row in rows if row.at >= after(minutes=cut)]
    stand = Followed(before.tracks)
    rest = replay("alice", later, stand, after(minutes=MINUTES[-1]), only_resets=True)
    assert (*before.closed, *rest.closed) == whole.closed
    assert rest.cycles[-3:] == whole.cycles[-3:]
    assert all(event.kind is EventKind.EARLY_RESET for event in rest.events)


def test_history_may_be_read_in_pieces() -> None:
    _, _, rows = lived(MINUTES)
    whole = replay("alice", rows)
    one = replay("alice", rows[:500])
    two = replay("alice", rows[500:], one)
    assert (two.tracks, two.figures, two.standing) == (whole.tracks, whole.figures, whole.standing)
    assert (one.closed + two.closed, one.events + two.events) == (whole.closed, whole.events)


def test_only_the_windows_asked_for_are_followed() -> None:
    _, _, rows = lived(range(0, 1000, 5))
    assert set(replay("alice", rows, windows={("codex", "weekly")}).tracks) == {("codex", "weekly")}


def test_a_spend_limit_is_followed_by_its_amounts() -> None:
    live, _, _ = lived(range(0, 1000, 5))
    [spend] = [cycle for cycle in live.cycles if cycle.bucket == "spend"]
    assert spend.window == "individual"
    assert spend.last_percent == pytest.approx(995 / 100 / 400 * 100)
    assert spend.resets_at == after(days=20)


def test_a_limit_of_next_to_nothing_has_no_percentage() -> None:
    place = (Series.SPEND, "", "individual")
    figure = Figure(5.0, spent=Decimal(200), spend_limit=Decimal("0.0001"))
    assert observations({place: figure}, after())["spend", "individual"].used_percent is None


def test_history_that_ends_with_a_new_window_ends_it_once_it_was_read_again() -> None:
    _, _, rows = lived(range(0, int(4.2 * 1440) + 5, 5))
    last = rows[-1].at
    assert [cycle for cycle in replay("alice", rows).closed if cycle.window == "weekly"] == []
    again = replay("alice", rows, until=last + timedelta(minutes=5))
    assert [cycle.ended_at for cycle in again.closed if cycle.window == "weekly"] == [last]
