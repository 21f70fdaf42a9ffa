from __future__ import annotations

import asyncio
import errno
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.net.names import run
from poolwatch.net.reply import NotSent, Reply
from poolwatch.words.messages import failure_text
from tests.net.script import Script, reply

_REAL = socket.getaddrinfo


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*given: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    got = run(HttpClient().get("https://pool.example.com/x", {}, deadline_seconds=5))
    assert isinstance(got, Failure)
    assert got.kind is FailureKind.UNREACHABLE
    assert failure_text(got) == "pool.example.com has no address: the name is not known (DNS)"


def test_a_name_service_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*given: object) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    got = run(HttpClient().get("https://pool.example.com/x", {}, deadline_seconds=5))
    assert isinstance(got, Failure)
    assert "the name service does not answer" in failure_text(got)


def test_without_a_free_thread_a_lookup_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> object:
        client = HttpClient()
        await client.ready()

        def refused(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refused)
            return await client.post("https://pool.example.com/x", {}, b"fake", deadline_seconds=5)

    assert isinstance(run(ask()), NotSent)


def test_a_hanging_lookup_is_bounded_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    asked: list[object] = []

    def slow(*given: object) -> Any:
        asked.append(given[0])
        release.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    async def ask() -> None:
        client = HttpClient()
        for _ in range(3):
            got = await client.get("https://pool.example.com/", {}, deadline_seconds=0.05)
            assert isinstance(got, Failure)
            assert failure_text(got).startswith(
                "pool.example.com was not found by the name service (DNS) within"
            )
        posted = await client.post("https://pool.example.com/", {}, b"", deadline_seconds=0.05)
        assert isinstance(posted, NotSent)
        assert len(asked) == 1

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        run(ask())
    finally:
        release.set()


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def two(*given: Any) -> Any:
        # nobody listens at the first
        return [*_REAL("127.0.0.2", *given[1:]), *_REAL("127.0.0.1", *given[1:])]

    async def ask() -> None:
        async with Script([reply()]) as server:
            monkeypatch.setattr(socket, "getaddrinfo", two)
            got = await HttpClient().get(f"http://pool.example.com:{server.port}/", {}, deadline_seconds=5)
        assert isinstance(got, Reply)
        assert f"Host: pool.example.com:{server.port}" in server.requests[0]

    run(ask())


_HANGING = """
import socket, sys, threading, time
from poolwatch.net.client import HttpClient
from poolwatch.net.names import run
from poolwatch.words.messages import failure_text

socket.getaddrinfo = lambda *given: threading.Event().wait()
async def ask():
    client = HttpClient()
    await client.ready()
    return await client.get("https://pool.example.com/", {}, deadline_seconds=0.1)
print(failure_text(run(ask())), time.time(), flush=True)
"""


def test_a_hanging_lookup_does_not_hold_the_exit() -> None:
    ended = subprocess.run([sys.executable, "-c", _HANGING], capture_output=True, text=True, timeout=30)
    words, _, at = ended.stdout.rstrip().rpartition(" ")
    assert ended.returncode == 0, ended.stderr
    assert "was not found by the name service" in words
    assert time.time() - float(at) < 1


def test_a_broken_lookup_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> Any:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(socket, "getaddrinfo", broken)
    got = run(HttpClient().get("https://pool.example.com/", {}, deadline_seconds=5))
    assert isinstance(got, Failure)


def test_the_result_comes_back_and_ctrl_c_as_from_asyncio() -> None:
    async def one() -> int:
        return 1

    async def interrupted() -> None:
        raise KeyboardInterrupt

    assert run(one()) == 1
    with pytest.raises(KeyboardInterrupt):
        run(interrupted())
    assert asyncio.run(one()) == 1
