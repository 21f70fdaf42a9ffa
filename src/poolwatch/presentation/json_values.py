"""How values stand in every JSON document: money as text, instants as RFC 3339, unknown as null."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from poolwatch.presentation.figures import is_figure

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    if at is None:
        return None
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def number(value: float | None) -> float | None:
    """A figure as it stands in a document; unknown, NaN and infinite are null."""
    return float(value) if is_figure(value) else None


def digits(amount: Decimal | None) -> str | None:
    """All as sent, in plain notation: `1234.5600`."""
    return None if amount is None else f"{amount:f}"
