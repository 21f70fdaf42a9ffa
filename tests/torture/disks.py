"""Every call by which a refresh reaches the disk fails: once, from there on, or with half a write."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, cast
from unittest import mock

from poolwatch.custody import token_step as spending
from poolwatch.custody.recovery import recover
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.words.messages import failure_text
from tests.torture.apps import Machine, screen
from tests.torture.disk import CALLS, ERRORS, DiskFault
from tests.torture.forge import Forge, Job
from tests.torture.service import Service
from tests.torture.tally import Order, Tally

#: Starts a process as `poolwatch.custody.token_step.start_apart` does.
Start: TypeAlias = "Callable[[Sequence[str], Mapping[str, str]], Job]"
IN_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


def run(order: Order) -> Tally:
    """One refresh for each fault; a short run takes a share of them that is spread over all."""
    tally = Tally("disks", order.aim)
    if order.long:
        _real_disks(order, tally)
    with Service() as service, Forge() as forge:
        service.sign_in("count")
        counts = _counts(Machine.make(order.folder / "count", service, "count"), forge)
        plan = [
            (call, nth, error, lasting)
            for call in CALLS
            for nth in range(counts[call])
            for error in (*ERRORS, "short")
            for lasting in (True, False)
            if call == "write" or error != "short"
        ]
        random.Random(order.seed // order.lanes).shuffle(plan)
        mine = order.share(plan)
        tally.aim = len(mine)
        for number in order.rounds(tally, len(mine)):
            call, nth, error, lasting = mine[number]
            machine = Machine.make(order.folder / f"m{number}", service, f"ann{number}")
            fault = DiskFault(str(machine.folder), str(order.folder / "report"), call, nth, error, lasting)
            _Round(machine, forge, tally, fault).go()
            shutil.rmtree(machine.folder)
    return tally


def _real_disks(order: Order, tally: Tally) -> None:
    """A file system that is really full and really read-only, where this user may mount one."""
    if order.lane:
        return
    if not may_mount():
        tally.note("real disks skipped: no mount namespace")
        return
    ended = subprocess.run(
        [*IN_NAMESPACE, sys.executable, "-m", "tests.torture.full_disk", str(order.folder / "real")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=120,
    )
    tally.note("real disks")
    tally.check(ended.returncode == 0, f"real disks: {ended.stderr.decode()[-300:]}")


def may_mount() -> bool:
    """Whether a namespace with mounts of its own can be had."""
    try:
        return subprocess.run([*IN_NAMESPACE, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


def _counts(machine: Machine, forge: Forge) -> dict[str, int]:
    fault = DiskFault(str(machine.folder), str(machine.folder / "report"))
    assert forge.custody(machine.order("a1"), disk=fault).wait() == 0
    return cast("dict[str, int]", json.loads(Path(fault.report).read_text())["counts"])


def spend_with(machine: Machine, start: Start, *, try_once: bool = False) -> TokenStep:
    """A refresh as the app asks for it, whose process is started by `start`."""
    with started_by(start):
        request = machine.request(try_once=try_once)
        return asyncio.run(spending.spend(request, machine.fingerprint, datetime.now(UTC)))


@contextmanager
def started_by(start: Start) -> Iterator[None]:
    """While this lasts the app's custody processes are started by `start`."""
    with mock.patch.object(spending, "start_apart", start):
        yield


class _Round:
    def __init__(self, machine: Machine, forge: Forge, tally: Tally, fault: DiskFault) -> None:
        self.machine = machine
        self.forge = forge
        self.tally = tally
        self.fault = fault
        lasts = "from there on" if fault.lasting else "once"
        self.words = f"{fault.call} {fault.nth} {fault.error} {lasts}"

    def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
        return self.forge.custody(arguments, disk=self.fault)

    def go(self) -> None:
        machine, tally = self.machine, self.tally
        before, first = machine.file.read_bytes(), machine.service.seen(machine.family).valid
        Path(self.fault.report).unlink(missing_ok=True)
        step = spend_with(machine, self.start)
        report = json.loads(Path(self.fault.report).read_text())
        seen = machine.service.seen(machine.family)
        tally.posts += seen.posts
        tally.replays += seen.reused
        if not report["hit"]:
            tally.note("not met")
        elif self.fault.error == "short":
            tally.note("written in pieces")
            self.check(
                step.outcome is TokenOutcome.REFRESHED and machine.holds(seen.valid), f"{step.outcome}"
            )
        elif not report["sent"]:
            tally.note("before sending")
            self.before_sending(step, seen.posts)
        else:
            tally.note("after sending")
        if machine.login() is None:
            tally.torn += 1
            self.check(False, "the file is torn")
        if seen.valid == first:
            self.check(machine.file.read_bytes() == before, "the file changed")
        elif not machine.holds(seen.valid):
            self.after_sending(step, seen.valid)

    def before_sending(self, step: TokenStep, posts: int) -> None:
        """A disk that is bad from here on keeps the token unspent, and the message names the path."""
        if posts:
            # a fault that passed, or one that a refresh can do without
            self.check(not self.fault.lasting, f"{posts} requests on a bad disk, {step.outcome}")
            self.tally.note("passed over")
            return
        blocked = step.outcome is TokenOutcome.BLOCKED and step.block is BlockReason.PATH
        self.check(blocked, f"{step.outcome} instead of blocked")
        message = failure_text(step.failure) if step.failure is not None else ""
        self.check(str(self.machine.folder) in message and step.detail is not None, f"no path in: {message}")

    def after_sending(self, step: TokenStep, valid: str) -> None:
        """The reply could not be brought home: it waits, or the loss is said."""
        machine, tally = self.machine, self.tally
        if step.outcome is TokenOutcome.AMBIGUOUS:
            tally.note("said at once")
        waits = machine.waits(valid)
        self.check(
            waits or step.outcome is TokenOutcome.AMBIGUOUS,
            f"gone, and it says {step.outcome}: {step.failure}",
        )
        recover(machine.state.root, machine.fingerprint, datetime.now(UTC))
        if machine.holds(valid):
            tally.note("brought home by the next start")
            return
        shown = screen(machine)
        tally.gone += 1
        tally.ambiguous += shown.ambiguous
        if not shown.ambiguous:
            tally.lost += 1
            self.check(False, f"gone, and nobody says so: {shown}")

    def check(self, holds: bool, words: str) -> None:
        self.tally.check(holds, f"{self.words}: {words}")
