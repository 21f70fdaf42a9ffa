"""What one simulated account is: identity, meters, credits, logins and the way it answers."""

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal, TypeAlias

JsonObject: TypeAlias = dict[str, object]
Place = Literal["codex-homes", "pool", "cliproxy"]
Shape = Literal["codex", "cliproxy", "api_key", "personal_token"]
RefreshVerdict = Literal["live", "expired", "invalidated"]
Answer = Literal["normal", "edge_blocked", "throttled", "slow", "workspace_gone"]
SpendKind = Literal[
    "individual", "workspace_default", "group_default", "role_budget", "group_shared", "workspace_shared"
]

FIVE_HOURS = 18_000
HOUR = 3_600
DAY = 86_400
WEEK = 604_800
MONTH = 2_592_000


@dataclass(frozen=True, slots=True)
class Meter:
    """One usage window as it stands when the simulation starts.

    Attributes:
        seconds: length of the window, as the payload names it.
        used: percent used at the start; above 100 means consumption went on past the limit.
        elapsed: simulated seconds since this window began, at the start.
        pace: percent consumed in one whole window.
        step: percent that one token refresh adds.
    """

    seconds: int
    used: float
    elapsed: float
    pace: float
    step: float = 1.2


Windows: TypeAlias = tuple[Meter | None, Meter | None] | None
"""The primary and the secondary window; None where the payload has a null for both together."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit beside the base one (Spark, a reserve); without windows its `rate_limit` is null."""

    limit_name: str
    metered_feature: str
    windows: Windows


@dataclass(frozen=True, slots=True)
class CreditLine:
    """The credits object; with `burn` the balance pays for what a full window no longer covers.

    Attributes:
        balance: the text to serve at the start, in credits; it need not be a number.
        burn: credits per percent of consumption beyond a full window; None keeps the balance still.
        hourly: credits that go in an hour besides.
        overage_reached: the overage limit was hit.
        unlimited: no balance applies.
        has_credits: a credit facility exists, which says nothing about the balance.
    """

    balance: str | None
    burn: float | None = None
    hourly: float = 0.0
    overage_reached: bool = False
    unlimited: bool = False
    has_credits: bool = True


NO_CREDITS = CreditLine("0", has_credits=False)
NULL_CREDITS = CreditLine(None, has_credits=False)


@dataclass(frozen=True, slots=True)
class SpendLimit:
    """One monthly cap in credits; `meter` is how much of it is gone."""

    kind: SpendKind
    limit: str
    meter: Meter
    source: str | None = "workspace_spend_controls"


@dataclass(frozen=True, slots=True)
class Login:
    """One login of an account and the files that hold it.

    Attributes:
        places: the folders with a file of this login; two places hold the very same tokens.
        shape: the file format.
        access_seconds: validity of the access token at the start, negative when it is past.
        refresh: what the token endpoint says about the live refresh token.
        spent: the refresh token in the files was used elsewhere.
        rejected: the access token was revoked although it has not expired.
    """

    places: tuple[Place, ...]
    shape: Shape
    access_seconds: int
    refresh: RefreshVerdict = "live"
    spent: bool = False
    rejected: bool = False


@dataclass(frozen=True)
class Account:
    """One account of the simulated pool; without a workspace it is personal.

    Attributes:
        person: whose e-mail address it has, where that is not its label.
    """

    state: str
    label: str
    plan: str
    logins: tuple[Login, ...]
    group: str | None = None
    person: str | None = None
    workspace: str | None = None
    windows: Windows = None
    review: Meter | None = None
    buckets: tuple[Bucket, ...] = ()
    credits: CreditLine = NO_CREDITS
    spend: tuple[SpendLimit, ...] = ()
    spend_stuck: str | None = None
    blocked_by: str | None = None
    contradicts: bool = False
    banked: int | None = 0
    answer: Answer = "normal"
    restarts_on_refresh: bool = False
    refresh_revokes: bool = False
    seed: int = 0
    index: int = 0

    def digest(self, *parts: object) -> bytes:
        """Thirty-two bytes that depend on the seed of the pool and the parts alone."""
        text = "\x00".join(str(part) for part in parts)
        return hmac.digest(f"poolwatch-demo:{self.seed}".encode(), text.encode(), hashlib.sha256)

    @property
    def email(self) -> str:
        """The person's address."""
        return f"{self.person or self.label}@example.com"

    @property
    def personal(self) -> bool:
        """Whether it belongs to nobody's workspace."""
        return self.workspace is None

    @cached_property
    def user_id(self) -> str:
        """The person's id; the same for every workspace of one e-mail address."""
        return "user-Demo" + self.digest("user", self.email).hex()[:20]

    @cached_property
    def account_id(self) -> str:
        """The id (a UUID) of the workspace or of the person's own account."""
        name = self.workspace or f"personal:{self.email}"
        return str(uuid.UUID(bytes=self.digest("workspace", name)[:16], version=4))

    @cached_property
    def phase(self) -> float:
        """0..1: where in its rhythm of bursts the account stands."""
        return self.digest("phase", self.index)[0] / 256

    @property
    def api_key(self) -> bool:
        """Whether this login is an API key, which has no usage figures."""
        return self.logins[0].shape == "api_key"


def rfc3339(at: float) -> str:
    """An epoch second as text, in UTC."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
