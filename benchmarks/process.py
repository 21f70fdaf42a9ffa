"""What a process has cost so far, as the kernel counts it; Linux only."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROCESS_CLOCK = 2
#: seconds
_LOOK = 0.005


def cpu_seconds(pid: int) -> float:
    """CPU time of all its threads, those that have ended included."""
    return time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)


def peak_megabytes(pid: int) -> float:
    """The most memory that was ever resident, in MB of 1024 * 1024 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmHWM")


@dataclass(frozen=True, slots=True)
class Ended:
    """One run of a command, in seconds."""

    wall: float
    cpu: float
    code: int
    output: bytes


def run(command: Sequence[str], env: Mapping[str, str]) -> Ended:
    """Run a command to its end and count it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    ended = subprocess.run(
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ended(wall, cpu, ended.returncode, ended.stdout)


@dataclass(frozen=True, slots=True)
class Measured:
    """A command: seconds, those of what it started and waited for included, and the most MB of it alone."""

    wall: float
    cpu: float
    peak: float
    output: bytes


def measured(command: Sequence[str], env: Mapping[str, str]) -> Measured:
    """Run a command to its end; raises CalledProcessError when it fails.

    Its memory is looked at while it runs: what the kernel tells at the end counts that of whoever started it.
    """
    with tempfile.TemporaryFile() as output:
        begun, peak = time.perf_counter(), 0.0
        running = subprocess.Popen(command, env=dict(env), stdin=subprocess.DEVNULL, stdout=output)
        while True:
            ended, status, used = os.wait4(running.pid, os.WNOHANG)
            if ended:
                break
            with suppress(OSError, ValueError):
                peak = max(peak, peak_megabytes(running.pid))
            time.sleep(_LOOK)
        wall = time.perf_counter() - begun
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            raise subprocess.CalledProcessError(running.returncode, command)
        output.seek(0)
        return Measured(wall, used.ru_utime + used.ru_stime, peak, output.read())


def cpu_model() -> str:
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return os.uname().machine
