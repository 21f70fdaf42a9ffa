"""What the sheet of top-ups says at each step, as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.balances import Balance, BalanceState, BalanceTerms
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.message import message
from poolwatch.domain.purchases import Caps, Purchase, PurchaseOutcome, Settled, Spent, TopUpKind
from poolwatch.domain.values import replace
from poolwatch.presentation.balances import CHATGPT_URL
from poolwatch.presentation.top_up_sheet import (
    Address,
    Filled,
    Standing,
    address_lines,
    balance_line,
    charge_lines,
    chosen_amount,
    ending_lines,
    most_in_need,
    offer_lines,
    stands_since,
    title,
    web_places,
    work_lines,
)
from poolwatch.presentation.topups import Offer, TopUpLook, TopUpsDone, done_rows
from poolwatch.presentation.view import Tone

NOW = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
_D = Decimal
PLACE = "https://credits.example.com/topups"
OFFER = Offer(
    "reef team",
    TopUpKind.REEF,
    PLACE,
    "pool",
    "USD",
    (_D(5), _D(10), _D(25), _D(50)),
    Caps(_D(100), _D(300)),
    Spent(_D(0), _D(30)),
)
LOOK = TopUpLook(OFFER, source="reef")
KEYED = TopUpLook(replace(OFFER, name="team", kind=TopUpKind.GENERIC), source="team balance")
LOST = Purchase(
    "7f3a0001",
    "reef team",
    TopUpKind.REEF,
    PLACE,
    "pool",
    _D(10),
    "USD",
    NOW - timedelta(minutes=2),
    reason=message("topup.lost", why=message("topup.nothing_said")),
    balance_before=_D("3.20"),
)
KEYED_LOST = replace(LOST, name="team", kind=TopUpKind.GENERIC, request_id="key")
STANDING = Standing(_D("3.20"), NOW - timedelta(minutes=1))


def state(name: str, left: str | None, terms: BalanceTerms) -> BalanceState:
    balance = None if left is None else Balance("USD", _D(left))
    return BalanceState(name, terms, balance, NOW, NOW)


LOW_BELOW_5 = BalanceTerms(amber_below=_D(5), tops_up_here=True)


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (None, "balance now: it is being read"),
        (Standing(None, NOW), "balance now: not known, it could not be read"),
        (STANDING, "balance now $3.20, read 14:02"),
        (Standing(_D(0), NOW), "balance now $0.00, read 14:03"),
        (
            replace(STANDING, ends_at=NOW + timedelta(hours=20)),
            "balance now $3.20, read 14:02 · used up about Sat 10:03",
        ),
    ],
)
def test_the_balance_is_told_with_its_age_or_why_it_is_not_known(
    standing: Standing | None, told: str
) -> None:
    assert balance_line(LOOK, standing, NOW, UTC) == told


def test_a_place_without_a_source_has_no_balance_that_is_awaited() -> None:
    assert "no source tells it" in balance_line(replace(LOOK, source=None), None, NOW, UTC)


def test_an_offer_shows_amounts_card_and_caps() -> None:
    assert list(offer_lines(LOOK, STANDING, NOW, UTC, mask=False)) == [
        "balance now $3.20, read 14:02",
        "1  $5.00   2  $10.00   3  $25.00   4  $50.00",
        "paid with the card saved at credits.example.com; poolwatch sees no card",
        "your caps: $0.00 of $100.00 used today · $30.00 of $300.00 this month (UTC)",
    ]


def test_where_nothing_can_be_bought_no_amount_is_offered() -> None:
    shut = replace(LOOK, offer=replace(OFFER, trouble="its journal is damaged"))
    told = list(offer_lines(shut, STANDING, NOW, UTC, mask=False))
    assert told[1:] == ["nothing can be bought there now: its journal is damaged"]


@pytest.mark.parametrize(
    ("look", "standing", "first", "second"),
    [
        (LOOK, STANDING, "at credits.example.com: $3.20 → $13.20", "takes no request key"),
        (LOOK, None, "$10.00 will be charged now for pool, at credits.example.com", "no request key"),
        (KEYED, Standing(None, NOW), "for pool, at credits.example.com", "poolwatch sees no card"),
    ],
)
def test_before_it_is_paid_the_charge_stands_there(
    look: TopUpLook, standing: Standing | None, first: str, second: str
) -> None:
    told = list(charge_lines(look, _D(10), standing, mask=False))
    assert first in told[0]
    assert ("→" in told[0]) is (standing is STANDING)
    assert second in told[1]
    assert len(told) == 2


def ending(purchase: Purchase, look: TopUpLook = LOOK, standing: Standing | None = STANDING) -> list[str]:
    return list(ending_lines(purchase, look, standing, NOW, UTC, mask=False))


def test_without_a_request_key_unknown_is_compared_and_settled() -> None:
    told = ending(LOST)
    assert told[0].startswith("reef team, $10.00: UNKNOWN: it may have been charged")
    assert told[1] == "balance before $3.20, now $3.20 (read 14:02; a grant can take minutes)"
    assert told[2] == "Do not top up again: until it is settled, no other top-up of reef team is sent."
    assert told[3] == "it cannot be asked again; compare the balance and your statement"
    assert len(told) == 4


def test_with_a_request_key_it_is_asked_again_for_a_day() -> None:
    assert ending(KEYED_LOST)[-1].startswith("until Sat 14:01 it can be asked again: the same request")
    old = replace(KEYED_LOST, at=NOW - timedelta(hours=25))
    assert ending(old)[-1].startswith("it cannot be asked again")
    named = replace(old, service_id="tu_1")
    assert "nothing is bought by that" in ending(named)[-1]


def test_an_unknown_balance_is_never_compared() -> None:
    assert "now: not known" in ending(LOST, standing=Standing(None, NOW))[1]
    assert ending(replace(LOST, balance_before=None))[1] == "balance now $3.20, read 14:02"


@pytest.mark.parametrize(
    ("purchase", "told"),
    [
        (
            replace(
                LOST, outcome=PurchaseOutcome.GRANTED, reason=None, balance_after=_D("13.20"), ended_at=NOW
            ),
            ["reef team, $10.00: done: $3.20 → $13.20, seen 14:03"],
        ),
        (
            replace(LOST, outcome=PurchaseOutcome.GRANTED, reason=None, granted=_D(8), ended_at=NOW),
            ["reef team, $10.00: done", "the service says that it granted $8.00"],
        ),
        (
            replace(LOST, outcome=PurchaseOutcome.STARTED, reason=message("topup.taken")),
            [
                "reef team, $10.00: started: the service took it; the balance shows when it is there",
                "balance before $3.20, now $3.20 (read 14:02; a grant can take minutes)",
            ],
        ),
        (
            replace(LOST, outcome=PurchaseOutcome.NEEDS_WEB, reason=None, link="https://pay.example.com"),
            ["reef team, $10.00: not charged: confirm in the browser", "open https://pay.example.com"],
        ),
        (
            replace(
                LOST, outcome=PurchaseOutcome.TRY_LATER, reason=None, retry_at=NOW + timedelta(minutes=17)
            ),
            ["reef team, $10.00: not now, not charged", "try again after Fri 14:20 UTC"],
        ),
        (
            replace(LOST, settled=Settled.CHARGED),
            ["reef team, $10.00: unknown; you settled it: charged"],
        ),
    ],
)
def test_every_other_end_is_told_in_a_line_or_two(purchase: Purchase, told: list[str]) -> None:
    assert ending(purchase) == told


def test_the_title_names_the_place_and_shouts_only_what_is_unknown() -> None:
    assert title(LOOK, stands_since(LOST, NOW, UTC), mask=False) == "Top up reef team · 14:01 · UNKNOWN"
    done = replace(LOST, outcome=PurchaseOutcome.GRANTED)
    assert title(LOOK, stands_since(done, NOW, UTC), mask=False) == "Top up reef team · 14:01"
    assert title(Address("ChatGPT", CHATGPT_URL), "", mask=False) == "Top up ChatGPT"


def test_while_it_runs_it_says_that_leaving_stops_nothing() -> None:
    for look, lines in ((LOOK, 2), (KEYED, 3)):
        told = list(work_lines(look, _D(10)))
        assert told[0] == "$10.00 is being paid: it is sent once"
        assert told[-1] == "if you leave, it goes on by itself, and how it ended is told here"
        assert len(told) == lines
    assert "paid" not in next(work_lines(KEYED, None))


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1", "5.00"),
        ("4", "50.00"),
        ("5", "5.00"),
        ("9", "9.00"),
        ("10", "10.00"),
        (" 12.5 ", "12.50"),
        ("$7", "7.00"),
        ("0", None),
        ("", None),
        ("-1", None),
        ("1e2", None),
        ("1.234", None),
        ("١", None),
        ("ten", None),
    ],
)
def test_a_digit_chooses_an_amount_and_anything_else_is_one_or_none(typed: str, amount: str | None) -> None:
    assert chosen_amount(OFFER, typed) == (None if amount is None else _D(amount))


def test_it_begins_where_something_is_to_be_settled_then_where_least_is_left() -> None:
    looks = (KEYED, LOOK)
    full, low, out = "74.75", "3.20", "0"
    team, reef = "team balance", "reef"

    def begins(team_left: str | None, reef_left: str | None, looks: tuple[TopUpLook, ...] = looks) -> int:
        lefts = ((team, team_left), (reef, reef_left))
        return most_in_need(looks, [state(name, left, LOW_BELOW_5) for name, left in lefts])

    assert begins(full, full) == 0
    assert begins(full, low) == 1
    assert begins(low, out) == 1
    assert begins(out, low) == 0
    assert begins(None, low) == 1
    assert begins(out, low, (KEYED, replace(LOOK, waiting=LOST))) == 1
    assert most_in_need((), ()) == 0


def test_what_is_sold_in_a_browser_alone_stands_behind_and_chatgpt_last() -> None:
    states = (
        state("OpenRouter", "1", BalanceTerms(web="https://openrouter.example.com")),
        state("reef", "1", BalanceTerms(web="https://reef.example.com", tops_up_here=True)),
        state("BrowserOS", "1", BalanceTerms()),
    )
    places = web_places(states)
    assert places == (
        Address("OpenRouter", "https://openrouter.example.com"),
        Address("ChatGPT", CHATGPT_URL),
    )
    assert list(address_lines(places[0], mask=False))[1:] == ["https://openrouter.example.com"]
    assert "[[topups]]" in list(address_lines(places[1], mask=False))[2]
    everything = (KEYED, LOOK, *places)
    assert Filled("reef team").at(everything) == 1
    assert Filled(source="reef").at(everything) == 1
    assert Filled(source="OpenRouter").at(everything) == 2
    assert Filled("ChatGPT").at(everything) == 3
    assert Filled("gone").at(everything) is None
    assert Filled().at((replace(LOOK, source=None),)) is None


@pytest.mark.parametrize(("left", "short"), [("0", True), ("5", True), ("5.01", False), (None, False)])
def test_a_balance_is_short_when_it_is_low_or_used_up(left: str | None, short: bool) -> None:
    found = state("reef", left, LOW_BELOW_5)
    assert found.is_short is short
    gone = failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=410)
    assert not found.read(gone, NOW).is_short


def test_what_was_bought_is_listed_the_latest_first() -> None:
    risen = replace(
        LOST,
        id="0001",
        at=NOW - timedelta(days=2),
        outcome=PurchaseOutcome.GRANTED,
        reason=None,
        balance_before=_D("1.40"),
        balance_after=_D("11.40"),
        proposed=True,
    )
    refused = replace(LOST, id="0002", at=NOW - timedelta(hours=1), outcome=PurchaseOutcome.REFUSED)
    settled = replace(LOST, id="0003", settled=Settled.NOT_CHARGED)
    running = replace(LOST, id="0004")
    lost = replace(LOST, id="0005", amount=_D(1000))
    done = TopUpsDone((risen, refused, settled, running, lost), at_work=frozenset({"0004"}))
    rows = done_rows(done, NOW, UTC, mask=False)
    assert [(each.at, each.amount, each.outcome, each.request, each.tone) for each in rows] == [
        ("20 Nov 14:01", "$1000.00", "UNKNOWN: it may have been charged", "0005", Tone.RED),
        ("20 Nov 14:01", "$10.00", "at work", "0004", Tone.PLAIN),
        ("20 Nov 14:01", "$10.00", "unknown; you settled it: not charged", "0003", Tone.DIM),
        ("20 Nov 13:03", "$10.00", "refused, not charged", "0002", Tone.DIM),
        ("18 Nov 14:03", "$10.00", "done: $1.40 → $11.40", "0001, proposed", Tone.PLAIN),
    ]
    assert {each.name for each in rows} == {"reef team"}
    many = TopUpsDone(tuple(replace(risen, id=f"{nth}") for nth in range(1000)))
    assert [each.request for each in done_rows(many, NOW, UTC, mask=False)][-1] == "991, proposed"


def test_names_are_masked() -> None:
    look = replace(LOOK, offer=replace(OFFER, name="ann@example.com", target="bob@example.com"))
    lost = replace(LOST, name="ann@example.com")
    told = [
        title(look, "", mask=True),
        *charge_lines(look, _D(10), STANDING, mask=True),
        *ending_lines(lost, look, STANDING, NOW, UTC, mask=True),
    ]
    assert "ann@" not in "".join(told)
    assert "bob@" not in "".join(told)
