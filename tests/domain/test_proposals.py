"""When a top-up is proposed: once for each fall, within its caps, for six hours; and never bought by that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from poolwatch.domain.event_log import EventKind
from poolwatch.domain.proposals import (
    AutoTopUp,
    BalanceSeen,
    Proposal,
    ProposalEnd,
    ProposalState,
    judged,
    proposal_event,
    spent_by_proposals,
)
from poolwatch.domain.purchases import Caps, Purchase, PurchaseOutcome, Settled, Spent, TopUpKind
from poolwatch.domain.values import replace

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_D = Decimal
_MINUTE = timedelta(minutes=1)
AUTO = AutoTopUp(_D(5), _D(10), Caps(_D(20), _D(100)))


def seen_at(balance: Decimal | str | None, at: datetime | None, asked: str = "") -> BalanceSeen:
    return BalanceSeen("b", "USD", None if balance is None else _D(balance), at, asked)


NOTHING = BalanceSeen("b", "USD")


def bought(at: datetime = NOON, *, proposed: bool = True, **changes: object) -> Purchase:
    made = Purchase(
        "0a1b2c3d", "team", TopUpKind.REEF, "https://pay.example.com/t", "pool", _D(10), "USD", at
    )
    done = replace(made, outcome=PurchaseOutcome.GRANTED, ended_at=at, proposed=proposed)
    return replace(done, **changes)  # type: ignore[arg-type] # its fields


def after(
    *balances: str | None,
    auto: AutoTopUp | None = AUTO,
    purchases: tuple[Purchase, ...] = (),
    begin: ProposalState | None = None,
    at: datetime = NOON,
) -> ProposalState:
    """The state after readings a minute apart; None: one that is unknown."""
    state = begin or ProposalState()
    for nth, each in enumerate(balances):
        now = at + nth * _MINUTE
        seen = seen_at(each, now)
        state = judged(state, "team", auto, seen, purchases, now)
    return state


def proposed_in(*balances: str | None) -> int:
    """How many proposals readings make, if nobody answers."""
    state, found = ProposalState(), set[datetime]()
    for nth, each in enumerate(balances):
        state = after(each, begin=state, at=NOON + nth * _MINUTE)
        if state.proposal is not None:
            found.add(state.proposal.at)
    return len(found)


@pytest.mark.parametrize(
    ("balances", "count"),
    [
        (("5.01", "4.99"), 1),
        (("5", "4.99"), 1),
        (("5.01", "5"), 0),
        # whoever was below when it began has not fallen
        (("4.99", "4.98", "1"), 0),
        # one fall is proposed once
        (("6", "4", "3", "2"), 1),
        (("6", "4", "6", "4"), 2),
        (("6", "4", "4.99", "4"), 1),
        # what is unknown is neither above nor below, and what lies between is found all the same
        (("6", None, "4"), 1),
        ((None, "4"), 0),
        (("6", "0"), 1),
        (("6", "-1"), 1),
    ],
)
def test_a_fall_is_proposed_once_and_not_again_before_it_rose(
    balances: tuple[str | None, ...], count: int
) -> None:
    assert proposed_in(*balances) == count


def test_a_proposal_says_what_and_why() -> None:
    state = after("6", "3.20")
    made = state.proposal
    assert made == Proposal("team", _D(10), _D(5), _D("3.20"), NOON + _MINUTE)
    assert made is not None
    assert made.until == made.at + timedelta(hours=6)


@pytest.mark.parametrize(
    ("later", "end"),
    [
        (timedelta(hours=5, minutes=58), None),
        (timedelta(hours=6), ProposalEnd.EXPIRED),
        (timedelta(days=9), ProposalEnd.EXPIRED),
        # a clock that is put right by little ends nothing; one that was far ahead tells no age
        (timedelta(minutes=-5), None),
        (timedelta(minutes=-6), ProposalEnd.EXPIRED),
    ],
)
def test_it_is_withdrawn_after_six_hours(later: timedelta, end: ProposalEnd | None) -> None:
    state = after("6", "4")
    assert state.proposal is not None
    now = state.proposal.at + later
    assert state.proposal.waits(now) is (end is None)
    found = judged(state, "team", AUTO, seen_at("4", state.read_at), (), now)
    assert found.proposal is not None
    assert found.proposal.end is end
    # nothing new: nothing is written
    assert (found is state) is (end is None)
    # and the next reading below proposes nothing anew
    again = judged(found, "team", AUTO, seen_at("3", now + _MINUTE), (), now + _MINUTE)
    assert again.proposal == found.proposal


@pytest.mark.parametrize(("balance", "end"), [("5", ProposalEnd.ROSE), ("4.99", None), (None, None)])
def test_it_is_withdrawn_when_the_balance_rises(balance: str | None, end: ProposalEnd | None) -> None:
    state = after("6", "4", balance)
    assert state.proposal is not None
    assert state.proposal.end is end


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, ProposalEnd.BOUGHT),
        ({"proposed": False}, ProposalEnd.BOUGHT),
        ({"outcome": PurchaseOutcome.STARTED}, ProposalEnd.BOUGHT),
        ({"outcome": PurchaseOutcome.UNKNOWN}, ProposalEnd.BOUGHT),
        ({"outcome": PurchaseOutcome.REFUSED}, None),
        ({"outcome": PurchaseOutcome.UNKNOWN, "settled": Settled.NOT_CHARGED}, None),
        ({"at": NOON}, None),
    ],
)
def test_what_was_or_may_have_been_bought_since_answers_it(
    changes: dict[str, object], end: ProposalEnd | None
) -> None:
    state = after("6", "4")
    purchase = bought(**{"at": NOON + 2 * _MINUTE, **changes})  # type: ignore[arg-type] # its fields
    found = judged(state, "team", AUTO, NOTHING, (purchase,), NOON + 3 * _MINUTE)
    assert found.proposal is not None
    assert found.proposal.end is end


@pytest.mark.parametrize(
    "auto", [None, replace(AUTO, amount=_D(25)), replace(AUTO, below=_D(3))], ids=["gone", "amount", "below"]
)
def test_what_is_configured_otherwise_by_now_is_withdrawn(auto: AutoTopUp | None) -> None:
    state = after("6", "4")
    found = judged(state, "team", auto, seen_at("4", state.read_at), (), NOON + 2 * _MINUTE)
    assert found.proposal is not None
    assert found.proposal.end is ProposalEnd.CHANGED


@pytest.mark.parametrize(
    ("purchases", "is_made"),
    [
        ((bought(),), True),
        ((bought(), bought()), False),
        # what a person bought without a proposal is no part of its caps
        ((bought(proposed=False), bought(proposed=False)), True),
        ((bought(outcome=PurchaseOutcome.UNKNOWN), bought(outcome=PurchaseOutcome.STARTED)), False),
        ((bought(outcome=PurchaseOutcome.REFUSED), bought()), True),
        # those of yesterday count for the month
        ((bought(NOON - timedelta(days=1)),) * 2, True),
        ((bought(NOON - timedelta(days=1)),) * 10, False),
        ((bought(NOON - timedelta(days=21)),) * 10, True),
    ],
)
def test_nothing_is_proposed_beyond_its_caps(purchases: tuple[Purchase, ...], is_made: bool) -> None:
    assert (after("6", "4", purchases=purchases).proposal is not None) is is_made


def test_its_caps_count_what_was_proposed_alone() -> None:
    both = (bought(), bought(proposed=False))
    assert spent_by_proposals(both, NOON) == Spent(_D(10), _D(10))


def test_an_older_reading_and_one_of_a_wrong_clock_decide_nothing_for_good() -> None:
    state = after("6", "6")
    older = judged(state, "team", AUTO, seen_at("4", NOON), (), NOON + 2 * _MINUTE)
    assert older is state
    ahead = replace(state, read_at=NOON + timedelta(days=1))
    found = judged(ahead, "team", AUTO, seen_at("4", NOON + 2 * _MINUTE), (), NOON + 2 * _MINUTE)
    assert found.proposal is not None


def test_what_is_asked_elsewhere_is_another_balance_and_has_not_fallen() -> None:
    state = after("6")
    found = judged(state, "team", AUTO, seen_at("4", NOON + _MINUTE, "elsewhere"), (), NOON + _MINUTE)
    assert found.proposal is None
    later = NOON + 2 * _MINUTE
    again = judged(found, "team", AUTO, seen_at("3", later, "elsewhere"), (), later)
    assert (again.balance, again.proposal) == (_D(3), None)


def test_what_was_proposed_for_another_balance_is_withdrawn() -> None:
    low = after("6", "4")
    assert low.proposal is not None
    found = judged(low, "team", AUTO, seen_at("3", NOON + 2 * _MINUTE, "elsewhere"), (), NOON + 2 * _MINUTE)
    assert found.proposal is not None
    assert found.proposal.end is ProposalEnd.CHANGED
    # one that is unknown is no other one
    assert judged(low, "team", AUTO, NOTHING, (), NOON + 2 * _MINUTE) is low


def test_it_is_an_event_of_the_balance() -> None:
    made = after("6", "3.20").proposal
    assert made is not None
    event = proposal_event(made, NOTHING)
    assert (event.kind, event.balance, event.at) == (EventKind.TOPUP_PROPOSED, "b", made.at)
    assert (event.before, event.after, event.now, event.unit_name) == (_D(5), _D("3.20"), "10.00", "USD")


@given(some.lists(some.one_of(some.none(), some.decimals(0, 10, places=2)), max_size=30))
def test_of_any_readings_a_proposal_follows_a_fall_and_the_same_reading_changes_nothing(
    balances: list[Decimal | None],
) -> None:
    state, falls, made, last = ProposalState(), 0, set[datetime](), None
    for nth, balance in enumerate(balances):
        now = NOON + nth * _MINUTE
        falls += last is not None and balance is not None and balance < AUTO.below <= last
        last = balance if balance is not None else last
        seen = seen_at(balance, now)
        state = judged(state, "team", AUTO, seen, (), now)
        assert judged(state, "team", AUTO, seen, (), now) is state
        if state.proposal is not None:
            made.add(state.proposal.at)
            # it waits as long as the balance is below
            assert state.proposal.waits(now) is (last is not None and last < AUTO.below)
    assert len(made) == falls
