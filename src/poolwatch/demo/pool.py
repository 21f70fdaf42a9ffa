"""The whole pool for a seed and a size: the named accounts first, then a realistic mix."""

from random import Random

from poolwatch.demo.account import DAY, MONTH, NULL_CREDITS, WEEK, Account, CreditLine, Login, SpendLimit
from poolwatch.demo.cast import Dials, Traits, build, cast, credit, dials

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
_HOUR = 3_600

TEAM_RULES = tuple((f"{prefix}-*", group) for prefix, group in _TEAMS)
"""Globs on labels and the group that they stand for."""


def _logins(draw: Random) -> tuple[Login, ...]:
    seconds = int(draw.uniform(1.5, 9.8) * DAY)
    chance = draw.random()
    if chance < 0.03:
        seconds = -int(draw.uniform(0.2, 60) * _HOUR)
    elif chance < 0.08:
        seconds = int(draw.uniform(2, 22) * _HOUR)
    place = draw.random()
    if place < 0.4:
        return (Login(("codex-homes",), "codex", seconds),)
    if place < 0.8:
        # an expired login here was spent by another program, or the monitor would just renew it
        return (Login(("pool",), draw.choice(("codex", "cliproxy")), seconds, spent=seconds < 0),)
    return (Login(("cliproxy",), "cliproxy", seconds),)


def _used(draw: Random) -> float:
    return round(100 * draw.betavariate(1.3, 2.2), 1)


def _credits(draw: Random, plan: str) -> CreditLine | None:
    if plan in ("free", "go"):
        return NULL_CREDITS
    if draw.random() > 0.15:
        return None
    balance = f"{draw.lognormvariate(5, 1.3):.6f}0000"
    return credit(balance, burn=0.4)


def _traits(draw: Random, meters: Dials, plan: str) -> Traits:
    weekly = meters.week(_used(draw), draw.uniform(1, 167), draw.uniform(30, 120))
    short = meters.short(_used(draw), draw.uniform(5, 299), draw.uniform(40, 160))
    full = draw.random()
    if full < 0.12:
        short = meters.short(100, draw.uniform(5, 200), draw.uniform(140, 260))
    elif full < 0.19:
        weekly = meters.week(100, draw.uniform(1, 100), draw.uniform(90, 140))
    traits: Traits = {"windows": (short, weekly), "banked": draw.choice((0, 0, 0, 0, 1, 2))}
    if plan == "free":
        traits |= {"windows": (weekly, None), "banked": None}
    elif plan == "go":
        monthly = meters.window(MONTH, _used(draw), draw.uniform(10, 700) * _HOUR, draw.uniform(30, 110))
        traits |= {"windows": (monthly, None), "banked": None}
    elif plan == "business":
        cap = SpendLimit(
            "individual", draw.choice(("50.00", "200.00", "400.00")), meters.month(_used(draw), 243)
        )
        null = credit(None)
        traits |= {"windows": None, "spend": (cap,), "credits": null, "banked": None}
    if "credits" not in traits and (line := _credits(draw, plan)) is not None:
        traits["credits"] = line
    if plan == "pro" and draw.random() < 0.3:
        traits["review"] = meters.window(WEEK, _used(draw) / 2, draw.uniform(5, 160) * _HOUR, 30)
    if draw.random() < 0.01:
        traits["answer"] = "edge_blocked"
    return traits


def _ordinary(seed: int, index: int, nth: int) -> Account:
    draw = Random(f"poolwatch-demo/{seed}/{index}")
    plan = draw.choices(_PLANS, _PLAN_WEIGHTS)[0]
    traits = _traits(draw, dials(seed, index), plan)
    if plan in ("team", "business", "enterprise", "edu"):
        prefix, group = draw.choice(_TEAMS)
        label = f"{prefix}-{index:03d}"
        traits |= {"group": group, "workspace": f"{group}/{plan}"}
    else:
        # the first round of people goes by bare names, the next ones are numbered
        turn, who = divmod(nth, len(_PEOPLE))
        label = _PEOPLE[who] if turn == 0 else f"{_PEOPLE[who]}{turn + 1}"
    return build(seed, index, "mixed", label, plan, _logins(draw), **traits)


def accounts(seed: int, count: int) -> tuple[Account, ...]:
    """The first `count` accounts of the pool with this seed; a larger pool begins like a smaller one."""
    named = cast(seed)
    mixed = (_ordinary(seed, index, index - len(named)) for index in range(len(named), count))
    return named[:count] + tuple(mixed)
