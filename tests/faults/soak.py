"""Days of a whole pool within minutes: what grows? `python -m tests.faults.soak --budget SECONDS`.

The monitor is the real one, with its database on a real disk; the service and the clock are simulated. A
tenth of all polls fails in one of seven ways, accounts come and go, and the machine sleeps every night.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.domain.account import Listing
from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import RateLimit, UsageSnapshot, UsageWindow
from poolwatch.presentation.view import Prefs
from poolwatch.sources.source import Directness, UsageReading
from poolwatch.ui.board import Board
from tests.monitor.scripted import WEEK, listing
from tests.monitor.turned_clock import START, TurnedClock

HOUR: Final = 3600.0
DAYS: Final = 7
ACCOUNTS: Final = 1000
#: The most that a day may add.
MOST_MB_A_DAY: Final = 0.5
_FAULTS: Final = (
    *(FailureKind.UNREACHABLE, FailureKind.THROTTLED, FailureKind.EDGE_BLOCKED, FailureKind.MALFORMED),
    *(FailureKind.UPSTREAM_ERROR, FailureKind.NOT_THE_SERVICE, None),
)


class Drifting:
    """A source whose figures move, whose polls fail now and then, and whose accounts come and go."""

    name = "homes"
    directness = Directness.SERVICE

    def __init__(self, accounts: int, clock: TurnedClock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._listings = [listing(f"p{number:04}", expires_at=None) for number in range(accounts)]
        self.polls = 0
        self.away = 0

    async def list_accounts(self, at: object) -> tuple[Listing, ...] | Failure:
        """All but the one that is away."""
        return tuple(each for index, each in enumerate(self._listings) if index != self.away)

    async def fetch_usage(
        self, entry: Listing, at: object, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """A figure, or one of seven failures."""
        self.polls += 1
        now = self._clock.now()
        mark = f"access-{entry.ref.place}"
        if self._rng.random() < 0.1:
            kind = self._rng.choice(_FAULTS)
            if kind is None:
                raise ValueError("an error of the source's own")
            retry_at = now + timedelta(minutes=7) if kind is FailureKind.THROTTLED else None
            return UsageReading(worded(kind, f"{kind.value} was said", retry_at), token_fingerprint=mark)
        hours = (now - START).total_seconds() / HOUR
        used = float(int(hours * 3 + sum(entry.ref.place.encode())) % 101)
        # resets twice a day, so that the shortest run sees some
        window = UsageWindow(used, WEEK, START + timedelta(hours=12 * (1 + int(hours / 12))))
        return UsageReading(
            UsageSnapshot(base=RateLimit(True, None, (window,))), "{}", token_fingerprint=mark,
            clock_offset=timedelta(seconds=self._rng.choice((-1, 0, 1))),
        )  # fmt: skip

    async def signature(self) -> Hashable:
        """Differs when another one is away."""
        return self.away


class DiskClock(TurnedClock):
    """A turned clock that waits for the database, which works by real time."""

    def __init__(self) -> None:
        super().__init__()
        self.running: Running | None = None
        self._asked = 0
        self._idle_at = 0

    def watch(self, running: Running) -> None:
        """Wait for this monitor's database from now on."""
        thread = vars(running.services.store)["_thread"]
        submit: Callable[..., object] = thread.submit

        def counted(*args: object, **more: object) -> object:
            self._asked += 1
            return submit(*args, **more)

        thread.submit = counted
        self.running = running

    async def settle(self) -> None:
        """Also until the database has nothing to do."""
        await super().settle()
        while self.running is not None and self._asked != self._idle_at:
            # it does one thing after another: this one comes behind all that was asked
            await self.running.services.store.facts()
            self._idle_at = self._asked
            await super().settle()


@dataclass(frozen=True)
class Sample:
    """The process after so many simulated hours."""

    hours: float
    polls: int
    rss_mb: float
    objects: int
    descriptors: int
    tasks: int
    threads: int
    database_mb: float


@dataclass
class Report:
    """What was seen."""

    accounts: int
    samples: list[Sample] = field(default_factory=list)
    #: what ended the monitor, or reached the event loop
    errors: list[str] = field(default_factory=list)

    def slope(self, since_hours: float) -> float:
        """Megabytes a day, by least squares."""
        found = [each for each in self.samples if each.hours >= since_hours]
        if len(found) < 3:
            return 0.0
        days = [each.hours / 24 for each in found]
        mean_x, mean_y = sum(days) / len(days), sum(each.rss_mb for each in found) / len(found)
        top = sum((x - mean_x) * (each.rss_mb - mean_y) for x, each in zip(days, found, strict=True))
        return top / sum((x - mean_x) ** 2 for x in days)

    def problems(self) -> list[str]:
        """What must not be, in words."""
        first, last = self.samples[len(self.samples) // 3], self.samples[-1]
        found = list(self.errors)
        for name in ("descriptors", "tasks", "threads"):
            was, now = getattr(first, name), getattr(last, name)
            if now > was + 2:
                found.append(f"{name}: {was} after {first.hours:.0f} h, {now} after {last.hours:.0f} h")
        if last.hours >= 72 and self.slope(24) >= MOST_MB_A_DAY:
            found.append(f"memory grows by {self.slope(24):.2f} MB a day")
        return found

    def line(self, days: float) -> str:
        """How far it came, for people."""
        last = self.samples[-1]
        return (
            f"soak: {last.hours / 24:.2f} of {days:g} simulated days x {self.accounts} accounts,"
            f" {last.polls} polls; {last.rss_mb:.1f} MB, {self.slope(24):+.2f} MB a day after the first;"
            f" {last.descriptors} file descriptors, {last.tasks} tasks, {last.threads} threads;"
            f" {last.objects} objects, database {last.database_mb:.1f} MB"
        )


async def soak(
    folder: Path,
    accounts: int,
    days: float,
    ends: float,
    told: Callable[[Report], None] = lambda _: None,
    step: float = HOUR,
) -> Report:
    """Run the monitor through these days, or until `ends` by the process's clock; a sample each `step`."""
    clock, rng = DiskClock(), random.Random(5)
    source = Drifting(accounts, clock, rng)
    report = Report(accounts)
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: report.errors.append(str(context.get("exception") or context.get("message")))
    )
    env = {"HOME": str(folder), "POOLWATCH_STATE_DIR": str(folder / "state")}
    around = look_around(Options(None, {}), env)
    if not isinstance(around, Surroundings):
        raise TypeError(around.text)
    async with open_monitor(around, clock) as running:
        clock.watch(running)
        running.monitor.add_source(source)
        board = Board(running.monitor.state, Prefs(PoolRules()), clock.now(), "pool")

        async def follow() -> None:
            async for change in running.monitor.ledger.changes():
                board.take(change.state)

        tasks = [asyncio.create_task(follow()), asyncio.create_task(running.monitor.run())]
        try:
            # what an earlier run left is looked for on a thread, by real time
            while not running.monitor.state.accounts and not tasks[1].done():  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.01)
            for turn in range(int(days * 24 * HOUR / step) + 1):
                report.samples.append(_sample(turn * step / HOUR, source, folder))
                told(report)
                if time.monotonic() > ends or tasks[1].done():
                    break
                source.away = turn % accounts
                if turn % 24 == 16:
                    clock.leap(timedelta(hours=9))
                await clock.advance(step)
                board.tick(clock.now())
                if board.strip.accounts < accounts - 1:
                    report.errors.append(f"{board.strip.accounts} accounts are shown")
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
    return report


def _sample(hours: float, source: Drifting, folder: Path) -> Sample:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Sample(
        hours,
        source.polls,
        pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        len(gc.get_objects()) + gc.get_freeze_count(),
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - a kernel folder
        len(asyncio.all_tasks()),
        threading.active_count(),
        sum(file.stat().st_size for file in (folder / "state").iterdir()) / 1e6,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The terminal matrix for a share of the budget, then the days; 1 if anything grew or broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--budget", type=float, default=3600.0, help="seconds in all")
    parser.add_argument("--days", type=float, default=DAYS)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--no-terminals", action="store_true", help="the days alone")
    given = parser.parse_args(arguments)
    ends = time.monotonic() + given.budget
    code = 0
    if not given.no_terminals:
        share = min(given.budget / 4, 600.0)
        command = [sys.executable, "-m", "tests.faults.terminals", "--all", "--budget", str(share)]
        played = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=share + 120)
        wrong = [line for line in played.stdout.splitlines() if not line.endswith('"trouble": ""}')]
        for line in wrong:
            _say(f"  BROKEN: {line}")
        code = played.returncode
    said = time.monotonic()

    def told(report: Report) -> None:
        nonlocal said
        if time.monotonic() - said > 20:
            said = time.monotonic()
            _say(report.line(given.days))

    # in memory where the system offers it: a disk takes its time, and wears, for millions of writes
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="poolwatch-soak-", dir=place) as folder:
        report = asyncio.run(soak(Path(folder), given.accounts, given.days, ends, told))
    problems = report.problems()
    _say(report.line(given.days))
    for problem in problems[:20]:
        _say(f"  BROKEN: {problem}")
    _say("broken" if problems or code else "nothing grew, nothing broke")
    return int(bool(problems) or bool(code))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
