"""Token steps of accounts, and what earlier ones left behind: the custody room for the monitor."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from poolwatch.config.paths import from_home
from poolwatch.config.settings import Settings
from poolwatch.config.source_settings import SourceSettings
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.recovery import Recovered, bring_waiting_home, left_anything, recover
from poolwatch.custody.state_dir import KEY_BYTES, Fingerprinter, StateDir
from poolwatch.custody.token_step import TokenAsk, TokenRules, token_step
from poolwatch.custody.waiting import damaged_replies, kept_logins
from poolwatch.domain.account import AccountKey, Custody, Listing
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import Awaited, BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.state import AccountState, KeptFile
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.host.files import FileProblem
from poolwatch.host.threads import in_thread
from poolwatch.sources.source import FileSource, PoolSource, Source


def fingerprinter_of(state_dir: Path) -> tuple[Fingerprinter, Message | None]:
    """The keyed fingerprints of this state directory; one for this run alone where none can be kept."""
    found = Fingerprinter.from_state_dir(state_dir)
    if isinstance(found, FileProblem):
        path, why = visible(str(found.path), LONGEST_PATH), Message(found.code, found.arguments)
        problem = message("monitor.nothing_remembered", path=path, why=why)
        return Fingerprinter(secrets.token_bytes(KEY_BYTES)), problem
    return found, None


class Custodian:
    """The one place that may have a token spent; it knows each source's token endpoint and files."""

    def __init__(
        self,
        settings: Settings,
        state_dir: Path,
        home: Path | None,
        fingerprint: Fingerprinter,
        source_of: Callable[[str], Source | None],
        *,
        problem: Message | None = None,
    ) -> None:
        """`problem`: why outcomes cannot be remembered, so that no token is spent."""
        self._settings = settings
        self._state_dir = state_dir
        self._home = home
        self._fingerprint = fingerprint
        self._source_of = source_of
        self._problem = problem
        self._configured: dict[str, SourceSettings] = {}

    def add(self, source: SourceSettings) -> None:
        """Know one more source from now on."""
        self._configured[source.name] = source

    async def step(
        self,
        listing: Listing,
        ask: TokenAsk,
        on_delegating: Callable[[], None],
        on_waiting: Callable[[Awaited], None],
    ) -> TokenStep:
        """Run the token step of a refresh for one login; every failure is an outcome.

        `on_delegating` is called when the login's own program starts to renew it, `on_waiting` when a process
        that is waited for does not come.
        """
        asked = self._source_of(listing.ref.source)
        if isinstance(asked, PoolSource):
            if self._settings.read_only:
                return TokenStep(TokenOutcome.BLOCKED, block=BlockReason.READ_ONLY)
            return await asked.token_step(listing.ref, ask.now)
        path = asked.path_of(listing.ref) if isinstance(asked, FileSource) else None
        source = self._configured.get(listing.ref.source)
        if path is None or source is None:
            gone = failure(FailureKind.TOKEN_REFRESH, "monitor.login_gone")
            return TokenStep(TokenOutcome.FAILED, failure=gone)
        if listing.custody is Custody.POOLWATCH and self._problem is not None:
            state = str(self._state_dir)
            blocked = failure(FailureKind.BLOCKED, "monitor.not_spent", detail=state, why=self._problem)
            return TokenStep(TokenOutcome.BLOCKED, block=BlockReason.PATH, failure=blocked, detail=state)
        rules = TokenRules(
            self._state_dir,
            source.token_url,
            self._fingerprint,
            self._settings.net,
            delegate_to_codex=self._settings.refresh.delegate_to_codex,
            read_only=self._settings.read_only,
        )
        return await token_step(listing, path, rules, ask, on_delegating, on_waiting)

    async def left_anything(self) -> bool:
        """Whether an earlier refresh may have left something behind."""
        return self._problem is None and await in_thread(partial(left_anything, self._state_dir))

    async def recover(
        self, listings: Sequence[Listing], now: datetime, *, waiting_only: bool = False
    ) -> tuple[Recovered, ...]:
        """Finish what earlier refreshes left behind, without the network; what needs a person is told.

        A login that was moved since is found among the listings. `waiting_only`: bring home what waits, and
        tell nothing else.
        """
        if self._problem is not None:
            return ()
        own = (each for each in listings if each.custody is Custody.POOLWATCH)
        files = [path for each in own if (path := self._path_of(each)) is not None]
        work = bring_waiting_home if waiting_only else recover
        found = await in_thread(partial(work, self._state_dir, self._fingerprint, now, files))
        return () if isinstance(found, FileProblem) else tuple(found)

    async def kept(self, accounts: Mapping[AccountKey, AccountState]) -> tuple[KeptFile, ...]:
        """The logins that wait in the state directory, the newest first; whose of these accounts each is."""
        entries = ((key, each) for key, account in accounts.items() for each in account.listings)
        files = (
            (key, path)
            for key, each in entries
            if each.custody is Custody.POOLWATCH and (path := self._path_of(each)) is not None
        )
        work = partial(kept_files, self._state_dir, self._home, self._fingerprint, tuple(accounts), files)
        return await in_thread(work)

    def _path_of(self, listing: Listing) -> Path | None:
        source = self._source_of(listing.ref.source)
        return source.path_of(listing.ref) if isinstance(source, FileSource) else None


def kept_files(
    state_dir: Path,
    home: Path | None,
    fingerprint: Fingerprinter | None = None,
    keys: Collection[AccountKey] = (),
    files: Iterable[tuple[AccountKey, Path]] = (),
) -> tuple[KeptFile, ...]:
    """The logins that wait in the state directory, the newest first; blocks on disk.

    `files` hold logins of these accounts: one that is used for another workspace than its tokens name is
    known by what lies in its file.
    """
    fingerprint = fingerprint or fingerprinter_of(state_dir)[0]
    try:
        found = kept_logins(StateDir(state_dir), fingerprint)
    except OSError:
        return ()
    logins = [(key, path, read_login(path, fingerprint)) for key, path in files] if found else []
    told = []
    for each in found:
        by_ids = (key for key in keys if each.belongs_to(key.user_id, key.account_id, each.path))
        by_file = (
            key
            for key, path, login in logins
            if isinstance(login, Login) and each.is_of(login, Path(os.path.realpath(path)))
        )
        owner = next(by_ids, None) or next(by_file, None)
        told.append(KeptFile(from_home(each.path, home), each.since, owner, each.login.email))
    return tuple(told)


def damaged_files(state_dir: Path, home: Path | None) -> tuple[str, ...]:
    """What is left of replies that nobody can read, as paths for people; blocks on disk."""
    try:
        return tuple(from_home(path, home) for path in damaged_replies(StateDir(state_dir)))
    except OSError:
        return ()
