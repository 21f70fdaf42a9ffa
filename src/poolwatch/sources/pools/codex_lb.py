"""codex-lb: a pool that reads usage by itself and renews its tokens by itself; it is asked what it knows."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from poolwatch.domain.account import Listing, SourceRef
from poolwatch.domain.banked_resets import ResetLook
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import TokenStep
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import UNDATED, replace
from poolwatch.host.single_flight import SingleFlight
from poolwatch.host.threads import in_thread
from poolwatch.net.reply import Lost, NotSent, Reply
from poolwatch.net.reply import clock_offset as offset_of
from poolwatch.sources.pools import codex_lb_wire as wire
from poolwatch.sources.pools.client import Answered, PoolClient, Refused, json_bytes
from poolwatch.sources.pools.device_login import LbDeviceLogin
from poolwatch.sources.pools.listing import (
    ListingPool,
    PoolList,
    not_renewed,
    renews_by_itself,
    rows_left_out,
    unasked,
)
from poolwatch.sources.pools.routes import CODEX_LB, segment
from poolwatch.sources.pools.session import DashboardSession, KeyEntry
from poolwatch.sources.source import Directness, SourceSetup, UsageReading, is_by_hand
from poolwatch.sources.usage_endpoint import of_somebody_else

#: The pool is asked to read its usage anew at most this often, by all accounts together.
REFRESH_SPACING: Final = timedelta(minutes=1)


class CodexLb(ListingPool[wire.LbAccount]):
    """One running codex-lb.

    The dashboard's list, which alone knows credits, is asked for where its password is configured, or where
    nothing is: local callers may be let in freely. The API key opens the fleet summary, which tells how old
    its figures are, and the fleet refresh.
    """

    directness = Directness.KEPT
    program = CODEX_LB

    def __init__(self, setup: SourceSetup) -> None:
        super().__init__(setup)
        self._session = None
        if self._password.place is not None:
            self._session = DashboardSession(
                setup,
                self._refusals,
                CODEX_LB,
                "/api/dashboard-auth/password/login",
                "codex_lb_dashboard_session",
                wire.needs_code,
            )
        self._dashboard = PoolClient(setup, CODEX_LB, self._refusals, self._session)
        #: a fleet key alone opens no dashboard
        self.device_login: LbDeviceLogin | None = None
        if self._session is not None or self._key.place is None:
            self.device_login = LbDeviceLogin(self._dashboard)
        self._fleet = PoolClient(setup, CODEX_LB, self._refusals, KeyEntry(self._key))
        self._refreshes: SingleFlight[TokenStep] = SingleFlight()
        self._refreshed_at: datetime | None = None
        #: what became of that where the pool did not answer
        self._down: TokenStep | None = None

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """What the pool last read of the account; the pool is not made to read it anew."""
        latest = await self._lately(at)
        if isinstance(latest, Failure):
            return unasked(latest.as_message)
        account = latest.accounts.get(entry.ref.place)
        if account is None:
            return self._unlisted()
        trouble = wire.no_figures(account)
        if trouble is not None:
            if trouble.kind is FailureKind.NO_TOKEN:
                return unasked(trouble.as_message)
            return UsageReading(trouble, latest.raw, elapsed_seconds=latest.elapsed_seconds)
        usage = await self._with_banked(account, at) if latest.by_dashboard else account.usage
        then = min(account.usage_at - latest.pool_ahead, at) if account.usage_at is not None else UNDATED
        return UsageReading(usage, latest.raw, elapsed_seconds=latest.elapsed_seconds, at=then)

    async def token_step(self, ref: SourceRef, at: datetime) -> TokenStep:
        """Have the pool read all usage anew, at most once a minute; tokens it renews by itself."""
        return await self._refreshes.join("fleet", lambda: self._refresh(at))

    async def _list_now(self, at: datetime) -> PoolList[wire.LbAccount] | Failure:
        has_key = self._key.place is not None
        if self._session is None and has_key:
            found = await self._fleet_summary(at)
            return found if isinstance(found, Failure) else _lacking(found, message("pools.no_dashboard"))
        answer = await self._dashboard.get_json("/api/accounts", at)
        listed = await self._taken(answer, at, by_dashboard=True)
        if not has_key:
            no_key = message("pools.ages_unknown")
            return listed if isinstance(listed, Failure) else _lacking(listed, no_key)
        summary = await self._fleet_summary(at)
        if isinstance(listed, Failure):
            if isinstance(summary, Failure):
                return listed
            return _lacking(summary, message("pools.dashboard_shut", why=listed.as_message))
        if isinstance(summary, Failure):
            return listed
        # the dashboard does not say how old its figures are
        ages = {place: account.usage_at for place, account in summary.accounts.items()}
        accounts = {
            place: replace(account, usage_at=ages.get(place)) for place, account in listed.accounts.items()
        }
        return replace(listed, accounts=accounts)

    async def _fleet_summary(self, at: datetime) -> PoolList[wire.LbAccount] | Failure:
        answer = await self._fleet.get_json("/api/fleet/summary", at)
        found = await self._taken(answer, at, by_dashboard=False)
        if isinstance(found, Failure) or not any(each.hides_windows for each in found.accounts.values()):
            return found
        return replace(found, lacks=(wire.LIMITS_HIDDEN,))

    async def _taken(
        self, answer: Answered | Refused, at: datetime, *, by_dashboard: bool
    ) -> PoolList[wire.LbAccount] | Failure:
        self._note_version(answer, "x-app-version")
        if isinstance(answer, Refused):
            return self._advised(answer, by_dashboard=by_dashboard)
        parse = partial(wire.parse_accounts, answer.body, self.name, by_dashboard=by_dashboard)
        accounts = await in_thread(parse)
        if isinstance(accounts, Failure):
            return accounts
        ahead = timedelta(0)
        if answer.server_date is not None:
            ahead = offset_of(answer.server_date, at, answer.elapsed_seconds)
        return PoolList(
            accounts,
            ahead,
            rows_left_out(answer.body),
            by_dashboard=by_dashboard,
            raw=answer.raw,
            elapsed_seconds=answer.elapsed_seconds,
        )

    async def look_at_resets(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> ResetLook | Failure:
        """What the pool last read of the account, with the count of banked resets that it asks for now."""
        self._outdated()
        reading = await self.fetch_usage(entry, at, clock_offset)
        usage = reading.outcome
        if isinstance(usage, Failure):
            return usage
        return of_somebody_else(usage, entry) or ResetLook(usage, None, at)

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
        """Have the pool use a reset: it takes the one that ends first, and keeps to it for this request."""
        part = segment(entry.ref.place)
        if part is None:
            return NotSent(self._failure(FailureKind.NO_TOKEN, "pools.account_gone"))
        path = f"/api/accounts/{part}/rate-limit-reset-credits/consume"
        self._outdated()
        return await self._dashboard.post_once(path, json_bytes({"redeemRequestId": request_id}), at)

    def _advised(self, answer: Refused, *, by_dashboard: bool) -> Failure:
        """The failure, with what an operator can do about a pool that lets nobody in."""
        if answer.status != 401:
            return answer.failure
        place = (self._password if by_dashboard else self._key).place
        if not by_dashboard:
            code = "pools.lb_key_refused"
        elif answer.code == "bootstrap_required":
            code = "pools.dashboard_unset"
        elif answer.code == "totp_required":
            code = "pools.code_wanted"
        else:
            code = "pools.session_refused" if self._session is not None else "pools.login_wanted"
        return self._failure(answer.failure.kind, code, detail=place or answer.code, place=place)

    async def _with_banked(self, account: wire.LbAccount, at: datetime) -> UsageSnapshot:
        place = account.listing.ref.place
        part = segment(place)
        if part is None or account.status == wire.REAUTH_REQUIRED:
            return account.usage
        answer = await self._dashboard.get_json(f"/api/accounts/{part}/usage-reset-credits", at)
        body = None if isinstance(answer, Refused) else answer.body
        return wire.with_banked(account.usage, place, body)

    async def _refresh(self, at: datetime) -> TokenStep:
        if self._key.place is None:
            return renews_by_itself(said=message("pools.no_key_to_refresh"))
        last = self._refreshed_at
        if last is not None and timedelta(0) <= at - last < REFRESH_SPACING:
            if self._down is None:
                return renews_by_itself(said=message("pools.read_lately"))
            if not is_by_hand():
                return self._down
        self._refreshed_at, self._down = at, None
        answer = await self._fleet.post_json("/api/fleet/refresh", None, at)
        self._outdated()
        took = answer.elapsed_seconds
        if isinstance(answer, Refused):
            listed = await self._list(at)
            if isinstance(listed, Failure):
                self._down = not_renewed(answer, listed)
                return self._down
            return renews_by_itself(took, self._advised(answer, by_dashboard=False).as_message)
        return renews_by_itself(took, wire.fleet_refresh_trouble(answer.body))


def _lacking(found: PoolList[wire.LbAccount], what: Message) -> PoolList[wire.LbAccount]:
    return replace(found, lacks=(what, *found.lacks))
