"""Top-ups as lines and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from poolwatch.domain.proposals import AutoTopUp, Proposal
from poolwatch.domain.purchases import Caps, Purchase, PurchaseOutcome, Settled, Spent, TopUpKind, money
from poolwatch.presentation import figures
from poolwatch.presentation.json_values import Json, digits, instant
from poolwatch.presentation.masking import shown
from poolwatch.presentation.view import Tone
from poolwatch.words import topups as words
from poolwatch.words.messages import message_text

SCHEMA: Final = "poolwatch.topup/1"
LIST_SCHEMA: Final = "poolwatch.topups/1"
#: So many top-ups are listed on a screen at most.
_LISTED: Final = 9


class Offer(Struct, frozen=True):
    """A place where credits can be bought for a target, and how far its caps are used.

    `trouble` says why nothing can be bought there now, whatever the amount.
    """

    name: str
    kind: TopUpKind
    place: str
    target: str
    currency: str
    amounts: tuple[Decimal, ...]
    caps: Caps
    #: None: nobody can read what was bought there
    spent: Spent | None = Spent()
    trouble: str | None = None
    #: what is proposed there, and how far the caps for that are used
    auto: AutoTopUp | None = None
    auto_spent: Spent | None = Spent()

    @property
    def host(self) -> str:
        """The host that is paid; its path may say whose account that is."""
        return urlsplit(self.place).netloc

    @property
    def takes_key(self) -> bool:
        """Whether a lost answer can be asked for again."""
        return self.kind is TopUpKind.GENERIC


class TopUpLook(Struct, frozen=True):
    """A place as it stood when somebody looked: `seen` is the latest top-up that was charged there.

    `waiting` is one of which nobody knows what became: until it is settled no other one is sent. `source`
    tells its balance, None: nobody does.
    """

    offer: Offer
    seen: str = ""
    waiting: Purchase | None = None
    source: str | None = None
    #: a process is still buying, or asking, what is `waiting`
    at_work: bool = False


class TopUpsDone(Struct, frozen=True):
    """Every top-up that is written down, old to new.

    `damaged`: part of them cannot be read, and is missing. `at_work` are the ids of those that a process is
    still buying, or asking.
    """

    purchases: tuple[Purchase, ...] = ()
    damaged: bool = False
    at_work: frozenset[str] = frozenset()


class DoneRow(Struct, frozen=True):
    """One of them as it is listed."""

    at: str
    name: str
    amount: str
    outcome: str
    #: its id, and whether it had been proposed
    request: str
    tone: Tone


class Commands(Struct, frozen=True):
    """The commands that go on with a top-up. `prefix` is what they begin with, `poolwatch topups`."""

    prefix: str

    def ask(self, purchase: Purchase) -> str:
        """The one that asks what became of it."""
        return f"{self.prefix} ask {purchase.id}"

    def settle(self, purchase: Purchase, settled: Settled) -> str:
        """The one that says what became of it."""
        return f"{self.prefix} settle {purchase.id} {settled.value}"


def caps_text(offer: Offer) -> str:
    """How far the caps are used."""
    spent, caps = offer.spent, offer.caps
    if spent is None:
        return words.caps_unknown(money(caps.day), money(caps.month))
    return words.caps(money(spent.day), money(caps.day), money(spent.month), money(caps.month))


def purchase_line(purchase: Purchase, now: datetime, *, mask: bool) -> str:
    """`reef team, $10.00: done: $1.40 → $11.40`."""
    settled = words.outcome_text(purchase.standing(now), purchase.settled)
    told = words.told(shown(purchase.name, mask=mask), money(purchase.amount), settled)
    rise = _rise(purchase, now)
    if rise is not None:
        return words.rose(told, *rise)
    why = "" if purchase.reason is None or purchase.settled is not None else message_text(purchase.reason)
    return words.because(told, shown(why, mask=mask))


def _rise(purchase: Purchase, now: datetime) -> tuple[str, str] | None:
    """The balance before and after one that is there; None where it does not show that."""
    before, after = purchase.balance_before, purchase.balance_after
    is_granted = purchase.standing(now) is PurchaseOutcome.GRANTED
    if not is_granted or before is None or after is None or after <= before:
        return None
    return money(before), money(after)


def done_rows(done: TopUpsDone, now: datetime, zone: tzinfo | None, *, mask: bool) -> tuple[DoneRow, ...]:
    """The latest top-ups, the last of them first."""
    rows = []
    for each in islice(reversed(done.purchases), _LISTED):
        is_at_work = each.id in done.at_work
        outcome = words.AT_WORK() if is_at_work else words.outcome_text(each.standing(now), each.settled)
        known, rise = Tone.PLAIN if each.counts else Tone.DIM, _rise(each, now)
        rows.append(
            DoneRow(
                figures.dated_clock(each.at, now, zone),
                shown(each.name, mask=mask),
                f"${money(each.amount)}",
                outcome if rise is None else words.rose(outcome, *rise),
                words.was_proposed(each.id) if each.proposed else each.id,
                Tone.RED if each.is_open and not is_at_work else known,
            )
        )
    return tuple(rows)


def purchase_lines(
    purchase: Purchase, now: datetime, zone: tzinfo | None, commands: Commands, *, mask: bool
) -> Iterator[str]:
    """All that is to be said of one top-up, what to do next included."""
    yield purchase_line(purchase, now, mask=mask)
    before, after = purchase.balance_before, purchase.balance_after
    if purchase.granted is not None and purchase.granted != purchase.amount:
        yield words.other_amount(money(purchase.granted))
    if after is not None and before is not None and after <= before and purchase.counts:
        yield words.not_risen(money(after), money(before))
    elif after is not None and before is None:
        yield words.now_is(money(after))
    if purchase.retry_at is not None:
        yield words.retry(figures.instant(purchase.retry_at, now, zone))
    if purchase.link is not None:
        yield words.link(purchase.link)
    if purchase.is_open:
        yield words.UNTIL_SETTLED()
        yield from _ways_out(purchase, now, commands)


def _ways_out(purchase: Purchase, now: datetime, commands: Commands) -> Iterator[str]:
    """What settles one of which nobody knows what became."""
    if purchase.asking(now) is None:
        yield words.ASK_AGAIN(commands.ask(purchase))
    yield words.IF_CHARGED(commands.settle(purchase, Settled.CHARGED))
    yield words.IF_NOT_CHARGED(commands.settle(purchase, Settled.NOT_CHARGED))


def auto_text(auto: AutoTopUp) -> str:
    """`below $5.00, propose $10.00; at most $20.00 a day, $100.00 a month`."""
    amounts = (auto.below, auto.amount, auto.caps.day, auto.caps.month)
    return words.auto(*(money(each) for each in amounts))


def proposal_text(proposal: Proposal) -> str:
    """`top up $10.00? below $5.00`."""
    return words.propose(money(proposal.amount), money(proposal.below))


def list_lines(
    offers: Iterable[Offer],
    purchases: Iterable[Purchase],
    now: datetime,
    zone: tzinfo | None,
    commands: Commands,
    *,
    mask: bool,
    proposals: Mapping[str, Proposal] | None = None,
) -> Iterator[str]:
    """Where credits can be bought, then every top-up, the latest first, with what settles it where that is
    open. `proposals` wait, by name."""
    for offer in offers:
        yield words.offer(
            shown(offer.name, mask=mask), shown(offer.target, mask=mask), shown(offer.host, mask=mask)
        )
        if offer.trouble is not None:
            yield f"  {shown(offer.trouble, mask=mask)}"
        yield f"  {caps_text(offer)}"
        if offer.auto is not None:
            yield f"  {auto_text(offer.auto)}"
        waiting = (proposals or {}).get(offer.name)
        if waiting is not None:
            until = figures.clock(waiting.until, now, zone)
            yield f"  {words.waits(until, proposal_text(waiting))}"
    latest = sorted(purchases, key=lambda each: each.at, reverse=True)
    for each in latest:
        at = figures.dated_instant(each.at, now, zone)
        yield f"{at}  {each.id}  {purchase_line(each, now, mask=mask)}"
        if each.is_open:
            yield from (f"  {way}" for way in _ways_out(each, now, commands))
    if not latest:
        yield words.NONE_DONE()


def purchase_json(purchase: Purchase, now: datetime, *, mask: bool) -> str:
    """The document of `topups buy|ask|settle --json`."""
    return json.dumps(
        {"schema": SCHEMA, "generated_at": instant(now), **_row(purchase, now, mask=mask)}, indent=2
    )


def list_json(
    offers: Iterable[Offer],
    purchases: Iterable[Purchase],
    now: datetime,
    *,
    mask: bool,
    damaged: bool,
    proposals: Mapping[str, Proposal] | None = None,
) -> str:
    """The document of `topups --json`."""
    return json.dumps(
        {
            "schema": LIST_SCHEMA,
            "generated_at": instant(now),
            "topups": [_offer_row(each, (proposals or {}).get(each.name), mask=mask) for each in offers],
            "purchases": [_row(each, now, mask=mask) for each in purchases],
            "damaged": damaged,
        },
        indent=2,
    )


def _offer_row(offer: Offer, waiting: Proposal | None, *, mask: bool) -> dict[str, Json]:
    return {
        "name": shown(offer.name, mask=mask),
        "kind": offer.kind.value,
        "target": shown(offer.target, mask=mask),
        "host": shown(offer.host, mask=mask),
        "currency": offer.currency,
        "amounts": [digits(each) for each in offer.amounts],
        "spent_today": None if offer.spent is None else digits(offer.spent.day),
        "max_per_day": digits(offer.caps.day),
        "spent_this_month": None if offer.spent is None else digits(offer.spent.month),
        "max_per_month": digits(offer.caps.month),
        "trouble": None if offer.trouble is None else shown(offer.trouble, mask=mask),
        "auto": None if offer.auto is None else _auto_row(offer.auto, offer.auto_spent, waiting),
    }


def _auto_row(auto: AutoTopUp, spent: Spent | None, waiting: Proposal | None) -> dict[str, Json]:
    """What is proposed, and the proposal that waits."""
    return {
        "below": digits(auto.below),
        "amount": digits(auto.amount),
        "spent_today": None if spent is None else digits(spent.day),
        "max_per_day": digits(auto.caps.day),
        "spent_this_month": None if spent is None else digits(spent.month),
        "max_per_month": digits(auto.caps.month),
        "proposed_at": None if waiting is None else instant(waiting.at),
        "proposed_until": None if waiting is None else instant(waiting.until),
    }


def _row(purchase: Purchase, now: datetime, *, mask: bool) -> dict[str, Json]:
    reason = None if purchase.reason is None else shown(message_text(purchase.reason), mask=mask)
    return {
        "id": purchase.id,
        "outcome": purchase.standing(now).value,
        "amount": digits(purchase.amount),
        "currency": purchase.currency,
        "target": shown(purchase.target, mask=mask),
        "request_id": purchase.request_id,
        "balance_before": digits(purchase.balance_before),
        "balance_after": digits(purchase.balance_after),
        "reason": reason,
        "name": shown(purchase.name, mask=mask),
        "at": instant(purchase.at),
        "granted": digits(purchase.granted),
        "link": purchase.link,
        "retry_at": instant(purchase.retry_at),
        "settled": None if purchase.settled is None else purchase.settled.value,
        "open": purchase.is_open,
        "proposed": purchase.proposed,
    }
