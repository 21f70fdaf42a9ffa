"""How the first twelve accounts lived in the sixty days before the simulation starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DAYS: Final = 60
LAPSED_HOURS: Final = 4
"""The login that has lapsed was read so long ago for the last time."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A week: a digit for each hour of a day, how much is done in it."""

    workday: str
    weekend: str

    def weight(self, weekday: int, hour: int) -> int:
        """Of an hour; Monday is weekday 0."""
        return int((self.workday if weekday < 5 else self.weekend)[hour])


OFFICE: Final = Rhythm("000000014898368984310000", "0" * 24)
EVENING: Final = Rhythm("100000000000123445678753", "210000000012344455566543")
EVERY_DAY: Final = Rhythm("110000000134544445556643", "110000000013444445556643")
ROUND_THE_CLOCK: Final = Rhythm("333333334566666666554433", "333333333444555554444333")


class Cut(StrEnum):
    """What ended one window of an account long before its reset."""

    BANKED_RESET = "banked_reset"
    PLAN_CHANGE = "plan_change"


@dataclass(frozen=True, slots=True)
class Habit:
    """How an account is used.

    Attributes:
        rhythm: its week.
        whole: percent that it would use of its longest window in an ordinary length of it.
        spread: how much that differs from window to window, as a share.
        short: percent of the five-hour window for each percent of the long one.
        cut: what once ended a window of its own before its time.
        plan_before: its plan until then.
        holiday_days: how long it was once left alone.
        unused_days: since when nothing is used any more.
        hourly: credits that go in an hour of use.
        most_credits: beyond this nobody tops up.
        lately: a top-up so many seconds before the end, and its credits.
    """

    rhythm: Rhythm
    whole: float = 60
    spread: float = 0.2
    short: float = 8
    cut: Cut | None = None
    plan_before: str | None = None
    holiday_days: int = 0
    unused_days: int = 0
    hourly: float = 0
    most_credits: int = 0
    lately: tuple[int, int] | None = None


HABITS: Final[Mapping[str, Habit]] = {
    "alice": Habit(
        OFFICE, 62, 0.15, cut=Cut.BANKED_RESET, hourly=41, most_credits=2_400, lately=(9_780, 500)
    ),
    "bob": Habit(EVENING, 92, 0.15, short=17),
    "carol": Habit(OFFICE, 70, 0.15, cut=Cut.PLAN_CHANGE, plan_before="plus"),
    "dev14": Habit(OFFICE, 40, 0.1),
    "lee": Habit(EVERY_DAY, 130, 0.15, short=7),
    "ops": Habit(ROUND_THE_CLOCK, 106, 0.05, hourly=1.5, most_credits=900),
    "build": Habit(OFFICE, 84),
    "dan": Habit(EVENING, 22, 0.15),
    "erin": Habit(OFFICE, 76, 0.12, holiday_days=10),
    "frank": Habit(ROUND_THE_CLOCK, 97, 0.04, short=6, hourly=6, most_credits=600),
    "grace": Habit(EVERY_DAY, 86, 0.08, short=10, hourly=12, most_credits=900),
    "pay": Habit(EVENING, hourly=0.4, unused_days=38),
}
"""By label; nobody else has a past."""
