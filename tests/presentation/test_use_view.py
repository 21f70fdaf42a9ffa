"""What is shown of use: texts of tokens and costs, names of groups, the table, and what is said of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from poolwatch.domain.plans import paid_in_a_month
from poolwatch.domain.quarters import UsePeriod
from poolwatch.domain.tokens import GroupBy, Origin, ScanState, Tokens
from poolwatch.domain.use_report import Attribution, Conversation, Narrowed
from poolwatch.domain.use_sums import Group, UseSum
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.use_table import Arranged, UseColumn
from poolwatch.presentation.use_texts import (
    Names,
    at_least,
    cost_text,
    dollars_text,
    each_text,
    machine_text,
    tokens_text,
)
from poolwatch.presentation.use_view import UseView, use_view
from poolwatch.presentation.view import Tone
from tests.domain.use import DOLLAR, cell
from tests.presentation.scene import CET, NOW
from tests.presentation.use import ALICE, READ, names, reported


def view(arranged: Arranged = Arranged(), **asked: object) -> UseView:  # noqa: B008 - a constant
    return use_view(reported(**asked), names(), NOW, CET, arranged)  # type: ignore[arg-type]  # as given


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"), (999, "999"), (1000, "1.0k"), (9949, "9.9k"), (32_100, "32.1k"), (999_949, "1.00M"),
        (6_100_000, "6.10M"), (9_994_999, "9.99M"), (9_995_000, "10.0M"), (812_000_000, "812.0M"),
        (999_950_000, "1.00G"), (1_610_000_000, "1.61G"), (5 * 10**12, "5.00T"),
    ],
)  # fmt: skip
def test_tokens_are_short_and_never_round_over_their_unit(count: int, text: str) -> None:
    assert tokens_text(count) == text


@pytest.mark.parametrize(
    ("pico", "cents", "mills"),
    [
        (0, "$0.00", "$0.000"),
        (1, "<$0.01", "<$0.001"),
        (DOLLAR // 1000, "<$0.01", "$0.001"),
        (DOLLAR // 100, "$0.01", "$0.010"),
        (21_500_000_000, "$0.02", "$0.022"),
        (1_234_567 * DOLLAR, "$1,234,567.00", "$1,234,567.000"),
    ],
)
def test_only_nothing_is_drawn_as_nothing(pico: int, cents: str, mills: str) -> None:
    assert (dollars_text(pico), dollars_text(pico, 3)) == (cents, mills)


@pytest.mark.parametrize(
    ("use", "cost", "each"),
    [
        (UseSum(), "$0.00", "—"),
        (UseSum(2, pico=3 * DOLLAR), "$3.00", "$1.50"),
        (UseSum(2, pico=3 * DOLLAR, estimated=True), "~$3.00", "~$1.50"),
        (UseSum(3, pico=3 * DOLLAR, unpriced_requests=1, unpriced_tokens=9), "≥ $3.00", "$1.50"),
        (UseSum(3, pico=DOLLAR, unpriced_requests=1, estimated=True), "≥ ~$1.00", "~$0.500"),
        (UseSum(2, unpriced_requests=2, unpriced_tokens=9), "—", "—"),
        (UseSum(2, estimated=True), "$0.00", "$0.000"),
    ],
)
def test_a_cost_says_how_certain_it_is(use: UseSum, cost: str, each: str) -> None:
    assert (cost_text(use), each_text(use)) == (cost, each)
    # while more is read, it is at least that
    assert at_least(use) == ("—" if not use.cost else cost if "≥" in cost else f"≥ {cost}")


@pytest.mark.parametrize(
    ("by", "text", "shown"),
    [
        (GroupBy.DAY, "2026-11-20", "today 20 Nov"),
        (GroupBy.DAY, "2026-11-19", "Thu 19 Nov"),
        (GroupBy.DAY, "2025-11-19", "Wed 19 Nov 2025"),
        (GroupBy.WEEK, "2026-11-16", "16–22 Nov"),
        (GroupBy.WEEK, "2026-11-30", "30 Nov–6 Dec"),
        (GroupBy.MONTH, "2026-11", "November"),
        (GroupBy.MONTH, "2025-01", "January 2025"),
        (GroupBy.HOUR_OF_DAY, "23", "23–00"),
        (GroupBy.MODEL, None, "not told"),
        (GroupBy.ACCOUNT, None, "unassigned"),
        (GroupBy.ACCOUNT, ALICE.id, "team-east/alice@example.com"),
        (GroupBy.ACCOUNT, "bob of the proxy", "bob of the proxy"),
        (GroupBy.GROUP, None, "no group"),
        (GroupBy.USER, "eve\x1b[2J", "eve\\x1b[2J"),
        (GroupBy.CONVERSATION, "0199-a", "A title"),
        (GroupBy.CONVERSATION, "0199-bcdef", "reef 0199-bcd"),
        (GroupBy.CONVERSATION, "0199-c", "0199-c"),
    ],
)
def test_what_groups_are_called(by: GroupBy, text: str | None, shown: str) -> None:
    known = {"0199-a": Conversation("reef", "A title"), "0199-bcdef": Conversation("reef")}
    called = Names(names().accounts, NOW.date(), known)
    assert called.name(by, Group(text)) == shown


def test_masked_nobody_is_named() -> None:
    accounts = AccountNames(names().accounts.accounts, mask=True)
    known = {"0199-a": Conversation("reef", "A title")}
    called = Names(accounts, NOW.date(), known)
    people = [
        called.name(by, Group(text))
        for by, text in (
            (GroupBy.ACCOUNT, ALICE.id),
            (GroupBy.ACCOUNT, "bob@example.com"),
            (GroupBy.USER, "eve"),
            (GroupBy.GROUP, "eve@example.com"),
            (GroupBy.PROJECT, "reef"),
            (GroupBy.CONVERSATION, "0199-a"),
        )
    ]
    assert machine_text(GroupBy.GROUP, Group("eve@example.com"), called) == people[3]
    assert not any(word in " ".join(people) for word in ("alice", "bob", "eve", "reef", "title", "0199"))
    assert people[2] == called.name(GroupBy.USER, Group("eve")) != called.name(GroupBy.USER, Group("eva"))
    assert called.name(GroupBy.MODEL, Group("gpt-6-sol", fast=True)) == "gpt-6-sol fast"


def test_the_head_tells_today_the_month_its_end_and_the_start() -> None:
    today, started, month, days = view().figures
    assert (today.title, month.title, days.title) == ("TODAY", "NOVEMBER", "30 DAYS")
    assert today.short == "390 requests"
    assert started.detail == "5.99M tokens, since 12:45"
    assert month.detail.startswith("so far; ≥ ~$")
    assert "by its end (" in month.detail
    early = replace(READ, since=(NOW - timedelta(days=3)).timestamp())
    cells = [cell("2026-11-18 12:00")]
    assert view(scan=early, cells=cells).figures[2].detail == "so far; its end is estimated after a week"


def test_no_use_is_told_as_none_only_where_it_would_be_known() -> None:
    def amounts(**asked: object) -> set[str]:
        found = reported(cells=[], **asked)  # type: ignore[arg-type]  # as given
        return {each.text for each in use_view(found, names(), NOW, CET).figures}

    alice = (Narrowed(GroupBy.ACCOUNT, Group(ALICE.id)),)
    assert amounts() == {"$0.00"} == amounts(narrow=(Narrowed(GroupBy.DAY, Group("2026-11-20")),))
    assert amounts(scan=ScanState()) == {"—"} == amounts(narrow=alice) == amounts(origin=Origin.IMPORTED)


def test_it_is_said_that_nobody_bills_it_and_what_the_marks_mean() -> None:
    told = [span.text for span in view().notes]
    assert told == [
        "Cost is what the API would charge; your plans do not bill it.",
        "≥: 95 requests of 1 model without a price.",
        "~: estimated.",
    ]
    today, unread = [cell("2026-11-20 12:00")], ScanState()
    certain = use_view(reported(UsePeriod.TODAY, cells=today, scan=unread), names(), NOW, CET)
    assert [span.text for span in certain.notes] == told[:1]
    old = NOW + timedelta(days=60)
    assert use_view(reported(), names(), old, CET).notes[-1].text == "The prices are 68 days old."


@pytest.mark.parametrize(
    ("plans", "told"),
    [
        (["pro", "Team", "free"], "They cost $420.50 a month."),
        # what the other plan costs nobody said
        (["pro", "plus"], "They cost ≥ $400.00 a month."),
        (["plus"], None),
    ],
)
def test_what_is_really_paid_stands_beside_it(plans: list[str], told: str | None) -> None:
    prices = {"pro": 400 * DOLLAR, "team": 20 * DOLLAR + DOLLAR // 2}
    found = use_view(replace(reported(), paid=paid_in_a_month(prices, plans)), names(), NOW, CET)
    said = [span.text for span in found.notes if span.text.startswith("They cost")]
    assert said == ([] if told is None else [told])


def test_rows_stand_by_cost_and_shares_are_of_what_has_a_price() -> None:
    found = view()
    assert [row.name for row in found.rows] == ["sol", "terra", "free", "qwen"]
    assert [row.cost for row in found.rows][2:] == ["$0.00", "—"]
    assert found.rows[3].no_price == "no price: rates why qwen"
    assert sum(row.fraction or 0 for row in found.rows) == pytest.approx(1)
    assert found.total.cost.startswith("≥ ~$")
    assert found.total.name == "total"


@pytest.mark.parametrize(
    ("arranged", "order"),
    [
        (Arranged(UseColumn.REQUESTS), ["sol", "terra", "free", "qwen"]),
        (Arranged(UseColumn.NAME), ["free", "qwen", "sol", "terra"]),
        (Arranged(UseColumn.NAME, reverse=True), ["terra", "sol", "qwen", "free"]),
        (Arranged(UseColumn.CACHED), ["sol", "terra", "free", "qwen"]),
        (Arranged(reverse=True), ["qwen", "free", "terra", "sol"]),
    ],
)
def test_rows_are_sorted(arranged: Arranged, order: list[str]) -> None:
    found = view(arranged)
    assert [row.name for row in found.rows] == order
    assert (found.count, found.total.name) == (4, "total")


@pytest.mark.parametrize(
    ("by", "text", "rows"),
    [
        (GroupBy.MODEL, " RR ", ["terra"]),
        (GroupBy.MODEL, "nobody", []),
        (GroupBy.MODEL, "model:sol or model=free", ["sol", "free"]),
        # the use that it lets through is what is grouped
        (GroupBy.PROJECT, "model:sol -reef", ["poolwatch", "not told"]),
        (GroupBy.ACCOUNT, "group:team-east model:terra", ["team-east/alice@example.com"]),
        # words of what groups are called
        (GroupBy.DAY, "today", ["today 20 Nov"]),
        (GroupBy.DAY, "nov model:qwen", ["Mon 16 Nov"]),
        (GroupBy.ACCOUNT, "unassigned model:terra", ["unassigned"]),
    ],
)
def test_a_filter_says_which_use_is_told(by: GroupBy, text: str, rows: list[str]) -> None:
    whole, found = view(by=by), view(by=by, filter_text=text)
    assert [row.name for row in found.rows] == rows
    assert (found.count, found.total.name) == (whole.count, f"total {len(rows)} of {whole.count}")
    assert found.period == f"November · filter {text.strip()}"
    # shares are of all that was used
    named = {row.name: row for row in whole.rows}
    for row in found.rows:
        assert (row.fraction or 0) <= (named[row.name].fraction or 0)
    assert found.total.fraction is None or found.total.fraction < 1


def test_of_days_the_newest_stands_first_and_hours_stand_in_their_order() -> None:
    days = view(by=GroupBy.DAY).rows
    assert [row.name for row in days[:2]] == ["today 20 Nov", "Thu 19 Nov"]
    assert [row.name for row in view(by=GroupBy.HOUR_OF_DAY).rows] == [
        "09–10",
        "10–11",
        "13–14",
        "15–16",
        "22–23",
    ]
    by_name = view(Arranged(UseColumn.NAME), by=GroupBy.DAY).rows
    assert by_name[-1].name == "today 20 Nov"


def test_the_title_says_what_is_looked_at() -> None:
    assert view().period == "November"
    within = view(
        period=UsePeriod.DAYS_30, by=GroupBy.PROJECT, narrow=(Narrowed(GroupBy.MODEL, Group("sol")),)
    )
    assert (within.period, within.by) == ("last 30 days · sol", "project")
    last = view(period=UsePeriod.LAST_MONTH)
    assert last.period == "October"


def test_while_files_are_read_that_stands_in_place_of_the_prices() -> None:
    newest = (NOW - timedelta(days=9)).timestamp()
    reading = ScanState(running=True, bytes_done=62, bytes_total=100, newest_since=newest)
    found = view(scan=reading)
    assert found.prices == "reading files 62%, newest first: the last 9 days are complete"
    assert found.prices_short == "reading files 62%"
    assert view(scan=ScanState(running=True)).prices == "reading files 0%, newest first"
    assert view().prices == "prices of 12 Nov"
    # what is new is read all the time once all of the past is
    assert view(scan=replace(READ, running=True)).prices == "prices of 12 Nov"


def test_what_the_figures_are_of() -> None:
    told = [each.text for each in view().coverage]
    assert told == [
        "2,114 session files in 3 homes on this machine",
        "41 files unverified, 3.10M tokens, apart and not in the totals."
        " Other machines: poolwatch data import",
    ]
    shares = replace(reported(), attribution=Attribution(88, 9, 3))
    by = use_view(shares, names(), NOW, CET).coverage[-1].text
    assert by == "accounts: 88% by home, 9% by matching readings, 3% unassigned"
    nobody = replace(reported(), attribution=Attribution(0, 0, 3))
    assert len(use_view(nobody, names(), NOW, CET).coverage) == 2
    torn = view(scan=replace(READ, troubles=(("/a", "torn"),))).coverage
    assert torn[-1].text == "1 file could not be read to its end: doctor names it"
    odd = view(scan=replace(READ, differing=("/a", "/b"), ahead=5)).coverage
    assert [each.text for each in odd][-2:] == [
        "5 tokens dated later than now by a wrong clock: in no total until then",
        "2 files tell of their tokens twice, and not the same: doctor names them",
    ]
    none = (ScanState(), ScanState(complete_at=1.0), ScanState(complete_at=1.0, since=1.0))
    assert [view(scan=each).coverage[0].text for each in none] == [
        "no session files have been read yet",
        "no session files on this machine",
        "the session files are gone; what they told is kept",
    ]
    assert "data import" in view(origin=Origin.IMPORTED).coverage[0].text


def test_files_that_were_read_long_ago_are_told_with_the_time() -> None:
    old = replace(READ, complete_at=(NOW - timedelta(hours=1)).timestamp())
    told = view(scan=old).coverage[1]
    assert told.text == "files last read 13:03; anything newer is missing"
    assert told.tone is Tone.AMBER
    # what is told of a time that was over by then lacks nothing
    over = replace(reported(scan=old), until=NOW - timedelta(hours=2))
    assert "last read" not in str(use_view(over, names(), NOW, CET).coverage)


def test_the_last_requests_are_told_with_their_cost() -> None:
    one, other, unpriced = view().latest
    assert (one.time, one.model, one.who, one.who_short) == (
        "14:02:10", "sol", "team-east/alice@example.com · reef", "alice@example.com",
    )  # fmt: skip
    assert one.took == "32.1k in, 29.8k cached, 1.2k out"
    assert one.cost == "$0.017"
    assert (other.who, other.who_short) == ("reef", "reef")
    assert unpriced.cost == "—"
    # what was not today has its day
    later = use_view(reported(), names(), NOW + timedelta(days=2), CET)
    assert later.latest[0].time == "Fri 14:02"
    assert use_view(reported(), names(), NOW + timedelta(days=20), CET).latest[0].time == "20 Nov"


def test_ideas_are_told_long_and_short() -> None:
    other, cached = view().ideas
    assert other[0].startswith("The same tokens on terra instead of sol: $")
    assert other[0].endswith("(prices only, not quality)")
    assert "was not read from the cache" in cached[0]
    # the tier of terra is not told
    assert re.search(r"all of it cached: ~\$\d", cached[0])
    assert view(cells=[cell(model="free", tokens=5)]).ideas == ()


def test_a_card_is_old_by_the_day_of_the_operator() -> None:
    assert (
        use_view(reported(), names(), datetime(2026, 12, 27, 23, 30, tzinfo=UTC), CET).prices_tone == "amber"
    )
    assert use_view(reported(), names(), datetime(2026, 12, 27, 22, 30, tzinfo=UTC), CET).prices_tone == "dim"


def test_a_row_without_input_has_no_cached_share() -> None:
    made = replace(cell("2026-11-20 12:00"), tokens=Tokens(output=10))
    assert view(cells=[made]).rows[0].cached == "—"
