"""The screen of credits in final texts: each balance, then what accounts have; and what is said of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.balances import BalanceLevel, BalanceState, TopUpPlace, lasting, seconds_left
from poolwatch.domain.overview import CreditTotal, PoolOverview
from poolwatch.domain.series import Point
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import Status
from poolwatch.domain.values import replace
from poolwatch.presentation import figures
from poolwatch.presentation.balances import (
    CHATGPT_URL,
    CREDITS,
    BalanceRow,
    a_day_text,
    balance_row,
    bare_amount,
    reset_moment,
)
from poolwatch.presentation.masking import shown_label, shown_name
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.words import credits as words
from poolwatch.words import screen

#: So many accounts are named beside the pool's total.
_NAMED: Final = 3
#: Today is one of them.
_DAYS: Final = 7
#: What stands in place of a source's name for the credits of accounts.
POOL_ID: Final = ""


class CreditsLine(Struct, frozen=True):
    """One balance, or the credits of accounts, in final texts; `fraction` None: there is no bar."""

    #: the source's name; for accounts what no source is called
    id: str
    name: str
    left: str
    tone: Tone
    fraction: float | None
    #: "low" or "used up", for who sees no colour
    level: str
    a_day: str
    lasts: str
    #: when it comes back, else how old the reading is
    resets: str
    #: everything else that is known, for the lines below
    notes: tuple[str, ...]
    top_up: str
    #: one line about it, and a shorter one
    told: str
    told_short: str = ""
    is_source: bool = True


class CreditsView(Struct, frozen=True):
    """All of them, and how many."""

    counts: str
    rows: tuple[CreditsLine, ...]


def credits_view(
    state: PoolState,
    overview: PoolOverview,
    now: datetime,
    prefs: Prefs,
    pasts: Mapping[str, Sequence[Point]],
    pool_name: str = "",
) -> CreditsView:
    """Balances in the order of the configuration, then the pool's credits, then accounts without any left.

    `pasts`: how each balance ran lately, by its source, as far as that was read.
    """
    states = tuple(state.balances.values())
    rows = [_of_balance(each, states, overview, now, prefs, pasts.get(each.name, ())) for each in states]
    burn = None if state.outlook is None else state.outlook.burn_at(overview.own_now)
    rows += _of_accounts(overview, None if burn is None else burn.credits.last_24h, prefs, pool_name)
    return CreditsView(str(len(rows)), tuple(rows))


def _of_balance(
    state: BalanceState,
    states: Sequence[BalanceState],
    overview: PoolOverview,
    now: datetime,
    prefs: Prefs,
    points: Sequence[Point],
) -> CreditsLine:
    row = balance_row(state, now, prefs.rules.stale_after, prefs.zone, mask=prefs.mask)
    balance, runs = state.balance, lasting(state, points, now)
    a_day = lasts = ""
    if runs is not None and balance is not None:
        a_day = a_day_text(runs.per_day, balance.unit)
        if row.stale:
            lasts = ""  # by an old figure nobody can tell
        elif runs.to_reset:
            lasts = words.TO_RESET()
        elif runs.ends_at is not None and row.level is not BalanceLevel.EMPTY:
            lasts = figures.duration(runs.ends_at - now)
    resets_at = None if balance is None else balance.resets_at
    parts = _used_up(state, row, states, overview, now, prefs)
    used_up = " · ".join(parts)
    return CreditsLine(
        id=state.name,
        name=row.name,
        left=row.left,
        tone=row.tone,
        fraction=row.fraction,
        level=words.level_word(row.level),
        a_day=a_day,
        lasts=lasts,
        resets=row.age if resets_at is None else reset_moment(resets_at, now),
        notes=(*_notes(state, row, used_up), *_proposed(state)),
        top_up={TopUpPlace.HERE: words.HERE(), TopUpPlace.WEB: words.WEB(), TopUpPlace.NO: ""}[row.top_up],
        told=_told(row, used_up),
        told_short=_told_short(row, parts),
    )


def _notes(state: BalanceState, row: BalanceRow, used_up: str) -> list[str]:
    """The lines below it; `used_up` is said first where nothing is left."""
    if row.trouble:
        aged = words.READ_AGE(row.age) if state.read_at is not None else ""
        return [" · ".join(part for part in (row.trouble, aged) if part)]
    *resets, last = row.notes or ("",)
    read = words.READ_AGE(row.age) if state.read_at is not None else row.age
    if state.terms.on_demand:
        read = f"{read}, {words.ON_DEMAND()}"
    if used_up:
        return [used_up, read]
    lines = [" · ".join(resets)] if resets else []
    return [*lines, " · ".join(part for part in (last, read) if part)]


def _proposed(state: BalanceState) -> Iterator[str]:
    """What poolwatch proposes when it falls, and from where on the service buys by itself."""
    auto, balance = state.terms.auto, state.balance
    if auto is not None:
        from poolwatch.presentation.topups import auto_text  # few have any proposed

        yield auto_text(auto)
    if balance is not None and balance.own_topup_below is not None:
        yield words.TOPS_ITSELF_UP(bare_amount(balance.own_topup_below, balance.unit))


def _used_up(
    state: BalanceState,
    row: BalanceRow,
    states: Sequence[BalanceState],
    overview: PoolOverview,
    now: datetime,
    prefs: Prefs,
) -> list[str]:
    """That nothing is left, when it comes back, and what to use instead; none where something is left."""
    if row.level is not BalanceLevel.EMPTY or row.trouble:
        return []
    balance, resets = state.balance, state.terms.resets
    parts = [words.used_up("" if resets is None else resets.period.value)]
    if balance is not None and balance.resets_at is not None:
        parts.append(words.BACK(reset_moment(balance.resets_at, now)))
    instead = _instead(state, states, overview, now, prefs)
    if instead:
        parts.append(words.INSTEAD(instead))
    return parts


def _told(row: BalanceRow, used_up: str) -> str:
    """One line about it: what to do where nothing is left, else how it stands."""
    mark = words.level_word(row.level)
    told = row.trouble or used_up or (f"{row.left}, {mark}" if mark else row.left)
    if row.top_up is TopUpPlace.HERE and row.level.is_short:
        return f"{told} · {words.TOPS_UP(words.HERE())}"
    if row.top_up is TopUpPlace.NO and row.level is BalanceLevel.OK and not row.trouble:
        return f"{told} · {words.NOT_BOUGHT_HERE()}"
    return told if row.web is None else f"{told} · {words.CHARGED_AT(row.web)}"


def _told_short(row: BalanceRow, used_up: Sequence[str]) -> str:
    """Where that is too long: what stands in no other line."""
    if used_up:
        return " · ".join(dict.fromkeys((used_up[0], used_up[-1])))
    return "" if row.web is None else words.CHARGED_AT(row.web)


def _instead(
    state: BalanceState,
    states: Sequence[BalanceState],
    overview: PoolOverview,
    now: datetime,
    prefs: Prefs,
) -> str:
    """What has something left: another balance whose reading is fresh, else the account that is next up."""
    for each in states:
        if each is state or each.is_stale(now, prefs.rules.stale_after) or each.trouble is not None:
            continue
        if each.level is BalanceLevel.OK:
            return balance_row(each, now, prefs.rules.stale_after, prefs.zone, mask=prefs.mask).name
    up = overview.next_up
    return "" if up is None else shown_name(up.judged.account, mask=prefs.mask)


def _of_accounts(
    overview: PoolOverview, per_day: Decimal | None, prefs: Prefs, pool_name: str
) -> list[CreditsLine]:
    """`per_day` is what the last 24 hours used of the credits of all accounts; None: nobody knows."""
    found, own_now, rows = overview.credits, overview.own_now, []
    if found is not None:
        left = words.UNLIMITED() if found.unlimited else figures.UNKNOWN
        if found.accounts:
            worth = figures.usd_text(found.total, prefs.rules)
            left = f"{words.CREDITS_LEFT(figures.credits_text(found.total))}  {worth}".rstrip()
        held_by_all = [each.account.usage.credits for each in overview.accounts]
        read = [each.at for each in held_by_all if each is not None and each.value and each.value.counts]
        line = _accounts_line(POOL_ID, words.POOL(pool_name), left, _named(overview, prefs), Tone.PLAIN)
        a_day = "" if per_day is None else a_day_text(per_day, CREDITS)
        age = figures.age_of(min(read), own_now) if read else ""
        rows.append(replace(line, a_day=a_day, lasts=_pool_lasts(found, per_day), resets=age))
    for judged in overview.accounts:
        status, held = judged.status, judged.account.usage.credits
        is_out = status.kind is Status.EXHAUSTED and status.reason == CREDITS
        if is_out and held is not None and held.value is not None and held.value.balance is not None:
            left = words.CREDITS_LEFT(figures.credits_text(held.value.balance))
            name = shown_name(judged.account, mask=prefs.mask)
            line = _accounts_line(judged.account.key.id, name, left, words.OUT_OF_CREDITS(), Tone.RED)
            rows.append(replace(line, resets=figures.age_of(held.at, own_now)))
    return rows


def _pool_lasts(found: CreditTotal, per_day: Decimal | None) -> str:
    """How long the credits of all last at that pace; "" where nobody can tell, or where they do not end."""
    if per_day is None or found.unlimited or found.stale or found.total <= 0:
        return ""
    seconds = seconds_left(found.total, per_day)
    return "" if seconds is None else figures.duration(timedelta(seconds=float(seconds)))


def _accounts_line(line_id: str, name: str, left: str, note: str, tone: Tone) -> CreditsLine:
    return CreditsLine(
        id=line_id,
        name=name,
        left=left,
        tone=tone,
        fraction=None,
        level="",
        a_day="",
        lasts="",
        resets="",
        notes=(note,) if note else (),
        top_up=words.WEB(),
        told=" · ".join(filter(None, (left, note, words.CHARGED_AT(CHATGPT_URL)))),
        told_short=words.CHARGED_AT(CHATGPT_URL),
        is_source=False,
    )


def _named(overview: PoolOverview, prefs: Prefs) -> str:
    """The accounts that have most, how many more, and of how many nobody knows."""
    found = overview.credits
    held: list[tuple[Decimal, str]] = []
    for judged in overview.accounts:
        credits = judged.account.usage.credits
        if credits is not None and credits.value is not None and credits.value.counts:
            held.append((credits.value.balance or Decimal(0), shown_label(judged.account, mask=prefs.mask)))
    held.sort(key=lambda each: (-each[0], each[1]))
    parts = [f"{label} {figures.credits_text(amount)}" for amount, label in held[:_NAMED]]
    if len(held) > _NAMED:
        parts.append(words.MORE_ACCOUNTS(len(held) - _NAMED))
    if found is not None and found.unlimited:
        parts.append(words.UNLIMITED_ACCOUNTS(found.unlimited))
    if found is not None and found.unknown:
        parts.append(words.UNKNOWN_ACCOUNTS(found.unknown))
    return " · ".join(parts)


def last_days(state: BalanceState, points: Sequence[Point], now: datetime, prefs: Prefs) -> tuple[str, ...]:
    """What was left at the end of each of the last days that have figures, and what is left today.

    Of a day that ended with nothing, also when that was used up.
    """
    ends: dict[date, tuple[datetime, Decimal]] = {}
    today = figures.local_time(now, prefs.zone).date()
    for each in points:
        if isinstance(each.last, Decimal):
            ends[figures.local_time(each.at, prefs.zone).date()] = (each.at, each.last)
    balance = state.balance
    if balance is None or len(ends) < 2:
        return ()
    told = []
    for day, (at, left) in ends.items():
        if not 0 < (today - day).days < _DAYS:
            continue
        there = figures.local_time(at, prefs.zone)
        text = words.DAY(screen.weekday(there), bare_amount(left, balance.unit))
        is_out = left <= state.terms.red_at
        told.append(words.OUT_AT(text, f"{there:%H:%M}") if is_out else text)
    if balance.remaining is not None:
        told.append(words.TODAY(bare_amount(balance.remaining, balance.unit)))
    return tuple(told)
