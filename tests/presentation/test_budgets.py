"""What is said of budgets: levels, amounts with their marks, what comes, what happens at the limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from poolwatch.domain.budgets import (
    AtLimit,
    BudgetForecast,
    BudgetPeriod,
    BudgetReport,
    BudgetState,
    Each,
    Grace,
    Level,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
)
from poolwatch.domain.tokens import GroupBy, Origin
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budget_amounts import amount_text, brief_amount
from poolwatch.presentation.budgets import (
    BudgetDetail,
    BudgetRow,
    BudgetShare,
    budget_row,
    budgets_view,
    detail_lines,
    strip_budgets,
    warned_details,
)
from poolwatch.presentation.view import Prefs, Tone
from tests.presentation.made_budgets import (
    CREDITS,
    FAST,
    FOUR,
    NIGHTLY,
    NOW,
    TEAM,
    ZONE,
    at,
    dollars,
    ended,
    seats,
    spent,
)
from tests.ui.pools import state_of, twelve

PREFS = Prefs(zone=ZONE)
NAMES = AccountNames({})


def row_of(state: BudgetState, names: AccountNames = NAMES, prefs: Prefs = PREFS) -> BudgetRow:
    return budget_row(state, names, NOW, prefs)


def changed(state: BudgetState, **budget: Any) -> BudgetState:
    return replace(state, budget=replace(state.budget, **budget))


@dataclass(frozen=True)
class Said:
    """One budget, and what its row says."""

    name: str
    state: BudgetState
    percent: str
    spent: str
    resets: str
    level: str
    tone: Tone
    comes: str
    at_limit: str


TOKENS = Limit(LimitUnit.TOKENS, Decimal(1500))
NOTHING = replace(TEAM, measured=spent("0"), level=Level.OK, reached=(), forecast=None)
CASES = (
    Said(
        "warned", TEAM, "92%", "~$276.00 of $300.00", "1 Dec, in 10d", "over 90%", Tone.AMBER,
        "$400 (372–431) by then: over on Mon 23 Nov",
        "warned at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "tokens", NIGHTLY, "24%", "1.20M of 5M tokens", "00:00, in 9h 56m", "ok", Tone.PLAIN,
        "1.40M by then: stays under", "warns only",
    ),
    Said(
        "in grace", FAST, "104%", "$26.00 of $25.00", "1 Dec, in 10d", "GRACE, 2h 26m left", Tone.RED,
        "over since 14:00", "in grace until 16:30; then `poolwatch check` and `run` stop",
    ),
    Said(
        "balance", CREDITS, "38%", "95.00 of 250 credits", "Mon 23 Nov, in 2d", "ok", Tone.PLAIN,
        "180 (120–240) by then: stays under", "warns only",
    ),
    Said(
        "unknown is never 0", replace(TEAM, measured=spent(None), level=None, reached=(), forecast=None),
        "—", "— of $300.00", "1 Dec, in 10d", "unknown", Tone.DIM, "what was spent is not known",
        "warns at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "nothing was spent", NOTHING, "0%", "$0.00 of $300.00", "1 Dec, in 10d", "ok", Tone.PLAIN,
        "too early to say what it comes to", "warns at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "a cent below is not 100%",
        replace(TEAM, measured=spent("299.99"), forecast=None), "99%", "$299.99 of $300.00", "1 Dec, in 10d",
        "over 90%", Tone.AMBER, "too early to say what it comes to",
        "warned at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "over by exactly 0",
        changed(
            replace(TEAM, measured=spent("300.00"), level=Level.LIMIT, over_since=at(20, 9)),
            at_limit=AtLimit.WARN, grace=None,
        ),
        "100%", "$300.00 of $300.00", "1 Dec, in 10d", "at its limit", Tone.RED, "over since 09:00",
        "warns only",
    ),
    Said(
        "only warns and is over",
        changed(replace(TEAM, measured=spent("310"), level=Level.LIMIT), at_limit=AtLimit.WARN, grace=None),
        "103%", "$310.00 of $300.00", "1 Dec, in 10d", "over its limit", Tone.RED, "over its limit",
        "warns only",
    ),
    Said(
        "stopped",
        replace(TEAM, measured=spent("331"), level=Level.STOPPED, over_since=at(19, 8, 15)),
        "110%", "$331.00 of $300.00", "1 Dec, in 10d", "STOPPED", Tone.RED, "over since Thu 08:15",
        "`poolwatch check` and `run` say stop until 1 Dec",
    ),
    Said(
        "grace by a part of it",
        replace(TEAM, measured=spent("310"), level=Level.GRACE, over_since=at(20, 9)),
        "103%", "$310.00 of $300.00", "1 Dec, in 10d", "GRACE, to 110%", Tone.RED, "over since 09:00",
        "in grace until 110%; then `poolwatch check` and `run` stop",
    ),
    Said(
        "some of it has no price",
        replace(TEAM, measured=replace(spent("276"), at_least=True)), "92%", "≥ $276.00 of $300.00",
        "1 Dec, in 10d", "over 90%", Tone.AMBER, "$400 (372–431) by then: over on Mon 23 Nov",
        "warned at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "never begins anew",
        replace(changed(NOTHING, period=BudgetPeriod.NEVER), period=Period()), "0%", "$0.00 of $300.00",
        "never", "ok", Tone.PLAIN, "never resets",
        "warns at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "may go over",
        replace(TEAM, forecast=BudgetForecast(Decimal(280), Decimal(295), Decimal(310), at(28, 9))),
        "92%", "~$276.00 of $300.00", "1 Dec, in 10d", "over 90%", Tone.AMBER,
        "$295 (280–310) by then: may go over, from Sat 28 Nov on",
        "warned at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "over on one of some days",
        replace(
            TEAM,
            forecast=BudgetForecast(Decimal(310), Decimal(320), Decimal(350), at(23, 9), at(26, 9)),
        ),
        "92%", "~$276.00 of $300.00", "1 Dec, in 10d", "over 90%", Tone.AMBER,
        "$320 (310–350) by then: over on Mon 23 Nov – Thu 26 Nov",
        "warned at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "likely over",
        replace(
            TEAM, forecast=BudgetForecast(Decimal(276), Decimal(320), Decimal(350), at(23, 9), at(30, 9))
        ),
        "92%", "~$276.00 of $300.00", "1 Dec, in 10d", "over 90%", Tone.AMBER,
        "$320 (276–350) by then: likely over, from Mon 23 Nov on",
        "warned at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "cents of small estimates",
        replace(
            changed(NOTHING, limit=dollars("20")),
            forecast=BudgetForecast(Decimal("1.5"), Decimal("4.25"), Decimal("19.99")),
        ),
        "0%", "$0.00 of $20.00", "1 Dec, in 10d", "ok", Tone.PLAIN, "$4.25 (1.50–19.99) by then: stays under",
        "warns at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "a reset that is due",
        replace(NOTHING, period=Period(at(1, 0), at(20, 14))), "0%", "$0.00 of $300.00", "due", "ok",
        Tone.PLAIN, "too early to say what it comes to",
        "warns at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
    Said(
        "of a zone whose days begin at another hour",
        replace(NOTHING, period=Period(at(1, 5), at(23, 5))), "0%", "$0.00 of $300.00",
        "Mon 23 Nov 05:00, in 2d", "ok", Tone.PLAIN, "too early to say what it comes to",
        "warns at 75% and 90% · at 100%: 10% grace, then it stops",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_row(case: Said) -> None:
    row = row_of(case.state)
    assert (row.percent, row.spent, row.resets, row.state, row.tone, row.comes, row.at_limit) == (
        case.percent, case.spent, case.resets, case.level, case.tone, case.comes, case.at_limit,
    )  # fmt: skip


def test_what_is_counted_is_said_with_what_tells_of_it() -> None:
    window = Measured(MeasuredBy.WINDOW, Decimal(61))
    percent = replace(
        changed(TEAM, limit=Limit(LimitUnit.PERCENT, Decimal(80)), filter="label:bob"), measured=window
    )
    told = [row_of(each).measured for each in (TEAM, NIGHTLY, CREDITS, percent)]
    assert told == [
        "cost of all accounts, from session files",
        "tokens of group:night, from session files",
        "balance of email:frank@example.com, top-ups taken out",
        "weekly window of label:bob",
    ]
    assert row_of(TEAM).about == "team counts the cost of all accounts since 1 Nov, from session files"
    assert row_of(NIGHTLY).about == "nightly counts the tokens of group:night since 00:00, from session files"
    assert row_of(percent).spent == "61% of 80%"


@pytest.mark.parametrize(
    ("filter_text", "each", "how"),
    [
        ("operation:image", None, "from imported usage"),
        ("user:ann or operation=chat model:sol", None, "from imported usage"),
        ("@pictures", None, "from imported usage"),
        (None, Each.USER, "from imported usage"),
        ("-operation:image", None, "from session files"),
        ("operation:image or model:sol", None, "from session files"),
        (None, Each.ACCOUNT, "from session files"),
    ],
)
def test_what_session_files_do_not_tell_is_of_imported_usage(
    filter_text: str | None, each: Each | None, how: str
) -> None:
    prefs = replace(PREFS, filters=(("pictures", "operation:image"),))
    row = budget_row(changed(TEAM, filter=filter_text, each=each), NAMES, NOW, prefs)
    assert row.measured.endswith(f", {how}")
    assert row.about.endswith(f", {how}")
    assert f"F{how[1:]}" in row.details[0][1]


@pytest.mark.parametrize(
    ("origins", "how"),
    [
        ((Origin.FILES,), "from session files"),
        ((Origin.IMPORTED,), "from imported usage"),
        ((Origin.FILES, Origin.IMPORTED), "from session files and imported usage"),
    ],
)
def test_what_told_of_any_of_it_is_named(origins: tuple[Origin, ...], how: str) -> None:
    row = row_of(replace(TEAM, measured=replace(TEAM.measured, origins=origins)))
    assert row.measured == f"cost of all accounts, {how}"
    assert row.about == f"team counts the cost of all accounts since 1 Nov, {how}"


def test_the_sentence_about_one() -> None:
    stopped = replace(TEAM, measured=spent("331"), level=Level.STOPPED, over_since=at(19, 8, 15))
    unknown = replace(TEAM, measured=spent(None), level=None, forecast=None)
    assert [row_of(each).told for each in (TEAM, NIGHTLY, FAST, stopped, unknown)] == [
        "over 90% since 13:40, over the limit on Mon 23 Nov",
        "24% used, stays under its limit",
        "in grace until 16:30",
        "it says stop; over its limit since Thu 08:15",
        "what was spent is not known",
    ]


def test_the_details_of_one() -> None:
    assert dict(row_of(TEAM).details) == {
        "SPENT": "~$276.00 since Sun 1 Nov 00:00, $24.00 left. From session files; ~$8.28 of it is estimated",
        "FORECAST": "$400 by Tue 1 Dec (372–431, 8 times in 10). Over the limit on Mon 23 Nov, 10:00–17:00",
        "WARNINGS": "75% on 14 Nov 16:20 · 90% today 13:40 · then 100%",
        "AT 100%": "warns; at 110% (grace 10%) it stops: "
        "`poolwatch check --budget team` then says so, exit 5",
    }
    fast = dict(row_of(FAST).details)
    assert fast["SPENT"] == "$26.00 since Sun 1 Nov 00:00, $1.00 over. From session files"
    assert fast["FORECAST"] == "Over since 14:00"
    assert fast["AT 100%"] == (
        "warns; 2h 30m later it stops: `poolwatch check --budget fast` then says so, exit 5"
    )
    told = dict(warned_details(TEAM, {Decimal(90): "sent to ops"}, NAMES, NOW, PREFS))
    assert told["WARNINGS"] == "75% on 14 Nov 16:20 · 90% today 13:40, sent to ops · then 100%"
    credits = dict(row_of(CREDITS).details)
    assert credits["WARNINGS"] == "75%, 90% and 100%"
    assert credits["FORECAST"] == "180 by Mon 23 Nov (120–240, 8 times in 10). It stays under the limit"
    assert "--budget $" not in credits["AT 100%"]
    assert '"frank\'s credits"' in credits["AT 100%"] or "'frank" in credits["AT 100%"]


def test_evidence_that_is_old_says_so() -> None:
    old = replace(TEAM, measured=replace(TEAM.measured, read_at=NOW - timedelta(minutes=40)))
    assert dict(row_of(old).details)["SPENT"].endswith("Read 40m ago")
    assert "Read" not in dict(row_of(TEAM).details)["SPENT"]
    part = replace(TEAM, measured=replace(TEAM.measured, at_least=True))
    assert "It may be more" in dict(row_of(part).details)["SPENT"]


def test_a_budget_of_each_is_a_row_for_each_by_its_name() -> None:
    accounts = {key.id: each for key, each in state_of(twelve()).accounts.items()}
    names, first = AccountNames(accounts), twelve()[5].key.id
    report = seats(first, "0" * 16)
    rows = budgets_view(report, names, NOW, PREFS).rows
    assert [row.name for row in rows] == ["seats: alice@example.com", "seats: 00000000"]
    assert len({row.id for row in rows}) == 2
    hidden = budgets_view(report, AccountNames(accounts, mask=True), NOW, PREFS).rows
    assert "@" not in hidden[0].name
    group = replace(TEAM, budget=replace(TEAM.budget, each=Each.GROUP), whose="night")
    assert row_of(group).name == "team: night"
    user = replace(TEAM, budget=replace(TEAM.budget, each=Each.USER), whose="me@example.com")
    assert row_of(user).name == "team: me@example.com"
    assert "@" not in row_of(user, AccountNames({}, mask=True)).name
    # a limit of the week is each account's own, though the budget does not say so
    week = changed(replace(TEAM, whose=first), limit=Limit(LimitUnit.PERCENT, Decimal(80)), each=None)
    row = row_of(week, names)
    assert (row.name, row.account_id) == ("team: alice@example.com", first)


def test_names_and_filters_hide_addresses_when_masked() -> None:
    masked = row_of(CREDITS, AccountNames({}, mask=True))
    assert "@" not in repr(masked)


def test_the_title_counts_and_the_filter_leaves_rows() -> None:
    view = budgets_view(FOUR, NAMES, NOW, PREFS)
    assert (view.counts, view.total, view.zone) == ("4 · 1 over, 1 warned", 4, "Europe/Berlin")
    one = budgets_view(FOUR, NAMES, NOW, PREFS, lambda row: "sol" in " ".join(row.texts))
    assert ([row.name for row in one.rows], one.total) == (["fast"], 4)
    none = budgets_view(BudgetReport(NOW), NAMES, NOW, PREFS)
    assert (none.counts, none.rows) == ("", ())
    assert budgets_view(None, NAMES, NOW, PREFS).rows == ()


@pytest.mark.parametrize(
    ("states", "text", "detail", "tone"),
    [
        ((TEAM,), "team 92%", "~$276 of $300, resets in 10d", Tone.AMBER),
        ((NIGHTLY, CREDITS), "frank's credits 38%", "95.00 of 250 credits, resets in 2d", Tone.PLAIN),
        ((TEAM, FAST), "fast 104%", "GRACE, 2h 26m left, $26.00 of $25, resets in 10d", Tone.RED),
        ((replace(TEAM, measured=spent(None), level=None),), "team —", "unknown", Tone.DIM),
        (
            (FAST, replace(TEAM, measured=spent("300"), level=Level.STOPPED)),
            "team 100%", "STOPPED, $300 of $300, resets in 10d", Tone.RED,
        ),
    ],
)  # fmt: skip
def test_the_strip_has_the_one_that_is_nearest_to_its_limit(
    states: tuple[BudgetState, ...], text: str, detail: str, tone: Tone
) -> None:
    figure = strip_budgets(BudgetReport(NOW, states), NAMES, NOW, PREFS)
    assert figure is not None
    assert (figure.title, figure.text, figure.tone) == ("BUDGETS", text, tone)
    assert figure.detail == detail


def test_the_strip_has_nothing_where_there_is_no_budget_and_keeps_the_percentage_of_a_long_name() -> None:
    assert strip_budgets(None, NAMES, NOW, PREFS) is None
    assert strip_budgets(BudgetReport(NOW), NAMES, NOW, PREFS) is None
    long = strip_budgets(BudgetReport(NOW, (changed(TEAM, name="a" * 60),)), NAMES, NOW, PREFS)
    assert long is not None
    assert long.text == f"{'a' * 16}… 92%"


def test_who_spent_it_and_how_it_went_before() -> None:
    names = AccountNames({key.id: each for key, each in state_of(twelve()).accounts.items()})
    alice, carol = twelve()[5].key.id, twelve()[6].key.id
    shares = [(alice, "93"), (carol, "84"), ("a" * 16, "61.5"), (None, "37.5"), ("b" * 16, "0.5")]
    detail = BudgetDetail(
        GroupBy.ACCOUNT,
        tuple(BudgetShare(name, Decimal(amount)) for name, amount in shares),
        (
            ended("team", at(1, 0) - timedelta(days=31), "265.5"),
            ended("team", at(1, 0) - timedelta(days=62), None, at(1, 0) - timedelta(days=40)),
        ),
    )
    lines = dict(detail_lines(detail, TEAM, names, NOW, PREFS))
    assert lines["BY"].startswith("alice@example.com $93.00 · ")
    assert lines["BY"].endswith(" · aaaaaaaa $61.50 · 2 others $38.00")
    assert lines["EARLIER"] == "Oct $265.50 of $300, 89%   31 Aug — of $300, stopped 22 Sep–1 Oct"
    none = dict(detail_lines(BudgetDetail(GroupBy.MODEL), TEAM, names, NOW, PREFS))
    assert none == {"BY": "nothing in this period"}


@pytest.mark.parametrize(
    ("unit", "amount", "whole", "brief"),
    [
        (LimitUnit.USD, "0.001", "<$0.01", "<$0.01"),
        (LimitUnit.USD, "1234.5", "$1,234.50", "$1,235"),
        (LimitUnit.CREDITS, "95", "95.00 credits", "95.00"),
        (LimitUnit.CREDITS, "1234.5", "1,234.50 credits", "1,235"),
        (LimitUnit.TOKENS, "1234567", "1.23M tokens", "1.23M"),
        (LimitUnit.PERCENT, "61", "61%", "61%"),
    ],
)
def test_amounts(unit: LimitUnit, amount: str, whole: str, brief: str) -> None:
    assert amount_text(unit, Decimal(amount)) == whole
    assert brief_amount(unit, Decimal(amount)) == brief


def test_a_grace_of_time_stands_as_it_is_typed() -> None:
    state = changed(TEAM, grace=Grace(time=timedelta(hours=2)))
    assert row_of(state).at_limit.endswith("at 100%: 2h grace, then it stops")
