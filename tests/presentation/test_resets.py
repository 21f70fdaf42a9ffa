"""Banked resets as they are told: whether one is worth using, how the window goes on, what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poolwatch.domain.account import AccountKey
from poolwatch.domain.banked_resets import Evidence, Figure, ResetOutcome, ResetRoute, ResetUse
from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.message import message
from poolwatch.domain.outlook import AccountOutlook
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import Aged, RateLimit, Usage, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.presentation.resets import is_worth, outcome_lines, outlook_lines, windows_moved
from poolwatch.presentation.view import Prefs
from poolwatch.words import resets as words

NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PREFS = Prefs(PoolRules(), zone=UTC)


def full(back: timedelta | None) -> tuple[Figure, ...]:
    return (Figure("5h", 100.0, None if back is None else NOW + back, full=True), Figure("weekly", 71.0))


@pytest.mark.parametrize(
    ("back", "ends", "worth"),
    [
        (HOUR, 18 * HOUR, True),
        (HOUR, 3 * DAY, False),
        (2 * DAY, 3 * DAY, False),
        (2 * DAY + HOUR, 9 * DAY, True),
        (1.5 * DAY, DAY + HOUR, True),
        (None, 9 * DAY, True),
        (HOUR, None, False),
        (3 * DAY, None, True),
    ],
)
def test_one_is_worth_using_where_waiting_loses_it_or_takes_days(
    back: timedelta | None, ends: timedelta | None, worth: bool
) -> None:
    assert is_worth(full(back), None if ends is None else NOW + ends, NOW) is worth


def test_nothing_is_worth_it_while_no_window_is_exhausted() -> None:
    assert not is_worth((Figure("5h", 99.0), Figure("weekly", 99.0)), NOW + HOUR, NOW)


def account(**changes: object) -> AccountState:
    resets_at = NOW + 2 * DAY
    windows = (UsageWindow(71.0, 604_800, resets_at),)
    usage = Usage(base=Aged(RateLimit(None, None, windows), NOW, "s"))
    forecast = Forecast("codex", "weekly", NOW, resets_at, 91.0, 85.0, 99.0, 0.2, endless=(85.0, 91.0, 99.0))
    outlook = AccountOutlook(NOW, AccountBurn(Burn(), Burn()), (replace(forecast, **changes),))  # type: ignore[arg-type] # fields
    return AccountState(AccountKey("codex", "u", "a"), usage=usage, outlook=outlook)


def test_what_the_forecast_adds_goes_on_over_a_whole_week() -> None:
    # 20 points in two days are 70 in seven
    assert outlook_lines(account(), NOW, PREFS) == [
        "as it is   weekly 71%, about 91% when it resets Sun 13:00 UTC",
        "if used    weekly 0% now, at this pace about 70% (49–98) by Fri 27 Nov 13:00 UTC",
    ]


def test_what_runs_out_is_said_and_no_week_has_more_than_all() -> None:
    told = outlook_lines(
        account(out_probability=0.9, median_percent=100.0, endless=(90.0, 130.0, 170.0)), NOW, PREFS
    )
    assert told[0] == "as it is   weekly 71%, likely used up before it resets Sun 13:00 UTC"
    assert "about 100% (67–100)" in told[1]


def test_what_is_not_foretold_is_not_guessed() -> None:
    for changes in ({"median_percent": None}, {"endless": None}):
        assert outlook_lines(account(**changes), NOW, PREFS)[1] == words.if_used_unknown()
    assert outlook_lines(replace(account(), usage=Usage()), NOW, PREFS) == []


def use(outcome: ResetOutcome) -> ResetUse:
    before = (Figure("5h", 100.0, full=True), Figure("weekly", 71.0), Figure("daily", 0.0))
    return ResetUse(
        "3f2a90b1-0000", "acc", "ws", ResetRoute.SERVICE, NOW, "rc_1", outcome=outcome, before=before
    )


def test_figures_that_lag_are_said() -> None:
    stand = (Figure("5h", 100.0), Figure("weekly", 71.0))
    told = outcome_lines("bob", use(ResetOutcome.RESET), stand, ())
    assert told == ["bob: used: 5h 100 → 100%, weekly 71 → 71%", words.LAG()]
    fallen = (Figure("5h", 0.0), Figure("weekly", None))
    assert outcome_lines("bob", use(ResetOutcome.RESET), fallen, ()) == [
        "bob: used: 5h 100 → 0%, weekly 71 → —%"
    ]
    assert outcome_lines("bob", use(ResetOutcome.ACCEPTED), None, ())[0].startswith(
        "bob: accepted by the pool"
    )


def test_a_lost_answer_is_told_with_what_is_seen_and_what_can_be_done() -> None:
    told = outcome_lines(
        "bob",
        replace(use(ResetOutcome.UNKNOWN), reason=message("resets.broke_off")),
        None,
        (Evidence.MISSING,),
    )
    assert told[0] == "bob: UNKNOWN: the answer was lost: it broke off while it was sent"
    assert "poolwatch resets ask 3f2a90b1" in told[2]
    assert "poolwatch resets settle 3f2a90b1 used|not-used" in told[3]


def test_every_outcome_route_and_evidence_has_its_words() -> None:
    assert all(words.outcome_word(each) for each in ResetOutcome)
    assert all(words.route_words(each, "pool", "~/x") for each in ResetRoute)
    assert all(words.evidence_words(each) for each in Evidence)


def test_a_window_that_was_not_used_is_not_told() -> None:
    assert windows_moved((Figure("5h", 0.0),), (Figure("5h", 0.0),)) == ""
