"""Replies that are lost, cut at every offset, garbage, or point elsewhere."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence

from poolwatch.domain.refresh import BlockReason, TokenOutcome
from tests.torture.apps import Machine
from tests.torture.disks import spend_with
from tests.torture.forge import Forge, Job
from tests.torture.service import Fault, Service
from tests.torture.tally import Order, Tally

_REDIRECTS = (301, 302, 303, 307, 308)
_GARBAGE_ROUNDS = 40


def run(order: Order) -> Tally:
    """Each kind of reply once: cuts at every offset in the long form, at every sixteenth in the short one."""
    tally = Tally("replies", order.aim)
    draw = random.Random(order.seed)
    with Service() as service, Forge() as forge:
        probe = Machine.make(order.folder / "probe", service, "probe")
        assert forge.custody(probe.order("a1")).wait() == 0
        length = service.seen("probe").answer_bytes
        mine = order.share(list(_faults(length, 1 if order.long else 16, service, draw)))
        tally.aim = len(mine)
        for number in order.rounds(tally, len(mine)):
            machine = Machine.make(order.folder / f"m{number}", service, f"ann{number}")
            _round(machine, forge, tally, mine[number])
            shutil.rmtree(machine.folder)
    return tally


def _faults(length: int, stride: int, service: Service, draw: random.Random) -> Iterator[Fault]:
    for offset in range(0, length, stride):
        yield Fault(cut_at=offset, reset=(offset // stride) % 2 == 1)
    if stride == 1:
        for offset in range(length):
            yield Fault(cut_at=offset, reset=offset % 2 == 0)
    yield Fault(cut_at=length - 1)
    yield Fault(cut_at=length - 1, reset=True)
    for status in _REDIRECTS:
        place = (f"Location: {service.elsewhere_url}",)
        yield Fault(exchange=False, status=status, headers=place)
    for status in (502, 504, 520, 524):
        yield Fault(status=status)
    for number in range(_GARBAGE_ROUNDS if stride == 1 else 6):
        garbage = draw.randbytes(draw.choice((0, 1, 40, 5_000, 70_000)))
        yield Fault(body=base64.b64encode(garbage).decode(), headers=_encodings(number))
    for text in (
        b"{}",
        b"[]",
        b"null",
        b'{"access_token": 5}',
        b'{"access_token": ""}',
        b"<html>Sign in</html>",
    ):
        yield Fault(body=base64.b64encode(text).decode())


def _encodings(number: int) -> tuple[str, ...]:
    kinds: tuple[tuple[str, ...], ...] = ((), ("Content-Encoding: gzip",), ("Content-Encoding: br",))
    return kinds[number % len(kinds)]


def _round(machine: Machine, forge: Forge, tally: Tally, fault: Fault) -> None:
    before = machine.file.read_bytes()
    first = machine.service.seen(machine.family)
    machine.service.fault(fault)

    def start(arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
        return forge.custody(arguments)

    step = spend_with(machine, start)
    again = spend_with(machine, start)
    machine.service.no_faults()
    seen = machine.service.seen(machine.family)
    words = str(fault)[:200]
    tally.posts += seen.posts
    tally.replays += seen.reused
    tally.check(seen.strangers == 0, f"{words}: something went elsewhere")
    if seen.valid == first.valid or not fault.exchange:
        # refused whole: the token is as good as before, and the second refresh took it
        tally.note("token still good")
        tally.check(step.outcome is TokenOutcome.FAILED, f"{words}: {step.outcome}")
        tally.check(
            again.outcome is TokenOutcome.REFRESHED and seen.posts == 2, f"{words}: then {again.outcome}"
        )
        tally.check(machine.holds(seen.valid), f"{words}: not stored")
        return
    tally.ambiguous += step.outcome is TokenOutcome.AMBIGUOUS
    tally.gone += 1
    tally.check(step.outcome is TokenOutcome.AMBIGUOUS, f"{words}: {step.outcome}")
    tally.check(again.block is BlockReason.ASK_FIRST, f"{words}: then {again.outcome} {again.block}")
    tally.check(seen.posts == 1, f"{words}: {seen.posts} requests")
    tally.check(machine.file.read_bytes() == before, f"{words}: the file changed")
