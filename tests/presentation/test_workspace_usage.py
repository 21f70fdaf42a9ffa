"""What OpenAI reports, for people and for programs: unknown is never 0, and what is a part says so."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import UTC, date
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.values import replace
from poolwatch.domain.workspace_usage import AccountUsage, Counted, ReportedDay, usage_days
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.workspace_usage import ReportBy, ReportView, report_view
from poolwatch.presentation.workspace_usage_json import report_csv, report_json
from tests.presentation.reports import TODAY, made_report
from tests.presentation.scene import NOW

GOLDEN = Path(__file__).parent / "golden" / "workspace_usage.json"
NOBODY = AccountNames({})
FAILED = failure(FailureKind.FORBIDDEN, "sources.daily_usage_refused", status=403)


def view(found: AccountUsage, by: ReportBy = ReportBy.DAY) -> ReportView:
    return report_view(found, by, NOW, UTC)


def test_a_day_without_figures_has_none() -> None:
    unsettled, *settled = view(made_report("a")).rows
    assert (unsettled.name, unsettled.credits, unsettled.fraction) == ("today 20 Nov", "not settled", None)
    assert (unsettled.balance, unsettled.tokens, unsettled.share) == ("212.00", UNKNOWN, UNKNOWN)
    assert (settled[0].name, settled[0].credits, settled[0].share) == ("Thu 19 Nov", "231.50", "95%")
    unsaid = settled[6]
    assert (unsaid.credits, unsaid.balance, unsaid.tokens) == ("not said", UNKNOWN, "39.8M")
    assert (unsaid.fraction, unsaid.is_unknown) == (None, True)
    idle = settled[5]
    assert (idle.credits, idle.fraction, idle.tokens, idle.share) == ("0.00", 0.0, "0", UNKNOWN)
    assert settled[21].balance.startswith("≥ ")


def test_tokens_have_bars_as_well() -> None:
    told = report_view(made_report("a"), ReportBy.DAY, NOW, UTC, counted=Counted.TOKENS)
    unsettled, *settled = told.rows
    assert unsettled.fraction is None
    assert [round(row.fraction or 0, 2) for row in settled[:3]] == [0.86, 0.73, 1.0]
    # a day of which no credits are told has tokens
    assert (settled[6].credits, round(settled[6].fraction or 0, 2)) == ("not said", 0.71)
    weeks = report_view(made_report("a"), ReportBy.WEEK, NOW, UTC, counted=Counted.TOKENS).rows
    assert weeks[1].fraction == 1.0
    assert told.head[-1].text.endswith("(tokens)")


def test_of_what_nobody_ever_read_nothing_is_told() -> None:
    found = AccountUsage("a", TODAY, TODAY, usage_days(TODAY, TODAY, (), {}, {}))
    told = view(found)
    assert [(row.credits, row.balance, row.tokens, row.share) for row in told.rows] == [(UNKNOWN,) * 4]
    assert [line.text for line in told.head] == ["—", "nothing was read yet"]
    assert view(found, ReportBy.CLIENT).rows == ()
    [week] = view(found, ReportBy.WEEK).rows
    assert (week.credits, week.tokens, week.fraction) == (UNKNOWN, UNKNOWN, None)


def test_sums_say_what_is_missing_of_them() -> None:
    credits, unsettled, as_of, clients = view(made_report("a")).head
    assert credits.text == "≥ 3,812.30 reported, ≥ 4,031.50 by the balance"
    assert unsettled.text == "1 day, 18.40 credits of it told so far"
    assert as_of.text == "Fri 20 Nov 08:00 UTC by OpenAI, 1–6h late · read 43m ago"
    assert clients.text == "CLI 61%   VS Code 22%   Desktop 14%   unknown 3%   (credits)"
    whole = replace(made_report("a", 7), since=date(2026, 11, 14))
    assert view(whole).head[0].text == "895.20 reported, 1,109.00 by the balance"


def test_weeks_are_whole_or_say_how_much_of_them_is_told() -> None:
    rows = view(made_report("a"), ReportBy.WEEK).rows
    assert [row.name for row in rows][:2] == ["16–22 Nov · 4 of 7", "9–15 Nov · 6 of 7"]
    assert all(row.credits.startswith("≥") for row in rows)
    days = [ReportedDay(date(2026, 11, at), Decimal(2), 10) for at in range(9, 16)]
    found = AccountUsage("a", days[0].day, days[-1].day, usage_days(days[0].day, days[-1].day, days, {}, {}))
    [week] = view(found, ReportBy.WEEK).rows
    assert (week.name, week.credits, week.tokens) == ("9–15 Nov · whole", "14", "70")


def test_the_golden_document_is_told_key_by_key() -> None:
    found = replace(made_report("0123456789abcdef", 9), failure=FAILED)
    told = report_json([found], NOBODY, NOW, found.since)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()


def test_masked_nothing_tells_whose_it_is() -> None:
    why = failure(FailureKind.NO_TOKEN, "sources.file_token_expired", path="~/homes/alice/auth.json")
    found = replace(made_report("0123456789abcdef", 2), failure=why)
    assert "alice" in report_json([found], NOBODY, NOW, TODAY)
    assert "alice" not in report_json([found], AccountNames({}, mask=True), NOW, TODAY)


def test_what_is_unknown_is_null_or_empty() -> None:
    document = json.loads(report_json([made_report("a")], NOBODY, NOW, TODAY))
    [account] = document["accounts"]
    days = {day["date"]: day for day in account["days"]}
    unsaid, today = days["2026-11-13"], days["2026-11-20"]
    assert (unsaid["credits"], unsaid["balance_credits"], unsaid["settled"]) == (None, None, True)
    assert (today["credits"], today["total_tokens"], today["settled"]) == ("18.4", None, False)
    assert account["totals"]["settled"]["credits_complete"] is False
    rows = list(csv.DictReader(io.StringIO(report_csv([made_report("a")], NOBODY, ReportBy.DAY))))
    by_day = {row["date"]: row for row in rows}
    assert (by_day["2026-11-13"]["credits"], by_day["2026-11-13"]["balance_credits"]) == ("", "")
    assert (by_day["2026-11-20"]["total_tokens"], by_day["2026-11-20"]["estimated"]) == ("", "true")
    assert by_day["2026-11-19"]["credits"] == "231.500000"
    assert [row["date"] for row in rows] == sorted(by_day)


@pytest.mark.parametrize("by", ReportBy)
def test_each_csv_has_a_value_or_nothing_in_every_column(by: ReportBy) -> None:
    text = report_csv([made_report("a"), made_report("b")], NOBODY, by)
    header, *lines = csv.reader(io.StringIO(text))
    assert lines
    assert {len(line) for line in lines} == {len(header)}
    assert {line[0] for line in lines} == {"a", "b"}
    # what is not settled is named, and clients are those of settled days
    assert header[-1] == "estimated"
    assert [line[-1] for line in lines].count("true") == (0 if by is ReportBy.CLIENT else 2)
    assert text.endswith("\r\n")
