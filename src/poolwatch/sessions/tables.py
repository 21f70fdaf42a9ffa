"""`usage.db`: its tables, and opening it. Quarters of an hour are counted since 1970, UTC."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Collection
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from poolwatch.domain.message import Message, message
from poolwatch.domain.tokens import Tier
from poolwatch.host.files import OddFileError, make_missing_directories, open_private
from poolwatch.host.locks import held

FILE_NAME: Final = "usage.db"
#: Held while a damaged file is set aside.
_ASIDE_LOCK_NAME: Final = "usage.aside.lock"
#: So many of the last requests are kept singly.
KEPT_SINGLY: Final = 500
_BESIDE: Final = ("-journal", "-wal", "-shm")
_WRITE_SECONDS: Final = 20.0
#: So long who looks waits for another program that keeps the file to itself.
LOOK_SECONDS: Final = 2.0
#: A definition of a table that cannot be read is an error like that of a wrong statement.
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
#: Raised when the tables change; facts of files that are gone must be carried over then.
VERSION: Final = 1
#: All use, counted here or borrowed from copies, for questions that need no more of it.
USE: Final = (
    "SELECT quarter, file, thread, input, output, verified FROM facts"
    " UNION ALL SELECT quarter, file, thread, input, output, verified FROM borrowed"
)
#: How a tier is written.
TIERS: Final = {Tier.STANDARD: 0, Tier.FAST: 1, Tier.UNKNOWN: 2}
TIER_OF: Final = {number: tier for tier, number in TIERS.items()}

_COUNTS: Final = """requests INTEGER NOT NULL, input INTEGER NOT NULL, cached INTEGER NOT NULL,
    cache_write INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL"""

_TABLES: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    # models, homes, kinds of limits: texts that many rows share
    "CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    """CREATE TABLE threads (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, parent TEXT, project TEXT, client TEXT)""",
    # `name` tells a file wherever it lies; `state` is where its counting stands, `course` the marks of its
    # counter, with which copies of it begin; `further`: another file of its thread comes first; `responses`:
    # it holds records; `waits`: the thread whose files tell what it copied; a gone file keeps its facts
    """CREATE TABLE files (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, path BLOB NOT NULL, home INTEGER NOT NULL,
        thread INTEGER, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
        dev INTEGER NOT NULL, "offset" INTEGER NOT NULL, head BLOB, tail BLOB, parser INTEGER NOT NULL,
        state BLOB, course BLOB, further INTEGER NOT NULL DEFAULT 0, responses INTEGER NOT NULL DEFAULT 0,
        gone INTEGER NOT NULL DEFAULT 0, waits TEXT, trouble TEXT)""",
    "CREATE INDEX files_by_thread ON files (thread)",
    f"""CREATE TABLE facts (
        quarter INTEGER NOT NULL, file INTEGER NOT NULL, thread INTEGER NOT NULL, model INTEGER NOT NULL,
        tier INTEGER NOT NULL, long INTEGER NOT NULL, estimated INTEGER NOT NULL, verified INTEGER NOT NULL,
        {_COUNTS},
        PRIMARY KEY (quarter, file, thread, model, tier, long, estimated, verified)) WITHOUT ROWID""",
    "CREATE INDEX facts_by_file ON facts (file)",
    "CREATE INDEX unverified ON facts (verified) WHERE verified = 0",
    # which responses were counted, and from which file
    "CREATE TABLE responses (hash INTEGER PRIMARY KEY, file INTEGER NOT NULL, rank INTEGER NOT NULL)",
    # those that were only found in a copy: they give way to the original. Rank: 1 a copy, 2 a reference
    f"""CREATE TABLE borrowed (
        hash INTEGER PRIMARY KEY, at REAL NOT NULL, quarter INTEGER NOT NULL, file INTEGER NOT NULL,
        thread INTEGER NOT NULL, model INTEGER NOT NULL, tier INTEGER NOT NULL, long INTEGER NOT NULL,
        estimated INTEGER NOT NULL, verified INTEGER NOT NULL, {_COUNTS})""",
    # who else holds a response: asked when its file is read anew
    """CREATE TABLE repeats (
        hash INTEGER NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (hash, file)) WITHOUT ROWID""",
    f"""CREATE TABLE latest (
        at REAL NOT NULL, file INTEGER NOT NULL, thread INTEGER NOT NULL, model INTEGER NOT NULL,
        tier INTEGER NOT NULL, long INTEGER NOT NULL, {_COUNTS})""",
    "CREATE INDEX latest_by_time ON latest (at)",
    # how the limits of whichever account it was stood, where they moved
    """CREATE TABLE limits (
        file INTEGER NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL, minutes INTEGER NOT NULL,
        used REAL, resets_at INTEGER, plan INTEGER, PRIMARY KEY (file, at, kind, minutes)) WITHOUT ROWID""",
    """CREATE TABLE whose (
        thread INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, account TEXT NOT NULL,
        how TEXT NOT NULL, PRIMARY KEY (thread, since)) WITHOUT ROWID""",
    # which conversations were held against our readings: with how many tokens, and when, in quarters
    "CREATE TABLE examined (thread INTEGER PRIMARY KEY, tokens INTEGER NOT NULL, at INTEGER NOT NULL)",
    # who was logged in in a home; a login that comes after another one begins a row
    """CREATE TABLE logins (
        home TEXT NOT NULL, since INTEGER NOT NULL, seen INTEGER NOT NULL, account TEXT NOT NULL,
        PRIMARY KEY (home, since)) WITHOUT ROWID""",
    # what the service counted by days since 1970, UTC, and on which day it was asked last
    """CREATE TABLE counted (
        account TEXT NOT NULL, day INTEGER NOT NULL, tokens INTEGER NOT NULL,
        PRIMARY KEY (account, day)) WITHOUT ROWID""",
    "CREATE TABLE asked (account TEXT PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE events (key INTEGER PRIMARY KEY)",
    # amounts that were told stand in whole units and 10^-12 of one: their sums fit
    f"""CREATE TABLE told (
        quarter INTEGER NOT NULL, model TEXT NOT NULL, tier INTEGER NOT NULL, long INTEGER NOT NULL,
        estimated INTEGER NOT NULL, account TEXT NOT NULL, user TEXT NOT NULL, client TEXT NOT NULL,
        project TEXT NOT NULL, conversation TEXT NOT NULL, operation TEXT NOT NULL,
        has_tokens INTEGER NOT NULL, has_cost INTEGER NOT NULL, has_credits INTEGER NOT NULL, {_COUNTS},
        cost_whole INTEGER NOT NULL, cost_parts INTEGER NOT NULL,
        credits_whole INTEGER NOT NULL, credits_parts INTEGER NOT NULL,
        PRIMARY KEY (quarter, model, tier, long, estimated, account, user, client, project, conversation,
            operation, has_tokens, has_cost, has_credits)) WITHOUT ROWID""",
    f"""CREATE TABLE told_latest (
        at REAL NOT NULL, model TEXT NOT NULL, tier INTEGER NOT NULL, long INTEGER NOT NULL,
        account TEXT NOT NULL, project TEXT NOT NULL, conversation TEXT NOT NULL, client TEXT NOT NULL,
        operation TEXT NOT NULL, cost TEXT, {_COUNTS})""",
    f"PRAGMA user_version = {VERSION}",
)
_NAMES: Final = {statement.split()[2] for statement in _TABLES if statement.startswith("CREATE")}


def book_mark(state_dir: Path) -> tuple[int, int] | None:
    """What differs once the file has changed; None where there is none."""
    try:
        status = (state_dir / FILE_NAME).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def json_texts(texts: Collection[str]) -> str:
    """Texts as a question takes them, for `json_each`."""
    return msgspec.json.encode(list(texts)).decode()


class BookProblem(StrEnum):
    """Why usage cannot be written or read, or is not all there."""

    NEWER = "use.newer"
    DAMAGED = "use.damaged"
    #: it can be read, but a count in it is none
    DAMAGED_ROW = "use.damaged_row"
    DENIED = "use.denied"
    #: the process that reads session files was ended
    ENDED = "use.ended"


#: Exit status of the process that reads session files, by why nothing can be kept.
STATUS: Final = {BookProblem.NEWER: 3, BookProblem.DAMAGED: 4, BookProblem.DENIED: 5}


class BookError(Exception):
    """The file cannot be used; `problem` says why, `detail` what the system said."""

    def __init__(self, problem: BookProblem, detail: str = "") -> None:
        super().__init__(problem.value, detail)
        self.problem: Final = problem
        self.detail: Final = detail

    @property
    def as_message(self) -> Message:
        """For people."""
        return message(self.problem.value, why=self.detail)


def open_to_write(state_dir: Path) -> sqlite3.Connection:
    """A connection with all tables. A damaged file is set aside, never deleted, and begun anew.

    Raises BookError.
    """
    path = state_dir.absolute() / FILE_NAME
    try:
        make_missing_directories(state_dir)
        inode = _present(path)
        try:
            return _made(path)
        except ERRORS as error:
            if not is_damage(error):
                raise
        with held(state_dir / _ASIDE_LOCK_NAME, _WRITE_SECONDS):
            # another process may have found the same damage: what it began anew is good
            if _present(path) == inode:
                set_aside(state_dir)
                _present(path)
        return _made(path)
    except ERRORS as error:
        raise BookError(problem_of(error), str(error)) from None
    except OSError as error:
        raise BookError(BookProblem.DENIED, error.strerror or str(error)) from None


def open_to_look(state_dir: Path, patience: float = LOOK_SECONDS) -> sqlite3.Connection | None:
    """A connection that changes nothing, None where there is nothing yet.

    It waits so many seconds at most for another program.

    Raises:
        BookError: a later version of the program made it, or it cannot be read.
    """
    path = state_dir.absolute() / FILE_NAME
    try:
        status = path.lstat()
        # SQLite would wait for a pipe
        if not stat.S_ISREG(status.st_mode):
            raise OddFileError(path)
        # an empty file is one that is being made
        if not status.st_size:
            return None
        # what a killed writer left is rolled back by whoever looks first, and that is a write
        mode = "rw" if os.access(path, os.W_OK) else "ro"
        connection = _connect(path, mode, patience)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BookError(BookProblem.DENIED, error.strerror or str(error)) from None
    except sqlite3.Error as error:
        raise BookError(BookProblem.DENIED, str(error)) from None
    try:
        connection.execute("PRAGMA query_only = ON")
        version = _version(connection)
    except ERRORS as error:
        connection.close()
        raise BookError(problem_of(error), str(error)) from None
    if version == VERSION:
        return connection
    connection.close()
    if version > VERSION:
        raise BookError(BookProblem.NEWER)
    return None


def _present(path: Path) -> int:
    """The number of the file, which is made where there is none. Raises OSError."""
    handle = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        return os.fstat(handle).st_ino
    finally:
        os.close(handle)


def set_aside(state_dir: Path) -> None:
    """Rename a damaged file, and what SQLite wrote beside it. Raises OSError."""
    path = state_dir.absolute() / FILE_NAME
    number = 1
    while (kept := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.rename(kept)
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))


#: What SQLite raises: it quotes a damaged definition of a table, whose bytes may be no text.
ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)


def problem_of(error: Exception) -> BookProblem:
    """What is the matter when one of these was raised."""
    return BookProblem.DAMAGED if is_damage(error) else BookProblem.DENIED


def is_damage(error: Exception) -> bool:
    """Whether the file itself is bad, and not the disk, the rights or another program's lock."""
    if isinstance(error, UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return type(error) is sqlite3.DatabaseError if code is None else code & 0xFF in _DAMAGE


def _made(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "rw", _WRITE_SECONDS)
    try:
        # readers must not be kept out before a commit, however much is written until then
        connection.execute("PRAGMA cache_spill = OFF")
        connection.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
        _refuse_damage(connection)
        connection.execute("BEGIN IMMEDIATE")
        _make_tables(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_damage(connection: sqlite3.Connection) -> None:
    """Damage can lie where nobody looks, and make sums wrong."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise sqlite3.DatabaseError("quick_check found damage")


def _make_tables(connection: sqlite3.Connection) -> None:
    version = _version(connection)
    if version > VERSION:
        raise BookError(BookProblem.NEWER)
    if version == 0:
        for statement in _TABLES:
            connection.execute(statement)
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    missing = _NAMES - there
    if missing:
        # made by another program, or damaged
        raise sqlite3.DatabaseError(" ".join(sorted(missing)))


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    uri = f"file:{quote(os.fsencode(path))}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False
    )
    # in a damaged file: what is no UTF-8 becomes replacement characters
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection
