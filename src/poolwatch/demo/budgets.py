"""The budgets of the simulated pool: limits that fit what its session files cost.

They are written once the files are, for before that nobody knows what those come to.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from poolwatch.demo.truth import QUARTER, Cell, Spent, Truth

#: In dollars: what a budget has spent when the pool opens, of its limit.
_TEAM_SPENT: Final = 0.92
_FAST_SPENT: Final = 0.45
#: Their month began so many days ago, so that it ends in about ten.
_DAYS_IN: Final = 20
_FAST: Final = "fast"
#: A fast request costs so many times as much, and one of long context twice its input, 1.5 times its output.
_FAST_TIMES: Final = 2.0
_LONG_INPUT: Final = 2.0
_LONG_OUTPUT: Final = 1.5
#: Of these nobody tells what a long request costs that is fast.
_NEVER_FAST_AND_LONG: Final = frozenset({"gpt-5.4", "gpt-5.5"})


class _Price(NamedTuple):
    """Dollars for a million tokens; `long`: long requests cost more."""

    input: float
    cached: float
    cache_write: float
    output: float
    long: bool = True
    fast: float = _FAST_TIMES


#: Those that the models of the session files have by now.
_PRICES: Final[Mapping[str, _Price]] = {
    "gpt-6-sol": _Price(2, 0.2, 2.5, 10),
    "gpt-6.1-terra": _Price(1, 0.05, 1.25, 5),
    "gpt-5.6-sol": _Price(4, 0.4, 5, 20),
    "gpt-6-luna": _Price(0.1, 0.01, 0.125, 0.5),
    "gpt-5.5": _Price(5, 0.5, 5, 30, fast=2.5),
    "gpt-5.4": _Price(2.5, 0.25, 2.5, 15),
    "gpt-6-astra": _Price(10, 1, 12.5, 50),
    "gpt-5.3-codex": _Price(1.75, 0.175, 1.75, 14, long=False),
    "gpt-5.3-codex-spark": _Price(0, 0, 0, 0, long=False),
    "codex-auto-review": _Price(0.2, 0.02, 0.25, 1.2),
}


def cost_of(cell: Cell, spent: Spent) -> float:
    """What requests cost, in dollars; what nobody tells a price of costs nothing."""
    price = _PRICES.get(cell.model or "")
    is_long, is_fast = cell.long_context, cell.tier == _FAST
    if price is None or (is_long and is_fast and cell.model in _NEVER_FAST_AND_LONG):
        return 0.0
    use, into, out = spent.use, 1.0, 1.0
    if is_long and price.long:
        into, out = _LONG_INPUT, _LONG_OUTPUT
    plain = max(0, use.input - use.cached - use.cache_write)
    taken = plain * price.input + use.cached * price.cached + use.cache_write * price.cache_write
    dollars = (taken * into + use.output * price.output * out) / 1e6
    return dollars * price.fast if is_fast else dollars


def _cost(truths: Sequence[Truth], since: float, counts: Callable[[Cell], bool] = lambda _: True) -> float:
    return sum(
        cost_of(cell, spent)
        for truth in truths
        for cell, spent in truth.cells.items()
        if cell.quarter * QUARTER >= since and counts(cell)
    )


def budgets_of(truths: Sequence[Truth], start: float) -> str:
    """The tables of a pool that began then, for its configuration; "" where its files cost nothing."""
    # by this machine's clock, as poolwatch has it where no time zone is set
    first = (datetime.fromtimestamp(start).astimezone() - timedelta(days=_DAYS_IN)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    since = first.replace(tzinfo=None).timestamp()
    team = _cost(truths, since)
    fast = _cost(truths, since, lambda cell: cell.tier == _FAST)
    if team < 1:
        return ""
    lines = [
        "# what the files of this pool cost so far was known when this was written",
        "[[budgets]]",
        'name = "team"',
        f'limit = "${_limit(team / _TEAM_SPENT)}"',
        'period = "monthly"',
        f"starts_on = {first.day}",
        'at_limit = "stop"',
        'grace = "10%"',
        "",
    ]
    if fast >= 1:
        lines += [
            "[[budgets]]",
            'name = "fast"',
            'filter = "tier:fast"',
            f'limit = "${_limit(fast / _FAST_SPENT)}"',
            'period = "monthly"',
            f"starts_on = {first.day}",
            "",
        ]
    return "\n".join(lines)


def _limit(dollars: float) -> str:
    """Whole dollars where they are as good as any."""
    return f"{dollars:.0f}" if dollars >= 50 else f"{dollars:.2f}"
