"""Access to the database, for one thread. SQLite's errors end here: a refusal, and a message."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Concatenate, Final, ParamSpec, TypeVar

from poolwatch.domain.message import Message, message
from poolwatch.store.opening import Opened, StoreMode, in_words

T = TypeVar("T")
P = ParamSpec("P")

# UnicodeError: SQLite quotes a damaged table definition, and its bytes are no text any more
FAILURES: Final = (sqlite3.Error, OverflowError, UnicodeError)


class Access:
    """One connection. `notices` says what people should know about it; it may be read from any thread."""

    def __init__(self, opened: Opened) -> None:
        self.mode: Final = opened.mode
        self._connection = opened.connection
        self._opening_notice = opened.notice
        #: by what was tried on which tables: a success elsewhere does not hide a failure that lasts
        self._troubles: dict[tuple[str, str], Message] = {}
        #: accounts that cannot be read
        self._skipped = 0

    @property
    def notices(self) -> tuple[Message, ...]:
        """What is unusual about the database; empty when nothing is."""
        skipped = message("store.skipped", count=self._skipped) if self._skipped else None
        found = (self._opening_notice, *self._troubles.copy().values(), skipped)
        return tuple(dict.fromkeys(notice for notice in found if notice is not None))

    def close(self) -> None:
        """Close the connection."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _read(
        self,
        part: str,
        otherwise: T,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        try:
            result = work(self._connection, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - rows may hold anything, and no damage ends a run
            self._troubles["read", part] = message("store.not_read", why=why_not(error))
            return otherwise
        else:
            self._troubles.pop(("read", part), None)
            return result

    def _write(
        self,
        part: str,
        otherwise: T,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The result of `work` in a transaction of its own; `otherwise` where nothing can be written."""
        if self.mode is StoreMode.READ_ONLY:
            return otherwise
        held = self._connection
        try:
            held.execute("BEGIN IMMEDIATE")
            result = work(held, *args, **kwargs)
            held.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - likewise
            self._troubles["write", part] = message("store.not_written", why=why_not(error))
            return otherwise
        else:
            self._troubles.pop(("write", part), None)
            return result
        finally:
            if held.in_transaction:
                with suppress(sqlite3.Error):
                    held.execute("ROLLBACK")


def why_not(error: Exception) -> Message:
    """Why the database did not do it; of an error of our own its type alone: its text may hold anything."""
    if isinstance(error, FAILURES):
        return in_words(error)
    return message("monitor.internal_error", type=type(error).__name__)
