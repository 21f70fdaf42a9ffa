"""Whose conversations are: real homes with their logins, a real store with readings, a real usage.db."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.bootstrap.whose import assign_use, find_owners
from poolwatch.domain.account import AccountKey, Listing, LoginKind, SourceRef
from poolwatch.domain.series import Figure, HistoryRow, Series
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import WhoseBy
from poolwatch.domain.values import replace
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.owners import Whose
from poolwatch.sessions.tables import open_to_write
from poolwatch.store.store import Store
from tests.sources.logins import access_token, codex_login, put
from tests.store.given import account

Q = 900
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUARTER = int(NOW.timestamp()) // Q
RESET = NOW + timedelta(days=3)
ALICE, BOB = (AccountKey("codex", f"user-{number}", f"acct-{number}").id for number in (1, 2))


def examined(folder: Path) -> dict[str, tuple[int, int]]:
    """The conversations that were held against readings: their tokens then, and when it was."""
    with closing(open_to_write(folder / "state")) as look:
        rows = look.execute("SELECT uuid, tokens, at FROM examined JOIN threads ON id = thread").fetchall()
    return {uuid: (tokens, at) for uuid, tokens, at in rows}


class Files:
    """Conversations as a scan left them in usage.db."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.names: dict[str, int] = {}

    def add(
        self, name: str, home: Path | str, quarters: tuple[int, ...], used: float = 0, tokens: int = 100
    ) -> None:
        """One conversation, with the weekly limit that its file tells with each use."""
        with closing(open_to_write(self.state)) as change:
            change.execute("BEGIN")
            texts = ["gpt-6-sol", "codex", str(home)]
            change.executemany("INSERT OR IGNORE INTO names (text) VALUES (?)", [(each,) for each in texts])
            known = dict(change.execute("SELECT text, id FROM names").fetchall())
            change.execute("INSERT OR IGNORE INTO threads (uuid) VALUES (?)", (name,))
            thread = change.execute("SELECT id FROM threads WHERE uuid = ?", (name,)).fetchone()[0]
            change.execute(
                "INSERT OR IGNORE INTO files (name, path, home, thread, size, mtime_ns, inode, dev, offset,"
                " parser) VALUES (?, x'2f', ?, ?, 1, 0, 0, 0, 1, 1)",
                (f"{home}/{name}", known[str(home)], thread),
            )
            file = change.execute("SELECT id FROM files WHERE name = ?", (f"{home}/{name}",)).fetchone()[0]
            change.execute("UPDATE files SET offset = offset + 1 WHERE id = ?", (file,))
            for quarter in quarters:
                change.execute(
                    "INSERT INTO facts VALUES (?, ?, ?, ?, 0, 0, 0, 1, 1, ?, 0, 0, 0, 0)",
                    (quarter, file, thread, known["gpt-6-sol"], tokens),
                )
                if used:
                    change.execute(
                        "INSERT INTO limits VALUES (?, ?, ?, 10080, ?, ?, NULL)",
                        (file, quarter * Q + 100, known["codex"], used, int(RESET.timestamp())),
                    )
            change.execute("COMMIT")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Alice's week was at 20 % for a day."""
    store = Store(tmp_path / "state", NOW)
    alice = replace(account(1), read_at=NOW)
    rows = [
        HistoryRow(
            alice.key.id, NOW - timedelta(days=1), Series.WINDOW, "codex", "weekly", Figure(20.0, RESET)
        )
    ]
    await store.save([alice, replace(account(2), read_at=NOW)], NOW, rows)
    yield store
    await store.aclose()


def home(folder: Path, name: str, number: int) -> Path:
    """A Codex home with somebody's login."""
    access = access_token(f"user-{number}", f"acct-{number}")
    put(folder / name / "auth.json", codex_login(access))
    return folder / name


async def look(store: Store, book: UseBook, now: datetime = NOW) -> dict[str, list[Whose]]:
    await find_owners(book, store, await store.load_accounts() or (), now)
    return book.whose(["one", "two", "three", "late"])


async def test_a_home_with_one_login(tmp_path: Path, store: Store) -> None:
    files, book = Files(tmp_path / "state"), UseBook(tmp_path / "state")
    alice, bob = home(tmp_path, "a", 1), home(tmp_path, "b", 2)
    files.add("one", alice, (QUARTER - 9000, QUARTER))
    files.add("two", bob, (QUARTER,))
    # what its files say does not count where the home tells it
    files.add("three", bob, (QUARTER - 8,), used=20)
    whose = await look(store, book)
    assert {each: (found.account, found.how) for each, [found] in whose.items()} == {
        "one": (ALICE, WhoseBy.HOME),
        "two": (BOB, WhoseBy.HOME),
        "three": (BOB, WhoseBy.HOME),
    }
    assert book.shares(0, 10**9) == {WhoseBy.HOME: 400}
    # later use is its account's at once
    files.add("one", alice, (QUARTER + 1,))
    assert book.shares(0, 10**9) == {WhoseBy.HOME: 500}


async def test_a_conversation_in_homes_of_two_is_told_by_readings_alone(tmp_path: Path, store: Store) -> None:
    files, book = Files(tmp_path / "state"), UseBook(tmp_path / "state")
    alice, bob = home(tmp_path, "a", 1), home(tmp_path, "b", 2)
    for each in (bob, alice):
        files.add("one", each, (QUARTER - 40,), used=20)
        files.add("two", each, (QUARTER - 40,))
    whose = await look(store, book)
    assert {each: (found.account, found.how) for each, [found] in whose.items()} == {
        "one": (ALICE, WhoseBy.READINGS)
    }


async def test_a_command_that_never_polled_goes_by_homes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    files, book = Files(state), UseBook(state)
    alice = home(tmp_path, "a", 1)
    files.add("one", alice, (QUARTER,))
    files.add("two", tmp_path / "gone", (QUARTER,), used=20)
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(state)}
    around = look_around(Options(), env)
    assert isinstance(around, Surroundings)
    await assign_use(around, book)
    assert {each: found.account for each, [found] in book.whose(["one", "two"]).items()} == {"one": ALICE}
    # held against readings once there are some
    assert examined(tmp_path) == {}
    assert not (state / "poolwatch.db").exists()


async def test_a_login_that_changed_is_told_from_when_it_is_known(tmp_path: Path, store: Store) -> None:
    files, book = Files(tmp_path / "state"), UseBook(tmp_path / "state")
    folder = home(tmp_path, "a", 1)
    files.add("one", folder, (QUARTER - 9000, *range(QUARTER, QUARTER + 40)))
    await look(store, book)
    await look(store, book, now=NOW + timedelta(seconds=10 * Q))
    home(tmp_path, "a", 2)
    await look(store, book, now=NOW + timedelta(seconds=20 * Q))
    whose = await look(store, book, now=NOW + timedelta(seconds=30 * Q))
    assert [(each.since - QUARTER, each.until - QUARTER, each.account) for each in whose["one"]] == [
        (1, 10, ALICE),
        (21, 30, BOB),
    ]


@pytest.mark.parametrize("text", ["{}", "", json.dumps({"OPENAI_API_KEY": "sk-fake", "tokens": None}), None])
async def test_a_home_whose_login_is_no_account_s_tells_nothing(
    tmp_path: Path, store: Store, text: str | None
) -> None:
    files, book = Files(tmp_path / "state"), UseBook(tmp_path / "state")
    folder = tmp_path / "a"
    folder.mkdir()
    if text is not None:
        put(folder / "auth.json", text)
    files.add("one", folder, (QUARTER - 40,), used=20)
    files.add("two", folder, (QUARTER - 40,), used=50)
    files.add("three", folder, (QUARTER - 40,))
    whose = await look(store, book)
    assert {each: (found.account, found.how) for each, [found] in whose.items()} == {
        "one": (ALICE, WhoseBy.READINGS)
    }
    assert book.shares(0, 10**9) == {WhoseBy.READINGS: 100, None: 200}


async def test_a_home_with_an_api_key_is_its_card_s(tmp_path: Path, store: Store) -> None:
    files, book = Files(tmp_path / "state"), UseBook(tmp_path / "state")
    file = put(tmp_path / "a" / "auth.json", json.dumps({"OPENAI_API_KEY": "sk-fake", "tokens": None}))
    files.add("one", tmp_path / "a", (QUARTER,))
    ref = SourceRef("homes", str(file))
    key = AccountKey("codex", source=ref.source, place=ref.place)
    card = AccountState(key, (Listing(ref, login=LoginKind.API_KEY),))
    await find_owners(book, None, (), NOW)
    assert book.logins() == []
    await find_owners(book, store, [card], NOW)
    assert [each.account for each in book.whose(["one"])["one"]] == [key.id]
    # the login that the card knows is not the one that is there now
    card = AccountState(key, (Listing(ref, login=LoginKind.OAUTH),))
    await find_owners(book, store, [card], NOW + timedelta(seconds=Q))
    assert book.whose(["one"]) == {}


async def test_files_that_homes_share_are_of_none(tmp_path: Path, store: Store) -> None:
    files, book = Files(tmp_path / "state"), UseBook(tmp_path / "state")
    files.add("one", "", (QUARTER - 40,), used=20)
    files.add("two", "", (QUARTER - 40,))
    whose = await look(store, book)
    assert {each: found.how for each, [found] in whose.items()} == {"one": WhoseBy.READINGS}
    assert book.logins() == []


async def test_nothing_is_looked_at_again_while_nothing_changes(tmp_path: Path, store: Store) -> None:
    files, book = Files(tmp_path / "state"), UseBook(tmp_path / "state")
    folder = home(tmp_path, "a", 1)
    files.add("one", folder, (QUARTER,))
    await look(store, book)
    book.put_whose([], ["one"])
    stamp = (tmp_path / "state" / "usage.db").stat().st_mtime_ns
    assert await look(store, book) == {}
    assert (tmp_path / "state" / "usage.db").stat().st_mtime_ns == stamp
    # another login makes it unknown whose the use of this quarter was
    home(tmp_path, "a", 2)
    book.put_whose([Whose("one", 0, 9**9, ALICE, WhoseBy.HOME)], ["one"])
    assert await look(store, book) == {}
    # and so does more to read, or another quarter
    files.add("two", home(tmp_path, "b", 2), (QUARTER,))
    assert set(await look(store, book)) == {"two"}
    book.put_whose([], ["two"])
    assert set(await look(store, book)) == set()
    assert set(await look(store, book, NOW + timedelta(seconds=Q))) == {"two"}


async def test_a_conversation_is_held_against_readings_again_only_when_there_is_more(
    tmp_path: Path, store: Store
) -> None:
    files, book = Files(tmp_path / "state"), UseBook(tmp_path / "state")
    files.add("one", tmp_path / "gone", (QUARTER - 40,), used=20)
    files.add("late", tmp_path / "gone", (QUARTER,), used=20)
    assert set(await look(store, book)) == {"one"}
    assert examined(tmp_path) == {"one": (100, QUARTER), "late": (100, QUARTER)}
    # by then there are readings of that time too
    alice = replace(account(1), read_at=NOW + timedelta(hours=1))
    await store.save([alice], NOW, [])
    assert set(await look(store, book, now=NOW + timedelta(minutes=20))) == {"one", "late"}
    assert examined(tmp_path) == {"one": (100, QUARTER), "late": (100, QUARTER + 1)}
    await look(store, book, now=NOW + timedelta(hours=9))
    assert examined(tmp_path)["late"] == (100, QUARTER + 36)
    await look(store, book, now=NOW + timedelta(hours=19))
    assert examined(tmp_path)["late"] == (100, QUARTER + 36)
    files.add("one", tmp_path / "gone", (QUARTER - 39,), used=50)
    whose = await look(store, book, now=NOW + timedelta(hours=19))
    assert examined(tmp_path)["one"] == (200, QUARTER + 76)
    # it cannot have been hers before either
    assert set(whose) == {"late"}
