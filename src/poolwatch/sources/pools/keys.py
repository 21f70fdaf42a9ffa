"""Keys and passwords of pools: where they stand, and which of them a pool refused.

What a pool refused once is not sent to it again, by this process or any other. A secret is known here and in
the store by a keyed fingerprint over it and the pool's address.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from poolwatch.config.paths import from_home
from poolwatch.config.values import at_home
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.state import ACCEPTED, TRIAL, KeyState
from poolwatch.domain.text import path_word, visible
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, read_bounded
from poolwatch.sources.source import is_by_hand

if TYPE_CHECKING:
    from poolwatch.sources.source import SourceSetup

_KEY_BYTES: Final = 64 * 1024
_OPEN_TO_OTHERS: Final = 0o077
#: How often it is looked whether another process has found out how a secret stands.
_LOOK_SECONDS: Final = 0.05
#: So long for others that try a secret: one may be killed, and the next one finds out.
_PATIENCE: Final = 2 * TRIAL


class SecretKind(StrEnum):
    """What lets poolwatch in."""

    KEY = "key"
    PASSWORD = "password"  # noqa: S105 - the name of a kind, not a password


class ConfiguredSecret:
    """A key or password of a pool, read anew each time: from a file first, from the environment second.

    The file counts where one is named, even when it cannot be read; the variable only where none is.
    """

    def __init__(self, setup: SourceSetup, kind: SecretKind) -> None:
        settings = setup.settings
        file, variable = settings.api_key_file, settings.api_key_env
        if kind is SecretKind.PASSWORD:
            file, variable = settings.dashboard_password_file, settings.dashboard_password_env
        self._kind = kind
        self._home = setup.home
        self._env = setup.env
        self._variable = variable
        self._path = None if file is None else Path(at_home(file, setup.home))

    @property
    def place(self) -> str | None:
        """Where it stands, as people write it ("~/pool.key", "$POOL_KEY"); None where none is configured."""
        if self._path is not None:
            return visible(from_home(self._path, self._home))
        return f"${visible(self._variable)}" if self._variable is not None else None

    def read(self) -> Secret | Failure | None:
        """The secret as it stands now, None where none is configured. Opens a file: use a thread."""
        if self._path is not None:
            found = read_bounded(self._path, _KEY_BYTES)
            if isinstance(found, FileProblem):
                return self._unusable("pools.file_unreadable", Message(found.code, found.arguments))
            return self._checked(found.content.decode("utf-8-sig", "replace"))
        if self._variable is None:
            return None
        value = self._env.get(self._variable)
        return self._unusable("pools.variable_unset") if value is None else self._checked(value)

    def warning(self) -> Message | None:
        """That other users of this machine may open its file. Uses a thread's time."""
        try:
            mode = 0 if self._path is None else stat.S_IMODE(self._path.stat().st_mode)
        except (OSError, ValueError):
            return None
        if self._path is None or not mode & _OPEN_TO_OTHERS:
            return None
        shown = visible(from_home(self._path, self._home))
        word = path_word(shown if str(self._path).endswith(shown.removeprefix("~")) else str(self._path))
        return message("pools.key_file_open", path=shown, mode=f"{mode:04o}", word=word)

    def stamp(self) -> Hashable:
        """A value that differs once its file was replaced; it opens nothing."""
        try:
            state = None if self._path is None else self._path.stat()
        except (OSError, ValueError) as error:
            return type(error).__name__
        return None if state is None else (state.st_mtime_ns, state.st_size, state.st_ino)

    def _checked(self, text: str) -> Secret | Failure:
        secret = text.strip()
        if not secret:
            return self._unusable("pools.empty")
        if not secret.isprintable():
            return self._unusable("pools.unprintable")
        if not secret.isascii() and self._kind is SecretKind.KEY:
            return self._unusable("pools.key_unsendable")
        return Secret(secret)

    def _unusable(self, code: str, why: Message | str = "") -> Failure:
        what, place = message("pools.key" if self._kind is SecretKind.KEY else "pools.password"), self.place
        return failure(FailureKind.FORBIDDEN, code, detail=place, what=what, place=place, why=why)


class KeyStates:
    """What is remembered of secrets and waits, by mark: here by one process, in the store by all."""

    def __init__(self) -> None:
        self._known: dict[str, KeyState] = {}

    async def known(self) -> Mapping[str, KeyState]:
        """All that is remembered, at most a moment old."""
        return self._known

    async def keep(self, mark: str, state: KeyState, now: datetime) -> None:
        self._known[mark] = state

    async def drop(self, mark: str) -> None:
        self._known.pop(mark, None)

    async def claim_try(self, mark: str, now: datetime) -> bool:
        """Whether what is refused may be sent once, by hand; at most once a minute over all processes."""
        state = self._known.get(mark)
        if state is None:
            return True
        if state.may_be_tried(now):
            self._known[mark] = replace(state, tried_at=now)
            return True
        return False

    async def claim_trial(self, mark: str, now: datetime) -> bool:
        """Whether it is for this process to find out how a secret stands, of which nothing is known."""
        return True

    async def end_trial(self, mark: str) -> None:
        """Nothing was found out."""


class Refusals:
    """What one pool refused, and until when it wants to be left alone; every instant is our own clock's."""

    def __init__(self, setup: SourceSetup) -> None:
        self._address = (setup.settings.url or "").strip().rstrip("/")
        self._fingerprint = setup.fingerprint
        self._key_states = setup.key_states or KeyStates()
        #: secrets that this process was let in with
        self._accepted: set[str] = set()
        #: secrets that a request is under way with, the first of this process
        self._first: dict[str, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def trying(
        self, secret: Secret | None, at: datetime, kind: SecretKind = SecretKind.KEY
    ) -> AsyncIterator[KeyState | None]:
        """Around a request with this secret: how the pool refused it, None where it may be sent.

        While it is not known to be good, the first request goes alone: a wrong one is sent once.
        """
        if secret is None:
            yield None
            return
        mark = self._mark(kind, secret.reveal())
        first = self._first.get(mark)
        if mark in self._accepted or first is not None:
            if first is not None:
                await asyncio.wait((first,))
            yield await self._refusing(mark, at)
            return
        first = self._first[mark] = asyncio.get_running_loop().create_future()
        is_ours = False
        try:
            is_ours = await self._has_trial(mark, at)
            yield await self._refusing(mark, at)
        finally:
            self._first.pop(mark, None)
            first.set_result(None)
            if is_ours and mark not in self._accepted:
                await self._key_states.end_trial(mark)

    async def accept(self, secret: Secret, at: datetime, kind: SecretKind = SecretKind.KEY) -> None:
        """The pool let poolwatch in with it."""
        mark = self._mark(kind, secret.reveal())
        if mark in self._accepted:
            return
        self._accepted.add(mark)
        state = (await self._key_states.known()).get(mark)
        if state is None or state.status != ACCEPTED:
            await self._key_states.keep(mark, KeyState(ACCEPTED, at), at)

    async def refuse(self, secret: Secret, state: KeyState, kind: SecretKind = SecretKind.KEY) -> None:
        """The pool does not let poolwatch in with it."""
        mark = self._mark(kind, secret.reveal())
        self._accepted.discard(mark)
        await self._key_states.keep(mark, state, state.at)

    async def waiting(self, path: str, at: datetime) -> KeyState | None:
        """How the pool said that it is not to be asked now, at all or by this path; None where it may be."""
        for mark in (self._mark("asking", ""), self._mark("asking", path)):
            refusing = await self._refusing(mark, at)
            if refusing is not None:
                return refusing
        return None

    async def wait(self, path: str | None, state: KeyState) -> None:
        """The pool is not to be asked by this path (None: at all) until the end of `state`."""
        await self._key_states.keep(self._mark("asking", path or ""), state, state.at)

    async def answered(self, path: str | None) -> None:
        """It answered there: what it said of that before is over."""
        known, mark = await self._key_states.known(), self._mark("asking", path or "")
        if mark in known:
            await self._key_states.drop(mark)

    def _mark(self, what: str, which: str) -> str:
        return self._fingerprint(Secret(f"{what}\0{self._address}\0{which}"))

    async def _refusing(self, mark: str, at: datetime) -> KeyState | None:
        state = (await self._key_states.known()).get(mark)
        if state is None or not state.refuses(at):
            return None
        self._accepted.discard(mark)
        if is_by_hand() and await self._key_states.claim_try(mark, at):
            return None
        return state

    async def _has_trial(self, mark: str, at: datetime) -> bool:
        """Whether this process is to find out how the secret stands; else it is known, or no use to wait."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (waited := timedelta(seconds=loop.time() - began)) < _PATIENCE:
            if await self._key_states.claim_trial(mark, at + waited):
                return True
            # who tries it may find out nothing, or be killed: then one of those who wait is next
            while (state := (await self._key_states.known()).get(mark)) is not None:
                waited = timedelta(seconds=loop.time() - began)
                if not state.holds(at + waited):
                    break
                if not state.is_on_trial(at + waited) or waited >= _PATIENCE:
                    return False
                await asyncio.sleep(_LOOK_SECONDS)
        return False
