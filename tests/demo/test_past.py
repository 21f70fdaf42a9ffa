"""The demo's past: sixty days that end with the very figures that the accounts have."""

import json
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from tests.demo.test_process import first_line, start

from poolwatch.demo.account import DAY, HOUR, WEEK
from poolwatch.demo.balances import balance_lines
from poolwatch.demo.habits import HABITS, LAPSED_HOURS
from poolwatch.demo.past import past_lines
from poolwatch.demo.pool import accounts
from poolwatch.demo.usage import Motion, usage_payload
from poolwatch.domain.cycles import Cycle, EndedBy, Observation, Track
from poolwatch.domain.track import advance
from poolwatch.domain.usage import window_kind

FRIDAY = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
SUNDAY_NIGHT = datetime(2026, 11, 22, 3, 12, tzinfo=UTC)


class Who(msgspec.Struct, forbid_unknown_fields=True):
    provider: str
    user_id: str
    account_id: str
    email: str


class Window(msgspec.Struct, forbid_unknown_fields=True):
    bucket: str
    window_seconds: int
    used_percent: int
    resets_at: datetime


class Credits(msgspec.Struct, forbid_unknown_fields=True):
    has_credits: bool
    unlimited: bool
    balance: str | None


class Limit(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    limit: Decimal
    used: Decimal
    used_percent: int
    resets_at: datetime


class Spend(msgspec.Struct, forbid_unknown_fields=True):
    limits: list[Limit]


class Line(msgspec.Struct, forbid_unknown_fields=True):
    at: datetime
    account: Who
    plan: str
    windows: list[Window]
    credits: Credits
    spend: Spend | None

    @property
    def who(self) -> str:
        return self.account.email.partition("@")[0]

    def used(self, bucket: str = "codex", seconds: int = WEEK) -> int:
        return next(
            each.used_percent
            for each in self.windows
            if (each.bucket, each.window_seconds) == (bucket, seconds)
        )


def past(began: datetime = FRIDAY, speed: float = 1.0) -> dict[str, list[Line]]:
    return _past(began, speed)


@cache
def _past(began: datetime, speed: float) -> dict[str, list[Line]]:
    lines = past_lines(accounts(7, 12), began.timestamp(), speed, UTC)
    found = defaultdict[str, list[Line]](list)
    for line in msgspec.json.Decoder(Line).decode_lines(lines):
        found[line.who].append(line)
    return found


@cache
def cycles(who: str, bucket: str = "codex", kind: str = "weekly") -> tuple[tuple[Cycle, ...], Cycle | None]:
    """The past windows of an account and its running one, as they are told from the lines."""
    track, ended = Track(), list[Cycle]()
    for line in past()[who]:
        for each in line.windows:
            if (each.bucket, window_kind(each.window_seconds)) == (bucket, kind):
                seen = Observation(
                    line.at, each.used_percent, each.resets_at, each.window_seconds, None, line.plan
                )
                step = advance(track, who, bucket, kind, seen)
                track = step.track
                ended += step.closed
    return tuple(ended), track.running


WEEKLY = sorted(set(HABITS) - {"build", "pay"})


def test_the_first_twelve_accounts_have_sixty_days_and_nobody_else_does() -> None:
    assert set(past()) == {account.label for account in accounts(7, 12)}
    for who, lines in past().items():
        end = FRIDAY - timedelta(hours=LAPSED_HOURS if who == "carol" else 0)
        assert lines[-1].at == end
        assert timedelta(days=59) < end - lines[0].at <= timedelta(days=60)
        assert all(one.at < other.at for one, other in pairwise(lines))
    assert past_lines(accounts(7, 60)[12:], FRIDAY.timestamp(), 1) == b""


def test_it_is_small_enough_to_be_taken_at_once() -> None:
    assert 3_000 < sum(map(len, past().values())) < 4_200


@pytest.mark.parametrize(("began", "speed"), [(FRIDAY, 1.0), (FRIDAY, 500.0), (SUNDAY_NIGHT, 20.0)])
def test_it_ends_with_what_the_upstream_answers(began: datetime, speed: float) -> None:
    at = began.timestamp()
    for account in accounts(7, 12):
        last = past(began, speed)[account.label][-1]
        served = msgspec.json.decode(json.dumps(usage_payload(account, Motion(at, at, speed))))
        limits = {"codex": served["rate_limit"], "code_review": served["code_review_rate_limit"]}
        limits |= {
            each["metered_feature"]: each["rate_limit"] for each in served["additional_rate_limits"] or ()
        }
        expected = {
            (bucket, window["limit_window_seconds"]): (window["used_percent"], window["reset_at"])
            for bucket, limit in limits.items()
            for window in ((limit or {}).get("primary_window"), (limit or {}).get("secondary_window"))
            if window is not None
        }
        told = {
            (each.bucket, each.window_seconds): (each.used_percent, int(each.resets_at.timestamp()))
            for each in last.windows
        }
        assert told == expected, account.label
        assert last.plan == served["plan_type"]
        assert last.credits.balance == served["credits"]["balance"]
        assert last.account.user_id == served["user_id"]
        if account.spend:
            assert last.spend is not None
            limit = served["spend_control"]["individual_limit"]
            assert (last.spend.limits[0].used_percent, last.spend.limits[0].used) == (
                limit["used_percent"],
                Decimal(limit["used"]),
            )


def test_the_same_seed_lives_the_same_past_and_another_one_another() -> None:
    made = [past_lines(accounts(seed, 3)[1:], FRIDAY.timestamp(), 1, UTC) for seed in (7, 7, 8)]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize("began", [FRIDAY, SUNDAY_NIGHT])
def test_use_grows_within_a_window_and_its_reset_stays(began: datetime) -> None:
    for who, lines in past(began, 1.0 if began is FRIDAY else 20.0).items():
        for before, after in pairwise(lines):
            for one, other in zip(before.windows, after.windows, strict=True):
                if one.used_percent and abs(one.resets_at - other.resets_at) < timedelta(minutes=1):
                    assert one.used_percent <= other.used_percent, (who, after.at)
                elif one.used_percent:
                    assert other.resets_at > one.resets_at, (who, after.at)


@pytest.mark.parametrize("who", WEEKLY)
def test_each_weekly_window_runs_on_from_a_chain_of_former_ones(who: str) -> None:
    ended, running = cycles(who)
    assert 7 <= len(ended) <= 10
    assert running is not None
    assert running.start_seen
    assert running.readings == 3
    assert running.last_percent == past()[who][-1].used()
    assert not any(each.disputed for each in (*ended, running))
    assert all(one.ended_at <= other.started_at for one, other in pairwise(ended) if one.ended_at)


def test_the_upstream_once_reset_the_whole_pool_early() -> None:
    early = [
        [each.ended_at for each in cycles(who)[0] if each.ended_by is EndedBy.EARLY_RESET and each.ended_at]
        for who in WEEKLY
    ]
    instants = [min(found) for found in early]
    assert max(instants) - min(instants) < timedelta(minutes=6)
    assert timedelta(days=14) < FRIDAY - max(instants) < timedelta(days=28)


def test_one_account_used_a_banked_reset_and_one_changed_its_plan() -> None:
    assert [each.ended_by for each in cycles("alice")[0]].count(EndedBy.EARLY_RESET) == 2
    assert [each.ended_by for each in cycles("carol")[0]].count(EndedBy.PLAN_CHANGE) == 1
    assert {line.plan for line in past()["carol"]} == {"plus", "team"}


def test_some_run_out_and_most_do_not() -> None:
    full = {who: sum((each.peak_percent or 0) >= 100 for each in cycles(who)[0]) for who in WEEKLY}
    assert full["lee"] >= 6
    assert full["ops"] >= 3
    assert full["dev14"] == full["dan"] == full["carol"] == 0
    assert sum(each.full_seconds for each in cycles("lee")[0]) > 5 * DAY
    assert any((each.peak_percent or 0) >= 100 for each in cycles("bob", kind="5h")[0])


def test_an_office_rests_at_weekends_and_at_night() -> None:
    rises = [rise for each in cycles("alice")[0] for rise in each.rises]
    hours = [datetime.fromtimestamp(rise.hour * HOUR, UTC) for rise in rises]
    # an old reading is of the four hours before it
    assert {at.weekday() for at in hours} <= {0, 1, 2, 3, 4}
    assert all(7 <= at.hour <= 23 for at in hours)
    assert len({rise.hour % 24 for each in cycles("frank")[0] for rise in each.rises}) == 24


def test_who_opens_it_on_a_sunday_night_has_worked_on_it() -> None:
    lines = past(SUNDAY_NIGHT, 20.0)["alice"]
    day_before = [line for line in lines if line.at <= SUNDAY_NIGHT - timedelta(days=1)][-1]
    assert lines[-1].used() > day_before.used()


def test_the_rhythm_is_that_of_the_time_zone() -> None:
    zone = timezone(timedelta(hours=9))
    lines = past_lines(accounts(7, 1), FRIDAY.timestamp(), 1, zone)
    alice = msgspec.json.Decoder(Line).decode_lines(lines)
    worked = [after.at for before, after in pairwise(alice) if after.used() > before.used()]
    old = [at.astimezone(zone) for at in worked if FRIDAY - at > timedelta(days=3)]
    assert all(7 <= at.hour <= 23 for at in old)
    assert {at.weekday() for at in old} == {0, 1, 2, 3, 4}


def test_a_holiday_is_a_time_without_a_window() -> None:
    ended, _ = cycles("erin")
    assert max(
        other.started_at - one.ended_at for one, other in pairwise(ended) if one.ended_at
    ) == timedelta(days=10)


def test_credits_fall_but_for_top_ups_and_one_balance_stays_flat() -> None:
    balances = [(line.at, Decimal(line.credits.balance or 0)) for line in past()["alice"]]
    rises = [(at, after - before) for (_, before), (at, after) in pairwise(balances) if after > before]
    assert (FRIDAY - timedelta(seconds=9_750), Decimal(500)) in rises
    assert len(rises) >= 3
    assert all(amount == amount.to_integral_value() for _, amount in rises)
    assert all(balance > 0 for _, balance in balances)
    hour = dict(balances)
    assert hour[FRIDAY] == Decimal("1234.56")
    last_hour = [balance for at, balance in balances if at >= FRIDAY - timedelta(minutes=70)]
    assert 35 < last_hour[0] - last_hour[-1] < 50
    pay = [(line.at, line.credits.balance) for line in past()["pay"]]
    assert FRIDAY - pay[-2][0] > timedelta(days=30)
    assert Decimal(pay[-2][1] or 0) == Decimal(pay[-1][1] or 0) == Decimal("-3.1")


def test_the_past_is_printed_for_a_pipe() -> None:
    arguments = ["--past", "--accounts", "2", "--freeze", FRIDAY.isoformat(), "--seed", "9"]
    ran = subprocess.run(
        [sys.executable, "-m", "poolwatch.demo", *arguments], capture_output=True, check=True
    )
    at = FRIDAY.timestamp()
    assert ran.stdout == past_lines(accounts(9, 2), at, 1) + balance_lines(at)
    assert ran.stderr == b""


def test_a_server_writes_the_past_beside_its_configuration(tmp_path: Path) -> None:
    process = start("--accounts", "2", "--with-past", "--home", str(tmp_path / "demo"))
    line = first_line(process)
    process.communicate(timeout=10)
    assert Path(line["past"]).parent == Path(line["config"]).parent
    assert Path(line["past"]).stat().st_mode & 0o777 == 0o600
    began = datetime.fromisoformat(line["started_at"]).timestamp()
    assert Path(line["past"]).read_bytes() == past_lines(accounts(7, 2), began, 1) + balance_lines(began)
