"""The form of a budget: keys, mistakes, what the file is to say, and what it would come to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetForecast,
    BudgetPeriod,
    BudgetReport,
    Each,
    Grace,
    Limit,
    LimitUnit,
    Period,
)
from poolwatch.domain.overview import overview
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budget_form import (
    CHOICES,
    BudgetForm,
    FormField,
    assigned,
    budget_of,
    chosen,
    command,
    filter_told,
    form_of,
    form_rows,
    mistakes,
    moved,
    operations_row,
    preview,
    resets_told,
    typed,
)
from poolwatch.presentation.view import Prefs
from tests.presentation.made_budgets import FAST, NOW, TEAM, ZONE, dollars, seats, spent
from tests.ui.pools import state_of, twelve

PREFS = Prefs(zone=ZONE)
NAMES = AccountNames({})


def with_values(form: BudgetForm, **values: str) -> BudgetForm:
    """The form after these values were typed, or chosen, into their rows."""
    for name, text in values.items():
        form = replace(form, field=FormField(name))
        if form.is_typed:
            form = typed(form, text)
        else:
            choices = CHOICES[form.field]
            form = chosen(form, choices.index(text) - choices.index(form.text))
    return form


TEAM_FORM = form_of(TEAM.budget, ["team", "fast"])


def test_a_budget_comes_out_of_its_form_as_it_went_in() -> None:
    weekly = Budget("w", dollars("5"), BudgetPeriod.WEEKLY, starts_on=5, each=Each.USER, warn_at=())
    for budget in (TEAM.budget, FAST.budget, weekly, replace(TEAM.budget, starts_on=31)):
        form = form_of(budget, [budget.name])
        assert budget_of(form) == budget
        assert command(form, budget) == ("" if budget.warn_at else "budgets set w warn_at='[]'")


def test_a_new_one_is_ten_dollars_a_month_under_a_free_name() -> None:
    form = form_of(None, ["monthly", "monthly 2"])
    budget = budget_of(form)
    assert budget == Budget("monthly 3", Limit(LimitUnit.USD, Decimal(10)), BudgetPeriod.MONTHLY)
    assert assigned(form, budget) == {"name": "monthly 3", "limit": "$10", "period": "monthly"}
    assert command(form, budget) == "budgets add 'monthly 3' limit='$10' period=monthly"


def test_rows_go_round() -> None:
    form = TEAM_FORM
    assert form.field is FormField.LIMIT
    seen: list[FormField] = [form.field]
    for _ in FormField:
        form = moved(form, 1)
        seen.append(form.field)
    assert seen[-1] is FormField.LIMIT
    assert set(seen) == set(FormField)
    assert moved(replace(form, field=FormField.NAME), -1).field is FormField.GRACE


@pytest.mark.parametrize(
    ("text", "unit", "limit"),
    [
        ("450", LimitUnit.USD, dollars("450")),
        ("$450.50", LimitUnit.USD, dollars("450.50")),
        ("250 credits", LimitUnit.CREDITS, Limit(LimitUnit.CREDITS, Decimal(250))),
        ("5M tokens", LimitUnit.TOKENS, Limit(LimitUnit.TOKENS, Decimal(5_000_000))),
    ],
)
def test_a_limit_chooses_its_unit_and_a_number_alone_is_in_the_chosen_one(
    text: str, unit: LimitUnit, limit: Limit
) -> None:
    form = typed(TEAM_FORM, text)
    assert form.values[FormField.UNIT] == unit
    budget = budget_of(form)
    assert budget is not None
    assert budget.limit == limit


def test_another_unit_keeps_the_number() -> None:
    form = replace(TEAM_FORM, field=FormField.UNIT)
    texts = []
    for _ in range(5):
        form = chosen(form, 1)
        texts.append(form.values[FormField.LIMIT])
    assert texts == ["300.00 credits", "300.00 tokens", "300.00%", "300.00%", "300.00%"]
    assert chosen(TEAM_FORM, 1) == TEAM_FORM


def test_what_another_choice_cannot_hold_goes() -> None:
    form = with_values(TEAM_FORM, starts_on="15", period="weekly")
    assert form.values[FormField.STARTS_ON] == ""
    form = with_values(TEAM_FORM, at_limit="warn")
    assert form.values[FormField.GRACE] == ""
    assert mistakes(form) == {}


@pytest.mark.parametrize(
    ("values", "field", "told"),
    [
        ({"name": "  "}, "name", "a budget needs a name"),
        ({"name": "fast"}, "name", "another budget has this name"),
        ({"name": "a" * 65}, "name", "a name has 64 characters at most"),
        ({"limit": "0"}, "limit", "a limit is above 0, e.g. $10, 250 credits, 5M tokens, 80%"),
        ({"limit": "$x"}, "limit", "a limit is above 0, e.g. $10, 250 credits, 5M tokens, 80%"),
        ({"limit": "101%"}, "limit", "a limit is above 0, e.g. $10, 250 credits, 5M tokens, 80%"),
        ({"filter": "model>=5"}, "filter", "“model” is a text"),
        ({"filter": "weekly>=80"}, "filter", "“weekly” is of"),
        ({"filter": "status:active"}, "filter", "“status” is of"),
        ({"filter": "(a"}, "filter", "a parenthesis is not closed"),
        ({"starts_on": "friday"}, "starts_on", "a day from 1 to 31"),
        ({"starts_on": "32"}, "starts_on", "a day from 1 to 31"),
        ({"period": "weekly", "starts_on": "3"}, "starts_on", "a day like monday"),
        ({"period": "daily", "starts_on": "3"}, "starts_on", "only weekly and monthly"),
        ({"warn_at": "75, x"}, "warn_at", "percentages from 1 to 100"),
        ({"warn_at": "0"}, "warn_at", "percentages from 1 to 100"),
        ({"grace": "soon"}, "grace", "10%, or a time such as 2h"),
        ({"at_limit": "warn", "grace": "2h"}, "grace", "only a budget that stops"),
    ],
)
def test_a_wrong_value_is_told_beside_its_row(values: dict[str, str], field: str, told: str) -> None:
    form = with_values(TEAM_FORM, **values)
    found = mistakes(form)
    assert list(found) == [FormField(field)]
    assert found[FormField(field)].startswith(told)
    assert budget_of(form) is None
    row = next(row for row in form_rows(form, found, {}) if row.field == field)
    assert row.beside.text == found[FormField(field)]


def test_the_file_is_told_what_has_changed_and_no_more() -> None:
    form = with_values(TEAM_FORM, limit="450", at_limit="warn", warn_at="90 75")
    budget = budget_of(form)
    assert budget is not None
    assert assigned(form, budget) == {"limit": "$450", "at_limit": "warn", "grace": ""}
    assert command(form, budget) == "budgets set team limit='$450' at_limit=warn grace="
    renamed = with_values(TEAM_FORM, name="all of us")
    named = budget_of(renamed)
    assert named is not None
    assert command(renamed, named) == "budgets set team name='all of us'"


def test_without_any_warning_the_usual_ones_do_not_come_back() -> None:
    form = with_values(TEAM_FORM, warn_at="")
    budget = budget_of(form)
    assert budget is not None
    assert budget.warn_at == ()
    assert assigned(form, budget) == {"warn_at": "[]"}


@pytest.mark.parametrize(
    ("limit", "forecast", "told"),
    [
        ("450", TEAM.forecast, "With $450: 61% used; $400 (372–431) by 1 Dec, so it should last."),
        ("300", TEAM.forecast, "With $300: 92% used; $400 (372–431) by 1 Dec, so it goes over."),
        ("390", TEAM.forecast, "With $390: 71% used; $400 (372–431) by 1 Dec, so it likely goes over."),
        (
            "420", BudgetForecast(Decimal(372), Decimal(400), Decimal(431)),
            "With $420: 66% used; $400 (372–431) by 1 Dec, so it may go over.",
        ),
        ("450", None, "With $450: 61% used; too early to say what it comes to."),
    ],
)  # fmt: skip
def test_what_it_would_come_to(limit: str, forecast: BudgetForecast | None, told: str) -> None:
    budget = replace(TEAM.budget, limit=dollars(limit))
    tried = BudgetReport(NOW, (replace(TEAM, budget=budget, forecast=forecast),))
    assert preview(budget, tried, NAMES, NOW, PREFS).text == told


def test_what_it_would_come_to_where_little_is_known() -> None:
    budget = TEAM.budget
    unknown = BudgetReport(NOW, (replace(TEAM, measured=spent(None), level=None),))
    assert preview(budget, None, NAMES, NOW, PREFS).text == "counting …"
    assert preview(budget, unknown, NAMES, NOW, PREFS).text == "What was spent by that is not known."
    assert preview(budget, BudgetReport(NOW), NAMES, NOW, PREFS).text == "nothing so far in this period"
    over = BudgetReport(NOW, (FAST,))
    assert preview(FAST.budget, over, NAMES, NOW, PREFS).text == "With $25: 104% used; that is over already."
    each = seats(*("a" * 16, "b" * 16, "c" * 16))
    told = preview(each.budgets[0].budget, each, NAMES, NOW, PREFS).text
    assert told == "With $20 each: most has cccccccc, 10% used."


def test_the_next_reset() -> None:
    assert resets_told(BudgetReport(NOW, (TEAM,)), NOW, PREFS).text == "next reset Tue 1 Dec 00:00"
    assert resets_told(BudgetReport(NOW, (replace(TEAM, period=Period()),)), NOW, PREFS).text == ""
    assert resets_told(None, NOW, PREFS).text == ""


@pytest.mark.parametrize(
    ("filter_text", "report", "told"),
    [
        ("", None, "12 accounts match"),
        ("plan:pro", None, "3 accounts match"),
        ("label:nobody", None, "0 accounts match"),
        ("model:sol", None, ""),
        ("model:sol", BudgetReport(NOW, (TEAM,)), "$276.00 so far"),
        ("sol", BudgetReport(NOW, (TEAM,)), "$276.00 so far"),
        (
            "model:x",
            BudgetReport(NOW, (replace(TEAM, measured=spent("0")),)),
            "nothing so far in this period",
        ),
        ("model:x", BudgetReport(NOW, (replace(TEAM, measured=spent(None)),)), ""),
        ("(", None, ""),
    ],
)
def test_how_much_the_filter_finds(filter_text: str, report: BudgetReport | None, told: str) -> None:
    form = with_values(TEAM_FORM, filter=filter_text)
    seen = overview(state_of(twelve()), NOW, PREFS.rules)
    assert filter_told(form, seen, report, PREFS).text == told


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@given(
    st.fixed_dictionaries(
        {each: TEXTS for each in FormField if each not in CHOICES}
        | {each: st.sampled_from(options) for each, options in CHOICES.items()}
    )
)
def test_whatever_is_typed_is_a_budget_or_told_to_be_wrong(values: dict[FormField, str]) -> None:
    form = replace(TEAM_FORM, values=values)
    budget = budget_of(form)
    assert (budget is None) == bool(mistakes(form))
    if budget is not None:
        again = form_of(budget, ())
        assert budget_of(again) == budget
        command(form, budget)


def test_a_grace_of_time() -> None:
    form = with_values(TEAM_FORM, grace="2h")
    budget = budget_of(form)
    assert budget is not None
    assert budget.at_limit is AtLimit.STOP
    assert budget.grace is not None
    assert isinstance(budget.grace, Grace)
    assert assigned(form, budget) == {"grace": "2h"}


@pytest.mark.parametrize(
    ("filter_text", "operations", "told"),
    [
        ("", (), "every operation (by filter, e.g. operation:image)"),
        ("group:night", ("batch", "chat"), "batch · chat (by filter, e.g. operation:image)"),
        ("", tuple("abcd"), "a · b · c · … (by filter, e.g. operation:image)"),
        ("group:night operation:chat", ("batch", "chat"), "chat (by filter)"),
        ("-operation:chat", ("batch", "chat", "image"), "batch · image (by filter)"),
        ("operation:chat or model:sol", ("batch", "chat"), "batch · chat (by filter)"),
        ("operation:none", ("batch", "chat"), "what the filter lets through"),
        ("operation:image", (), "what the filter lets through"),
    ],
)
def test_for_which_operations_it_is_measured(
    filter_text: str, operations: tuple[str, ...], told: str
) -> None:
    form = form_of(Budget("a", Limit(LimitUnit.USD, Decimal(1)), BudgetPeriod.DAILY, filter_text), ())
    row = operations_row(form, operations, PREFS)
    assert (row.field, row.label, row.empty) == (None, "measured for", told)
