"""How prices are read from a configuration: exact, and unknown where a part is missing."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from poolwatch.config.values import Raw, Read, Wrong, line, nearest, printable, quoted
from poolwatch.domain.plans import monthly_price
from poolwatch.domain.rates import LONG_CONTEXT, Prices, per_million, prices_of
from poolwatch.words.config import said

#: The parts of a price, per million tokens.
PARTS: Final = ("input", "cached", "cache_write", "output")
#: Of what a million tokens cost.
_DECIMALS: Final = 6
#: Of what one image costs.
_ITEM_DECIMALS: Final = 12
_LARGEST: Final = Decimal(1_000_000)
_LARGEST_FACTOR: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?", re.ASCII)
_PART: Final = re.compile(r"(input|output) *= *([0-9.]+)", re.ASCII)


def amount(decimals: int = _DECIMALS) -> Read[Decimal]:
    """An amount of dollars, 0 or more, as text or as a number; exact."""

    def read(raw: Raw) -> Decimal | Wrong:
        found = _decimal(raw.value)
        if found is None or not 0 <= found <= _LARGEST or _places(found) > decimals:
            return Wrong(said("not_amount", most=_LARGEST, decimals=decimals, value=quoted(raw.value)))
        return found

    return read


#: What one image or item costs.
item_amount: Final = amount(_ITEM_DECIMALS)


def factor(raw: Raw) -> Decimal | Wrong:
    """How many times as much."""
    found = _decimal(raw.value)
    if found is None or not 0 < found <= _LARGEST_FACTOR or _places(found) > _DECIMALS:
        return Wrong(said("not_factor", most=_LARGEST_FACTOR, value=quoted(raw.value)))
    return found


def prices(*, has_limit: bool = False) -> Read[Prices]:
    """A table of parts, `{ input = "8", output = "30" }`; with the limit that they hold above."""

    def read(raw: Raw) -> Prices | Wrong:
        if not isinstance(raw.value, dict) or not raw.value:
            return Wrong(said("not_parts", value=quoted(raw.value)))
        return _prices_in(raw.value, has_limit=has_limit)

    return read


def _prices_in(table: Mapping[str, object], *, has_limit: bool) -> Prices | Wrong:
    parts: dict[str, Decimal] = {}
    for name, value in table.items():
        if name == "tokens" and has_limit:
            if value != LONG_CONTEXT:
                return Wrong(said("other_limit", limit=LONG_CONTEXT, value=quoted(value)))
            continue
        if name not in PARTS:
            why = said("unknown_part", name=printable(name), parts=", ".join(PARTS))
            return Wrong(why, nearest(name, PARTS))
        found = amount()(Raw(value))
        if isinstance(found, Wrong):
            return Wrong(said("wrong_part", name=name, why=found.why))
        parts[name] = found
    return prices_of(**parts)


def parts_of(prices: Prices) -> dict[str, str]:
    """The parts that are known, as they are written."""
    found = {part: getattr(prices, part) for part in PARTS}
    return {part: f"{per_million(each):f}" for part, each in found.items() if each is not None}


def day(raw: Raw) -> datetime.date | Wrong:
    """A day, as TOML has it or as text."""
    value = raw.value
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:  # there is no such day
            pass
    return Wrong(said("not_day", value=quoted(value)))


def fallback_prices(text: str) -> Prices | None:
    """What such a text means; all input costs the same."""
    found: dict[str, str] = {}
    for part in text.split(","):
        matched = _PART.fullmatch(part.strip())
        if matched is None or matched[1] in found or isinstance(amount()(Raw(matched[2])), Wrong):
            return None
        found[matched[1]] = matched[2]
    if len(found) != len(("input", "output")):
        return None
    return prices_of(found["input"], found["input"], found["input"], found["output"])


def plan_price(raw: Raw) -> str | Wrong:
    """What a plan costs, like `200 USD monthly`."""
    text = line()(raw)
    if isinstance(text, Wrong) or monthly_price(text) is not None:
        return text
    return Wrong(said("not_plan_price", value=quoted(text)))


def _decimal(value: object) -> Decimal | None:
    match value:
        case bool():
            return None
        case str() if _NUMBER.fullmatch(value):
            return Decimal(value)
        case int() if abs(value) <= _LARGEST:
            return Decimal(value)
        case Decimal() if value.is_finite():
            return value
        case _:
            return None


def _places(number: Decimal) -> int:
    """So many digits stand behind the point, without zeros at the end."""
    exponent = number.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
