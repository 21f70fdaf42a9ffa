from __future__ import annotations

import threading
from pathlib import Path

from poolwatch.store.database import Database
from poolwatch.store.records import Ask, RequestKind
from poolwatch.store.thread import DatabaseThread
from tests.store.given import NOON


def test_requests_are_found_while_work_never_ends(tmp_path: Path) -> None:
    held, gate = DatabaseThread(tmp_path, NOON, None), threading.Event()
    requested = held.when_requested()
    held.submit(lambda _: None, None).result(20)
    held.submit(lambda _: gate.wait(20), otherwise=False)
    viewer = Database(tmp_path, NOON)
    viewer.enqueue_requests((Ask("acc", RequestKind.USAGE),), NOON, "4711")
    viewer.close()
    # the queue is not empty between the gate and this
    seen = held.submit(lambda _: requested.done(), otherwise=False)
    gate.set()
    assert seen.result(20)
    assert held.close(20)
