"""Blocking work that hangs holds up neither other work nor the end of the program."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from poolwatch.host.threads import in_thread

_HANGS = """
import asyncio, threading
from poolwatch.host.threads import in_thread

async def run():
    hanging = [asyncio.create_task(in_thread(threading.Event().wait)) for _ in range(100)]
    print(await in_thread(lambda: "well"))

asyncio.run(run())
"""


def test_what_hangs_holds_up_no_other_work_and_no_exit() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _HANGS], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "well\n", "")


async def test_an_error_comes_back() -> None:
    def fail() -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await in_thread(fail)
    assert await asyncio.wait_for(in_thread(lambda: 1), 20) == 1
