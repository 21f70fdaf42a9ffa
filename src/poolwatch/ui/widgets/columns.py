"""The table's columns: what they have to hold, which of them there are at which width, and how wide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from rich.cells import cell_len

from poolwatch.domain.values import replace
from poolwatch.presentation.rows import is_short
from poolwatch.presentation.view import CardView, SortKey

#: The mark of the selection, the status glyph, and a blank.
LEAD: Final = 3
PERCENT: Final = 5
#: `23h 59m` and a blank before it.
RESETS: Final = 8
AGE: Final = 5
#: `too early` and a blank before it.
AT_RESET: Final = 10
#: ` 77–100`
BAND: Final = 7
PLAN: Final = 5
_PLAN_SOON: Final = 8
_PLAN_MOST: Final = 16
SOURCE: Final = 14
COMPACT_BELOW: Final = 66
SOURCE_FROM: Final = 149
BAND_FROM: Final = 149
USD_FROM: Final = 131
_GAP: Final = 2
_BAR: Final = 8
#: A bar gives so much of itself for names and words that would be cut.
_BAR_LEAST: Final = 6
_BAR_MOST: Final = 16
_ACCOUNT_LEAST: Final = 16
_ACCOUNT_MOST: Final = 40
_STATUS_LEAST: Final = 15
#: `weekly until Sun` is whole before names have more than they need.
_STATUS_SOON: Final = 16
_STATUS_MOST: Final = 33
#: Room for status and account is given in rounds, up to these widths each time.
_ROUNDS: Final = ((22, 28), (_STATUS_MOST, _ACCOUNT_MOST))
_NAME: Final = 9


class Content(Struct, frozen=True):
    """What the table has to hold: widths in cells of the longest texts, 0 for what no account has."""

    label: int = 0
    status: int = 0
    credits: int = 0
    usd: int = 0
    plan: int = 0
    short: bool = True
    long: bool = True
    #: whether anything was worked out of what lies ahead
    at_reset: bool = False

    @classmethod
    def of(cls, cards: Iterable[CardView]) -> Content:
        """The content of these cards."""
        label = status = credits = usd = plan = 0
        short = long = at_reset = False
        for card in cards:
            label = max(label, cell_len(card.label))
            status = max(status, cell_len(card.status))
            plan = max(plan, cell_len(card.plan))
            at_reset = at_reset or card.at_reset is not None
            if card.credits is not None:
                credits = max(credits, cell_len(card.credits.balance))
                usd = max(usd, cell_len(card.credits.usd))
            for row in card.windows:
                if is_short(row.name):
                    short = True
                else:
                    long = True
        return cls(label, status, credits, usd, plan, short, long or not short, at_reset)

    def together(self, other: Content) -> Content:
        """What holds both."""
        return Content(
            max(self.label, other.label),
            max(self.status, other.status),
            max(self.credits, other.credits),
            max(self.usd, other.usd),
            max(self.plan, other.plan),
            self.short or other.short,
            self.long or other.long,
            self.at_reset or other.at_reset,
        )


class Columns(Struct, frozen=True):
    """The widths in cells of one table; 0 for a column that is not there. They add up to `width`."""

    width: int
    account: int
    plan: int = 0
    source: int = 0
    status: int = 0
    #: cells of a bar in the window columns, 0 for figures alone
    bar: int = 0
    #: whether the short window's column has a bar, too
    short_bar: bool = True
    short: bool = False
    short_resets: bool = False
    long: bool = False
    long_resets: bool = False
    #: what the weekly window is expected to stand at, and beside it the interval if there is room
    at_reset: int = 0
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
        for there, bar, resets in (
            (self.short, self.bar_in(short=True), self.short_resets),
            (self.long, self.bar, self.long_resets),
        ):
            if there:
                total += _GAP + (bar + 1 if bar else 0) + PERCENT + (RESETS if resets else 0)
        if self.scarcest:
            total += _GAP + self.scarcest + PERCENT + (RESETS if self.long_resets else 0)
        return total + self.at_reset + (AGE if self.age else 0)

    def bar_in(self, *, short: bool) -> int:
        """The cells of the bar in one of the window columns."""
        return self.bar if self.short_bar or not short else 0

    @property
    def bars(self) -> int:
        """How many of them have a bar."""
        return (self.long + (self.short and self.short_bar)) if self.bar else 0


def choose(width: int, content: Content) -> Columns:
    """The columns for a table of `width` cells.

    As the width shrinks they leave in this order: source and the interval at the reset, USD, the short
    window's bar, the other bar, plan, credits, age (last, where nothing is known of what lies ahead), the
    short window's resets.
    """
    if width < COMPACT_BELOW:
        return _compact(width)
    credits = max(8, content.credits) if content.credits else 0
    ahead = AT_RESET if content.at_reset else 0
    columns = Columns(
        width,
        0,
        min(_PLAN_SOON, max(PLAN, content.plan)),
        SOURCE if width >= SOURCE_FROM else 0,
        _STATUS_LEAST,
        _BAR,
        short=content.short,
        short_resets=content.short,
        long=content.long,
        long_resets=content.long,
        at_reset=ahead + BAND if ahead and width >= BAND_FROM else ahead,
        credits=credits,
        usd=max(7, content.usd) if content.usd and credits else 0,
        age=True,
    )
    candidates = (
        columns,
        fewer := replace(columns, source=0, at_reset=ahead),
        fewer := replace(fewer, usd=0),
        fewer := replace(fewer, short_bar=False),
        fewer := replace(fewer, bar=0),
        fewer := replace(fewer, plan=0),
        fewer := replace(fewer, credits=0),
        fewer := replace(fewer, age=not ahead),
        fewer := replace(fewer, short_resets=False),
        replace(fewer, at_reset=0, age=True),
    )
    for columns in candidates:
        if columns.usd and width < USD_FROM:
            continue
        # a long name is rather cut than the last but one column lost
        named = min(max(_ACCOUNT_LEAST, content.label), _ACCOUNT_LEAST + 4 if columns.age else _ACCOUNT_LEAST)
        if columns.used() + named <= width:
            return _grown(columns, content)
    return _compact(width)


def _grown(columns: Columns, content: Content) -> Columns:
    bars = columns.bars
    if bars:
        wanted = min(content.label, _ACCOUNT_MOST) + max(_STATUS_LEAST, min(content.status, _STATUS_MOST))
        missing = wanted - (columns.width - columns.used() + columns.status)
        shorter = min(_BAR - _BAR_LEAST, max(0, -(-missing // bars)))
        columns = replace(columns, bar=columns.bar - shorter)
    spare = columns.width - columns.used()
    status = columns.status
    if status and content.status >= _STATUS_SOON and spare > _ACCOUNT_LEAST:
        status, spare = _STATUS_SOON, spare - (_STATUS_SOON - status)
    account = min(spare, max(_ACCOUNT_LEAST, min(content.label, _ACCOUNT_LEAST + 4)))
    spare -= account
    for status_most, account_most in _ROUNDS:
        more = min(spare, max(0, min(content.status, status_most) - status))
        status, spare = status + more, spare - more
        more = min(spare, max(0, min(content.label, account_most) - account))
        account, spare = account + more, spare - more
    plan = columns.plan
    if plan:
        more = min(spare, max(0, min(content.plan, _PLAN_MOST) - plan))
        plan, spare = plan + more, spare - more
    more_bar = 0
    if bars:
        more_bar = max(0, min(_BAR_MOST - columns.bar, (spare - 4) // bars))
        spare -= more_bar * bars
    return replace(columns, account=account + spare, plan=plan, status=status, bar=columns.bar + more_bar)


def _compact(width: int) -> Columns:
    for columns in (
        Columns(width, 0, scarcest=_NAME, long_resets=True, age=True),
        Columns(width, 0, scarcest=_NAME, long_resets=True),
        Columns(width, 0, scarcest=_NAME),
    ):
        if columns.used() + _ACCOUNT_LEAST <= width:
            return replace(columns, account=width - columns.used())
    return Columns(width, max(0, width - LEAD))


def orders(columns: Columns) -> tuple[SortKey, ...]:
    """What each column is sorted by, from left to right."""
    there: list[tuple[SortKey, object]] = [
        (SortKey.NAME, True),
        (SortKey.SOURCE, columns.source),
        (SortKey.PLAN, columns.plan),
        (SortKey.NEED, columns.status),
        (SortKey.FIVE_HOURS, columns.short),
        (SortKey.FIVE_HOURS_RESET, columns.short and columns.short_resets),
        (SortKey.WEEKLY, columns.long),
        (SortKey.WEEKLY_RESET, columns.long and columns.long_resets),
        (SortKey.AT_RESET, columns.at_reset),
        (SortKey.SCARCEST, columns.scarcest),
        (SortKey.SCARCEST_RESET, columns.scarcest and columns.long_resets),
        (SortKey.CREDITS, columns.credits),
        # an amount in another unit
        (SortKey.CREDITS, columns.usd),
        (SortKey.AGE, columns.age),
    ]
    return tuple(order for order, is_there in there if is_there)
