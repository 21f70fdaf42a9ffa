"""The named accounts of the pool: every state an operator can meet, the most telling twelve first."""

from dataclasses import dataclass
from typing import TypedDict, Unpack

from poolwatch.demo import tokens
from poolwatch.demo.account import (
    DAY,
    FIVE_HOURS,
    MONTH,
    NO_CREDITS,
    NULL_CREDITS,
    WEEK,
    Account,
    Answer,
    Bucket,
    CreditLine,
    Login,
    Meter,
    SpendLimit,
)

_HOUR = 3_600
_LATELY = -3 * _HOUR


class Traits(TypedDict, total=False):
    """What may be said of an account beyond its name, plan and logins."""

    email: str
    group: str
    workspace: str
    windows: tuple[Meter | None, Meter | None] | None
    review: Meter | None
    buckets: tuple[Bucket, ...]
    credits: CreditLine
    spend: tuple[SpendLimit, ...]
    spend_stuck: str | None
    blocked_by: str | None
    contradicts: bool
    banked: int | None
    answer: Answer
    restarts_on_refresh: bool
    refresh_revokes: bool


def build(
    seed: int,
    index: int,
    state: str,
    label: str,
    plan: str,
    logins: tuple[Login, ...],
    **traits: Unpack[Traits],
) -> Account:
    """An account with the ids that belong to its e-mail and workspace; without a workspace it is personal."""
    email = traits.get("email", f"{label}@example.com")
    workspace = traits.get("workspace")
    return Account(
        index=index,
        state=state,
        label=label,
        group=traits.get("group"),
        email=email,
        user_id=tokens.user_id(seed, email),
        account_id=tokens.workspace_id(seed, workspace or f"personal:{email}"),
        personal=workspace is None,
        plan=plan,
        windows=traits.get("windows"),
        logins=logins,
        review=traits.get("review"),
        buckets=traits.get("buckets", ()),
        credits=traits.get("credits", NO_CREDITS),
        spend=traits.get("spend", ()),
        spend_stuck=traits.get("spend_stuck"),
        blocked_by=traits.get("blocked_by"),
        contradicts=traits.get("contradicts", False),
        banked=traits.get("banked", 0),
        answer=traits.get("answer", "normal"),
        restarts_on_refresh=traits.get("restarts_on_refresh", False),
        refresh_revokes=traits.get("refresh_revokes", False),
    )


def home(days: float = 6.5) -> tuple[Login, ...]:
    """A login in a Codex home whose access token is good for so many days."""
    return (Login(("codex-homes",), "codex", int(days * DAY)),)


def pool(days: float = 6.5) -> tuple[Login, ...]:
    """A login that the monitor itself may refresh, in an auth.json-shaped file."""
    return (Login(("pool",), "codex", int(days * DAY)),)


def pool_cliproxy(days: float = 6.5) -> tuple[Login, ...]:
    """A login that the monitor itself may refresh, in a CLIProxyAPI-shaped file."""
    return (Login(("pool",), "cliproxy", int(days * DAY)),)


def cliproxy(days: float = 6.5) -> tuple[Login, ...]:
    """A login that CLIProxyAPI keeps."""
    return (Login(("cliproxy",), "cliproxy", int(days * DAY)),)


def credit(
    balance: str | None, *, burn: float | None = None, overage: bool = False, unlimited: bool = False
) -> CreditLine:
    """A credit line of an account that has credits."""
    return CreditLine(True, unlimited, overage, balance, burn)


@dataclass(frozen=True, slots=True)
class Dials:
    """Meters whose bursts stand where the seed put them."""

    phase: float

    def window(self, seconds: int, used: float, left: float, pace: float, step: float = 1.2) -> Meter:
        """A window of that length with `left` simulated seconds to its reset."""
        return Meter(seconds, used, seconds - left, pace, self.phase, step)

    def short(self, used: float, minutes: float, pace: float = 95) -> Meter:
        """The five-hour window."""
        return self.window(FIVE_HOURS, used, minutes * 60, pace, 3.4)

    def week(self, used: float, hours: float, pace: float = 80) -> Meter:
        """The weekly window."""
        return self.window(WEEK, used, hours * _HOUR, pace)

    def month(self, used: float, hours: float, pace: float = 70) -> Meter:
        """The 30-day window."""
        return self.window(MONTH, used, hours * _HOUR, pace)


def dials(seed: int, index: int) -> Dials:
    """The dials of the account with that index."""
    return Dials(tokens.digest(seed, "phase", index)[0] / 256)


def _spark(d: Dials) -> Bucket:
    return Bucket("GPT-5.3-Codex-Spark", "codex_bengalfox", None, (d.short(12, 220, 60), d.week(64, 114, 60)))


def cast(seed: int) -> tuple[Account, ...]:
    """Every named account, in order; the first twelve make a believable small pool."""
    made: list[Account] = []

    def add(state: str, label: str, plan: str, logins: tuple[Login, ...], **traits: Unpack[Traits]) -> None:
        made.append(build(seed, len(made), state, label, plan, logins, **traits))

    def d() -> Dials:
        return dials(seed, len(made))

    payg = credit("1234.5600000000", burn=0.9)

    # the first twelve
    add(
        "credits",
        "alice",
        "pro",
        pool(),
        windows=(d().short(58, 72), d().week(23, 99)),
        credits=payg,
        banked=2,
    )
    add("exhausted_5h", "bob", "plus", home(4.2), windows=(d().short(100, 47, 180), d().week(71, 49)))
    add(
        "lapsed", "carol", "team", (Login(("pool",), "codex", _LATELY),),
        workspace="acme", windows=(d().short(12, 30), d().week(33, 97)),
    )  # fmt: skip
    add(
        "normal", "dev14", "team", home(8.1),
        group="team-east", workspace="team-east", windows=(d().short(9, 182), d().week(38, 9)),
    )  # fmt: skip
    add(
        "exhausted_weekly", "lee", "pro", pool(0.8), windows=(d().short(3, 290, 20), d().week(100, 44, 90)),
        credits=credit("12.5000000000", overage=True),
        restarts_on_refresh=True, banked=1,
    )  # fmt: skip
    add(
        "almost_full", "ops", "pro", pool(3), windows=(d().short(12, 62), d().week(98, 52, 60)),
        credits=credit("250.0000000000", burn=0.6),
    )  # fmt: skip
    null_balance = credit(None)
    add(
        "business_spend_control", "build", "business", pool(5), group="ci", workspace="acme", windows=None,
        credits=null_balance, banked=None,
        spend=(SpendLimit("individual", "50.00", d().month(62, 243, 160)),),
    )  # fmt: skip
    add(
        "weekly_in_primary", "dan", "free", home(2.5),
        windows=(d().week(21, 82), None), credits=NULL_CREDITS, banked=None,
    )  # fmt: skip
    add(
        "edge_blocked", "erin", "plus", home(7.3),
        windows=(d().short(40, 62), d().week(55, 34)), answer="edge_blocked",
    )  # fmt: skip
    add(
        "extra_buckets", "frank", "pro", cliproxy(5.5), windows=(d().short(22, 150), d().week(9, 150)),
        review=d().week(5, 139, 30),
        buckets=(_spark(d()), Bucket("no-window-bucket", "codex_other", None, None)),
        credits=credit("88.5000000000", burn=0.2),
    )  # fmt: skip
    add(
        "on_credits", "grace", "prolite", pool_cliproxy(9),
        windows=(d().short(100, 160, 240), d().week(46, 71)),
        credits=credit("394.7967250000", burn=0.35),
    )  # fmt: skip
    add(
        "refresh_token_reused", "pay", "self_serve_business_usage_based",
        (Login(("pool",), "codex", int(1.6 * DAY), spent=True),), workspace="pay", windows=None,
        credits=credit("-3.1000000000", overage=True),
    )  # fmt: skip

    # with the twelve above, every state of the wire
    add(
        "monthly",
        "hana",
        "go",
        home(6),
        windows=(d().month(33, 243), None),
        credits=NULL_CREDITS,
        banked=None,
    )
    add(
        "unlimited", "ivan", "enterprise", pool(7), workspace="acme", windows=None, banked=None,
        credits=credit(None, unlimited=True),
    )  # fmt: skip
    add(
        "expired_other", "judy", "plus", (Login(("cliproxy",), "cliproxy", _LATELY),),
        windows=(d().short(17, 100), d().week(52, 60)),
    )  # fmt: skip
    add(
        "expired_codex", "kent", "plus", (Login(("codex-homes",), "codex", _LATELY),),
        windows=(d().short(31, 140), d().week(44, 120)),
    )  # fmt: skip
    add(
        "throttled",
        "lena",
        "plus",
        cliproxy(4),
        windows=(d().short(8, 200), d().week(29, 88)),
        answer="throttled",
    )
    add(
        "slow", "mike", "edu", home(3.5), workspace="campus",
        windows=(d().short(26, 90), d().week(14, 130)), answer="slow",
    )  # fmt: skip
    add(
        "malformed_balance", "nora", "plus", pool(2), windows=(d().short(10, 200), d().week(10, 83)),
        credits=credit("12,5 credits"),
    )  # fmt: skip
    add("api_key", "ci-key", "unknown", (Login(("codex-homes",), "api_key", 0),), group="ci", windows=None)
    add(
        "personal_access_token", "olga", "enterprise", (Login(("codex-homes",), "personal_token", 0),),
        workspace="acme", windows=(d().short(19, 210), d().week(27, 120)),
    )  # fmt: skip
    add(
        "same_account_twice",
        "paul",
        "plus",
        (*home(6), *cliproxy(4)),
        windows=(d().short(66, 120), d().week(35, 77)),
    )
    add(
        "unknown_plan", "quinn", "galaxy_ultra_v9", pool(5),
        windows=(d().short(100, 15, 60), d().week(41, 55)),
        contradicts=True, spend_stuck="moon_budget",
    )  # fmt: skip
    full = d().month(259.4, 243, 90)
    add(
        "exhausted_spend_control", "sara", "enterprise_cbp_usage_based", pool(4), workspace="acme",
        windows=(None, None), credits=null_balance, banked=None,
        spend=(
            SpendLimit("individual", "100", full, "user"),
            SpendLimit("group_shared", "5000", d().month(82, 243, 30), None),
            SpendLimit("workspace_shared", "20000", d().month(56, 243, 30), None),
        ),
    )  # fmt: skip

    # the rarer ones
    add(
        "exhausted_credits", "rosa", "team", pool(3), workspace="team-east", group="team-east",
        windows=(d().short(100, 160, 240), d().week(83, 25)), blocked_by="workspace_member_credits_depleted",
    )  # fmt: skip
    add(
        "overage_reached", "uma", "plus", home(5), windows=(d().short(100, 90, 240), d().week(100, 48, 90)),
        credits=credit("0.4075000000", overage=True),
    )  # fmt: skip
    add("no_windows", "toni", "edu", home(5), workspace="campus", windows=(None, None), credits=NULL_CREDITS)
    add(
        "two_workspaces", "carol-east", "team", pool(6), email="carol@example.com", workspace="team-east",
        windows=(d().short(5, 250), d().week(12, 140)),
    )  # fmt: skip
    add(
        "refresh_token_expired", "vera", "plus", (Login(("pool",), "codex", 2 * DAY, refresh="expired"),),
        windows=(d().short(47, 130), d().week(61, 90)),
    )  # fmt: skip
    add(
        "refresh_token_invalidated", "walt", "plus",
        (Login(("pool",), "cliproxy", _LATELY, refresh="invalidated"),),
        windows=(d().short(21, 95), d().week(18, 66)),
    )  # fmt: skip
    add(
        "access_token_rejected", "xena", "pro", (Login(("pool",), "codex", 5 * DAY, rejected=True),),
        windows=(d().short(70, 40), d().week(48, 30)), refresh_revokes=True,
    )  # fmt: skip
    add(
        "workspace_gone", "yuri", "team", home(6), workspace="old-team",
        windows=(d().short(2, 120), d().week(4, 30)), answer="workspace_gone",
    )  # fmt: skip
    add(
        "shared_refresh_token", "zoe", "plus", (Login(("pool", "cliproxy"), "cliproxy", 5 * DAY),),
        windows=(d().short(36, 170), d().week(57, 40)),
    )  # fmt: skip
    return tuple(made)
