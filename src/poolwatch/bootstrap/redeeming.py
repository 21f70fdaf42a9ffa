"""The process that has one banked reset used, and ends: `python -m poolwatch.bootstrap.redeeming`.

Its errand comes on standard input; half of one is none. It lives in a session of its own and ignores the
signals that end its caller. What it did stands in the journal; it prints nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from msgspec import MsgspecError, Struct
from msgspec.json import decode

from poolwatch.bootstrap.sources import ResetSetup, resetting_source
from poolwatch.custody.codex import CodexAnswer, use_reset_by_codex
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.state_dir import Fingerprinter, StateDir
from poolwatch.domain.account import Listing
from poolwatch.domain.banked_resets import ResetLook, ResetRoute
from poolwatch.domain.failure import Failure
from poolwatch.domain.message import message
from poolwatch.host.files import FileProblem
from poolwatch.net.names import run
from poolwatch.net.reply import NotSent, Reply
from poolwatch.once.process import UNREPORTED, stand_alone
from poolwatch.purchases.reset_book import ResetBook
from poolwatch.purchases.reset_replies import Answer, Missing, ResetAnswer, Unsent
from poolwatch.purchases.resets import ResetOrder, Tools, use_reset

T = TypeVar("T")
_LONGEST_ERRAND: Final = 1024 * 1024
#: Nearer to its end codex would renew the token, perhaps while another codex does.
_TOKEN_LASTS: Final = timedelta(minutes=10)
#: Of codex, where it was not asked for the reset.
_NOT_ASKED: Final = {
    CodexAnswer.BUSY: "resets.codex_busy",
    CodexAnswer.TOO_OLD: "resets.codex_too_old",
    CodexAnswer.SILENT: "resets.codex_silent",
}


class Errand(Struct, frozen=True):
    """What is to be done, with what, and for which entry as its asker knows it. No secret is in it."""

    order: ResetOrder
    entry: Listing
    setup: ResetSetup
    #: the login file of an entry that has one
    path: str | None = None
    codex: str | None = None
    #: what the service's clock is ahead of ours
    clock_offset_seconds: float = 0.0


def main() -> int:
    """Do the errand; the exit status matters only when the journal is silent."""
    told = sys.stdin.buffer.read(_LONGEST_ERRAND)
    stand_alone()
    try:
        errand = decode(told, type=Errand)
    except (MsgspecError, ValueError):
        return UNREPORTED
    state = StateDir(Path(errand.setup.state_dir))
    fingerprint = Fingerprinter.from_state_dir(state.root)
    book = ResetBook(state.root, _now)
    if isinstance(fingerprint, FileProblem) or book.folder.prepare() is not None:
        return UNREPORTED
    doing = _Doing(errand, state, fingerprint)
    try:
        use_reset(book, errand.order, Tools(_now, doing.look, doing.send))
    except OSError:
        return UNREPORTED
    return 0


class _Doing:
    def __init__(self, errand: Errand, state: StateDir, fingerprint: Fingerprinter) -> None:
        self._errand = errand
        self._state = state
        self._fingerprint = fingerprint
        self._offset = timedelta(seconds=errand.clock_offset_seconds)

    def look(self) -> ResetLook | Failure:
        """The fresh figures, by the same login."""
        source = resetting_source(self._errand.setup, os.environ, self._fingerprint)
        return _run(lambda: source.look_at_resets(self._errand.entry, _now(), self._offset))

    def send(self, request_id: str, reset_id: str | None) -> Answer:
        """The one request."""
        if self._errand.order.route is ResetRoute.CODEX:
            return self._by_codex(request_id, reset_id)
        # a client lives in one event loop
        source = resetting_source(self._errand.setup, os.environ, self._fingerprint)
        entry = self._errand.entry
        found = _run(lambda: source.use_reset(entry, request_id, reset_id, _now(), self._offset))
        if isinstance(found, Reply):
            return ResetAnswer(found.status, found.body)
        why = found.failure.as_message
        return Unsent(why) if isinstance(found, NotSent) else Missing(why)

    def _by_codex(self, request_id: str, reset_id: str | None) -> Answer:
        errand = self._errand
        if errand.codex is None or errand.path is None or reset_id is None:
            return Unsent(message("resets.codex_missing"))
        path, entry = Path(errand.path), errand.entry
        login = read_login(path, self._fingerprint)
        if not isinstance(login, Login) or (login.user_id, login.workspace) != (
            entry.user_id,
            entry.account_id,
        ):
            return Unsent(message("resets.other_login"))
        if login.expires_at is not None and login.expires_at - _now() - self._offset < _TOKEN_LASTS:
            return Unsent(message("resets.token_ends"))
        found = use_reset_by_codex(Path(errand.codex), path.parent, self._state, request_id, reset_id)
        if found.reply is not None:
            return ResetAnswer(200, found.reply)
        if not found.sent:
            return Unsent(message(_NOT_ASKED.get(found.ended, "resets.codex_not_started")))
        silent = found.ended is CodexAnswer.SILENT
        return Missing(message("resets.codex_silent" if silent else "resets.codex_failed"))


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return run(work())


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the process's own clock


if __name__ == "__main__":
    sys.exit(main())
