"""The sheet of top-ups in final texts: what can be bought at a place, what is paid, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.balances import BalanceLevel, BalanceState
from poolwatch.domain.purchases import (
    Purchase,
    PurchaseOutcome,
    amount_of,
    money,
)
from poolwatch.presentation import figures
from poolwatch.presentation.balances import CHATGPT_URL
from poolwatch.presentation.masking import shown
from poolwatch.presentation.topups import Offer, TopUpLook, caps_text, purchase_line
from poolwatch.words import topups as words

CHATGPT_NAME: Final = "ChatGPT"
#: The balances that are in need, the worst first.
_IN_NEED: Final = (BalanceLevel.EMPTY, BalanceLevel.LOW)


class Address(Struct, frozen=True):
    """A place that sells in a browser alone."""

    name: str
    url: str


class Standing(Struct, frozen=True):
    """What was left at a place when it was read; `amount` None: nobody tells it.

    `ends_at` is when it is used up as it runs, None where that is not known.
    """

    amount: Decimal | None
    read_at: datetime
    ends_at: datetime | None = None


class Filled(Struct, frozen=True):
    """What the sheet begins with: a place, and an amount that is still to be typed to be paid.

    The place is named by its own name, or by that of the source which tells its balance.
    """

    name: str = ""
    source: str = ""
    amount: Decimal | None = None

    def at(self, places: Sequence[TopUpLook | Address]) -> int | None:
        """Which of the places is meant; None where it is not there."""
        for nth, place in enumerate(places):
            if isinstance(place, Address):
                if place.name in (self.name, self.source):
                    return nth
            elif place.offer.name == self.name or (self.source and place.source == self.source):
                return nth
        return None


def web_places(states: Sequence[BalanceState]) -> tuple[Address, ...]:
    """The balances that are charged in a browser, then ChatGPT."""
    return (
        *(
            Address(each.name, each.terms.web)
            for each in states
            if each.terms.web is not None and not each.terms.tops_up_here
        ),
        Address(CHATGPT_NAME, CHATGPT_URL),
    )


def most_in_need(looks: Sequence[TopUpLook], states: Sequence[BalanceState]) -> int:
    """The place to begin with: where something is to be settled, else where least is left, else the first."""
    waiting = next((nth for nth, look in enumerate(looks) if look.waiting is not None), None)
    if waiting is not None:
        return waiting
    levels = {each.name: each.level for each in states}
    for level in _IN_NEED:
        for nth, look in enumerate(looks):
            if look.source is not None and levels.get(look.source) is level:
                return nth
    return 0


def title(place: TopUpLook | Address, step: str, *, mask: bool) -> str:
    """`Top up reef team · confirm`; `step` may be empty."""
    told = words.TITLE(name_of(place, mask=mask))
    return words.AT_STEP(told, step) if step else told


def name_of(place: TopUpLook | Address, *, mask: bool) -> str:
    """What the place is called."""
    return shown(place.name if isinstance(place, Address) else place.offer.name, mask=mask)


def address_lines(place: Address, *, mask: bool) -> Iterator[str]:
    """Where it is bought instead."""
    yield words.WEB_ALONE(shown(place.name, mask=mask))
    yield place.url
    if place.url == CHATGPT_URL:
        yield words.OTHERS_HERE()


def offer_lines(
    look: TopUpLook, standing: Standing | None, now: datetime, zone: tzinfo | None, *, mask: bool
) -> Iterator[str]:
    """What can be bought at a place; `standing` None: its balance is still being read."""
    offer = look.offer
    yield balance_line(look, standing, now, zone)
    if offer.trouble is not None:
        yield words.no_top_up(shown(offer.trouble, mask=mask))
        return
    yield "   ".join(f"{nth}  ${money(each)}" for nth, each in enumerate(offer.amounts, 1))
    yield words.saved_card(shown(offer.host, mask=mask))
    yield words.your_caps(caps_text(offer))


def balance_line(look: TopUpLook, standing: Standing | None, now: datetime, zone: tzinfo | None) -> str:
    """`balance now $3.20, read 14:03 · used up about Sat 10:03`."""
    if look.source is None:
        return words.BALANCE_NOBODY()
    if standing is None:
        return words.BALANCE_READING()
    if standing.amount is None:
        return words.BALANCE_UNKNOWN()
    told = words.balance_now(money(standing.amount), figures.clock(standing.read_at, now, zone))
    if standing.ends_at is None:
        return told
    return words.balance_lasts(told, figures.clock(standing.ends_at, now, zone))


def charge_lines(look: TopUpLook, amount: Decimal, standing: Standing | None, *, mask: bool) -> Iterator[str]:
    """What is paid once the amount is typed."""
    offer = look.offer
    told = words.will_charge(money(amount), shown(offer.target, mask=mask), shown(offer.host, mask=mask))
    before = None if standing is None else standing.amount
    yield told if before is None else words.would_be(told, money(before), money(before + amount))
    yield words.NO_KEY() if not offer.takes_key else words.saved_card(shown(offer.host, mask=mask))


def work_lines(look: TopUpLook, amount: Decimal | None) -> Iterator[str]:
    """What is being done; `amount` None: an earlier one is asked about, or settled."""
    yield words.ASKING() if amount is None else words.PAYING(money(amount))
    if look.offer.takes_key:
        yield words.MAY_TAKE()
    yield words.WAIT()


def ending_lines(
    purchase: Purchase,
    look: TopUpLook,
    standing: Standing | None,
    now: datetime,
    zone: tzinfo | None,
    *,
    mask: bool,
) -> Iterator[str]:
    """What became of one, and what a person can do about it."""
    told = purchase_line(purchase, now, mask=mask)
    after = purchase.balance_after
    if purchase.outcome is PurchaseOutcome.GRANTED and after is not None and purchase.ended_at is not None:
        told = words.seen(told, figures.clock(purchase.ended_at, now, zone))
    yield told
    if purchase.granted is not None and purchase.granted != purchase.amount:
        yield words.other_amount(money(purchase.granted))
    if purchase.retry_at is not None:
        yield words.retry(figures.instant(purchase.retry_at, now, zone))
    if purchase.link is not None:
        yield words.link(purchase.link)
    if purchase.is_open or purchase.outcome is PurchaseOutcome.STARTED:
        yield _since(purchase, look, standing, now, zone)
    if not purchase.is_open:
        return
    yield words.BLOCKS(shown(purchase.name, mask=mask))
    if purchase.asking(now) is not None:
        yield words.NOT_AGAIN()
    elif purchase.service_id is not None:
        yield words.LOOK_AGAIN()
    else:
        yield words.SAME_REQUEST(figures.clock(purchase.repeatable_until, now, zone))


def _since(
    purchase: Purchase, look: TopUpLook, standing: Standing | None, now: datetime, zone: tzinfo | None
) -> str:
    """`balance before $3.20, now $3.20 (read 14:06; a grant can take minutes)`."""
    before = purchase.balance_before
    if before is None or standing is None or standing.amount is None:
        return balance_line(look, standing, now, zone)
    read_at = figures.clock(standing.read_at, now, zone)
    return words.since(money(before), money(standing.amount), read_at)


def stands_since(purchase: Purchase, now: datetime, zone: tzinfo | None) -> str:
    """`14:05 · UNKNOWN` for the title."""
    is_lost = purchase.is_open and purchase.standing(now) is PurchaseOutcome.UNKNOWN
    at = figures.clock(purchase.at, now, zone)
    return words.AT_STEP(at, words.UNKNOWN()) if is_lost else at


def chosen_amount(offer: Offer, text: str) -> Decimal | None:
    """The amount that is typed, or that of a digit which stands before one; None for anything else."""
    typed = text.strip()
    if len(typed) == 1 and typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(offer.amounts):
        return offer.amounts[int(typed) - 1]
    return amount_of(typed)
