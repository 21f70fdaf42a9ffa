"""Poolwatch beside a codex that refreshes its login again and again; `make interop` shows the real one.

Without a `codex` on the PATH a stand-in takes its place: a program with the same command, files and messages.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from poolwatch.bootstrap.parts import Running
from poolwatch.domain.account import AccountKey
from poolwatch.domain.refresh import BlockReason, RefreshProgress
from tests.torture.apps import Machine, monitor, write_login
from tests.torture.service import Service

pytestmark = pytest.mark.slow

ROUNDS = {"stand-in": 4, "codex": 20}
#: Codex renews at its start what lives for less than five minutes.
SHORT_LIVED_SECONDS = 240

STAND_IN = """#!{python}
import base64, json, os, sys, time, urllib.request
home = os.environ["CODEX_HOME"]
path = os.path.join(home, "auth.json")
ask = urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open
def call(url, body=None, **headers):
    request = urllib.request.Request(url, data=body, headers={{"User-Agent": "codex_cli_rs", **headers}})
    with ask(request, timeout=20) as reply:
        return json.loads(reply.read())
def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
login = json.load(open(path))
claims(login["tokens"]["id_token"])
if claims(login["tokens"]["access_token"])["exp"] < time.time() + 300:
    order = {{"grant_type": "refresh_token", "refresh_reason": "proactive_expiry"}}
    order["refresh_token"] = login["tokens"]["refresh_token"]
    got = call(os.environ["CODEX_REFRESH_TOKEN_URL_OVERRIDE"], json.dumps(order).encode())
    login["tokens"] |= {{key: got[key] for key in ("id_token", "access_token", "refresh_token")}}
    with open(path + ".new", "w") as out:
        json.dump(login, out, indent=2)
    os.chmod(path + ".new", 0o600)
    os.replace(path + ".new", path)
base = open(os.path.join(home, "config.toml")).read().split('chatgpt_base_url = "')[1].split('"')[0]
for line in sys.stdin:
    said = json.loads(line)
    if "id" not in said:
        continue
    if said["method"] == "account/rateLimits/read":
        call(base + "/wham/usage", Authorization="Bearer " + login["tokens"]["access_token"])
    print(json.dumps({{"id": said["id"], "result": {{}}}}), flush=True)
"""


@dataclass(frozen=True)
class Codex:
    """A codex program and the home it works on."""

    program: Path
    home: Path
    service: Service
    rounds: int

    @classmethod
    def make(cls, program: Path, home: Path, service: Service, rounds: int, document: object) -> Codex:
        """A home with a login in it."""
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(
            f'chatgpt_base_url = "{service.base_url}"\ncli_auth_credentials_store = "file"\n'
        )
        write_login(home / "auth.json", document)
        return cls(program, home, service, rounds)

    @property
    def environment(self) -> Mapping[str, str]:
        """As its owner would start it."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home.parent),
            "CODEX_HOME": str(self.home),
            "CODEX_REFRESH_TOKEN_URL_OVERRIDE": self.service.token_url,
        }

    def token(self) -> str:
        """The refresh token in its file."""
        return str(json.loads((self.home / "auth.json").read_text())["tokens"]["refresh_token"])

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.program, "app-server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            cwd=self.home,
        )

    async def work(self, meanwhile: object = None) -> Mapping[str, object]:
        """Start it, have it read its limits, and end it; `meanwhile` runs while it is alive."""
        process = await asyncio.to_thread(self._start)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            client = {"name": "interop", "title": "interop", "version": "1"}
            _say(process.stdin, {"id": 0, "method": "initialize", "params": {"clientInfo": client}})
            await asyncio.to_thread(_answer, process.stdout, 0)
            _say(process.stdin, {"method": "initialized"})
            if meanwhile is not None:
                assert callable(meanwhile)
                await meanwhile()
            _say(process.stdin, {"id": 1, "method": "account/rateLimits/read"})
            return await asyncio.to_thread(_answer, process.stdout, 1)
        finally:
            process.stdin.close()
            await asyncio.to_thread(process.wait, 60)
            process.stdout.close()


def _say(to_codex: IO[bytes], message: object) -> None:
    to_codex.write(json.dumps(message).encode() + b"\n")
    to_codex.flush()


def _answer(from_codex: IO[bytes], number: int) -> Mapping[str, object]:
    for line in from_codex:
        said: dict[str, object] = json.loads(line)
        if said.get("id") == number and "method" not in said:
            return said
    raise AssertionError("codex ended without an answer")


async def _listed(running: Running, user: str) -> AccountKey:
    """The account of a user, once the monitor polls."""
    async with asyncio.timeout(30):
        while True:
            keys = [key for key in running.session.state.accounts if key.user_id == user]
            if keys and running.session.polls:
                return keys[0]
            await asyncio.sleep(0.01)


@pytest.fixture(params=["stand-in", "codex"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def program(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if kind == "codex":
        found = shutil.which("codex")
        if found is None:
            pytest.skip("no codex program on the PATH")
        return Path(found)
    folder = tmp_path / "bin"
    folder.mkdir()
    stand_in = folder / "codex"
    stand_in.write_text(STAND_IN.format(python=sys.executable))
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return stand_in


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


async def test_codex_keeps_its_login_beside_poolwatch(
    kind: str, program: Path, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.expires_in(SHORT_LIVED_SECONDS)
    home = tmp_path / "codex-home"
    codex = Codex.make(program, home, service, ROUNDS[kind], service.sign_in("cod"))
    more = (
        f'[[sources]]\nkind = "codex-home"\npath = "{home}"\n'
        f'base_url = "{service.base_url}"\ntoken_url = "{service.token_url}"\n'
    )
    machine = Machine.make(tmp_path / "machine", service, "ann", more)
    monkeypatch.setenv("CODEX_REFRESH_TOKEN_URL_OVERRIDE", service.token_url)
    async with monitor(machine.folder) as running:
        key = await _listed(running, "user-cod")
        pressed: list[RefreshProgress] = []

        async def press() -> None:
            pressed.append(await running.parts.chain.run(key))

        for _ in range(codex.rounds):
            limits = await codex.work(press)
            assert "error" not in limits
            await running.parts.chain.run(key, usage_only=True)
            seen = service.seen("cod")
            assert codex.token() == seen.valid
            assert (seen.own_posts, seen.reused) == (0, 0)
    assert seen.posts >= codex.rounds - 1
    steps = [progress.token for progress in pressed]
    # while codex is alive its login is read, and never renewed by way of a second codex
    assert all(step is not None and step.block in (None, BlockReason.CODEX_RUNNING) for step in steps)
    assert service.seen("cod").unknown == 0


async def test_codex_accepts_a_file_that_poolwatch_wrote(
    program: Path, service: Service, tmp_path: Path
) -> None:
    machine = Machine.make(tmp_path / "machine", service, "ann")
    async with monitor(machine.folder) as running:
        key = await _listed(running, "user-ann")
        progress = await running.parts.chain.run(key)
    assert progress.token is not None
    assert progress.token.failure is None
    seen = service.seen("ann")
    assert machine.holds(seen.valid)
    written = json.loads(machine.file.read_text())
    codex = Codex.make(program, tmp_path / "codex-home", service, 1, written)
    limits = await codex.work()
    assert "error" not in limits
    assert service.readers()[-1] == seen.access
    assert codex.token() == seen.valid
    assert service.seen("ann").posts == seen.posts
