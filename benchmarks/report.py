"""The figures against their targets, as a table for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
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


#: The empty app is as fast as Textual lets anybody be; so much slower may the start be.
_START: Final = {LEAST: 1.35, MANY: 1.6}


def _starts(values: Values) -> Iterable[Row]:
    for figure, what in (
        ("first paint ms", "first paint with figures"),
        ("start cpu ms", "CPU until then"),
    ):
        hello = middle(values, f"{figure} {HELLO}")
        for accounts, most in _START.items():
            name = f"{figure} {accounts}"
            own = middle(values, name)
            binds = figure == "first paint ms"
            yield Row(
                f"{what}, {accounts:,} stored accounts",
                f"≤ {most}x hello" if binds else "",
                f"{own:.0f} ms, hello {hello:.0f} ms: {own / hello:.2f}x",
                own <= most * hello if binds else None,
                len(values[name]),
            )


def _memory(values: Values) -> Iterable[Row]:
    hello, few, many = (middle(values, f"peak MB {name}") for name in (HELLO, LEAST, MANY))
    count = len(values[f"peak MB {MANY}"])
    yield Row(
        "peak memory at 1,000, client loaded",
        "≤ hello + 45 MB",
        f"{many:.1f} MB: hello + {many - hello:.1f} MB",
        many <= hello + 45,
        count,
    )
    yield Row("of it for 988 more accounts", "", f"{many - few:.1f} MB", None, count)


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
            f"output of ages and countdowns, {accounts:,}", "", f"{ticking / 1000:.2f} kB/min",
            None, len(values[name]),
        )  # fmt: skip
    for accounts in (MANY, LEAST):
        name = f"idle cpu s/min {accounts}"
        hello = middle(values, f"idle cpu s/min {HELLO}")
        measured = f"{middle(values, name):.2f} s/min, hello {hello:.2f}"
        yield Row(f"CPU idle at {accounts:,}, polling apart", "", measured, None, len(values[name]))
    settling, cpu = (middle(values, f"settling {what} {MANY}") for what in ("s", "cpu s"))
    measured = f"{cpu:.1f} s CPU within {settling:.0f} s"
    yield Row(f"the first look at the past of {MANY:,}, before that", "", measured, None, 1)


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
            "",
            f"{wall:.1f} ms ({cpu:.1f} ms CPU, what follows it included)",
            None,
            count,
        )
    count = len(values[f"all painted, cpu ms {MANY}"])
    cpu = middle(values, f"all painted, cpu ms {MANY}")
    yield Row("all 1,000 change in one burst: on the loop", "", f"{cpu:.1f} ms CPU", None, count)
    taken = middle(values, f"all taken in, cpu ms {MANY}")
    yield Row("1,000 readings taken into the state, one by one", "", f"{taken:.1f} ms CPU", None, count)


def _ahead(values: Values) -> Iterable[Row]:
    turns = values["ahead turn, cpu ms"]
    p99 = percentile(turns, 0.99)
    measured = f"{p99:.1f} ms CPU at the 99th percentile, {max(turns):.1f} at most"
    yield Row("a turn of the loop while 1,000 forecasts are made", "≤ 5 ms", measured, p99 <= 5.0, len(turns))
    cost = middle(values, "ahead learned and foretold, cpu ms")
    count = len(values["ahead learned and foretold, cpu ms"])
    yield Row("one account learned from eight weeks, and foretold", "", f"{cost:.1f} ms CPU", None, count)
    anew = middle(values, "ahead foretold anew, cpu ms")
    yield Row("one account foretold anew, each hour", "≤ 1.5 ms", f"{anew:.2f} ms CPU", anew <= 1.5, count)


def _keys(kind: str, words: str) -> Callable[[Values], Iterable[Row]]:
    def make(values: Values) -> Iterable[Row]:
        name = f"key ms {kind}"
        worst = percentile(values[name], 0.95)
        measured = f"{worst:.1f} ms (median {middle(values, name):.1f})"
        if kind == "poll":
            measured += f", {middle(values, 'polls while keys were pressed'):.0f} answers meanwhile"
        if kind == "ahead":
            measured += f", {middle(values, 'foretold while keys were pressed'):.0f} made meanwhile"
        yield Row(f"key to paint at 1,000, p95, {words}", "≤ 16 ms", measured, worst <= 16, len(values[name]))

    return make


def _status(values: Values) -> Iterable[Row]:
    count = len(values["status s"])
    whole, ideal = middle(values, "status s"), middle(values, "status ideal s")
    asked = middle(values, "status requests")
    yield Row(
        f"`status --json --max-age 0`: {asked:.0f} requests at 50 ms, 20 at once",
        "",
        f"{whole:.2f} s of {ideal:.2f} s: {whole / ideal:.2f}x",
        None,
        count,
    )
    cpu = middle(values, "status cpu ms/request")
    yield Row("CPU per polled account, a plain connection", "", f"{cpu:.2f} ms", None, count)


def _tls(values: Values) -> Iterable[Row]:
    name = "tls cpu ms/request"
    cpu = middle(values, name)
    figure = "CPU per polled account, a fresh TLS connection included"
    yield Row(figure, "≤ 6 ms", f"{cpu:.2f} ms", cpu <= 6, len(values[name]))


def _commands(values: Values) -> Iterable[Row]:
    count = len(values["bare ms"])
    line = middle(values, "status --line ms")
    yield Row("`status --line`, 1,000 stored accounts", "≤ 200 ms", f"{line:.0f} ms", line <= 200, count)
    asked = middle(values, "check ms")
    yield Row("`check`, 1,000 stored accounts", "≤ 250 ms", f"{asked:.0f} ms", asked <= 250, count)
    bare, own = middle(values, "bare ms"), middle(values, "--version ms")
    yield Row(
        "`--version`", "≤ 2x a bare interpreter", f"{own:.1f} ms, bare {bare:.1f} ms: {own / bare:.2f}x",
        own <= 2 * bare, count,
    )  # fmt: skip


_ROWS: Final[Sequence[tuple[Sequence[str], Callable[[Values], Iterable[Row]]]]] = (
    ((f"first paint ms {HELLO}",), _starts),
    ((f"peak MB {HELLO}",), _memory),
    ((f"idle cpu s/min {HELLO}",), _idle),
    ((f"one bytes {MANY}", f"one bytes {LEAST}"), _changes),
    (("ahead turn, cpu ms",), _ahead),
    (("key ms idle",), _keys("idle", "idle")),
    (("key ms poll",), _keys("poll", "while 1,000 are polled")),
    (("key ms ahead",), _keys("ahead", "while 1,000 forecasts are made")),
    (("key ms refusals",), _keys("refusals", "beside a pool of 1,000 refusals")),
    (("status s",), _status),
    (("tls cpu ms/request",), _tls),
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


def write_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between the two marks of that name in a file."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    known = path.read_text() if path.exists() else f"{begin}{end}\n"
    head, _, rest = known.partition(begin)
    tail = rest.partition(end)[2]
    path.write_text(f"{head}{begin}\n{text}\n\n{end}{tail}")
