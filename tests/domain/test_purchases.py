"""What counts as money spent, which amounts are amounts, and with which key a wish is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from poolwatch.domain.message import message
from poolwatch.domain.purchases import (
    Caps,
    Purchase,
    PurchaseOutcome,
    Settled,
    Spent,
    TopUpKind,
    Uptime,
    amount_of,
    refusal,
    spent,
    with_key,
)
from poolwatch.domain.values import replace

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CAPS = Caps(Decimal(100), Decimal(500))


def bought(amount: str = "60", at: datetime = NOON, **changes: object) -> Purchase:
    made = Purchase(
        "0a1b2c3d",
        "team",
        TopUpKind.GENERIC,
        "https://pay.example.com/t",
        "pool",
        Decimal(amount),
        "USD",
        at,
        "key-1",
    )
    granted = replace(made, outcome=PurchaseOutcome.GRANTED, ended_at=at)
    return replace(granted, **changes)  # type: ignore[arg-type] # its fields


def wish(amount: str = "60", **changes: object) -> Purchase:
    made = bought(amount, id="ffffffff", request_id="key-2", outcome=PurchaseOutcome.UNKNOWN)
    return replace(made, ended_at=None, **changes)  # type: ignore[arg-type] # its fields


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("10", "10.00"),
        (" 10.5 ", "10.50"),
        ("$25", "25.00"),
        ("0.01", "0.01"),
        ("999999.99", "999999.99"),
        ("007", "7.00"),
    ],
)
def test_an_amount_as_a_person_types_it(text: str, amount: str) -> None:
    assert amount_of(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "0.00", "-5", "+5", "1e3", "10.005", "１０", "٣", "10,00", "1,000", "1_0", ".5", "10."),
        *("$", "$$5", "5$", "5 0", "0x10", "1000000", "NaN", "Infinity", "½", "²", "10\x00", "10\n5"),
        *("1.001", "١٠", "10 USD"),
    ],
)
def test_what_is_no_amount(text: str) -> None:
    assert amount_of(text) is None


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_days_and_months_are_those_of_utc_wherever_somebody_sits(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    before, after = bought("7", midnight - timedelta(seconds=1)), bought("5", midnight)
    assert spent((before, after), (midnight + timedelta(hours=1)).astimezone(zone)) == Spent(
        Decimal(5), Decimal(5)
    )
    at_eve = (midnight - timedelta(seconds=1)).astimezone(zone)
    assert spent((before,), at_eve) == Spent(Decimal(7), Decimal(7))


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"outcome": PurchaseOutcome.STARTED}, True),
        ({"outcome": PurchaseOutcome.UNKNOWN}, True),
        ({"outcome": PurchaseOutcome.UNKNOWN, "settled": Settled.CHARGED}, True),
        ({"outcome": PurchaseOutcome.UNKNOWN, "settled": Settled.NOT_CHARGED}, False),
        ({"outcome": PurchaseOutcome.REFUSED}, False),
        ({"outcome": PurchaseOutcome.NEEDS_WEB}, False),
        ({"outcome": PurchaseOutcome.TRY_LATER}, False),
        # a clock was put back since
        ({"at": NOON + 400 * DAY}, True),
        ({"target": "another"}, True),
    ],
)
def test_what_may_have_been_charged_counts_against_the_caps(changes: dict[str, object], counts: bool) -> None:
    one = replace(bought(), **changes)  # type: ignore[arg-type] # its fields
    assert spent((one,), NOON).day == (60 if counts else 0)


def test_a_service_that_granted_more_than_was_asked_counts_with_that() -> None:
    assert spent((bought("60", granted=Decimal(90)),), NOON).day == 90
    assert spent((bought("60", granted=Decimal(1)),), NOON).day == 60


def test_a_cap_is_reached_to_the_cent() -> None:
    known, later = (bought("60", target="another"),), NOON + timedelta(hours=1)
    assert refusal(known, wish("40"), CAPS, later, "") is None
    over = refusal(known, wish("40.01"), CAPS, later, "")
    assert over is not None
    assert over.code == "topup.cap_day"
    old = tuple(bought("60", NOON - nth * DAY, target="another") for nth in range(1, 8))
    over = refusal(old, wish("80.01"), CAPS, later, "")
    assert over is not None
    assert over.code == "topup.cap_month"


def test_a_wish_that_was_put_off_keeps_its_key() -> None:
    later = bought(outcome=PurchaseOutcome.TRY_LATER)
    held_back = bought(
        outcome=PurchaseOutcome.REFUSED, request_id="key-9", reason=message("topup.not_bought", why="-")
    )
    kept = with_key((later, held_back), wish(), NOON + timedelta(hours=23))
    assert (kept.request_id, kept.keyed_at, kept.at) == ("key-1", NOON, NOON + timedelta(hours=23))
    assert with_key((later,), wish(), NOON + DAY).request_id == "key-2"
    assert with_key((later,), wish(), NOON - timedelta(hours=1)).request_id == "key-2"
    for changed in (wish("61"), wish(target="another"), wish(place="https://pay.example.com/u")):
        assert with_key((later,), changed, NOON).request_id == "key-2"
        assert with_key((later, replace(changed, id="1")), wish(), NOON).request_id == "key-1"
    refused = bought(outcome=PurchaseOutcome.REFUSED, reason=message("topup.failed"))
    assert with_key((later, refused), wish(), NOON).request_id == "key-2"
    assert with_key((), wish(), NOON).request_id == "key-2"


def test_a_clock_that_was_put_back_makes_no_key_younger() -> None:
    first = bought(outcome=PurchaseOutcome.TRY_LATER, keyed_up=Uptime("run", 100))
    soon, late = Uptime("run", 100 + 86_399), Uptime("run", 100 + 86_400)
    second = with_key((first,), wish(), NOON, soon)
    assert (second.request_id, second.keyed_up) == ("key-1", Uptime("run", 100))
    assert second.asking(NOON, soon) is None
    assert with_key((first,), wish(), NOON, late).request_id == "key-2"
    why = second.asking(NOON, late)
    assert why is not None
    assert why.code == "topup.too_old"
    # after a start anew the clock is all that tells
    assert second.asking(NOON, Uptime("another run", 10**6)) is None


def test_a_key_is_as_old_as_the_first_request_that_it_was_sent_with() -> None:
    first = bought(outcome=PurchaseOutcome.TRY_LATER)
    late = NOON + timedelta(hours=20)
    second = with_key((first,), wish(), late)
    put_off = replace(second, outcome=PurchaseOutcome.TRY_LATER)
    # it was put off twice: a day after the first request the service may have forgotten the key
    assert with_key((first, put_off), wish(), NOON + timedelta(hours=23)).request_id == "key-1"
    assert with_key((first, put_off), wish(), NOON + DAY).request_id == "key-2"
    # and what may have been charged with it is not asked again by then
    assert second.repeatable_until == NOON + DAY
    assert second.asking(NOON + timedelta(hours=23)) is None
    why = second.asking(NOON + DAY)
    assert why is not None
    assert why.code == "topup.too_old"


def test_what_is_pending_for_longer_than_it_is_asked_for_is_unknown() -> None:
    pending = bought(outcome=PurchaseOutcome.STARTED, service_id="tu_1")
    minutes = [5, 10, 11]
    assert [pending.standing(NOON + timedelta(minutes=each)).value for each in minutes] == [
        "started",
        "started",
        "unknown",
    ]
    # by a clock that was put back nobody knows how long ago it was
    assert pending.standing(NOON - timedelta(minutes=6)) is PurchaseOutcome.UNKNOWN
