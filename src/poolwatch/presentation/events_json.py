"""`events` for programs: the versioned JSON, and CSV of the same columns. Keys are only ever added."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.series import Amount
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.csv_text import Cell, csv_text
from poolwatch.presentation.json_values import Json, instant, number
from poolwatch.presentation.masking import masked

SCHEMA: Final = "poolwatch.events/1"
#: In the order of the columns; the keys of the JSON are the same.
_COLUMNS: Final = (
    *("id", "at", "kind", "account", "label", "source", "bucket", "window"),
    *("before", "after", "amount", "unit", "accounts", "rule", "budget"),
)


def events_json(events: Iterable[LoggedEvent], names: AccountNames, now: datetime) -> str:
    """The document, ASCII only, ending in a newline; events stand old to new."""
    rows: list[Json] = [dict(zip(_COLUMNS, map(_value, _row(event, names)), strict=True)) for event in events]
    document: Json = {"schema": SCHEMA, "generated_at": instant(now), "events": rows}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def events_csv(events: Iterable[LoggedEvent], names: AccountNames) -> str:
    """The same as a table."""
    return csv_text(_COLUMNS, (_row(event, names) for event in events))


def _row(event: LoggedEvent, names: AccountNames) -> tuple[Cell, ...]:
    before: Cell = event.before
    after: Cell = event.after
    if event.kind in (EventKind.PLAN_CHANGED, EventKind.LOGIN_DIED, EventKind.NOTICE_GIVEN_UP):
        before, after = event.was, event.now
    elif event.kind is EventKind.BUDGET_RESET:
        # a part of it may be called as people are
        before, after = None if names.mask else event.was, event.now
    return (
        event.id,
        event.at,
        event.kind.value,
        event.account_id,
        None if event.account_id is None else names.label(event.account_id),
        masked(event.source) if names.mask and event.source is not None else event.source,
        event.bucket,
        event.window,
        before,
        after,
        _less(event.after, event.before),
        event.unit_name if event.unit is None else event.unit.value,
        event.accounts,
        event.rule,
        event.budget,
    )


def _less(after: Amount | None, before: Amount | None) -> Amount | None:
    if after is None or before is None:
        return None
    if isinstance(after, Decimal) and isinstance(before, Decimal):
        return after - before
    # digit for digit: 40.3 less 0.1 is 40.2
    return float(Decimal(str(after)) - Decimal(str(before)))


def _value(cell: Cell) -> Json:
    """Money as a string, percentages as numbers, instants as RFC 3339."""
    match cell:
        case Decimal():
            return f"{cell:f}"
        case float():
            return number(cell)
        case datetime():
            return instant(cell)
        case _:
            return cell
