"""Who holds which token: issuing, single-use rotation, rejection, and what each account was asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from poolwatch.demo import tokens
from poolwatch.demo.account import Account, RefreshVerdict

_REMEMBERED_REFRESHES = 64


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The tokens of one generation of one login; instants are epoch seconds."""

    access: str
    refresh: str
    identity: str
    issued: int
    expires: int


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose access token a request carried; `expires` is None for a token that never does."""

    account: int
    login: int
    generation: int
    expires: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the token endpoint gives nothing."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A refresh token was spent and these are its successors."""

    account: int
    login: int
    tokens: TokenSet


@dataclass(slots=True)
class Tally:
    """What was asked of one account so far, and its latest token refreshes."""

    usage_gets: int = 0
    token_posts: int = 0
    refresh_count: int = 0
    refreshes: tuple[float, ...] = ()
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

    def __init__(
        self, seed: int, accounts: Sequence[Account], start: float, record: Callable[[int, int, float], None]
    ) -> None:
        self._seed = seed
        self._accounts = accounts
        self._record = record
        self._bearers: dict[str, Bearer] = {}
        self._refreshers: dict[str, tuple[int, int, int]] = {}
        self._grants: dict[tuple[int, int], _Grant] = {}
        self.tallies = [Tally() for _ in accounts]
        for account in accounts:
            for number, login in enumerate(account.logins):
                if login.shape == "api_key":
                    continue
                if login.shape == "personal_token":
                    self._bearers[tokens.personal_token(seed, account)] = Bearer(
                        account.index, number, 0, None
                    )
                    continue
                expires = int(start) + login.access_seconds
                grant = _Grant(
                    generation=0,
                    verdict=login.refresh,
                    issued=expires - tokens.ACCESS_SECONDS,
                    expires=expires,
                    rejected_up_to=0 if login.rejected else -1,
                )
                self._grants[account.index, number] = grant
                self._enter(account, number, grant)
                if login.spent:
                    # the live token is one that no file of this pool has seen
                    grant.generation = 1
                    self._refreshers[tokens.refresh_token(seed, account, number, 1)] = (
                        account.index,
                        number,
                        1,
                    )

    def _enter(self, account: Account, login: int, grant: _Grant) -> TokenSet:
        found = self._token_set(account, login, grant)
        self._bearers[found.access] = Bearer(account.index, login, grant.generation, grant.expires)
        self._refreshers[found.refresh] = (account.index, login, grant.generation)
        return found

    def _token_set(self, account: Account, login: int, grant: _Grant) -> TokenSet:
        number = grant.generation
        return TokenSet(
            access=tokens.access_token(self._seed, account, login, number, grant.issued, grant.expires),
            refresh=tokens.refresh_token(self._seed, account, login, number),
            identity=tokens.id_token(self._seed, account, grant.issued),
            issued=grant.issued,
            expires=grant.expires,
        )

    def in_file(self, account: Account, login: int) -> TokenSet:
        """The tokens for the files of a login: the newest, or the spent ones where that is the state."""
        grant = self._grants[account.index, login]
        if account.logins[login].spent and grant.generation == 1:
            stale = _Grant(0, grant.verdict, grant.issued, grant.expires, grant.rejected_up_to)
            return self._token_set(account, login, stale)
        return self._token_set(account, login, grant)

    def live_refresh_token(self, account: Account, login: int) -> str | None:
        """The one refresh token that would be accepted or refused by verdict; None where there is none."""
        grant = self._grants.get((account.index, login))
        return None if grant is None else tokens.refresh_token(self._seed, account, login, grant.generation)

    def bearer(self, token: str) -> Bearer | None:
        """Whose access token this is."""
        return self._bearers.get(token)

    def rejected(self, bearer: Bearer) -> bool:
        """Whether the token was revoked before its time."""
        grant = self._grants.get((bearer.account, bearer.login))
        return grant is not None and bearer.generation <= grant.rejected_up_to

    def owner_of_refresh(self, token: str) -> int | None:
        """The index of the account that a refresh token, live or spent, was issued to."""
        found = self._refreshers.get(token)
        return None if found is None else found[0]

    def exchange(self, token: str, now: float) -> Exchanged | Refused:
        """Spend a refresh token; the one that is returned replaces it for good."""
        found = self._refreshers.get(token)
        if found is None:
            return Refused(400, "invalid_grant", "This refresh token was not issued here.")
        index, login, generation = found
        grant = self._grants[index, login]
        if generation != grant.generation:
            return Refused(400, "refresh_token_reused", "This refresh token was already used. Sign in again.")
        if grant.verdict == "expired":
            return Refused(401, "refresh_token_expired", "This refresh token has expired. Sign in again.")
        if grant.verdict == "invalidated":
            return Refused(401, "refresh_token_invalidated", "This session was ended. Sign in again.")
        self._record(index, login, now)
        return Exchanged(index, login, self.advance(index, login, now))

    def advance(self, index: int, login: int, now: float) -> TokenSet:
        """Move a login to its next generation of tokens, as a successful exchange does."""
        account = self._accounts[index]
        grant = self._grants[index, login]
        if account.refresh_revokes:
            grant.rejected_up_to = grant.generation
        grant.generation += 1
        grant.issued = int(now)
        grant.expires = int(now) + tokens.ACCESS_SECONDS
        tally = self.tallies[index]
        tally.refresh_count += 1
        tally.refreshes = (*tally.refreshes, now)[-_REMEMBERED_REFRESHES:]
        return self._enter(account, login, grant)

    def renewable(self, index: int, login: int) -> bool:
        """Whether this login has tokens that rotate."""
        return (index, login) in self._grants

    def judge(
        self,
        index: int,
        login: int,
        access: Literal["live", "rejected"] | None,
        refresh: RefreshVerdict | None,
    ) -> None:
        """Change what is thought of a login's present tokens; None leaves that half alone."""
        grant = self._grants[index, login]
        if access is not None:
            grant.rejected_up_to = grant.generation if access == "rejected" else -1
        if refresh is not None:
            grant.verdict = refresh
