"""Processes that are killed while they write the database, and files that were damaged: any number of rounds.

One process forks all writers, so it must have one thread; `python -m tests.torture.lane --part store` has.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from poolwatch.domain.series import history_rows
from poolwatch.store import opening
from poolwatch.store.database import Database
from poolwatch.store.opening import FILE_NAME, StoreMode
from poolwatch.store.readings import read_pool
from poolwatch.store.retention import FULL, HOURLY
from tests.store.aged import FIVE, dump, midnight, reference, walk, weeks
from tests.store.given import NOON, account, put_rows

_ACCOUNTS: Final = 12
#: Accounts whose history ages, over so many days.
_AGING: Final = 12
_DAYS: Final = 4
_STEP: Final = timedelta(minutes=15)
_KINDS: Final = ("write", "wal", "begin", "migrate", "aside", "age", "import", "write", "wal", "age")
_MORE: Final = tuple(f"CREATE TABLE more{number} (a TEXT)" for number in range(6))


class DeathError(AssertionError):
    """Something that was there is not there any more."""


def round_of(rng: random.Random, folder: Path) -> str:
    """One process that dies while it writes, and whoever comes next; the kind of death."""
    kind = rng.choice(_KINDS)
    if kind in ("write", "wal"):
        _write(rng, folder, wal=kind == "wal")
    elif kind == "begin":
        _killed(folder, lambda tell: _save_on(folder, tell), rng.uniform(0, 0.012))
        _opens(folder)
    elif kind == "migrate":
        _migrate(rng, folder)
    elif kind == "age":
        _age(rng, folder)
    elif kind == "import":
        _import(rng, folder)
    else:
        _aside(rng, folder)
    shutil.rmtree(folder)
    return kind


def flip_of(rng: random.Random, folder: Path, good: bytes) -> str:
    """A database with damage anywhere: it opens, says so if it must, and takes what is saved."""
    damaged = bytearray(good)
    kind = rng.choice(("flips", "header", "cut", "zeros", "pages", "tail"))
    at = rng.randrange(len(good))
    match kind:
        case "flips":
            for _ in range(rng.choice((1, 1, 4, 64))):
                damaged[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        case "header":
            damaged[rng.randrange(128)] = rng.randrange(256)
        case "cut":
            del damaged[at:]
        case "zeros":
            end = min(len(good), at + rng.choice((1, 16, 512, 4096)))
            damaged[at:end] = bytes(end - at)
        case "pages":
            one, other = (rng.randrange(len(good) // 4096) * 4096 for _ in range(2))
            damaged[one : one + 4096] = good[other : other + 4096]
        case _:
            damaged += rng.randbytes(rng.choice((1, 100, 4096)))
    folder.mkdir()
    path = folder / FILE_NAME
    path.write_bytes(damaged)
    read_pool(folder)
    database = Database(folder, NOON)
    database.load_accounts()
    database.history(account(1).key.id, NOON)
    saved = database.save([account(1)], NOON)
    database.claim_poll("a", NOON, timedelta(seconds=30))
    database.facts()
    _check(saved or bool(database.notices), "not saved, and nobody says so")
    _check(database.mode is not StoreMode.MEMORY or bool(database.notices), "in memory without a word")
    database.close()
    kept = [each for each in folder.glob("*.corrupt-*") if each.suffix != "-journal"]
    _check(all(each.read_bytes() == bytes(damaged) for each in kept), "the copy is another file")
    shutil.rmtree(folder)
    return "set aside" if kept else "still good"


def healthy(folder: Path) -> bytes:
    """The bytes of a database with accounts and history."""
    database = Database(folder, NOON)
    rows = history_rows(account(9, used=1).usage, account(1).usage, account(1).key.id, NOON)
    _check(database.save([account(number) for number in range(_ACCOUNTS)], NOON, rows), "cannot save")
    database.close()
    return (folder / FILE_NAME).read_bytes()


def _write(rng: random.Random, folder: Path, *, wal: bool) -> None:
    """All that was confirmed is there, and of the next write everything or nothing."""
    safe = opening._SAFE_WAL
    if wal:
        opening.__dict__["_SAFE_WAL"] = (3, 0, 0)
    try:
        confirmed = _killed(
            folder, lambda tell: _save_on(folder, tell), rng.uniform(0, 0.006), rng.randint(1, 4)
        )
        found = _opens(folder)
    finally:
        opening.__dict__["_SAFE_WAL"] = safe
    _check(found in (confirmed, confirmed + 1), f"{confirmed} was confirmed, {found} is there")


def _migrate(rng: random.Random, folder: Path) -> None:
    """The step to newer tables is taken or not."""
    healthy(folder)
    whole = opening.MIGRATIONS

    def step(tell: Callable[[int], None]) -> None:
        opening.__dict__["MIGRATIONS"] = (*whole, _MORE)
        opening.__dict__["VERSION"] = len(whole) + 1
        Database(folder, NOON)
        tell(1)

    _killed(folder, step, rng.uniform(0, 0.012))
    direct = sqlite3.connect(folder / FILE_NAME)
    _check(direct.execute("PRAGMA integrity_check").fetchone() == ("ok",), "not whole")
    version = direct.execute("PRAGMA user_version").fetchone()[0]
    more = direct.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'more%'").fetchone()[0]
    rows = direct.execute("SELECT count(*) FROM readings").fetchone()[0]
    direct.close()
    _check(
        (version - len(whole), more) in ((0, 0), (1, len(_MORE))), f"version {version} with {more} new tables"
    )
    _check(rows == _ACCOUNTS, f"{rows} rows")


def _age(rng: random.Random, folder: Path) -> None:
    """History that becomes hours and days meanwhile: no row is lost, and none counts twice."""
    first = NOON - timedelta(days=20)
    mine = {
        str(number): walk(rng.randrange(10**6), str(number), first, 150, _STEP) for number in range(_AGING)
    }
    rows = [each for walked in mine.values() for each in walked]
    database = Database(folder, NOON)
    put_rows(database, [each for each in rows if each.at < NOON])
    database.close()

    def live(tell: Callable[[int], None], begin: int) -> None:
        database = Database(folder, NOON)
        # the round of a day takes two writes
        for write in range(begin, _DAYS * 2):
            at = NOON + timedelta(days=write // 2, minutes=write % 2)
            told = [each for each in rows if at <= each.at < at + timedelta(hours=12)]
            _check(database.save((), at, told), "cannot save")
            tell(write)
        database.close()

    begin, last = 0, _DAYS * 2 - 1
    for _ in range(2):
        # what was written and not confirmed is written again, and no clock is set back
        begin = min(last, 1 + _killed(folder, partial(live, begin=begin), rng.uniform(0, 0.05), 1))
    live(lambda _: None, begin)
    database = Database(folder, NOON)
    end = NOON + timedelta(days=_DAYS - 1)
    for account_id, walked in mine.items():
        told = [each for each in walked if each.at < NOON or _is_told(each.at)]
        expected = reference(told, midnight(end - FULL), midnight(end - HOURLY))
        found = database.timeline(account_id, FIVE, first - timedelta(days=9), NOON + timedelta(days=9))
        _check(list(found.points) == expected, "the history is another one")
    _check(database.notices == (), str(database.notices))
    database.close()


def _is_told(at: datetime) -> bool:
    """Whether a row of this instant is among those that are written while history ages."""
    since = at - NOON
    return since < timedelta(days=_DAYS) and since % timedelta(days=1) < timedelta(hours=12, minutes=1)


def _import(rng: random.Random, folder: Path) -> None:
    """A past that is taken in: whoever comes next finishes it, and it is the same past."""
    begin = NOON - timedelta(days=40)
    past = [each for number in range(4) for each in weeks(begin, 4, number)]

    def take(tell: Callable[[int], None], state: Path) -> None:
        database = Database(state, NOON)
        for at in range(0, len(past), 50):
            _check(database.take_readings(past[at : at + 50]) is not None, "cannot take")
        while database.finish_import(NOON):
            pass
        database.close()

    for _ in range(2):
        _killed(folder / "killed", partial(take, state=folder / "killed"), rng.uniform(0, 0.1))
    for name in ("killed", "whole"):
        take(lambda _: None, folder / name)
    killed, whole = Database(folder / "killed", NOON), Database(folder / "whole", NOON)
    _check(dump(killed) == dump(whole), "the past is another one")
    killed.close()
    whole.close()


def _aside(rng: random.Random, folder: Path) -> None:
    """A damaged file is kept whenever the one who sets it aside dies."""
    damaged = healthy(folder)[:-8192] + rng.randbytes(8192)
    (folder / FILE_NAME).write_bytes(damaged)
    _killed(folder, lambda tell: _save_on(folder, tell), rng.uniform(0, 0.02))
    database = Database(folder, NOON)
    _check(database.mode is StoreMode.DISK, database.mode.value)
    _check(database.save([account(1)], NOON), "cannot save")
    database.close()
    kept = [each for each in folder.glob("*.corrupt-*") if each.read_bytes() == damaged]
    _check(len(kept) == 1, f"{len(kept)} copies of the damaged file")


def _save_on(folder: Path, tell: Callable[[int], None]) -> None:
    """Save ever newer figures of all accounts, with history, and say each time that it is done."""
    database = Database(folder, NOON)
    number = 0
    while True:
        number += 1
        at = NOON + timedelta(seconds=number)
        states = [account(each, used=number, at=at) for each in range(_ACCOUNTS)]
        rows = history_rows(account(0, used=number - 1).usage, states[0].usage, "0", at)
        if not database.save(states, at, rows):
            os._exit(3)
        tell(number)


def _killed(
    folder: Path, work: Callable[[Callable[[int], None]], None], after: float, wait_for: int = 0
) -> int:
    """Fork the work, kill it so long after it confirmed so much, and give what it confirmed last."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(lambda number: _tell(write, number))
            signal.pause()
        finally:
            os._exit(4)
    os.close(write)
    with os.fdopen(read) as told:
        confirmed = 0
        while confirmed < wait_for:
            line = told.readline()
            _check(bool(line), "the writer gave up")
            confirmed = int(line)
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        _check(os.WIFSIGNALED(status), f"the writer ended with {status}")
        rest = told.read().split()
    return int(rest[-1]) if rest else confirmed


def _tell(pipe: int, number: int) -> None:
    os.write(pipe, b"%d\n" % number)


def _opens(folder: Path) -> int:
    """What the next process finds: all accounts of one moment, and nothing to complain of."""
    folder.mkdir(exist_ok=True)
    database = Database(folder, NOON)
    accounts = database.load_accounts() or ()
    _check(database.notices == (), str(database.notices))
    database.close()
    used = {each.usage.windows[0].used_percent for each in accounts}
    _check(len(accounts) in (0, _ACCOUNTS) and len(used) <= 1, f"{len(accounts)} accounts of {used}")
    direct = sqlite3.connect(folder / FILE_NAME)
    _check(direct.execute("PRAGMA integrity_check").fetchone() == ("ok",), "not whole")
    history = direct.execute(
        "SELECT DISTINCT at FROM changes, figures WHERE id = figure AND account_id = '0'"
    ).fetchall()
    direct.close()
    found = int(used.pop() or 0) if used else 0
    _check(len(history) == found, f"history of {len(history)} moments, {found} saved")
    return found


def _check(holds: bool, words: str) -> None:
    if not holds:
        raise DeathError(words)
