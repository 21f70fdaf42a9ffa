"""Failures as values: what went wrong with a reading or a login, in a closed set of kinds."""

from enum import StrEnum

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
    REFRESH_EXPIRED = "refresh_expired"
    AMBIGUOUS = "ambiguous"
    SAID_BY_POOL = "said_by_pool"
    UNUSABLE_FILE = "unusable_file"


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
