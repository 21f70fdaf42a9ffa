"""Alerts: rules, what they found, how that goes on, and what keeps it quiet."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum

from msgspec import Struct

from poolwatch.domain.message import Message


class Severity(StrEnum):
    """How much an alert matters; what is critical goes through quiet hours."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class BuiltIn(StrEnum):
    """The rules that poolwatch has by itself, by their names. An `[[alerts]]` of that name replaces one."""

    NEEDS_YOU = "needs_you"
    #: the pool may be empty before anybody is back
    RUNS_DRY = "runs_dry"
    #: a budget has reached one of its `warn_at`, or its limit
    BUDGET = "budget"
    CREDITS_LOW = "credits_low"
    SOURCE_DOWN = "source_down"
    BANKED_RESET_ENDS = "banked_reset_ends"
    LOGIN_ENDS = "login_ends"


class Phase(StrEnum):
    """How an alert stands. What nobody can tell is unknown, and never resolved by that."""

    INACTIVE = "inactive"
    #: its condition holds, not yet long enough
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


class SubjectKind(StrEnum):
    """What an alert is about."""

    ACCOUNT = "account"
    SOURCE = "source"
    BUDGET = "budget"
    POOL = "pool"


class Subject(Struct, frozen=True):
    """Whom or what an alert is about: an account by its id, a source or a budget by its name.

    Of a budget that each has for himself, `part` is whose.
    """

    kind: SubjectKind
    id: str = ""
    part: str | None = None


class QuietHours(Struct, frozen=True):
    """A time of each day, by the clock of the machine, when notices are held; it may run over midnight."""

    begins: time
    ends: time


class Rule(Struct, frozen=True):
    """One rule as it is configured, or one that is there by default.

    `when` is a filter of accounts, `event:KIND` or `budget:NAME>=90`; `clear` ends it, unset when the figure
    has gone 5 points back. `repeat_every` None tells it once.
    """

    name: str
    when: str
    held_for: timedelta = timedelta(0)
    clear: str | None = None
    repeat_every: timedelta | None = None
    severity: Severity = Severity.WARNING
    channels: tuple[str, ...] = ()
    quiet_hours: QuietHours | None = None
    #: poolwatch has it by itself; its name is a code, for which `words` has the text
    built_in: bool = False


class Alert(Struct, frozen=True):
    """What a rule found of one subject, in one window or episode. Instants aware UTC.

    `episode` is our own id of the window, or, without a window, a number that counts. `cause` says what was
    found, in the words of the moment it fired. `told_at` is when a notice of it was last made,
    `again_at` when the next is due.
    """

    rule: str
    subject: Subject
    episode: str
    phase: Phase
    since: datetime
    severity: Severity = Severity.WARNING
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    cause: Message | None = None
    told_at: datetime | None = None
    again_at: datetime | None = None
    channels: tuple[str, ...] = ()
    #: the source that is down and speaks for it
    muted_by: str | None = None
    #: quiet hours hold its notice until then
    held_until: datetime | None = None


class Silence(Struct, frozen=True):
    """Notices of a rule that somebody does not want until `until`, None: until he ends it.

    `subject` None is every subject of the rule.
    """

    rule: str
    at: datetime
    by: str
    until: datetime | None = None
    reason: str = ""
    subject: Subject | None = None

    def covers(self, rule: str, subject: Subject, now: datetime) -> bool:
        """Whether it keeps that quiet now."""
        is_of = self.rule == rule and self.subject in (None, subject)
        return is_of and (self.until is None or now < self.until)


class AlertBoard(Struct, frozen=True):
    """All alerts that fire, wait or have lately ended, and the silences; `at` is by our own clock."""

    at: datetime
    alerts: tuple[Alert, ...] = ()
    silences: tuple[Silence, ...] = ()

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those that fire and are not kept quiet."""
        return tuple(
            each
            for each in self.alerts
            if each.phase is Phase.FIRING
            and each.muted_by is None
            and not any(quiet.covers(each.rule, each.subject, self.at) for quiet in self.silences)
        )
