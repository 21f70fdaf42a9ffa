"""What one simulated account is: identity, meters, credits, logins and the way it answers."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

Place = Literal["codex-homes", "pool", "cliproxy"]
Shape = Literal["codex", "cliproxy", "api_key", "personal_token"]
RefreshVerdict = Literal["live", "expired", "invalidated"]
Answer = Literal["normal", "edge_blocked", "throttled", "slow", "workspace_gone"]
SpendKind = Literal[
    "individual", "workspace_default", "group_default", "role_budget", "group_shared", "workspace_shared"
]

FIVE_HOURS = 18_000
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
        phase: 0..1, where in its rhythm of bursts the account stands.
        step: percent that one token refresh adds.
    """

    seconds: int
    used: float
    elapsed: float
    pace: float
    phase: float
    step: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit beside the base one (Spark, a reserve); without windows its `rate_limit` is null."""

    limit_name: str
    metered_feature: str
    model_slug: str | None
    windows: tuple[Meter | None, Meter | None] | None


@dataclass(frozen=True, slots=True)
class CreditLine:
    """The credits object; with `burn` the balance pays for what a full window no longer covers.

    Attributes:
        has_credits: a credit facility exists, which says nothing about the balance.
        unlimited: no balance applies.
        overage_reached: the overage limit was hit.
        balance: the text to serve at the start, in credits; it need not be a number.
        burn: credits per percent of consumption beyond a full window; None keeps the balance still.
    """

    has_credits: bool
    unlimited: bool
    overage_reached: bool
    balance: str | None
    burn: float | None = None


NO_CREDITS = CreditLine(has_credits=False, unlimited=False, overage_reached=False, balance="0")
NULL_CREDITS = CreditLine(has_credits=False, unlimited=False, overage_reached=False, balance=None)


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


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the simulated pool."""

    index: int
    state: str
    label: str
    group: str | None
    email: str
    user_id: str
    account_id: str
    personal: bool
    plan: str
    windows: tuple[Meter | None, Meter | None] | None
    logins: tuple[Login, ...]
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

    @property
    def api_key(self) -> bool:
        """Whether this login is an API key, which has no usage figures."""
        return self.logins[0].shape == "api_key"
