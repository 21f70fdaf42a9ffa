"""How alerts go on: one look after the other at a made-up pool, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.alert_findings import EventSeen, RuleFinding, Seen, Truth
from poolwatch.domain.alert_notices import FLAPS_WITHIN, first_summary_after, quiet_until, summary_day
from poolwatch.domain.alert_rules import WatchedRule, all_rules, watched
from poolwatch.domain.alerting import evaluate
from poolwatch.domain.alerts import (
    Alert,
    AlertBook,
    Phase,
    QuietHours,
    Rule,
    Severity,
    Silence,
    Subject,
    SubjectKind,
)
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.message import message
from poolwatch.domain.notices import Notice, NoticeKind
from poolwatch.domain.values import replace

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAUSE = message("alerts.figure", field="weekly", figure="93%")
CAROL, DAN = (Subject(SubjectKind.ACCOUNT, each) for each in ("carol", "dan"))
TEAM = Subject(SubjectKind.BUDGET, "team")
HOLDS, STAYS, OVER, UNKNOWN = Truth
HIGH = Rule("high", "weekly>=90", channels=("ops",))


def rule(**changes: object) -> Rule:
    return replace(HIGH, **changes)  # type: ignore[arg-type]  # names of fields


class World:
    """A book that is looked at, a minute after the last time unless said otherwise; all in UTC."""

    def __init__(self, *rules: Rule, at: datetime = NOW, is_new: bool = False) -> None:
        self.rules: list[WatchedRule] = []
        self.book, self.now = AlertBook(), at
        self.notices: list[Notice] = []
        self.events: list[LoggedEvent] = []
        self.again_at: datetime | None = None
        self.set_rules(*(rules or (HIGH,)))
        if not is_new:
            self.look()

    def set_rules(self, *rules: Rule) -> None:
        found = [watched(each) for each in rules]
        self.rules = [each for each in found if each is not None]
        assert len(self.rules) == len(rules)

    def look(
        self,
        *findings: RuleFinding,
        after: timedelta = timedelta(minutes=1),
        events: Sequence[EventSeen] = (),
        gone: Sequence[Subject] = (),
    ) -> list[Notice]:
        """One look; the notices that it makes."""
        self.now += after
        names = frozenset(each.rule.name for each in self.rules)
        seen = Seen(findings, events, names, frozenset(gone))
        done = evaluate(self.rules, self.book, seen, self.now, UTC)
        assert done == evaluate(self.rules, self.book, seen, self.now, UTC)
        assert done.book.number == self.book.number + 1
        self.book, self.again_at = done.book, done.again_at
        self.notices += done.notices
        self.events += done.events
        return list(done.notices)

    def find(self, truth: Truth, subject: Subject = CAROL, **more: object) -> RuleFinding:
        made = RuleFinding("high", subject, truth, subject.id, cause=CAUSE)
        return replace(made, **more)  # type: ignore[arg-type]  # names of fields

    def see(self, truth: Truth, *, after: timedelta = timedelta(minutes=1), **more: object) -> list[Notice]:
        return self.look(self.find(truth, **more), after=after)  # type: ignore[arg-type]

    def wait(self, time: timedelta) -> list[Notice]:
        """Looks, each minute, that find nothing new."""
        return [notice for _ in range(time // minutes(1)) for notice in self.look()]

    def alert(self, subject: Subject = CAROL) -> Alert | None:
        known = self.book.alerts.values()
        return next((each for each in known if each.subject == subject and each.rule == "high"), None)

    @property
    def phase(self) -> Phase | None:
        found = self.alert()
        return None if found is None else found.phase

    def told(self) -> list[tuple[str, str, str]]:
        """What was told: the subject, the phase and the channel, each item of each notice."""
        return [
            (item.subject.id, item.phase.value, notice.channel)
            for notice in self.notices
            for item in notice.items
        ]

    def silence(self, **more: object) -> None:
        made = Silence("high", self.now, "dan")
        self.book = replace(self.book, silences=(replace(made, **more),))  # type: ignore[arg-type]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_what_begins_to_hold_is_told_once_and_what_ends_once_it_lasts() -> None:
    world = World()
    (notice,) = world.see(HOLDS)
    assert (notice.channel, notice.kind, notice.severity) == ("ops", NoticeKind.ALERTS, Severity.WARNING)
    (item,) = notice.items
    assert (item.rule, item.subject, item.phase, item.cause) == ("high", CAROL, Phase.FIRING, CAUSE)
    assert (item.label, item.at, item.episode) == ("carol", world.now, "1")
    assert world.see(HOLDS) == world.see(STAYS) == []
    assert world.see(OVER) == []
    assert world.phase is Phase.RESOLVED
    assert world.see(OVER, after=minutes(8)) == []
    (notice,) = world.see(OVER, after=minutes(2))
    assert [each.phase for each in notice.items] == [Phase.RESOLVED]
    assert world.see(OVER, after=minutes(60)) == []
    assert [each.kind for each in world.events] == [EventKind.ALERT_FIRED, EventKind.ALERT_RESOLVED]
    assert {each.rule for each in world.events} == {"high"}


def test_a_rule_that_is_looked_at_for_the_first_time_ever_tells_nothing_of_what_is_there() -> None:
    world = World(is_new=True)
    assert world.look(world.find(HOLDS), world.find(UNKNOWN, DAN)) == []
    alert = world.alert()
    assert alert is not None
    assert alert.primed
    assert world.book.board(world.now).firing == ()
    # nothing was known of dan then: the first that is known of him is how it was already
    assert world.see(HOLDS, subject=DAN) == []
    # what ends is not told either, but what begins from then on is
    world.look(world.find(OVER), world.find(OVER, DAN))
    assert world.wait(FLAPS_WITHIN) == []
    assert len(world.look(world.find(HOLDS), world.find(HOLDS, DAN))[0].items) == 2


def test_an_account_that_is_added_later_is_no_first_look_of_the_rule() -> None:
    world = World(is_new=True)
    world.look(world.find(OVER))
    assert [item.subject for notice in world.see(HOLDS, subject=DAN) for item in notice.items] == [DAN]


def test_a_later_start_is_no_first_look() -> None:
    world = World()
    world.see(OVER)
    # it was away for two days: what holds now has to hold for a while, and is told
    assert world.see(HOLDS, after=timedelta(days=2)) == []
    assert world.phase is Phase.PENDING
    assert world.see(HOLDS) == []
    assert world.told() == []
    world.see(HOLDS)
    assert world.told() == [("carol", "firing", "ops")]


def test_another_condition_is_another_rule() -> None:
    world = World()
    world.see(HOLDS)
    world.set_rules(rule(when="weekly>=80"))
    assert world.look(world.find(HOLDS), world.find(HOLDS, DAN)) == []
    assert [each.primed for each in world.book.alerts.values()] == [True, True]
    # where and how it is told does not matter
    world.set_rules(rule(when="weekly>=80", channels=("mail",), severity=Severity.CRITICAL))
    assert world.look(world.find(OVER), world.find(HOLDS, DAN)) == []
    assert len(world.book.alerts) == 2
    world.set_rules(rule(name="other"))
    world.look()
    assert world.book.alerts == {}
    assert world.book.rules.keys() == {"other"}


def test_a_rule_waits_until_its_condition_has_held() -> None:
    world = World(rule(held_for=minutes(10)))
    assert world.see(HOLDS) == []
    for _ in range(9):
        assert world.see(HOLDS) == []
        assert world.phase is Phase.PENDING
    assert len(world.see(HOLDS)) == 1
    assert world.phase is Phase.FIRING


def test_time_counts_though_most_looks_are_at_others() -> None:
    world = World(rule(held_for=minutes(3)))
    assert world.see(HOLDS) == []
    for _ in range(2):
        for _ in range(19):
            world.see(HOLDS, subject=DAN, after=timedelta(seconds=3))
        assert world.see(HOLDS, after=timedelta(seconds=3)) == []
        assert world.phase is Phase.PENDING
    world.notices.clear()
    world.see(HOLDS)
    assert world.told() == [("carol", "firing", "ops")]


@pytest.mark.parametrize("truth", [STAYS, OVER])
def test_what_does_not_hold_long_enough_begins_anew(truth: Truth) -> None:
    world = World(rule(held_for=minutes(2)))
    for seen in (HOLDS, HOLDS, truth, HOLDS, HOLDS):
        assert world.see(seen) == []
    assert len(world.see(HOLDS)) == 1


def test_time_in_which_nothing_is_known_does_not_count() -> None:
    world = World(rule(held_for=minutes(3)))
    for seen in (HOLDS, UNKNOWN, UNKNOWN, UNKNOWN, HOLDS, HOLDS):
        assert world.see(seen) == []
    assert len(world.see(HOLDS)) == 1


def test_what_nobody_can_tell_neither_begins_nor_ends() -> None:
    world = World()
    assert world.see(UNKNOWN) == []
    assert world.phase is None
    world.see(HOLDS)
    assert world.see(UNKNOWN, after=timedelta(minutes=3)) == []
    assert world.phase is Phase.UNKNOWN
    for _ in range(50):
        assert world.see(UNKNOWN, after=minutes(4)) == []
    assert world.see(HOLDS) == []
    assert world.phase is Phase.FIRING
    assert world.told() == [("carol", "firing", "ops")]


def test_what_flaps_is_one_alert() -> None:
    world = World()
    for _ in range(30):
        world.see(HOLDS)
        world.see(OVER)
    world.see(HOLDS)
    assert world.told() == [("carol", "firing", "ops")]
    world.see(OVER)
    world.wait(FLAPS_WITHIN)
    assert world.told() == [("carol", "firing", "ops"), ("carol", "resolved", "ops")]
    assert [each.kind for each in world.events] == [EventKind.ALERT_FIRED, EventKind.ALERT_RESOLVED]
    assert world.events[1].at == world.now - FLAPS_WITHIN


def test_an_episode_that_begins_later_is_told_again() -> None:
    world = World()
    world.see(HOLDS)
    world.see(OVER)
    world.wait(FLAPS_WITHIN)
    world.see(HOLDS)
    assert [phase for _, phase, _ in world.told()] == ["firing", "resolved", "firing"]
    # its number counts on, also when the former one is forgotten
    world.see(OVER)
    world.wait(FLAPS_WITHIN)
    for _ in range(3):
        world.look(after=timedelta(days=2))
    assert world.alert() is None
    for _ in range(4):
        world.see(HOLDS)
    alert = world.alert()
    assert alert is not None
    assert alert.episode == "3"
    assert len({notice.id for notice in world.notices}) == len(world.notices)


def test_a_window_is_told_once_and_the_next_one_again() -> None:
    world = World()
    world.see(HOLDS, window="weekly/1")
    world.see(OVER, window="weekly/1")
    world.look(after=timedelta(hours=1))
    assert world.see(HOLDS, window="weekly/1") == []
    assert world.phase is Phase.FIRING
    assert len(world.see(HOLDS, window="weekly/2")) == 1
    alert = world.alert()
    assert alert is not None
    assert (alert.episode, alert.phase) == ("weekly/2", Phase.FIRING)
    assert [each.kind.value for each in world.events] == ["alert_fired", "alert_resolved", "alert_fired"]
    # less than what begins it ends it, in another window
    world.see(STAYS, window="weekly/3")
    assert [each.phase for each in world.book.alerts.values()] == [Phase.RESOLVED]


def test_a_window_whose_id_becomes_known_later_is_the_same() -> None:
    world = World()
    world.see(HOLDS)
    assert (
        world.see(HOLDS, window="weekly/1") == world.see(HOLDS) == world.see(HOLDS, window="weekly/1") == []
    )
    alert = world.alert()
    assert alert is not None
    assert alert.episode == "weekly/1"
    assert [each.kind for each in world.events] == [EventKind.ALERT_FIRED]


def test_the_worse_of_two_levels_speaks_for_both() -> None:
    world = World(Rule("budget", "budget", channels=("ops",), built_in=True))
    levels = (Decimal(75), Decimal(90), Decimal(100))

    def spent(percent: int) -> list[Notice]:
        return world.look(
            *(
                RuleFinding(
                    "budget", TEAM, HOLDS if percent >= each else OVER, "team", "2026-11",
                    message("alerts.budget", percent=each), each,
                )
                for each in levels
            )
        )  # fmt: skip

    (notice,) = spent(95)
    assert [dict(item.cause.arguments)["percent"] for item in notice.items] == ["90"]
    board = world.book.board(world.now)
    assert [each.level for each in board.firing] == [Decimal(90)]
    (notice,) = spent(100)
    assert [dict(item.cause.arguments)["percent"] for item in notice.items] == ["100"]
    # all of it ends with the period: that is told once
    spent(0)
    (notice,) = world.wait(FLAPS_WITHIN)
    assert [item.phase for item in notice.items] == [Phase.RESOLVED]
    assert [each.kind for each in world.events] == [EventKind.ALERT_FIRED] * 2 + [
        EventKind.ALERT_RESOLVED
    ] * 2


def test_two_rules_of_the_same_figure_tell_the_worse_where_it_goes_to_the_same_people() -> None:
    low = rule(name="low", when="weekly>=75")
    world = World(HIGH, low)
    both = (world.find(HOLDS), world.find(HOLDS, rule="low"))
    assert [item.rule for notice in world.look(*both) for item in notice.items] == ["high"]
    # the lesser fires still when the worse has ended; it was told
    assert world.look(world.find(OVER), world.find(HOLDS, rule="low"), after=minutes(4)) == []
    assert [each.rule for each in world.book.board(world.now).firing] == ["low"]
    other = World(HIGH, replace(low, channels=("mail",)))
    assert [(each.channel, each.items[0].rule) for each in other.look(*both)] == [
        ("mail", "low"),
        ("ops", "high"),
    ]
    quiet = World(HIGH, low)
    quiet.silence()
    assert [item.rule for notice in quiet.look(*both) for item in notice.items] == ["low"]
    another = World(HIGH, replace(low, when="5h>=75"))
    assert [len(notice.items) for notice in another.look(*both)] == [2]


def test_quiet_hours_that_hold_the_worse_do_not_hold_what_is_critical() -> None:
    low = rule(name="low", when="weekly>=75", severity=Severity.CRITICAL)
    world = World(rule(quiet_hours=NIGHT), low, at=EVENING + minutes(60))
    (notice,) = world.look(world.find(HOLDS), world.find(HOLDS, rule="low"))
    assert [(item.rule, item.severity) for item in notice.items] == [("low", Severity.CRITICAL)]


def test_what_follows_within_half_a_minute_goes_as_one_more_notice() -> None:
    world = World(rule(channels=("mail", "ops")))
    first = world.see(HOLDS)
    assert [each.channel for each in first] == ["mail", "ops"]
    assert first[0].id != first[1].id
    others = [Subject(SubjectKind.ACCOUNT, str(number)) for number in range(3)]
    for number, each in enumerate(others):
        assert world.see(HOLDS, subject=each, after=timedelta(seconds=5)) == []
        assert world.again_at == NOW + minutes(2) + timedelta(seconds=30), number
    last = world.look(after=timedelta(seconds=15))
    assert [[item.subject for item in notice.items] for notice in last] == [others, others]
    assert world.look() == []


def test_an_alert_is_told_again_as_often_as_its_rule_says() -> None:
    world = World(rule(repeat_every=timedelta(hours=4)))
    world.see(HOLDS)
    for _ in range(239):
        assert world.see(HOLDS) == []
    (again,) = world.see(HOLDS)
    assert again.id != world.notices[0].id
    world.see(OVER)
    assert world.look(after=timedelta(hours=5))[0].items[0].phase is Phase.RESOLVED
    assert world.look(after=timedelta(hours=5)) == []


def test_what_is_told_again_is_how_it_stands_by_then() -> None:
    world = World(rule(repeat_every=minutes(2)))
    begun, worse, less = (message("as_stored", text=each) for each in ("91%", "99%", "88%"))
    world.see(HOLDS, cause=begun)
    world.see(HOLDS, cause=worse)
    # that it does not end yet is not why it is told
    world.see(STAYS, cause=less)
    assert [item.cause for notice in world.notices for item in notice.items] == [begun, worse]
    fresh = World(is_new=True)
    fresh.see(HOLDS, cause=begun)
    fresh.see(HOLDS, cause=worse)
    alert = fresh.alert()
    assert alert is not None
    assert (alert.primed, alert.cause) == (True, begun)


def test_a_source_that_is_down_mutes_its_accounts() -> None:
    world = World()
    assert world.see(HOLDS, muted_by="s3") == []
    assert world.book.board(world.now).firing == ()
    assert len(world.see(HOLDS)) == 1
    assert world.see(HOLDS, muted_by="s3") == world.see(HOLDS) == []
    world.see(HOLDS, muted_by="s3", subject=DAN)
    world.see(OVER, muted_by="s3", subject=DAN)
    world.look(after=timedelta(hours=1))
    assert {subject for subject, _, _ in world.told()} == {"carol"}


def test_a_dead_login_speaks_for_its_other_alerts() -> None:
    world = World()
    assert world.see(HOLDS, covered_by="needs_you") == []
    assert len(world.see(HOLDS)) == 1


@pytest.mark.parametrize("subject", [None, CAROL])
def test_a_silence_keeps_a_rule_quiet_until_it_ends(subject: Subject | None) -> None:
    world = World()
    world.silence(subject=subject, until=world.now + minutes(30))
    assert world.see(HOLDS) == []
    board = world.book.board(world.now)
    assert board.firing == ()
    assert len(board.silences) == 1
    assert (len(world.see(HOLDS, subject=DAN)) == 1) is (subject is CAROL)
    for _ in range(27):
        assert world.see(HOLDS) == []
    assert world.see(HOLDS)[0].items[0].subject == CAROL


def test_what_ends_while_it_is_silenced_is_not_told_later() -> None:
    world = World()
    world.see(HOLDS)
    world.silence()
    world.see(OVER)
    world.look(after=timedelta(hours=1))
    world.book = replace(world.book, silences=())
    world.look(after=timedelta(hours=1))
    assert world.told() == [("carol", "firing", "ops")]


NIGHT = QuietHours(time(22), time(7))
EVENING = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


def test_quiet_hours_hold_and_then_one_digest_tells_all() -> None:
    world = World(rule(quiet_hours=NIGHT), at=EVENING)
    world.see(HOLDS, after=minutes(1))
    for _ in range(40):
        world.look()
    assert world.see(HOLDS, subject=DAN) == []
    world.see(OVER)
    held = world.alert(DAN)
    assert held is not None
    assert held.held_until == datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
    gone = Subject(SubjectKind.ACCOUNT, "erin")
    world.see(HOLDS, subject=gone)
    world.see(OVER, subject=gone)
    while world.now < datetime(2026, 11, 21, 6, 59, tzinfo=UTC):
        assert world.look(after=minutes(1)) == []
    (digest,) = world.look(after=minutes(1))
    assert digest.kind is NoticeKind.DIGEST
    assert [(item.subject.id, item.phase.value) for item in digest.items] == [
        ("carol", "resolved"),
        ("dan", "firing"),
        ("erin", "resolved"),
    ]
    for _ in range(60):
        assert world.look() == []


def test_what_ended_as_quiet_hours_did_and_holds_again_is_told_as_what_fires() -> None:
    world = World(rule(quiet_hours=NIGHT), at=EVENING + minutes(60))
    world.see(HOLDS)
    world.look(after=datetime(2026, 11, 21, 6, 55, tzinfo=UTC) - world.now)
    world.see(HOLDS)
    world.see(OVER)
    # it ended just before: whether that lasts nobody knows at seven
    assert world.wait(minutes(5)) == []
    assert [item.phase for item in world.see(HOLDS)[0].items] == [Phase.FIRING]
    world.see(OVER)
    assert [item.phase for notice in world.wait(minutes(11)) for item in notice.items] == [Phase.RESOLVED]


def test_every_channel_hears_of_the_end_also_one_that_was_not_told_the_begin_yet() -> None:
    other = replace(HIGH, name="other", when="credits<5", channels=("mail",))
    world = World(rule(channels=("mail", "ops")), other)
    world.look(world.find(HOLDS, DAN, rule="other"))
    # a moment after that one
    assert [each.channel for each in world.see(HOLDS, after=timedelta(seconds=5))] == ["ops"]
    world.see(OVER, after=timedelta(seconds=5))
    ends = [(each.channel, item.phase) for each in world.wait(minutes(12)) for item in each.items]
    assert ends == [("mail", Phase.RESOLVED), ("ops", Phase.RESOLVED)]


def test_what_is_told_again_in_a_window_is_told_to_end_again() -> None:
    world = World(rule(repeat_every=timedelta(hours=4)))
    for _ in range(2):
        world.see(HOLDS, window="w/1")
        for _ in range(60 * 4 + 1):
            world.see(HOLDS, window="w/1")
        world.see(OVER, window="w/1")
        world.wait(minutes(11))
        assert world.told()[-1][1] == "resolved"


def test_what_is_critical_goes_through_quiet_hours() -> None:
    world = World(rule(quiet_hours=NIGHT, severity=Severity.CRITICAL), at=EVENING + minutes(60))
    (notice,) = world.see(HOLDS)
    assert (notice.kind, notice.severity) == (NoticeKind.ALERTS, Severity.CRITICAL)


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        (NIGHT, datetime(2026, 11, 20, 21, 59, tzinfo=BERLIN), None),
        (NIGHT, datetime(2026, 11, 20, 22, 0, tzinfo=BERLIN), datetime(2026, 11, 21, 7, 0, tzinfo=BERLIN)),
        (NIGHT, datetime(2026, 11, 21, 6, 59, tzinfo=BERLIN), datetime(2026, 11, 21, 7, 0, tzinfo=BERLIN)),
        (NIGHT, datetime(2026, 11, 21, 7, 0, tzinfo=BERLIN), None),
        # the night in which the clock is set back is an hour longer
        (NIGHT, datetime(2026, 10, 24, 23, 0, tzinfo=BERLIN), datetime(2026, 10, 25, 6, 0, tzinfo=UTC)),
        (NIGHT, datetime(2026, 3, 28, 23, 0, tzinfo=BERLIN), datetime(2026, 3, 29, 5, 0, tzinfo=UTC)),
        (
            QuietHours(time(12), time(13)),
            datetime(2026, 11, 20, 12, 30, tzinfo=BERLIN),
            datetime(2026, 11, 20, 13, 0, tzinfo=BERLIN),
        ),
        (QuietHours(time(12), time(13)), datetime(2026, 11, 20, 11, 59, tzinfo=BERLIN), None),
    ],
)
def test_when_quiet_hours_end(quiet: QuietHours, at: datetime, until: datetime | None) -> None:
    assert quiet_until(quiet, at.astimezone(UTC), BERLIN) == until


@pytest.mark.parametrize(
    ("last", "at", "day"),
    [
        (None, datetime(2026, 11, 20, 9, 0, tzinfo=BERLIN), None),
        (date(2026, 11, 19), datetime(2026, 11, 20, 8, 59, tzinfo=BERLIN), None),
        (date(2026, 11, 19), datetime(2026, 11, 20, 9, 0, tzinfo=BERLIN), date(2026, 11, 20)),
        # it was away at nine: later on that day
        (date(2026, 11, 10), datetime(2026, 11, 20, 23, 0, tzinfo=BERLIN), date(2026, 11, 20)),
        (date(2026, 11, 20), datetime(2026, 11, 20, 9, 0, tzinfo=BERLIN), None),
        # a clock that was a day ahead told tomorrow already
        (date(2026, 11, 21), datetime(2026, 11, 20, 9, 0, tzinfo=BERLIN), None),
    ],
)
def test_whose_summary_is_due(last: date | None, at: datetime, day: date | None) -> None:
    assert summary_day(time(9), last, at.astimezone(UTC), BERLIN) == day


@pytest.mark.parametrize(("hour", "day"), [(8, 19), (9, 20), (15, 20)])
def test_the_first_summary_comes_with_the_next_time_that_is_set(hour: int, day: int) -> None:
    at = datetime(2026, 11, 20, hour, 0, tzinfo=BERLIN)
    assert first_summary_after(time(9), at.astimezone(UTC), BERLIN) == date(2026, 11, day)


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps_by_a_day_makes_no_flood_and_tells_nothing_twice(days: int) -> None:
    world = World(HIGH, rule(name="slow", held_for=minutes(10), repeat_every=timedelta(hours=4)))
    world.see(HOLDS)
    world.see(HOLDS, subject=DAN, rule="slow")
    before = len(world.notices)
    # all accounts seem to be in trouble until servers have told the time
    many = [Subject(SubjectKind.ACCOUNT, str(number)) for number in range(40)]
    world.look(*(world.find(HOLDS, each) for each in many), after=timedelta(days=days))
    world.look(*(world.find(HOLDS, each) for each in many))
    world.look(*(world.find(OVER, each) for each in many), after=timedelta(seconds=30))
    world.see(HOLDS, subject=DAN, rule="slow")
    assert world.notices[before:] == []
    world.see(HOLDS, after=timedelta(days=-days))
    for _ in range(5):
        world.look(world.find(HOLDS), world.find(HOLDS, DAN, rule="slow"))
    assert world.told() == [("carol", "firing", "ops")]
    for _ in range(10):
        world.look(world.find(HOLDS), world.find(HOLDS, DAN, rule="slow"))
    assert world.told() == [("carol", "firing", "ops"), ("dan", "firing", "ops")]


def test_a_silence_outlives_a_clock_that_is_a_day_ahead_for_a_minute() -> None:
    world = World()
    world.silence(until=world.now + timedelta(hours=2))
    world.see(HOLDS)
    world.see(HOLDS, after=timedelta(days=1))
    world.see(HOLDS)
    world.see(HOLDS, after=timedelta(days=-1))
    for _ in range(110):
        world.see(HOLDS)
    assert world.told() == []
    for _ in range(10):
        world.see(HOLDS)
    assert world.told() == [("carol", "firing", "ops")]


def test_a_clock_that_jumps_ahead_and_back_repeats_as_it_should() -> None:
    world = World(rule(repeat_every=timedelta(hours=4)))
    world.see(HOLDS)
    world.see(HOLDS, after=timedelta(days=1))
    world.see(HOLDS, after=timedelta(days=-1))
    count = len(world.notices)
    for _ in range(238):
        assert world.see(HOLDS) == [], world.now
    world.see(HOLDS)
    world.see(HOLDS)
    world.see(HOLDS)
    assert len(world.notices) == count + 1


def test_a_subject_that_is_gone_is_forgotten_without_a_word() -> None:
    world = World()
    world.see(HOLDS)
    world.look(gone=[CAROL])
    world.look(after=timedelta(hours=1))
    assert world.book.alerts == {}
    assert world.told() == [("carol", "firing", "ops")]


def seen_event(number: int, at: datetime, account: str = "carol") -> EventSeen:
    event = LoggedEvent(f"{number:016x}", at, EventKind.EARLY_RESET, account)
    return EventSeen(event, account, message("alerts.event_early_reset"))


EARLY = rule(name="early", when="event:early_reset")


def test_every_event_of_a_kind_is_told_once_and_fires_nothing() -> None:
    world = World(EARLY)
    events = [seen_event(number, world.now) for number in range(2)]
    (notice,) = world.look(events=events)
    assert [(item.phase, item.cause.code) for item in notice.items] == [
        (Phase.FIRING, "alerts.event_early_reset")
    ] * 2
    assert world.book.board(world.now).alerts == ()
    assert world.look(events=events) == []
    assert world.look(events=[seen_event(7, world.now)]) != []
    for _ in range(3):
        world.look(after=timedelta(days=2))
    assert world.book.alerts == {}
    assert world.events == []


def test_events_from_before_a_rule_and_those_that_are_silenced_are_not_told() -> None:
    world = World(EARLY, is_new=True)
    assert world.look(events=[seen_event(1, world.now)]) == []
    assert world.look(events=[seen_event(1, NOW), seen_event(2, NOW - minutes(5))]) == []
    world.silence(rule="early")
    assert world.look(events=[seen_event(3, world.now)]) == []
    world.book = replace(world.book, silences=())
    assert world.look(events=[seen_event(3, world.now)]) == []


def test_events_in_quiet_hours_stand_in_the_digest() -> None:
    world = World(replace(EARLY, quiet_hours=NIGHT), at=EVENING + minutes(60))
    assert world.look(events=[seen_event(1, world.now)]) == []
    (digest,) = world.look(after=timedelta(hours=9))
    assert digest.kind is NoticeKind.DIGEST
    assert len(digest.items) == 1


def test_rules_by_default_stay_on_the_screen() -> None:
    world = World(*all_rules(()))
    assert world.see(HOLDS, rule="needs_you") == []
    assert [each.rule for each in world.book.board(world.now).firing] == ["needs_you"]


def test_what_an_event_of_its_own_tells_is_not_logged_again() -> None:
    world = World()
    world.see(HOLDS, is_told=True)
    world.see(OVER)
    assert world.events == []
    world.see(HOLDS, subject=DAN)
    assert [each.account_id for each in world.events] == ["dan"]


TRUTHS = st.sampled_from(Truth)
STEPS = st.sampled_from([timedelta(seconds=1), timedelta(seconds=20), minutes(1), minutes(4), minutes(20)])
JUMPS = st.sampled_from([*([timedelta(0)] * 12), timedelta(days=1), timedelta(days=-1)])
WINDOWS = st.sampled_from([None, "w/1", "w/2", "w/3"])
LOOKS = st.lists(
    st.tuples(
        TRUTHS, st.sampled_from([CAROL, DAN]), STEPS, JUMPS, st.sampled_from([None, "w/1", "w/2", "w/3"])
    ),
    max_size=60,
)


@given(LOOKS, st.sampled_from([timedelta(0), minutes(3)]), st.booleans())
def test_of_whatever_course_no_episode_is_told_twice(
    looks: list[tuple[Truth, Subject, timedelta, timedelta, str | None]], held_for: timedelta, is_new: bool
) -> None:
    world = World(rule(held_for=held_for), is_new=is_new)
    fired: dict[Subject, int] = {}
    # windows come one after the other
    windows: dict[Subject, str | None] = {}
    for truth, subject, step, jump, window in looks:
        ordered = max(filter(None, (window, windows.get(subject))), default=None)
        windows[subject] = ordered
        before = world.alert(subject)
        notices = world.look(world.find(truth, subject, window=ordered), after=step + jump)
        after = world.alert(subject)
        if truth is UNKNOWN and before is not None:
            assert after is not None or before.phase is Phase.RESOLVED
            if before.phase is not Phase.RESOLVED and after is not None:
                assert after.phase in (Phase.PENDING, Phase.UNKNOWN)
                assert after.episode == before.episode
        if truth is UNKNOWN and before is None:
            assert after is None
        for item in (item for notice in notices for item in notice.items):
            fired.setdefault(item.subject, 0)
            fired[item.subject] += 1 if item.phase is Phase.FIRING else 0
    items = [item for notice in world.notices for item in notice.items]
    begun = [(item.subject, item.episode) for item in items if item.phase is Phase.FIRING]
    over = [(item.subject, item.episode) for item in items if item.phase is Phase.RESOLVED]
    assert len(begun) == len(set(begun))
    assert len(over) == len(set(over))
    # of each the begin is logged first, and its end once
    for account in ("carol", "dan"):
        kinds = [each.kind for each in world.events if each.account_id == account]
        both = [EventKind.ALERT_FIRED, EventKind.ALERT_RESOLVED]
        assert kinds == (both * len(kinds))[: len(kinds)]
    # it may have ended before its begin could be told: then one notice tells both
    assert len({notice.id for notice in world.notices}) == len(world.notices)
