"""Banked resets as they are told: whether one is worth using, how the window goes on, what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from poolwatch.domain.banked_resets import Evidence, Figure, ResetOutcome, ResetRoute, ResetUse
from poolwatch.domain.message import message
from poolwatch.domain.status import PoolRules
from poolwatch.domain.values import replace
from poolwatch.presentation.resets import outcome_lines, windows_moved
from poolwatch.presentation.view import Prefs
from poolwatch.words import resets as words

NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PREFS = Prefs(PoolRules(), zone=UTC)


def use(outcome: ResetOutcome) -> ResetUse:
    before = (Figure("5h", 100.0, full=True), Figure("weekly", 71.0), Figure("daily", 0.0))
    return ResetUse(
        "3f2a90b1-0000", "acc", "ws", ResetRoute.SERVICE, NOW, "rc_1", outcome=outcome, before=before
    )


def test_figures_that_lag_are_said() -> None:
    stand = (Figure("5h", 100.0), Figure("weekly", 71.0))
    told = outcome_lines("bob", use(ResetOutcome.RESET), stand, (), NOW, PREFS)
    assert told == ["bob: used: 5h 100 → 100%, weekly 71 → 71%", words.lag("13:15")]
    fallen = (Figure("5h", 0.0), Figure("weekly", None))
    assert outcome_lines("bob", use(ResetOutcome.RESET), fallen, (), NOW, PREFS) == [
        "bob: used: 5h 100 → 0%, weekly 71 → —%"
    ]
    accepted = use(ResetOutcome.ACCEPTED)
    not_yet = "bob: accepted by the pool, not verified yet"
    assert outcome_lines("bob", accepted, None, (), NOW, PREFS)[0] == not_yet
    told = outcome_lines("bob", accepted, stand, (), NOW, PREFS)
    assert told == [f"{not_yet}: 5h 100 → 100%, weekly 71 → 71%", words.lag("13:15")]
    # the figures confirm it
    assert outcome_lines("bob", accepted, fallen, (), NOW, PREFS) == [
        "bob: used: accepted by the pool, and the windows have fallen: 5h 100 → 0%, weekly 71 → —%"
    ]


def test_a_lost_answer_is_told_with_what_is_seen_and_what_can_be_done() -> None:
    told = outcome_lines(
        "bob",
        replace(use(ResetOutcome.UNKNOWN), reason=message("resets.broke_off")),
        None,
        (Evidence.MISSING,),
        NOW,
        replace(PREFS, config="c.toml"),
    )
    assert told[0] == "bob: UNKNOWN: the answer was lost: it broke off while it was sent"
    assert told[2].endswith(": poolwatch --config c.toml resets ask 3f2a90b1")
    # what is pasted into a shell is one command, and says one thing
    assert [each.split(": ")[-1] for each in told[3:]] == [
        "poolwatch --config c.toml resets settle 3f2a90b1 used",
        "poolwatch --config c.toml resets settle 3f2a90b1 not-used",
    ]


def test_every_outcome_route_and_evidence_has_its_words() -> None:
    assert all(words.outcome_word(each) for each in ResetOutcome)
    assert all(words.route_words(each, "pool", "~/x") for each in ResetRoute)
    assert all(words.evidence_words(each) for each in Evidence)


def test_a_window_that_was_not_used_is_not_told() -> None:
    assert windows_moved((Figure("5h", 0.0),), (Figure("5h", 0.0),)) == ""
