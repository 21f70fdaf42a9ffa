"""What waits for a person where money is spent: rows with what is asked, and the command that settles it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.balances import Balance, BalanceState, BalanceTerms
from poolwatch.domain.banked_resets import ResetRoute, ResetUse
from poolwatch.domain.proposals import AutoTopUp, Proposal
from poolwatch.domain.purchases import Caps, Purchase, TopUpKind
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alerts import AlertSection, alerts_view
from poolwatch.presentation.credits_view import credits_view
from poolwatch.presentation.waiting import Unsettled, Waits, unsettled_lines, waiting_rows
from tests.presentation.scene import MASKED, NOW, PREFS, look

_D = Decimal
PROPOSAL = Proposal("reef team", _D(10), _D(5), _D("3.20"), NOW - timedelta(minutes=51))
LOST = Purchase(
    "0a1b2c3d", "reef team", TopUpKind.REEF, "https://pay.example.com/t", "pool", _D(25), "USD",
    NOW - timedelta(hours=2),
)  # fmt: skip
KEYED = replace(LOST, id="4e5f6071", kind=TopUpKind.GENERIC, request_id="key-1")
USE = ResetUse(
    "3f2a90b1-0000-4000-8000-000000000000",
    "acc",
    "reset-ws",
    ResetRoute.SERVICE,
    NOW - timedelta(days=1),
    "rc_1",
)
NAMES = AccountNames({})


def test_a_proposal_says_what_it_asks_why_and_until_when() -> None:
    (row,) = waiting_rows(Waits((PROPOSAL,)), NAMES, NOW, PREFS)
    assert (row.mark, row.who, row.text, row.age) == (
        "$",
        "reef team",
        "top up $10.00? below $5.00",
        "51m",
    )
    assert row.opens is PROPOSAL
    assert row.told == "reef team: $3.20 is below $5.00: poolwatch topups buy 10.00 --name 'reef team'"
    (span,) = row.beside
    assert span.text.startswith("waits until ")


def test_what_nobody_knows_stands_before_what_is_proposed_with_its_commands() -> None:
    rows = waiting_rows(Waits((PROPOSAL,), (LOST, KEYED), (USE,)), NAMES, NOW, PREFS)
    assert [row.opens for row in rows] == [LOST, KEYED, USE, PROPOSAL]
    assert rows[0].text == "$25.00 may have been charged"
    assert [row.told for row in rows[:3]] == [
        "reef team: poolwatch topups settle 0a1b2c3d charged, or not-charged: once you know which",
        "reef team: poolwatch topups ask 4e5f6071",
        "acc: poolwatch resets ask 3f2a90b1",
    ]
    assert len({row.id for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("waits", "command"),
    [
        # a day later the same request could charge again
        (Waits((), (replace(KEYED, at=NOW - timedelta(days=2)),)), "poolwatch topups settle 4e5f6071 "),
        # a pool that chose the reset itself may have forgotten the request
        (
            Waits((), (), (replace(USE, reset_id=None, at=NOW - timedelta(days=9)),)),
            "poolwatch resets settle",
        ),
    ],
)
def test_what_may_not_be_asked_again_is_settled_alone(waits: Waits, command: str) -> None:
    (told,) = unsettled_lines(waits, NOW, PREFS)
    assert told.command.startswith(command)
    assert " ask " not in told.command


def test_doctor_is_told_all_of_it_with_the_configuration_that_was_named() -> None:
    prefs = replace(PREFS, config="/etc/pool.toml")
    assert list(unsettled_lines(Waits((PROPOSAL,), (LOST,), (USE,)), NOW, prefs)) == [
        Unsettled(
            "reef team",
            "$25.00 may have been charged: the answer was lost",
            "poolwatch --config /etc/pool.toml topups settle 0a1b2c3d charged, or not-charged: "
            "once you know which",
        ),
        Unsettled(
            "acc",
            "a reset may have been used: the answer was lost",
            "poolwatch --config /etc/pool.toml resets ask 3f2a90b1",
        ),
    ]


def test_masked_no_name_is_told() -> None:
    named = replace(PROPOSAL, name="ann@example.com")
    (row,) = waiting_rows(Waits((named,)), NAMES, NOW, MASKED)
    assert "ann@" not in f"{row.who} {row.text} {row.told}"


def test_they_stand_first_under_waits_for_you_and_are_counted() -> None:
    rows = waiting_rows(Waits((PROPOSAL,), (LOST,)), NAMES, NOW, PREFS)
    view = alerts_view(None, (), NAMES, look(), None, NOW, PREFS, of_money=rows)
    (block,) = view.blocks
    assert (block.section, block.rows) == (AlertSection.WAITING, rows)
    assert view.counts == ("2 wait for you",)
    none = alerts_view(None, (), NAMES, look(), lambda row: "25" in row.text, NOW, PREFS, of_money=rows)
    assert none.rows == rows[:1]


def test_on_c_a_balance_says_what_is_proposed_when_it_falls() -> None:
    auto = AutoTopUp(_D(5), _D(10), Caps(_D(20), _D(100)))
    terms = BalanceTerms(tops_up_here=True, auto=auto)
    held = BalanceState("reef team", terms).read(Balance("USD", _D("3.20"), own_topup_below=_D(2)), NOW)
    view = credits_view(PoolState(balances={"reef team": held}), look(), NOW, PREFS, {})
    (row,) = view.rows
    assert row.notes[-2] == "below $5.00, propose $10.00; at most $20.00 a day, $100.00 a month"
    assert row.notes[-1] == "the service buys more by itself below $2.00"
