from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.state import PoolFacts, SourceState
from poolwatch.store.database import Database
from poolwatch.store.readings import AccountCache, read_pool, read_stored
from tests.store.given import NOON, account, same, stored_in


def _filled(directory: Path, count: int) -> None:
    database = Database(directory, NOON)
    assert database.save([account(number) for number in range(count)], NOON)
    source = SourceState("codex-home", listed_at=NOON)
    assert database.put_facts(
        PoolFacts("work", timedelta(seconds=-2.5), (source,), {"codex-home": Decimal(40)})
    )
    database.close()


def test_a_start_reads_the_accounts_that_the_store_goes_on_with(tmp_path: Path) -> None:
    _filled(tmp_path, 3)
    cache = AccountCache()
    kept = read_stored(tmp_path, cache)
    assert kept is not None
    accounts, facts = kept
    assert facts.rates == {"codex-home": Decimal(40)}
    by_key = {each.key: each for each in accounts}
    assert all(same(by_key[account(number).key], account(number)) for number in range(3))
    database = Database(tmp_path, NOON, cache)
    loaded = stored_in(database)
    assert [each.key.id for each in loaded] == [each.key.id for each in accounts]
    assert all(each is by_key[each.key] for each in loaded)
    database.close()
    assert read_stored(tmp_path / "missing", cache) is None


@pytest.mark.parametrize("name", ["state", "odd ?#%20 name", "ünï"])
def test_the_pool_is_read(tmp_path: Path, name: str) -> None:
    _filled(tmp_path / name, 3)
    pool = read_pool(tmp_path / name)
    assert pool is not None
    assert set(pool.accounts) == {account(number).key for number in range(3)}
    assert all(same(pool.accounts[account(number).key], account(number)) for number in range(3))
    assert pool.clock_offset == timedelta(seconds=-2.5)
    assert len(pool.sources["codex-home"].listings) == 3
    assert pool.sources["codex-home"].listed_at == NOON


def test_reading_writes_nothing(tmp_path: Path) -> None:
    _filled(tmp_path, 1)
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    assert read_pool(tmp_path) is not None
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()} == before


def test_without_a_database_there_is_no_pool_and_none_is_made(tmp_path: Path) -> None:
    assert read_pool(tmp_path) is None
    assert read_pool(tmp_path / "missing") is None
    assert list(tmp_path.iterdir()) == []


def test_rubbish_is_no_pool(tmp_path: Path) -> None:
    (tmp_path / "poolwatch.db").write_bytes(b"rubbish" * 1000)
    assert read_pool(tmp_path) is None
    (tmp_path / "poolwatch.db").write_bytes(b"")
    assert read_pool(tmp_path) is None


def test_a_damaged_row_costs_one_account(tmp_path: Path) -> None:
    _filled(tmp_path, 3)
    with sqlite3.connect(tmp_path / "poolwatch.db") as direct:
        direct.execute("UPDATE readings SET doc = x'ff' WHERE account_id = ?", (account(1).key.id,))
    direct.close()
    pool = read_pool(tmp_path)
    assert pool is not None
    assert len(pool.accounts) == 2


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_a_pipe_beside_the_database_is_not_waited_for(tmp_path: Path, suffix: str) -> None:
    _filled(tmp_path, 1)
    path = tmp_path / f"poolwatch.db{suffix}"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    look = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from poolwatch.store.readings import read_pool; from poolwatch.store.database import Database\n"
        "from poolwatch.words.messages import message_text; where = Path(sys.argv[1])\n"
        "print(read_pool(where), *map(message_text, Database(where, datetime.now(UTC)).notices))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", look, str(tmp_path)], capture_output=True, text=True, timeout=30, check=True
    )
    assert ran.stdout.startswith("None ")
    assert f"{path.name} is not a regular file: move it away" in ran.stdout
