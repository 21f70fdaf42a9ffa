"""Opening the database: whatever lies there, the program gets a connection, and a message about it."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

from msgspec import Struct

from poolwatch.domain.message import Message, message
from poolwatch.host.files import make_missing_directories
from poolwatch.host.instants import file_stamp, to_micros
from poolwatch.host.locks import held
from poolwatch.store.documents import rewrite_documents

FILE_NAME: Final = "poolwatch.db"
#: What SQLite writes beside it.
_BESIDE: Final = ("-journal", "-wal", "-shm")
#: Taken while a database is opened, so that two processes never set a damaged one aside twice.
OPENING_LOCK: Final = "store.lock"
_BUSY_SECONDS: Final = 5.0
#: How long a look waits while the poller commits.
_LOOK_SECONDS: Final = 1.0
_LOCK_PATIENCE_SECONDS: Final = 10.0
# before this release a reset of the write-ahead log can damage a database with several connections
_SAFE_WAL: Final = (3, 51, 3)
#: Why SQLite refuses, by the primary result codes that speak of the surroundings; others mean a bad file.
_REASONS: Final = {
    sqlite3.SQLITE_FULL: "store.disk_full",
    sqlite3.SQLITE_BUSY: "store.locked",
    sqlite3.SQLITE_LOCKED: "store.locked",
    sqlite3.SQLITE_READONLY: "store.denied",
    sqlite3.SQLITE_PERM: "store.denied",
    sqlite3.SQLITE_CANTOPEN: "store.denied",
    **dict.fromkeys((sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR), "store.other"),
    **dict.fromkeys((sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_AUTH), "store.other"),
}
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class StoreMode(StrEnum):
    """Where what is saved goes."""

    DISK = "disk"
    READ_ONLY = "read_only"
    MEMORY = "memory"


class Opened(Struct, frozen=True):
    """A connection of the calling thread; `notice` is None when all is as it should be."""

    connection: sqlite3.Connection
    mode: StoreMode
    notice: Message | None = None


class _NewerTablesError(Exception):
    """The tables were made by a later version of the program."""


class _NotOursError(Exception):
    """What lies there is no file of ours; the arguments are a code and the file's name."""


def journal_mode(library: tuple[int, ...]) -> str:
    """The journal that is safe with this release of SQLite."""
    return "WAL" if library >= _SAFE_WAL else "TRUNCATE"


def open_database(state_dir: Path, now: datetime) -> Opened:
    """The database of the state directory, or the best that stands in for it. Never raises.

    A damaged file is renamed, never deleted, and a new one begun.
    """
    path = state_dir / FILE_NAME
    try:
        _prepare(state_dir)
    except (OSError, _NotOursError) as error:
        return _in_memory(message("store.unusable", path=state_dir, why=in_words(error)))
    with _one_at_a_time(state_dir):
        try:
            return _on_disk(path, now, None)
        except _NewerTablesError:
            return _read_only(path, message("store.newer", path=path))
        except OSError as error:
            # no copy of its former version can be kept
            return _read_only(path, message("store.unwritable", path=path, why=in_words(error)))
        except UnicodeDecodeError:
            pass  # SQLite quotes a damaged table definition, and its bytes are no text any more
        except sqlite3.Error as error:
            if not _is_damage(error):
                return _read_only(path, message("store.unwritable", path=path, why=in_words(error)))
        try:
            kept = _set_aside(path, now)
            return _on_disk(path, now, message("store.set_aside", path=path, kept=kept.name))
        except (OSError, _NotOursError, UnicodeDecodeError, sqlite3.Error, _NewerTablesError) as error:
            return _in_memory(message("store.stuck", path=path, why=in_words(error)))


def open_to_look(state_dir: Path, mode: str) -> sqlite3.Connection | None:
    """A connection that only looks, None where there is no file. It never creates, waits or raises."""
    path = state_dir.absolute() / FILE_NAME
    try:
        # SQLite would wait for ever at a pipe
        if not path.exists() or any(_is_odd(path.with_name(name)) for name in _names()):
            return None
        return _connect(_uri(path, mode), _LOOK_SECONDS)
    except (sqlite3.Error, OSError, ValueError):
        return None


def in_words(error: Exception) -> Message:
    """Why the database did not do it."""
    match error:
        case _NotOursError(args=(code, name)):
            return message(code, name=name)
        case sqlite3.Error() if _code(error) in _DAMAGE:
            return message("store.damaged")
        case sqlite3.Error():
            return message(_REASONS.get(_code(error), "store.other"), error=error)
        case _:
            return message("store.other", error=getattr(error, "strerror", None) or error)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is bad, and not the disk, the rights or another program's lock."""
    return _code(error) not in _REASONS


def _code(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else -1


def _prepare(state_dir: Path) -> None:
    """The directory, ours and closed to others, with a database file of the same kind."""
    make_missing_directories(state_dir)
    if stat.S_IMODE(state_dir.stat().st_mode) != 0o700:
        state_dir.chmod(0o700)
    path = state_dir / FILE_NAME
    # SQLite gives its journals the mode of the database, so the file is there before SQLite opens it;
    # an existing one is not opened here: closing it would drop the locks of this process's connections
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    if path.lstat().st_uid != os.geteuid():
        raise _NotOursError("store.of_another", FILE_NAME)
    for name in _names():
        file = state_dir / name
        if _is_odd(file):
            # SQLite would wait for a pipe
            raise _NotOursError("store.no_file", name)
        with suppress(FileNotFoundError):
            if stat.S_IMODE(file.lstat().st_mode) != 0o600:
                file.chmod(0o600)


def _names() -> tuple[str, ...]:
    return FILE_NAME, *(FILE_NAME + suffix for suffix in _BESIDE)


def _is_odd(path: Path) -> bool:
    """Whether something lies there that is no file."""
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def _one_at_a_time(state_dir: Path) -> Iterator[None]:
    """Hold the opening lock; go on without it when another process seems to hang in there."""
    with ExitStack() as lock:
        with suppress(OSError):
            lock.enter_context(held(state_dir / OPENING_LOCK, _LOCK_PATIENCE_SECONDS))
        yield


def _on_disk(path: Path, now: datetime, notice: Message | None) -> Opened:
    connection = _connect(_uri(path.absolute(), "rw"))
    try:
        _refuse_newer(connection)
        connection.execute(f"PRAGMA journal_mode = {journal_mode(sqlite3.sqlite_version_info)}").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        # rows are read once, one after the other, and then known as values
        connection.execute("PRAGMA cache_size = -256")
        _refuse_damage(connection)
        _migrate(connection, path)
        _probe(connection)
        # only a write shows whether the directory takes a journal
        connection.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('opened_at', ?)", (str(to_micros(now)),)
        )
    except BaseException:
        connection.close()
        raise
    return Opened(connection, StoreMode.DISK, notice)


def _refuse_newer(connection: sqlite3.Connection) -> None:
    if _version_of(connection) > VERSION:
        raise _NewerTablesError


def _refuse_damage(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise sqlite3.DatabaseError("integrity_check found damage")


def _read_only(path: Path, why: Message) -> Opened:
    try:
        connection = _connect(_uri(path.absolute(), "ro"))
    except sqlite3.Error:
        return _in_memory(why)
    try:
        connection.execute("SELECT 1 FROM readings LIMIT 1").fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        connection.close()
        return _in_memory(why)
    return Opened(connection, StoreMode.READ_ONLY, message("store.read_only", why=why))


def _in_memory(why: Message) -> Opened:
    connection = _connect("file::memory:")
    _migrate(connection)
    return Opened(connection, StoreMode.MEMORY, message("store.in_memory", why=why))


def _connect(uri: str, patience: float | None = None) -> sqlite3.Connection:
    seconds = _BUSY_SECONDS if patience is None else patience
    connection = sqlite3.connect(uri, uri=True, timeout=seconds, isolation_level=None)
    # in a damaged file: what is no UTF-8 becomes replacement characters
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _uri(path: Path, mode: str) -> str:
    """For SQLite; it never creates the file."""
    return f"file:{quote(os.fsencode(path))}?mode={mode}"


def _set_aside(path: Path, now: datetime) -> Path:
    """Rename the database with its journals, and put an empty file in its place."""
    stamp = file_stamp(now)
    kept = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    path.rename(kept)
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    _prepare(path.parent)
    return kept


# -- the tables: instants are integer microseconds since 1970, UTC; amounts are texts

Step: TypeAlias = str | Callable[[sqlite3.Connection], None]


def _carry_history(connection: sqlite3.Connection) -> None:
    from poolwatch.store.former_history import carry_history, carry_identities  # no start has to wait for it

    carry_history(connection)
    carry_identities(connection)


#: One entry per version, in order; an entry is never changed once released.
MIGRATIONS: Final[tuple[tuple[Step, ...], ...]] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # the last known state of every account; the document holds the parts of its key
        "CREATE TABLE readings (account_id TEXT PRIMARY KEY, doc TEXT NOT NULL, updated_at INTEGER NOT NULL)",
        """CREATE TABLE history (
            account_id TEXT NOT NULL, series TEXT NOT NULL, bucket TEXT NOT NULL, window TEXT NOT NULL,
            at INTEGER NOT NULL, used_percent REAL, resets_at INTEGER, limit_reached INTEGER,
            allowed INTEGER, balance TEXT, unlimited INTEGER, spent TEXT, spend_limit TEXT, plan TEXT,
            PRIMARY KEY (account_id, series, bucket, window, at)) WITHOUT ROWID""",
        "CREATE TABLE polls (account_id TEXT PRIMARY KEY, polled_at INTEGER NOT NULL) WITHOUT ROWID",
        # numbers are never used twice: a viewer waits for its own
        """CREATE TABLE requests (
            id INTEGER PRIMARY KEY AUTOINCREMENT, account_id TEXT NOT NULL, kind TEXT NOT NULL,
            override INTEGER NOT NULL, try_once INTEGER NOT NULL, asked_at INTEGER NOT NULL,
            asked_by TEXT NOT NULL, taken_at INTEGER, done_at INTEGER, outcome TEXT)""",
    ),
    (rewrite_documents,),
    (
        # a figure of an account has a number, since rows of it are many
        """CREATE TABLE figures (
            id INTEGER PRIMARY KEY, account_id TEXT NOT NULL, series TEXT NOT NULL, bucket TEXT NOT NULL,
            window TEXT NOT NULL, UNIQUE (account_id, series, bucket, window))""",
        # its single changes (store/history); values are percentages, or credits as texts
        """CREATE TABLE changes (
            figure INTEGER NOT NULL, at INTEGER NOT NULL, value, resets_at, flags INTEGER NOT NULL, rest TEXT,
            PRIMARY KEY (figure, at)) WITHOUT ROWID""",
        # days are counted since 1970, UTC; the hours of one are packed (store/spans)
        """CREATE TABLE hours (figure INTEGER NOT NULL, day INTEGER NOT NULL, packed BLOB NOT NULL,
            PRIMARY KEY (figure, day)) WITHOUT ROWID""",
        """CREATE TABLE days (
            figure INTEGER NOT NULL, day INTEGER NOT NULL, second INTEGER NOT NULL, last, low, high,
            resets_at, flags INTEGER NOT NULL, rest TEXT, PRIMARY KEY (figure, day)) WITHOUT ROWID""",
        """CREATE TABLE gaps (account_id TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
            PRIMARY KEY (account_id, start)) WITHOUT ROWID""",
        """CREATE TABLE cycles (figure INTEGER NOT NULL, started_at INTEGER NOT NULL, packed BLOB NOT NULL,
            PRIMARY KEY (figure, started_at)) WITHOUT ROWID""",
        """CREATE TABLE events (at INTEGER NOT NULL, id, packed BLOB NOT NULL,
            PRIMARY KEY (at, id)) WITHOUT ROWID""",
        "CREATE TABLE outlooks (account_id TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID",
        # whose history it is, also once no source lists the account any more
        """CREATE TABLE identities (
            account_id TEXT PRIMARY KEY, provider TEXT NOT NULL, user_id TEXT NOT NULL,
            workspace_id TEXT NOT NULL, email TEXT) WITHOUT ROWID""",
        _carry_history,
        "DROP TABLE history",
    ),
    (
        # notices that channels are to take, and took (store/outbox)
        """CREATE TABLE outbox (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL, channel TEXT NOT NULL, doc TEXT NOT NULL,
            queued_at INTEGER NOT NULL, tries INTEGER NOT NULL, waited INTEGER NOT NULL, tried_at INTEGER,
            next_at INTEGER, done_at INTEGER, given_up_at INTEGER, why TEXT, UNIQUE (id, channel))""",
        """CREATE INDEX outbox_waiting ON outbox (channel, number)
            WHERE done_at IS NULL AND given_up_at IS NULL""",
        """CREATE TABLE channels (
            name TEXT PRIMARY KEY, kind TEXT NOT NULL, mark TEXT NOT NULL, taken_at INTEGER,
            failing_since INTEGER, why TEXT, gone_at INTEGER) WITHOUT ROWID""",
        # what is remembered of alerts; `subject` is a list, "" for all of a rule (store/alerts)
        "CREATE TABLE alert_rules (rule TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE alerts (
            rule TEXT NOT NULL, subject TEXT NOT NULL, level TEXT NOT NULL, doc TEXT NOT NULL,
            PRIMARY KEY (rule, subject, level)) WITHOUT ROWID""",
        """CREATE TABLE silences (rule TEXT NOT NULL, subject TEXT NOT NULL, doc TEXT NOT NULL,
            PRIMARY KEY (rule, subject)) WITHOUT ROWID""",
        # which period of a budget runs, and how those went that have ended; `whose` "" is the whole of it
        "CREATE TABLE budgets (budget TEXT PRIMARY KEY, started_at INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE budget_periods (
            budget TEXT NOT NULL, whose TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,
            doc TEXT NOT NULL, PRIMARY KEY (budget, whose, started_at)) WITHOUT ROWID""",
    ),
    (
        # what OpenAI reports of an account's days, counted since 1970, UTC, and when it was asked
        """CREATE TABLE workspace_days (
            account_id TEXT NOT NULL, workspace_id TEXT NOT NULL, day INTEGER NOT NULL, doc TEXT NOT NULL,
            PRIMARY KEY (account_id, workspace_id, day)) WITHOUT ROWID""",
        """CREATE TABLE workspace_reports (
            account_id TEXT NOT NULL, workspace_id TEXT NOT NULL, asked_at INTEGER, answered_at INTEGER,
            fresh_at INTEGER, PRIMARY KEY (account_id, workspace_id)) WITHOUT ROWID""",
    ),
)

VERSION: Final = len(MIGRATIONS)

_PROBES: Final = (
    "SELECT name, value FROM meta",
    "SELECT account_id, doc, updated_at FROM readings",
    "SELECT id, account_id, series, bucket, window FROM figures",
    "SELECT figure, at, value, resets_at, flags, rest FROM changes",
    "SELECT figure, day, packed FROM hours",
    "SELECT figure, day, second, last, low, high, resets_at, flags, rest FROM days",
    'SELECT account_id, start, "end" FROM gaps',
    "SELECT figure, started_at, packed FROM cycles",
    "SELECT at, id, packed FROM events",
    "SELECT account_id, doc FROM outlooks",
    "SELECT account_id, provider, user_id, workspace_id, email FROM identities",
    "SELECT account_id, polled_at FROM polls",
    "SELECT id, account_id, kind, override, try_once, asked_at, asked_by, taken_at, done_at, outcome"
    " FROM requests",
    "SELECT number, id, channel, doc, queued_at, tries, waited, tried_at, next_at, done_at, given_up_at, why"
    " FROM outbox",
    "SELECT name, kind, mark, taken_at, failing_since, why, gone_at FROM channels",
    "SELECT rule, doc FROM alert_rules",
    "SELECT rule, subject, level, doc FROM alerts",
    "SELECT rule, subject, doc FROM silences",
    "SELECT budget, started_at FROM budgets",
    "SELECT budget, whose, started_at, ended_at, doc FROM budget_periods",
    "SELECT account_id, workspace_id, day, doc FROM workspace_days",
    "SELECT account_id, workspace_id, asked_at, answered_at, fresh_at FROM workspace_reports",
)


def _version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path | None = None) -> None:
    """Bring the tables to this version, all or nothing. sqlite3.Error or OSError when that fails.

    Of a file that holds tables of a former version a copy is kept first, beside it.
    """
    version = _version_of(connection)
    if version == VERSION:
        return
    if version > 0 and path is not None:
        _keep_copy(connection, path, version)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for steps in MIGRATIONS[max(_version_of(connection), 0) :]:
            for step in steps:
                if isinstance(step, str):
                    connection.execute(step)
                else:
                    step(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """A copy of the whole database, such as `poolwatch.db.version-1`; there once it is complete."""
    kept = path.with_name(f"{path.name}.version-{version}")
    part = kept.with_name(f"{kept.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        connection.execute("VACUUM INTO ?", (str(part),))
        os.fsync(fd)
    finally:
        os.close(fd)
    part.replace(kept)


def _probe(connection: sqlite3.Connection) -> None:
    """sqlite3.Error unless every table has the columns that are used."""
    for statement in _PROBES:
        connection.execute(f"{statement} LIMIT 0")
