"""What is measured: each function takes one round and gives samples by name."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.ahead import weeks
from benchmarks.pool import Pool, Settings, plain_env, program
from benchmarks.process import run
from benchmarks.ptyrun import Piece, Session, watch
from benchmarks.refusing_pool import RefusingPool
from poolwatch.store import cycles

HELLO: Final = "hello"
LEAST, MANY = 12, 1000
#: What stands on the first screen that has figures, for each program.
_PAINTED: Final[Mapping[str, str]] = {HELLO: "hello", str(LEAST): "NEXT UP", str(MANY): "✕ needs you"}
#: Output within so many seconds of a new minute belongs to its ages and countdowns.
_TICK_SECONDS: Final = 3.0
#: Longer than this nothing is waited for before idle minutes are measured.
_MOST_SETTLING_SECONDS: Final = 300.0
_LATENCY_MS: Final = 50
_CONCURRENCY: Final = 20
_FOLDER: Final = Path(__file__).parent


@dataclass
class Samples:
    """Everything measured so far, by figure."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, value: float) -> None:
        """One more sample."""
        self.values[name].append(value)


@dataclass(frozen=True)
class Pools:
    """The pools to measure on."""

    least: Pool
    many: Pool

    def commands(
        self, settings: Settings | None = None
    ) -> dict[str, tuple[Sequence[str], Mapping[str, str]]]:
        """The empty app and poolwatch on both pools: what to run, and its environment."""
        given = settings or Settings()
        hello = [sys.executable, str(_FOLDER / "hello.py")]
        return {
            HELLO: (hello, plain_env()),
            str(LEAST): ([program()], self.least.env(given)),
            str(MANY): ([program()], self.many.env(given)),
        }


def starts(pools: Pools, samples: Samples) -> None:
    """First paint, CPU spent by then, bytes until quiet, and the most memory once the client is in."""
    for name, (command, env) in pools.commands().items():
        with Session(command, env) as session:
            session.until_quiet(1.2)
            painted = _first(session, _PAINTED[name])
            samples.add(f"first paint ms {name}", painted.at * 1000)
            samples.add(f"start cpu ms {name}", painted.cpu * 1000)
            samples.add(f"cpu until quiet ms {name}", session.cpu * 1000)
            samples.add(f"start bytes {name}", session.sent)
            samples.add(f"peak MB {name}", session.peak)


def _first(session: Session, text: str) -> Piece:
    replay = session.replay()
    for piece in session.pieces:
        replay.draw(piece)
        if text in replay.text:
            return piece
    raise RuntimeError(f"never painted: {text!r}\n{replay.text}")


def idle(pools: Pools, samples: Samples, windows: int, seconds: float = 60.0) -> None:
    """Bytes and CPU of windows in which nothing changes but the time; polling is paused by its key."""
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(Session(command, env))
            for name, (command, env) in pools.commands().items()
        }
        for name, session in running.items():
            session.until_quiet(1.2)
            if name != HELLO:
                session.press("p")
        _settle(running, samples)
        for _ in range(windows):
            before = {name: (session.cpu, len(session.pieces)) for name, session in running.items()}
            watch(running.values(), seconds)
            for name, session in running.items():
                cpu, at = before[name]
                ticking = sum(len(piece.data) for piece in session.pieces[at:] if _is_tick(piece))
                per_minute = 60 / seconds
                samples.add(f"idle cpu s/min {name}", (session.cpu - cpu) * per_minute)
                samples.add(f"countdown bytes/min {name}", ticking * per_minute)
                samples.add(f"other bytes/min {name}", (session.bytes_between(at) - ticking) * per_minute)


def _settle(running: Mapping[str, Session], samples: Samples) -> None:
    """Wait until the past is read, learned from and foretold: that changes the screen, and is told apart."""
    begun, first = time.perf_counter(), {name: session.cpu for name, session in running.items()}
    while time.perf_counter() - begun < _MOST_SETTLING_SECONDS:
        before = {name: session.cpu for name, session in running.items()}
        watch(running.values(), 5)
        if all(session.cpu - before[name] < 0.1 for name, session in running.items()):
            break
    for name, session in running.items():
        samples.add(f"settling s {name}", time.perf_counter() - begun)
        samples.add(f"settling cpu s {name}", session.cpu - first[name])


def _is_tick(piece: Piece) -> bool:
    return piece.epoch % 60 < _TICK_SECONDS


def keys(pools: Pools, samples: Samples, *, presses: int, polled: bool) -> None:
    """From a key that moves the selection to the paint of it; `polled`: while all accounts are read anew."""
    kind = "poll" if polled else "idle"
    # an interval of 30 seconds makes every reading due at the start
    command, env = pools.commands(Settings(30 if polled else 300))[str(MANY)]
    pools.many.delay(_LATENCY_MS)
    answered = pools.many.answered()
    with Session(command, env) as session:
        session.until_quiet(0.25, 3.0)
        if polled:
            _wait_for_polls(pools.many, session)
            answered = pools.many.answered()
        else:
            session.pump(2)
        pressed = []
        for number in range(presses):
            pressed.append(session.press("jjkk"[number % 4]))
            session.pump(0.09)
        found = list(answers(session, pressed))
    pools.many.delay(0)
    if polled:
        samples.add("polls while keys were pressed", pools.many.answered() - answered)
    for seconds in found:
        samples.add(f"key ms {kind}", seconds * 1000)


def keys_beside_refusals(folder: Path, samples: Samples, *, presses: int) -> None:
    """The same beside a codex-proxy that refuses every quota, while all its accounts are due."""
    with RefusingPool(folder, MANY) as pool, Session([program()], pool.env) as session:
        session.until_quiet(0.25, 3.0)
        session.pump(3)
        pressed = []
        for number in range(presses):
            pressed.append(session.press("jjkk"[number % 4]))
            session.pump(0.09)
        for seconds in answers(session, pressed):
            samples.add("key ms refusals", seconds * 1000)


def keys_while_foretold(pools: Pools, folder: Path, samples: Samples, *, presses: int) -> None:
    """The same right after a start at which every account is learned from eight weeks and foretold."""
    command, env = pools.commands()[str(MANY)]
    shutil.copytree(env["POOLWATCH_STATE_DIR"], folder)
    database = folder / "poolwatch.db"
    accounts = json.loads(run([*command, "status", "--json", "--max-age", "999999"], env).output)["accounts"]
    with closing(sqlite3.connect(database)) as held, held:
        held.execute("DELETE FROM outlooks")
        for account in accounts:
            for window in account["windows"]:
                if window["kind"] == "weekly" and window["bucket"] == "codex" and window["resets_at"]:
                    resets_at = datetime.fromisoformat(window["resets_at"])
                    used = window["used_percent"] or 0.0
                    cycles.put(held, weeks(account["id"], resets_at, used, datetime.now(UTC)))
    with Session(command, {**env, "POOLWATCH_STATE_DIR": str(folder)}) as session:
        session.until_quiet(0.25, 3.0)
        session.pump(2)
        pressed: list[float] = []
        # until nearly all are foretold, in portions of which each is kept when it is done
        while _foretold(database) < 0.9 * MANY and len(pressed) < 20 * presses:
            for _ in range(10):
                pressed.append(session.press("jjkk"[len(pressed) % 4]))
                session.pump(0.09)
        found = list(answers(session, pressed))
        samples.add("foretold while keys were pressed", _foretold(database))
    for seconds in found:
        samples.add("key ms ahead", seconds * 1000)


def _foretold(database: Path) -> int:
    with closing(sqlite3.connect(database)) as held:
        found: int = held.execute("SELECT count(*) FROM outlooks").fetchone()[0]
        return found


def _wait_for_polls(pool: Pool, session: Session) -> None:
    before = pool.answered()
    for _ in range(120):
        session.pump(0.5)
        if pool.answered() > before + 50:
            return
    raise RuntimeError("nothing was polled")


def answers(session: Session, pressed: Sequence[float]) -> Iterable[float]:
    """The seconds from each key until the line about the selected account names another one than before."""
    replay = session.replay()
    named: list[tuple[float, str]] = [(0.0, "")]
    for piece in session.pieces:
        replay.draw(piece)
        words = next((line.split()[0] for line in replay.lines if line.startswith(" ▌")), "")
        if words and words != named[-1][1]:
            named.append((piece.at, words))
    for at in pressed:
        answered = next((seen for seen, _ in named if seen > at), None)
        if answered is not None:
            yield answered - at


def changes(samples: Samples, rounds: int) -> None:
    """One card changes, all cards change: bytes, CPU of the event loop's thread, and time until painted."""
    for accounts in (LEAST, MANY):
        command = [sys.executable, "-m", "benchmarks.in_loop", str(accounts), str(rounds)]
        env = {**plain_env(), "PYTHONPATH": ":".join(sys.path)}
        with Session(command, env) as session:
            deadline = time.perf_counter() + 30 + rounds * 2
            while not session.ended and time.perf_counter() < deadline:
                session.pump(0.5)
            said = b"".join(piece.data for piece in session.pieces[-40:])
        line = said[said.rindex(b"RESULT") :].splitlines()[0].removeprefix(b"RESULT")
        for name, values in json.loads(line).items():
            for value in values:
                samples.add(f"{name} {accounts}", float(value))


def ahead(samples: Samples, rounds: int) -> None:
    """A thousand forecasts on one event loop: what each costs, and how long a turn of the loop is."""
    env = {**plain_env(), "PYTHONPATH": ":".join(sys.path)}
    for _ in range(rounds):
        said = run([sys.executable, "-m", "benchmarks.ahead", str(MANY)], env).output
        for name, values in json.loads(said.removeprefix(b"RESULT")).items():
            for value in values:
                samples.add(f"ahead {name}", float(value))


def commands(pools: Pools, samples: Samples) -> None:
    """Commands that answer at once, beside a bare interpreter."""
    many = pools.many.env(Settings())
    for name, command in {
        "bare": [sys.executable, "-c", "pass"],
        "--version": [program(), "--version"],
        "status --line": [program(), "status", "--line"],
        "check": [program(), "check", "--limit", "$10", "--period", "monthly"],
    }.items():
        ended = run(command, many)
        samples.add(f"{name} ms", ended.wall * 1000)
        samples.add(f"{name} cpu ms", ended.cpu * 1000)


def status(pools: Pools, samples: Samples) -> None:
    """`status --json` of all accounts, every one of them read; and for its CPU, without reading any."""
    pool, settings = pools.many, Settings(concurrency=_CONCURRENCY)
    pool.delay(_LATENCY_MS)
    before = pool.answered()
    full = pool.status(settings, "--max-age", "0")
    requests = pool.answered() - before
    pool.delay(0)
    none = pool.status(settings, "--max-age", "999999")
    ideal = requests * _LATENCY_MS / 1000 / _CONCURRENCY
    samples.add("status requests", requests)
    samples.add("status s", full.wall)
    samples.add("status ideal s", ideal)
    samples.add("status of ideal", full.wall / ideal)
    samples.add("status cpu ms/request", (full.cpu - none.cpu) * 1000 / requests)


def status_over_tls(pools: Pools, samples: Samples) -> None:
    """CPU of `status` for each account it reads, with a TLS handshake for each; needs openssl."""
    if not pools.many.has_tls:
        return
    settings = Settings(concurrency=_CONCURRENCY, tls=True)
    pools.many.status(settings, "--max-age", "0")  # the server learns what it is asked
    before = pools.many.answered()
    full = pools.many.status(settings, "--max-age", "0")
    requests = pools.many.answered() - before
    none = pools.many.status(settings, "--max-age", "999999")
    samples.add("tls cpu ms/request", (full.cpu - none.cpu) * 1000 / requests)
