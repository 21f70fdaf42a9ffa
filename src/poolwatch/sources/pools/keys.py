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

from poolwatch.config.settings import SourceSettings
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.shell import path_word
from poolwatch.domain.standing import ACCEPTED, TRIAL, Standing
from poolwatch.domain.text import visible
from poolwatch.host.files import FileProblem, read_bounded
from poolwatch.sources.source import is_by_hand
from poolwatch.words.of_host import file_clause

if TYPE_CHECKING:
    from poolwatch.sources.source import SourceSetup

from typing import Protocol

from poolwatch.domain.remake import replace

_KEY_BYTES: Final = 64 * 1024
_OPEN_TO_OTHERS: Final = 0o077


def read_key(settings: SourceSettings, env: Mapping[str, str], home: Path) -> Secret | Failure | None:
    """The pool's API key as it stands now, None where none is configured. Opens a file: use a thread.

    The file counts where one is named, even when it cannot be read; the variable only where none is.
    """
    return _read("key", settings.api_key_file, settings.api_key_env, env, home)


def read_password(settings: SourceSettings, env: Mapping[str, str], home: Path) -> Secret | Failure | None:
    """The dashboard's password by the same rules, None where none is configured."""
    return _read("password", settings.dashboard_password_file, settings.dashboard_password_env, env, home)


def read_secrets(settings: SourceSettings, env: Mapping[str, str], home: Path) -> tuple[Secret, ...]:
    """Both, as far as they are there, so that nothing the pool tells repeats them. Opens files."""
    found = (read_key(settings, env, home), read_password(settings, env, home))
    return tuple(each for each in found if isinstance(each, Secret))


def key_place(settings: SourceSettings, home: Path) -> str | None:
    """Where the API key comes from, in words for people ("~/pool.key", "$POOL_KEY")."""
    return _place(settings.api_key_file, settings.api_key_env, home)


def password_place(settings: SourceSettings, home: Path) -> str | None:
    """Where the dashboard's password comes from, in words for people."""
    return _place(settings.dashboard_password_file, settings.dashboard_password_env, home)


def key_warnings(settings: SourceSettings, home: Path) -> tuple[str, ...]:
    """A line for each key file that other users of this machine may open. Uses a thread's time."""
    found = []
    for name in (settings.api_key_file, settings.dashboard_password_file):
        if name is None:
            continue
        path = _expanded(name, home)
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except (OSError, ValueError):
            continue
        if mode & _OPEN_TO_OTHERS:
            shown = shown_path(path, home)
            word = path_word(shown if str(path).endswith(shown.removeprefix("~")) else str(path))
            found.append(f"{shown} can be opened by others (mode {mode:04o}): run chmod 600 {word}")
    return tuple(found)


def key_stamps(settings: SourceSettings, home: Path) -> Hashable:
    """A value that differs once a key file was replaced; it opens nothing."""
    return tuple(
        _stamp(_expanded(name, home))
        for name in (settings.api_key_file, settings.dashboard_password_file)
        if name is not None
    )


def shown_path(path: Path, home: Path) -> str:
    """The path as people write it."""
    try:
        return visible(f"~/{path.relative_to(home)}")
    except ValueError:
        return visible(str(path))


def _read(
    what: str, file: str | None, variable: str | None, env: Mapping[str, str], home: Path
) -> Secret | Failure | None:
    if file is not None:
        path = _expanded(file, home)
        place = shown_path(path, home)
        found = read_bounded(path, _KEY_BYTES)
        if isinstance(found, FileProblem):
            return _unusable(f"the {what} file {place} {file_clause(found)}", place)
        return _checked(what, found.content.decode("utf-8-sig", "replace"), place)
    if variable is None:
        return None
    value = env.get(variable)
    place = f"${visible(variable)}"
    if value is None:
        return _unusable(f"the variable {place} for the {what} is not set", place)
    return _checked(what, value, place)


def _checked(what: str, text: str, place: str) -> Secret | Failure:
    key = text.strip()
    if not key:
        return _unusable(f"the {what} in {place} is empty", place)
    if not key.isprintable():
        return _unusable(f"{place} holds more than one line, or characters that no {what} has", place)
    if not key.isascii() and what == "key":
        return _unusable(f"the key in {place} holds characters that cannot be sent", place)
    return Secret(key)


def _unusable(words: str, place: str) -> Failure:
    return worded(FailureKind.FORBIDDEN, f"{words}; nothing was sent", detail=place)


def _place(file: str | None, variable: str | None, home: Path) -> str | None:
    if file is not None:
        return shown_path(_expanded(file, home), home)
    return f"${visible(variable)}" if variable is not None else None


def _expanded(name: str, home: Path) -> Path:
    return home / name[2:] if name.startswith("~/") else Path(name)


def _stamp(path: Path) -> Hashable:
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        return type(error).__name__
    return state.st_mtime_ns, state.st_size, state.st_ino


#: How often it is looked whether another process has found out how a secret stands.
_LOOK_SECONDS: Final = 0.05
#: So long for others that try a secret: one may be killed, and the next one finds out.
_PATIENCE: Final = 2 * TRIAL


class SecretKind(StrEnum):
    """What lets poolwatch in."""

    KEY = "key"
    PASSWORD = "password"  # noqa: S105 - the name of a kind, not a password


class Door:
    """One pool's door; every instant is our own clock's."""

    def __init__(self, setup: SourceSetup) -> None:
        self._address = (setup.settings.url or "").strip().rstrip("/")
        self._fingerprint = setup.fingerprint
        self._standings = setup.standings or OwnStandings()
        #: secrets that this process was let in with
        self._accepted: set[str] = set()
        #: secrets that a request is under way with, the first of this process
        self._first: dict[str, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def passing(
        self, secret: Secret | None, at: datetime, kind: SecretKind = SecretKind.KEY
    ) -> AsyncIterator[Standing | None]:
        """Around a request with this secret: how the pool refused it, None where it may be sent.

        While it is not known to be good, the first request goes alone: a wrong one is sent once.
        """
        if secret is None:
            yield None
            return
        mark = self._mark(kind, secret.reveal())
        if mark in self._accepted:
            yield await self._refusing(mark, at)
            return
        first = self._first.get(mark)
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
                await self._standings.end_trial(mark)

    async def accept(self, secret: Secret, at: datetime, kind: SecretKind = SecretKind.KEY) -> None:
        """The pool let poolwatch in with it."""
        mark = self._mark(kind, secret.reveal())
        if mark in self._accepted:
            return
        self._accepted.add(mark)
        standing = (await self._standings.known()).get(mark)
        if standing is None or standing.status != ACCEPTED:
            await self._standings.keep(mark, Standing(ACCEPTED, at), at)

    async def refuse(self, secret: Secret, standing: Standing, kind: SecretKind = SecretKind.KEY) -> None:
        """The pool does not let poolwatch in with it."""
        mark = self._mark(kind, secret.reveal())
        self._accepted.discard(mark)
        await self._standings.keep(mark, standing, standing.at)

    async def silence(self, path: str, at: datetime) -> Standing | None:
        """How the pool said that it is not to be asked now, at all or by this path; None where it may be."""
        for mark in (self._mark("asking", ""), self._mark("asking", path)):
            refusing = await self._refusing(mark, at)
            if refusing is not None:
                return refusing
        return None

    async def be_silent(self, path: str | None, standing: Standing) -> None:
        """The pool is not to be asked by this path (None: at all) until the end of `standing`."""
        await self._standings.keep(self._mark("asking", path or ""), standing, standing.at)

    async def speak(self, path: str | None) -> None:
        """It answered there: what it said of that before is over."""
        known, mark = await self._standings.known(), self._mark("asking", path or "")
        if mark in known:
            await self._standings.drop(mark)

    def _mark(self, what: str, which: str) -> str:
        return self._fingerprint(Secret(f"{what}\0{self._address}\0{which}"))

    async def _refusing(self, mark: str, at: datetime) -> Standing | None:
        standing = (await self._standings.known()).get(mark)
        if standing is None or not standing.refuses(at):
            return None
        self._accepted.discard(mark)
        if is_by_hand() and await self._standings.claim_try(mark, at):
            return None
        return standing

    async def _has_trial(self, mark: str, at: datetime) -> bool:
        """Whether this process is to find out how the secret stands; else it is known, or no use to wait."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (waited := timedelta(seconds=loop.time() - began)) < _PATIENCE:
            if await self._standings.claim_trial(mark, at + waited):
                return True
            # who tries it may find out nothing, or be killed: then one of those who wait is next
            while (standing := (await self._standings.known()).get(mark)) is not None:
                waited = timedelta(seconds=loop.time() - began)
                if not standing.holds(at + waited):
                    break
                if not standing.is_on_trial(at + waited) or waited >= _PATIENCE:
                    return False
                await asyncio.sleep(_LOOK_SECONDS)
        return False


class Standings(Protocol):
    """What all processes remember, by mark."""

    async def known(self) -> Mapping[str, Standing]:
        """All that is remembered, at most a moment old."""
        ...

    async def keep(self, mark: str, standing: Standing, now: datetime) -> None:
        """Remember one."""
        ...

    async def drop(self, mark: str) -> None:
        """Forget one."""
        ...

    async def claim_try(self, mark: str, now: datetime) -> bool:
        """Whether what is refused may be sent once, by hand; at most once a minute over all processes."""
        ...

    async def claim_trial(self, mark: str, now: datetime) -> bool:
        """Whether it is for this process to find out how a secret stands, of which nothing is known."""
        ...

    async def end_trial(self, mark: str) -> None:
        """Nothing was found out."""
        ...


class OwnStandings:
    """What one process remembers by itself."""

    def __init__(self) -> None:
        self._known: dict[str, Standing] = {}

    async def known(self) -> Mapping[str, Standing]:
        """All that is remembered."""
        return self._known

    async def keep(self, mark: str, standing: Standing, now: datetime) -> None:
        """Remember one."""
        self._known[mark] = standing

    async def drop(self, mark: str) -> None:
        """Forget one."""
        self._known.pop(mark, None)

    async def claim_try(self, mark: str, now: datetime) -> bool:
        """Whether it may be sent once now."""
        standing = self._known.get(mark)
        if standing is None:
            return True
        if standing.may_be_tried(now):
            self._known[mark] = replace(standing, tried_at=now)
            return True
        return False

    async def claim_trial(self, mark: str, now: datetime) -> bool:
        """There is nobody else."""
        return True

    async def end_trial(self, mark: str) -> None:
        """There was nothing to remember."""
