"""Use and its cost as the usage screen shows them: figures, a table, and what is to be known of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from msgspec import Struct

from poolwatch.domain.quarters import UsePeriod, instant_of
from poolwatch.domain.rates import PICO_PER_DOLLAR, card_age
from poolwatch.domain.text import visible
from poolwatch.domain.tokens import Origin, ScanState, Tier
from poolwatch.domain.use_ideas import Idea
from poolwatch.domain.use_report import UseReport, UseWish, untimed
from poolwatch.domain.use_sums import UseSum
from poolwatch.presentation import figures
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.use_table import BY_COST, Arranged, TableRow, TableRows, arrange, total_row
from poolwatch.presentation.use_texts import (
    Names,
    clock_text,
    cost_text,
    dollars_text,
    share_text,
    tokens_text,
)
from poolwatch.presentation.view import Figure, Span, Tone
from poolwatch.words import interface
from poolwatch.words import use as words


class Latest(Struct, frozen=True):
    """One of the last requests."""

    time: str
    model: str
    who: str
    #: without the group of the account
    who_short: str
    took: str
    took_short: str
    cost: str


class Coverage(Struct, frozen=True):
    """What the figures are of: one line, and in fewer words what a small screen has of it."""

    text: str
    short: str = ""
    tone: Tone = Tone.DIM


class UseView(Struct, frozen=True):
    """All of the screen but the chart."""

    period: str
    period_short: str
    #: what the rows are: `model`
    by: str
    heading: str
    origin: Origin
    #: `prices of 12 Nov`, or how far the files are read
    prices: str
    prices_short: str
    prices_tone: Tone
    figures: tuple[Figure, ...]
    #: what is to be known of every cost on the screen
    notes: tuple[Span, ...]
    #: the same but for the first, in fewer words
    notes_short: tuple[Span, ...]
    rows: TableRows
    total: TableRow
    #: how many rows there are without a filter
    count: int
    latest: tuple[Latest, ...]
    ideas: tuple[tuple[str, str], ...]
    coverage: tuple[Coverage, ...]


#: So much of a filter is told.
_FILTER_MOST: Final = 60
#: Larger amounts that are estimated have no cents.
_CENTS_UP_TO: Final = 100 * PICO_PER_DOLLAR


def use_view(
    report: UseReport, names: Names, now: datetime, zone: tzinfo | None, arranged: Arranged = BY_COST
) -> UseView:
    """The screen of a report."""
    wish = report.wish
    period, period_short = period_texts(report, names, zone)
    prices = _prices(report, now, zone)
    chosen = arrange(report, names, arranged)
    return UseView(
        period,
        period_short,
        words.group(wish.by),
        words.heading(wish.by),
        wish.origin,
        *prices,
        _figures(report, now, zone),
        notes(report, now.astimezone(zone).date()),
        notes(report, now.astimezone(zone).date(), short=True)[1:],
        TableRows(report, chosen, names),
        total_row(report),
        report.count,
        tuple(_latest(report, names, now, zone)),
        tuple(_idea(each, names) for each in report.ideas),
        tuple(coverage(report, now, zone)),
    )


def period_texts(report: UseReport, names: Names, zone: tzinfo | None) -> tuple[str, str]:
    """`last 30 days`, `November · gpt-6-sol`; also short."""
    wish = report.wish
    if wish.period in (UsePeriod.MONTH, UsePeriod.LAST_MONTH):
        # narrowed to a day of it, it is still in that month
        long = short = words.month_name(report.since.astimezone(zone).date())
    else:
        long, short = words.period(wish.period), words.period(wish.period, short=True)
    within = "".join(f" · {names.name(each.by, each.group)}" for each in wish.narrow)
    within += filter_told(wish)
    return long + within, short + within


def filter_told(wish: UseWish) -> str:
    """What the use was filtered by, behind its time; "" for nothing."""
    text = visible(wish.filter_text.strip(), _FILTER_MOST)
    return f" · {interface.text('filter_is', text=text)}" if text else ""


def span_text(since: datetime, until: datetime, now: datetime, zone: tzinfo | None) -> str:
    """`1 Nov to 14:03`: a time that somebody typed."""
    start, end = (_moment(at, now, zone) for at in (since, until))
    return words.span_of(start, end)


def _moment(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    there = figures.local_time(at, zone)
    time = "" if (there.hour, there.minute) == (0, 0) else f" {there:%H:%M}"
    return f"{figures.day(at, now, zone)}{time}"


# --- the head


def _prices(report: UseReport, now: datetime, zone: tzinfo | None) -> tuple[str, str, Tone]:
    scan = report.scan
    if report.wish.origin is Origin.FILES and scan.running and scan.complete_at is None:
        return (*reading_texts(scan, now, zone), Tone.AMBER)
    day = datetime(report.card_day.year, report.card_day.month, report.card_day.day, 12, tzinfo=UTC)
    told = words.prices_of(figures.day(day, now, UTC))
    is_old = card_age(report.card_day, now.astimezone(zone).date()) is not None
    return told, told, Tone.AMBER if is_old else Tone.DIM


def reading_texts(scan: ScanState, now: datetime, zone: tzinfo | None) -> tuple[str, str]:
    """How far files are read: `reading files 62%, newest first: the last 9 days are complete`."""
    part = scan.bytes_done / scan.bytes_total if scan.bytes_total else 0.0
    percent = share_text(min(1.0, part))
    days = ""
    if scan.newest_since is not None:
        since = instant_of(scan.newest_since).astimezone(zone).date()
        count = (now.astimezone(zone).date() - since).days
        days = words.days(count) if count > 0 else ""
    return words.reading(percent, days), words.reading_short(percent)


def _figures(report: UseReport, now: datetime, zone: tzinfo | None) -> tuple[Figure, ...]:
    told = report.figures
    month = words.month_name(now.astimezone(zone).date())
    started = words.since(figures.clock(told.started_at, now, zone))
    if not _is_told(report):
        headings = words.TODAY(), words.SINCE_START(), month.upper(), words.DAYS_30()
        return tuple(Figure(each, UNKNOWN) for each in headings)
    ends, ends_short = words.NO_END(), ""
    if told.ahead is not None:
        ahead = told.ahead
        # all three as finely as the largest of them
        decimals = 2 if ahead.high < _CENTS_UP_TO else 0
        low, high = (dollars_text(each, decimals).replace("$", "") for each in (ahead.low, ahead.high))
        least = "" if told.month.cost_complete else "≥ "
        expected = f"{least}~{dollars_text(ahead.expected, decimals)}"
        ends, ends_short = words.by_its_end(expected, low, high), words.by_its_end_short(expected)
    elif told.month.cost is None:
        ends = ""
    return (
        _figure(words.TODAY(), told.today),
        Figure(
            words.SINCE_START(),
            cost_text(told.since_start),
            f"{words.tokens(tokens_text(told.since_start.tokens.total))}, {started}",
            short=started,
        ),
        Figure(month.upper(), cost_text(told.month), ends, short=ends_short),
        _figure(words.DAYS_30(), told.days_30),
    )


def _figure(title: str, use: UseSum) -> Figure:
    requests = words.requests(use.requests)
    amounts = f"{words.tokens(tokens_text(use.tokens.total))}, {requests}"
    return Figure(title, cost_text(use), amounts, short=requests)


def _is_told(report: UseReport) -> bool:
    """Whether no use means that there was none: else nobody may know of it."""
    told, wish = report.figures, report.wish
    if any(each.requests for each in (told.today, told.since_start, told.month, told.days_30)):
        return True
    has_files = bool(report.scan.files) or report.scan.since is not None
    return wish.origin is Origin.FILES and has_files and not (untimed(wish.narrow) or wish.is_filtered)


def notes(report: UseReport, today: date, *, short: bool = False) -> tuple[Span, ...]:
    """What holds for every cost: that nobody bills it, and what the marks before it mean."""
    found = [Span(words.NOT_BILLED(), Tone.DIM)]
    whole = report.total
    if report.paid is not None and not short:
        least = "" if report.paid.is_complete else "≥ "
        found.append(Span(words.paid_for_plans(f"{least}{dollars_text(report.paid.pico)}"), Tone.DIM))
    if not whole.cost_complete:
        models = sum(not row.sum.cost_complete for row in report.models)
        count = whole.unpriced_requests
        found.append(Span(words.unpriced_short(count) if short else words.unpriced(count, models), Tone.DIM))
    if whole.estimated or report.figures.ahead is not None:
        found.append(Span(words.ESTIMATED(), Tone.DIM))
    age = card_age(report.card_day, today)
    if age is not None:
        found.append(Span(words.old_card(words.days(age)), Tone.AMBER))
    return tuple(found)


# --- what stands below it


def _latest(report: UseReport, names: Names, now: datetime, zone: tzinfo | None) -> Iterable[Latest]:
    for request, price in report.latest:
        tokens = request.tokens
        given, cached, out = (tokens_text(each) for each in (tokens.input, tokens.cached, tokens.output))
        is_fast = request.tier is Tier.FAST
        who = names.account(request.account) if request.account is not None else ""
        cost = UNKNOWN
        if price.pico is not None:
            cost = f"{'~' if price.estimated and price.pico else ''}{dollars_text(price.pico, 3)}"
        project = names.project(request.project)
        yield Latest(
            clock_text(request.at, now, zone),
            names.model(request.model, fast=is_fast),
            " · ".join(each for each in (who, project) if each),
            names.label(request.account) or project,
            words.took(given, cached, out),
            words.took_short(given, cached),
            cost,
        )


def _idea(idea: Idea, names: Names) -> tuple[str, str]:
    mark = "~" if idea.estimated else ""
    cost, saved = (f"{mark}{dollars_text(each)}" for each in (idea.cost, idea.saved))
    if idea.model is None:
        share = share_text(idea.uncached)
        return words.all_cached(share, saved), words.all_cached_short(share, saved)
    model, most = (names.model(each, fast=idea.fast) for each in (idea.model, idea.instead_of))
    return (
        words.other_model(model, most, cost, saved),
        words.other_model_short(model, most, saved),
    )


def coverage(report: UseReport, now: datetime, zone: tzinfo | None) -> Iterable[Coverage]:
    """What the figures are of, and what is not in them."""
    scan = report.scan
    if report.wish.origin is Origin.IMPORTED:
        yield Coverage(words.IMPORTED(), words.IMPORTED_SHORT())
        return
    if not scan.files and not scan.running:
        none = words.NO_FILES()
        if scan.since is not None:
            none = words.FILES_GONE()
        elif scan.complete_at is None:
            none = words.NOTHING_READ()
        yield Coverage(none, none)
    else:
        read = words.coverage(scan.files, scan.homes)
        if report.counted_share is None:
            yield Coverage(read, read)
        else:
            share = share_text(report.counted_share)
            yield Coverage(f"{read}; {words.reconciled(share)}", words.reconciled_short(share))
    # what is told of a time that was over by then lacks nothing
    if scan.complete_at is not None and scan.is_old(min(now, report.until).timestamp()):
        old = words.last_read(figures.clock(instant_of(scan.complete_at), now, zone))
        yield Coverage(old, old, Tone.AMBER)
    if scan.files_unverified:
        files = words.unverified(scan.files_unverified)
        amount = words.tokens(tokens_text(scan.unverified.total))
        yield Coverage(f"{words.apart(files, amount)} {words.OTHER_MACHINES()}", words.apart_short(files))
    else:
        yield Coverage(words.OTHER_MACHINES())
    if scan.ahead:
        ahead = words.ahead(words.tokens(tokens_text(scan.ahead)))
        yield Coverage(ahead, ahead, Tone.AMBER)
    if scan.troubles:
        unread = words.unread(len(scan.troubles))
        yield Coverage(unread, unread, Tone.AMBER)
    if scan.differing:
        differing = words.differing(len(scan.differing))
        yield Coverage(differing, differing, Tone.AMBER)
    known = report.attribution
    whole = known.by_home + known.by_readings + known.unassigned if known is not None else 0
    if known is not None and whole and known.unassigned < whole:
        shares = [
            say(share_text(count / whole))
            for say, count in (
                (words.by_home, known.by_home),
                (words.by_readings, known.by_readings),
                (words.unassigned, known.unassigned),
            )
            if count
        ]
        yield Coverage(words.accounts(", ".join(shares)))
