"""Answers that would eat memory or time: each costs its own account a reading, and nobody else anything."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.faults.bombs import BOMBS, lay_out, serve
from tests.faults.watch import ROOT

#: Small answers in disguise that are read for what they say.
_READ = {"good-1": "read [42.0]", "good-2": "read [42.0]", "long-number": "read []", "long-text": "read []"}


async def test_bombs_cost_little_and_only_their_own_account(tmp_path: Path) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    lay_out(tmp_path, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    looker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.bombs", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, _ = await looker.communicate()
    server.close()
    assert looker.returncode == 0
    found = json.loads(out)
    told = found["told"]
    assert set(told) == set(BOMBS)
    assert {name: told[name] for name in _READ} == _READ
    for name in BOMBS.keys() - _READ.keys() - {"many-buckets"}:
        assert not told[name].startswith("read"), f"{name}: {told[name]}"
    for name in ("gzip", "gzip-twice", "brotli"):
        assert "compressed" in told[name]
    for name in ("endless-chunks", "endless-body", "said-huge"):
        assert "more than 1024 KiB" in told[name] or "within 2 s" in told[name], told[name]
    for name in ("slow-headers", "slow-body", "slow-chunks", "silent"):
        assert "within 2 s" in told[name]
    assert "nested too deeply" in told["deep"]
    assert "web page" in told["page"]
    # the slow ones two seconds each, eight at once, and no account waits for another
    assert found["took"] < 15
    assert found["grown_mib"] < 20
