"""What sources made of login files share: listing, and asking with what a file holds."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from poolwatch.config.paths import from_home
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.outcomes import clause
from poolwatch.domain.account import Custody, Listing, LoginKind, Secret, SourceRef, TokenFacts
from poolwatch.domain.banked_resets import ResetHistory, ResetLook
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import arguments_of
from poolwatch.domain.text import visible
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.host.single_flight import SingleFlight
from poolwatch.host.threads import in_thread
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.sources import banked_resets
from poolwatch.sources.banked_resets import ANSWER_SECONDS, ResetPace, reset_list_url, with_reset_list
from poolwatch.sources.day_counts import fetch_day_counts
from poolwatch.sources.login_reader import LoginFile, one_per_file, read_patiently, stamp
from poolwatch.sources.source import Directness, SourceSetup, UsageReading
from poolwatch.sources.usage_endpoint import fetch_usage, of_somebody_else, usage_headers

if TYPE_CHECKING:
    from poolwatch.domain.workspace_usage import DaysReported


class LoginFiles(ABC):
    """A source whose accounts are files. It opens files on a thread, and never writes one.

    Tokens are read when they are sent and not held in between.
    """

    directness: Final = Directness.SERVICE

    def __init__(self, setup: SourceSetup) -> None:
        self._setup = setup
        self._settings = setup.settings
        self._resets = setup.resets or ResetPace()
        #: the entries of logins by place, as last read, even if a file is broken by now
        self._listed: Mapping[str, Listing] = {}
        #: None until they were looked for
        self._files: Mapping[str, LoginFile] | None = None
        self._finding = asyncio.Lock()
        self._reading: SingleFlight[tuple[Login, str | Failure] | FileProblem | None] = SingleFlight()

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

    def _base_url(self, file: LoginFile) -> str | Failure:
        """Where the usage of a file's login is asked for; runs on a thread."""
        return self._settings.base_url

    def path_of(self, ref: SourceRef) -> Path | None:
        """The file of an entry, while the source lists it."""
        file = (self._files or {}).get(ref.place)
        return Path(file.path) if file is not None else None

    async def list_accounts(self, at: datetime) -> tuple[Listing, ...] | Failure:
        """One entry per file. A file that stays unreadable keeps who it was, with the problem in words."""
        files = await in_thread(self._find_once)
        if isinstance(files, Failure):
            return files
        found = await read_patiently(self._entry, files)
        listings = await in_thread(partial(self._listings, found))
        self._files = {file.place: file for file in files}
        return tuple(listings)

    def _listings(self, found: Mapping[LoginFile, Listing | FileProblem | None]) -> list[Listing]:
        listings: list[Listing] = []
        listed: dict[str, Listing] = {}
        for file, content in found.items():
            former = self._listed.get(file.place)
            if isinstance(content, Listing):
                listed[file.place] = content
                listings.append(content)
            elif content is not None and (former is not None or self._broken_counts(file)):
                # who it was, without its tokens
                last = former or self._bare_listing(file)
                listed |= {file.place: former} if former is not None else {}
                listings.append(
                    replace(last, token=TokenFacts(), renews_itself=False, problem=clause(content))
                )
        self._listed = listed
        return listings

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """A reading with the token that the file holds now; an expired one is not sent."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        live = await self._live(entry, at + clock_offset)
        if isinstance(live, Failure):
            return UsageReading(live)
        found, access, base_url = live
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

    async def fetch_day_counts(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> Mapping[date, int] | Failure:
        """What the service counted of the account, asked for with the same token."""
        live = await self._live(entry, at + clock_offset)
        if isinstance(live, Failure):
            return live
        found, access, base_url = live
        deadline = self._setup.deadline_seconds
        return await fetch_day_counts(self._setup.client, base_url, found, access, at, deadline)

    async def fetch_workspace_usage(
        self,
        entry: Listing,
        at: datetime,
        clock_offset: timedelta = timedelta(0),
        since: date | None = None,
    ) -> DaysReported | Failure:
        """What the service reports of the account's days, likewise."""
        from poolwatch.sources.workspace_usage import fetch_workspace_usage  # few runs ask for it

        live = await self._live(entry, at + clock_offset)
        if isinstance(live, Failure):
            return live
        found, access, base_url = live
        client, deadline = self._setup.client, self._setup.deadline_seconds
        return await fetch_workspace_usage(client, base_url, found, access, at, deadline, since, clock_offset)

    async def look_at_resets(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> ResetLook | Failure:
        """The usage and the banked resets, asked for now with the token that the file holds."""
        live = await self._live(entry, at + clock_offset)
        if isinstance(live, Failure):
            return live
        found, access, base_url = live
        client, deadline = self._setup.client, self._setup.deadline_seconds
        look = await banked_resets.look_at_resets(client, base_url, found, access, at, deadline)
        wrong = None if isinstance(look, Failure) else of_somebody_else(look.usage, entry)
        return wrong or look

    async def reset_history(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> ResetHistory | Failure:
        """What the service's history has of uses."""
        live = await self._live(entry, at + clock_offset)
        if isinstance(live, Failure):
            return live
        found, access, base_url = live
        client, deadline = self._setup.client, self._setup.deadline_seconds
        return await banked_resets.reset_history(client, base_url, found, access, at, deadline)

    async def use_reset(
        self,
        entry: Listing,
        request_id: str,
        reset_id: str | None,
        at: datetime,
        clock_offset: timedelta = timedelta(0),
    ) -> Reply | NotSent | Lost:
        """Use a reset with the token that the file holds, if that is still the entry's login."""
        live = await self._live(entry, at + clock_offset)
        if isinstance(live, Failure):
            return NotSent(live)
        found, access, base_url = live
        body = banked_resets.use_body(request_id, reset_id)
        return await banked_resets.use_reset(self._setup.client, base_url, found, access, body)

    async def _live(self, entry: Listing, server_now: datetime) -> tuple[Login, Secret, str] | Failure:
        """The login that the file holds now, its token that may be sent, and to which service."""
        file = await self._file_at(entry.ref.place)
        if file is None:
            return _no_token("sources.login_gone")
        shown = self._shown(file.path)
        try:
            async with asyncio.timeout(self._setup.deadline_seconds):
                # a disk that hangs is not asked the same again and again
                read = await self._reading.join(file.place, partial(self._read, file))
        except TimeoutError:
            return failure(FailureKind.UNREACHABLE, "sources.disk_hangs", path=shown)
        if read is None:
            return _no_token("sources.no_login", path=shown)
        if isinstance(read, FileProblem):
            return _no_token("sources.file_unusable", path=shown, why=clause(read))
        found, base_url = read
        if not found.kind.has_usage:
            is_agent = found.kind is LoginKind.AGENT_IDENTITY
            return _no_token("sources.agents_have_no_usage" if is_agent else "sources.keys_have_no_usage")
        if _are_different(entry, found):
            return _no_token("sources.other_login", path=shown)
        if found.disabled:
            return _no_token("sources.login_disabled", path=shown)
        if found.access is None:
            return _no_token("sources.file_without_token", path=shown)
        if found.expires_at is not None and found.expires_at <= server_now:
            return _no_token("sources.file_token_expired", path=shown)
        return base_url if isinstance(base_url, Failure) else (found, found.access, base_url)

    async def _file_at(self, place: str) -> LoginFile | None:
        """The file of an entry, which may be known from before this source was listed."""
        async with self._finding:
            if self._files is None:
                found = await in_thread(self._find_once)
                self._files = {} if isinstance(found, Failure) else {file.place: file for file in found}
        return self._files.get(place)

    async def _read(self, file: LoginFile) -> tuple[Login, str | Failure] | FileProblem | None:
        """What a file holds now, and where its usage is asked for."""

        def read(file: LoginFile) -> tuple[Login, str | Failure] | FileProblem | None:
            login = self._login(file)
            return (login, self._base_url(file)) if isinstance(login, Login) else login

        return (await read_patiently(read, [file]))[file]

    def _login(self, file: LoginFile) -> Login | FileProblem | None:
        """What a file holds now; None where that is no login, or the file is gone."""
        content = read_login(Path(file.path), self._setup.fingerprint) or self._without_login(file)
        if isinstance(content, FileProblem):
            return content if os.path.lexists(file.path) else None
        # it said who this is; nothing here needs it again
        return replace(content, id_token=None) if content is not None else None

    def _entry(self, file: LoginFile) -> Listing | FileProblem | None:
        if file.in_keyring:
            # nothing else is known to call it by
            folder = file.folder or visible(Path(file.path).parent.name) or None
            return replace(
                self._bare_listing(file), folder=folder, custody=Custody.CODEX, login=LoginKind.KEYRING
            )
        login = self._login(file)
        return self._listing(file, login) if isinstance(login, Login) else login

    async def signature(self) -> Hashable:
        """Names, sizes and times of all files, without opening one."""
        return await in_thread(self._signature)

    def _find_once(self) -> list[LoginFile] | Failure:
        files = self._find()
        return files if isinstance(files, Failure) else one_per_file(files)

    def _signature(self) -> Hashable:
        files = self._find()
        return files if isinstance(files, Failure) else tuple((file, stamp(file)) for file in files)

    def _listing(self, file: LoginFile, login: Login) -> Listing:
        custody = self._settings.custody if login.kind is LoginKind.OAUTH else Custody.STATIC
        return replace(
            self._bare_listing(file, login),
            user_id=login.user_id,
            account_id=login.workspace,
            email=login.email,
            plan=login.plan,
            custody=custody,
            login=login.kind,
            token=TokenFacts(
                login.expires_at, login.last_refresh, login.fingerprint, login.refresh_fingerprint
            ),
            disabled=login.disabled,
            renews_itself=self._setup.renews and custody is Custody.POOLWATCH and login.refresh is not None,
            subscription_until=login.subscription_until,
            subscription_checked_at=login.subscription_checked_at,
        )

    def _bare_listing(self, file: LoginFile, login: Login | None = None) -> Listing:
        """What the file's place tells of it."""
        return Listing(
            SourceRef(self.name, file.place),
            folder=file.folder,
            custody=self._settings.custody,
            owner=self._owner(file, login),
            path=self._shown(file.path),
            home=self._shown(file.home) if file.home is not None else None,
        )

    def _not_found(self, code: str, path: str, **arguments: object) -> Failure:
        shown = self._shown(path)
        return Failure(FailureKind.UNREACHABLE, code, arguments_of(path=shown, **arguments), detail=shown)

    def _shown(self, path: str) -> str:
        home = self._setup.home
        return "~" if path == str(home) else visible(from_home(Path(path), home))


def _are_different(one: Listing, other: Login) -> bool:
    users = one.user_id and other.user_id and one.user_id != other.user_id
    accounts = one.account_id and other.workspace and one.account_id != other.workspace
    return bool(users or accounts)


def _no_token(code: str, **arguments: object) -> Failure:
    return Failure(FailureKind.NO_TOKEN, code, arguments_of(**arguments))
