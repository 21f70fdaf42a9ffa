"""A running CLIProxyAPI as a source: its logins, and their usage asked for through the pool itself.

The pool puts each login's token into a request that it sends on, so that no token is ever seen here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from typing import Final

from poolwatch.custody.login_file import Login
from poolwatch.domain.account import Listing, LoginKind, Secret, SourceRef
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, failure
from poolwatch.domain.message import message
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.state import LONGEST_WAIT, KeyState
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread
from poolwatch.net.client import USER_AGENT
from poolwatch.net.reply import Reply, clock_offset
from poolwatch.sources.banked_resets import ResetPace, reset_list_url, with_reset_list
from poolwatch.sources.pools.cli_proxy_api_wire import AuthFile, parse_api_call, parse_auth_files
from poolwatch.sources.pools.client import Answered, PoolClient, Refused, json_bytes
from poolwatch.sources.pools.listing import ListingPool, PoolList, renews_by_itself, rows_left_out, unasked
from poolwatch.sources.pools.routes import CLI_PROXY_API, MANAGEMENT
from poolwatch.sources.pools.session import KeyEntry
from poolwatch.sources.redaction import shown_body
from poolwatch.sources.source import Directness, SourceSetup, UsageReading
from poolwatch.sources.usage_endpoint import of_somebody_else, read_answer, usage_headers, usage_urls

#: The pool puts the login's access token in its place.
TOKEN_PLACE: Final = "$TOKEN$"  # noqa: S105 - a placeholder, which is the point
#: Requests at once. Five refusals ban the caller, so that fewer may be under way when a key stops to count.
IN_FLIGHT: Final = 3

_EXPIRED: Final = "token_expired"
_BAN: Final = timedelta(minutes=30)
_BAN_LEFT: Final = re.compile(
    r"try again in (?:(\d{1,3})h)?(?:(\d{1,3})m)?(?:(\d{1,3})(?:\.\d+)?s)?", re.ASCII
)
#: What the words of a 403 mean.
_OF_403: Final = {
    "banned": "pools.banned_here",
    "disabled": "pools.management_closed",
    "not set": "pools.management_key_unset",
}
#: Answers to an api-call that speak of this call alone.
_OF_ONE_CALL: Final = (400, 404, 502)


class CliProxyApi(ListingPool[AuthFile]):
    """One CLIProxyAPI. Its management key is sent to it alone, never again once it was refused."""

    directness = Directness.RELAYED
    program = CLI_PROXY_API

    def __init__(self, setup: SourceSetup) -> None:
        super().__init__(setup)
        missing = self._failure(FailureKind.FORBIDDEN, "pools.management_key_missing")
        entry, url = KeyEntry(self._key, missing), pool_url(setup.settings.url or "")
        self._pool = PoolClient(setup, CLI_PROXY_API, self._refusals, entry, url=url)
        #: whether the key was good when it was sent last
        self._is_let_in = False
        self._first = asyncio.Semaphore(1)
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._resets = setup.resets or ResetPace()
        self._files: Mapping[str, AuthFile] | None = None
        #: whether the service accepted a login's token, and the renewal of which that token was
        self._verdicts: dict[str, tuple[bool, datetime | None]] = {}

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
                return unasked(failed.as_message)
        file = (self._files or {}).get(entry.ref.place)
        if file is None or file.auth_index is None:
            return self._unlisted()
        if file.is_api_key:
            return unasked(message("pools.api_key_without_usage"))
        first: UsageReading | None = None
        for url in usage_urls(self._settings.base_url):
            reading, is_not_found = await self._read(file, url, at)
            if not is_not_found:
                if isinstance(reading.outcome, UsageSnapshot):
                    wrong = of_somebody_else(reading.outcome, entry, self._listing(file))
                    outcome = wrong or await self._with_list(file, reading.outcome, at)
                    reading = replace(reading, outcome=outcome)
                return reading
            first = first or reading
        # two addresses unknown: the first one's answer is the one that counts
        return first or self._unlisted()

    async def token_step(self, ref: SourceRef, at: datetime) -> TokenStep:
        """Nothing is sent: the pool has no route that renews a login, it does so by itself."""
        file = (self._files or {}).get(ref.place)
        if file is not None and file.is_api_key:
            return TokenStep(TokenOutcome.NONE, block=BlockReason.API_KEY)
        return renews_by_itself()

    async def signature(self) -> Hashable:
        """The key file's times, and which logins turned out to need somebody since they were listed."""
        listings = map(self._listing, (self._files or {}).values())
        needy = frozenset(listing.ref.place for listing in listings if listing.says_login_needed)
        return await super().signature(), needy

    async def _list_now(self, at: datetime) -> PoolList[AuthFile] | Failure:
        answer = await self._ask(None, at)
        if isinstance(answer, Refused):
            if answer.status == 404:
                return self._failure(FailureKind.FORBIDDEN, "pools.management_off")
            return answer.failure
        if isinstance(answer, Failure):
            return answer
        files = await in_thread(lambda: parse_auth_files(answer.body, self.name))
        if isinstance(files, Failure):
            return files
        self._files = files
        self._verdicts = {place: said for place, said in self._verdicts.items() if place in files}
        return PoolList(files, left_out=rows_left_out(answer.body, "files"))

    def _listing(self, account: AuthFile) -> Listing:
        """What the service said of this token counts before what the pool believes of it."""
        listing = account.listing
        accepted, renewal = self._verdicts.get(listing.ref.place, (None, None))
        if accepted is None or renewal != listing.token.last_refresh:
            return listing
        return replace(listing, says_login_needed=not accepted)

    def _judged(self, file: AuthFile, *, accepted: bool) -> None:
        listing = file.listing
        self._verdicts[listing.ref.place] = accepted, listing.token.last_refresh

    async def _read(self, file: AuthFile, url: str, at: datetime) -> tuple[UsageReading, bool]:
        """The reading through one address, and whether the service does not know that address."""
        answer = await self._call(file, url, at)
        if isinstance(answer, Failure):
            return unasked(answer.as_message), False
        if isinstance(answer, Refused):
            return await self._call_refused(answer, file, at), False
        reply = parse_api_call(answer.body, answer.elapsed_seconds)
        if isinstance(reply, Failure):
            return UsageReading(reply, elapsed_seconds=answer.elapsed_seconds), False
        reading = await in_thread(lambda: self._reading(reply, at))
        outcome = reading.outcome
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.UNAUTHORIZED:
            # for a login that has just gone, the pool sends the placeholder as it stands
            return await self._unauthorized(file, reading, outcome, at), False
        if isinstance(outcome, UsageSnapshot):
            self._judged(file, accepted=True)
        return reading, reply.status == 404

    async def _with_list(self, file: AuthFile, usage: UsageSnapshot, at: datetime) -> UsageSnapshot:
        """The usage with the list of banked resets, where it is time to ask for it."""

        async def ask() -> Reply | Failure:
            answer = await self._call(file, reset_list_url(self._settings.base_url), at)
            if isinstance(answer, Answered):
                return parse_api_call(answer.body, answer.elapsed_seconds)
            return answer if isinstance(answer, Failure) else answer.failure

        return await with_reset_list(usage, file.listing.ref.place, self._resets, at, ask)

    async def _unauthorized(
        self, file: AuthFile, reading: UsageReading, why: Failure, at: datetime
    ) -> UsageReading:
        """What is left of a 401: the login may have gone, or the pool may be about to renew it."""
        listed = await self._list(at)
        if isinstance(listed, Failure):
            return unasked(listed.as_message)
        now = listed.accounts.get(file.listing.ref.place)
        if now is None:
            return self._unlisted()
        if why.detail == _EXPIRED and not now.listing.says_login_needed:
            outcome = self._failure(FailureKind.TOKEN_REFRESH, "pools.token_not_renewed", detail=_EXPIRED)
            return replace(reading, outcome=outcome)
        self._judged(file, accepted=False)
        return reading

    async def _call_refused(self, answer: Refused, file: AuthFile, at: datetime) -> UsageReading:
        """The pool did not bring back an answer of the service."""
        why = answer.failure
        if answer.status in (None, 404):
            # one slow or lost call is the account's trouble, a pool that does not even list its own
            listed = await self._after_failure(at)
            if isinstance(listed, Failure):
                return unasked(listed.as_message)
        if answer.status == 404:
            why = self._failure(FailureKind.UPSTREAM_ERROR, "pools.too_old")
        elif answer.status == 400 and "token" in (answer.said or "").lower():
            self._judged(file, accepted=False)
            why = self._failure(
                FailureKind.UNAUTHORIZED, "pools.no_token", login_problem=LoginProblem.SAID_BY_POOL
            )
        elif answer.status == 502:
            why = self._failure(FailureKind.UNREACHABLE, "pools.service_unreachable")
        return UsageReading(why, elapsed_seconds=answer.elapsed_seconds)

    def _reading(self, reply: Reply, at: datetime) -> UsageReading:
        """The service's own answer, which the pool handed on."""
        outcome, server_date = read_answer(reply, at)
        offset = None if server_date is None else clock_offset(server_date, at, reply.elapsed_seconds)
        raw = shown_body(reply.body)
        return UsageReading(outcome, raw, server_date, reply.elapsed_seconds, clock_offset=offset)

    async def _call(self, file: AuthFile, url: str, at: datetime) -> Answered | Refused | Failure:
        """The pool's answer to one api-call; Refused speaks of this call alone, Failure of the whole pool."""
        header = _headers(file.listing.account_id)
        call = {"auth_index": file.auth_index, "method": "GET", "url": url, "header": header}
        answer = await self._ask(call, at)
        if not isinstance(answer, Refused) or answer.status in _OF_ONE_CALL:
            return answer
        # if the pool took it, what is slow or broken may be the service behind it, for this account
        return answer if answer.status is None and answer.sent else answer.failure

    async def _ask(self, call: Mapping[str, object] | None, at: datetime) -> Answered | Refused | Failure:
        """The answer to an api-call, else to the list; Failure where the key or this machine is refused."""
        # one at a time until the key is known to be good: a wrong one is sent once
        async with self._slots if self._is_let_in else self._first:
            if call is None:
                answer = await self._pool.get_json(f"{MANAGEMENT}/auth-files", at)
            else:
                answer = await self._pool.post_json(f"{MANAGEMENT}/api-call", lambda: json_bytes(call), at)
        self._note_version(answer, "x-cpa-version")
        if isinstance(answer, Answered):
            self._is_let_in = True
            return answer
        if answer.status == 401:
            self._is_let_in = False
            place = self._key.place
            code = "pools.management_key_refused"
            return self._failure(FailureKind.FORBIDDEN, code, detail=place, place=place)
        if answer.status == 403:
            self._is_let_in = False
            why = _forbidden(answer, at)
            if why.retry_at is not None and answer.sent:
                state = KeyState(403, at, why.retry_at, answer.code, answer.said)
                await self._refusals.wait(None, state)
            return why
        # without a status and unsent: a key that cannot be read, or a pool that cannot be reached
        return answer


def pool_url(url: str) -> str:
    """The pool's address from what a person gives: the pool's, its dashboard's or its management API's."""
    base = url.strip().rstrip("/")
    for tail in ("/management.html", MANAGEMENT):
        base = base.removesuffix(tail).rstrip("/")
    return base


def _forbidden(answer: Refused, at: datetime) -> Failure:
    """What a 403 of the pool means; the ban alone carries a time."""
    words, why, until = (answer.said or "").lower(), answer.failure, None
    code = next((code for part, code in _OF_403.items() if part in words), None)
    if code is None:
        return why
    if code == "pools.banned_here":
        left = _BAN_LEFT.search(words)
        hours, minutes, seconds = (int(part or 0) for part in left.groups()) if left else (0, 0, 0)
        wait = timedelta(hours=hours, minutes=minutes, seconds=seconds) or _BAN
        until = at + min(wait, LONGEST_WAIT) if answer.sent else why.retry_at
    return failure(FailureKind.FORBIDDEN, code, retry_at=until, pool=CLI_PROXY_API.name)


def _headers(account_id: str | None) -> dict[str, str]:
    """What the pool sends on, the login's token in its place."""
    login = Login("cliproxy", LoginKind.OAUTH, account_id=account_id)
    headers = usage_headers(login, Secret(TOKEN_PLACE))
    plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in headers.items()}
    return {**plain, "User-Agent": USER_AGENT}
