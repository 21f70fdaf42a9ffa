"""codex-lb: a pool that reads usage by itself and renews its tokens by itself; it is asked what it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from poolwatch.domain.account import Listing, SourceRef
from poolwatch.domain.failure import AS_STORED, Failure, FailureKind
from poolwatch.domain.instant import UNDATED
from poolwatch.domain.refresh import TokenStep
from poolwatch.domain.remake import replace
from poolwatch.domain.text import visible_or_none
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.host.single_flight import SingleFlight
from poolwatch.host.threads import in_thread
from poolwatch.net.reply import clock_offset as offset_of
from poolwatch.sources.pools.client import Answered, Refused, no_auth
from poolwatch.sources.pools.codex_lb_wire import (
    LIMITS_HIDDEN,
    PAUSED,
    REAUTH_REQUIRED,
    LbAccount,
    fleet_refresh_trouble,
    needs_code,
    no_figures,
    parse_accounts,
    parse_fleet,
    with_banked,
)
from poolwatch.sources.pools.keys import key_place, password_place
from poolwatch.sources.pools.listing import (
    ListingPool,
    not_renewed,
    renews_by_itself,
    rows_left_out,
    unasked,
)
from poolwatch.sources.pools.routes import CODEX_LB as POOL
from poolwatch.sources.pools.routes import (
    CODEX_LB_DASHBOARD_ROUTES,
    CODEX_LB_KEY_ROUTES,
    CODEX_LB_LOGIN,
    segment,
)
from poolwatch.sources.pools.session import NOT_SENT_AGAIN, dashboard_session, entering, key_headers
from poolwatch.sources.source import Directness, PoolReport, SourceSetup, UsageReading
from poolwatch.words.messages import failure_text

#: The pool is asked to read its usage anew at most this often, by all accounts together.
REFRESH_SPACING: Final = timedelta(minutes=1)
_VERSION_LENGTH: Final = 40


@dataclass(frozen=True, slots=True)
class _List:
    """The pool's accounts; `raw` is the answer that they stand in, as text where somebody looks at it."""

    accounts: Mapping[str, LbAccount]
    raw: str | None
    elapsed_seconds: float
    #: what the pool's clock is ahead of ours
    pool_ahead: timedelta
    by_dashboard: bool


class CodexLb(ListingPool[_List]):
    """One running codex-lb.

    The dashboard's list, which alone knows credits, is asked for where its password is configured, or where
    nothing is: local callers may be let in freely. The API key opens the fleet summary, which tells how old
    its figures are, and the fleet refresh.
    """

    directness = Directness.KEPT

    def __init__(self, setup: SourceSetup) -> None:
        super().__init__(setup)
        self._key_place = key_place(setup.settings, setup.home)
        self._password_place = password_place(setup.settings, setup.home)
        self._session = dashboard_session(
            setup, self._door, POOL, CODEX_LB_LOGIN, "codex_lb_dashboard_session", needs_code
        )
        self._dashboard = entering(
            setup, self._door, POOL, CODEX_LB_DASHBOARD_ROUTES, self._session or no_auth
        )
        self._fleet = entering(setup, self._door, POOL, CODEX_LB_KEY_ROUTES, key_headers(setup))
        self._refreshes: SingleFlight[TokenStep] = SingleFlight()
        self._refreshed_at: datetime | None = None
        self._version: str | None = None
        #: why the dashboard did not let poolwatch in when the key did
        self._shut: str | None = None

    async def fetch_usage(
        self, entry: Listing, at: datetime, clock_offset: timedelta = timedelta(0)
    ) -> UsageReading:
        """What the pool last read of the account; the pool is not made to read it anew."""
        latest = await self._lately(at)
        if isinstance(latest, Failure):
            return unasked(failure_text(latest))
        account = latest.accounts.get(entry.ref.place)
        if account is None:
            return unasked(f"{POOL} does not know this account any more")
        trouble = no_figures(account)
        if trouble is not None:
            if trouble.kind is FailureKind.NO_TOKEN:
                return unasked(failure_text(trouble))
            return UsageReading(trouble, latest.raw, elapsed_seconds=latest.elapsed_seconds)
        usage = await self._with_banked(account, at) if latest.by_dashboard else account.usage
        then = min(account.usage_at - latest.pool_ahead, at) if account.usage_at is not None else UNDATED
        return UsageReading(usage, latest.raw, elapsed_seconds=latest.elapsed_seconds, at=then)

    async def token_step(self, ref: SourceRef, at: datetime) -> TokenStep:
        """Have the pool read all usage anew, at most once a minute; tokens it renews by itself."""
        return await self._refreshes.join("fleet", lambda: self._refresh(at))

    async def report(self, at: datetime) -> PoolReport | Failure:
        """How the pool is, for people who look for what is wrong."""
        listed = await self._list(at)
        if isinstance(listed, Failure):
            return listed
        lacks = [*await self._key_warnings(), *((self.left_out,) if self.left_out is not None else ())]
        if not listed.by_dashboard:
            why = self._shut or "set dashboard_password_file"
            lacks.append(f"credits and banked resets are unknown: {why}")
        if self._key_place is None:
            lacks.append(
                "how old figures are is unknown, after r too: "
                "set api_key_file, so that the pool tells, and can be asked to look anew"
            )
        if any(account.hides_windows for account in listed.accounts.values()):
            lacks.append(LIMITS_HIDDEN)
        need_login = sum(account.status == REAUTH_REQUIRED for account in listed.accounts.values())
        return PoolReport(POOL, self._version, len(listed.accounts), need_login, tuple(lacks))

    async def _list_now(self, at: datetime) -> _List | Failure:
        if self._session is None and self._key_place is not None:
            summary = await self._fleet.get_list("/api/fleet/summary", at)
            return await self._kept(summary, at, by_dashboard=False)
        answer = await self._dashboard.get_list("/api/accounts", at)
        found = await self._kept(answer, at, by_dashboard=True)
        if self._key_place is None:
            return found
        summary = await self._fleet.get_list("/api/fleet/summary", at)
        if isinstance(found, Failure):
            self._shut = failure_text(found)
            by_key = await self._kept(summary, at, by_dashboard=False)
            return found if isinstance(by_key, Failure) else by_key
        self._shut = None
        dated = await in_thread(partial(parse_fleet, summary.body)) if isinstance(summary, Answered) else ()
        if not isinstance(dated, Failure):
            ages = {account.id: account.usage_at for account in dated}
            accounts = {
                place: replace(account, usage_at=ages.get(place)) for place, account in found.accounts.items()
            }
            found = replace(found, accounts=accounts)
        return found

    async def _kept(self, answer: Answered | Refused, at: datetime, *, by_dashboard: bool) -> _List | Failure:
        version = visible_or_none(answer.headers.get("x-app-version"), _VERSION_LENGTH)
        self._version = version or self._version
        if isinstance(answer, Refused):
            return self._advised(answer, by_dashboard=by_dashboard)
        parse = parse_accounts if by_dashboard else parse_fleet
        rows = await in_thread(partial(parse, answer.body))
        if isinstance(rows, Failure):
            return rows
        ahead = timedelta(0)
        if answer.server_date is not None:
            ahead = offset_of(answer.server_date, at, answer.elapsed_seconds)
        accounts = {account.id: account for account in rows}
        self.left_out = rows_left_out(answer.body)
        # each account of the list has it as its own answer
        raw = await in_thread(lambda: answer.raw) if self._shows_raw else None
        return _List(accounts, raw, answer.elapsed_seconds, ahead, by_dashboard)

    def _advised(self, answer: Refused, *, by_dashboard: bool) -> Failure:
        """The failure, with what an operator can do about a pool that lets nobody in."""
        failure = answer.failure
        if answer.status != 401:
            return failure
        place = self._password_place if by_dashboard else self._key_place
        if not by_dashboard:
            words = (
                f"{POOL} does not accept the API key in {place} (401): create one in its dashboard; "
                f"{NOT_SENT_AGAIN}"
            )
        elif answer.code == "bootstrap_required":
            words = (
                f"{POOL} lets no other machine in before its dashboard has a password (401): "
                "set one there, or an API key here (api_key_file)"
            )
        elif answer.code == "totp_required":
            words = (
                f"{POOL} wants a one-time code, which poolwatch cannot give (401): "
                "create an API key there and set api_key_file"
            )
        elif self._session is not None:
            words = f"{POOL} does not accept its own dashboard session (401)"
        else:
            words = f"{POOL} wants a login (401): set api_key_file, dashboard_password_file, or both"
        return replace(failure, code=AS_STORED, arguments=(("text", words),), detail=place or answer.code)

    def _listings(self, found: _List) -> tuple[Listing, ...]:
        return tuple(
            account.listing(self.name, POOL, disabled=PAUSED, login_needed=REAUTH_REQUIRED)
            for account in found.accounts.values()
        )

    async def _with_banked(self, account: LbAccount, at: datetime) -> UsageSnapshot:
        part = segment(account.id)
        if part is None or account.status == REAUTH_REQUIRED:
            return account.usage
        answer = await self._dashboard.get_json(f"/api/accounts/{part}/usage-reset-credits", at)
        if isinstance(answer, Refused):
            return account.usage
        return with_banked(account.usage, account.id, answer.body)

    async def _refresh(self, at: datetime) -> TokenStep:
        if self._key_place is None:
            return renews_by_itself(detail="no API key is configured: the pool reads usage when it likes")
        last = self._refreshed_at
        if last is not None and timedelta(0) <= at - last < REFRESH_SPACING:
            return renews_by_itself(detail="the pool read all usage less than a minute ago")
        self._refreshed_at = at
        answer = await self._fleet.post_json("/api/fleet/refresh", None, at)
        self._outdated()
        if isinstance(answer, Refused):
            listed = await self._list(at)
            if isinstance(listed, Failure):
                return not_renewed(answer, listed)
            advised = failure_text(self._advised(answer, by_dashboard=False))
            return renews_by_itself(answer.elapsed_seconds, advised)
        return renews_by_itself(answer.elapsed_seconds, fleet_refresh_trouble(answer.body))
