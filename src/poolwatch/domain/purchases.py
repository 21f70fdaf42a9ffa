"""Top-ups: what became of each, whether another may be sent now, and how far the caps are used.

A top-up may have charged a card unless it is known that it did not. What is not known is never sent as a new
one: it is asked again as the same request, or a person says what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.message import Message, message
from poolwatch.domain.values import replace

#: Services may forget a request's key after a day; then the same request would be a new charge.
REPEATABLE_FOR: Final = timedelta(hours=24)
#: What was paid so short ago is not paid again: a command given twice, a key pressed twice.
SPACING: Final = timedelta(seconds=60)
#: A service that says "pending" is asked for as long as this.
PENDING_FOR: Final = timedelta(minutes=5)
#: The amounts that reef takes.
REEF_LEAST: Final = Decimal(5)
REEF_MOST: Final = Decimal(1000)
_CENT: Final = Decimal("0.01")
_AMOUNT: Final = re.compile(r"\$?([0-9]{1,6}(?:\.[0-9]{1,2})?)", re.ASCII)
#: A clock may be put right by so much between two looks.
_SKEW: Final = timedelta(minutes=5)


class TopUpKind(StrEnum):
    """How a service is asked. `generic` takes a request key, `reef` none: it cannot be asked again."""

    GENERIC = "generic"
    REEF = "reef"


class PurchaseOutcome(StrEnum):
    """What became of a top-up. Refused, needs_web and try_later charged nothing."""

    GRANTED = "granted"
    #: it is paid or on its way, and nobody has said yet that it is there
    STARTED = "started"
    REFUSED = "refused"
    #: the bank or the service wants it confirmed in a browser
    NEEDS_WEB = "needs_web"
    TRY_LATER = "try_later"
    #: it may have been charged
    UNKNOWN = "unknown"


class Settled(StrEnum):
    """What a person says became of a top-up that nobody knew of."""

    CHARGED = "charged"
    NOT_CHARGED = "not-charged"


class Caps(Struct, frozen=True):
    """The most that may be spent at one place, in a day and in a month of UTC."""

    day: Decimal
    month: Decimal


class Spent(Struct, frozen=True):
    """What is spent, or may be, since the day and the month of UTC began."""

    day: Decimal = Decimal(0)
    month: Decimal = Decimal(0)


class Uptime(Struct, frozen=True):
    """A moment that no setting of a clock moves: seconds of one run of the machine, sleep included."""

    boot: str
    seconds: float

    def since(self, earlier: Uptime | None) -> timedelta:
        """At least so long ago; zero where the two are not of one run."""
        if earlier is None or earlier.boot != self.boot:
            return timedelta(0)
        return timedelta(seconds=self.seconds - earlier.seconds)


class Purchase(Struct, frozen=True):
    """One top-up, as it stands. Instants are aware UTC; amounts are exact, in units of `currency`.

    `place` is the address that it went to. `request_id` is the key that it was sent with, None where the
    service takes none; `service_id` is what the service calls it.
    """

    id: str
    name: str
    kind: TopUpKind
    place: str
    target: str
    amount: Decimal
    currency: str
    at: datetime
    request_id: str | None = None
    outcome: PurchaseOutcome = PurchaseOutcome.UNKNOWN
    reason: Message | None = None
    service_id: str | None = None
    #: a mark of the token that it was sent with
    payer: str = ""
    #: what the service says that it granted
    granted: Decimal | None = None
    #: where to confirm it
    link: str | None = None
    retry_at: datetime | None = None
    ended_at: datetime | None = None
    settled: Settled | None = None
    balance_before: Decimal | None = None
    balance_after: Decimal | None = None
    #: poolwatch had proposed this amount, for the balance was low
    proposed: bool = False
    #: when its key was sent first, by an earlier one that was put off; None: with this one
    keyed_at: datetime | None = None
    #: the same by the machine's run, None where it does not say
    keyed_up: Uptime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may have been charged and nobody knows how it ended."""
        if self.settled is not None:
            return False
        return self.outcome is PurchaseOutcome.UNKNOWN or self.is_pending

    @property
    def was_held_back(self) -> bool:
        """Whether nothing of it was sent at all."""
        return self.reason is not None and self.reason.code == "topup.not_bought"

    @property
    def is_pending(self) -> bool:
        """Whether the service works on it, and says more when it is asked."""
        return (
            self.settled is None
            and self.outcome is PurchaseOutcome.STARTED
            and self.kind is TopUpKind.GENERIC
            and self.service_id is not None
        )

    def standing(self, now: datetime) -> PurchaseOutcome:
        """How it stands by now: what has been pending for too long is unknown."""
        if self.is_pending and not -_SKEW <= now - self.at <= PENDING_FOR + _SKEW:
            return PurchaseOutcome.UNKNOWN
        return self.outcome

    @property
    def counts(self) -> bool:
        """Whether it was, or may have been, charged."""
        if self.settled is not None:
            return self.settled is Settled.CHARGED
        return self.outcome in _MAYBE_CHARGED

    @property
    def charge(self) -> Decimal:
        """What it may have cost at most."""
        return max(self.amount, self.granted or self.amount)

    def asking(self, now: datetime, up: Uptime | None = None) -> Message | None:
        """Why the service cannot be asked what became of it, or asked again; None: it can.

        Without `up` a clock that was put back is taken at its word.
        """
        if not self.is_open:
            return message("topup.not_open", id=self.id)
        if self.service_id is not None:
            return None
        if self.request_id is None:
            return message("topup.no_key", name=self.name, id=self.id)
        return None if self.has_fresh_key(now, up) else message("topup.too_old", id=self.id)

    @property
    def repeatable_until(self) -> datetime:
        """Until when the service is sure to know its key."""
        return (self.keyed_at or self.at) + REPEATABLE_FOR

    def has_fresh_key(self, now: datetime, up: Uptime | None = None) -> bool:
        """Whether the service still knows its key; a clock that was set tells nothing of how old that is."""
        if up is not None and up.since(self.keyed_up) >= REPEATABLE_FOR:
            return False
        return self.at - _SKEW <= now < self.repeatable_until


_MAYBE_CHARGED: Final = frozenset({PurchaseOutcome.GRANTED, PurchaseOutcome.STARTED, PurchaseOutcome.UNKNOWN})


def amount_of(text: str) -> Decimal | None:
    """An amount as a person types it, like `10`, `10.00` or `$10`; None for anything else, and for zero."""
    found = _AMOUNT.fullmatch(text.strip())
    amount = Decimal(found[1]) if found is not None else Decimal(0)
    return amount.quantize(_CENT) if amount > 0 else None


def spent(purchases: Iterable[Purchase], now: datetime) -> Spent:
    """What counts against the caps. What bears a later date than now counts, too: a clock was set."""
    at = now.astimezone(UTC)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    counted = [each for each in purchases if each.counts]
    return Spent(
        sum((each.charge for each in counted if each.at >= day), Decimal(0)),
        sum((each.charge for each in counted if each.at >= month), Decimal(0)),
    )


def last_charged(purchases: Sequence[Purchase], target: str) -> str:
    """The id of a target's latest top-up that was, or may have been, charged; empty where there is none."""
    return next((each.id for each in reversed(purchases) if each.counts and each.target == target), "")


def with_key(
    purchases: Sequence[Purchase], wish: Purchase, now: datetime, up: Uptime | None = None
) -> Purchase:
    """The wish as it is sent now: with the key of the last one like it, where the service put that off.

    A service that says "later" may have begun all the same, and then a new key would pay twice. What else was
    bought since, for other amounts or targets, says nothing of that.
    """
    wish = replace(wish, at=now, keyed_up=up)
    sent = [each for each in purchases if _is_like(each, wish) and not each.was_held_back]
    last = sent[-1] if sent else None
    if last is None or last.outcome is not PurchaseOutcome.TRY_LATER or not last.has_fresh_key(now, up):
        return wish
    return replace(
        wish, request_id=last.request_id, keyed_at=last.keyed_at or last.at, keyed_up=last.keyed_up
    )


def _is_like(one: Purchase, other: Purchase) -> bool:
    """Whether two are sent as the same request, but for its key."""
    return (one.kind, one.place, one.target, one.amount, one.currency) == (
        other.kind,
        other.place,
        other.target,
        other.amount,
        other.currency,
    )


def refusal(
    purchases: Sequence[Purchase], wish: Purchase, caps: Caps, now: datetime, seen: str
) -> Message | None:
    """Why a top-up is not sent now; None: it may be.

    `purchases` are those of the same place, old to new: all count against its caps. `seen` is the latest
    charged one of its target (`last_charged`) that whoever wants it knew of.
    """
    amount, of_target = wish.amount, [each for each in purchases if each.target == wish.target]
    waiting = next((each for each in of_target if each.is_open), None)
    if waiting is not None:
        return message("topup.open", id=waiting.id, amount=money(waiting.amount))
    if last_charged(purchases, wish.target) != seen:
        return message("topup.changed")
    if any(_is_fresh(each, amount, now) for each in of_target):
        return message("topup.twice", amount=money(amount), seconds=int(SPACING.total_seconds()))
    if wish.kind is TopUpKind.REEF and not REEF_LEAST <= amount <= REEF_MOST:
        return message("topup.bounds", least=money(REEF_LEAST), most=money(REEF_MOST))
    used = spent(purchases, now)
    for code, so_far, cap in (
        ("topup.cap_day", used.day, caps.day),
        ("topup.cap_month", used.month, caps.month),
    ):
        if so_far + amount > cap:
            return message(code, used=money(so_far), cap=money(cap), amount=money(amount))
    return None


def _is_fresh(purchase: Purchase, amount: Decimal, now: datetime) -> bool:
    # of a clock that was put back nobody knows how long ago it was
    return (
        purchase.counts and purchase.amount == amount and now - (purchase.ended_at or purchase.at) < SPACING
    )


def confirmed(purchase: Purchase, balance: Decimal | None) -> Purchase:
    """The top-up with the balance that was read after it: a service that says nothing is judged by it."""
    if balance is None:
        return purchase
    before = purchase.balance_before
    has_come = before is not None and balance - before >= purchase.amount
    if purchase.kind is TopUpKind.REEF and purchase.outcome is PurchaseOutcome.STARTED and has_come:
        purchase = replace(purchase, outcome=PurchaseOutcome.GRANTED, reason=None)
    return replace(purchase, balance_after=balance)


def money(amount: Decimal) -> str:
    """Dollars as they are shown and stored: `10.00`, and more digits where there are more."""
    whole = amount.normalize()
    exponent = whole.as_tuple().exponent
    return f"{amount:.2f}" if not isinstance(exponent, int) or exponent >= -2 else f"{whole:f}"
