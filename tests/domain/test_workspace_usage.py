"""Days as OpenAI reports them: sums, weeks and shares, and how a balance fell beside them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.series import Gap, Point, Timeline
from poolwatch.domain.workspace_usage import (
    AccountUsage,
    ClientPart,
    Counted,
    CreditSum,
    ReportedClient,
    ReportedDay,
    UsageDay,
    clients_of,
    falls_by_day,
    sum_of,
    usage_days,
    weeks_of,
)

#: A Monday.
FIRST = date(2026, 11, 2)
DAY = timedelta(days=1)
D = Decimal


def settled(at: int, credits: int | None, tokens: int = 100, *clients: ReportedClient) -> ReportedDay:
    told = None if credits is None else D(credits)
    return ReportedDay(FIRST + at * DAY, told, tokens, clients=clients)


def days(*reported: ReportedDay, until: int = 6, in_files: Mapping[int, int] = {}) -> tuple[UsageDay, ...]:
    found = {FIRST + at * DAY: tokens for at, tokens in in_files.items()}
    return usage_days(FIRST, FIRST + until * DAY, reported, {}, found)


def test_every_day_of_the_time_is_there_and_unknown_where_nothing_was_told() -> None:
    found = days(settled(1, 5), in_files={0: 7, 1: 50})
    assert [day.day for day in found] == [FIRST + at * DAY for at in range(7)]
    assert [day.credits for day in found] == [None, D(5), *[None] * 5]
    assert [day.share_in_files for day in found[:2]] == [None, 0.5]
    assert not any(day.is_settled for day in found if day.day != FIRST + DAY)


def test_a_day_without_tokens_has_no_share_of_them() -> None:
    assert days(settled(0, 0, 0), in_files={0: 0})[0].share_in_files is None


def test_settled_and_unsettled_days_are_summed_apart() -> None:
    unsettled = ReportedDay(FIRST + 3 * DAY, D("2.1"))
    found = AccountUsage(
        "a", FIRST, FIRST + 6 * DAY, days(settled(0, 5), settled(1, None), settled(2, 7), unsettled)
    )
    assert found.settled == CreditSum(3, 2, D(12), 300)
    assert not found.settled.is_whole
    assert found.unsettled == CreditSum(1, 1, D("2.1"))
    assert sum_of(()).known is None


def test_only_a_week_of_seven_days_with_credits_is_whole() -> None:
    reported = (
        [settled(at, 1) for at in range(7)] + [settled(at, 1) for at in range(7, 13)] + [settled(13, None)]
    )
    whole, part = weeks_of(days(*reported, until=13))
    assert (whole.first, whole.is_whole, whole.settled.credits) == (FIRST, True, D(7))
    assert (part.first, part.is_whole, part.settled.told) == (FIRST + 7 * DAY, False, 6)
    # half of it is not looked at
    [cut] = weeks_of(days(*reported, until=3))
    assert (cut.is_whole, cut.settled.credits) == (False, D(4))


def test_clients_share_the_credits_of_settled_days() -> None:
    cli, code = ReportedClient("CODEX_CLI", D(6)), ReportedClient("CODEX_IDE_VSCODE", D(2))
    unknown = ReportedClient("CODEX_SDK_TS", None, 5)
    unsettled = ReportedDay(FIRST + 3 * DAY, D(50), clients=(ReportedClient("CODEX_CLI", D(50)),))
    found = clients_of(
        days(settled(0, 8, 9, cli, code), settled(1, 2, 9, unknown), settled(2, None, 9, cli), unsettled)
    )
    assert found == (
        ClientPart("CODEX_CLI", D(6), 0.6),
        ClientPart("CODEX_IDE_VSCODE", D(2), 0.2),
        ClientPart(None, D(2), 0.2),
    )
    assert clients_of(days(settled(0, 0, 0))) == ()


def test_tokens_are_told_by_client_too_whatever_is_said_of_credits() -> None:
    cli, code = ReportedClient("CODEX_CLI", None, 6), ReportedClient("CODEX_IDE_VSCODE", None, 2)
    found = clients_of(days(settled(0, None, 8, cli, code), settled(1, 5, 2)), Counted.TOKENS)
    assert found == (
        ClientPart("CODEX_CLI", D(6), 0.6),
        ClientPart("CODEX_IDE_VSCODE", D(2), 0.2),
        ClientPart(None, D(2), 0.2),
    )


def test_what_was_only_rounded_is_nobody_s_part() -> None:
    rounded = ReportedClient("CODEX_CLI", D("99.9999"))
    assert [each.client for each in clients_of(days(settled(0, 100, 9, rounded)))] == ["CODEX_CLI"]


# --- balances


def at(day: int, hour: float = 0) -> datetime:
    return datetime(2026, 11, 2, tzinfo=UTC) + timedelta(days=day, hours=hour)


def line(*points: tuple[datetime, str | None], gaps: tuple[Gap, ...] = ()) -> Timeline:
    amounts = ((when, None if value is None else D(value)) for when, value in points)
    return Timeline(tuple(Point(when, value, value, value) for when, value in amounts), gaps)


def fell(told: Timeline, until: int = 2, read_at: datetime | None = at(9)) -> dict[int, tuple[Decimal, bool]]:  # noqa: B008 - frozen
    found = falls_by_day(told, FIRST, FIRST + until * DAY, read_at)
    return {(day - FIRST).days: each for day, each in found.items()}


def test_what_a_balance_lost_day_by_day() -> None:
    told = line((at(-1), "100"), (at(0, 9), "90"), (at(0, 23), "85"), (at(2, 1), "80"))
    assert fell(told) == {0: (D(15), False), 1: (D(0), False), 2: (D(5), False)}


def test_what_was_put_in_is_no_gain() -> None:
    told = line((at(-1), "100"), (at(0, 9), "90"), (at(0, 10), "590"), (at(0, 11), "580"))
    assert fell(told, 0) == {0: (D(20), False)}


def test_days_before_the_first_balance_and_after_the_last_reading_are_unknown() -> None:
    told = line((at(1, 6), "100"), (at(1, 9), "90"))
    assert fell(told, 4, read_at=at(2, 3)) == {1: (D(10), True), 2: (D(0), False)}
    assert fell(told, 4, read_at=None) == {}
    assert fell(line(), 2) == {}


def test_what_a_gap_over_midnight_hides_may_be_of_either_day() -> None:
    gap = Gap(at(0, 20), at(1, 4))
    told = line((at(-1), "100"), (at(0, 9), "90"), (at(1, 4), "50"), (at(2, 2), "49"), gaps=(gap,))
    assert fell(told) == {0: (D(10), True), 1: (D(40), True), 2: (D(1), False)}
    # within a day it hides nothing of that day
    inner = Gap(at(0, 9), at(0, 15))
    assert fell(line((at(-1), "100"), (at(0, 15), "90"), gaps=(inner,)), 0) == {0: (D(10), False)}


def test_a_balance_of_which_nothing_is_left_cannot_tell() -> None:
    assert fell(line((at(-1), "0")), 1) == {}
    assert fell(line((at(-1), "5"), (at(0, 3), "0")), 1) == {0: (D(5), False)}


@pytest.mark.parametrize(("high", "is_part"), [("520", True), ("500", False)])
def test_an_hour_that_is_kept_as_one_may_hide_what_was_spent_beside_a_top_up(
    high: str, is_part: bool
) -> None:
    hour = Point(at(0, 9), D(high) if high == "500" else D("90"), D(high), D("500"))
    told = Timeline((Point(at(-1), D(100), D(100), D(100)), hour))
    assert fell(told, 0)[0][1] is is_part
