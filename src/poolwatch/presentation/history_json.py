"""`history` for programs: the versioned JSON, and the points as CSV. Keys are only ever added."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.burn import Burn
from poolwatch.domain.cycles import Cycle
from poolwatch.domain.series import Amount, FigureName, Point, Series, Timeline
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.csv_text import Cell, csv_text
from poolwatch.presentation.json_values import Json, instant, number
from poolwatch.presentation.masking import shown

SCHEMA: Final = "poolwatch.history/1"
#: By what `--metric` calls them.
BALANCE: Final = "balance"
METRICS: Final = {"used": Series.WINDOW, "credits": Series.CREDITS, "spend": Series.SPEND}
_METRIC: Final = {series: metric for metric, series in METRICS.items()}
_COLUMNS: Final = (
    *("at", "account", "label", "metric", "bucket", "window"),
    *("used_percent", "used_percent_low", "used_percent_high"),
    *("credits", "credits_low", "credits_high", "estimated"),
    *("source", "unit", "balance", "balance_low", "balance_high"),
)


class FigurePast(Struct, frozen=True):
    """One figure of an account or a balance over a time; `burn` None: not known."""

    account_id: str
    name: FigureName
    line: Timeline
    #: the windows that reach into this time, old to new, the running one last
    cycles: tuple[Cycle, ...] = ()
    burn: Burn[float] | Burn[Decimal] | None = None
    #: of a balance: the name of its source; its unit is the bucket of its figure
    source: str | None = None


def history_json(pasts: Iterable[FigurePast], names: AccountNames, now: datetime) -> str:
    """The document, ASCII only, ending in a newline; points and windows stand old to new."""
    document: Json = {
        "schema": SCHEMA,
        "generated_at": instant(now),
        "series": [_series(past, names) for past in pasts],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def history_csv(pasts: Iterable[FigurePast], names: AccountNames) -> str:
    """A row for each point; of an hour or a day its last value, its least and its most.

    Estimated is a value that was not read at that very time: the last of an hour or a day of which no more
    is kept, or that began while nobody read.
    """
    return csv_text(_COLUMNS, (row for past in pasts for row in _rows(past, names)))


def _series(past: FigurePast, names: AccountNames) -> Json:
    name, burn = past.name, past.burn
    return {
        "account": past.account_id if past.source is None else None,
        "label": _label(past, names),
        "metric": _METRIC[name.series] if past.source is None else BALANCE,
        "unit": _unit(past),
        "bucket": (name.bucket or None) if past.source is None else None,
        "window": name.window or None,
        "points": [{"at": instant(each.at), "value": _value(each.last)} for each in seen(past.line)],
        "windows_past": [
            {
                "started_at": instant(cycle.started_at),
                "ended_at": instant(cycle.ended_at),
                "peak_percent": number(cycle.peak_percent),
                "ended_by": None if cycle.ended_by is None else cycle.ended_by.value,
                "full_seconds": cycle.full_seconds,
            }
            for cycle in past.cycles
        ],
        "burn": {
            "last_hour": None if burn is None else _value(burn.last_hour),
            "last_24h": None if burn is None else _value(burn.last_24h),
            "usual_per_day": None if burn is None else _value(burn.usual_per_day),
        },
        "source": None if past.source is None else _label(past, names),
    }


def _rows(past: FigurePast, names: AccountNames) -> Iterator[tuple[Cell, ...]]:
    name, label, none = past.name, _label(past, names), (None, None, None)
    is_balance = past.source is not None
    account = None if is_balance else past.account_id
    bucket = None if is_balance else name.bucket or None
    whose = (account, label, BALANCE if is_balance else _METRIC[name.series])
    for point in seen(past.line):
        values = (point.last, point.low, point.high)
        is_estimated = point.is_moved or (point.last is not None and point.low is None)
        of_window = name.series is Series.WINDOW
        yield (
            *(point.at, *whose, bucket, name.window or None),
            *(values if of_window else none),
            *(none if of_window or is_balance else values),
            "true" if is_estimated else "false",
            *(label if is_balance else None, _unit(past) if is_balance else None),
            *(values if is_balance else none),
        )


def _label(past: FigurePast, names: AccountNames) -> str:
    if past.source is None:
        return names.label(past.account_id)
    return shown(past.source, mask=names.mask)


def _unit(past: FigurePast) -> str:
    if past.source is not None:
        return past.name.bucket
    return "percent" if past.name.series is Series.WINDOW else "credits"


class Seen(Point, frozen=True):
    """A point as programs are told it; `is_moved`: it was read somewhat later."""

    is_moved: bool = False


def seen(line: Timeline) -> list[Seen]:
    """The points, with one that knows nothing where a gap begins, and what was known again where it ends.

    An hour or a day that begins within a gap was read after it.
    """
    found: list[Seen] = []
    points = [Seen(each.at, each.low, each.high, each.last, each.resets_at) for each in line.points]
    at = 0
    for gap in line.gaps:
        while at < len(points) and points[at].at <= gap.start:
            found.append(points[at])
            at += 1
        held = found[-1] if found else None
        if held is not None:
            found.append(Seen(gap.start, None, None, None))
            held = Seen(gap.end, held.last, held.last, held.last, held.resets_at)
        while at < len(points) and points[at].at < gap.end:
            held = replace(points[at], at=gap.end, is_moved=True)
            at += 1
        is_told = at < len(points) and points[at].at == gap.end
        if held is not None and not is_told:
            found.append(held)
    return [*found, *points[at:]]


def _value(amount: Amount | None) -> Json:
    """Money as a string, digit for digit."""
    return f"{amount:f}" if isinstance(amount, Decimal) else number(amount)
