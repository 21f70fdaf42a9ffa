"""Whether the pool lasts until weekly limits come back: what is left, when that is, how likely it is dry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from poolwatch.domain.burn import Burn, PoolBurn
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.habit import Habit
from poolwatch.domain.outlook import NoOutlook, PoolOutlook, Verdict
from poolwatch.domain.pool_simulation import PLAN_WEIGHTS, Member, plan_weight, pool_outlook, weights_of
from poolwatch.domain.profile import EVEN
from poolwatch.domain.ratios import TENTHS, Bank, at_once

NOW = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
BURN = PoolBurn(Burn(), Burn())
SURE = Bank(tenths=(tuple(0.9 + 0.2 * n / 39 for n in range(40)),) * TENTHS)


def member(
    used: float | None,
    days_to_reset: float,
    per_day: float = 10.0,
    weight: float = 1.0,
    group: str | None = None,
    *,
    watched: bool = True,
) -> Member:
    resets_at = NOW + timedelta(days=days_to_reset)
    cycle = Cycle(
        f"{used}/{days_to_reset}",
        "codex",
        "weekly",
        resets_at - timedelta(days=7) if watched else NOW - timedelta(hours=2),
        604_800,
        resets_at,
        last_percent=used,
        read_at=NOW,
    )
    known = Habit(EVEN, ((per_day * 7 * 1000, 168.0 * 1000),), 3) if watched else Habit()
    return Member(cycle, known, UTC, weight, group)


def told(members: Sequence[Member], seed: int = 1, bank: Bank = SURE) -> PoolOutlook:
    return at_once(pool_outlook(members, bank, BURN, NOW, Random(seed).random))


def test_a_pool_with_room_lasts() -> None:
    said = told([member(100, 1), member(20, 3), member(30, 5)])
    assert (said.verdict, said.dry_probability, said.none_because) == (Verdict.LASTS, 0, None)
    assert said.relief_at == NOW + timedelta(days=1)
    assert said.weekly_left_percent == pytest.approx(50)
    assert (said.dry_earliest, said.dry_latest) == (None, None)


def test_a_pool_that_wants_more_than_it_has_runs_dry_before_relief() -> None:
    # three accounts want more than 30 a day, and 35 are left for two days
    said = told([member(100, 2), member(80, 3), member(85, 5)])
    assert said.verdict is Verdict.MAY_RUN_DRY
    assert said.dry_probability is not None
    assert said.dry_probability > 0.9
    assert said.dry_earliest is not None
    assert said.dry_latest is not None
    assert NOW + timedelta(hours=9) < said.dry_earliest < said.dry_latest < NOW + timedelta(days=2)


def test_what_comes_back_on_the_way_is_used() -> None:
    # the second one is full again after half a day, long before the first
    tight = [member(100, 2), member(85, 4), member(90, 0.4)]
    assert told(tight).verdict is Verdict.LASTS
    without = [member(100, 2), member(85, 4), member(90, 3)]
    dry = told(without).dry_probability
    assert dry is not None
    assert dry > 0.9


def test_nothing_left_is_dry() -> None:
    said = told([member(100, 2), member(100, 3)])
    assert (said.verdict, said.dry_probability, said.weekly_left_percent) == (Verdict.DRY, 1, 0)
    assert said.relief_at == NOW + timedelta(days=2)


def test_those_that_come_back_within_the_hour_come_together() -> None:
    said = told([member(100, 2), member(97, 2.03), member(99, 2.05), member(100, 2.2), member(10, 1)])
    assert (said.relief_at, said.relief_accounts) == (NOW + timedelta(days=2), 2)


def test_without_a_full_one_the_first_reset_is_the_relief() -> None:
    said = told([member(40, 2), member(0, 1), member(10, 3)])
    assert (said.relief_at, said.relief_accounts) == (NOW + timedelta(days=2), 1)


def test_a_window_whose_reset_has_passed_is_taken_for_empty() -> None:
    assert told([member(100, -0.1), member(50, 3)]).weekly_left_percent == pytest.approx(75)


def test_room_is_weighed_by_plan() -> None:
    said = told([member(100, 2, weight=1), member(0.0, 3, weight=20)])
    assert said.weekly_left_percent == pytest.approx(100 * 20 / 21)
    assert plan_weight("pro", {}) == PLAN_WEIGHTS["pro"]
    assert plan_weight("pro", {"pro": 7}) == 7
    assert weights_of("pro=7, Team = 1.5") == {"pro": 7, "team": 1.5}
    assert weights_of("pro=") is None
    assert (plan_weight("Pro", {}), plan_weight(None, {}), plan_weight("k12", {})) == (20, 1, 1)


def test_accounts_of_one_group_have_their_good_and_bad_days_together() -> None:
    def dry(groups: Sequence[str | None]) -> float:
        pool = [member(100, 3, group=groups[0])]
        pool += [member(52, 5, group=group) for group in groups]
        chance = told(pool, bank=Bank(tenths=((1.0,) * 40,) * TENTHS)).dry_probability
        assert chance is not None
        return chance

    together = dry(["one"] * 20)
    apart = dry([str(number) for number in range(20)])
    assert apart < together < 0.5


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([], NoOutlook.NO_WEEKLY),
        ([member(None, 2)], NoOutlook.NO_WEEKLY),
        ([member(10, 2)] * 201, NoOutlook.TOO_MANY),
        ([member(10, 6.9, watched=False)], NoOutlook.TOO_FEW),
        ([member(0, 7)], NoOutlook.TOO_FEW),
    ],
)
def test_nothing_is_foretold_with_its_reason(members: list[Member], why: NoOutlook) -> None:
    said = told(members)
    assert (said.verdict, said.none_because, said.dry_probability) == (Verdict.UNKNOWN, why, None)
    assert (said.weekly_left_percent is None) == (why is NoOutlook.NO_WEEKLY)


def test_the_same_seed_says_the_same() -> None:
    pool = [member(100, 2), member(80, 3), member(60, 4)]
    assert told(pool, 3) == told(pool, 3)
