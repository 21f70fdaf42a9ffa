"""The banked resets that were used before: each told once, whoever tells of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from poolwatch.domain.banked_resets import Figure, ResetHistory, ResetOutcome, ResetRoute, ResetUse
from poolwatch.domain.cycles import Cycle, EndedBy
from poolwatch.domain.reset_past import PastReset, used_before
from poolwatch.domain.values import replace

NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
USE = ResetUse(
    "r1",
    "acc",
    "ws",
    ResetRoute.SERVICE,
    NOW,
    outcome=ResetOutcome.RESET,
    before=(Figure("5h", 100.0, full=True), Figure("weekly", 71.0), Figure("weekly/Spark", 12.0)),
)


def ended(at: datetime, window: str = "weekly", by: EndedBy = EndedBy.BANKED_RESET) -> Cycle:
    length = {"weekly": 604_800, "5h": 18_000}[window]
    return Cycle("acc", "codex", window, at - DAY, length, ended_at=at, ended_by=by, last_percent=96.0)


def test_one_use_is_told_once_by_who_knows_most_of_it() -> None:
    found = used_before(
        [USE], [ended(NOW + MINUTE), ended(NOW + MINUTE, "5h")], ResetHistory((NOW + MINUTE,))
    )
    assert found == (PastReset(NOW, True, "weekly", 71.0),)
    # the history has two, and only one of them was ours
    assert len(used_before([USE], [], ResetHistory((NOW + MINUTE, NOW + 20 * MINUTE)))) == 2


def test_what_was_used_elsewhere_is_known_by_its_cycle_or_by_the_history() -> None:
    found = used_before(
        [USE],
        [ended(NOW - 9 * DAY, "5h"), ended(NOW - 9 * DAY), ended(NOW - 5 * DAY, by=EndedBy.RESET)],
        ResetHistory((NOW - 9 * DAY, NOW - 2 * DAY, NOW - 2 * DAY + MINUTE)),
    )
    assert found == (
        PastReset(NOW, True, "weekly", 71.0),
        # two of the history within minutes are two
        PastReset(NOW - 2 * DAY + MINUTE, False),
        PastReset(NOW - 2 * DAY, False),
        PastReset(NOW - 9 * DAY, False, "weekly", 96.0),
    )


def test_what_was_not_used_or_is_unknown_is_not_told() -> None:
    unused = [replace(USE, outcome=each) for each in ResetOutcome if not each.is_good]
    assert used_before([*unused, replace(USE, settled=False)], [], None) == ()
    assert used_before([replace(USE, outcome=ResetOutcome.UNKNOWN, settled=True)], [], None) != ()


def test_what_a_pool_took_is_verified_by_what_was_seen_since() -> None:
    taken = replace(USE, outcome=ResetOutcome.ACCEPTED)
    assert [each.verified for each in used_before([taken], [], None)] == [False]
    for cycles, history in (
        ([ended(NOW + MINUTE)], None),
        ([], ResetHistory((NOW + MINUTE,))),
    ):
        assert [each.verified for each in used_before([taken], cycles, history)] == [True]
    assert used_before([replace(taken, settled=True)], [], None)[0].verified
    # within minutes of another, too
    soon = replace(taken, at=NOW + 10 * MINUTE)
    both = used_before([taken, soon], [], ResetHistory((NOW, NOW + 10 * MINUTE)))
    assert [each.verified for each in both] == [True, True]
    other = used_before([taken], [ended(NOW - DAY)], ResetHistory((NOW - DAY,)))
    assert [each.verified for each in other] == [False, True]


def test_without_a_weekly_window_the_longest_that_was_used_is_told() -> None:
    use = replace(USE, before=(Figure("5h", 100.0), Figure("monthly", 40.0), Figure("daily", 0.0)))
    assert used_before([use], [], None)[0].window == "monthly"
    assert used_before([replace(use, before=())], [], None)[0].window is None
