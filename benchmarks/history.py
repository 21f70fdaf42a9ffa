"""`python -m benchmarks.history`: a year of sixty accounts in the store, its size and how fast it opens."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

from tests.support.years import days_of, key

from poolwatch.domain.series import FigureName, Finest, Series
from poolwatch.store.database import Database

_END: Final = datetime(2026, 11, 20, tzinfo=UTC)
_WEEKLY: Final = FigureName(Series.WINDOW, "codex", "weekly")
_ROUNDS: Final = 5
_AT_ONCE: Final = 10


def main(argv: Sequence[str] | None = None) -> int:
    """Make it, measure it, say it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--accounts", type=int, default=60)
    parser.add_argument("--days", type=int, default=365)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="poolwatch-year-") as folder:
        state = Path(folder)
        took = _timed(lambda: make(state, given.accounts, given.days))
        _say(f"{given.accounts} accounts, {given.days} days: made in {took:.0f} s")
        size = sum(each.stat().st_size for each in state.glob("poolwatch.db*"))
        _say(f"{size / 1e6:.1f} MB on disk")
        for table, taken, rows in tables(state):
            _say(f"  {table:12} {taken / 1e6:7.2f} MB {rows:9} rows")
        held = Database(state, _END)
        _say(f"opening the database again: {_timed(lambda: Database(state, _END).close()) * 1000:.0f} ms")
        for name, work in views(held, given.accounts).items():
            found = median(_timed(work) for _ in range(_ROUNDS)) * 1000
            _say(f"{name}: {found:.1f} ms")
        held.close()
    return 0


def make(state: Path, accounts: int, days: int, lived: Callable[[int], None] = lambda day: None) -> None:
    """Live through the days, ten accounts with one write, with the rounds of retention along with it.

    `lived` is told after each.
    """
    first = _END - timedelta(days=days)
    held = Database(state, first)
    lives = [days_of(number, first, days) for number in range(accounts)]
    for number in range(days):
        told = [next(each) for each in lives]
        for some in (told[begin : begin + _AT_ONCE] for begin in range(0, accounts, _AT_ONCE)):
            rows = [row for day in some for row in day.rows]
            cycles = [cycle for day in some for cycle in day.cycles]
            events = [event for day in some for event in day.events]
            gaps = [gap for day in some for gap in day.gaps]
            assert held.save((), told[0].end, rows, cycles=cycles, events=events, gaps=gaps)
        lived(number)
    held.close()


def views(held: Database, accounts: int) -> dict[str, Callable[[], object]]:
    """What a history screen asks for, by what it shows."""
    one, ids = key(0).id, [key(number).id for number in range(accounts)]
    day = timedelta(days=1)

    def account(since: datetime) -> None:
        held.figures(one)
        held.timeline(one, _WEEKLY, since, _END)
        held.cycles([one], 12)
        held.events(_END - 7 * day, most=50)

    def pool(since: datetime, finest: Finest) -> None:
        for each in ids:
            held.timeline(each, _WEEKLY, since, _END, finest)

    return {
        "an account, a week": lambda: account(_END - 7 * day),
        "an account, 90 days": lambda: account(_END - 90 * day),
        "an account, a year": lambda: account(_END - 365 * day),
        "the pool, a week by hours": lambda: pool(_END - 7 * day, Finest.HOUR),
        "the pool, 90 days by days": lambda: pool(_END - 90 * day, Finest.DAY),
        "the pool, a year by days": lambda: pool(_END - 365 * day, Finest.DAY),
        "all cycles, twelve of each window": lambda: held.cycles(None, 12),
    }


def tables(state: Path) -> list[tuple[str, int, int]]:
    """Each table with its bytes and rows; none where SQLite cannot tell."""
    with closing(sqlite3.connect(state / "poolwatch.db")) as direct:
        names = [name for (name,) in direct.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        try:
            sizes = dict(direct.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        except sqlite3.Error:
            return []
        return [
            (name, sizes[name], direct.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608 - its own names
            for name in names
            if name in sizes
        ]


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
