"""Failures as values: what went wrong with a reading or a login, in a closed set of kinds."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.message import Arguments, Message, arguments_of


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
    #: the service has no such thing any more
    NOT_OFFERED = "not_offered"
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
    def of(cls, code: str | None) -> Refusal:
        """By the code that came with it; what nobody knows is about the account's rights."""
        word = (code or "").lower()
        if word in _PLACE_CODES:
            return cls.PLACE
        return cls.WORKSPACE if word in _WORKSPACE_CODES else cls.RIGHTS


#: The code of a sentence that is stored or told as it is, in its argument `text`.
AS_STORED: Final = "as_stored"


class Failure(Struct, frozen=True):
    """One failed attempt. The sentence for `code` and its arguments names what was tried, and no secret.

    `retry_at` is aware UTC, given where the other side said when to come back. `detail` names a
    path, host or code where there is one.
    """

    kind: FailureKind
    code: str
    arguments: Arguments = ()
    retry_at: datetime | None = None
    detail: str | None = None
    login_problem: LoginProblem | None = None

    @property
    def as_message(self) -> Message:
        """What a person is told of it, also as an argument of another message."""
        return Message(self.code, self.arguments)

    def since(self, at: datetime) -> Trouble:
        """The trouble that it is from then on."""
        return Trouble(self.kind, self.code, at, self.arguments, self.retry_at, self.detail)


class Trouble(Struct, frozen=True):
    """A failure that stands beside the last known status, and since when."""

    kind: FailureKind
    code: str
    since: datetime
    arguments: Arguments = ()
    retry_at: datetime | None = None
    detail: str | None = None

    @property
    def as_message(self) -> Message:
        """What a person is told of it."""
        return Message(self.code, self.arguments)


def failure(
    kind: FailureKind,
    code: str,
    *,
    retry_at: datetime | None = None,
    detail: str | None = None,
    login_problem: LoginProblem | None = None,
    **arguments: object,
) -> Failure:
    """A failure whose sentence has these arguments by name."""
    return Failure(kind, code, arguments_of(**arguments), retry_at, detail, login_problem)


def worded(
    kind: FailureKind,
    text: str,
    retry_at: datetime | None = None,
    detail: str | None = None,
    login_problem: LoginProblem | None = None,
) -> Failure:
    """A failure in words that are made already: those of an older store. Everybody else gives a code."""
    return Failure(kind, AS_STORED, (("text", text),), retry_at, detail, login_problem)
