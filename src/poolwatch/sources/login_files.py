"""What sources made of login files share: listing, and asking with what a file holds."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from poolwatch.config.values import at_home
from poolwatch.custody.login_file import Login
from poolwatch.custody.outcomes import clause
from poolwatch.domain.account import Custody, Listing, LoginKind, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import arguments_of
from poolwatch.domain.text import visible
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.host.single_flight import SingleFlight
from poolwatch.host.threads import in_thread
from poolwatch.sources.banked_resets import ANSWER_SECONDS, ResetPace, reset_list_url, with_reset_list
from poolwatch.sources.login_reader import KnownLogin, LoginFile, LoginReader, one_per_file
from poolwatch.sources.source import Directness, SourceSetup, UsageReading
from poolwatch.sources.usage_endpoint import fetch_usage, usage_headers


class LoginFiles(ABC):
    """A source whose accounts are files. It opens files on a thread, and never writes one.

    `renews` says that poolwatch itself renews logins of its own custody in the background; `resets` is how
    often the list of banked resets may be asked for; `at_is_disk_time`, that the instants it is given come
    from the clock that stamps the files. Tokens are read when they are sent and not held in between.
    """

    def __init__(
        self,
        setup: SourceSetup,
        *,
        renews: bool = False,
        resets: ResetPace | None = None,
        at_is_disk_time: bool = False,
    ) -> None:
        self._setup = setup
        self._settings = setup.settings
        self._renews = renews
        self._resets = resets or ResetPace()
        self._reader = LoginReader(
            setup.fingerprint, self._listing, self._without_login, at_is_disk_time=at_is_disk_time
        )
        #: None until they were looked for
        self._files: Mapping[str, LoginFile] | None = None
        self._finding = asyncio.Lock()
        self._reading: SingleFlight[tuple[Login | FileProblem | None, str | Failure]] = SingleFlight()

    @property
    def name(self) -> str:
        return self._settings.name

    @abstractmethod
    def _find(self) -> list[LoginFile] | Failure:
        """All files that may hold a login now; runs on a thread."""

    @abstractmethod
    def _owner(self, file: LoginFile, login: Login | None) -> str:
        """The program that owns a login; empty where nothing tells."""

    @abstractmethod
    def _broken_counts(self, file: LoginFile) -> bool:
        """Whether a file that cannot be read is shown although it was never seen to be a login."""

    def _without_login(self, file: LoginFile) -> FileProblem | None:
        """What to make of a file that is JSON but no login; None leaves it out."""
        return None

    def _elsewhere(self) -> list[Listing]:
        """Entries of logins that are known to be kept outside of files, as of the last look."""
        return []

    def _base_url(self, file: LoginFile) -> str | Failure:
        """Where the usage of a file's login is asked for; runs on a thread."""
        return self._settings.base_url

    def path_of(self, ref: SourceRef) -> Path | None:
        """The file of an entry, while the source lists it."""
        file = (self._files or {}).get(ref.place)
        return Path(file.path) if file is not None else None

    @property
    def directness(self) -> Directness:
        return Directness.SERVICE

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """One entry per file. A file that stays unreadable keeps who it was, with the problem in words."""
        files = await in_thread(self._find_once)
        if isinstance(files, Failure):
            return files
        found = await self._reader.look_through(files, at)
        self._reader.keep(found)
        listings = await in_thread(partial(self._listings, found))
        self._files = {file.place: file for file in found}
        return tuple(listings)

    def _listings(self, found: Mapping[LoginFile, KnownLogin | FileProblem | None]) -> list[Listing]:
        listings = []
        for file, content in found.items():
            if isinstance(content, KnownLogin):
                listings.append(content.listing)
            elif content is not None and (self._reader.listed(file.place) or self._broken_counts(file)):
                listings.append(self._broken_listing(file, content))
        return listings + self._elsewhere()

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """A reading with the token that the file holds now; an expired one is not sent."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        file = await self._file_at(entry.ref.place)
        if file is None:
            return _unsent("sources.login_gone")
        shown = self._shown(file.path)
        try:
            async with asyncio.timeout(self._setup.deadline_seconds):
                # a disk that hangs is not asked the same again and again
                found, base_url = await self._reading.join(file.place, partial(self._read, file))
        except TimeoutError:
            return UsageReading(failure(FailureKind.UNREACHABLE, "sources.disk_hangs", path=shown))
        if found is None:
            return _unsent("sources.no_login", path=shown)
        if isinstance(found, FileProblem):
            return _unsent("sources.file_unusable", path=shown, why=clause(found))
        if not found.kind.has_usage:
            is_agent = found.kind is LoginKind.AGENT_IDENTITY
            return _unsent("sources.agents_have_no_usage" if is_agent else "sources.keys_have_no_usage")
        if _are_different(entry, found):
            return _unsent("sources.other_login", path=shown)
        if found.disabled:
            return _unsent("sources.login_disabled", path=shown)
        if found.access is None:
            return _unsent("sources.file_without_token", path=shown)
        if found.expires_at is not None and found.expires_at <= at + clock_offset:
            return _unsent("sources.file_token_expired", path=shown)
        if isinstance(base_url, Failure):
            return UsageReading(base_url)
        # what the disk took is no difference between two clocks
        asked_at = at + timedelta(seconds=loop.time() - begun)
        reading = await fetch_usage(
            self._setup.client,
            base_url,
            found,
            asked_at,
            self._setup.deadline_seconds,
        )
        if not isinstance(reading.outcome, UsageSnapshot):
            return reading
        access = found.access
        usage = await with_reset_list(
            reading.outcome,
            entry.ref.place,
            self._resets,
            at,
            lambda: self._setup.client.get(
                reset_list_url(base_url), usage_headers(found, access), deadline_seconds=ANSWER_SECONDS
            ),
        )
        return replace(reading, outcome=usage)

    async def _file_at(self, place: str) -> LoginFile | None:
        """The file of an entry, which may be known from before this source was listed."""
        async with self._finding:
            if self._files is None:
                found = await in_thread(self._find_once)
                self._files = {} if isinstance(found, Failure) else {file.place: file for file in found}
        return self._files.get(place)

    async def _read(self, file: LoginFile) -> tuple[Login | FileProblem | None, str | Failure]:
        """What a file holds now, and where its usage is asked for."""
        return await self._reader.login_in(file), await in_thread(partial(self._base_url, file))

    async def signature(self) -> Hashable:
        """Names, sizes and times of all files, without opening one."""
        return await in_thread(self._signature)

    def _find_once(self) -> list[LoginFile] | Failure:
        files = self._find()
        return files if isinstance(files, Failure) else one_per_file(files)

    def _signature(self) -> Hashable:
        try:
            return self._stamp()
        except OSError:
            # it is told why, or it can be read by now, and is looked at the next time
            files = self._find()
            return files if isinstance(files, Failure) else None

    @abstractmethod
    def _stamp(self) -> Hashable:
        """What is seen of all files without opening one; runs on a thread, many times a minute.

        It differs whenever `_find` or the content of a file could; OSError where a folder cannot be read.
        """

    def _listing(self, file: LoginFile, login: Login) -> Listing:
        custody = self._settings.custody if login.kind is LoginKind.OAUTH else Custody.STATIC
        return Listing(
            SourceRef(self.name, file.place),
            user_id=login.user_id,
            account_id=login.workspace,
            email=login.email,
            folder=file.folder,
            plan=login.plan,
            custody=custody,
            login=login.kind,
            token=TokenFacts(
                login.expires_at, login.last_refresh, login.fingerprint, login.refresh_fingerprint
            ),
            owner=self._owner(file, login),
            path=self._shown(file.path),
            home=self._shown(file.home) if file.home is not None else None,
            disabled=login.disabled,
            renews_itself=self._renews and custody is Custody.POOLWATCH and login.refresh is not None,
            subscription_until=login.subscription_until,
            subscription_checked_at=login.subscription_checked_at,
        )

    def _broken_listing(self, file: LoginFile, problem: FileProblem) -> Listing:
        """The entry of a file that cannot be used: who it was, without its tokens."""
        last = self._reader.listed(file.place)
        if last is not None:
            return replace(last, token=TokenFacts(), renews_itself=False, problem=clause(problem))
        return Listing(
            SourceRef(self.name, file.place),
            folder=file.folder,
            custody=self._settings.custody,
            owner=self._owner(file, None),
            path=self._shown(file.path),
            home=self._shown(file.home) if file.home is not None else None,
            problem=clause(problem),
        )

    def _not_found(self, code: str, path: str, **arguments: object) -> Failure:
        shown = self._shown(path)
        return Failure(FailureKind.UNREACHABLE, code, arguments_of(path=shown, **arguments), detail=shown)

    def _expanded(self, pattern: str) -> str:
        return at_home(pattern, self._setup.home)

    def _shown(self, path: str) -> str:
        home = str(self._setup.home)
        if path == home:
            return "~"
        inside = home if home.endswith("/") else f"{home}/"
        return visible(f"~/{path.removeprefix(inside)}" if path.startswith(inside) else path)


def _are_different(one: Listing, other: Login) -> bool:
    users = one.user_id and other.user_id and one.user_id != other.user_id
    accounts = one.account_id and other.workspace and one.account_id != other.workspace
    return bool(users or accounts)


def _unsent(code: str, **arguments: object) -> UsageReading:
    return UsageReading(Failure(FailureKind.NO_TOKEN, code, arguments_of(**arguments)))
