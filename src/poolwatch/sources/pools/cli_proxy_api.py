"""A running CLIProxyAPI as a source: its logins, and their usage asked for through the pool itself.

The pool puts each login's token into a request that it sends on, so that no token is ever seen here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from poolwatch.custody.auth_file import Login
from poolwatch.domain.account import Custody, Listing, LoginKind, Secret, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.remake import replace
from poolwatch.domain.standing import LONGEST_WAIT, Standing
from poolwatch.domain.text import visible_or_none
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.host.threads import in_thread
from poolwatch.net.headers import USER_AGENT, Headers
from poolwatch.net.reply import Reply, clock_offset
from poolwatch.sources.banked_resets import ResetPace, reset_list_url, with_reset_list
from poolwatch.sources.json_body import beside_the_loop
from poolwatch.sources.pools.cli_proxy_api_wire import AuthFile, parse_api_call, parse_auth_files
from poolwatch.sources.pools.client import Answered, PoolClient, Refused, bearer, json_bytes
from poolwatch.sources.pools.keys import Door, key_place, read_key
from poolwatch.sources.pools.listing import ListingPool, renews_by_itself, rows_left_out, unasked
from poolwatch.sources.pools.routes import CLI_PROXY_API as POOL
from poolwatch.sources.pools.routes import CLI_PROXY_API_CALL, CLI_PROXY_API_LIST, CLI_PROXY_API_PREFIX, Route
from poolwatch.sources.pools.session import NOT_SENT_AGAIN
from poolwatch.sources.redaction import shown_body
from poolwatch.sources.source import Directness, PoolReport, SourceSetup, UsageReading
from poolwatch.sources.usage_endpoint import of_somebody_else, read_answer, usage_headers, usage_urls
from poolwatch.words.messages import failure_text

#: The pool puts the login's access token in its place.
TOKEN_PLACE: Final = "$TOKEN$"  # noqa: S105 - a placeholder, which is the point

_EXPIRED: Final = "token_expired"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the service said of a login's token, and the renewal of which that token was."""

    last_refresh: datetime | None
    accepted: bool


class CliProxyApi(ListingPool[Mapping[str, AuthFile]]):
    """One CLIProxyAPI. Its management key is sent to it alone."""

    directness = Directness.RELAYED

    def __init__(self, setup: SourceSetup, *, resets: ResetPace | None = None) -> None:
        super().__init__(setup)
        self._management = Management(setup, self._door)
        self._resets = resets or ResetPace()
        self._files: Mapping[str, AuthFile] | None = None
        self._verdicts: dict[str, _Verdict] = {}

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """One account's usage, asked for by the pool with the token that it holds.

        A pool that does not serve is no news of the account: the failure is then `no_token`, and listing
        the source says what is wrong with it.
        """
        if self._files is None:
            failed = await self._list(at)
            if isinstance(failed, Failure):
                return unasked(failure_text(failed))
        file = (self._files or {}).get(entry.ref.place)
        if file is None or file.auth_index is None:
            return unasked(f"the login is not in {POOL} any more")
        if file.is_api_key:
            return unasked("API keys have no usage figures")
        first: UsageReading | None = None
        for url in usage_urls(self._settings.base_url):
            reading, is_not_found = await self._call(file, file.auth_index, url, at)
            if not is_not_found:
                if isinstance(reading.outcome, UsageSnapshot):
                    wrong = of_somebody_else(reading.outcome, entry, self._listing(file))
                    reading = reading if wrong is None else replace(reading, outcome=wrong)
                return await self._with_list(file, file.auth_index, reading, at)
            first = first or reading
        # two addresses unknown: the first one's answer is the one that counts
        return first or unasked("there is no address to ask")

    async def token_step(self, ref: SourceRef, at: datetime) -> TokenStep:
        """Nothing is sent: the pool has no route that renews a login, it does so by itself."""
        file = (self._files or {}).get(ref.place)
        if file is not None and file.is_api_key:
            return TokenStep(TokenOutcome.NONE, block=BlockReason.API_KEY)
        return renews_by_itself()

    async def report(self, at: datetime) -> PoolReport | Failure:
        """How the pool is, for people who look for what is wrong."""
        files = await self._list(at)
        if isinstance(files, Failure):
            return files
        needy = sum(self._needs_login(file) and not file.disabled for file in files.values())
        lacks = (*await self._key_warnings(), *((self.left_out,) if self.left_out is not None else ()))
        return PoolReport(POOL, self._management.version, len(files), needy, lacks)

    async def signature(self) -> Hashable:
        """The key file's times, and which logins turned out to need somebody since they were listed."""
        needy = frozenset(file.place for file in (self._files or {}).values() if self._needs_login(file))
        return await super().signature(), needy

    async def _list_now(self, at: datetime) -> Mapping[str, AuthFile] | Failure:
        answer = await self._management.auth_files(at)
        if isinstance(answer, PoolDown):
            return answer.failure
        files = await in_thread(lambda: parse_auth_files(answer.body))
        if isinstance(files, Failure):
            return files
        self.left_out = rows_left_out(answer.body, "files")
        self._files = {file.place: file for file in files}
        self._verdicts = {place: said for place, said in self._verdicts.items() if place in self._files}
        return self._files

    def _listings(self, found: Mapping[str, AuthFile]) -> tuple[Listing, ...]:
        return tuple(self._listing(file) for file in found.values())

    def _listing(self, file: AuthFile) -> Listing:
        return Listing(
            SourceRef(self.name, file.place),
            account_id=file.account_id,
            email=file.email,
            label=file.label,
            plan=file.plan,
            custody=Custody.STATIC if file.is_api_key else Custody.POOL,
            login=LoginKind.API_KEY if file.is_api_key else LoginKind.OAUTH,
            token=TokenFacts(last_refresh=file.last_refresh),
            owner=POOL,
            disabled=file.disabled,
            says_login_needed=self._needs_login(file),
            subscription_until=file.subscription_until,
        )

    def _needs_login(self, file: AuthFile) -> bool:
        """What the service said of this token counts before what the pool believes of it."""
        said = self._verdicts.get(file.place)
        if said is not None and said.last_refresh == file.last_refresh:
            return not said.accepted
        return file.refused

    async def _call(
        self, file: AuthFile, auth_index: str, url: str, at: datetime
    ) -> tuple[UsageReading, bool]:
        """The reading through one address, and whether the service does not know that address."""
        answer = await self._management.api_call(_get(file, auth_index, url), at)
        if isinstance(answer, PoolDown):
            return unasked(failure_text(answer.failure)), False
        if isinstance(answer, Refused):
            return await self._call_refused(answer, file, at), False
        reply = parse_api_call(answer.body, answer.elapsed_seconds)
        if isinstance(reply, Failure):
            return UsageReading(reply, elapsed_seconds=answer.elapsed_seconds), False
        reading = await beside_the_loop(len(reply.body), lambda: self._reading(reply, at))
        outcome = reading.outcome
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.UNAUTHORIZED:
            # for a login that has just gone, the pool sends the placeholder as it stands
            return await self._unauthorized(file, reading, outcome, at), False
        if isinstance(outcome, UsageSnapshot):
            self._verdicts[file.place] = _Verdict(file.last_refresh, accepted=True)
        return reading, reply.status == 404

    async def _with_list(
        self, file: AuthFile, auth_index: str, reading: UsageReading, at: datetime
    ) -> UsageReading:
        """The reading with the list of banked resets, where it is time to ask for it."""
        if not isinstance(reading.outcome, UsageSnapshot):
            return reading
        url = reset_list_url(self._settings.base_url)

        async def ask() -> Reply | Failure:
            answer = await self._management.api_call(_get(file, auth_index, url), at)
            if isinstance(answer, PoolDown | Refused):
                return answer.failure
            return parse_api_call(answer.body, answer.elapsed_seconds)

        usage = await with_reset_list(reading.outcome, file.place, self._resets, at, ask)
        return replace(reading, outcome=usage)

    async def _unauthorized(
        self, file: AuthFile, reading: UsageReading, failure: Failure, at: datetime
    ) -> UsageReading:
        """What is left of a 401: the login may have gone, or the pool may be about to renew it."""
        files = await self._list(at)
        if isinstance(files, Failure):
            return unasked(failure_text(files))
        now = files.get(file.place)
        if now is None:
            return unasked(f"the login is not in {POOL} any more")
        if failure.detail == _EXPIRED and not now.refused:
            words = f"the access token has expired, and {POOL} has not renewed it (401)"
            return replace(reading, outcome=worded(FailureKind.TOKEN_REFRESH, words, detail=_EXPIRED))
        self._verdicts[file.place] = _Verdict(file.last_refresh, accepted=False)
        return reading

    async def _call_refused(self, answer: Refused, file: AuthFile, at: datetime) -> UsageReading:
        """The pool did not bring back an answer of the service."""
        elapsed, failure = answer.elapsed_seconds, answer.failure
        if answer.status in (None, 404):
            # one slow or lost call is the account's trouble, a pool that does not even list its own
            files = await self._after_failure(at)
            if isinstance(files, Failure):
                return unasked(failure_text(files))
        if answer.status == 404:
            words = f"this {POOL} is too old to ask for usage (404): update it, or read its auth folder"
            return UsageReading(worded(FailureKind.UPSTREAM_ERROR, words), elapsed_seconds=elapsed)
        if answer.status == 400 and "token" in (answer.said or "").lower():
            self._verdicts[file.place] = _Verdict(file.last_refresh, accepted=False)
            failure = worded(
                FailureKind.UNAUTHORIZED,
                f"{POOL} holds no token for this login",
                login_problem=LoginProblem.SAID_BY_POOL,
            )
        elif answer.status == 502:
            failure = worded(FailureKind.UNREACHABLE, f"{POOL} could not reach the usage service (502)")
        return UsageReading(failure, elapsed_seconds=elapsed)

    def _reading(self, reply: Reply, at: datetime) -> UsageReading:
        """The service's own answer, which the pool handed on."""
        outcome, server_date = read_answer(reply, at)
        return UsageReading(
            outcome,
            shown_body(reply.body) if self._shows_raw else None,
            server_date,
            reply.elapsed_seconds,
            clock_offset=None
            if server_date is None
            else clock_offset(server_date, at, reply.elapsed_seconds),
        )


def _get(file: AuthFile, auth_index: str, url: str) -> dict[str, object]:
    """The order to send a GET with this login's token."""
    return {"auth_index": auth_index, "method": "GET", "url": url, "header": _headers(file.account_id)}


def _headers(account_id: str | None) -> dict[str, str]:
    """What the pool sends on, the login's token in its place."""
    login = Login("cliproxy", LoginKind.OAUTH, account_id=account_id)
    headers = usage_headers(login, Secret(TOKEN_PLACE))
    plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in headers.items()}
    return {**plain, "User-Agent": USER_AGENT}


#: Requests at once. Five refusals ban the caller, so that fewer may be under way when a key stops to count.
IN_FLIGHT: Final = 3
_BAN: Final = timedelta(minutes=30)
_BAN_LEFT: Final = re.compile(
    r"try again in (?:(\d{1,3})h)?(?:(\d{1,3})m)?(?:(\d{1,3})(?:\.\d+)?s)?", re.ASCII
)
_VERSION_LENGTH: Final = 40
#: Answers to an api-call that speak of this call alone.
_OF_ONE_CALL: Final = (400, 404, 502)


@dataclass(frozen=True, slots=True)
class PoolDown:
    """The pool itself does not serve: the trouble of a whole source, not of one account."""

    failure: Failure


class Management:
    """One pool's management API; its door keeps a refused key and a ban for all runs of this program."""

    def __init__(self, setup: SourceSetup, door: Door) -> None:
        self._setup = setup
        self._door = door
        #: the pool's version, once it answered
        self.version: str | None = None
        #: whether the key was good when it was sent last
        self._is_let_in = False
        self._first = asyncio.Lock()
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def auth_files(self, at: datetime) -> Answered | PoolDown:
        """The answer that lists the logins; `at` is our own clock."""
        answer = await self._ask(CLI_PROXY_API_LIST, None, at)
        if not isinstance(answer, Refused):
            return answer
        if answer.status == 404:
            remedy = "set remote-management.secret-key in its config, and check the source's url"
            words = f"{POOL}'s management API is off or not here (404): {remedy}"
            return PoolDown(worded(FailureKind.FORBIDDEN, words))
        return PoolDown(answer.failure)

    async def api_call(self, call: Mapping[str, object], at: datetime) -> Answered | Refused | PoolDown:
        """The pool's answer to one api-call; Refused speaks of this call alone."""
        answer = await self._ask(CLI_PROXY_API_CALL, lambda: json_bytes(call), at)
        if not isinstance(answer, Refused) or answer.status in _OF_ONE_CALL:
            return answer
        if answer.status is None and answer.sent:
            # the pool took it: what is slow or broken may be the service behind it, for this account
            return answer
        return PoolDown(answer.failure)

    async def _ask(
        self, route: Route, body: Callable[[], bytes] | None, at: datetime
    ) -> Answered | Refused | PoolDown:
        key = await asyncio.to_thread(self._key)
        if isinstance(key, Failure):
            return PoolDown(key)
        if not self._is_let_in:
            # one at a time until the key is known to be good: a wrong one is sent once
            async with self._first:
                if not self._is_let_in:
                    return await self._ask_with(key, route, body, at)
        async with self._slots:
            return await self._ask_with(key, route, body, at)

    async def _ask_with(
        self, key: Secret, route: Route, body: Callable[[], bytes] | None, at: datetime
    ) -> Answered | Refused | PoolDown:
        async def auth(at: datetime) -> Headers | Failure:
            return bearer(key)

        url = pool_url(self._setup.settings.url or "")
        client = PoolClient(
            self._setup, POOL, (CLI_PROXY_API_LIST, CLI_PROXY_API_CALL), self._door, auth, url=url
        )
        if body is None:
            answer = await client.get_list(route.path, at)
        else:
            answer = await client.post_json(route.path, body, at)
        self.version = visible_or_none(answer.headers.get("x-cpa-version"), _VERSION_LENGTH) or self.version
        if isinstance(answer, Answered):
            self._is_let_in = True
            return answer
        if answer.status == 401:
            self._is_let_in = False
            return PoolDown(self._refusal())
        if answer.status == 403:
            self._is_let_in = False
            failure = _forbidden(answer, at)
            if failure.retry_at is not None and answer.sent:
                standing = Standing(403, at, failure.retry_at, answer.code, answer.said)
                await self._door.be_silent(None, standing)
            return PoolDown(failure)
        return answer

    def _key(self) -> Secret | Failure:
        found = read_key(self._setup.settings, self._setup.env, self._setup.home)
        if found is None:
            remedy = "name it by api_key_file or api_key_env"
            return worded(FailureKind.FORBIDDEN, f"{POOL} needs its management key: {remedy}")
        return found

    def _refusal(self) -> Failure:
        place = key_place(self._setup.settings, self._setup.home) or "the settings"
        return worded(
            FailureKind.FORBIDDEN,
            f"{POOL} refuses the management key in {place} (401); {NOT_SENT_AGAIN}: "
            "five tries ban this machine",
            detail=place,
        )


def pool_url(url: str) -> str:
    """The pool's address from what a person gives: the pool's, its dashboard's or its management API's."""
    base = url.strip().rstrip("/")
    for tail in ("/management.html", CLI_PROXY_API_PREFIX):
        base = base.removesuffix(tail).rstrip("/")
    return base


def _forbidden(answer: Refused, at: datetime) -> Failure:
    """What a 403 of the pool means; the ban alone carries a time."""
    words = (answer.said or "").lower()
    if "banned" in words:
        left = _BAN_LEFT.search(words)
        hours, minutes, seconds = (int(part or 0) for part in left.groups()) if left else (0, 0, 0)
        wait = min(timedelta(hours=hours, minutes=minutes, seconds=seconds) or _BAN, LONGEST_WAIT)
        told = "has banned this machine after five refused keys (403); nothing is sent until that is over"
        return worded(
            FailureKind.FORBIDDEN,
            f"{POOL} {told}",
            retry_at=at + wait if answer.sent else answer.failure.retry_at,
        )
    if "disabled" in words:
        remedy = "set remote-management.allow-remote in its config, or run poolwatch beside it"
        return worded(FailureKind.FORBIDDEN, f"{POOL} is closed to other machines (403): {remedy}")
    if "not set" in words:
        remedy = "set remote-management.secret-key in its config"
        return worded(FailureKind.FORBIDDEN, f"{POOL} has no management key (403): {remedy}")
    return answer.failure
