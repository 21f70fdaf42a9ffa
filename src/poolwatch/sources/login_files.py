"""What sources made of login files share: listing, and asking with what a file holds."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from sys import intern
from typing import Final

from poolwatch.custody.auth_file import FileProblem, Login
from poolwatch.domain.account import Custody, Listing, LoginKind, Secret, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.remake import replace
from poolwatch.domain.text import visible
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.host.threads import in_thread
from poolwatch.sources.codex_usage import fetch_usage, usage_headers
from poolwatch.sources.login_places import LoginFile, one_per_file
from poolwatch.sources.login_reading import Found, Known, LoginReading
from poolwatch.sources.reset_list import ANSWER_SECONDS, reset_list_url, with_reset_list
from poolwatch.sources.reset_pace import ResetPace
from poolwatch.sources.setup import SourceSetup
from poolwatch.sources.source import Telling, UsageReading
from poolwatch.sources.visits import Visits

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class LoginFiles(ABC):
    """A source whose accounts are files. It opens files on a thread, and never writes one.

    `renews` says that poolwatch itself renews logins of its own custody in the background; `resets` is how
    often the list of banked resets may be asked for; `shows_raw`, that readings come with the answer's text;
    `at_is_disk_time`, that the instants it is given come from the clock that stamps the files: then a file
    that stands as it was read is not opened again to be listed. Tokens are read when they are sent and not
    held in between, unless `keeps_logins`, which saves a run that ends soon the second reading. `held` gives
    the entries that are known of it already, so that equal ones are not kept twice.
    """

    def __init__(
        self,
        setup: SourceSetup,
        fingerprint: Callable[[Secret], str],
        *,
        renews: bool = False,
        resets: ResetPace | None = None,
        shows_raw: bool = True,
        at_is_disk_time: bool = False,
        keeps_logins: bool = False,
        held: Callable[[], Iterable[Listing]] = tuple,
    ) -> None:
        self._setup = setup
        self._settings = setup.settings
        self._renews = renews
        self._resets = resets or ResetPace()
        self._shows_raw = shows_raw
        self._held = held
        self._keeps_logins = keeps_logins
        self._reading = LoginReading(
            fingerprint,
            self._listing,
            self._without_login,
            at_is_disk_time=at_is_disk_time,
            keeps_logins=keeps_logins,
        )
        self._files: Mapping[str, LoginFile] = {}
        self._is_listed = False
        #: the files by their places, where one was asked for before they were listed
        self._unlisted: asyncio.Future[Mapping[str, LoginFile]] | None = None
        self._visits = Visits(self._look_up)
        #: the last instant that was told, for whom a file is looked at
        self._at = _LONG_AGO

    @property
    def name(self) -> str:
        """The source's name."""
        return self._settings.name

    @abstractmethod
    def _find(self) -> list[LoginFile] | Failure:
        """All files that may hold a login now; runs on a thread."""

    @abstractmethod
    def _owner(self, file: LoginFile, login: Login | None) -> str:
        """The program that owns a login, in words."""

    @abstractmethod
    def _broken_counts(self, file: LoginFile) -> bool:
        """Whether a file that cannot be read is shown although it was never seen to be a login."""

    def _at_place(self, place: str) -> LoginFile | None:
        """The file of an entry from before, where its place tells that it is still one of ours; else None."""
        return None

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
        file = self._files.get(ref.place)
        return Path(file.path) if file is not None else None

    @property
    def telling(self) -> Telling:
        """How much it can tell."""
        return Telling.SERVICE

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """One entry per file. A file that stays unreadable keeps who it was, with the problem in words."""
        files = await in_thread(self._find_once)
        if isinstance(files, Failure):
            return files
        held = {each.ref.place: each for each in self._held()}
        found = await self._reading.look_through(files, at, held)
        shown = await in_thread(partial(self._shown_broken, found))
        listings = []
        for file, content in found.items():
            if isinstance(content, Known):
                listings.append(content.listing)
            elif isinstance(content, FileProblem) and file in shown:
                listings.append(self._broken_listing(file, content))
        self._reading.keep(found)
        self._files = {file.place: file for file in map(_sharing, found.items())}
        listings += self._elsewhere()
        self._is_listed, self._unlisted = True, None
        return tuple(listings)

    def foresee(self, refs: Sequence[SourceRef]) -> None:
        """Their usage is fetched in this order soon: where logins are kept, files are read some at a time."""
        if self._keeps_logins:
            files = (self._at_place(each.place) for each in refs)
            self._visits.foresee(file for file in files if file is not None)

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """A reading with the token that the file holds now; an expired one is not sent."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        file = await self._file_at(entry.ref.place)
        if file is None:
            return _unsent("the login is not there any more")
        self._at = at
        shown = self._shown(file.path)
        try:
            async with asyncio.timeout(self._setup.deadline_seconds):
                found, base_url = await self._visits.ask(file)
                if isinstance(found, FileProblem):
                    found = await self._reading.patiently(file, at)
        except TimeoutError:
            return UsageReading(Failure(FailureKind.UNREACHABLE, f"{shown}: its disk does not answer"))
        if found is None:
            return _unsent(f"{shown} holds no login any more")
        if isinstance(found, FileProblem):
            return _unsent(f"{shown}: {found.words}")
        if not found.kind.has_usage:
            are = "agent identities" if found.kind is LoginKind.AGENT_IDENTITY else "API keys"
            return _unsent(f"{are} have no usage figures")
        if _are_different(entry, found):
            return _unsent(f"{shown} holds another account's login now")
        if found.disabled:
            return _unsent(f"the login in {shown} is disabled now")
        if found.access is None:
            return _unsent(f"{shown} holds no access token")
        if found.expires_at is not None and found.expires_at <= at + clock_offset:
            return _unsent(f"the access token in {shown} has expired")
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
            shows_raw=self._shows_raw,
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
        """The file of an entry; None where it is none of ours. It is found out without listing them."""
        if self._is_listed:
            return self._files.get(place)
        file = self._at_place(place)
        if file is not None:
            return file
        if self._unlisted is None:
            self._unlisted = asyncio.ensure_future(self._find_unlisted())
        return (await asyncio.shield(self._unlisted)).get(place)

    async def _find_unlisted(self) -> Mapping[str, LoginFile]:
        files = await in_thread(self._find_once)
        return {} if isinstance(files, Failure) else {file.place: file for file in files}

    async def signature(self) -> Hashable:
        """Names, sizes and times of all files, without opening one."""
        return await in_thread(self._stamps)

    def _find_once(self) -> list[LoginFile] | Failure:
        files = self._find()
        return files if isinstance(files, Failure) else one_per_file(files)

    def _shown_broken(self, found: Mapping[LoginFile, Known | FileProblem | None]) -> set[LoginFile]:
        return {
            file
            for file, content in found.items()
            if isinstance(content, FileProblem)
            and (self._reading.listed(file.place) is not None or self._broken_counts(file))
        }

    def _stamps(self) -> Hashable:
        try:
            return self._glance()
        except OSError:
            # it is told why, or it can be read by now, and is looked at the next time
            files = self._find()
            return files if isinstance(files, Failure) else None

    @abstractmethod
    def _glance(self) -> Hashable:
        """What is seen of all files without opening one; runs on a thread, many times a minute.

        It differs whenever `_find` or the content of a file could; OSError where a folder cannot be read.
        """

    def _look_up(self, file: LoginFile) -> tuple[Found, str | Failure]:
        """What a file holds now, and where its usage is asked for: one visit to a thread for both."""
        return self._reading.at_once(file, self._at), self._base_url(file)

    def _listing(self, file: LoginFile, login: Login) -> Listing:
        custody = self._settings.custody if login.kind is LoginKind.OAUTH else Custody.STATIC
        return Listing(
            SourceRef(self.name, file.place),
            user_id=login.user_id,
            account_id=login.workspace,
            email=login.email,
            folder=file.folder,
            # of a thousand logins there are a handful
            plan=intern(login.plan) if login.plan is not None else None,
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
        last = self._reading.listed(file.place)
        if last is not None:
            return replace(last, token=TokenFacts(), renews_itself=False, problem=visible(problem.words))
        return Listing(
            SourceRef(self.name, file.place),
            folder=file.folder,
            custody=self._settings.custody,
            owner=self._owner(file, None),
            path=self._shown(file.path),
            home=self._shown(file.home) if file.home is not None else None,
            problem=visible(problem.words),
        )

    def _expanded(self, pattern: str) -> str:
        if pattern == "~" or pattern.startswith("~/"):
            return str(self._setup.home) + pattern[1:]
        return pattern

    def _shown(self, path: str) -> str:
        home = str(self._setup.home)
        if path == home:
            return "~"
        inside = home if home.endswith("/") else f"{home}/"
        return visible(f"~/{path.removeprefix(inside)}" if path.startswith(inside) else path)


def _sharing(found: tuple[LoginFile, object]) -> LoginFile:
    """The file, its path the very text of its entry."""
    file, content = found
    place = content.listing.ref.place if isinstance(content, Known) else None
    return replace(file, path=place) if place is not None and place == file.path else file


def _are_different(one: Listing, other: Login) -> bool:
    users = one.user_id and other.user_id and one.user_id != other.user_id
    accounts = one.account_id and other.workspace and one.account_id != other.workspace
    return bool(users or accounts)


def _unsent(words: str) -> UsageReading:
    return UsageReading(Failure(FailureKind.NO_TOKEN, words))
