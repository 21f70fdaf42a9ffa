"""Cells of use and a card of round prices, for tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from poolwatch.domain.quarters import quarter_of
from poolwatch.domain.rates import Rate, RateCard, prices_of
from poolwatch.domain.tokens import Tier, Tokens, UseCell

#: $1 a million of input, $0.10 from the cache, $10 of output; the other one costs half, from June on a tenth
CARD = RateCard(
    "made",
    date(2026, 11, 12),
    [
        Rate(
            "sol",
            prices_of("1", "0.1", "1.25", "10"),
            above=prices_of("2", "0.2", "2.5", "15"),
            credits=prices_of("25", "2.5", "0", "250"),
        ),
        Rate("terra", prices_of("0.5", "0.05", "0.625", "5"), until=date(2026, 5, 31)),
        Rate("terra", prices_of("0.1", "0.01", "0.125", "1"), since=date(2026, 6, 1)),
        Rate("quick", prices_of("1", "0.1", None, "10"), fast_usd=Decimal(2)),
        Rate("quicker", prices_of("0.1", "0.01", None, "1"), fast_usd=Decimal(2)),
        Rate("free", prices_of("0", "0", "0", "0")),
    ],
)
DOLLAR = 10**12


def quarter(text: str) -> int:
    """The quarter of an instant in UTC: `2026-11-20 14:00`."""
    return quarter_of(datetime.fromisoformat(text).replace(tzinfo=UTC))


def cell(
    at: str = "2026-11-20 12:00", model: str | None = "sol", tokens: int = 10**6, **more: Any
) -> UseCell:
    """One request of so many input tokens, unless it says other ones."""
    fields: dict[str, Any] = {"tokens": Tokens(input=tokens), "requests": 1, "long_context": False}
    return UseCell(quarter=quarter(at), model=model, **{"tier": Tier.STANDARD, **fields, **more})
