"""`usage` for programs: the versioned JSON, and its rows as CSV. Keys are only ever added."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from poolwatch.domain.quarters import instant_of
from poolwatch.domain.rates import card_age
from poolwatch.domain.tokens import GroupBy, Origin, ScanState
from poolwatch.domain.use_report import UseReport
from poolwatch.domain.use_sums import UseRow, UseSum
from poolwatch.presentation.csv_text import Cell, csv_text
from poolwatch.presentation.figures import trimmed_digits
from poolwatch.presentation.json_values import Json, instant
from poolwatch.presentation.use_texts import Names, dollars, machine_text

SCHEMA: Final = "poolwatch.usage/1"
_COLUMNS: Final = (
    *("group", "label", "requests", "input_tokens", "cached_input_tokens", "cache_write_tokens"),
    *("output_tokens", "reasoning_output_tokens", "total_tokens"),
    *("cost_usd", "cost_complete", "credits", "credits_complete", "unpriced_tokens", "estimated"),
)


class Reason(StrEnum):
    """Why figures are not the whole, or not certain."""

    #: what other machines used is not in them
    THIS_MACHINE = "this_machine_only"
    NOT_SCANNED = "not_scanned"
    SCANNING = "scanning"
    #: there may be more in the files by now
    OLD_SCAN = "old_scan"
    UNVERIFIED = "unverified_files"
    UNREADABLE = "unreadable_files"
    #: what their records and their counters tell is not the same
    DIFFERING = "differing_files"
    #: a wrong clock dated some use later than now
    AHEAD = "dated_ahead"
    UNPRICED = "unpriced_models"
    ESTIMATED = "estimated"
    OLD_RATES = "old_rate_card"


def usage_json(
    report: UseReport, names: Names, now: datetime, zone: str, rows: Sequence[UseRow] | None = None
) -> str:
    """The document, ASCII only, ending in a newline; `rows` are those of the report that are told."""
    by, scan = report.wish.by, report.scan
    is_of_files = report.wish.origin is Origin.FILES
    since = report.since
    if is_of_files and scan.since is not None:
        since = instant_of(scan.since)
    document: Json = {
        "schema": SCHEMA,
        "generated_at": instant(now),
        "by": by.value,
        "origin": report.wish.origin.value,
        "filter": report.wish.filter_text.strip() or None,
        "period": {"since": instant(report.since), "until": instant(report.until), "zone": zone},
        "coverage": {
            "files": scan.files if is_of_files else None,
            "bytes": scan.bytes_read if is_of_files else None,
            "session_files_unverified": scan.files_unverified if is_of_files else None,
            "unverified_tokens": scan.unverified.total if is_of_files else None,
            "since": instant(since) if report.total.requests or scan.since is not None else None,
            "read_at": _read_at(scan) if is_of_files else None,
            "reasons": [each.value for each in reasons(report, now)],
        },
        "rate_card": {"name": report.card_name, "date": report.card_day.isoformat()},
        "totals": dict(_figures(report.total)),
        "rows": [
            {
                "group": machine_text(by, row.group, names),
                "label": _label(by, row, names),
                **dict(_figures(row.sum)),
            }
            for row in (report.rows if rows is None else rows)
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def usage_csv(report: UseReport, names: Names, rows: Sequence[UseRow] | None = None) -> str:
    """The rows alone; what they come to together is left to whoever reads them."""
    by = report.wish.by
    told = report.rows if rows is None else rows
    return csv_text(
        _COLUMNS,
        ((machine_text(by, row.group, names), _label(by, row, names), *_cells(row.sum)) for row in told),
    )


def reasons(report: UseReport, now: datetime) -> list[Reason]:
    """Why the figures are not the whole, or not certain."""
    scan, total = report.scan, report.total
    of_files = report.wish.origin is Origin.FILES
    found = {
        Reason.THIS_MACHINE: of_files,
        Reason.NOT_SCANNED: of_files and scan.complete_at is None and not scan.running,
        Reason.SCANNING: of_files and scan.complete_at is None and scan.running,
        Reason.OLD_SCAN: of_files and scan.is_old(min(now, report.until).timestamp()),
        Reason.UNVERIFIED: of_files and scan.files_unverified > 0,
        Reason.UNREADABLE: of_files and bool(scan.troubles),
        Reason.DIFFERING: of_files and bool(scan.differing),
        Reason.AHEAD: of_files and scan.ahead > 0,
        Reason.UNPRICED: not total.cost_complete,
        Reason.ESTIMATED: total.estimated,
        Reason.OLD_RATES: card_age(report.card_day, now.date()) is not None,
    }
    return [reason for reason, holds in found.items() if holds]


def _read_at(scan: ScanState) -> str | None:
    """When all files were looked at last."""
    return None if scan.complete_at is None else instant(instant_of(scan.complete_at))


def _label(by: GroupBy, row: UseRow, names: Names) -> str | None:
    """What people call the group where programs know it by an id."""
    if row.group.text is None:
        return None
    if by is GroupBy.ACCOUNT:
        return names.label(row.group.text)
    return names.conversation(row.group.text) if by is GroupBy.CONVERSATION else None


def _figures(use: UseSum) -> Iterator[tuple[str, Json]]:
    cost, credits = use.cost, use.known_credits
    values: tuple[Json, ...] = (
        None if cost is None else trimmed_digits(dollars(cost)),
        use.cost_complete,
        None if credits is None else trimmed_digits(credits),
        credits is not None,
    )
    yield from zip(_COLUMNS[2:], (*_counts(use), *values, use.unpriced_tokens, use.estimated), strict=True)


def _cells(use: UseSum) -> tuple[Cell, ...]:
    cost = None if use.cost is None else dollars(use.cost)
    credits = use.known_credits
    flags = [_flag(each) for each in (use.cost_complete, credits is not None, use.estimated)]
    return (*_counts(use), cost, flags[0], credits, flags[1], use.unpriced_tokens, flags[2])


def _counts(use: UseSum) -> tuple[int, ...]:
    tokens = use.tokens
    return (
        use.requests,
        tokens.input,
        tokens.cached,
        tokens.cache_write,
        tokens.output,
        tokens.reasoning,
        tokens.total,
    )


def _flag(value: bool) -> str:
    return "true" if value else "false"
