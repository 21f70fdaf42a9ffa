"""The whole pool for a seed and a size: every state an operator can meet, then a realistic mix."""

from dataclasses import replace
from random import Random

from poolwatch.demo.account import (
    DAY,
    FIVE_HOURS,
    HOUR,
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
    Place,
    RefreshVerdict,
    Shape,
    SpendLimit,
    Windows,
)

MOST_ACCOUNTS = 20_000

_PLANS = ("plus", "pro", "team", "business", "free", "go", "prolite", "enterprise", "edu")
_PLAN_WEIGHTS = (40, 20, 16, 5, 5, 4, 4, 3, 3)
_PEOPLE = (
    "adam", "amir", "anna", "bela", "boris", "celia", "chen", "clara", "daria", "diego", "edith",
    "emil", "esra", "fatma", "felix", "gina", "hugo", "ines", "iris", "jonas", "kai", "katja",
    "lars", "lina", "luca", "maria", "mara", "nils", "noor", "omar", "petra", "raj", "remy", "ruth",
    "samir", "sofia", "tara", "theo", "tom", "ursula", "viktor", "wanda", "yara", "zack",
)  # fmt: skip
_TEAMS = (("east", "team-east"), ("west", "team-west"), ("ci", "ci"), ("lab", "lab"))

TEAM_RULES = tuple((f"{prefix}-*", group) for prefix, group in _TEAMS)
"""Globs on labels and the group that they stand for."""


def _login(
    place: Place,
    days: float = 6.5,
    shape: Shape | None = None,
    refresh: RefreshVerdict = "live",
    *,
    spent: bool = False,
    rejected: bool = False,
) -> tuple[Login, ...]:
    """The one login of an account, in one place; its access token is good for so many days."""
    shape = shape or ("cliproxy" if place == "cliproxy" else "codex")
    return (Login((place,), shape, int(days * DAY), refresh, spent, rejected),)


def _short(used: float, minutes: float, pace: float = 95) -> Meter:
    """The five-hour window with so many minutes to its reset."""
    return Meter(FIVE_HOURS, used, FIVE_HOURS - minutes * 60, pace, step=3.4)


def _week(used: float, hours: float, pace: float = 80) -> Meter:
    return Meter(WEEK, used, WEEK - hours * HOUR, pace)


def _month(used: float, hours: float, pace: float = 70) -> Meter:
    return Meter(MONTH, used, MONTH - hours * HOUR, pace)


_LATELY = -3 / 24
_NULL_BALANCE = CreditLine(None)
_SPARK = Bucket("GPT-5.3-Codex-Spark", "codex_bengalfox", (_short(12, 220, 60), _week(64, 22, 70)))

# fmt: off
_CAST = (
    # the first twelve
    Account(
        "credits", "alice", "pro", _login("pool"), windows=(_short(58, 72), _week(23, 99, 53)),
        credits=CreditLine("1234.5600000000", burn=0.9, hourly=41), banked=2,
    ),
    Account(
        "exhausted_5h", "bob", "plus", _login("codex-homes", 4.2),
        windows=(_short(100, 47, 180), _week(71, 49)),
    ),
    Account(
        "lapsed", "carol", "team", _login("pool", _LATELY),
        workspace="acme", windows=(_short(12, 30), _week(33, 97)),
    ),
    Account(
        "normal", "dev14", "team", _login("codex-homes", 8.1),
        group="team-east", workspace="team-east", windows=(_short(9, 182), _week(38, 9, 56)),
    ),
    Account(
        "exhausted_weekly", "lee", "pro", _login("pool", 0.8),
        windows=(_short(3, 290, 20), _week(100, 44, 90)), restarts_on_refresh=True, banked=1,
        credits=CreditLine("12.5000000000", overage_reached=True),
    ),
    Account(
        "almost_full", "ops", "pro", _login("pool", 3), windows=(_short(12, 62), _week(98, 52, 130)),
        credits=CreditLine("250.0000000000", burn=0.6),
    ),
    Account(
        "business_spend_control", "build", "business", _login("pool", 5), group="ci", workspace="acme",
        credits=_NULL_BALANCE, banked=None,
        spend=(SpendLimit("individual", "50.00", _month(62, 243, 160)),),
    ),
    Account(
        "weekly_in_primary", "dan", "free", _login("codex-homes", 2.5),
        windows=(_week(21, 14, 17), None), credits=NULL_CREDITS, banked=None,
    ),
    Account(
        "edge_blocked", "erin", "plus", _login("codex-homes", 7.3),
        windows=(_short(40, 190), _week(55, 41, 106)), answer="edge_blocked",
    ),
    Account(
        "extra_buckets", "frank", "pro", _login("cliproxy", 5.5),
        windows=(_short(22, 127), _week(62, 73, 100)), review=_week(5, 139, 30),
        buckets=(_SPARK, Bucket("no-window-bucket", "codex_other", None)),
        credits=CreditLine("88.5000000000", burn=0.2, hourly=6),
    ),
    Account(
        "on_credits", "grace", "prolite", _login("pool", 9, "cliproxy"),
        windows=(_short(100, 68, 240), _week(46, 85, 83)),
        credits=CreditLine("394.7967250000", burn=0.25),
    ),
    Account(
        "refresh_token_reused", "pay", "self_serve_business_usage_based",
        _login("pool", 1.6, spent=True), workspace="pay",
        credits=CreditLine("-3.1000000000", overage_reached=True),
    ),

    # with the twelve above, every state of the wire
    Account(
        "monthly", "hana", "go", _login("codex-homes", 6),
        windows=(_month(33, 243), None), credits=NULL_CREDITS, banked=None,
    ),
    Account(
        "unlimited", "ivan", "enterprise", _login("pool", 7), workspace="acme", banked=None,
        credits=CreditLine(None, unlimited=True),
    ),
    Account(
        "expired_other", "judy", "plus", _login("cliproxy", _LATELY),
        windows=(_short(17, 100), _week(52, 60)),
    ),
    Account(
        "expired_codex", "kent", "plus", _login("codex-homes", _LATELY),
        windows=(_short(31, 140), _week(44, 120)),
    ),
    Account(
        "throttled", "lena", "plus", _login("cliproxy", 4),
        windows=(_short(8, 200), _week(29, 88)), answer="throttled",
    ),
    Account(
        "slow", "mike", "edu", _login("codex-homes", 3.5), workspace="campus",
        windows=(_short(26, 90), _week(14, 130)), answer="slow",
    ),
    Account(
        "malformed_balance", "nora", "plus", _login("pool", 2), windows=(_short(10, 200), _week(10, 83)),
        credits=CreditLine("12,5 credits"),
    ),
    Account("api_key", "ci-key", "unknown", _login("codex-homes", 0, "api_key"), group="ci"),
    Account(
        "personal_access_token", "olga", "enterprise", _login("codex-homes", 0, "personal_token"),
        workspace="acme", windows=(_short(19, 210), _week(27, 120)),
    ),
    Account(
        "same_account_twice", "paul", "plus", (*_login("codex-homes", 6), *_login("cliproxy", 4)),
        windows=(_short(66, 120), _week(35, 77)),
    ),
    Account(
        "unknown_plan", "quinn", "galaxy_ultra_v9", _login("pool", 5),
        windows=(_short(100, 15, 60), _week(41, 55)),
        contradicts=True, spend_stuck="moon_budget",
    ),
    Account(
        "exhausted_spend_control", "sara", "enterprise_cbp_usage_based", _login("pool", 4), workspace="acme",
        windows=(None, None), credits=_NULL_BALANCE, banked=None,
        spend=(
            SpendLimit("individual", "100", _month(259.4, 243, 90), "user"),
            SpendLimit("group_shared", "5000", _month(82, 243, 30), None),
            SpendLimit("workspace_shared", "20000", _month(56, 243, 30), None),
        ),
    ),

    # the rarer ones
    Account(
        "exhausted_credits", "rosa", "team", _login("pool", 3), workspace="team-east", group="team-east",
        windows=(_short(100, 160, 240), _week(83, 25)), blocked_by="workspace_member_credits_depleted",
    ),
    Account(
        "overage_reached", "uma", "plus", _login("codex-homes", 5),
        windows=(_short(100, 90, 240), _week(100, 48, 90)),
        credits=CreditLine("0.4075000000", overage_reached=True),
    ),
    Account(
        "no_windows", "toni", "edu", _login("codex-homes", 5), workspace="campus",
        windows=(None, None), credits=NULL_CREDITS,
    ),
    Account(
        "two_workspaces", "carol-east", "team", _login("pool", 6), person="carol", workspace="team-east",
        windows=(_short(5, 250), _week(12, 140)),
    ),
    Account(
        "refresh_token_expired", "vera", "plus", _login("pool", 2, refresh="expired"),
        windows=(_short(47, 130), _week(61, 90)),
    ),
    Account(
        "refresh_token_invalidated", "walt", "plus",
        _login("pool", _LATELY, "cliproxy", refresh="invalidated"),
        windows=(_short(21, 95), _week(18, 66)),
    ),
    Account(
        "access_token_rejected", "xena", "pro", _login("pool", 5, rejected=True),
        windows=(_short(70, 40), _week(48, 30)), refresh_revokes=True,
    ),
    Account(
        "workspace_gone", "yuri", "team", _login("codex-homes", 6), workspace="old-team",
        windows=(_short(2, 120), _week(4, 30)), answer="workspace_gone",
    ),
    Account(
        "shared_refresh_token", "zoe", "plus", (Login(("pool", "cliproxy"), "cliproxy", 5 * DAY),),
        windows=(_short(36, 170), _week(57, 40)),
    ),
)
# fmt: on


def _logins(draw: Random) -> tuple[Login, ...]:
    seconds = int(draw.uniform(1.5, 9.8) * DAY)
    chance = draw.random()
    if chance < 0.03:
        seconds = -int(draw.uniform(0.2, 60) * HOUR)
    elif chance < 0.08:
        seconds = int(draw.uniform(2, 22) * HOUR)
    place = draw.random()
    if place < 0.4:
        return (Login(("codex-homes",), "codex", seconds),)
    if place < 0.8:
        # an expired login here was spent by another program, or the monitor would just renew it
        return (Login(("pool",), draw.choice(("codex", "cliproxy")), seconds, spent=seconds < 0),)
    return (Login(("cliproxy",), "cliproxy", seconds),)


def _used(draw: Random) -> float:
    return round(100 * draw.betavariate(1.3, 2.2), 1)


def _credits(draw: Random, plan: str) -> CreditLine:
    if plan == "business":
        return _NULL_BALANCE
    if plan in ("free", "go"):
        return NULL_CREDITS
    if draw.random() > 0.15:
        return NO_CREDITS
    return CreditLine(f"{draw.lognormvariate(5, 1.3):.6f}0000", burn=0.4)


def _ordinary(seed: int, index: int, nth: int) -> Account:
    draw = Random(f"poolwatch-demo/{seed}/{index}")
    plan = draw.choices(_PLANS, _PLAN_WEIGHTS)[0]
    weekly = _week(_used(draw), draw.uniform(1, 167), draw.uniform(30, 120))
    short = _short(_used(draw), draw.uniform(5, 299), draw.uniform(40, 160))
    full = draw.random()
    if full < 0.12:
        short = _short(100, draw.uniform(5, 200), draw.uniform(140, 260))
    elif full < 0.19:
        weekly = _week(100, draw.uniform(1, 100), draw.uniform(90, 140))
    windows: Windows = (short, weekly)
    spend: tuple[SpendLimit, ...] = ()
    banked = draw.choice((0, 0, 0, 0, 1, 2))
    if plan == "free":
        windows = (weekly, None)
    elif plan == "go":
        windows = (_month(_used(draw), draw.uniform(10, 700), draw.uniform(30, 110)), None)
    elif plan == "business":
        windows = None
        cap = draw.choice(("50.00", "200.00", "400.00"))
        spend = (SpendLimit("individual", cap, _month(_used(draw), 243)),)
    credits = _credits(draw, plan)
    review = None
    if plan == "pro" and draw.random() < 0.3:
        review = _week(_used(draw) / 2, draw.uniform(5, 160), 30)
    answer: Answer = "edge_blocked" if draw.random() < 0.01 else "normal"
    group = workspace = None
    if plan in ("team", "business", "enterprise", "edu"):
        prefix, group = draw.choice(_TEAMS)
        label, workspace = f"{prefix}-{index:03d}", f"{group}/{plan}"
    else:
        # the first round of people goes by bare names, the next ones are numbered
        turn, who = divmod(nth, len(_PEOPLE))
        label = _PEOPLE[who] if turn == 0 else f"{_PEOPLE[who]}{turn + 1}"
    return Account(
        "mixed", label, plan, _logins(draw), group=group, workspace=workspace, windows=windows, review=review,
        credits=credits, spend=spend, answer=answer, seed=seed, index=index,
        banked=None if plan in ("free", "go", "business") else banked,
    )  # fmt: skip


def accounts(seed: int, count: int) -> tuple[Account, ...]:
    """The first `count` accounts of the pool with this seed; a larger pool begins like a smaller one.

    The first twelve make a believable small pool.
    """
    named = tuple(replace(account, seed=seed, index=index) for index, account in enumerate(_CAST[:count]))
    return named + tuple(_ordinary(seed, index, index - len(_CAST)) for index in range(len(_CAST), count))
