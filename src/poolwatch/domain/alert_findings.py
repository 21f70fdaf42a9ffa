"""What a look at accounts, sources, budgets and the pool found of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from poolwatch.domain.alerts import AlertKey, Subject, SubjectKind
from poolwatch.domain.event_log import EventKind, LoggedEvent
from poolwatch.domain.message import Message


class Truth(StrEnum):
    """What a look says of a condition."""

    HOLDS = "holds"
    #: it does not begin like that, and it does not end like that either
    STAYS = "stays"
    OVER = "over"
    UNKNOWN = "unknown"


class RuleFinding(Struct, frozen=True):
    """What a look at one subject says of one rule.

    `window` is our own id of the window that it is about; None where there is none, or nobody knows it.
    `muted_by` is the source that is down and speaks for it, `covered_by` a rule that does. `is_told`: an
    event of its own tells it.
    """

    rule: str
    subject: Subject
    truth: Truth
    label: str = ""
    window: str | None = None
    cause: Message | None = None
    level: Decimal | None = None
    muted_by: str | None = None
    covered_by: str | None = None
    is_told: bool = False

    @property
    def key(self) -> AlertKey:
        """The alert that it speaks of."""
        return AlertKey(self.rule, self.subject, self.level)


class EventSeen(Struct, frozen=True):
    """An event that was logged, with whom it befell, and what it says."""

    event: LoggedEvent
    label: str
    cause: Message

    @property
    def subject(self) -> Subject:
        """Whom or what it befell."""
        event = self.event
        if event.kind is EventKind.BUDGET_RESET:
            return Subject(SubjectKind.BUDGET, event.now or "", event.was or event.account_id)
        if event.account_id is not None:
            return Subject(SubjectKind.ACCOUNT, event.account_id)
        if event.balance is not None:
            return Subject(SubjectKind.BALANCE, event.balance)
        return (
            Subject(SubjectKind.POOL) if event.source is None else Subject(SubjectKind.SOURCE, event.source)
        )


class Seen(Struct, frozen=True):
    """What a look found. A subject that nothing is said of stays as it is.

    `rules` are those of which all subjects were looked at; `gone` are subjects that are no longer there.
    """

    findings: Sequence[RuleFinding] = ()
    events: Sequence[EventSeen] = ()
    rules: frozenset[str] = frozenset()
    gone: frozenset[Subject] = frozenset()
