"""The list of banked resets: what is worth using, how the week goes on either way, what was used before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.banked_resets import Figure, ResetHistory
from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook
from poolwatch.domain.overview import overview
from poolwatch.domain.reset_past import PastReset, ResetPast
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import Judged, PoolRules, judge
from poolwatch.domain.usage import Aged, BankedReset, RateLimit, ResetCredits, Usage, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.presentation.reset_list import (
    BankedRow,
    ToldLine,
    banked_rows,
    is_worth,
    outlook_lines,
    past_lines,
)
from poolwatch.presentation.view import Prefs

NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PREFS = Prefs(PoolRules(), zone=UTC)
RESETS = NOW + 2 * DAY
NO_BURN = AccountBurn(Burn(), Burn())
SOON = BankedReset(NOW + 18 * HOUR, status="available", id="rc_1")
LATE = BankedReset(NOW + 12 * DAY, status="available", id="rc_2")
AHEAD = Forecast("codex", "weekly", NOW, RESETS, 91.0, 85.0, 99.0, 0.2, endless=(85.0, 91.0, 99.0))
IF_RESET = Forecast("codex", "weekly", NOW, NOW + 7 * DAY, 62.0, 51.0, 75.0, 0.0)


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


def test_a_window_whose_reset_has_come_is_not_exhausted_any_more() -> None:
    assert not is_worth(full(-HOUR), NOW + HOUR, NOW)


def account(
    five: float = 100.0,
    weekly: float = 71.0,
    rows: Sequence[BankedReset] = (SOON, LATE),
    said: Forecast | None = AHEAD,
    if_reset: Forecast | None = IF_RESET,
    back: timedelta = HOUR,
    resets_at: datetime | None = RESETS,
) -> AccountState:
    windows = (UsageWindow(five, 18_000, NOW + back), UsageWindow(weekly, 604_800, resets_at))
    usage = Usage(
        base=Aged(RateLimit(True, None, windows), NOW, "s"),
        reset_credits=Aged(ResetCredits(len(rows), None), NOW, "s"),
        reset_list=Aged(tuple(rows), NOW, "s"),
    )
    outlook = AccountOutlook(NOW, NO_BURN, () if said is None else (said,), if_reset)
    key = AccountKey("codex", "u", "a")
    return AccountState(key, name=Name("bob"), usage=usage, outlook=outlook, read_at=NOW)


def judged(found: AccountState, now: datetime = NOW) -> Judged:
    return judge(found, now, PoolRules())


def rows_of(*accounts: AccountState) -> tuple[BankedRow, ...]:
    state = PoolState({each.key: each for each in accounts})
    return banked_rows(overview(state, NOW, PoolRules()), PREFS)


def test_a_row_says_where_the_account_stands_and_what_one_would_do() -> None:
    first, second = rows_of(account())
    assert (first.ends, first.left, first.name) == ("Sat 21 Nov 07:00", "18h", "bob")
    assert (first.five_hours, first.weekly, first.resets, first.at_reset) == ("100%", "71%", "2d", "91%")
    assert first.worth
    assert first.if_used == "5h 100 → 0, weekly 71 → 0"
    assert first.if_used_long == "resets 5h, weekly; lost Sat"
    assert not second.worth
    assert (second.if_used, second.if_used_long) == ("", "the second of bob")


def test_what_comes_back_by_itself_soon_is_said() -> None:
    (row,) = rows_of(account(rows=(LATE,)))
    assert not row.worth
    assert row.if_used == row.if_used_long == "5h resets 14:00 anyway"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (account(five=58.0), "not exhausted: wait"),
        (account(back=-HOUR), "its reset is due: read it"),
        (replace(account(), deactivations=2), "the account is out of use"),
    ],
    ids=["not exhausted", "due", "deactivated"],
)
def test_why_one_should_wait(found: AccountState, told: str) -> None:
    row = rows_of(found)[0]
    assert not row.worth
    assert (row.if_used, row.if_used_long) == (told, told)


def test_what_is_only_counted_is_one_row() -> None:
    found = account()
    usage = replace(found.usage, reset_list=None, reset_credits=Aged(ResetCredits(3, None), NOW, "s"))
    (row,) = rows_of(replace(found, usage=usage))
    assert (row.count, row.ends, row.if_used) == (3, "?", "3, not listed one by one")


def told(found: AccountState, now: datetime = NOW) -> list[str]:
    return [line.text for line in outlook_lines(judged(found, now), now, PREFS)]


def test_the_week_as_it_is_and_if_one_were_used() -> None:
    assert told(account()) == [
        "weekly 71%, 91% (85–99) when it resets Sun 13:00 UTC: lasts",
        "weekly 0% now, 62% (51–75) by Fri 27 Nov 13:00 UTC: lasts",
    ]


def test_what_runs_out_is_told_with_how_long_it_is_gone() -> None:
    out = replace(AHEAD, out_probability=0.9, out_earliest=NOW + 20 * HOUR, out_latest=NOW + 28 * HOUR)
    again = replace(IF_RESET, out_probability=0.7, out_earliest=NOW + 5 * DAY, out_latest=NOW + 6 * DAY)
    assert told(account(said=out, if_reset=again)) == [
        "weekly 71%, full Sat 09:00 – 17:00, back Sun 13:00 UTC: about 1d without it",
        "weekly 0% now, full again Wed 13:00 – Thu 13:00; resets about Fri 27 Nov 13:00 UTC",
    ]
    undated = replace(out, out_earliest=None, out_latest=None)
    vague = replace(again, out_earliest=None, out_latest=None)
    assert told(account(said=undated, if_reset=vague)) == [
        "weekly 71%, likely used up before it resets Sun 13:00 UTC",
        "weekly 0% now, likely used up again before it resets about Fri 27 Nov 13:00 UTC",
    ]


def test_a_full_week_is_told_by_how_long_it_stays_so() -> None:
    full_week = account(weekly=100.0, said=replace(AHEAD, none_because=NoForecast.FULL))
    assert told(full_week)[0] == "weekly 100%, back Sun 13:00 UTC: 2d without it"
    assert told(full_week)[1] == "weekly 0% now, 62% (51–75) by Fri 27 Nov 13:00 UTC: lasts"


@pytest.mark.parametrize(
    ("found", "as_it_is", "if_used"),
    [
        (
            account(said=replace(AHEAD, none_because=NoForecast.IDLE), if_reset=None),
            "weekly 71%, resets Sun 13:00 UTC; no forecast: idle: under 1% was used in 24 hours",
            "no forecast: not worked out yet",
        ),
        (
            account(if_reset=replace(IF_RESET, none_because=NoForecast.TOO_FEW)),
            "weekly 71%, 91% (85–99) when it resets Sun 13:00 UTC: lasts",
            "no forecast: too few readings so far",
        ),
        (
            account(if_reset=replace(IF_RESET, made_at=NOW - 3 * HOUR)),
            "weekly 71%, 91% (85–99) when it resets Sun 13:00 UTC: lasts",
            "no forecast: the last reading is too old",
        ),
        (
            account(resets_at=NOW - HOUR),
            "weekly 71%; its reset was due Fri 12:00 UTC, so read it again",
            "62% (51–75) by Fri 27 Nov 13:00 UTC: lasts",
        ),
        (
            account(resets_at=None),
            "weekly 71%; when it resets is not known",
            "62% (51–75) by Fri 27 Nov 13:00 UTC: lasts",
        ),
    ],
    ids=["idle", "too few", "old", "due", "no reset"],
)
def test_what_is_not_foretold_is_not_guessed(found: AccountState, as_it_is: str, if_used: str) -> None:
    lines = told(found)
    assert lines[0] == as_it_is
    assert lines[1].endswith(if_used)


def test_without_a_weekly_window_nothing_is_said_of_it() -> None:
    assert outlook_lines(judged(replace(account(), usage=Usage())), NOW, PREFS) == []


def looking_back(past: ResetPast, found: AccountState | None = None, most: int = 2) -> list[ToldLine]:
    return past_lines(judged(found or account()), past, most, NOW, PREFS, "r")


def test_what_was_used_before_is_told_newest_first_and_by_whom() -> None:
    here = PastReset(datetime(2026, 10, 20, 9, 14, tzinfo=UTC), True, "weekly", 100.0)
    there = PastReset(datetime(2026, 8, 13, 18, 40, tzinfo=UTC), False, "weekly", 96.0)
    unseen = PastReset(datetime(2026, 8, 1, 9, 0, tzinfo=UTC), False)
    lines = looking_back(ResetPast((here, there, unseen)), most=2)
    assert [(line.heading, line.text) for line in lines] == [
        ("USED BEFORE", "20 Oct 09:14  weekly 100 → 0%, by poolwatch here"),
        ("", "13 Aug 18:40  weekly 96 → 0%, elsewhere"),
        ("GRANTED", "2 held; r asks OpenAI's history, too"),
    ]
    assert looking_back(ResetPast((unseen,)))[0].text == "1 Aug 09:00  elsewhere"
    taken = replace(here, verified=False)
    assert looking_back(ResetPast((taken,)))[0].text.endswith("accepted by the pool and not verified")


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (
            ResetHistory((NOW - DAY, NOW), NOW - HOUR, NOW - HOUR - 30 * DAY),
            "2 held; 2 used in the last 30 days as OpenAI's history says (as of 12:00)",
        ),
        (ResetHistory((NOW,), is_part=True), "2 held; ≥ 1 used as OpenAI's history says (as of 13:00)"),
        (None, "2 held; its source has no history of uses"),
        (
            failure(FailureKind.MALFORMED, "sources.no_reset_history"),
            "2 held; OpenAI's history cannot be read: the answer holds no history of banked resets",
        ),
    ],
    ids=["whole", "part", "none", "failed"],
)
def test_what_the_service_says_of_uses(history: ResetHistory | None, text: str) -> None:
    assert looking_back(ResetPast((), history, NOW))[-1].text == text
