"""Who an account is, who keeps its login, and the opaque box for secrets."""

import hashlib
from enum import StrEnum
from typing import Final, NoReturn

from msgspec import Struct

from poolwatch.domain.instant import Instant


class Secret:
    """A token or key that cannot be shown by accident.

    It has no readable repr or str, cannot be pickled, and is unwrapped by `reveal()` only
    where it is sent or written to the credential file it belongs to.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """The secret itself: call this only in the expression that sends or stores it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # the first screen compares no secrets

        return hmac.compare_digest(
            self._value.encode("utf-8", "surrogatepass"), other._value.encode("utf-8", "surrogatepass")
        )

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never serialised")


class Custody(StrEnum):
    """Who may spend the refresh token of a login; poolwatch spends only its own."""

    POOLWATCH = "poolwatch"
    POOL = "pool"
    CODEX = "codex"
    OTHER = "other"
    STATIC = "static"


#: A merged account shows the custody under which a refresh will act: the first of these present.
CUSTODY_ORDER: Final = (Custody.POOLWATCH, Custody.POOL, Custody.CODEX, Custody.OTHER, Custody.STATIC)


class LoginKind(StrEnum):
    """What kind of credential an account signs in with."""

    OAUTH = "oauth"
    PERSONAL_ACCESS_TOKEN = "personal_access_token"  # noqa: S105 - the name of a kind, not a token
    API_KEY = "api_key"
    AGENT_IDENTITY = "agent_identity"
    KEYRING = "keyring"

    @property
    def has_usage(self) -> bool:
        """Whether usage figures can be asked for with it."""
        return self is _OAUTH or self is _PERSONAL


# every account is asked whenever anything changes, and to look up a member of an enum takes as long as a call
_OAUTH: Final = LoginKind.OAUTH
_PERSONAL: Final = LoginKind.PERSONAL_ACCESS_TOKEN

#: Ids that were asked for; a dictionary in each key would take as much as the key.
_ids: Final["dict[AccountKey, str]"] = {}
#: More accounts than any pool has; then all are forgotten, and made again.
_IDS_KEPT: Final = 16_384


class AccountKey(Struct, frozen=True, cache_hash=True, omit_defaults=True):
    """Identity of one account: provider, user id, account id; or source and place when an id is missing."""

    provider: str
    user_id: str = ""
    account_id: str = ""
    source: str = ""
    place: str = ""

    @property
    def is_full(self) -> bool:
        """Whether both ids are known, so that two sources can speak of the same account."""
        return bool(self.user_id and self.account_id)

    @property
    def id(self) -> str:
        """The public id: first 16 hex digits of SHA-256, stable over runs and machines."""
        known = _ids.get(self)
        if known is not None:
            return known
        parts = (self.provider, self.user_id, self.account_id) if self.is_full else (self.source, self.place)
        made = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if len(_ids) >= _IDS_KEPT:
            _ids.clear()
        return _ids.setdefault(self, made)


class SourceRef(Struct, frozen=True, gc=False, omit_defaults=True):
    """Where one source keeps one account; `place` is unique and stable within the source."""

    source: str
    place: str


class TokenFacts(Struct, frozen=True, gc=False, omit_defaults=True):
    """What may be said of a login's tokens: instants in UTC and keyed fingerprints, never a token."""

    expires_at: Instant | None = None
    last_refresh: Instant | None = None
    fingerprint: str | None = None
    refresh_fingerprint: str | None = None


class Listing(Struct, frozen=True, gc=False, omit_defaults=True):
    """One account as one source lists it. Texts are already sanitised; it holds no secret."""

    ref: SourceRef
    provider: str = "codex"
    user_id: str | None = None
    account_id: str | None = None
    email: str | None = None
    #: the folder's name for homes found by a glob
    folder: str | None = None
    #: the label the pool itself gives
    label: str | None = None
    #: the plan said by the login, which may lag up to one access token's life
    plan: str | None = None
    custody: Custody = Custody.OTHER
    login: LoginKind = LoginKind.OAUTH
    token: TokenFacts = TokenFacts()
    #: the program that owns the login, in words for people ("Codex", "CLIProxyAPI")
    owner: str = ""
    #: the file, as shown to people (with ~); None for pools
    path: str | None = None
    #: the CODEX_HOME of the login, as shown to people
    home: str | None = None
    disabled: bool = False
    #: an automatic renewal will follow an expired access token
    renews_itself: bool = False
    #: the source itself says that only a new login helps
    says_login_needed: bool = False
    #: the source itself says that it can use the login as it is
    says_login_works: bool = False
    #: a file that is there but cannot be used, in words ("not readable: permission denied")
    problem: str | None = None
    subscription_until: Instant | None = None
    subscription_checked_at: Instant | None = None
    #: the workspace's name, where the source knows it
    workspace: str | None = None

    @property
    def polled(self) -> bool:
        """Whether usage is ever asked for: API keys have none, disabled and broken logins are left alone."""
        return self.login.has_usage and not self.disabled and self.problem is None
