"""What OpenAI reports of accounts' days, for programs: the versioned JSON, and its rows as CSV.

Keys are only ever added. Credits and USD are texts, and what is unknown is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from poolwatch.domain.failure import Failure
from poolwatch.domain.workspace_usage import (
    AccountUsage,
    CreditSum,
    UsageDay,
    clients_of,
    midnight,
    weeks_of,
)
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.csv_text import Cell, csv_text
from poolwatch.presentation.json_values import Json, digits, instant
from poolwatch.presentation.masking import masked
from poolwatch.presentation.workspace_usage import ReportBy
from poolwatch.words.messages import failure_text

SCHEMA: Final = "poolwatch.workspace_usage/1"
_COLUMNS: Final = (
    *("account", "label", "date", "settled", "credits", "cost_usd"),
    *("uncached_input_tokens", "cached_input_tokens", "output_tokens", "total_tokens"),
    *("threads", "turns", "balance_credits", "balance_complete", "tokens_in_files", "estimated"),
)
_CLIENT_COLUMNS: Final = ("account", "label", "client", "credits", "share", "estimated")
_WEEK_COLUMNS: Final = (
    *("account", "label", "week", "whole", "days", "credits", "total_tokens", "balance_credits"),
    *("balance_complete", "estimated"),
)


def report_json(found: Sequence[AccountUsage], names: AccountNames, now: datetime, since: date) -> str:
    """The document, ASCII only, ending in a newline."""
    document: Json = {
        "schema": SCHEMA,
        "generated_at": instant(now),
        "source": "openai",
        "period": {
            "since": instant(midnight(since)),
            "until": instant(now),
            "zone": "UTC",
        },
        "accounts": [_account(each, names) for each in found],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _account(found: AccountUsage, names: AccountNames) -> Json:
    fell, is_part = found.fell
    return {
        "account": found.account,
        "label": names.label(found.account),
        "asked_at": instant(found.asked_at),
        "read_at": instant(found.answered_at),
        "fresh_at": instant(found.fresh_at),
        "failure": _failure(found.failure, mask=names.mask),
        "totals": {
            "settled": _sum(found.settled),
            "unsettled": _sum(found.unsettled),
            "balance_credits": digits(fell),
            "balance_complete": fell is not None and not is_part,
        },
        "days": [_day(day) for day in found.days],
        "weeks": [
            {
                "week": week.first.isoformat(),
                "whole": week.is_whole,
                "settled": _sum(week.settled),
                "unsettled": _sum(week.unsettled),
                "balance_credits": digits(week.fell),
                "balance_complete": week.fell is not None and not week.fell_is_part,
            }
            for week in weeks_of(found.days)
        ],
        "clients": [
            {"client": each.client, "credits": digits(each.amount), "share": round(each.part, 6)}
            for each in clients_of(found.days)
        ],
    }


def _failure(failure: Failure | None, *, mask: bool) -> Json:
    if failure is None:
        return None
    message = failure_text(failure)
    return {"kind": failure.kind.value, "message": masked(message) if mask else message}


def _sum(found: CreditSum) -> Json:
    return {
        "days": found.days,
        "credits": digits(found.known),
        "credits_complete": found.days > 0 and found.is_whole,
        "total_tokens": found.tokens,
    }


def _day(day: UsageDay) -> Json:
    told = day.reported
    return {
        "date": day.day.isoformat(),
        "settled": day.is_settled if told is not None else None,
        "credits": digits(day.credits),
        "cost_usd": digits(told.cost_usd) if told is not None else None,
        "uncached_input_tokens": told.input if told is not None else None,
        "cached_input_tokens": told.cached if told is not None else None,
        "output_tokens": told.output if told is not None else None,
        "total_tokens": day.tokens,
        "threads": told.threads if told is not None else None,
        "turns": told.turns if told is not None else None,
        "balance_credits": digits(day.fell),
        "balance_complete": day.fell is not None and not day.fell_is_part,
        "tokens_in_files": day.in_files,
        "clients": [
            {
                "client": each.client,
                "credits": digits(each.credits),
                "total_tokens": each.tokens,
                "turns": each.turns,
            }
            for each in (told.clients if told is not None else ())
        ],
    }


def report_csv(found: Sequence[AccountUsage], names: AccountNames, by: ReportBy) -> str:
    """The rows alone, those of each account old to new."""
    if by is ReportBy.CLIENT:
        return csv_text(_CLIENT_COLUMNS, _client_cells(found, names))
    if by is ReportBy.WEEK:
        return csv_text(_WEEK_COLUMNS, _week_cells(found, names))
    return csv_text(_COLUMNS, _day_cells(found, names))


def _client_cells(found: Sequence[AccountUsage], names: AccountNames) -> Iterator[Sequence[Cell]]:
    for each in found:
        for part in clients_of(each.days):
            yield each.account, names.label(each.account), part.client, part.amount, part.part, _flag(False)


def _week_cells(found: Sequence[AccountUsage], names: AccountNames) -> Iterator[Sequence[Cell]]:
    for each in found:
        for week in weeks_of(each.days):
            settled = week.settled
            yield (
                each.account,
                names.label(each.account),
                week.first.isoformat(),
                _flag(week.is_whole),
                settled.told,
                settled.known,
                settled.tokens,
                week.fell,
                _flag(week.fell is not None and not week.fell_is_part),
                # more will be reported of it
                _flag(week.unsettled.days > 0),
            )


def _day_cells(found: Sequence[AccountUsage], names: AccountNames) -> Iterator[Sequence[Cell]]:
    for each in found:
        for day in each.days:
            told = day.reported
            yield (
                each.account,
                names.label(each.account),
                day.day.isoformat(),
                _flag(day.is_settled) if told is not None else None,
                day.credits,
                *((None,) * 4 if told is None else (told.cost_usd, told.input, told.cached, told.output)),
                day.tokens,
                *((None,) * 2 if told is None else (told.threads, told.turns)),
                day.fell,
                _flag(day.fell is not None and not day.fell_is_part),
                day.in_files,
                # until a day is settled its figures are not the whole
                _flag(told is not None and not day.is_settled),
            )


def _flag(value: bool) -> str:
    return "true" if value else "false"
