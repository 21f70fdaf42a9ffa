"""Which columns the table has at which width."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from rich.cells import cell_len

from poolwatch.presentation.view import CardView

#: The mark of the selection, the status glyph, and a blank.
LEAD: Final = 3
PERCENT: Final = 5
#: `23h 59m` and a blank before it.
RESETS: Final = 8
AGE: Final = 5
PLAN: Final = 5
SOURCE: Final = 14
COMPACT_BELOW: Final = 66
SOURCE_FROM: Final = 149
USD_FROM: Final = 131
_GAP: Final = 2
_BAR: Final = 8
#: A bar gives so much of itself for names and words that would be cut.
_BAR_LEAST: Final = 6
_BAR_MOST: Final = 16
_ACCOUNT_LEAST: Final = 16
_ACCOUNT_MOST: Final = 40
_STATUS_LEAST: Final = 15
_STATUS_MOST: Final = 33
#: Room for status and account is given in turns, up to these widths each time.
_TURNS: Final = ((22, 28), (_STATUS_MOST, _ACCOUNT_MOST))
_NAME: Final = 9


class Content(Struct, frozen=True):
    """What the table has to hold: widths in cells of the longest texts, 0 for what no account has."""

    label: int = 0
    status: int = 0
    credits: int = 0
    usd: int = 0
    short: bool = True
    long: bool = True

    @classmethod
    def of(cls, cards: Iterable[CardView]) -> Content:
        """The content of these cards."""
        label = status = credits = usd = 0
        short = long = False
        for card in cards:
            label = max(label, cell_len(card.label))
            status = max(status, cell_len(card.status))
            if card.credits is not None:
                credits = max(credits, cell_len(card.credits.balance))
                usd = max(usd, cell_len(card.credits.usd))
            for row in card.windows:
                if is_short(row.name):
                    short = True
                else:
                    long = True
        return cls(label, status, credits, usd, short, long or not short)


class Columns(Struct, frozen=True):
    """The widths in cells of one table; 0 for a column that is not there. They add up to `width`."""

    width: int
    account: int
    plan: int = 0
    source: int = 0
    status: int = 0
    #: cells of a bar in each of the window columns, 0 for figures alone
    bar: int = 0
    short: bool = False
    short_resets: bool = False
    long: bool = False
    long_resets: bool = False
    credits: int = 0
    usd: int = 0
    age: bool = False
    #: one column for the scarcest window in place of the window columns; its name's width
    scarcest: int = 0

    def used(self) -> int:
        """The cells that all columns take."""
        total = LEAD + self.account
        for width in (self.plan, self.source, self.status, self.credits, self.usd):
            total += _GAP + width if width else 0
        for there, resets in ((self.short, self.short_resets), (self.long, self.long_resets)):
            if there:
                total += _GAP + (self.bar + 1 if self.bar else 0) + PERCENT
                total += RESETS if resets else 0
        if self.scarcest:
            total += _GAP + self.scarcest + PERCENT + (RESETS if self.long_resets else 0)
        return total + (AGE if self.age else 0)


def is_short(name: str) -> bool:
    """Whether a window belongs into the column of the short ones: hours, minutes, a day."""
    return name == "daily" or (name[-1:] in ("h", "m") and name[:-1].isdigit())


def choose(width: int, content: Content) -> Columns:
    """The columns for a table of `width` cells.

    As the width shrinks they leave in this order: source, USD, bars, plan, credits, the short
    window's resets, age.
    """
    if width < COMPACT_BELOW:
        return _compact(width)
    credits = max(8, content.credits) if content.credits else 0
    usd = max(7, content.usd) if content.usd and credits else 0
    source = SOURCE if width >= SOURCE_FROM else 0
    rest = {"short": content.short, "short_resets": content.short, "long": content.long}
    for candidate in (
        Columns(width, 0, PLAN, source, _STATUS_LEAST, _BAR, credits=credits, usd=usd, **rest),
        Columns(width, 0, PLAN, 0, _STATUS_LEAST, _BAR, credits=credits, usd=usd, **rest),
        Columns(width, 0, PLAN, 0, _STATUS_LEAST, _BAR, credits=credits, **rest),
        Columns(width, 0, PLAN, 0, _STATUS_LEAST, credits=credits, **rest),
        Columns(width, 0, 0, 0, _STATUS_LEAST, credits=credits, **rest),
        Columns(width, 0, 0, 0, _STATUS_LEAST, **rest),
        Columns(width, 0, 0, 0, _STATUS_LEAST, **{**rest, "short_resets": False}),
    ):
        columns = _with(candidate, long_resets=content.long, age=True)
        if columns.usd and width < USD_FROM:
            continue
        if columns.used() + min(max(_ACCOUNT_LEAST, content.label), _ACCOUNT_LEAST + 4) <= width:
            return _grown(columns, content)
    return _compact(width)


def _with(columns: Columns, **changes: int) -> Columns:
    fields = {name: getattr(columns, name) for name in Columns.__struct_fields__}
    return Columns(**{**fields, **changes})


def _grown(columns: Columns, content: Content) -> Columns:
    groups = columns.short + columns.long
    if columns.bar and groups:
        wanted = min(content.label, _ACCOUNT_MOST) + max(_STATUS_LEAST, min(content.status, _STATUS_MOST))
        missing = wanted - (columns.width - columns.used() + columns.status)
        shorter = min(_BAR - _BAR_LEAST, max(0, -(-missing // groups)))
        columns = _with(columns, bar=columns.bar - shorter)
    spare = columns.width - columns.used()
    account = min(spare, max(_ACCOUNT_LEAST, min(content.label, _ACCOUNT_LEAST + 4)))
    spare -= account
    status = columns.status
    for status_most, account_most in _TURNS:
        more = min(spare, max(0, min(content.status, status_most) - status))
        status, spare = status + more, spare - more
        more = min(spare, max(0, min(content.label, account_most) - account))
        account, spare = account + more, spare - more
    more_bar = 0
    if columns.bar and groups:
        more_bar = max(0, min(_BAR_MOST - columns.bar, (spare - 4) // groups))
        spare -= more_bar * groups
    return _with(columns, account=account + spare, status=status, bar=columns.bar + more_bar)


def _compact(width: int) -> Columns:
    for columns in (
        Columns(width, 0, scarcest=_NAME, long_resets=True, age=True),
        Columns(width, 0, scarcest=_NAME, long_resets=True),
        Columns(width, 0, scarcest=_NAME),
    ):
        if columns.used() + _ACCOUNT_LEAST <= width:
            return _with(columns, account=width - columns.used())
    return Columns(width, max(0, width - LEAD))
