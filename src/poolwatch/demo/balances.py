"""What was left of the demo's balances in the sixty days before it starts, for `poolwatch data import`.

It ends with what their services tell at the start, so that the lines of charts go on without a jump. The same
start gives the same past.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

import msgspec

from poolwatch.demo.account import DAY, HOUR, JsonObject, rfc3339
from poolwatch.demo.habits import DAYS
from poolwatch.demo.service import Credits
from poolwatch.demo.topups import REEF_BOUGHT, TEAM_BOUGHT

_CENTS: Final = 100
#: What is filled up at midnight UTC was read so long after it, and then at these hours.
_FILLED_READ: Final = 180
_HOURS: Final = (8, 11, 14, 17, 20, 22)
#: A purse was read this often; what went in between in cents, and what was bought when it was as low as that.
_APART: Final = 6 * HOUR
_TEAM: Final = (TEAM_BOUGHT, (20, 70), 2_500, 1_200)
_REEF: Final = (REEF_BOUGHT, (5, 30), 1_000, 150)


def balance_lines(start: float) -> bytes:
    """The past of all of them, a line for each reading, in order of time; `start` is the epoch second."""
    draw = Random("poolwatch-demo-balances")
    lines = [*_daily(start, draw), *_purse("team balance", *_TEAM, start, draw)]
    lines += _purse("reef balance", *_REEF, start, draw)
    lines.sort(key=lambda line: line[0])
    return msgspec.json.Encoder().encode_lines([line for _, line in lines])


def _daily(start: float, draw: Random) -> Iterator[tuple[float, JsonObject]]:
    """A hundred credits a day, of which some days use all."""
    last = start - start % DAY
    at_end = Credits(lambda: start, start, 1.0).left(start)
    for number in range(DAYS, -1, -1):
        midnight = last - number * DAY
        used = draw.uniform(30, 120)
        for hour in (0, *_HOURS):
            at = midnight + hour * HOUR + _FILLED_READ
            if number:
                left = max(0, 100 - round(used * hour / _HOURS[-1]))
            elif at < start:
                left = 100 - round((100 - at_end) * (at - midnight) / (start - midnight))
            else:
                continue
            yield at, _line("BrowserOS", "credits", str(left), at, midnight + DAY)
    yield start, _line("BrowserOS", "credits", str(at_end), start, last + DAY)


def _purse(
    name: str, end: int, used: tuple[int, int], bought: int, low: int, start: float, draw: Random
) -> Iterator[tuple[float, JsonObject]]:
    """Dollars that are used up bit by bit, and topped up when they are low; told from the end backwards."""
    left, at = end, start
    while at > start - DAYS * DAY:
        yield at, _line(name, "USD", f"{left / _CENTS:.2f}", at, None)
        at -= _APART
        # before it was topped up it was low
        is_after_top_up = left + used[1] >= low + bought and draw.random() < 0.5
        left = left - bought if is_after_top_up else left + draw.randint(*used)


def _line(name: str, unit: str, left: str, at: float, resets_at: float | None) -> JsonObject:
    told = {"source": name, "unit": unit, "remaining": left, "unlimited": None}
    told["resets_at"] = None if resets_at is None else rfc3339(resets_at)
    return {"at": rfc3339(at), "balance": told}
