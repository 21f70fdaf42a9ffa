"""`python -m benchmarks.sessions`: what reading session files costs, beside ccusage's native program."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.ccusage import command_of, native_ccusage, version_of
from benchmarks.pool import plain_env
from benchmarks.process import Measured, cpu_seconds, measured
from benchmarks.report import Row, machine, plain, table, write_between
from benchmarks.use_screen import append_response, newest, on_screen
from poolwatch.demo.session_shapes import size_of
from poolwatch.domain.tokens import UseAsked
from poolwatch.sessions.book import UseBook

_WEEK: Final = 7 * 86_400
#: So many times its CPU may a first scan take.
_TIMES: Final = 1.5
_MEMORY: Final = 80.0
_SECOND: Final = 0.25
_SMALL_SECOND: Final = 0.5
_SEVEN_DAYS: Final = 1.0
_APPENDED: Final = 2.0
_APPENDS: Final = 10
_PATIENCE: Final = 10.0
_IDLE: Final = 20.0


@dataclass(frozen=True)
class Bench:
    """One folder of session files, and where what is known about it is kept."""

    home: Path
    work: Path
    rounds: int

    @property
    def truth(self) -> Mapping[str, object]:
        told: Mapping[str, object] = json.loads((self.home / "truth.json").read_text())
        return told

    @property
    def env(self) -> dict[str, str]:
        """A machine with nothing but this home."""
        nothing = self.work / "nothing"
        nothing.mkdir(exist_ok=True)
        return plain_env() | {"HOME": str(nothing), "CODEX_HOME": str(self.home)}

    def command(self, state: str, home: Path | None = None) -> list[str]:
        """The process that reads session files."""
        told = ["--state", str(self.work / state), "--home", str(home or self.home)]
        return [sys.executable, "-m", "poolwatch.sessions", *told]

    def scan(self, state: str, home: Path | None = None) -> Measured:
        """Read what changed."""
        return measured(self.command(state, home), self.env)

    def tokens(self, state: str, since: int = 0) -> int:
        """Input and output of all that was counted, from a quarter of an hour on."""
        asked = UseAsked(since, 2**40)
        return sum(cell.tokens.total for cell in UseBook(self.work / state).cells(asked))


def first_and_second(bench: Bench, values: dict[str, list[float]]) -> None:
    """Everything anew, once more, and what the process costs where nothing is."""
    for number in range(bench.rounds):
        state = f"state-{number}"
        first = bench.scan(state)
        values["first cpu"].append(first.cpu)
        values["first wall"].append(first.wall)
        values["first MB"].append(first.peak)
        values["tokens"] = [bench.tokens(state)]
        again = median(bench.scan(state).cpu for _ in range(3))
        values["second cpu"].append(again - start_of(bench))


def start_of(bench: Bench) -> float:
    """CPU of the process where nothing is."""
    return median(bench.scan("empty", bench.work / "nothing").cpu for _ in range(3))


def beside(bench: Bench, ccusage: Path, values: dict[str, list[float]]) -> None:
    """ccusage on the same folder."""
    for _ in range(bench.rounds):
        other = measured(command_of(ccusage), bench.env)
        values["ccusage cpu"].append(other.cpu)
        values["ccusage wall"].append(other.wall)
        values["ccusage MB"].append(other.peak)
        values["ccusage tokens"] = [json.loads(other.output)["totals"]["totalTokens"]]


def seven_days(bench: Bench, values: dict[str, list[float]]) -> None:
    """How long until the last week is complete while everything is read anew."""
    for number in range(bench.rounds):
        state = f"week-{number}"
        book = UseBook(bench.work / state)
        begun, wanted = time.perf_counter(), time.time() - _WEEK
        with subprocess.Popen(bench.command(state), env=bench.env, stdin=subprocess.DEVNULL) as running:
            while running.poll() is None:
                since = book.scan_state().newest_since
                if since is not None and since <= wanted:
                    break
                time.sleep(0.02)
            values["week s"].append(time.perf_counter() - begun)


def appended(bench: Bench, values: dict[str, list[float]]) -> None:
    """One more response in one file while the process watches: how long until it is counted."""
    path = newest(bench.home)
    lately = int(time.time() // 900) - 1
    before = bench.tokens("state-0", lately)
    watching = subprocess.Popen([*bench.command("state-0"), "--watch"], env=bench.env, stdin=subprocess.PIPE)
    time.sleep(2)
    for number in range(_APPENDS):
        append_response(path, f"bench-{number}", 1_000)
        before += 1_010
        begun = time.perf_counter()
        while bench.tokens("state-0", lately) < before and time.perf_counter() - begun < _PATIENCE:
            time.sleep(0.02)
        values["append s"].append(time.perf_counter() - begun)
    values["watch cpu"].append(idle(watching))


def idle(watching: subprocess.Popen[bytes]) -> float:
    """CPU seconds a minute of a process that watches and finds nothing; it is ended."""
    spent, begun = cpu_seconds(watching.pid), time.perf_counter()
    time.sleep(_IDLE)
    used = (cpu_seconds(watching.pid) - spent) * 60 / (time.perf_counter() - begun)
    watching.communicate(timeout=30)
    return used


def rows_of(
    size: str, bench: Bench, values: Mapping[str, Sequence[float]], ccusage: Path | None
) -> Iterator[Row]:
    """What was found in one folder."""
    truth = bench.truth
    use = truth["total"]
    assert isinstance(use, dict)
    tokens = use["input"] + use["output"]
    mine = {name: median(found) for name, found in values.items()}
    count = len(values["first cpu"])
    what = f"{size}, {truth['files']:,} files"
    cpu = f"{mine['first cpu']:.2f} s CPU, {mine['first wall']:.2f} s"
    if ccusage is None:
        yield Row(f"{what}: first scan", "", cpu, None, count)
    else:
        times = mine["first cpu"] / mine["ccusage cpu"]
        told = f"{cpu}; {version_of(ccusage)}: {mine['ccusage cpu']:.2f} s CPU, {mine['ccusage wall']:.2f} s"
        yield Row(
            f"{what}: first scan", f"≤ {_TIMES}x its CPU", f"{told}: {times:.2f}x", times <= _TIMES, count
        )
    told = f"{mine['first MB']:.0f} MB"
    if ccusage is not None:
        told += f"; ccusage {mine['ccusage MB']:.0f} MB"
    yield Row(f"{what}: most memory", f"≤ {_MEMORY:.0f} MB", told, mine["first MB"] <= _MEMORY, count)
    off = "all of them"
    if mine["tokens"] != tokens:
        off = f"{(mine['tokens'] - tokens) / tokens:+.3%}"
    if ccusage is not None:
        off += f"; ccusage {(mine['ccusage tokens'] - tokens) / tokens:+.1%}"
    yield Row(f"{what}: tokens found", "all of them", off, mine["tokens"] == tokens, 1)
    yield Row(
        f"{what}: second scan, beyond the process's own start",
        f"≤ {_SECOND} s CPU",
        f"{max(0.0, mine['second cpu']):.2f} s CPU",
        mine["second cpu"] <= _SECOND,
        count,
    )
    yield Row(
        f"{what}: the last seven days are complete",
        f"≤ {_SEVEN_DAYS:.0f} s",
        f"{mine['week s']:.2f} s",
        mine["week s"] <= _SEVEN_DAYS,
        count,
    )
    longest = max(values["append s"])
    yield Row(
        f"{what}: an appended line is counted",
        f"≤ {_APPENDED:.0f} s",
        f"{mine['append s']:.2f} s, {longest:.2f} s at most",
        longest <= _APPENDED,
        len(values["append s"]),
    )
    yield Row(f"{what}: watching them", "", f"{mine['watch cpu']:.2f} s CPU a minute", None, 1)


def small_files(bench: Bench) -> Iterator[Row]:
    """Tens of thousands of files in which nothing changed."""
    first = bench.scan("state")
    again = [bench.scan("state") for _ in range(max(3, bench.rounds))]
    second = median(each.cpu for each in again) - start_of(bench)
    what = f"{bench.truth['files']:,} small files"
    yield Row(f"{what}: first scan", "", f"{first.cpu:.2f} s CPU, {first.peak:.0f} MB", None, 1)
    yield Row(
        f"{what}: second scan, beyond the process's own start",
        f"≤ {_SMALL_SECOND} s",
        f"{second:.2f} s CPU, {median(each.wall for each in again):.2f} s in all",
        second <= _SMALL_SECOND,
        len(again),
    )
    watching = subprocess.Popen([*bench.command("state"), "--watch"], env=bench.env, stdin=subprocess.PIPE)
    time.sleep(5)
    yield Row(f"{what}: watching them", "", f"{idle(watching):.2f} s CPU a minute", None, 1)


def make(home: Path, *options: str) -> None:
    """A folder, by a process of its own."""
    command = [sys.executable, "-m", "poolwatch.demo.sessions", str(home), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the folders, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__)
    parser.add_argument("--size", action="append", help="of a folder; may be repeated (300MB)")
    parser.add_argument("--small", type=int, default=30_000, metavar="N", help="small files (30000; 0: none)")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each figure (3)")
    parser.add_argument("--folder", type=Path, help="where to make the folders; unset, a temporary one")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table to this file as well")
    given = parser.parse_args(argv)
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="poolwatch-sessions-", dir=given.folder) as name:
        folder = Path(name)
        ccusage = native_ccusage(folder / "npm")
        for size in given.size or ["300MB"]:
            assert size_of(size)
            _say(f"making {size}")
            bench = _bench(folder / size, given.rounds)
            make(bench.home, "--size", size, "--plain")
            values: dict[str, list[float]] = defaultdict(list)
            _say(f"reading {size}")
            if ccusage is not None:
                beside(bench, ccusage, values)
            first_and_second(bench, values)
            seven_days(bench, values)
            appended(bench, values)
            found += rows_of(size, bench, values, ccusage)
            found += on_screen(f"{size}, {bench.truth['files']:,} files", bench.home, bench.work)
            os.sync()
        if given.small:
            _say(f"making {given.small} small files")
            bench = _bench(folder / "small", given.rounds)
            make(bench.home, "--files", str(given.small), "--bulk", "0.01", "--turns", "1", "--fat", "0.001")
            found += small_files(bench)
            found += on_screen(f"{bench.truth['files']:,} small files", bench.home, bench.work)
    told = machine("make sessions", datetime.now(UTC))
    sys.stdout.write(f"{plain(found)}\n\n{told}\n")
    if given.write is not None:
        write_between(given.write, "sessions", f"{told}\n\n{table(found)}")
    return 0


def _bench(work: Path, rounds: int) -> Bench:
    work.mkdir(parents=True)
    return Bench(work / "home", work, rounds)


def _say(text: str) -> None:
    sys.stderr.write(f"poolwatch bench: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
