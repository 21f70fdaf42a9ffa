"""codex-proxy: a pool that is asked for its accounts, each one's quota, and to renew a token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from poolwatch.domain.account import Listing, SourceRef
from poolwatch.domain.failure import AS_STORED, Failure, FailureKind, worded
from poolwatch.domain.refresh import REFUSED, TokenOutcome, TokenStep
from poolwatch.domain.remake import replace
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.host.single_flight import SingleFlight
from poolwatch.host.threads import in_thread
from poolwatch.net.reply import Reply
from poolwatch.net.reply import clock_offset as offset_of
from poolwatch.sources.banked_resets import ResetPace, with_reset_list
from poolwatch.sources.pools.client import Answered, Refused, json_bytes
from poolwatch.sources.pools.codex_proxy_wire import (
    ProxyAccount,
    ProxyList,
    RefreshResult,
    exhausted,
    parse_accounts,
    parse_quota,
    parse_rate,
    parse_refresh,
    parse_version,
    quota_failure,
)
from poolwatch.sources.pools.keys import key_place
from poolwatch.sources.pools.listing import (
    ListingPool,
    may_be_renewed,
    not_renewed,
    renews_by_itself,
    rows_left_out,
    unasked,
)
from poolwatch.sources.pools.routes import CODEX_PROXY as POOL
from poolwatch.sources.pools.routes import CODEX_PROXY_LOGIN, CODEX_PROXY_ROUTES, segment
from poolwatch.sources.pools.session import NOT_SENT_AGAIN, dashboard_session, entering, key_headers
from poolwatch.sources.redaction import shown_body
from poolwatch.sources.source import Directness, PoolReport, SourceSetup, UsageReading
from poolwatch.sources.usage_endpoint import of_somebody_else
from poolwatch.words.messages import failure_text

_EXPIRED: Final = "expired"
_DISABLED: Final = "disabled"
_BANNED: Final = "banned"
_EXHAUSTED: Final = "quota_exhausted"
_WORKS: Final = ("active", _EXHAUSTED)


class CodexProxy(ListingPool[ProxyList]):
    """One running codex-proxy, entered by its API key if one is configured, else by the dashboard login."""

    directness = Directness.SOMETIMES_RELAYED

    def __init__(self, setup: SourceSetup, *, resets: ResetPace | None = None) -> None:
        super().__init__(setup)
        session = None
        if key_place(setup.settings, setup.home) is None:
            session = dashboard_session(setup, self._door, POOL, CODEX_PROXY_LOGIN, "_codex_session")
        self._session = session
        self._pool = entering(setup, self._door, POOL, CODEX_PROXY_ROUTES, session or key_headers(setup))
        self._resets = resets or ResetPace()
        self._refreshes: SingleFlight[TokenStep] = SingleFlight()
        self._accounts: Mapping[str, ProxyAccount] = {}
        self._unsaved: str | None = None
        #: what the pool's clock is ahead of ours
        self._pool_ahead = timedelta(0)

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """The quota that the pool fetches now; what it has kept, where it does not fetch any (409)."""
        path = _path(entry.ref.place, "quota")
        if path is None:
            return unasked(f"{POOL} has no such account")
        answer = await self._pool.get_json(path, at)
        if isinstance(answer, Answered):
            return await self._fresh(entry, answer, at)
        match answer.status:
            case 404:
                return unasked(f"{POOL} does not know this account any more")
            case 409:
                return await self._kept(entry.ref, answer, at)
            case 502 if answer.body is not None:
                return UsageReading(
                    quota_failure(502, answer.body), answer.raw, elapsed_seconds=answer.elapsed_seconds
                )
        # one slow or broken account is its own trouble; a pool that is down is not that of each account
        listed = await self._after_failure(at)
        if isinstance(listed, Failure):
            return unasked(failure_text(listed))
        return UsageReading(self._advised(answer), answer.raw, elapsed_seconds=answer.elapsed_seconds)

    async def token_step(self, ref: SourceRef, at: datetime) -> TokenStep:
        """Have the pool spend the account's refresh token; one at a time, a second one would kill it."""
        return await self._refreshes.join(ref.place, lambda: self._refresh(ref, at))

    async def rate(self, at: datetime) -> Decimal | None:
        """Credits per US dollar as this pool is set up, None where it does not say."""
        answer = await self._pool.get_json("/admin/general-settings", at)
        return parse_rate(answer.body) if isinstance(answer, Answered) else None

    async def report(self, at: datetime) -> PoolReport | Failure:
        """How the pool is, for people who look for what is wrong."""
        listed = await self._list(at)
        if isinstance(listed, Failure):
            return listed
        answer = await self._pool.get_json("/admin/update-status", at)
        version = parse_version(answer.body) if isinstance(answer, Answered) else None
        warnings = await self._key_warnings()
        lacks = [said for said in (self._unsaved, self.left_out) if said is not None]
        need_login = sum(account.status == _EXPIRED for account in listed.accounts.values())
        return PoolReport(POOL, version, len(listed.accounts), need_login, (*warnings, *lacks))

    async def _list_now(self, at: datetime) -> ProxyList | Failure:
        answer = await self._pool.get_list("/auth/accounts", at)
        if isinstance(answer, Refused):
            return self._advised(answer)
        found = await in_thread(lambda: parse_accounts(answer.body))
        if isinstance(found, Failure):
            return found
        self._accounts = found.accounts
        self._unsaved, self.left_out = found.unsaved, rows_left_out(answer.body)
        if answer.server_date is not None:
            self._pool_ahead = offset_of(answer.server_date, at, answer.elapsed_seconds)
        return found

    def _advised(self, answer: Refused) -> Failure:
        """The failure, with what an operator can do about a pool that lets nobody in."""
        failure = answer.failure
        if answer.status != 401:
            return failure
        place = key_place(self._settings, self._home)
        if self._session is not None:
            words = f"{POOL} does not accept its own dashboard session (401)"
        elif place is not None:
            words = (
                f"{POOL} does not accept the key in {place} (401): it has to be the pool's proxy_api_key; "
                f"{NOT_SENT_AGAIN}"
            )
        else:
            words = f"{POOL} wants a key (401): put its proxy_api_key into a file and set api_key_file"
        return replace(failure, code=AS_STORED, arguments=(("text", words),), detail=place)

    def _listings(self, found: ProxyList) -> tuple[Listing, ...]:
        return tuple(self._listing(account) for account in found.accounts.values())

    def _listing(self, account: ProxyAccount) -> Listing:
        return account.listing(self.name, POOL, disabled=_DISABLED, login_needed=_EXPIRED, works=_WORKS)

    async def _fresh(self, entry: Listing, answer: Answered, at: datetime) -> UsageReading:
        outcome = parse_quota(answer.body, answer.server_date or at)
        if isinstance(outcome, UsageSnapshot):
            listed = self._accounts.get(entry.ref.place)
            wrong = of_somebody_else(outcome, entry, None if listed is None else self._listing(listed))
            outcome = wrong or await self._with_list(entry.ref, outcome, at)
        return UsageReading(outcome, answer.raw, elapsed_seconds=answer.elapsed_seconds)

    async def _with_list(self, ref: SourceRef, usage: UsageSnapshot, at: datetime) -> UsageSnapshot:
        """With the banked resets one by one, which the quota only counts; the pool asks upstream for them."""
        path = _path(ref.place, "reset-credits")
        if path is None:
            return usage

        async def ask() -> Reply | Failure:
            answer = await self._pool.get_json(path, at)
            if isinstance(answer, Refused):
                return _told_to_wait(answer) or answer.failure
            # numbers stand in the value as they were written, so the text says the same again
            body = json_bytes({"data": answer.body})
            return Reply(200, {}, body, answer.server_date, answer.elapsed_seconds)

        # the pool writes null for an instant that it cannot read, too
        return await with_reset_list(usage, ref.place, self._resets, at, ask, null_is_never=False)

    async def _kept(self, ref: SourceRef, answer: Refused, at: datetime) -> UsageReading:
        listed = await self._lately(at)
        if isinstance(listed, Failure):
            return unasked(failure_text(listed))
        account = listed.accounts.get(ref.place)
        if account is None:
            return unasked(f"{POOL} does not know this account any more")
        if account.status == _BANNED:
            words = "codex-proxy reports the account as banned"
            return UsageReading(worded(FailureKind.DEACTIVATION_REPORTED, words, detail=_BANNED), answer.raw)
        usage, kept_at = account.quota, account.quota_at
        if account.status == _EXHAUSTED:
            usage = exhausted(usage or UsageSnapshot())
        if usage is None:
            return unasked(f"{POOL} has no figures of an account that is {account.status or 'not active'}")
        raw = self._shown(account) or answer.raw
        then = min(kept_at - self._pool_ahead, at) if kept_at is not None else None
        return UsageReading(usage, raw, elapsed_seconds=answer.elapsed_seconds, at=then)

    def _shown(self, account: ProxyAccount) -> str | None:
        """What the pool kept of it, as text."""
        if account.quota_text is None or not self._shows_raw:
            return None
        return shown_body(json.dumps(json.loads(account.quota_text), indent=2).encode())

    async def _refresh(self, ref: SourceRef, at: datetime) -> TokenStep:
        path = _path(ref.place, "refresh")
        if path is None:
            return _failed(worded(FailureKind.TOKEN_REFRESH, f"{POOL} has no such account"), None)
        answer = await self._pool.post_json(path, None, at)
        self._outdated()
        took = answer.elapsed_seconds
        if isinstance(answer, Refused):
            if answer.status == 404:
                words = f"{POOL} does not know this account any more"
                return _failed(worded(FailureKind.TOKEN_REFRESH, words), took)
            listed = await self._list(at)
            if isinstance(listed, Failure):
                return not_renewed(answer, listed)
            return _failed(may_be_renewed(self._advised(answer), answer), took)
        found = parse_refresh(answer.body)
        if isinstance(found, Failure):
            return _failed(found, took)
        match found.result:
            case "alive":
                return TokenStep(TokenOutcome.REFRESHED, took)
            case "skipped":
                return renews_by_itself(took, found.why)
            case "dead":
                return _refused(found, took)
            case other:
                words = f"{other}: {found.why}" if found.why else other
        return _failed(worded(FailureKind.TOKEN_REFRESH, words), took)


def _failed(failure: Failure, took: float | None) -> TokenStep:
    return TokenStep(TokenOutcome.FAILED, took, failure=failure, retry_at=failure.retry_at)


def _refused(found: RefreshResult, took: float | None) -> TokenStep:
    """The pool's refresh failed: for good, or for a reason that may pass."""
    words = found.why or "the pool gives no reason"
    failure = worded(FailureKind.TOKEN_REFRESH, words, detail=REFUSED)
    outcome = TokenOutcome.FAILED if found.problem is None else TokenOutcome.REJECTED_FOR_GOOD
    return TokenStep(outcome, took, problem=found.problem, failure=failure, detail=REFUSED)


def _told_to_wait(answer: Refused) -> Reply | None:
    """The answer that upstream gave to too many requests; the pool hands it on, or tells of it in a 502."""
    is_told = answer.status == 502 and quota_failure(502, answer.body).kind is FailureKind.THROTTLED
    if answer.status != 429 and not is_told:
        return None
    return Reply(429, answer.headers, b"", None, answer.elapsed_seconds)


def _path(place: str, what: str) -> str | None:
    part = segment(place)
    return f"/auth/accounts/{part}/{what}" if part is not None else None
