"""A process ends by a signal in time, in order where it can and whatever hangs where it cannot."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial

import pytest

_BEGIN = """
import asyncio, signal, sys, time
from poolwatch.host import stopping
stopping.PATIENCE_SECONDS = {patience}
{before}
stop = stopping.Stop(lambda: print("late", flush=True))
print("up", flush=True)
"""
HANGS = "time.sleep(60)"
WAITS = "code = asyncio.run(stop.asked()); print('in order'); sys.exit(code)"


def ended(script: str, *numbers: int) -> tuple[int, str]:
    """How a process ends that gets these signals, and what it said after the first word."""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - it takes no lock
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        for number in numbers:
            process.send_signal(number)
        said, _ = process.communicate(timeout=20)
    return process.returncode, said.decode().strip()


CODES = [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]


@pytest.mark.parametrize(("number", "code"), CODES[1:3])
def test_one_that_hangs_is_ended(number: int, code: int) -> None:
    assert ended(_BEGIN.format(patience=0.05, before="") + HANGS, number) == (code, "late")


@pytest.mark.parametrize(("number", "code"), CODES)
def test_one_that_does_not_ends_by_itself(number: int, code: int) -> None:
    assert ended(_BEGIN.format(patience=60, before="") + WAITS, number) == (code, "in order")


def test_the_first_signal_counts() -> None:
    script = _BEGIN.format(patience=60, before="") + WAITS
    assert ended(script, signal.SIGTERM, signal.SIGHUP, signal.SIGINT) == (0, "in order")


def test_a_hangup_that_is_ignored_stays_so() -> None:
    before = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    script = _BEGIN.format(patience=60, before=before) + WAITS
    assert ended(script, signal.SIGHUP, signal.SIGTERM) == (0, "in order")
