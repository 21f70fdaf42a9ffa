"""Notices: who sends them is killed, leaves, or meets a receiver that says nothing; none is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poolwatch.domain.alerts import Severity
from poolwatch.domain.notices import ChannelHealth, Notice, NoticeKind
from poolwatch.store.database import Database
from tests.cli.desk import Desk, config_of
from tests.faults.lost_notices import STEPS
from tests.faults.watch import ROOT

_PATIENCE_SECONDS = 30.0
_SOON = (
    "import poolwatch.monitor.limits as limits; limits.BEGIN_SECONDS = 0.05\n"
    "import poolwatch.monitor.sender as sender; sender.LOOK_SECONDS = 0.1\n"
    "import poolwatch.monitor.monitor as monitor; monitor.VIEW_SECONDS = 0.1\n"
)


@pytest.mark.slow
def test_fifty_killed_between_trigger_and_delivery_lose_nothing_and_repeat_only_the_same() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.lost_notices", "50", "20"],
        cwd=ROOT,
        capture_output=True,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    tally = json.loads(ended.stdout)
    assert sum(tally.get(f"killed: {step}", 0) for step in STEPS) >= 45
    assert all(tally[f"killed: {step}"] >= 3 for step in STEPS)
    # the receiver had them, and nobody could know: they came again
    assert tally["twice"] >= tally["killed: received"]
    assert tally["put"] > 100


class _Receiver(BaseHTTPRequestHandler):
    got: list[dict[str, object]]
    #: cleared, nobody is answered
    answers: threading.Event

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.got.append({"webhook-id": self.headers["webhook-id"], **body})
        self.answers.wait(_PATIENCE_SECONDS)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        """Senders leave in the middle."""


@contextmanager
def receiving() -> Iterator[tuple[str, type[_Receiver]]]:
    class Here(_Receiver):
        pass

    Here.got, Here.answers = [], threading.Event()
    Here.answers.set()
    server = _Server(("127.0.0.1", 0), Here)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", Here
    finally:
        Here.answers.set()
        server.shutdown()
        server.server_close()


def test_a_daemon_sends_what_others_put_and_leaves_soon_whatever_the_receiver_does(tmp_path: Path) -> None:
    with receiving() as (url, receiver):
        desk, now = desk_with_channel(tmp_path, url), datetime.now(UTC)
        database = Database(desk.state, now)
        with desk.start("daemon", prelude=_SOON) as process:
            try:
                database.put_notices([Notice("n1", "ops", NoticeKind.TEST, now, Severity.INFO)], now)
                _until(lambda: bool(_health(database)) and _health(database)[0].last_taken_at is not None)
                assert [(each["webhook-id"], each["type"]) for each in receiver.got] == [
                    ("n1", "channel.test")
                ]
                receiver.answers.clear()
                database.put_notices([Notice("n2", "ops", NoticeKind.TEST, now, Severity.INFO)], now)
                _until(lambda: len(receiver.got) == 2)
                began = time.monotonic()
                process.terminate()
                assert process.wait(_PATIENCE_SECONDS) == 0
                assert time.monotonic() - began < 3.0
            finally:
                process.kill()
        assert [(each.notice.id, each.is_waiting, each.tries) for each in database.deliveries(9)] == [
            ("n2", True, 0),
            ("n1", False, 1),
        ]
        database.close()


def desk_with_channel(root: Path, url: str) -> Desk:
    """A machine whose only channel leads there."""
    config = config_of(
        root / "own.toml",
        '[[sources]]\nkind = "auth-files"\nname = "files"\npath = "nowhere/*.json"\n',
        f'[[channels]]\nname = "ops"\nkind = "webhook"\nurl = "{url}"\n',
    )
    return Desk(root, config)


def test_of_two_poolwatches_one_sends_and_where_it_is_killed_the_other_goes_on(tmp_path: Path) -> None:
    with receiving() as (url, receiver):
        desk, now = desk_with_channel(tmp_path, url), datetime.now(UTC)
        database = Database(desk.state, now)

        def put(*ids: str) -> None:
            made = [Notice(each, "ops", NoticeKind.TEST, now, Severity.INFO) for each in ids]
            assert database.put_notices(made, now)

        with desk.start("daemon", prelude=_SOON) as one, desk.start("daemon", prelude=_SOON) as other:
            try:
                turns = {_polls(each): each for each in (one, other)}
                assert turns.keys() == {True, False}
                sends = turns[True]
                put("n1")
                _until(lambda: database.deliveries(9)[0].done_at is not None)
                receiver.answers.clear()
                put("n2", "n3")
                _until(lambda: len(receiver.got) == 2)
                # the receiver has it, and nobody will ever know
                sends.kill()
                receiver.answers.set()
                _until(lambda: not any(each.is_waiting for each in database.deliveries(9)))
            finally:
                one.kill()
                other.kill()
        # what was in the middle came again as the same; all else once, and in order
        assert [each["webhook-id"] for each in receiver.got] == ["n1", "n2", "n2", "n3"]
        assert receiver.got[1] == receiver.got[2]
        database.close()


def _polls(process: subprocess.Popen[bytes]) -> bool:
    """Whether a daemon polls, or waits for the one that does; it says so once it knows."""
    assert process.stderr is not None
    for line in process.stderr:
        if b"polling" in line:
            return b"is polling" not in line
    raise AssertionError("it ended before it knew")


def _health(database: Database) -> tuple[ChannelHealth, ...]:
    return database.channel_health(datetime.now(UTC))


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
