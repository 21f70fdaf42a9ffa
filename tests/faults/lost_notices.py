"""Processes that are killed between a trigger and its delivery: `python -m tests.faults.lost_notices KILLS`.

Each has the real store, lock, sender and webhook, and a receiver on loopback that fails now and then. It puts
alerts and their notices into the database, and begins to send; it dies by SIGKILL at one step of that, or at
a random moment. The next one is there already, waits for the poll lock, and goes on. In the end there is no
alert without its notices and no notice without its alert; everything that was confirmed as put has arrived,
in order, and what arrived twice is the same, with the same id.

One process forks all others, so it has one thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from unittest import mock

from poolwatch.bootstrap.clock import RealClock
from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.config.settings import DEFAULT_NET
from poolwatch.domain import notices
from poolwatch.domain.alerts import Alert, Phase, Severity, Subject, SubjectKind
from poolwatch.domain.failure import AS_STORED
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import Delivery, Notice, NoticeItem, NoticeKind, Outgoing, Sent
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from poolwatch.monitor.ledger import Ledger
from poolwatch.monitor.limits import Beside
from poolwatch.monitor.own_errors import OwnErrors
from poolwatch.monitor.owner import OwnerLock
from poolwatch.monitor.recorder import Recorder
from poolwatch.monitor.sender import Line, Sender
from poolwatch.net.client import HttpClient
from poolwatch.notify.channel import Channel, marked
from poolwatch.notify.webhook import Webhook
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.notices import NoticeWords
from poolwatch.store import alerts as alerts  # nobody who is forked has to load it
from poolwatch.store.database import Database
from poolwatch.store.store import Store

#: Where a process dies: as it puts notices, once they are put, before it sends one, as the receiver has it
#: but did not answer, as it has answered, as the answer is to be noted, once it is noted; or anywhere.
STEPS: Final = ("putting", "put", "sending", "received", "answered", "noting", "noted", "anywhere")
CHANNELS: Final = ("ops", "mail")
#: One of so many notices is refused with its first try.
_FAILS_ONE_OF: Final = 5
#: Tries come sooner than in life, in seconds.
_TRY_AFTER: Final = (0.02,) * len(notices.TRY_AFTER)
#: So many die one after the other over one database, before everything has to have arrived.
_CHAIN: Final = 10
_PATIENCE_SECONDS: Final = 30.0
#: A process that is to die anywhere does so within this time.
_ANYWHERE_SECONDS: Final = 0.06
_WORDS: Final = NoticeWords(AccountNames({}), "work", UTC)


class LostError(AssertionError):
    """A notice did not arrive, or not as the same."""


# -- the receiver


class _Receiver(BaseHTTPRequestHandler):
    """Writes down the id and a hash of what came. Ids name the process that sends and the step it dies at."""

    protocol_version = "HTTP/1.1"
    log: Path

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # its sender is dead
        notice_id = self.headers["webhook-id"]
        if json.loads(body)["data"]["id"] != notice_id:
            self._answer(400)
            return
        failed = self.log.parent / f"failed-{notice_id}"
        if hash(notice_id) % _FAILS_ONE_OF == 0 and not failed.exists():
            failed.touch()
            self._answer(500)
            return
        with self.log.open("a") as log:
            log.write(f"{self.path[1:]} {notice_id} {hashlib.sha256(body).hexdigest()}\n")
        step, pid, *_ = notice_id.split("-")
        is_first = not (self.log.parent / f"met-{pid}").exists()
        if step in ("received", "answered") and is_first:
            (self.log.parent / f"met-{pid}").touch()
        if step == "received" and is_first:
            _kill(int(pid))
        self._answer(204)
        if step == "answered" and is_first:
            _kill(int(pid))

    def _answer(self, status: int) -> None:
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.wfile.flush()

    def log_message(self, *_arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_arguments: object) -> None:
        """Senders die in the middle of everything."""


@contextmanager
def _receiving(log: Path) -> Iterator[str]:
    """The receiver's address; it is a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _Receiver.log = log
            server = _Server(("127.0.0.1", 0), _Receiver)
            os.write(writing, f"{server.server_port}\n".encode())
            server.serve_forever()
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as told:
        port = int(told.readline())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        _kill(pid)
        os.waitpid(pid, 0)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


# -- the processes that send


class _Dying:
    """A channel whose process dies at a step of a try."""

    def __init__(self, channel: Channel, step: str) -> None:
        self._channel = channel
        self._step = step

    async def send(self, notice: Outgoing) -> Sent:
        if self._step == "sending":
            _kill(os.getpid())
        return await self._channel.send(notice)


class _DyingStore(Store):
    """A store whose process dies as a try is noted, or after that."""

    step = ""

    async def noted(self, tried: Delivery, *, is_gone: bool = False) -> bool:
        if self.step == "noting":
            _kill(os.getpid())
        kept = await Store.note_try(self, tried, is_gone=is_gone)
        if self.step == "noted":
            _kill(os.getpid())
        return kept


def _notice(step: str, number: int, channel: str) -> Notice:
    now = datetime.now(UTC)
    cause = message(AS_STORED, text=f"over {number}%")
    item = NoticeItem(
        "team-over",
        Subject(SubjectKind.BUDGET, f"{os.getpid()}-{number}"),
        Phase.FIRING,
        Severity.WARNING,
        now,
        cause,
    )
    return Notice(
        f"{step}-{os.getpid()}-{number}-{channel}", channel, NoticeKind.ALERTS, now, Severity.WARNING, (item,)
    )


async def _send(folder: Path, url: str, client: HttpClient, step: str, puts: int, told: int) -> None:
    """What a process does from the moment that polling falls to it; what is put is told as confirmed."""
    clock = RealClock()
    lock = OwnerLock(folder, clock)
    while not lock.try_acquire():  # noqa: ASYNC110 - another process gives it back
        await asyncio.sleep(0.002)
    store = _DyingStore(folder, clock.now())
    store.step = step
    # as an attribute of this one: the class has the real one
    store.note_try = store.noted  # type: ignore[method-assign]
    ledger = Ledger(PoolState())
    errors = OwnErrors(clock, lambda: _say(errors.notices))
    beside = Beside(
        ledger,
        store,
        Recorder(store, None, timedelta(minutes=5)),
        clock,
        errors,
    )
    lines = []
    for name in CHANNELS:
        settings = ChannelSettings(name, "webhook", f"{url}/{name}")
        webhook = Webhook(settings, client, {}, clock.now)
        lines.append(Line(marked(settings), partial(_Dying, webhook, step)))
    sender = Sender(lines, lambda notice, _state: _WORDS.outgoing(notice))
    running = asyncio.create_task(sender.run(beside))
    for number in range(puts):
        made = [_notice(step, number, name) for name in CHANNELS]
        if step == "putting" and number == puts - 1:
            soon = random.Random(os.getpid()).uniform(0, 0.015)
            asyncio.get_running_loop().call_later(soon, _kill, os.getpid())
        if await _put(store, made, clock.now()):
            os.write(told, "".join(f"{each.id}\n" for each in made).encode())
        if step == "put" and number == puts - 1:
            _kill(os.getpid())
        sender.wake()
    while any(each.is_waiting for each in await store.deliveries(1_000)):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.003)
    running.cancel()
    await asyncio.wait((running,))
    lock.release()
    await store.aclose()


async def _put(store: Store, made: Sequence[Notice], now: datetime) -> bool:
    """Keep the alert that these tell, and have them sent, as one."""
    book = await store.alert_book()
    if book is None:
        return False
    subject = made[0].items[0].subject
    alert = Alert("team-over", subject, "1", Phase.FIRING, now, fired_at=now, channels=CHANNELS)
    after = replace(book, number=book.number + 1, alerts={**book.alerts, alert.key: alert}, looked_at=now)
    return await store.put_alerts(after, made, (), book)


def _say(errors: Sequence[Message]) -> None:
    """Errors of our own, which no death explains."""
    if errors:
        sys.stderr.write(f"{errors}\n")


def _start(folder: Path, url: str, client: HttpClient, step: str, puts: int, told: int) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.run(_send(folder, url, client, step, puts, told))
            code = 0
        except Exception as error:  # noqa: BLE001 - it is told, and the process ends badly
            sys.stderr.write(f"{error!r}\n")
        finally:
            os._exit(code)
    return pid


# -- rounds


def chain(folder: Path, rng: random.Random, steps: Sequence[str]) -> Counter[str]:
    """Processes over one database, each killed at its step; then one that ends. What that came to."""
    log = folder / "received"
    state = folder / "state"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    client = HttpClient(DEFAULT_NET, {})
    asyncio.run(_ready(client))
    reading, writing = os.pipe()
    died: Counter[str] = Counter()
    with _receiving(log) as url:
        waiting: list[int] = []
        for step, following in zip(steps, (*steps[1:], None), strict=True):
            # the next one is there before this one dies; whichever has the lock goes first
            new = [each for each in (step, following)[len(waiting) :] if each is not None]
            waiting += [_start(state, url, client, each, rng.randint(1, 3), writing) for each in new]
            pid = waiting.pop(0)
            if step == "anywhere":
                time.sleep(rng.uniform(0, _ANYWHERE_SECONDS))
                _kill(pid)
            died[f"killed: {step}" if _ended(pid) == -signal.SIGKILL else "ended before"] += 1
        _check(
            _ended(_start(state, url, client, "nothing", 1, writing)) == 0, "the last one did not end well"
        )
    os.close(writing)
    with os.fdopen(reading) as heard:
        confirmed = heard.read().split()
    database = Database(state, datetime.now(UTC))
    book = database.alert_book()
    fired = set() if book is None else {key.subject for key in book.alerts}
    told = {each.notice.items[0].subject for each in database.deliveries(10_000)}
    database.close()
    _check(bool(fired) and fired == told, "an alert without its notices, or notices without their alert")
    tally = died + _judged(confirmed, log.read_text().splitlines())
    _check(tally["tries too many"] <= died.total() * len(CHANNELS), "sent more often than somebody died")
    return tally


async def _ready(client: HttpClient) -> None:
    _check(await client.ready() is None, "no client")


def _ended(pid: int) -> int:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    _kill(pid)
    os.waitpid(pid, 0)
    raise LostError("a process neither died nor ended")


def _judged(confirmed: Sequence[str], received: Sequence[str]) -> Counter[str]:
    """Everything confirmed arrived, in order and unchanged; how much of it twice."""
    came: dict[str, dict[str, list[str]]] = {name: {} for name in CHANNELS}
    for line in received:
        channel, notice_id, digest = line.split()
        came[channel].setdefault(notice_id, []).append(digest)
    tally: Counter[str] = Counter()
    for channel, found in came.items():
        wanted = [each for each in confirmed if each.endswith(f"-{channel}")]
        lost = [each for each in wanted if each not in found]
        _check(not lost, f"lost: {lost}")
        _check(all(len(set(each)) == 1 for each in found.values()), "the same id, and another body")
        _check([each for each in found if each in set(wanted)] == wanted, "not in order")
        tally["put"] += len(wanted)
        tally["twice"] += sum(len(each) > 1 for each in found.values())
        tally["tries too many"] += sum(len(each) - 1 for each in found.values())
        tally["arrived, its put unconfirmed"] += len(found.keys() - set(wanted))
    return tally


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LostError(otherwise)


def rounds(kills: int, seed: int, root: Path) -> Mapping[str, int]:
    """So many processes killed; every step as often as the others."""
    rng = random.Random(seed)
    tally: Counter[str] = Counter()
    steps = [STEPS[number % len(STEPS)] for number in range(kills)]
    rng.shuffle(steps)
    for at in range(0, kills, _CHAIN):
        folder = root / str(at)
        tally += chain(folder, rng, steps[at : at + _CHAIN])
        shutil.rmtree(folder)
    return tally


def main() -> int:
    """Say what it came to, as one line of JSON."""
    kills = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    sys.stderr.write(f"seed {seed}\n")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(notices, "TRY_AFTER", _TRY_AFTER):
        tally = rounds(kills, seed, Path(folder))
    sys.stdout.write(json.dumps({**tally, "seconds": round(time.monotonic() - began, 1)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
