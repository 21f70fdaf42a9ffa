from __future__ import annotations

import os
import resource
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest

from poolwatch.domain.matching import ALWAYS, HomeLogin
from poolwatch.domain.tokens import GroupBy, Origin, ScanState, Tier, Tokens, UseAsked, WhoseBy
from poolwatch.domain.values import replace
from poolwatch.host.locks import held
from poolwatch.sessions import tables
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.day_counts import DayCounted
from poolwatch.sessions.events import UsageEvent
from poolwatch.sessions.owners import LimitSeen, ThreadUse, Whose
from poolwatch.sessions.progress import LOCK_NAME, Progress, note_progress
from poolwatch.sessions.tables import FILE_NAME, BookError, BookProblem, open_to_write

_ALL = UseAsked(0, 10**9)


def _filled(folder: Path) -> UseBook:
    """Two threads of one home: the second one's last quarter could not be verified."""
    with closing(open_to_write(folder)) as change:
        change.executemany(
            "INSERT INTO names VALUES (?, ?)",
            [(1, "gpt-6-sol"), (2, ""), (3, "/homes/a"), (4, "codex"), (5, "plus")],
        )
        change.executemany(
            "INSERT INTO threads VALUES (?, ?, ?, ?, ?)",
            [(1, "one", None, "red", "cli"), (2, "two", "one", "blue", "exec")],
        )
        for number in (1, 2):
            change.execute(
                "INSERT INTO files (id, name, path, home, thread, size, mtime_ns, inode, dev, offset, parser)"
                " VALUES (?, ?, ?, 3, ?, 9, 0, 0, 0, 9, 1)",
                (number, f"f{number}", f"/homes/a/f{number}".encode(), number),
            )
        change.executemany(
            "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (960, 1, 1, 1, 0, 0, 0, 1, 2, 100, 80, 5, 10, 3),
                (961, 1, 1, 1, 0, 0, 0, 1, 1, 10, 8, 0, 1, 0),
                (961, 2, 2, 1, 1, 1, 0, 1, 1, 300000, 0, 0, 7, 0),
                (1060, 2, 2, 2, 2, 0, 1, 1, 1, 1, 0, 0, 1, 0),
                (1061, 2, 2, 1, 0, 0, 0, 0, 4, 44, 4, 0, 4, 0),
            ],
        )
        # a response of the first thread that was only found in the second one's file
        change.execute(
            "INSERT INTO borrowed VALUES (9, 864000.0, 960, 2, 1, 1, 0, 0, 0, 1, 1, 5, 4, 0, 1, 1)"
        )
        change.execute("INSERT INTO latest VALUES (864900.5, 1, 1, 1, 0, 0, 1, 10, 8, 0, 1, 0)")
        change.execute("INSERT INTO latest VALUES (864000.5, 2, 2, 2, 2, 0, 1, 1, 0, 0, 1, 0)")
        change.execute("INSERT INTO limits VALUES (1, 864000, 4, 300, 41.5, 864999, 5)")
    return UseBook(folder)


def test_nothing_is_known_without_a_file(tmp_path: Path) -> None:
    book = UseBook(tmp_path)
    assert book.cells(_ALL) == []
    assert book.latest(5) == []
    assert book.scan_state() == ScanState()
    assert book.threads(["one"]) == {}
    assert book.limits("one") == []
    assert not (tmp_path / FILE_NAME).exists()


def test_cells_are_joined_by_what_is_asked_for(tmp_path: Path) -> None:
    book = _filled(tmp_path)
    whole = book.cells(_ALL)
    assert [(cell.quarter, cell.model, cell.tier, cell.long_context, cell.requests) for cell in whole] == [
        (960, "gpt-6-sol", Tier.STANDARD, False, 3),
        (961, "gpt-6-sol", Tier.STANDARD, False, 1),
        (961, "gpt-6-sol", Tier.FAST, True, 1),
        (1060, None, Tier.UNKNOWN, False, 1),
    ]
    assert whole[0].tokens == Tokens(105, 84, 5, 11, 4)
    assert whole[3].estimated
    assert {cell.project for cell in whole} == {None}

    by_project = book.cells(replace(_ALL, by=GroupBy.PROJECT, joined_at=(0,)))
    assert [(cell.quarter, cell.project, cell.requests) for cell in by_project] == [
        (960, "red", 4),
        (960, "blue", 1),
        (1056, "blue", 1),
    ]
    also = book.cells(replace(_ALL, by=None, also=frozenset({GroupBy.PROJECT, GroupBy.USER})))
    assert sorted((cell.quarter, cell.project, cell.requests) for cell in also) == [
        (960, "red", 3),
        (961, "blue", 1),
        (961, "red", 1),
        (1060, "blue", 1),
    ]
    assert {cell.client for cell in also} == {None}
    narrowed = book.cells(replace(_ALL, narrow=((GroupBy.CONVERSATION, "two"), (GroupBy.MODEL, None))))
    assert [(cell.quarter, cell.conversation) for cell in narrowed] == [(1060, "two")]
    assert book.cells(UseAsked(961, 962, by=None))[0].tokens == Tokens(10, 8, 0, 1, 0)
    assert book.cells(replace(_ALL, narrow=((GroupBy.USER, "somebody"),))) == []
    assert len(book.cells(replace(_ALL, narrow=((GroupBy.USER, None),)))) == 4


def test_whose_it_was_is_said_by_quarters(tmp_path: Path) -> None:
    book = _filled(tmp_path)
    book.put_whose([Whose("one", 961, 999, "abc", WhoseBy.HOME)], ["one", "two"])
    cells = book.cells(replace(_ALL, by=GroupBy.ACCOUNT))
    assert [(cell.quarter, cell.account, cell.requests) for cell in cells] == [
        (960, None, 3),
        (961, "abc", 1),
        (961, None, 1),
        (1060, None, 1),
    ]
    assert book.shares(0, 10**9) == {"home": 11, None: 116 + 300007 + 2}
    assert [(each.conversation, each.account) for each in book.latest(9)] == [("one", "abc"), ("two", None)]
    book.put_whose([], ["one"])
    assert {cell.account for cell in book.cells(replace(_ALL, by=GroupBy.GROUP))} == {None}


def test_what_tells_whose_it_was(tmp_path: Path) -> None:
    book = _filled(tmp_path)
    assert book.limits("one") == [LimitSeen(864000, "codex", 300, 41.5, 864999, "plus")]
    assert book.threads(["two", "three"])["two"].parent == "one"


def test_the_state_tells_what_was_not_counted(tmp_path: Path) -> None:
    state = _filled(tmp_path).scan_state()
    assert (state.files, state.bytes_read, state.files_unverified) == (2, 18, 1)
    assert state.unverified == Tokens(44, 4, 0, 4, 0)
    assert state.since == 864000
    assert state.running is False


def test_the_figures_are_not_the_whole_while_something_is_read(tmp_path: Path) -> None:
    book = _filled(tmp_path)

    def noted(progress: Progress) -> ScanState:
        with closing(open_to_write(tmp_path)) as change:
            note_progress(change, progress)
        return book.scan_state()

    assert noted(Progress(complete_at=5.0)).complete_at == 5
    reading = Progress(complete_at=5.0, bytes_done=10, bytes_total=30, newest_since=7.0)
    with held(tmp_path / LOCK_NAME):
        state = noted(reading)
        assert (state.complete_at, state.running, state.newest_since) == (None, True, 7)
    # it was cut off
    state = noted(reading)
    assert (state.complete_at, state.running) == (None, False)


def test_an_event_counts_once_and_its_amounts_are_kept_exactly(tmp_path: Path) -> None:
    book = UseBook(tmp_path)
    told = UsageEvent(
        7, 864000.0, Tokens(100, 0, 0, 10, 0), user="u", model="m", cost=3 * 10**24, credits=Decimal("0.1")
    )
    priced_by_us = replace(told, key=-8, cost=None, credits=None, at=864001.0)
    assert book.take_events([told, told, priced_by_us]) == 2
    assert book.take_events([told, replace(told, key=9, credits=Decimal("0.000000000001"))]) == 1
    cells = book.cells(replace(_ALL, origin=Origin.IMPORTED, by=GroupBy.USER))
    assert [(cell.requests, cell.told_requests, cell.told_cost, cell.told_credits) for cell in cells] == [
        (1, 0, None, None),
        (2, 2, 6 * 10**24, Decimal("0.100000000001")),
    ]
    assert {cell.user for cell in cells} == {"u"}
    assert cells[1].told_tokens == cells[1].tokens == Tokens(200, 0, 0, 20, 0)
    assert [each.at for each in book.latest(2, Origin.IMPORTED)] == [864001.0, 864000.0]
    assert book.cells(_ALL) == []


def test_what_a_price_depends_on_is_told_whatever_is_asked_for(tmp_path: Path) -> None:
    book = UseBook(tmp_path)
    chat = UsageEvent(1, 864000.0, Tokens(100, 0, 0, 10, 0), model="m", operation="chat", credits=Decimal(1))
    image = replace(chat, key=2, operation="image", tokens=Tokens(), credits=None, cost=40_000_000_000)
    uncounted = replace(chat, key=3, tokens=Tokens())
    assert book.take_events([chat, image, uncounted, replace(chat, key=4)]) == 4
    cells = book.cells(replace(_ALL, origin=Origin.IMPORTED, by=None))
    assert sorted((cell.operation or "", cell.requests, cell.tokens.total) for cell in cells) == [
        ("chat", 1, 0),
        ("chat", 2, 220),
        ("image", 1, 0),
    ]
    latest = book.latest(4, Origin.IMPORTED)
    assert {(each.operation, each.told_cost) for each in latest} == {
        ("chat", None),
        ("image", 40_000_000_000),
    }


def test_a_damaged_file_is_set_aside_by_who_writes(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 200)
    book = UseBook(tmp_path)
    with pytest.raises(BookError) as caught:
        book.cells(_ALL)
    assert caught.value.problem is BookProblem.DAMAGED
    assert book.take_events([UsageEvent(1, 5.0)]) == 1
    assert (tmp_path / f"{FILE_NAME}.corrupt-1").read_bytes().startswith(b"no database")


def test_two_that_find_the_same_damage_keep_what_one_of_them_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 200)
    made, found = tables._made, Barrier(2)

    def made_once_both_know(path: Path) -> sqlite3.Connection:
        try:
            return made(path)
        except sqlite3.DatabaseError:
            found.wait(5)
            raise

    monkeypatch.setattr(tables, "_made", made_once_both_know)

    def take(key: int) -> int:
        return UseBook(tmp_path).take_events([UsageEvent(key, 864000.0, Tokens(1))])

    with ThreadPoolExecutor(2) as both:
        assert list(both.map(take, (1, 2))) == [1, 1]
    [cell] = UseBook(tmp_path).cells(replace(_ALL, origin=Origin.IMPORTED))
    assert cell.requests == 2
    assert [path.name for path in tmp_path.glob("*.corrupt-?")] == [f"{FILE_NAME}.corrupt-1"]


def test_what_is_no_book_of_ours_is_set_aside_and_what_is_no_file_tells_nothing(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("CREATE TABLE notes (text)")
        other.execute(f"PRAGMA user_version = {tables.VERSION}")
    assert UseBook(tmp_path).take_events([UsageEvent(1, 5.0)]) == 1
    assert (tmp_path / f"{FILE_NAME}.corrupt-1").exists()
    (tmp_path / "odd").mkdir()
    os.mkfifo(tmp_path / "odd" / FILE_NAME)
    with pytest.raises(BookError, match="not a regular file"):
        UseBook(tmp_path / "odd").cells(_ALL)


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as later:
        later.execute("PRAGMA user_version = 99")
    before = (tmp_path / FILE_NAME).read_bytes()
    book = UseBook(tmp_path)
    with pytest.raises(BookError, match="newer"):
        book.scan_state()
    with pytest.raises(BookError) as caught:
        book.take_events([UsageEvent(1, 5.0)])
    assert caught.value.problem is BookProblem.NEWER
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_who_was_logged_in_where(tmp_path: Path) -> None:
    book = UseBook(tmp_path)
    assert (book.logins(), book.whose(["one"]), book.unsettled({}, 1, 4), book.homes()) == ([], {}, [], [])
    book.note_logins({"/homes/a": "abc", "/homes/b": "xyz"}, 100)
    book.note_logins({"/homes/a": "abc"}, 120)
    book.note_logins({"/homes/a": "xyz"}, 130)
    book.note_logins({"/homes/a": "xyz"}, 125)
    book.note_logins({"/homes/b": "abc"}, 100)
    assert book.logins() == [
        HomeLogin("/homes/a", "abc", 100, 120),
        HomeLogin("/homes/a", "xyz", 130, 130),
        HomeLogin("/homes/b", "xyz", 100, 100),
        HomeLogin("/homes/b", "abc", 101, 101),
    ]


def test_what_was_held_against_readings(tmp_path: Path) -> None:
    book = _filled(tmp_path)
    assert book.homes() == ["/homes/a"]
    one = ThreadUse("one", "/homes/a", 960, 962, 110 + 11 + 6)
    two = ThreadUse("two", "/homes/a", 961, 1062, 300007 + 2 + 48)
    assert book.unsettled({}, 2000, 4) == [one, two]
    found = Whose("one", 960, 962, "abc", WhoseBy.READINGS)
    book.put_examined([found], {"one": one.tokens, "two": two.tokens - 1, "gone": 5}, 1065)
    assert book.whose(["one", "two", "gone"]) == {"one": [found]}
    # there is more of the second
    assert book.unsettled({}, 2000, 4) == [two]
    # a quarter before that is late enough, unless it is the same one
    book.put_examined([], {"one": one.tokens, "two": two.tokens}, 1065)
    assert (book.whose(["one"]), book.unsettled({}, 2000, 4)) == ({}, [two])
    assert book.unsettled({}, 2000, 3) == book.unsettled({}, 1065, 4) == []
    # the home tells now, whatever readings told
    assert book.unsettled({"/homes/a": "abc"}, 2000, 3) == [one, two]
    always = [Whose(each, 0, ALWAYS, "abc", WhoseBy.HOME) for each in ("one", "two")]
    book.put_whose(always, ["one", "two"])
    assert book.unsettled({"/homes/a": "abc"}, 2000, 3) == []
    assert book.unsettled({"/homes/a": "xyz"}, 2000, 3) == [one, two]


def test_days_that_the_service_counted(tmp_path: Path) -> None:
    book = _filled(tmp_path)
    none = UseBook(tmp_path / "none")
    assert (none.days_counted(0, 99), none.unasked(12), book.unasked(12)) == ([], set(), set())
    whose = [Whose("one", 0, 10**6, "abc", WhoseBy.HOME), Whose("two", 0, 10**6, "xyz", WhoseBy.HOME)]
    book.put_whose(whose, ["one", "two"])
    # quarters 960 to 1055 are day 10
    book.put_counted("abc", {9: 5, 10: 200, 11: 7})
    book.put_counted("abc", {10: 250})
    book.put_counted("xyz", {10: 0, 11: 4})
    # what is not in the files was used elsewhere
    elsewhere = [DayCounted("abc", 9, 5, 0), DayCounted("abc", 11, 7, 0)]
    assert book.days_counted(0, 99) == [
        elsewhere[0],
        DayCounted("abc", 10, 250, 127),
        elsewhere[1],
        DayCounted("xyz", 11, 4, 2),
    ]
    assert book.days_counted(0, 11) == [elsewhere[0], DayCounted("abc", 10, 250, 127)]
    # unless it may be in them, and nobody knows whose that is
    book.put_whose([replace(whose[1], until=1061)], ["two"])
    assert book.days_counted(11, 99) == [DayCounted("xyz", 11, 4, 2)]
    assert book.unasked(12) == {"abc", "xyz"}
    assert [book.claim_asking("abc", day) for day in (12, 12, 13, 12)] == [True, False, True, True]
    assert book.unasked(12) == {"xyz"}


@pytest.mark.parametrize(
    "bent", [(b"CREATE TABLE facts", b"CREATE TABLE f\xff\xfets"), (b"\x0d\x00\x00", b"\x0d\x13\x37")]
)
def test_damage_that_nobody_would_look_at_is_found_before_it_is_written_to(
    tmp_path: Path, bent: tuple[bytes, bytes]
) -> None:
    book = _filled(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes().replace(*bent))
    assert book.take_events([UsageEvent(1, 5.0)]) == 1
    assert (tmp_path / f"{FILE_NAME}.corrupt-1").exists()
    assert book.scan_state().files == 0


def test_a_full_disk_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    book = _filled(tmp_path)
    before = book.cells(_ALL)
    events = [UsageEvent(key, 900.0 * key, model=f"model-{key}" * 20) for key in range(2000)]
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limit[1]))
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(BookError) as caught:
            book.take_events(events)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.problem is BookProblem.DENIED
    assert book.cells(_ALL) == before
    assert book.take_events(events) == 2000
