"""What the operator chose about how things are shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from msgspec import Struct, field

from poolwatch.domain.overview import PoolRules
from poolwatch.presentation.view import Shown


class SortKey(StrEnum):
    """Orders of the wall; `need` comes with sections."""

    NEED = "need"
    NAME = "name"
    WEEKLY = "weekly"
    FIVE_HOURS = "5h"
    CREDITS = "credits"
    RESET = "reset"
    AGE = "age"


class Grouping(StrEnum):
    """What the rows of the hive stand for."""

    SOURCE = "source"
    GROUP = "group"
    PLAN = "plan"


class Prefs(Struct, frozen=True):
    """Judgement and looks: rules, used or left, masking, and the zone that instants are drawn in."""

    rules: PoolRules = field(default_factory=PoolRules)
    shown: Shown = Shown.USED
    mask: bool = False
    zone: tzinfo = UTC
    #: what the server's clock, by which things are judged, is ahead of our own, by which ages are told
    clock_offset: timedelta = timedelta(0)
    #: the configuration that the command line named; a pasted command has to name it again
    config: str | None = None
    #: whether a refresh has codex renew the logins that are its own
    delegates: bool = True
    #: whether keys are at hand: where they are not, a remedy names the command in their place
    keys: bool = True
    #: poolwatch's own folder of logins; only what lies there can be removed by a command
    own_logins: str | None = None

    def own(self, now: datetime) -> datetime:
        """Our own clock at the server's `now`."""
        return now - self.clock_offset
