"""Alerts: rules, what they found, how that goes on, and what keeps it quiet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from poolwatch.domain.message import Message


class Severity(StrEnum):
    """How much an alert matters; what is critical goes through quiet hours."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def weight(self) -> int:
        """The more it matters, the higher."""
        return tuple(Severity).index(self)


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
    """How an alert stands; what is inactive is no alert. What nobody can tell is unknown, never resolved."""

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
    #: of a service that sells credits
    BALANCE = "balance"
    POOL = "pool"


class Subject(Struct, frozen=True):
    """Whom or what an alert is about: an account by its id, a source, a budget or a balance by its name.

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

    `when` is a filter, `event:KIND` or `budget:NAME>=90`; `clear` ends it, unset when the figure
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


class AlertKey(Struct, frozen=True):
    """Which alert: of a rule, and of a subject.

    `level` is which, where a rule has several of them. `event` is the id of the logged event that it tells.
    """

    rule: str
    subject: Subject
    level: Decimal | None = None
    event: str = ""


class Alert(Struct, frozen=True):
    """What a rule found of one subject, in one window or episode. Instants aware UTC.

    `episode` is our own id of the window, or, without a window, a number that counts. `cause` says what was
    found when it was last seen to hold. `told_at` is when a notice of it was last made, `again_at` when the
    next is due.
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
    #: what the subject was called when it fired
    label: str = ""
    #: which of several levels of its rule was reached
    level: Decimal | None = None
    #: it held when its rule was first looked at: noted, and never told
    primed: bool = False
    #: the rule that tells worse of the same subject, and speaks for it
    covered_by: str | None = None
    built_in: bool = False
    #: how long its condition was seen to hold while it was pending
    held_for: timedelta = timedelta(0)
    #: how often people were told that it fires
    told: int = 0
    #: channels that are still to be told how it stands now
    owed: tuple[str, ...] = ()
    #: nobody is to be told any more that it ended
    is_over_told: bool = False
    #: the logged event that it tells; it is over at once
    event: str = ""
    #: that it fired stands among the events; or an event of its own tells it
    is_logged: bool = False
    has_event: bool = False
    #: until when `held_for` is counted
    seen_at: datetime | None = None

    @property
    def key(self) -> AlertKey:
        """Which one it is."""
        return AlertKey(self.rule, self.subject, self.level, self.event)

    @property
    def speaks(self) -> bool:
        """Whether it fires, and nothing else speaks for it."""
        is_quiet = self.primed or self.muted_by is not None or self.covered_by is not None
        return self.phase is Phase.FIRING and not is_quiet


def may_speak_for(one: Rule | Alert, other: Rule | Alert) -> bool:
    """Whether whoever would hear of the other hears of the one, and as soon: quiet hours may hold it."""
    return set(other.channels) <= set(one.channels) and other.severity.weight <= one.severity.weight


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

    def is_over(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return self.until is not None and self.until <= now

    def covers(self, rule: str, subject: Subject | None, now: datetime) -> bool:
        """Whether it keeps that quiet now; `subject` None: the whole rule."""
        is_of = self.rule == rule and self.subject in (None, subject)
        return is_of and not self.is_over(now)


class AlertBoard(Struct, frozen=True):
    """All alerts that fire, wait or have lately ended, and the silences; `at` is by our own clock."""

    at: datetime
    alerts: tuple[Alert, ...] = ()
    silences: tuple[Silence, ...] = ()

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those that fire and are not kept quiet."""
        return tuple(each for each in self.alerts if each.speaks and self.silence_of(each) is None)

    def silence_of(self, alert: Alert) -> Silence | None:
        """The silence that keeps it quiet, if one does."""
        return silence_of(self.silences, alert.rule, alert.subject, self.at)


def silence_of(
    silences: Iterable[Silence], rule: str, subject: Subject | None, now: datetime
) -> Silence | None:
    """The silence that keeps a rule quiet about a subject, None: about all, if one does."""
    return next((each for each in silences if each.covers(rule, subject, now)), None)


class RuleMemory(Struct, frozen=True):
    """What is remembered of a rule from its first evaluation on.

    `awaited` are the subjects that were there then, and of which nothing was known: the first that is known
    of them is how it was already. `episodes` is the highest number of an episode that is forgotten.
    """

    when: str
    first_at: datetime
    awaited: frozenset[Subject] = frozenset()
    episodes: int = 0


class AlertBook(Struct, frozen=True):
    """All that is remembered of alerts. Whoever makes a new book of it counts `number` up by one."""

    number: int = 0
    alerts: Mapping[AlertKey, Alert] = field(default_factory=dict)
    #: by name
    rules: Mapping[str, RuleMemory] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    #: when each channel was last told something
    told: Mapping[str, datetime] = field(default_factory=dict)
    #: when everything was last looked at
    looked_at: datetime | None = None
    #: the day of the last daily summary, in the zone of the machine
    summary_on: date | None = None
    #: after a pause, or when a clock was set: until then what is found may be what was, or is not yet known
    unsure_until: datetime | None = None

    def board(self, at: datetime) -> AlertBoard:
        """As it is shown: what fires first, the newest first."""
        known = [each for each in self.alerts.values() if not each.event]
        known.sort(key=lambda each: each.resolved_at or each.fired_at or each.since, reverse=True)
        known.sort(key=lambda each: _ORDER.index(each.phase))
        return AlertBoard(at, tuple(known), tuple(each for each in self.silences if not each.is_over(at)))


_ORDER: Final = (Phase.FIRING, Phase.UNKNOWN, Phase.PENDING, Phase.RESOLVED)
