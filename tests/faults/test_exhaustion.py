"""No descriptor left to open anything: said while it lasts, and all as before when it is over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import asyncio, json, os, resource, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from poolwatch.net.client import HttpClient
from poolwatch.store.store import Store
from tests.net.script import Script, reply
from tests.store.given import account

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

async def main(folder):
    told = {}
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    store = Store(folder, NOON)
    await store.ready()
    async with Script([reply()]) as server, HttpClient() as client:
        await client.get(server.url, {}, deadline_seconds=5)
        # one that is not kept: the next one needs a descriptor
        held = []
        try:
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        told["get"] = str(await client.get("http://localhost:9/", {}, deadline_seconds=5))
        told["post"] = str(await client.post(server.url, {}, b"x", deadline_seconds=5))
        told["saved"] = await store.save([account(1)], NOON)
        told["notices"] = store.notices
        for each in held:
            os.close(each)
        told["get after"] = str(await client.get(server.url, {}, deadline_seconds=5))
        told["post after"] = str(await client.post(server.url, {}, b"x", deadline_seconds=5))
        told["saved after"] = await store.save([account(1)], NOON)
        told["notices after"] = store.notices
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
