"""No descriptor, or no thread, is left: said while it lasts, and all as before when it is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.mounts import LOCAL_DISK
from tests.support.upstream import Upstream

_PROGRAM = """
import asyncio, json, logging, os, resource, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poolwatch.net.client import HttpClient
from poolwatch.store.store import Store
from tests.net.script import Script, reply
from tests.store.given import account

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

async def main(folder):
    # the test's own server has no descriptor left either, and says so
    logging.disable()
    told = {}
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    store = Store(folder, NOON)
    await store.ready()
    client = HttpClient()
    async with Script([reply()]) as server:
        await client.get(server.url, {}, deadline_seconds=5)
        # the server closes its side
        await asyncio.sleep(0.2)
        held = []
        try:
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        told["get"] = str(await client.get("http://localhost:9/", {}, deadline_seconds=5))
        told["post"] = str(await client.post(server.url, {}, b"x", deadline_seconds=5))
        told["saved"] = await store.save([account(1)], NOON)
        told["notices"] = [each.code for each in store.notices]
        for each in held:
            os.close(each)
        told["get after"] = str(await client.get(server.url, {}, deadline_seconds=5))
        told["post after"] = str(await client.post(server.url, {}, b"x", deadline_seconds=5))
        told["saved after"] = await store.save([account(1)], NOON)
        told["notices after"] = [each.code for each in store.notices]
        told["kept"] = len(await store.load_accounts())
        told["bodies"] = len(server.bodies)
    await store.aclose()
    print(json.dumps(told))

asyncio.run(main(Path(sys.argv[1])))
"""


def test_without_a_free_descriptor_it_says_so_and_recovers(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    told = json.loads(ended.stdout)
    assert "Failure" in told["get"]
    # nothing left this machine, so the token is good as ever
    assert "NotSent" in told["post"]
    assert told["saved"] or told["notices"]
    assert told["get after"].startswith("Reply(status=200")
    assert told["post after"].startswith("Reply(status=200")
    assert (told["saved after"], told["notices after"], told["kept"]) == (True, [], 1)


_NO_THREAD = """
import asyncio, json, os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from poolwatch.bootstrap.running import open_monitor
from poolwatch.bootstrap.surroundings import Options, look_around
from poolwatch.words.messages import failure_text

def refused(thread):
    raise RuntimeError("can't start new thread")

async def until(told):
    async with asyncio.timeout(20):
        while not told():
            await asyncio.sleep(0.02)

async def main(config, folder):
    around = look_around(Options(config, {}), {**os.environ, "POOLWATCH_STATE_DIR": folder})
    loop = asyncio.get_running_loop()
    errors = []
    loop.set_exception_handler(lambda _, context: errors.append(repr(context)))
    async with open_monitor(around) as running:
        session = asyncio.create_task(running.monitor.run())
        accounts = lambda: running.monitor.state.accounts.values()
        listed = lambda: running.monitor.state.sources.values()
        sources = lambda: [failure_text(each.failure) for each in listed() if each.failure]
        await until(lambda: any(each.read_at for each in accounts()))
        key = next(each.key for each in accounts() if each.read_at)
        progress = lambda: running.monitor.state.accounts[key].refresh
        read_at = running.monitor.state.accounts[key].read_at

        start, threading.Thread.start = threading.Thread.start, refused
        loop.set_default_executor(ThreadPoolExecutor(2))
        await running.monitor.refresh(key, usage_only=True)
        await until(lambda: progress() is not None and progress().done)
        during = failure_text(progress().usage.failure)
        kept = running.monitor.state.accounts[key].read_at == read_at
        await until(sources)
        said = sources()

        threading.Thread.start = start
        await running.monitor.refresh(key, usage_only=True)
        await until(lambda: running.monitor.state.accounts[key].read_at > read_at)
        await until(lambda: not sources())
        session.cancel()
        await asyncio.wait([session])
    print(json.dumps({"during": during, "kept": kept, "said": said, "errors": errors}))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


def test_without_a_free_thread_it_says_so_and_recovers(tmp_path: Path) -> None:
    with Upstream(tmp_path / "upstream", accounts=12) as upstream:
        ended = subprocess.run(
            [sys.executable, "-c", _NO_THREAD, str(upstream.config), str(tmp_path / "state")],
            cwd=Path(__file__).parents[2],
            env={
                **LOCAL_DISK,
                "PATH": os.environ["PATH"],
                "HOME": str(upstream.home),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            timeout=90,
        )
    assert (ended.returncode, ended.stderr) == (0, "")
    told = json.loads(ended.stdout)
    words = "this machine has no room for it: too many processes, or no memory"
    assert (told["during"], told["kept"], told["errors"]) == (words, True, [])
    assert set(told["said"]) == {words}
