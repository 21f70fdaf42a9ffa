"""The fields that a filter may name, and the figures that they are compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct


class FieldKind(StrEnum):
    """What a field holds: texts, of which one is looked for, or a figure, which is compared."""

    TEXT = "text"
    #: what is used of a limit, or will be
    PERCENT = "percent"
    CREDITS = "credits"
    DOLLARS = "dollars"
    #: how long until something happens, in seconds
    TIME = "time"


class Field(Struct, frozen=True):
    """One field; `of_usage`: requests have it, and accounts do not; `of_balances`: balances alone have it.

    `of_readings`: it is of an account or a balance as it stands, so use and what is long past have none.
    """

    name: str
    kind: FieldKind = FieldKind.TEXT
    of_usage: bool = False
    of_readings: bool = False
    of_balances: bool = False

    @property
    def is_compared(self) -> bool:
        """Whether it is a figure."""
        return self.kind is not FieldKind.TEXT


_ALL: Final = (
    Field("status", of_readings=True),
    Field("section", of_readings=True),
    *(Field(name) for name in ("plan", "source", "group", "label", "email", "custody", "provider")),
    *(Field(name, of_readings=True) for name in ("trouble", "stale", "idle")),
    *(
        Field(name, kind, of_readings=True)
        for name, kind in (
            ("5h", FieldKind.PERCENT), ("weekly", FieldKind.PERCENT), ("monthly", FieldKind.PERCENT),
            ("daily", FieldKind.PERCENT), ("spend", FieldKind.PERCENT), ("credits", FieldKind.CREDITS),
            ("usd", FieldKind.DOLLARS), ("resets", FieldKind.TIME), ("at_reset", FieldKind.PERCENT),
            ("burn", FieldKind.PERCENT),
        )
    ),
    Field("balance", FieldKind.CREDITS, of_readings=True, of_balances=True),
    *(Field(name, of_readings=True, of_balances=True) for name in ("unit", "level")),
    *(Field(name, of_usage=True) for name in ("model", "tier", "operation", "client", "project", "user")),
)  # fmt: skip
#: Every field by its name, in the order in which they are told.
FIELDS: Final[Mapping[str, Field]] = MappingProxyType({each.name: each for each in _ALL})
#: Those of them that accounts have.
OF_ACCOUNTS: Final = tuple(each.name for each in _ALL if not (each.of_usage or each.of_balances))
#: Those that balances of services have, in each their own unit.
OF_BALANCES: Final = (
    *("source", "label", "level", "unit", "trouble", "stale", "balance", "credits", "usd", "resets"),
)
#: Those that use has: its own, and what no reading changes of its account.
OF_USE: Final = tuple(each.name for each in _ALL if not each.of_readings)


class Among(StrEnum):
    """What a filter is to find."""

    ACCOUNTS = "accounts"
    USE = "use"
    #: by the accounts that they befell, as those stand now
    EVENTS = "events"
    BALANCES = "balances"

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that these have."""
        match self:
            case Among.USE:
                return OF_USE
            case Among.BALANCES:
                return OF_BALANCES
            case _:
                return OF_ACCOUNTS


_PERCENT: Final = re.compile(r"([0-9]{0,6}(?:\.[0-9]{0,3})?)%?", re.ASCII)
_AMOUNT: Final = re.compile(r"(-?)([0-9]{0,18}(?:\.[0-9]{0,6})?)", re.ASCII)
_DOLLARS: Final = re.compile(r"(-?)\$?([0-9]{0,18}(?:\.[0-9]{0,6})?)", re.ASCII)
_THOUSANDS: Final = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", re.ASCII)
_TIME: Final = re.compile(r"(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?", re.ASCII)
_DAY: Final = 86_400
_HOUR: Final = 3_600
_MINUTE: Final = 60
#: The units of a time, the longest first.
_UNITS: Final = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"))


def read_figure(kind: FieldKind, text: str) -> Decimal | str | None:
    """What a field of that kind is compared with; "" for a figure that is only begun, None for what is none.

    `80`, `80%` · `1,234.56`, `-3` · `$10` · `2h`, `1d12h`, `30m` in seconds.
    """
    if kind is FieldKind.TIME:
        return _read_time(text)
    plain = _THOUSANDS.sub("", text)
    if kind is FieldKind.PERCENT:
        found = _PERCENT.fullmatch(text)
        sign, digits = "", found[1] if found is not None else ""
    else:
        found = (_DOLLARS if kind is FieldKind.DOLLARS else _AMOUNT).fullmatch(plain)
        sign, digits = (found[1], found[2]) if found is not None else ("", "")
    if found is None:
        return None
    return Decimal(sign + digits) if digits.strip(".") else ""


def _read_time(text: str) -> Decimal | str | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    if not text:
        return ""
    parts = zip(found.groups(), _UNITS, strict=True)
    return Decimal(sum(int(digits) * seconds for digits, (seconds, _) in parts if digits))


def figure_text(kind: FieldKind, figure: Decimal) -> str:
    """The figure as it is typed."""
    if kind is not FieldKind.TIME:
        return f"{figure:f}"
    left, told = int(figure), ""
    for seconds, unit in _UNITS:
        count, left = divmod(left, seconds)
        told += f"{count}{unit}" if count else ""
    return told or "0m"


def is_equal(kind: FieldKind, figure: Decimal | float, wanted: Decimal) -> bool:
    """Whether a figure is the one that is wanted, as finely as that one was typed.

    71.4% is 71%, and 2h 10m is 2h; but only nothing is 0, and nothing below it is 100%.
    """
    if kind is FieldKind.TIME:
        step = next((each for each, _ in _UNITS if wanted % each == 0), _MINUTE)
        return wanted <= figure < wanted + step
    if wanted == 0 or (kind is FieldKind.PERCENT and wanted == 100 and figure < 100):
        return figure == wanted
    places = wanted.as_tuple().exponent
    half = Decimal(1).scaleb(places if isinstance(places, int) else 0) / 2
    return wanted - half <= figure < wanted + half
