"""`daemon` polls without a screen, others watch beside it, and it ends in time whatever hangs."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.desk import Desk, rows, source_toml
from tests.support.upstream import Upstream

_PATIENCE_SECONDS = 30.0
#: The promise, for a machine that does nothing else.
_ENDS_WITHIN_SECONDS = 5.0
_SHORT = "import poolwatch.host.stopping as stopping; stopping.PATIENCE_SECONDS = 0.3\n"
_LOOKS_OFTEN = "import poolwatch.monitor.monitor as it; it.VIEW_SECONDS = 0.2\n"
_HANGS = "import time\ndef hang(*arguments, **more):\n    open('hangs', 'w').close(); time.sleep(60)\n"


class Daemon:
    """A daemon that runs, and the lines it said."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._came: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, words: str) -> str:
        """The first line that holds these words."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            found = next((line for line in self.lines if words in line), None)
            if found is not None:
                return found
            assert self.process.poll() is None, self.lines
            try:
                self.lines.append(self._came.get(timeout=max(0.0, end - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"nobody said {words!r}: {self.lines}") from None

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """How it ends by a signal: the exit code, and the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(_PATIENCE_SECONDS)
        took = time.monotonic() - began
        assert self.process.stdout is not None
        assert self.process.stdout.read() == b""
        return code, took

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._came.put(line.decode().rstrip("\n"))


@contextmanager
def running(desk: Desk, *arguments: str, prelude: str = "") -> Iterator[Daemon]:
    with desk.start("daemon", *arguments, prelude=prelude) as process:
        try:
            yield Daemon(process)
        finally:
            process.kill()


@pytest.fixture
def served_alone(tmp_path: Path) -> Iterator[Upstream]:
    with Upstream(tmp_path / "demo", accounts=3) as upstream:
        yield upstream


def test_it_polls_says_what_happens_and_answers_others(pool_desk: Desk, served: Upstream) -> None:
    with running(pool_desk) as daemon:
        assert f"pid {daemon.process.pid}" in daemon.wait_for("started: ")
        daemon.wait_for(" polling")
        # on a busy machine one may not be read yet
        assert "3 exhausted, 1 needs you" in daemon.wait_for(" 12 accounts: ")
        spent = served.account("grace").token_posts
        ran = pool_desk.run("refresh", "grace@example.com")
        assert (ran.code, ran.err) == (0, "")
        assert served.account("grace").token_posts == spent + 1
        served.patch_usage("dan", {"rate_limit": {"allowed": False, "limit_reached": True}})
        pool_desk.run("status", "--json", "--max-age", "0", "dan")
        served.patch_usage("dan", None)
        daemon.wait_for(" dan: exhausted: rate limit")
        with running(pool_desk, "--mask", prelude=_LOOKS_OFTEN) as second:
            told = second.wait_for("waiting: ")
            assert f": poolwatch daemon (pid {daemon.process.pid} on {os.uname().nodename}) is poll" in told
            daemon.process.kill()
            daemon.process.wait()
            second.wait_for(" polling")
            second.wait_for(" 12 accounts: ")
            served.patch_usage("lee", {"plan_type": "plus"})
            pool_desk.run("status", "--json", "--max-age", "0", "lee")
            served.patch_usage("lee", None)
            assert " account-" in second.wait_for(": plan Pro → Plus")
            code, took = second.end(signal.SIGINT)
            assert (code, took < _ENDS_WITHIN_SECONDS) == (0, True)
            said = [line for line in second.lines if "waiting" in line]
            assert len(said) == 1
            assert "@" not in "".join(second.lines)


@pytest.mark.parametrize("disk", ["disk answers", "disk hangs"])
def test_nothing_that_hangs_holds_it_and_nobody_need_read_what_it_says(
    tmp_path: Path, served_alone: Upstream, disk: str
) -> None:
    served_alone.script("*", {"hang": True}, times=None)
    config = tmp_path / "own.toml"
    shutil.move(served_alone.home / "homes" / "bob", tmp_path / "far")
    far = source_toml(served_alone, "codex-home", "far", tmp_path / "far")
    far = far.replace(served_alone.root, "https://usage.example.com")
    config.write_text(f"{served_alone.config.read_text()}\n{far}")
    hangs = f"{_HANGS}import socket; socket.getaddrinfo = hang\n"
    if disk == "disk hangs":
        hangs += f"{_SHORT}import poolwatch.store.database as it; it.Database.save = hang\n"
    desk = Desk(tmp_path, config)
    with desk.start("daemon", prelude=hangs) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline()
            process.stderr.close()
            while not (tmp_path / "hangs").exists() or served_alone.state().totals["usage_gets"] == 0:
                assert process.poll() is None
            began = time.monotonic()
            process.terminate()
            assert process.wait(_PATIENCE_SECONDS) == 0
            assert time.monotonic() - began < 2.0
        finally:
            process.kill()


def test_a_token_that_is_being_spent_is_stored_all_the_same(tmp_path: Path) -> None:
    with Upstream(tmp_path / "demo") as upstream:
        desk = Desk(tmp_path, upstream.config)
        [login] = upstream.account("carol").files
        before = login.read_bytes()
        upstream.script("token", {"delay_seconds": 2.0})
        with running(desk) as daemon:
            daemon.wait_for(" polling")
            with desk.start("refresh", "carol@example.com") as asking:
                while upstream.account("carol").token_posts == 0:
                    assert asking.poll() is None
                code, took = daemon.end()
                asking.kill()
                assert (code, took < 3.0) == (0, True)
        end = time.monotonic() + _PATIENCE_SECONDS
        while login.read_bytes() == before:
            assert time.monotonic() < end
        ran = desk.run("status", "--json", "--max-age", "0", "carol@example.com")
        [account] = rows(ran.json(), "accounts")
        assert (account["status"], account["trouble"]) == ("active", None)
        assert upstream.account("carol").token_posts == 1


def test_a_configuration_that_is_wrong_and_nothing_to_monitor_end_it(desk: Desk) -> None:
    ran = desk.run("daemon")
    assert (ran.code, ran.out) == (3, "")
    assert "sources add" in ran.err
    desk.usual_config.parent.mkdir(parents=True)
    desk.usual_config.write_text("pool_name = 3\n")
    ran = desk.run("daemon")
    assert (ran.code, ran.out) == (3, "")
