"""Failures as values: what went wrong with a reading or a login, in a closed set of kinds."""

from enum import Enum, StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.instant import Instant


class FailureKind(StrEnum):
    """Every way in which a reading or a token step can fail."""

    EDGE_BLOCKED = "edge_blocked"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    NOT_THE_SERVICE = "not_the_service"
    MALFORMED = "malformed"
    FORBIDDEN = "forbidden"
    UPSTREAM_ERROR = "upstream_error"
    DEACTIVATION_REPORTED = "deactivation_reported"
    TOKEN_REFRESH = "token_refresh"  # noqa: S105 - the name of a kind, not a token
    BLOCKED = "blocked"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    #: the new login waits in poolwatch's state directory, because its file changed meanwhile
    KEPT = "kept"
    OTHER_ACCOUNT = "other_account"
    #: the pool that was asked has none of the account
    NO_FIGURES = "no_figures"
    #: a 401: it rejects the access token that was sent, and is no trouble of its own
    UNAUTHORIZED = "unauthorized"
    #: no access token at hand that could be sent
    NO_TOKEN = "no_token"  # noqa: S105 - the name of a kind, not a token


class LoginProblem(StrEnum):
    """Why a login needs a person or another program."""

    EXPIRED = "expired"
    REJECTED = "rejected"
    INVALIDATED = "invalidated"
    USED_ELSEWHERE = "used_elsewhere"
    #: poolwatch itself spent the token since, so what lies in the file is an older copy
    OUTDATED = "outdated"
    REFRESH_EXPIRED = "refresh_expired"
    AMBIGUOUS = "ambiguous"
    SAID_BY_POOL = "said_by_pool"
    UNUSABLE_FILE = "unusable_file"


#: Codes of a refusal that speak of where the question comes from, not of who asks.
_PLACE_CODES: Final = frozenset(
    {
        "unsupported_country_region_territory",
        "unsupported_country",
        "unsupported_region",
        "unsupported_territory",
        "unsupported_location",
        "country_not_supported",
        "region_not_supported",
        "ip_not_authorized",
        "ip_not_allowed",
        "ip_blocked",
    }
)
#: Codes that refuse the workspace that was asked for.
_WORKSPACE_CODES: Final = frozenset({"invalid_workspace_selected", "workspace_not_found"})


class Refusal(Enum):
    """What a refused reading is about."""

    RIGHTS = "rights"
    PLACE = "place"
    WORKSPACE = "workspace"

    @classmethod
    def of(cls, code: str | None) -> "Refusal":
        """By the code that came with it; what nobody knows is about the account's rights."""
        word = (code or "").lower()
        if word in _PLACE_CODES:
            return cls.PLACE
        return cls.WORKSPACE if word in _WORKSPACE_CODES else cls.RIGHTS


class Failure(Struct, frozen=True, gc=False, omit_defaults=True):
    """One failed attempt. `message` is short, sanitised, holds no secret and names what was tried.

    `retry_at` is aware UTC, given where the other side said when to come back. `detail` names a
    path, host or code where there is one.
    """

    kind: FailureKind
    message: str
    retry_at: Instant | None = None
    detail: str | None = None
    login_problem: LoginProblem | None = None


class Trouble(Struct, frozen=True, gc=False, omit_defaults=True):
    """A failure that stands beside the last known status, and since when."""

    kind: FailureKind
    message: str
    since: Instant
    retry_at: Instant | None = None
    detail: str | None = None
