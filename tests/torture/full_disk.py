"""A refresh on disks that are really full and read-only: `python -m tests.torture.full_disk FOLDER`.

It mounts small ones, so it is started in a mount namespace of its own, which takes them along when it ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from poolwatch.domain.refresh import BlockReason, TokenOutcome
from poolwatch.words.messages import failure_text
from tests.torture.apps import Machine
from tests.torture.disks import spend_with
from tests.torture.forge import Forge, Job
from tests.torture.service import Service

_SIZE = "size=400k"


def main() -> int:
    """Every place full and read-only in turn, then free again."""
    root = Path(sys.argv[1])
    root.mkdir(parents=True)
    with Service() as service, Forge() as forge:
        for number, spoil in enumerate((_full_pool, _full_state, _read_only_pool, _read_only_state)):
            folder = root / f"m{number}"
            for name in ("pool", "state"):
                (folder / name).mkdir(parents=True, mode=0o700)
                _mount(folder / name, _SIZE)
            machine = Machine.fill(folder, service, f"ann{number}")
            before = machine.file.read_bytes()
            free = spoil(machine)

            def start(arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
                return forge.custody(arguments)

            step = spend_with(machine, start)
            assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.PATH), step
            assert step.failure is not None
            place = machine.file.parent if spoil in (_full_pool, _read_only_pool) else machine.state.root
            assert str(place) in failure_text(step.failure), step
            if spoil is _full_pool:
                assert "bytes free" in failure_text(step.failure), step
            assert service.seen(machine.family).posts == 0
            assert machine.file.read_bytes() == before
            free()
            assert spend_with(machine, start).outcome is TokenOutcome.REFRESHED
            assert machine.holds(service.seen(machine.family).valid)
            assert not machine.debris()
    return 0


def _mount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)


def _fill(place: Path) -> Path:
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as out, suppress(OSError):
        while out.write(bytes(1024)):
            pass
    return ballast


def _full_pool(machine: Machine) -> Callable[[], object]:
    return _fill(machine.file.parent).unlink


def _full_state(machine: Machine) -> Callable[[], object]:
    return _fill(machine.state.root).unlink


def _read_only(place: Path) -> Callable[[], object]:
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    return lambda: subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)


def _read_only_pool(machine: Machine) -> Callable[[], object]:
    return _read_only(machine.file.parent)


def _read_only_state(machine: Machine) -> Callable[[], object]:
    return _read_only(machine.state.root)


if __name__ == "__main__":
    sys.exit(main())
