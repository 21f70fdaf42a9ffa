"""codex-proxy: a pool that is asked for its accounts, each one's quota, and to renew a token."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from poolwatch.domain.account import Listing, SourceRef
from poolwatch.domain.banked_resets import ResetLook
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import REFUSED, TokenOutcome, TokenStep
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.host.single_flight import SingleFlight
from poolwatch.host.threads import in_thread
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.net.reply import clock_offset as offset_of
from poolwatch.sources.banked_resets import ResetPace, with_reset_list
from poolwatch.sources.pools import codex_proxy_wire as wire
from poolwatch.sources.pools.client import Answered, PoolClient, Refused, json_bytes
from poolwatch.sources.pools.device_login import ProxyDeviceLogin
from poolwatch.sources.pools.listing import (
    ListingPool,
    PoolList,
    may_be_renewed,
    not_renewed,
    renews_by_itself,
    rows_left_out,
    unasked,
)
from poolwatch.sources.pools.routes import CODEX_PROXY, segment
from poolwatch.sources.pools.session import DashboardSession, KeyEntry
from poolwatch.sources.redaction import shown_body
from poolwatch.sources.source import Directness, SourceSetup, UsageReading
from poolwatch.sources.usage_endpoint import of_somebody_else
from poolwatch.sources.usage_payload import parse_reset_list


class CodexProxy(ListingPool[wire.ProxyAccount]):
    """One running codex-proxy, entered by its API key if one is configured, else by the dashboard login."""

    directness = Directness.SOMETIMES_RELAYED
    program = CODEX_PROXY

    def __init__(self, setup: SourceSetup) -> None:
        super().__init__(setup)
        self._session = None
        if self._key.place is None and self._password.place is not None:
            self._session = DashboardSession(
                setup, self._refusals, CODEX_PROXY, "/auth/dashboard-login", "_codex_session"
            )
        entry = self._session or KeyEntry(self._key)
        self._pool = PoolClient(setup, CODEX_PROXY, self._refusals, entry)
        self.device_login = ProxyDeviceLogin(self._pool)
        self._resets = setup.resets or ResetPace()
        self._refreshes: SingleFlight[TokenStep] = SingleFlight()
        self._last = PoolList[wire.ProxyAccount]({})

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """The quota that the pool fetches now; what it has kept, where it does not fetch any (409)."""
        path = _path(entry.ref.place, "quota")
        if path is None:
            return self._unlisted()
        answer = await self._pool.get_json(path, at)
        if isinstance(answer, Answered):
            return await self._fresh(entry, answer, at)
        match answer.status:
            case 404:
                return self._unlisted()
            case 409:
                return await self._kept(entry.ref, answer, at)
            case 502 if answer.body is not None:
                why = wire.quota_failure(502, answer.body)
                return UsageReading(why, answer.raw, elapsed_seconds=answer.elapsed_seconds)
        # one slow or broken account is its own trouble; a pool that is down is not that of each account
        listed = await self._after_failure(at)
        if isinstance(listed, Failure):
            return unasked(listed.as_message)
        return UsageReading(self._advised(answer), answer.raw, elapsed_seconds=answer.elapsed_seconds)

    async def token_step(self, ref: SourceRef, at: datetime) -> TokenStep:
        """Have the pool spend the account's refresh token; one at a time, a second one would kill it."""
        return await self._refreshes.join(ref.place, lambda: self._refresh(ref, at))

    async def rate(self, at: datetime) -> Decimal | None:
        answer = await self._pool.get_json("/admin/general-settings", at)
        return wire.parse_rate(answer.body) if isinstance(answer, Answered) else None

    async def _version(self, at: datetime) -> str | None:
        answer = await self._pool.get_json("/admin/update-status", at)
        return wire.parse_version(answer.body) if isinstance(answer, Answered) else None

    async def _list_now(self, at: datetime) -> PoolList[wire.ProxyAccount] | Failure:
        answer = await self._pool.get_json("/auth/accounts", at)
        if isinstance(answer, Refused):
            return self._advised(answer)
        found = await in_thread(lambda: wire.parse_accounts(answer.body, self.name))
        if isinstance(found, Failure):
            return found
        ahead = self._last.pool_ahead
        if answer.server_date is not None:
            ahead = offset_of(answer.server_date, at, answer.elapsed_seconds)
        warning = wire.unsaved(answer.body)
        self._last = PoolList(
            found, ahead, rows_left_out(answer.body), lacks=() if warning is None else (warning,)
        )
        return self._last

    def _advised(self, answer: Refused) -> Failure:
        """The failure, with what an operator can do about a pool that lets nobody in."""
        if answer.status != 401:
            return answer.failure
        place, code = self._key.place, "pools.key_wanted"
        if self._session is not None:
            code = "pools.session_refused"
        elif place is not None:
            code = "pools.proxy_key_refused"
        return self._failure(answer.failure.kind, code, detail=place, place=place)

    async def _fresh(self, entry: Listing, answer: Answered, at: datetime) -> UsageReading:
        outcome = wire.parse_quota(answer.body, answer.server_date or at)
        if isinstance(outcome, UsageSnapshot):
            listed = self._last.accounts.get(entry.ref.place)
            wrong = of_somebody_else(outcome, entry, None if listed is None else listed.listing)
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

    async def look_at_resets(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> ResetLook | Failure:
        """The quota and the list, which the pool asks upstream for now."""
        quota, path = _path(entry.ref.place, "quota"), _path(entry.ref.place, "reset-credits")
        if quota is None or path is None:
            return self._failure(FailureKind.NO_TOKEN, "pools.account_gone")
        answer = await self._pool.get_json(quota, at)
        if isinstance(answer, Refused):
            return self._advised(answer)
        usage = wire.parse_quota(answer.body, answer.server_date or at)
        if isinstance(usage, Failure):
            return usage
        wrong = of_somebody_else(usage, entry)
        if wrong is not None:
            return wrong
        listed = await self._pool.get_json(path, at)
        if isinstance(listed, Refused):
            return self._advised(listed)
        rows = parse_reset_list(json_bytes({"data": listed.body}), null_is_never=False)
        return rows if isinstance(rows, Failure) else ResetLook(usage, rows, at)

    async def reset_history(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> None:
        """The pool has no such history."""

    async def use_reset(
        self,
        entry: Listing,
        request_id: str,
        reset_id: str | None,
        at: datetime,
        clock_offset: timedelta = timedelta(0),
    ) -> Reply | NotSent | Lost:
        """Have the pool use a reset of its choice; its answer does not say what the service said."""
        path = _path(entry.ref.place, "reset-credits/consume")
        if path is None:
            return NotSent(self._failure(FailureKind.NO_TOKEN, "pools.account_gone"))
        self._outdated()
        return await self._pool.post_once(path, json_bytes({"redeem_request_id": request_id}), at)

    async def _kept(self, ref: SourceRef, answer: Refused, at: datetime) -> UsageReading:
        listed = await self._lately(at)
        if isinstance(listed, Failure):
            return unasked(listed.as_message)
        account = listed.accounts.get(ref.place)
        if account is None:
            return self._unlisted()
        status = account.status
        if status == wire.BANNED:
            why = self._failure(FailureKind.DEACTIVATION_REPORTED, "pools.banned", detail=wire.BANNED)
            return UsageReading(why, answer.raw)
        usage, kept_at = account.quota, account.quota_at
        if status == wire.EXHAUSTED:
            usage = wire.exhausted(usage or UsageSnapshot())
        if usage is None:
            if not status:
                return unasked(message("pools.no_figures_inactive", pool=self.program.name))
            return unasked(message("pools.no_figures_of_status", pool=self.program.name, status=status))
        raw = answer.raw if account.quota_text is None else shown_body(account.quota_text.encode())
        then = min(kept_at - listed.pool_ahead, at) if kept_at is not None else None
        return UsageReading(usage, raw, elapsed_seconds=answer.elapsed_seconds, at=then)

    async def _refresh(self, ref: SourceRef, at: datetime) -> TokenStep:
        path = _path(ref.place, "refresh")
        if path is None:
            return _failed(message("pools.account_gone", pool=self.program.name), None)
        answer = await self._pool.post_json(path, None, at)
        self._outdated()
        took = answer.elapsed_seconds
        if isinstance(answer, Refused):
            if answer.status == 404:
                return _failed(message("pools.account_gone", pool=self.program.name), took)
            listed = await self._list(at)
            if isinstance(listed, Failure):
                return not_renewed(answer, listed)
            return _failed(may_be_renewed(self._advised(answer), answer), took)
        found = wire.parse_refresh(answer.body)
        if isinstance(found, Failure):
            return _failed(found, took)
        match found.result:
            case "alive":
                return TokenStep(TokenOutcome.REFRESHED, took)
            case "skipped":
                return renews_by_itself(took, found.why)
            case "dead":
                # for good, or for a reason that may pass
                step = _failed(found.why or message("pools.no_reason"), took, detail=REFUSED)
                if found.problem is None:
                    return step
                return replace(step, outcome=TokenOutcome.REJECTED_FOR_GOOD, problem=found.problem)
            case other if found.why is not None:
                return _failed(message("pools.result_because", result=other, why=found.why), took)
            case other:
                return _failed(message("pools.words", text=other), took)


def _failed(why: Failure | Message, took: float | None, detail: str | None = None) -> TokenStep:
    if isinstance(why, Message):
        why = Failure(FailureKind.TOKEN_REFRESH, why.code, why.arguments, detail=detail)
    return TokenStep(TokenOutcome.FAILED, took, failure=why, detail=detail, retry_at=why.retry_at)


def _told_to_wait(answer: Refused) -> Reply | None:
    """The answer that upstream gave to too many requests; the pool hands it on, or tells of it in a 502."""
    is_told = answer.status == 502 and wire.quota_failure(502, answer.body).kind is FailureKind.THROTTLED
    if answer.status != 429 and not is_told:
        return None
    return Reply(429, answer.headers, b"", None, answer.elapsed_seconds)


def _path(place: str, what: str) -> str | None:
    part = segment(place)
    return f"/auth/accounts/{part}/{what}" if part is not None else None
