"""Tokens of the simulated login service, and who holds which.

They are real in shape, derived from the seed, signed by nobody; refresh tokens are good once.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import msgspec

from poolwatch.demo.account import DAY, Account, JsonObject, RefreshVerdict

ACCESS_SECONDS = 864_000
"""Lifetime of a new access token: ten days, as the real service gives."""

CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
"""The public client id that every Codex login uses."""


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _refresh_token(account: Account, login: int, generation: int) -> str:
    return "rt_" + _segment(account.digest("refresh", account.index, login, generation))


def personal_token(account: Account) -> str:
    """A personal access token, which never expires and cannot be refreshed."""
    return "at-" + _segment(account.digest("personal", account.index))


def api_key(account: Account) -> str:
    """An API key; no usage endpoint knows it."""
    return "sk-demo-" + _segment(account.digest("key", account.index))


def _jwt(account: Account, issued: int, expires: int, claims: JsonObject) -> str:
    def since(days: int) -> str:
        return datetime.fromtimestamp(issued + days * DAY, UTC).isoformat()

    auth: JsonObject = {
        "chatgpt_account_id": account.account_id,
        "chatgpt_account_user_id": f"{account.user_id}__{account.account_id}",
        "chatgpt_plan_type": account.plan,
        "chatgpt_user_id": account.user_id,
        "user_id": account.user_id,
        "chatgpt_account_is_fedramp": False,
    }
    if account.personal and account.plan != "free":
        auth |= {
            "chatgpt_subscription_active_start": since(-12),
            "chatgpt_subscription_active_until": since(18),
            "chatgpt_subscription_last_checked": since(0),
        }
    claims = {
        "iss": "https://auth.openai.com",
        "exp": expires,
        "iat": issued,
        "sub": f"auth0|{account.user_id}",
        "https://api.openai.com/auth": auth,
    } | claims
    head = _segment(msgspec.json.encode({"alg": "RS256", "kid": "demo", "typ": "JWT"}))
    body = _segment(msgspec.json.encode(claims))
    return f"{head}.{body}.{_segment(account.digest('signature', head, body))}"


def _access_token(account: Account, login: int, generation: int, issued: int, expires: int) -> str:
    claims: JsonObject = {
        "aud": ["https://api.openai.com/v1"],
        "client_id": CLIENT_ID,
        "nbf": issued,
        "jti": account.digest("jti", account.index, login, generation).hex()[:32],
        "scp": ["openid", "profile", "email", "offline_access"],
        "https://api.openai.com/profile": {"email": account.email, "email_verified": True},
    }
    return _jwt(account, issued, expires, claims)


def _id_token(account: Account, issued: int) -> str:
    """An id token; it lives one hour and clients read it long after."""
    claims: JsonObject = {"aud": [CLIENT_ID], "email": account.email, "email_verified": True}
    return _jwt(account, issued, issued + 3_600, claims)


def fingerprint(token: str) -> str:
    """Twelve hexadecimal digits that tell tokens apart without showing them."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The tokens of one generation of one login; instants are epoch seconds."""

    access: str
    refresh: str
    identity: str
    issued: int
    expires: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token this is; `expires` is None for an access token that never does."""

    account: Account
    login: int
    generation: int
    expires: int | None


class Exchange(msgspec.Struct, frozen=True):
    """A login moved to its next tokens."""

    account: int
    login: int
    at: float


class RefusedError(Exception):
    """The token endpoint gives nothing."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class Tally:
    """What was asked of one account so far, and when its tokens were refreshed."""

    usage_gets: int = 0
    token_posts: int = 0
    refreshes: list[float] = field(default_factory=list)
    last_headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Grant:
    generation: int
    verdict: RefreshVerdict
    issued: int
    expires: int
    rejected_up_to: int


class Ledger:
    """Every token of the pool; `record` hears of each exchange before its reply can be sent."""

    def __init__(self, accounts: Sequence[Account], start: float, record: Callable[[Exchange], None]) -> None:
        self._accounts = accounts
        self._record = record
        self._bearers: dict[str, Holder] = {}
        self._refreshers: dict[str, Holder] = {}
        self._grants: dict[tuple[int, int], _Grant] = {}
        self.tallies = [Tally() for _ in accounts]
        for account in accounts:
            for number, login in enumerate(account.logins):
                if login.shape == "api_key":
                    continue
                if login.shape == "personal_token":
                    self._bearers[personal_token(account)] = Holder(account, number, 0, None)
                    continue
                expires = int(start) + login.access_seconds
                rejected = 0 if login.rejected else -1
                grant = _Grant(0, login.refresh, expires - ACCESS_SECONDS, expires, rejected)
                self._grants[account.index, number] = grant
                self._enter(account, number, grant)
                if login.spent:
                    # the live token is one that no file of this pool has seen
                    grant.generation = 1
                    self._refreshers[_refresh_token(account, number, 1)] = Holder(account, number, 1, None)

    def _enter(self, account: Account, login: int, grant: _Grant) -> TokenSet:
        found = self._token_set(account, login, grant, grant.generation)
        holder = Holder(account, login, grant.generation, grant.expires)
        self._bearers[found.access] = self._refreshers[found.refresh] = holder
        return found

    def _token_set(self, account: Account, login: int, grant: _Grant, generation: int) -> TokenSet:
        return TokenSet(
            access=_access_token(account, login, generation, grant.issued, grant.expires),
            refresh=_refresh_token(account, login, generation),
            identity=_id_token(account, grant.issued),
            issued=grant.issued,
            expires=grant.expires,
        )

    def in_file(self, account: Account, login: int) -> TokenSet:
        """The tokens for the files of a login: the newest, or the spent ones where that is the state."""
        grant = self._grants[account.index, login]
        spent = account.logins[login].spent and grant.generation == 1
        return self._token_set(account, login, grant, 0 if spent else grant.generation)

    def live_refresh_token(self, account: Account, login: int) -> str | None:
        """The one refresh token that would be accepted or refused by verdict; None where there is none."""
        grant = self._grants.get((account.index, login))
        return None if grant is None else _refresh_token(account, login, grant.generation)

    def bearer(self, token: str) -> Holder | None:
        """Whose access token this is."""
        return self._bearers.get(token)

    def rejected(self, bearer: Holder) -> bool:
        """Whether the token was revoked before its time."""
        grant = self._grants.get((bearer.account.index, bearer.login))
        return grant is not None and bearer.generation <= grant.rejected_up_to

    def refresher(self, token: str) -> Holder | None:
        """Whom a refresh token, live or spent, was issued to."""
        return self._refreshers.get(token)

    def exchange(self, token: str, now: float) -> TokenSet:
        """Spend a refresh token; the one that is returned replaces it for good.

        Raises:
            RefusedError: it is not one that the service takes.
        """
        found = self._refreshers.get(token)
        if found is None:
            raise RefusedError(400, "invalid_grant", "This refresh token was not issued here.")
        grant = self._grants[found.account.index, found.login]
        if found.generation != grant.generation:
            raise RefusedError(
                400, "refresh_token_reused", "This refresh token was already used. Sign in again."
            )
        if grant.verdict == "expired":
            raise RefusedError(401, "refresh_token_expired", "This refresh token has expired. Sign in again.")
        if grant.verdict == "invalidated":
            raise RefusedError(401, "refresh_token_invalidated", "This session was ended. Sign in again.")
        exchange = Exchange(found.account.index, found.login, now)
        self._record(exchange)
        return self.advance(exchange)

    def advance(self, exchange: Exchange) -> TokenSet:
        """Move a login to its next generation of tokens, as a successful exchange does."""
        account = self._accounts[exchange.account]
        grant = self._grants[exchange.account, exchange.login]
        if account.refresh_revokes:
            grant.rejected_up_to = grant.generation
        grant.generation += 1
        grant.issued = int(exchange.at)
        grant.expires = grant.issued + ACCESS_SECONDS
        self.tallies[exchange.account].refreshes.append(exchange.at)
        return self._enter(account, exchange.login, grant)

    def judge(
        self,
        account: Account,
        login: int,
        access: Literal["live", "rejected"] | None,
        refresh: RefreshVerdict | None,
    ) -> None:
        """Change what is thought of a login's present tokens; None leaves that half alone."""
        grant = self._grants[account.index, login]
        if access is not None:
            grant.rejected_up_to = grant.generation if access == "rejected" else -1
        if refresh is not None:
            grant.verdict = refresh
