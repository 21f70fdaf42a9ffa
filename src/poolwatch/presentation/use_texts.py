"""Tokens and what they cost as short texts: `433.1M`, `$121.75`, `≥ $418.20`; and the names of groups."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType
from typing import Final

from poolwatch.domain.quarters import instant_of
from poolwatch.domain.rates import PICO_PER_DOLLAR
from poolwatch.domain.text import visible
from poolwatch.domain.tokens import GroupBy
from poolwatch.domain.use_report import Conversation
from poolwatch.domain.use_sums import Group, UseSum
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.figures import UNKNOWN, clock, percent_text
from poolwatch.presentation.masking import shown_group
from poolwatch.words import screen
from poolwatch.words import use as words

_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
_UNITS: Final = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
#: Names from outside are no longer than this.
_LONGEST: Final = 120
_ID: Final = re.compile(r"[0-9a-f]{16}")
_SHORT_ID: Final = 8
_DAY: Final = timedelta(days=1)


def dollars(pico: int) -> Decimal:
    """An amount in pico-USD in dollars, exactly."""
    return Decimal(pico).scaleb(-12, context=_EXACT)


def dollars_text(pico: int, decimals: int = 2) -> str:
    """`$214.30`; less than the least that is shown is `<$0.01`, and only nothing is `$0.00`."""
    least = PICO_PER_DOLLAR // 10**decimals
    if 0 < pico < least:
        return f"<${Decimal(1).scaleb(-decimals)}"
    return f"${dollars(pico).quantize(Decimal(1).scaleb(-decimals), context=_EXACT):,}"


def whole_dollars_text(pico: int) -> str:
    """`$400` where cents say nothing, else `$4.20`."""
    if pico < 100 * PICO_PER_DOLLAR:
        return dollars_text(pico)
    return f"${dollars(pico).quantize(Decimal(1), context=_EXACT):,}"


def cost_text(use: UseSum) -> str:
    """What it cost: `$214.30`, `~$214.30` as an estimate, `≥ $418.20` where a part has no price, else `—`."""
    return marked(use, dollars_text(use.cost)) if use.cost is not None else UNKNOWN


def at_least(use: UseSum) -> str:
    """The same while more is found: `≥ $214.30`; what nothing was found of is not known."""
    text = cost_text(use)
    if not use.cost or not use.cost_complete:
        return text if use.cost else UNKNOWN
    return f"≥ {text}"


def marked(use: UseSum, text: str) -> str:
    """A cost with the marks for what is uncertain about it."""
    estimated = "~" if use.estimated and use.cost else ""
    return f"{estimated}{text}" if use.cost_complete else f"≥ {estimated}{text}"


def each_text(use: UseSum) -> str:
    """What one request cost, to a tenth of a cent."""
    each = use.cost_each
    if each is None:
        return UNKNOWN
    return f"{'~' if use.estimated and each else ''}{dollars_text(each, 3 if each < PICO_PER_DOLLAR else 2)}"


def tokens_text(count: int) -> str:
    """`950`, `32.1k`, `6.10M`, `812.0M`, `1.61G`."""
    for size, unit in _UNITS:
        # what rounds up to the next unit is written in it
        if count * 10000 >= size * 9995 or (unit == "k" and count >= 1000):
            value = Decimal(count).scaleb(-len(str(size)) + 1)
            decimals = 1 if unit == "k" or (unit == "M" and value >= Decimal("9.995")) else 2
            return f"{value.quantize(Decimal(1).scaleb(-decimals), context=_EXACT)}{unit}"
    return str(count)


def share_text(part: float | None) -> str:
    """A part of a whole, 0..1, in percent."""
    return UNKNOWN if part is None else percent_text(part * 100)


def is_account_id(text: str) -> bool:
    """Whether it may be the id of an account: what else an imported line calls one is what it says."""
    return _ID.fullmatch(text) is not None


def outside_text(by: GroupBy, text: str, *, mask: bool) -> str:
    """A text that somebody else gave; masked, one that may tell who it was becomes a neutral name."""
    if mask and by in words.NEUTRAL:
        return words.neutral(by, f"{zlib.crc32(text.encode('utf-8', 'replace')):08x}"[:6])
    return visible(text, _LONGEST)


class Names:
    """What groups are called: those of accounts by their names, and all neutral where they are masked."""

    def __init__(
        self,
        accounts: AccountNames,
        today: date,
        conversations: Mapping[str, Conversation] = MappingProxyType({}),
    ) -> None:
        self.accounts = accounts
        self.today = today
        self._conversations = conversations

    def name(self, by: GroupBy, group: Group) -> str:
        """The group as it is shown."""
        text = group.text
        match by:
            case GroupBy.MODEL:
                return self.model(text, fast=group.fast)
            case GroupBy.DAY if text is not None:
                return self._day(date.fromisoformat(text))
            case GroupBy.WEEK if text is not None:
                first = date.fromisoformat(text)
                last = first + 6 * _DAY
                month = f" {screen.month(first)}" if first.month != last.month else ""
                return f"{first.day}{month}–{last.day} {screen.month(last)}{self._year(last)}"
            case GroupBy.MONTH if text is not None:
                first = date.fromisoformat(f"{text}-01")
                return f"{words.month_name(first)}{self._year(first)}"
            case GroupBy.HOUR_OF_DAY if text is not None:
                return f"{text}–{(int(text) + 1) % 24:02}"
            case GroupBy.ACCOUNT:
                return words.UNASSIGNED() if text is None else self.account(text)
            case GroupBy.GROUP:
                return words.NO_GROUP() if text is None else shown_group(text, mask=self.accounts.mask)
            case GroupBy.CONVERSATION if text is not None:
                return self.conversation(text)
            case _:
                return words.NOT_TOLD() if text is None else self._outside(by, text)

    def conversation(self, conversation: str) -> str:
        """By its title where that was read, else by the folder and the beginning of its id."""
        known = self._conversations.get(conversation)
        if self.accounts.mask or known is None or not (known.title or known.project):
            return self._outside(GroupBy.CONVERSATION, conversation)
        if known.title:
            return visible(known.title, _LONGEST)
        return f"{self.project(known.project)} {visible(conversation[:_SHORT_ID])}"

    def model(self, model: str | None, *, fast: bool = False) -> str:
        """`gpt-6-sol`, `gpt-6-sol fast`."""
        shown = words.NOT_TOLD() if model is None else visible(model, _LONGEST)
        return words.fast(shown) if fast else shown

    def account(self, account_id: str) -> str:
        """An account of ours by its name; what an imported line calls one is what it says."""
        if account_id in self.accounts.accounts or is_account_id(account_id):
            return self.accounts.name(account_id)
        return self._outside(GroupBy.ACCOUNT, account_id)

    def label(self, account_id: str | None) -> str:
        """The same without its group."""
        if account_id is None:
            return ""
        is_ours = account_id in self.accounts.accounts
        return self.accounts.label(account_id) if is_ours else self.account(account_id)

    def project(self, project: str | None) -> str:
        """The folder that was worked in."""
        return "" if project is None else self._outside(GroupBy.PROJECT, project)

    def _outside(self, by: GroupBy, text: str) -> str:
        return outside_text(by, text, mask=self.accounts.mask)

    def _day(self, day: date) -> str:
        shown = f"{day.day} {screen.month(day)}{self._year(day)}"
        return words.today(shown) if day == self.today else f"{screen.weekday(day)} {shown}"

    def _year(self, day: date) -> str:
        """The year of what is not near."""
        return "" if abs((day - self.today).days) < 300 else f" {day.year}"


def machine_text(by: GroupBy, group: Group, names: Names) -> str | None:
    """A group as programs read it: dates and hours, a model with its tier, and masked where names are."""
    if group.text is None:
        return None
    if by is GroupBy.MODEL:
        return f"{group.text} fast" if group.fast else group.text
    if by is GroupBy.GROUP:
        return shown_group(group.text, mask=names.accounts.mask)
    if names.accounts.mask and by in words.NEUTRAL and by is not GroupBy.ACCOUNT:
        return names.name(by, group)
    if by is GroupBy.ACCOUNT and names.accounts.mask and not is_account_id(group.text):
        return names.account(group.text)
    return group.text


def clock_text(at: float, now: datetime, zone: tzinfo | None) -> str:
    """An instant in seconds since 1970: with its seconds today, else `Sat 08:46`, `12 Oct`."""
    instant = instant_of(at)
    there = instant.astimezone(zone)
    is_today = there.date() == now.astimezone(zone).date()
    return f"{there:%H:%M:%S}" if is_today else clock(instant, now, zone)
