"""A pool to measure on: accounts in files, readings of all of them in a store, a server before it."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.support.upstream import Upstream

from benchmarks.process import Ended, run

#: Never taken over from the environment of whoever measures.
_UNWANTED = ("PROXY", "POOLWATCH", "TEXTUAL", "NO_COLOR", "CODEX", "COVERAGE", "PYTHON", "COLUMNS", "LINES")

#: So many round trips tell how late a timer is.
_TRIPS: Final = 15


def plain_env() -> dict[str, str]:
    """The environment of every measured program."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in _UNWANTED)
    }
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}


def program() -> str:
    """The installed console script."""
    return str(Path(sysconfig.get_path("scripts")) / "poolwatch")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is set up with, beside the simulated pool."""

    interval: int = 300
    concurrency: int = 8
    #: over https, to the same answers
    tls: bool = False


def _certificate(folder: Path) -> Path | None:
    """A certificate for localhost and its key in one file; None without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    name = ("-subj", "/CN=poolwatch bench", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", "bench.key", "-out", "bench.crt")
    subprocess.run([openssl, "req", *kind, *files, *name], cwd=folder, check=True, capture_output=True)
    both = folder / "bench.pem"
    both.write_text((folder / "bench.key").read_text() + (folder / "bench.crt").read_text())
    return both


class Pool:
    """So many accounts, all read once. A context manager: its servers end with it."""

    def __init__(self, folder: Path, accounts: int) -> None:
        self.accounts = accounts
        self._folder = folder
        self._upstream = Upstream(folder / "upstream", accounts=accounts, speed=1.0)
        self._certificate = _certificate(folder)
        certificate = [] if self._certificate is None else [str(self._certificate)]
        upstream = f"127.0.0.1:{self._upstream.port}"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.replay_server", upstream, *certificate],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**plain_env(), "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        line = self._server.stdout.readline() if self._server.stdout is not None else b""
        self._port, self._tls_port = (int(port) for port in line.split())
        self._written: set[str] = set()
        self.status(Settings(), "--max-age", "0")

    def env(self, settings: Settings) -> Mapping[str, str]:
        """The environment of poolwatch on this pool, with its store."""
        name = f"config-{settings.interval}-{settings.concurrency}{'-tls' if settings.tls else ''}.toml"
        config = self._folder / name
        if name not in self._written:
            self._written.add(name)
            text = self._upstream.config.read_text()
            if settings.tls:
                plain = f"http://127.0.0.1:{self._upstream.port}/backend-api"
                text = text.replace(plain, f"https://localhost:{self._tls_port}/backend-api")
            text = text.replace(f":{self._upstream.port}/", f":{self._port}/")
            poll = f"interval_seconds = {settings.interval}\nconcurrency = {settings.concurrency}"
            config.write_text(text.replace("interval_seconds = 30", poll))
        return {
            **plain_env(),
            "HOME": str(self._upstream.home),
            "POOLWATCH_CONFIG": str(config),
            "POOLWATCH_STATE_DIR": str(self._folder / "state"),
            "POOLWATCH_DATA_DIR": str(self._folder / "data"),
            **({} if self._certificate is None else {"SSL_CERT_FILE": str(self._certificate)}),
        }

    @property
    def has_tls(self) -> bool:
        """Whether the server answers over https as well."""
        return self._certificate is not None

    def status(self, settings: Settings, *arguments: str) -> Ended:
        """`poolwatch status --json`, which must succeed."""
        ended = run([program(), "status", "--json", *arguments], self.env(settings))
        if ended.code != 0:
            raise RuntimeError(f"status ended with {ended.code}")
        return ended

    def delay(self, milliseconds: int) -> None:
        """Every answer comes so long after its question, as a plain socket sees it that asks one at a time.

        Answers are late by what the server and the system take: that is taken off what the server is told.
        """
        self._ask(f"_delay/{milliseconds * 1000}")
        if milliseconds:
            late = statistics.median(self._round_trips(_TRIPS)) - milliseconds / 1000
            self._ask(f"_delay/{round((milliseconds / 1000 - late) * 1_000_000)}")

    def _round_trips(self, count: int) -> list[float]:
        """How long an answer took, in seconds."""
        found = []
        with socket.create_connection(("127.0.0.1", self._port), timeout=20) as line:
            for _ in range(count):
                asked = time.perf_counter()
                line.sendall(b"GET /_echo HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                line.recv(4096)
                found.append(time.perf_counter() - asked)
        return found

    def answered(self) -> int:
        """How many requests were answered from memory so far."""
        return int(self._ask("_count"))

    def _ask(self, path: str) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self._port}/{path}", timeout=20) as reply:
            return bytes(reply.read())

    def close(self) -> None:
        """End both servers."""
        self._server.communicate(timeout=20)
        self._upstream.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
