"""The door of a pool: what it refused once is not sent to it again, by this process or any other.

A secret is known here and in the store by a keyed fingerprint over it and the pool's address.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from poolwatch.domain.account import Secret
from poolwatch.domain.standing import ACCEPTED, TRIAL, Standing
from poolwatch.sources.source import is_by_hand

if TYPE_CHECKING:
    from poolwatch.sources.setup import SourceSetup

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
        self._standings = setup.standings
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
