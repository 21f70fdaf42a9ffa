"""The figures against their targets, as a table for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Final

from benchmarks.figures import HELLO, LEAST, MANY
from benchmarks.process import cpu_model

Values = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    figure: str
    target: str
    measured: str
    ok: bool | None
    samples: int


def middle(values: Values, name: str) -> float:
    """The median of a figure."""
    return median(values[name])


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, math.ceil(round(share * len(ordered), 6)) - 1))]


def rows(values: Values) -> list[Row]:
    """All rows for which something was measured."""
    found: list[Row] = []
    for needs, make in _ROWS:
        if all(values.get(name) for name in needs):
            found += make(values)
    return found


def _beside_hello(what: str, figure: str) -> Callable[[Values], Iterable[Row]]:
    def make(values: Values) -> Iterable[Row]:
        least = middle(values, f"{figure} {HELLO}")
        for accounts in (LEAST, MANY):
            name = f"{figure} {accounts}"
            own = middle(values, name)
            measured = f"{own:.0f} ms, hello {least:.0f} ms: {own / least:.2f}x"
            yield Row(
                f"{what}, {accounts:,} stored accounts",
                "≤ 1.15x hello",
                measured,
                own <= 1.15 * least,
                len(values[name]),
            )

    return make


def _memory(values: Values) -> Iterable[Row]:
    hello, few, many = (middle(values, f"peak MB {name}") for name in (HELLO, LEAST, MANY))
    count = len(values[f"peak MB {MANY}"])
    yield Row(
        "peak memory at 1,000, client loaded",
        "≤ hello + 32 MB",
        f"{many:.1f} MB: hello + {many - hello:.1f} MB",
        many <= hello + 32,
        count,
    )
    yield Row("of it for 988 more accounts", "≤ 6 MB", f"{many - few:.1f} MB", many - few <= 6, count)


def _idle(values: Values) -> Iterable[Row]:
    for accounts in (LEAST, MANY):
        name = f"other bytes/min {accounts}"
        other = middle(values, name)
        measured = f"{other:.0f} bytes/min"
        found = f"output while nothing changes, {accounts:,}"
        yield Row(found, "0 bytes/min", measured, other == 0, len(values[name]))
    for accounts in (LEAST, MANY):
        name = f"countdown bytes/min {accounts}"
        ticking = middle(values, name)
        yield Row(
            f"output of ages and countdowns, {accounts:,}", "≤ 1.5 kB/min", f"{ticking / 1000:.2f} kB/min",
            ticking <= 1500, len(values[name]),
        )  # fmt: skip
    for accounts, target in ((MANY, 0.2), (LEAST, None)):
        name = f"idle cpu s/min {accounts}"
        cpu = middle(values, name)
        yield Row(
            f"CPU idle at {accounts:,}, polling apart",
            "≤ 0.2 s/min" if target else "",
            f"{cpu:.2f} s/min, hello {middle(values, f'idle cpu s/min {HELLO}'):.2f}",
            cpu <= target if target else None,
            len(values[name]),
        )


def _changes(values: Values) -> Iterable[Row]:
    for accounts in (LEAST, MANY):
        count = len(values[f"one bytes {accounts}"])
        sent = middle(values, f"one bytes {accounts}")
        yield Row(
            f"one card of {accounts:,} changes: output",
            "≤ 1.4 kB",
            f"{sent / 1000:.2f} kB",
            sent <= 1400,
            count,
        )
        wall, cpu = (middle(values, f"one painted, {unit} {accounts}") for unit in ("ms", "cpu ms"))
        yield Row(
            f"one card of {accounts:,} changes: time until written",
            "≤ 8 ms",
            f"{wall:.1f} ms ({cpu:.1f} ms CPU, what follows it included)",
            wall <= 8,
            count,
        )
    count = len(values[f"all painted, cpu ms {MANY}"])
    cpu = middle(values, f"all painted, cpu ms {MANY}")
    yield Row("all 1,000 change in one burst: on the loop", "≤ 16 ms", f"{cpu:.1f} ms CPU", cpu <= 16, count)
    taken = middle(values, f"all taken in, cpu ms {MANY}")
    yield Row("1,000 readings taken into the state, one by one", "", f"{taken:.1f} ms CPU", None, count)


def _keys(kind: str, words: str) -> Callable[[Values], Iterable[Row]]:
    def make(values: Values) -> Iterable[Row]:
        name = f"key ms {kind}"
        worst = percentile(values[name], 0.95)
        measured = f"{worst:.1f} ms (median {middle(values, name):.1f})"
        if kind == "poll":
            measured += f", {middle(values, 'polls while keys were pressed'):.0f} answers meanwhile"
        yield Row(f"key to paint at 1,000, p95, {words}", "≤ 16 ms", measured, worst <= 16, len(values[name]))

    return make


def _status(values: Values) -> Iterable[Row]:
    count = len(values["status s"])
    whole, ideal = middle(values, "status s"), middle(values, "status ideal s")
    asked = middle(values, "status requests")
    yield Row(
        f"`status --json --max-age 0`: {asked:.0f} requests at 50 ms, 20 at once",
        "≤ 1.15x N·RTT/C",
        f"{whole:.2f} s of {ideal:.2f} s: {whole / ideal:.2f}x",
        whole <= 1.15 * ideal,
        count,
    )
    cpu = middle(values, "status cpu ms/request")
    yield Row("CPU per request, storing it included", "aim ≤ 1 ms", f"{cpu:.2f} ms", cpu <= 1, count)


def _commands(values: Values) -> Iterable[Row]:
    count = len(values["bare ms"])
    line = middle(values, "status --line ms")
    yield Row("`status --line`, 1,000 stored accounts", "≤ 150 ms", f"{line:.0f} ms", line <= 150, count)
    bare, own = middle(values, "bare ms"), middle(values, "--version ms")
    yield Row(
        "`--version`", "≤ 2x a bare interpreter", f"{own:.1f} ms, bare {bare:.1f} ms: {own / bare:.2f}x",
        own <= 2 * bare, count,
    )  # fmt: skip


_ROWS: Final[Sequence[tuple[Sequence[str], Callable[[Values], Iterable[Row]]]]] = (
    ((f"first paint ms {HELLO}",), _beside_hello("first paint with figures", "first paint ms")),
    ((f"start cpu ms {HELLO}",), _beside_hello("CPU until then", "start cpu ms")),
    ((f"peak MB {HELLO}",), _memory),
    ((f"idle cpu s/min {HELLO}",), _idle),
    ((f"one bytes {MANY}", f"one bytes {LEAST}"), _changes),
    (("key ms idle",), _keys("idle", "idle")),
    (("key ms poll",), _keys("poll", "while 1,000 are polled")),
    (("key ms refusals",), _keys("refusals", "beside a pool of 1,000 refusals")),
    (("status s",), _status),
    (("bare ms",), _commands),
)


def table(found: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| figure | target | measured | met | samples |", "|---|---|---|---|---|"]
    marks = {True: "yes", False: "**no**", None: ""}
    lines += [
        f"| {row.figure} | {row.target} | {row.measured} | {marks[row.ok]} | {row.samples} |" for row in found
    ]
    return "\n".join(lines)


def machine(command: str, now: datetime) -> str:
    """What it was measured on."""
    load = os.getloadavg()[0]
    return (
        f"{now.astimezone(UTC):%Y-%m-%d}, `{command}`; {os.cpu_count()} cores of {cpu_model()}, "
        f"{platform.system()} {platform.release().partition('-')[0]}, Python {platform.python_version()}, "
        f"Textual {version('textual')}, httpx {version('httpx')}; load {load:.1f} at the end."
    )


def plain(found: Sequence[Row]) -> str:
    """Columns for a terminal."""
    cells = [("figure", "target", "measured", "met")]
    cells += [
        (row.figure, row.target, row.measured, {True: "yes", False: "NO", None: ""}[row.ok]) for row in found
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
