"""Balances as short texts and rows: amounts in their own units, what is left, when it comes back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.balances import Balance, BalanceLevel, BalanceState, TopUpPlace
from poolwatch.domain.state import AccountState
from poolwatch.domain.values import replace
from poolwatch.presentation.figures import UNKNOWN, age_of, clock, duration, local_time
from poolwatch.presentation.masking import shown
from poolwatch.presentation.view import Figure, Prefs, Tone
from poolwatch.words import credits as words
from poolwatch.words.messages import failure_text

CREDITS: Final = "credits"
#: Where ChatGPT sells credits itself.
CHATGPT_URL: Final = "https://chatgpt.com/codex/settings/usage"
_SIGNS: Final = {"USD": "$", "CNY": "¥", "EUR": "€", "GBP": "£", "JPY": "¥"}
_CENT: Final = Decimal("0.01")
_ROUNDED: Final = Context(prec=80, rounding=ROUND_HALF_UP)
_TONES: Final = {
    BalanceLevel.OK: Tone.GOOD,
    BalanceLevel.LOW: Tone.AMBER,
    BalanceLevel.EMPTY: Tone.RED,
    BalanceLevel.UNKNOWN: Tone.DIM,
}


class BalanceRow(Struct, frozen=True):
    """One balance as it is drawn; `fraction` of its bar, None where no limit is known."""

    name: str
    left: str
    level: BalanceLevel
    tone: Tone
    fraction: float | None
    notes: tuple[str, ...]
    #: how old the reading is
    age: str
    stale: bool
    top_up: TopUpPlace
    web: str | None = None
    #: of the service itself, in its own words
    trouble: str = ""


def amount_text(amount: Decimal, unit: str) -> str:
    """An amount with its unit: `$74.75`, `¥12.40`, `12.40 CHF`, `87 credits`."""
    sign = _SIGNS.get(unit)
    if sign is not None:
        minus = "-" if amount < 0 else ""
        return f"{minus}{sign}{_number(abs(amount), has_cents=True)}".replace(f"{sign}<", f"<{sign}")
    bare = bare_amount(amount, unit)
    return words.ONE_CREDIT() if unit == CREDITS and bare == "1" else f"{bare} {unit}"


def bare_amount(amount: Decimal, unit: str) -> str:
    """The same without the name of a unit that stands behind it."""
    if unit in _SIGNS:
        return amount_text(amount, unit)
    minus = "-" if amount < 0 else ""
    return f"{minus}{_number(abs(amount), has_cents=len(unit) == _CODE_LENGTH and unit.isupper())}"


_CODE_LENGTH: Final = 3


def a_day_text(amount: Decimal, unit: str) -> str:
    """What goes of it in a day, without its unit: credits in whole ones, from one on."""
    is_whole = unit == CREDITS and amount >= 1
    return bare_amount(amount.quantize(Decimal(1), context=_ROUNDED) if is_whole else amount, unit)


def _number(amount: Decimal, *, has_cents: bool) -> str:
    if 0 < amount < _CENT:
        return f"<{_CENT}"  # it is not nothing
    if not has_cents and amount == amount.to_integral_value():
        return f"{amount:,.0f}"
    return f"{amount.quantize(_CENT, context=_ROUNDED):,.2f}"


def left_text(balance: Balance | None) -> str:
    """What is left: `87 of 100`, `$74.75 of $100.50 bought`, `$3.20`; a dash where nobody knows."""
    if balance is None:
        return UNKNOWN
    if balance.unlimited:
        return words.UNLIMITED()
    unit, remaining = balance.unit, balance.remaining
    if remaining is None:
        return UNKNOWN
    whole = balance.limit if balance.limit is not None else balance.total
    if whole is None:
        return amount_text(remaining, unit)
    behind = "" if unit == CREDITS else unit
    has_sign = unit in _SIGNS or not behind
    left, of = bare_amount(remaining, unit), bare_amount(whole, unit)
    told = words.LEFT_OF(left, of) if balance.limit is not None else words.LEFT_BOUGHT(left, of)
    return told if has_sign else f"{told} {behind}"


def amount_left(balance: Balance) -> str:
    """The same where the word `left` follows: of what was bought in all it says nothing."""
    return left_text(replace(balance, total=None) if balance.limit is None else balance)


def fraction_left(balance: Balance | None) -> float | None:
    """The part of its limit that is left, 0..1; None without a limit."""
    if balance is None or balance.remaining is None or not balance.limit or balance.limit < 0:
        return None
    part = balance.remaining / balance.limit
    return float(min(max(part, Decimal(0)), Decimal(1)))


def balance_row(
    state: BalanceState, now: datetime, stale_after: timedelta, zone: tzinfo | None, *, mask: bool = False
) -> BalanceRow:
    """A balance as a row."""
    stale = state.is_stale(now, stale_after)
    trouble = "" if state.trouble is None else failure_text(state.trouble)
    return BalanceRow(
        shown(state.name, mask=mask),
        left_text(state.balance),
        state.level,
        Tone.DIM if stale else _TONES[state.level],
        fraction_left(state.balance),
        tuple(notes(state, now, zone)),
        age_of(state.read_at, now) if state.read_at is not None else words.NOT_READ(),
        stale,
        state.terms.top_up,
        state.terms.web,
        shown(trouble, mask=mask),
    )


def notes(state: BalanceState, now: datetime, zone: tzinfo | None) -> list[str]:
    """What else is known of a balance: when it comes back, when it did last, for how many requests it is."""
    found = []
    balance = state.balance
    if balance is not None and balance.resets_at is not None:
        found.append(reset_text(balance.resets_at, now, zone))
    if balance is not None and balance.last_reset_at is not None:
        found.append(words.LAST_RESET(clock(balance.last_reset_at, now, zone)))
    left, cost = state.terms.requests_left(balance), state.terms.cost_per_request
    if left is not None and cost is not None and balance is not None:
        told = amount_text(cost, balance.unit)
        found.append(words.requests_left(told, left))
    return found


def reset_text(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """When it is filled up: `resets 00:00 UTC, in 10h 57m (01:00 CET)`; or that it is due."""
    if at <= now:
        return words.RESET_DUE()
    told, there = words.RESETS(reset_moment(at, now)), local_time(at, zone)
    if not there.utcoffset():
        return told
    return f"{told} ({there:%H:%M} {there:%Z})"


def reset_moment(at: datetime, now: datetime) -> str:
    """The moment alone, by the service's clock: `00:00 UTC, in 10h 57m`; or that it is due."""
    if at <= now:
        return words.RESET_DUE()
    return words.MOMENT(f"{at.astimezone(UTC):%H:%M} UTC", duration(at - now))


def has_credits(account: AccountState) -> bool:
    """Whether an account has credits of which something is told."""
    held = account.usage.credits
    return held is not None and held.value is not None and held.value.is_shown


def account_balance(account: AccountState) -> Balance | None:
    """The credits of an account as a balance; None where nothing is known of them."""
    held = account.usage.credits
    if held is None or held.value is None:
        return None
    value = held.value
    return Balance(CREDITS, None if value.unlimited else value.balance, unlimited=bool(value.unlimited))


def strip_balances(states: Iterable[BalanceState], now: datetime, prefs: Prefs) -> Figure | None:
    """What is left of each balance, for the strip: what needs somebody first."""
    ordered = sorted(states, key=lambda each: (each.is_gone, _URGENCY.index(each.level)))
    if not ordered:
        return None
    names = [shown(each.name, mask=prefs.mask) for each in ordered]
    first, *others = [f"{name} {_brief(each.balance)}" for name, each in zip(names, ordered, strict=True)]
    is_old = ordered[0].is_stale(now, prefs.rules.stale_after)
    tone = _TONES[ordered[0].level]
    is_urgent = tone in (Tone.AMBER, Tone.RED) and not is_old
    balance = ordered[0].balance
    if is_urgent and ordered[0].is_empty and balance is not None and balance.resets_at is not None:
        others.insert(0, words.BACK(reset_moment(balance.resets_at, now)))
    if is_urgent and ordered[0].terms.top_up is TopUpPlace.HERE:
        others.append(words.TOPS_UP_NAMED(words.HERE(), names[0]))
    return Figure(words.STRIP(), first, " · ".join(others), tone if is_urgent else Tone.STRONG)


def _brief(balance: Balance | None) -> str:
    """What is left, without what was bought in all."""
    return left_text(None if balance is None else replace(balance, total=None))


_URGENCY: Final = (BalanceLevel.EMPTY, BalanceLevel.LOW, BalanceLevel.OK, BalanceLevel.UNKNOWN)
