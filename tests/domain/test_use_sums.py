from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.quarters import Calendar
from poolwatch.domain.rates import Per, Rate, RateCard
from poolwatch.domain.tokens import GroupBy, RequestSeen, Tier, Tokens, UseCell
from poolwatch.domain.use_sums import Group, UseSum, price_of, total, use_rows
from poolwatch.domain.values import replace
from tests.domain.use import CARD, DOLLAR, cell


def rows(by: GroupBy, *cells: UseCell, groups: dict[str, str | None] | None = None) -> dict[Group, UseSum]:
    return {row.group: row.sum for row in use_rows(cells, by, CARD, Calendar(UTC), groups)}


def test_each_token_is_priced_by_its_kind_and_by_the_day_of_the_request() -> None:
    tokens = Tokens(input=1_000_000, cached=400_000, cache_write=100_000, output=20_000, reasoning=5_000)
    one = use_rows(
        [UseCell(cell().quarter, "sol", Tier.STANDARD, False, 3, tokens)], GroupBy.MODEL, CARD, Calendar(UTC)
    )[0].sum
    # 500,000 plain, 400,000 cached, 100,000 written, 20,000 out
    assert one.pico == (500_000 * 10 + 400_000 + 1_250_000 + 2_000_000) * 10**5
    assert one.tokens == tokens
    assert one.requests == 3
    assert one.cost_each == one.pico // 3
    assert one.cached_share == 0.4


def test_a_day_in_utc_decides_which_price_holds() -> None:
    before, after = cell("2026-05-31 23:45", "terra"), cell("2026-06-01 00:00", "terra")
    assert rows(GroupBy.MODEL, before)[Group("terra")].pico == DOLLAR // 2
    assert rows(GroupBy.MODEL, after)[Group("terra")].pico == DOLLAR // 10
    assert rows(GroupBy.MODEL, before, after)[Group("terra")].pico == DOLLAR // 2 + DOLLAR // 10


def test_a_long_request_costs_more_and_the_fast_tier_is_a_row_of_its_own() -> None:
    found = rows(GroupBy.MODEL, cell(), cell(long_context=True), cell(tier=Tier.FAST))
    assert found[Group("sol")].pico == 3 * DOLLAR
    # nobody tells what the fast tier of this model costs
    assert found[Group("sol", fast=True)].cost is None
    assert found[Group("sol", fast=True)].unpriced_requests == 1


def test_what_has_no_price_is_unknown_and_a_sum_with_it_is_a_bound() -> None:
    unpriced = rows(GroupBy.MODEL, cell(model="qwen", tokens=500))[Group("qwen")]
    assert (unpriced.cost, unpriced.cost_complete, unpriced.known_credits) == (None, False, None)
    assert (unpriced.unpriced_requests, unpriced.unpriced_tokens) == (1, 500)
    both = total(rows(GroupBy.MODEL, cell(model="qwen", tokens=500), cell()).values())
    assert (both.cost, both.cost_complete) == (DOLLAR, False)
    free = rows(GroupBy.MODEL, cell(model="free"))[Group("free")]
    assert (free.cost, free.cost_complete) == (0, True)
    assert (UseSum().cost, UseSum().cost_complete, UseSum().cost_each) == (0, True, None)


@pytest.mark.parametrize(
    ("changes", "estimated"),
    [({}, False), ({"tier": Tier.UNKNOWN}, True), ({"estimated": True}, True)],
)
def test_what_is_not_certain_is_marked(changes: dict[str, Any], estimated: bool) -> None:
    found = rows(GroupBy.MODEL, cell(**changes))[Group("sol")]
    assert found.estimated is estimated
    assert found.pico == DOLLAR


def test_what_a_source_told_is_not_priced_again() -> None:
    told = cell(
        requests=3,
        tokens=3_000_000,
        told_cost=7 * DOLLAR,
        told_credits=Decimal(50),
        told_requests=2,
        told_tokens=Tokens(input=2_000_000),
    )
    found = rows(GroupBy.MODEL, told)[Group("sol")]
    assert (found.pico, found.requests, found.tokens.input) == (8 * DOLLAR, 3, 3_000_000)
    assert found.known_credits == Decimal(50 + 25)
    only_credits = cell(told_credits=Decimal(7))
    found = rows(GroupBy.MODEL, only_credits)[Group("sol")]
    assert (found.pico, found.known_credits) == (DOLLAR, Decimal(7))
    # told credits are known where nothing tells a cost, be it of a request without tokens
    unpriced = cell(tokens=0, model="mystery", told_credits=Decimal("2.5"))
    found = rows(GroupBy.MODEL, unpriced)[Group("mystery")]
    assert (found.cost, found.known_credits) == (None, Decimal("2.5"))
    found = rows(GroupBy.MODEL, cell(tokens=0, model="mystery"))[Group("mystery")]
    assert (found.cost, found.known_credits) == (None, None)
    # of a model that nobody has a price for, its cost is known all the same; its credits are not
    alone = cell(model="qwen", told_cost=DOLLAR, told_requests=1, told_tokens=Tokens(input=1_000_000))
    found = rows(GroupBy.MODEL, alone)[Group("qwen")]
    assert (found.cost, found.cost_complete, found.known_credits) == (DOLLAR, True, None)


def test_requests_that_were_not_counted_in_tokens_are_not_priced_by_those_of_others() -> None:
    counted, uncounted = cell(), cell(tokens=0, requests=3)
    (row,) = use_rows([counted, uncounted], GroupBy.MODEL, CARD, Calendar(UTC))
    assert (row.sum.cost, row.sum.cost_complete) == (DOLLAR, False)
    assert (row.sum.requests, row.sum.unpriced_requests, row.sum.unpriced_tokens) == (4, 3, 0)


def test_an_image_costs_what_its_rate_says_whatever_its_tokens_are() -> None:
    card = RateCard("made", CARD.day, CARD.rates, [Rate("sol", per=Per.IMAGE, each=DOLLAR // 4)])
    images = cell(operation="image", requests=3), cell(operation="image", tokens=0)
    (row,) = use_rows([*images, cell(operation="chat")], GroupBy.MODEL, card, Calendar(UTC))
    assert (row.sum.cost, row.sum.cost_complete) == (2 * DOLLAR, True)


def test_one_of_the_last_requests_costs_what_its_source_said_else_what_the_card_says() -> None:
    nobody = (None, None, None, None)
    seen = RequestSeen(1795176000.0, "sol", Tier.STANDARD, False, Tokens(10**6), *nobody, operation="chat")
    assert price_of(seen, CARD).pico == DOLLAR
    assert price_of(replace(seen, told_cost=7), CARD).pico == 7
    card = RateCard("made", CARD.day, CARD.rates, [Rate("sol", per=Per.IMAGE, each=DOLLAR // 4)])
    assert price_of(replace(seen, operation="image"), card).pico == DOLLAR // 4


def test_rows_of_what_nobody_tells_stand_apart() -> None:
    cells = [cell(account="a1"), cell(account="b1"), cell(account=None), cell(account="b2")]
    groups: dict[str, str | None] = {"a1": None, "b1": "east", "b2": "east"}
    by_account = rows(GroupBy.ACCOUNT, *cells)
    assert set(by_account) == {Group("a1"), Group("b1"), Group("b2"), Group(None)}
    by_group = rows(GroupBy.GROUP, *cells, groups=groups)
    assert {group.text: each.requests for group, each in by_group.items()} == {None: 2, "east": 2}


def test_times_stand_old_to_new_and_the_rest_by_cost() -> None:
    cells = [cell("2026-11-20 10:00"), cell("2026-11-19 10:00"), cell("2026-11-18 10:00", tokens=5 * 10**6)]
    days = [row.group.text for row in use_rows(cells, GroupBy.DAY, CARD, Calendar(UTC))]
    assert days == ["2026-11-18", "2026-11-19", "2026-11-20"]
    models = [
        cell(model="qwen", tokens=10**9),
        cell(model="terra"),
        cell(model="sol"),
        cell(model=None, tokens=10),
        cell(model="free"),
    ]
    found = [row.group.text for row in use_rows(models, GroupBy.MODEL, CARD, Calendar(UTC))]
    assert found == ["sol", "terra", "free", "qwen", None]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["sol", "terra", "qwen", None]),
            st.integers(0, 400),
            st.booleans(),
            st.sampled_from(Tier),
            st.integers(0, 10**12),
            st.integers(0, 10**12),
        )
    )
)
def test_however_use_is_grouped_it_comes_to_the_same(
    uses: list[tuple[str | None, int, bool, Tier, int, int]],
) -> None:
    start = cell("2026-05-20 00:00").quarter
    cells = [
        UseCell(
            start + 37 * day, model, tier, long, 1, Tokens(input=given_, output=taken), project=str(day % 3)
        )
        for model, day, long, tier, given_, taken in uses
    ]
    whole = [
        total(row.sum for row in use_rows(cells, by, CARD, Calendar(UTC)))
        for by in (GroupBy.MODEL, GroupBy.DAY, GroupBy.HOUR_OF_DAY, GroupBy.PROJECT)
    ]
    assert all(each == whole[0] for each in whole)
    assert whole[0].tokens.input == sum(use[4] for use in uses)
