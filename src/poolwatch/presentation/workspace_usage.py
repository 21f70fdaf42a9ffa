"""What OpenAI reports of an account's days, as texts for the screen and for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.tokens import GroupBy
from poolwatch.domain.use_sums import Group
from poolwatch.domain.workspace_usage import (
    AccountUsage,
    Counted,
    CreditSum,
    UsageDay,
    clients_of,
    weeks_of,
)
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.figures import UNKNOWN, age_of, amounts_text, dated_instant, percent_text
from poolwatch.presentation.use_texts import Names, tokens_text
from poolwatch.presentation.view import Tone
from poolwatch.words import workspace_usage as words

_WEEK_DAYS: Final = 7
_DAY: Final = timedelta(days=1)
_NOTHING: Final = Decimal(0)


class ReportBy(StrEnum):
    """What rows are of."""

    DAY = "day"
    WEEK = "week"
    CLIENT = "client"


class HeadLine(Struct, frozen=True):
    """One line above the rows: a heading, and what it says."""

    heading: str
    text: str
    tone: Tone = Tone.PLAIN


class ReportRow(Struct, frozen=True):
    """One day, week or client; `fraction` is the length of its bar, 0 to 1, None for no bar."""

    name: str
    credits: str
    fraction: float | None = None
    balance: str = ""
    tokens: str = ""
    share: str = ""
    #: its credits are no figure
    is_unknown: bool = False


class ReportView(Struct, frozen=True):
    """Final texts; rows stand new to old, clients by what they used."""

    by: ReportBy
    #: what bars, and the column before them, are of
    counted: Counted = Counted.CREDITS
    head: tuple[HeadLine, ...] = ()
    rows: tuple[ReportRow, ...] = ()
    notes: tuple[str, ...] = ()


def report_view(
    found: AccountUsage,
    by: ReportBy,
    now: datetime,
    zone: tzinfo | None,
    key: str = "",
    counted: Counted = Counted.CREDITS,
) -> ReportView:
    """What is told of an account; `now` is the server's clock, `key` what is said of reading it by."""
    if by is ReportBy.DAY:
        rows = _day_rows(found, now, counted)
    elif by is ReportBy.WEEK:
        rows = _week_rows(found, now, counted)
    else:
        rows = _client_rows(found, counted)
    head, notes = _head(found, now, zone, counted), _notes(found, rows, key)
    return ReportView(by, counted, tuple(head), rows, tuple(notes))


def _head(found: AccountUsage, now: datetime, zone: tzinfo | None, counted: Counted) -> Iterator[HeadLine]:
    settled, unsettled = found.settled, found.unsettled
    fell, fell_is_part = found.fell
    amount = _column([each for each in (settled.known, fell) if each is not None])
    by_balance = _marked(amount(fell), fell_is_part) if fell is not None else ""
    if settled.known is not None:
        # days of which nothing was told are not in it either
        is_part = settled.told < len(found.days) - unsettled.days
        yield HeadLine(words.CREDITS(), words.reported(_marked(amount(settled.credits), is_part), by_balance))
    else:
        is_read = found.answered_at is not None
        none = words.NONE_REPORTED() if is_read else UNKNOWN
        told = (words.only_fell if is_read else words.unread_fell)(by_balance) if by_balance else none
        yield HeadLine(words.CREDITS(), told, Tone.DIM)
    if unsettled.days:
        so_far = amounts_text(unsettled.credits)[0] if unsettled.told else ""
        yield HeadLine(words.UNSETTLED(), words.unsettled(unsettled.days, so_far), Tone.DIM)
    if found.answered_at is None:
        yield HeadLine(words.AS_OF(), words.NEVER(), Tone.AMBER)
    elif found.fresh_at is not None:
        age = age_of(found.answered_at, now)
        yield HeadLine(words.AS_OF(), words.fresh(dated_instant(found.fresh_at, now, zone), age), Tone.DIM)
    else:
        yield HeadLine(words.AS_OF(), words.answered(age_of(found.answered_at, now)), Tone.DIM)
    parts = clients_of(found.days, counted)
    if parts:
        shares = [words.client_part(_client(each.client), percent_text(each.part * 100)) for each in parts]
        yield HeadLine(words.BY_CLIENT(), f"{'   '.join(shares)}   {words.of_what(counted)}")


def _notes(found: AccountUsage, rows: Iterable[ReportRow], key: str) -> Iterator[str]:
    yield words.OWN_USE()
    if any(day.is_settled and day.credits is None for day in found.days):
        yield words.ABOUT_UNSAID()
    if any(text.startswith("≥") for row in rows for text in (row.credits, row.balance)):
        yield words.AT_LEAST()
    yield words.NO_MODELS()
    if key:
        yield key


def _day_rows(found: AccountUsage, now: datetime, counted: Counted) -> tuple[ReportRow, ...]:
    names = Names(AccountNames({}), now.astimezone(UTC).date())
    known = [day.credits for day in found.days if day.is_settled and day.credits is not None]
    credits = _column(known)
    settled = [day.reported for day in found.days if day.reported is not None and day.is_settled]
    most = max((each.amount(counted) or _NOTHING for each in settled), default=_NOTHING)
    balance = _column([day.fell for day in found.days if day.fell is not None])
    rows = []
    for day in reversed(found.days):
        name = names.name(GroupBy.DAY, Group(day.day.isoformat()))
        told, fraction = _credits(day, credits), None
        amount = day.reported.amount(counted) if day.reported is not None and day.is_settled else None
        if amount is not None:
            fraction = float(amount / most) if most else 0.0
        fell = UNKNOWN if day.fell is None else _marked(balance(day.fell), day.fell_is_part)
        tokens = UNKNOWN if day.tokens is None else tokens_text(day.tokens)
        share = _share(day.share_in_files)
        rows.append(
            ReportRow(
                name,
                told,
                fraction,
                fell,
                tokens,
                share,
                is_unknown=not day.is_settled or day.credits is None,
            )
        )
    return tuple(rows)


def _credits(day: UsageDay, text: _Column) -> str:
    if day.reported is None:
        return UNKNOWN
    if not day.is_settled:
        return words.NOT_SETTLED()
    return words.NOT_SAID() if day.credits is None else text(day.credits)


def _week_rows(found: AccountUsage, now: datetime, counted: Counted) -> tuple[ReportRow, ...]:
    names = Names(AccountNames({}), now.astimezone(UTC).date())
    weeks = weeks_of(found.days)
    amounts = [_of_sum(week.settled, counted) for week in weeks]
    most = max((amount for amount in amounts if amount is not None), default=_NOTHING)
    credits = _column([week.settled.credits for week in weeks])
    balance = _column([week.fell for week in weeks if week.fell is not None])
    rows = []
    for week, amount in zip(reversed(weeks), reversed(amounts), strict=True):
        span = names.name(GroupBy.WEEK, Group(week.first.isoformat()))
        told = week.settled.told
        name = words.whole_week(span) if week.is_whole else words.part_of_week(span, told)
        within = [day for day in found.days if week.first <= day.day < week.first + _WEEK_DAYS * _DAY]
        in_both = [day for day in within if day.tokens and day.in_files is not None]
        tokens = sum(day.tokens or 0 for day in in_both)
        share = sum(day.in_files or 0 for day in in_both) / tokens if tokens else None
        rows.append(
            ReportRow(
                name,
                _marked(credits(week.settled.credits), not week.is_whole) if told else UNKNOWN,
                float(amount / most) if amount is not None and most else None,
                UNKNOWN if week.fell is None else _marked(balance(week.fell), week.fell_is_part),
                _week_tokens(week.settled, within),
                _share(share),
                is_unknown=not told,
            )
        )
    return tuple(rows)


def _of_sum(settled: CreditSum, counted: Counted) -> Decimal | None:
    if counted is Counted.CREDITS:
        return settled.known
    return None if settled.tokens is None else Decimal(settled.tokens)


def _week_tokens(settled: CreditSum, within: Sequence[UsageDay]) -> str:
    if settled.tokens is None:
        return UNKNOWN
    return _marked(tokens_text(settled.tokens), settled.days < _WEEK_DAYS or len(within) < _WEEK_DAYS)


def _client_rows(found: AccountUsage, counted: Counted) -> tuple[ReportRow, ...]:
    parts = clients_of(found.days, counted)
    credits = _column([each.amount for each in parts])
    rows = []
    for each in parts:
        share = percent_text(each.part * 100)
        if counted is Counted.TOKENS:
            tokens = tokens_text(int(each.amount))
            rows.append(ReportRow(_client(each.client), "", each.part, tokens=tokens, share=share))
        else:
            rows.append(ReportRow(_client(each.client), credits(each.amount), each.part, share=share))
    return tuple(rows)


def _client(name: str | None) -> str:
    return words.NO_CLIENT() if name is None else words.client(name)


def _share(part: float | None) -> str:
    return UNKNOWN if part is None else percent_text(part * 100)


def _marked(text: str, is_part: bool) -> str:
    return f"≥ {text}" if is_part else text


class _Column:
    """How amounts of one column are written: all whole, or all with two decimals."""

    def __init__(self, amounts: Sequence[Decimal]) -> None:
        self._is_whole = all(amount == amount.to_integral_value() for amount in amounts)

    def __call__(self, amount: Decimal) -> str:
        return amounts_text(amount)[0] if self._is_whole else amounts_text(amount, Decimal("0.5"))[0]


_column = _Column
