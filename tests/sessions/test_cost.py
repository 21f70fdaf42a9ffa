"""From session files to dollars: what the demo's folder cost, priced here by a table written by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Final

from poolwatch.config.rate_card import shipped_card
from poolwatch.demo.session_shapes import Plan
from poolwatch.demo.sessions import Folder
from poolwatch.demo.truth import QUARTER, Cell, Spent
from poolwatch.domain.quarters import Calendar
from poolwatch.domain.rates import PICO_PER_DOLLAR
from poolwatch.domain.tokens import GroupBy, UseAsked
from poolwatch.domain.use_sums import Group, use_rows
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.scan import Scan
from poolwatch.sessions.tables import open_to_write

#: The end of 2026-11-29, so that 150 days hold the cuts of July and August.
UNTIL: Final = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
MILLION: Final = 1_000_000
#: By first day: input, cached, cache write, output in dollars per million, and the factor of the fast tier.
PRICES: Final[Mapping[str, Sequence[tuple[date, str, Fraction | None]]]] = {
    "gpt-5.3-codex": [(date.min, "1.75 0.175 1.75 14", Fraction(2))],
    "gpt-5.3-codex-spark": [(date.min, "0 0 0 0", None)],
    "gpt-5.4": [(date.min, "2.5 0.25 2.5 15", Fraction(2))],
    "gpt-5.5": [(date.min, "5 0.5 5 30", Fraction(5, Fraction(2)))],
    "gpt-5.6-sol": [
        (date.min, "- - - -", None),
        (date(2026, 7, 9), "5 0.5 6.25 30", Fraction(2)),
        (date(2026, 8, 21), "4 0.4 5 20", Fraction(2)),
    ],
    "gpt-6-astra": [(date.min, "- - - -", None), (date(2026, 9, 3), "10 1 12.5 50", Fraction(2))],
    "gpt-6-sol": [(date.min, "- - - -", None), (date(2026, 9, 22), "2 0.2 2.5 10", Fraction(2))],
    "gpt-6-luna": [(date.min, "- - - -", None), (date(2026, 9, 22), "0.1 0.01 0.125 0.5", Fraction(2))],
    "gpt-6.1-terra": [(date.min, "- - - -", None), (date(2026, 10, 26), "1 0.05 1.25 5", Fraction(2))],
    "codex-auto-review": [
        (date.min, "2.5 0.25 2.5 15", Fraction(2)),
        (date(2026, 7, 30), "0.2 0.02 0.25 1.2", Fraction(2)),
    ],
}
#: A long request of these costs twice as much in, and half as much again out.
SURCHARGED: Final = {*PRICES} - {"gpt-5.3-codex", "gpt-5.3-codex-spark"}


def by_hand(cell: Cell, spent: Spent) -> Fraction | None:
    """What one cell of the truth cost, in dollars."""
    day = datetime.fromtimestamp(cell.quarter * QUARTER, UTC).date()
    if cell.model is None:
        return None
    _, text, fast = next(step for step in reversed(PRICES[cell.model]) if step[0] <= day)
    prices = [None if part == "-" else Fraction(part) for part in text.split()]
    use = spent.use
    plain = use.input - use.cached - use.cache_write
    surcharge = cell.long_context and cell.model in SURCHARGED
    inward, outward = (Fraction(2), Fraction(3, 2)) if surcharge else (Fraction(1), Fraction(1))
    counts = (plain * inward, use.cached * inward, use.cache_write * inward, use.output * outward)
    cost = Fraction(0)
    for count, price in zip(counts, prices, strict=True):
        if count and price is None:
            return None
        cost += count * (price or Fraction(0)) / MILLION
    if cell.tier == "fast":
        return None if fast is None else cost * fast
    return cost


def test_the_demos_folder_costs_what_its_truth_costs_by_hand(tmp_path: Path) -> None:
    truth = Folder(tmp_path / "home", 11, Plan(UNTIL, days=150, bulk=0.02, turns=3, fat=0.002)).fill(900_000)
    with closing(open_to_write(tmp_path / "state")) as change:
        Scan(change, [str(tmp_path / "home")], lambda: UNTIL).look()
    book = UseBook(tmp_path / "state")
    expected: dict[Group, Fraction] = defaultdict(Fraction)
    unpriced: dict[Group, int] = defaultdict(int)
    for cell, spent in truth.cells.items():
        group = Group(cell.model, cell.tier == "fast")
        cost = by_hand(cell, spent)
        if cost is None:
            unpriced[group] += spent.requests
        expected[group] += cost or Fraction(0)
    # however much the store joins, the price is that of each UTC day
    for by in (GroupBy.MODEL, None, GroupBy.PROJECT):
        for joined_at in ((), (0,), (0, 30, 61)):
            cells = book.cells(UseAsked(0, 10**7, by=by, joined_at=joined_at))
            rows = use_rows(cells, GroupBy.MODEL, shipped_card(), Calendar(UTC))
            found = {row.group: Fraction(row.sum.pico, PICO_PER_DOLLAR) for row in rows}
            assert found == expected
            assert {
                row.group: row.sum.unpriced_requests for row in rows if row.sum.unpriced_requests
            } == unpriced
    # the folder has everything that a price depends on
    assert sum(expected.values()) > 0
    assert {group.fast for group in expected} == {True, False}
    assert {cell.long_context for cell in truth.cells} == {True, False}
    assert unpriced
