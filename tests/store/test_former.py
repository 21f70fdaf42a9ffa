"""Version 1 of the store, as a poolwatch of that time wrote it: nothing of it is lost, and a copy is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind, Name, SourceRef
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.message import message
from poolwatch.domain.refresh import Change, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.series import history_rows
from poolwatch.domain.state import AccountState, Happening, KeyState, PoolFacts, SourceState
from poolwatch.domain.usage import (
    Aged,
    Credits,
    RateLimit,
    ReachedType,
    ResetCredits,
    SpendControl,
    SpendLimit,
    Usage,
    UsageWindow,
)
from poolwatch.domain.values import UNDATED, replace
from poolwatch.store.database import Database
from poolwatch.store.documents import decode_refresh
from poolwatch.store.opening import VERSION, StoreMode
from poolwatch.store.readings import read_pool
from tests.store.given import NOON, account, same, stored_in, told

DUMP = Path(__file__).parent / "version_1.sql"
FLOOR = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)


def plain() -> AccountState:
    """As most accounts are: no credits, no spend limits, no resets, named by its e-mail."""
    at = NOON + MINUTE
    five_hours = UsageWindow(12.0, 18000, NOON + timedelta(hours=3))
    weekly = UsageWindow(3.5, 604800, NOON + timedelta(days=3))
    usage = Usage(
        plan=Aged("plus", at, "codex-home"),
        base=Aged(RateLimit(True, False, (five_hours, weekly)), at, "codex-home"),
        review=Aged(None, at, "codex-home"),
        extras=Aged((), at, "codex-home"),
        credits=Aged(Credits(False, False, False, Decimal("0")), at, "codex-home"),
        spend=Aged(SpendControl(False, None, ()), at, "codex-home"),
        reached_type=Aged(None, at, "codex-home"),
        reset_credits=Aged(ResetCredits(0, None), at, "codex-home"),
    )
    first = replace(account(2).listings[0], folder=None)
    return AccountState(account(2).key, (first,), Name("person2@example.com"), usage, at, at)


def troubled() -> AccountState:
    """Two sources, a lost reply, failures in the past, a rival, figures of which nobody tells the age."""
    pool = Listing(
        SourceRef("pool", "p6"),
        account_id="acct-6",
        email="person6@example.com",
        label="six",
        custody=Custody.POOL,
        owner="codex-lb",
        workspace="Work",
        says_login_needed=True,
    )
    weekly = UsageWindow(100.0, 604800, NOON + timedelta(days=1), True)
    shared = SpendLimit(
        "group_shared",
        Decimal("400.00"),
        Decimal("131.2500"),
        Decimal("268.7500"),
        32.8,
        NOON + timedelta(days=9),
    )
    usage = Usage(
        base=Aged(RateLimit(False, True, (weekly,)), NOON, "codex-home"),
        credits=Aged(Credits(True, True, None, None), UNDATED, "pool"),
        spend=Aged(SpendControl(True, "group_shared", (shared,)), NOON - timedelta(hours=1), "pool"),
        reached_type=Aged(ReachedType.MEMBER_USAGE, NOON, "codex-home"),
        reset_credits=Aged(ResetCredits(2, 1, NOON + timedelta(days=5)), NOON, "codex-home"),
    )
    other = UsageWindow(1.0, 604800, NOON + timedelta(days=6))
    waits = worded(FailureKind.THROTTLED, "example.com asked to wait", NOON + 9 * MINUTE, "example.com")
    refused = worded(FailureKind.FORBIDDEN, "refused", login_problem=LoginProblem.REJECTED)
    return AccountState(
        account(6).key,
        (account(6).listings[0], pool),
        Name("six", "team"),
        usage,
        NOON,
        NOON + 2 * MINUTE,
        3,
        worded(FailureKind.UNREACHABLE, "no answer from example.com", detail="example.com").since(NOON),
        worded(FailureKind.AMBIGUOUS, "the reply was lost: ünï", detail="~/homes/6/auth.json").since(NOON),
        deactivations=1,
        rival=Aged(RateLimit(True, False, (other,)), NOON, "pool"),
        lately=(
            Happening(NOON, failure=waits),
            Happening(
                NOON - timedelta(hours=1), (Change("credits", Decimal("12.50"), None, False, True),), refused
            ),
        ),
    )


def unread() -> AccountState:
    """A file in which nothing can be read, with a name that is no UTF-8."""
    entry = Listing(
        SourceRef("homes", "2f61"),
        label="\udcff",
        problem=message("as_stored", text="not readable: permission denied"),
        login=LoginKind.API_KEY,
        custody=Custody.STATIC,
        disabled=True,
        path="~/homes/\udcff/auth.json",
    )
    return AccountState(AccountKey("codex", source="homes", place="2f61"), (entry,), Name("\udcff"))


def rich(number: int) -> AccountState:
    """The rich example, whose troubles were sentences then."""
    state = account(number)
    waits = worded(FailureKind.THROTTLED, "asked to wait", NOON + 3 * MINUTE, "host")
    silent = worded(FailureKind.UNREACHABLE, "no answer").since(NOON)
    return replace(state, reading_trouble=waits.since(NOON), silent={SourceRef("pool", "p1"): silent})


#: The third and the fourth in the forms that still older ones had.
ACCOUNTS = [rich(1), plain(), rich(3), rich(4), unread(), troubled()]


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "poolwatch.db")) as made:
        made.executescript(DUMP.read_text(encoding="utf-8"))
    return tmp_path


def check(accounts: dict[AccountKey, AccountState], facts: PoolFacts) -> None:
    for expected in ACCOUNTS:
        assert same(accounts[expected.key], expected), expected.key
    assert len(accounts) == len(ACCOUNTS)
    failure = worded(FailureKind.UNREACHABLE, "no answer from the pool", NOON + MINUTE, "127.0.0.1")
    sources = (SourceState("codex-home", (), NOON), SourceState("pool", (), NOON, failure, NOON))
    assert same(facts, PoolFacts("work", timedelta(seconds=-2.5), sources, {"pool": Decimal("25.0")}))


def test_everything_is_carried_over(state_dir: Path) -> None:
    database = Database(state_dir, NOON)
    assert database.mode is StoreMode.DISK
    check({each.key: each for each in stored_in(database)}, database.facts())
    # one row was damaged before
    assert told(database) == ["Stored accounts that could not be read: 1. They will be read again."]
    for state in ACCOUNTS:
        rows = history_rows(Usage(), state.usage, state.key.id, NOON)
        assert set(rows) <= set(database.history(state.key.id, NOON))
    assert len(database.history(account(1).key.id, NOON)) == 5
    assert database.last_polls() == {account(1).key.id: NOON, account(2).key.id: NOON + MINUTE}
    assert not database.claim_poll(account(1).key.id, NOON + FLOOR / 2, FLOOR)
    [waiting] = database.take_requests(NOON, FLOOR)
    assert (waiting.request.account_id, waiting.asked_by) == (account(2).key.id, "pid 4711, of 0a")
    assert database.key_states() == {
        "mark": KeyState(401, NOON, None, "invalid", "Nō", NOON),
        "wait": KeyState(429, NOON, NOON + MINUTE),
    }
    outcome = database.request_progress(1)
    assert outcome is not None
    failure = worded(FailureKind.THROTTLED, "slow down", NOON + 5 * MINUTE, "host")
    expected = RefreshProgress(
        NOON,
        TokenStep(TokenOutcome.FAILED, 0.4, failure=failure, retry_at=NOON, detail="/pool"),
        UsageStep(None, 0.3, cached_at=NOON),
        (Change("weekly", 71.0, None), Change("credits", Decimal("12.5000"), Decimal(0))),
        done=True,
    )
    assert same(decode_refresh(outcome.outcome), expected)
    database.close()


def test_a_copy_is_kept_and_the_documents_are_rewritten(state_dir: Path) -> None:
    with closing(sqlite3.connect(state_dir / "poolwatch.db")) as before:
        tables = list(before.iterdump())
    Database(state_dir, NOON).close()
    kept = state_dir / "poolwatch.db.version-1"
    assert kept.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as copy:
        assert list(copy.iterdump()) == tables
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    with closing(sqlite3.connect(state_dir / "poolwatch.db")) as after:
        assert after.execute("PRAGMA user_version").fetchone() == (VERSION,)
        documents = [doc for (doc,) in after.execute("SELECT doc FROM readings ORDER BY length(doc)")]
    # but for the damaged one
    assert ['"version":2' in doc for doc in documents] == [False] + [True] * len(ACCOUNTS)
    assert not any('"message":' in doc for doc in documents)
    at = kept.stat().st_mtime_ns
    Database(state_dir, NOON).close()
    assert kept.stat().st_mtime_ns == at


def test_it_is_read_where_it_cannot_be_changed(state_dir: Path) -> None:
    raw = (state_dir / "poolwatch.db").read_bytes()
    pool = read_pool(state_dir)
    assert pool is not None
    assert all(same(pool.accounts[each.key], each) for each in ACCOUNTS)
    # byte 18 is the file format for writing: with a value unknown to the library the file is read-only
    (state_dir / "poolwatch.db").write_bytes(raw[:18] + b"\x7f" + raw[19:])
    database = Database(state_dir, NOON)
    assert database.mode is StoreMode.READ_ONLY
    check({each.key: each for each in stored_in(database)}, database.facts())
    database.close()


def test_without_room_for_the_copy_it_is_only_read(state_dir: Path) -> None:
    (state_dir / "poolwatch.db.version-1.part").mkdir()
    before = (state_dir / "poolwatch.db").read_bytes()
    database = Database(state_dir, NOON)
    assert database.mode is StoreMode.READ_ONLY
    assert len(stored_in(database)) == len(ACCOUNTS)
    assert "cannot be written" in told(database)[0]
    database.close()
    assert (state_dir / "poolwatch.db").read_bytes() == before


def test_what_a_poolwatch_of_version_1_still_writes_is_read(state_dir: Path) -> None:
    with closing(sqlite3.connect(state_dir / "poolwatch.db")) as older:
        [(doc,)] = older.execute("SELECT doc FROM readings WHERE account_id = ?", (account(1).key.id,))
    database = Database(state_dir, NOON)
    with closing(sqlite3.connect(state_dir / "poolwatch.db")) as older, older:
        older.execute("UPDATE readings SET doc = ? WHERE account_id = ?", (doc, account(1).key.id))
    [back] = database.load_some([account(1).key.id])
    assert same(back, rich(1))
    database.close()
