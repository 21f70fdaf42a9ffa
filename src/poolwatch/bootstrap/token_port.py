"""The custody room as the refresh chain wants it."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from poolwatch.bootstrap.surroundings import Surroundings, from_home
from poolwatch.config.settings import SourceSettings
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.state_dir import KEY_BYTES, Fingerprinter, StateDir
from poolwatch.domain.account import AccountKey, Custody, Listing
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.refresh import Awaited, BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.state import AccountState, KeptFile
from poolwatch.host.files import FileProblem
from poolwatch.host.threads import in_thread
from poolwatch.monitor.ports import Interrupted, TokenRequest
from poolwatch.sources.source import FileSource, PoolSource, Source
from poolwatch.words.messages import file_text

if TYPE_CHECKING:
    from poolwatch.custody.recovery import Recovered


def fingerprinter_of(state_dir: Path) -> tuple[Fingerprinter, str | None]:
    """The keyed fingerprints of this state directory; one for this run alone where none can be kept."""
    found = Fingerprinter.from_state_dir(state_dir)
    if isinstance(found, FileProblem):
        return Fingerprinter(secrets.token_bytes(KEY_BYTES)), f"nothing can be remembered: {file_text(found)}"
    return found, None


class Custodian:
    """Runs token steps; it knows each source's token endpoint, and the file behind each entry."""

    def __init__(
        self,
        around: Surroundings,
        fingerprint: Fingerprinter,
        source_of: Callable[[str], Source | None],
        *,
        problem: str | None,
    ) -> None:
        """`problem`: why outcomes cannot be remembered, so that no token is spent."""
        self._around = around
        self._fingerprint = fingerprint
        self._source_of = source_of
        self._problem = problem
        self._sources = {source.name: source for source in around.sources}

    def add(self, source: SourceSettings) -> None:
        """Know one more source from now on."""
        self._sources[source.name] = source

    async def step(
        self,
        request: TokenRequest,
        on_delegating: Callable[[], None],
        on_waiting: Callable[[Awaited], None],
    ) -> TokenStep:
        """Run the token step of a refresh for one login."""
        listing = request.listing
        asked = self._source_of(listing.ref.source)
        if isinstance(asked, PoolSource):
            if self._around.settings.read_only:
                return TokenStep(TokenOutcome.BLOCKED, block=BlockReason.READ_ONLY)
            return await asked.token_step(listing.ref, request.now)
        path = asked.path_of(listing.ref) if isinstance(asked, FileSource) else None
        source = self._sources.get(listing.ref.source)
        if path is None or source is None:
            words = "the login is not there any more"
            return TokenStep(TokenOutcome.FAILED, failure=worded(FailureKind.TOKEN_REFRESH, words))
        if listing.custody is Custody.POOLWATCH and self._problem is not None:
            state = str(self._around.state_dir)
            failure = worded(FailureKind.BLOCKED, f"not spent: {self._problem}", detail=state)
            return TokenStep(TokenOutcome.BLOCKED, block=BlockReason.PATH, failure=failure, detail=state)
        # few tokens are ever spent, and what it takes is loaded on a thread: the screen lives meanwhile
        await asyncio.to_thread(import_module, "poolwatch.custody.token_step")
        from poolwatch.custody.token_step import TokenAsk, TokenRules, token_step

        rules = TokenRules(
            self._around.state_dir,
            source.token_url,
            self._fingerprint,
            self._around.settings.net,
            delegate_to_codex=self._around.settings.refresh.delegate_to_codex,
            read_only=self._around.settings.read_only,
        )
        ask = TokenAsk(
            request.now,
            try_once=request.try_once,
            other_holders=request.other_holders,
            rejected=request.rejected,
            beside_codex=request.beside_codex,
            spacing=request.spacing,
        )
        return await token_step(listing, path, rules, ask, on_delegating, on_waiting)

    async def left_anything(self) -> bool:
        """Whether an earlier refresh may have left something behind."""
        if self._problem is not None:
            return False
        await asyncio.to_thread(import_module, "poolwatch.custody.recovery")
        from poolwatch.custody.recovery import left_anything

        return await in_thread(partial(left_anything, self._around.state_dir))

    async def recover(
        self, listings: Sequence[Listing], now: datetime, *, waiting_only: bool = False
    ) -> tuple[Interrupted, ...]:
        """Finish what earlier refreshes left behind, without the network; see the port."""
        if self._problem is not None:
            return ()
        await asyncio.to_thread(import_module, "poolwatch.custody.recovery")
        from poolwatch.custody.recovery import bring_waiting_home, recover

        own = (each for each in listings if each.custody is Custody.POOLWATCH)
        files = [path for each in own if (path := self._path_of(each)) is not None]
        work = bring_waiting_home if waiting_only else recover
        found = await in_thread(partial(work, self._around.state_dir, self._fingerprint, now, files))
        if isinstance(found, FileProblem):
            return ()
        return tuple(Interrupted(_key(each), str(each.file), each.step) for each in found)

    async def kept(self, accounts: Mapping[AccountKey, AccountState]) -> tuple[KeptFile, ...]:
        """The logins that wait in the state directory; see the port."""
        entries = ((key, each) for key, account in accounts.items() for each in account.listings)
        files = (
            (key, path)
            for key, each in entries
            if each.custody is Custody.POOLWATCH and (path := self._path_of(each)) is not None
        )
        return await in_thread(partial(kept_files, self._around, self._fingerprint, tuple(accounts), files))

    def _path_of(self, listing: Listing) -> Path | None:
        source = self._source_of(listing.ref.source)
        return source.path_of(listing.ref) if isinstance(source, FileSource) else None


def kept_files(
    around: Surroundings,
    fingerprint: Fingerprinter,
    keys: Collection[AccountKey],
    files: Iterable[tuple[AccountKey, Path]] = (),
) -> tuple[KeptFile, ...]:
    """The logins that wait in the state directory, the newest first; blocks on disk.

    `files` hold logins of these accounts: one that is used for another workspace than its tokens name is
    known by what lies in its file.
    """
    state = StateDir(around.state_dir)
    try:
        if not state.kept_names():
            return ()  # as nearly always; what reads them need not be loaded for it
        from poolwatch.custody.waiting import kept_logins

        found = kept_logins(state, fingerprint)
    except OSError:
        return ()
    logins = [(key, path, read_login(path, fingerprint)) for key, path in files]
    told = []
    for each in found:
        by_ids = (key for key in keys if each.belongs_to(key.user_id, key.account_id, each.path))
        by_file = (
            key
            for key, path, login in logins
            if isinstance(login, Login) and each.is_of(login, Path(os.path.realpath(path)))
        )
        owner = next(by_ids, None) or next(by_file, None)
        path = from_home(each.path, around.home)
        told.append(KeptFile(path, each.since, owner, each.login.email))
    return tuple(told)


def kept_here(around: Surroundings) -> tuple[KeptFile, ...]:
    """The logins that wait in the state directory, where no account is listed; blocks on disk."""
    return kept_files(around, fingerprinter_of(around.state_dir)[0], ())


def damaged_here(around: Surroundings) -> tuple[str, ...]:
    """What is left of replies that nobody can read, as paths for people; blocks on disk."""
    from poolwatch.custody.waiting import damaged_replies

    try:
        return tuple(from_home(path, around.home) for path in damaged_replies(StateDir(around.state_dir)))
    except OSError:
        return ()


def _key(each: Recovered) -> AccountKey | None:
    if each.user_id is None or each.account_id is None:
        return None
    return AccountKey("codex", each.user_id, each.account_id)
