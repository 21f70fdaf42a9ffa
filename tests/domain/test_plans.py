"""What plans really cost, beside what the API would charge."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.plans import Paid, monthly_price, paid_in_a_month
from poolwatch.domain.rates import PICO_PER_DOLLAR


@pytest.mark.parametrize(
    ("text", "dollars"),
    [
        ("200 USD monthly", Decimal(200)),
        ("19.99 usd Monthly", Decimal("19.99")),
        ("2400 USD yearly", Decimal(200)),
        # a third of a cent is no whole number of pico-dollars
        ("100 USD yearly", Decimal("8.333333333333")),
        ("0 USD monthly", Decimal(0)),
        *(
            (text, None)
            for text in ("200", "200 USD", "USD 200 monthly", "200 EUR monthly", "-1 USD monthly", "")
        ),
    ],
)
def test_the_price_of_a_plan(text: str, dollars: Decimal | None) -> None:
    found = monthly_price(text)
    assert (None if found is None else Decimal(found) / PICO_PER_DOLLAR) == dollars


PRO, PLUS = 200 * PICO_PER_DOLLAR, 20 * PICO_PER_DOLLAR


@pytest.mark.parametrize(
    ("held", "paid"),
    [
        (["pro", "pro", "plus"], Paid(2 * PRO + PLUS, 3, 0)),
        (["Pro", "PLUS"], Paid(PRO + PLUS, 2, 0)),
        # nobody pays for a free plan; of a business plan, or an unknown one, nobody said what it costs
        (["pro", "free", "business", None], Paid(PRO, 2, 2)),
        (["free"], Paid(0, 1, 0)),
    ],
)
def test_what_a_month_costs(held: list[str | None], paid: Paid) -> None:
    found = paid_in_a_month({"pro": PRO, "plus": PLUS}, held)
    assert found == paid
    assert found.is_complete is (paid.unpriced == 0)


def test_nothing_is_told_where_nobody_said_what_a_plan_costs() -> None:
    prices = {"pro": PRO}
    assert paid_in_a_month({}, ["pro", "free"]) is None
    # at least nothing would say that it is nothing
    assert paid_in_a_month(prices, ["team", None]) is None
    assert paid_in_a_month(prices, []) is None


@given(
    st.lists(st.sampled_from(["pro", "plus", "free", "team", None])), st.lists(st.sampled_from(["pro", None]))
)
def test_accounts_add_up(one: list[str | None], other: list[str | None]) -> None:
    prices = {"pro": PRO, "plus": PLUS}
    sums = [paid_in_a_month(prices, ["free", *held]) for held in (one, other, [*one, "free", *other])]
    first, second, both = sums
    assert first is not None
    assert second is not None
    assert both == Paid(
        first.pico + second.pico, first.accounts + second.accounts, first.unpriced + second.unpriced
    )
