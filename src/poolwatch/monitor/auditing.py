"""Notes what this process does in the audit log: a line before the act, and one when it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.domain.audit import Deed, Doer, Ending, Outcome
from poolwatch.domain.message import Message, message
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.host.files import FileProblem
from poolwatch.host.threads import in_thread
from poolwatch.store.audit import AuditLog

#: A refresh does not wait longer than this for a disk that hangs, nor this long when poolwatch is left.
_PATIENCE_SECONDS: Final = 5.0
_LEAVING_SECONDS: Final = 0.5
_ERROR: Final = "error"


class Doing(Struct):
    """An act that is under way; it has failed unless somebody says otherwise."""

    deed: Deed
    ending: Ending = Ending(Outcome.FAILED)

    def ended(self, outcome: Outcome, *codes: str) -> None:
        """Say how it ended."""
        self.ending = Ending(outcome, codes)

    def broke(self, error: BaseException) -> None:
        """An error ended it, or somebody stopped it."""
        is_stopped = isinstance(error, KeyboardInterrupt | asyncio.CancelledError)
        self.ending = Ending(Outcome.STOPPED) if is_stopped else Ending(Outcome.FAILED, (_ERROR,))


class Auditor:
    """Notes the acts of one process. What cannot be noted is told in `trouble`, and the act goes on.

    Only `spend` does not: what cannot be undone is not begun before its line is on disk.
    """

    def __init__(self, log: AuditLog, doer: Doer, now: Callable[[], datetime]) -> None:
        self._log = log
        self._now = now
        #: who does it, where nobody else asked for it
        self.doer: Final = doer
        #: why the last line could not be written
        self.trouble: Message | None = None
        #: called when that has changed
        self.on_trouble: Callable[[], None] = lambda: None

    @contextmanager
    def noting(self, deed: Deed) -> Iterator[Doing]:
        """Note an act while the block does it; blocks on disk."""
        doing = Doing(deed)
        begun = self._number(self._append(deed, self.doer))
        try:
            yield doing
        except BaseException as error:
            doing.broke(error)
            raise
        finally:
            self._number(self._append(doing.deed, self.doer, begun, doing.ending))

    @asynccontextmanager
    async def noting_on_thread(self, deed: Deed, doer: Doer | None = None) -> AsyncIterator[Doing]:
        """The same on an event loop, which no disk holds up; `doer` is somebody else who asked for it."""
        doing, noted = Doing(deed), Noted(self, deed, doer)
        await noted.begin()
        try:
            yield doing
        except BaseException as error:
            doing.broke(error)
            raise
        finally:
            await noted.end(doing.ending, doing.deed)

    async def note_on_thread(
        self, deed: Deed, doer: Doer, of: int | None = None, ending: Ending | None = None
    ) -> int | None:
        """Write one line; its number, None where it was not written."""
        work = partial(self._append, deed, doer, of, ending)
        is_left = ending is not None and ending.outcome is Outcome.STOPPED
        try:
            writing = asyncio.ensure_future(in_thread(work))
            done, _ = await asyncio.wait(
                (writing,), timeout=_LEAVING_SECONDS if is_left else _PATIENCE_SECONDS
            )
            written = writing.result() if done else FileProblem("file.hangs", self._log.path)
        except RuntimeError:  # no thread is to be had
            written = work()
        return self._number(written)

    def spend(self, deed: Deed, work: Callable[[], Ending]) -> Ending | FileProblem:
        """Do what cannot be undone, once its line is on disk; where that cannot be written, do nothing.

        How it ended is returned also where that could not be noted: `trouble` tells it. What an error ended
        may have been done all the same.
        """
        begun = self._append(deed, self.doer)
        number = self._number(begun)
        if isinstance(begun, FileProblem):
            return begun
        ending = Ending(Outcome.UNKNOWN, (_ERROR,))
        try:
            ending = work()
        finally:
            self._number(self._append(deed, self.doer, number, ending))
        return ending

    def _append(
        self, deed: Deed, doer: Doer, of: int | None = None, ending: Ending | None = None
    ) -> int | FileProblem:
        return self._log.append(self._now(), deed, doer, of=of, ending=ending)

    def _number(self, written: int | FileProblem) -> int | None:
        """The number of a line, None where it was not written, which is told."""
        before, self.trouble = self.trouble, None
        if isinstance(written, FileProblem):
            path, why = visible(str(written.path), LONGEST_PATH), Message(written.code, written.arguments)
            self.trouble = message("monitor.not_audited", path=path, why=why)
        if self.trouble != before:
            self.on_trouble()
        return None if isinstance(written, FileProblem) else written


class Noted:
    """An act whose begin and end are noted at two places."""

    def __init__(self, auditor: Auditor, deed: Deed, doer: Doer | None = None) -> None:
        """`doer`: somebody else who asked for it."""
        self._auditor = auditor
        self._deed = deed
        self._doer = doer or auditor.doer
        self._begun: int | None = None

    async def begin(self) -> None:
        """Note that it begins."""
        self._begun = await self._auditor.note_on_thread(self._deed, self._doer)

    async def end(self, ending: Ending, deed: Deed | None = None) -> None:
        """Note how it ended; `deed`: what is known of it now."""
        await self._auditor.note_on_thread(deed or self._deed, self._doer, self._begun, ending)
