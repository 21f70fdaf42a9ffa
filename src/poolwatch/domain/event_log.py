"""What happened to accounts, sources and the pool, as it is kept and told."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.domain.message import Message
from poolwatch.domain.series import SPEND_BUCKET, Amount
from poolwatch.domain.state import SourceState
from poolwatch.domain.status import (
    CREDITS_REASON,
    RATE_LIMIT_REASON,
    SPEND_REASON,
    AccountStatus,
    Status,
    status_by_evidence,
)
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY, Usage
from poolwatch.domain.values import replace

if TYPE_CHECKING:
    from poolwatch.domain.balances import Balance, BalanceState
    from poolwatch.domain.budgets import EndedPeriod


class EventKind(StrEnum):
    """What happened; a closed list, which the documentation has."""

    EXHAUSTED = "exhausted"
    BACK = "back"
    RESET = "reset"
    EARLY_RESET = "early_reset"
    #: many accounts were reset early at once; `accounts` says how many
    UPSTREAM_RESET = "upstream_reset"
    BANKED_RESET = "banked_reset"
    CREDITS_CAME = "credits_came"
    PLAN_CHANGED = "plan_changed"
    LOGIN_DIED = "login_died"
    SIGNED_IN = "signed_in"
    SOURCE_DOWN = "source_down"
    SOURCE_BACK = "source_back"
    #: a channel never took a notice; `now` is what it is called
    NOTICE_GIVEN_UP = "notice_given_up"
    #: a budget that had reached its limit began anew; `now` is what it is called, `was` whose part it is
    BUDGET_RESET = "budget_reset"
    #: an alert of a rule began, or ended; `rule` names it, and `cause` says what was found
    ALERT_FIRED = "alert_fired"
    ALERT_RESOLVED = "alert_resolved"
    #: the service of a balance has no such thing any more
    NOT_OFFERED = "not_offered"
    #: a balance, `after`, fell below `before`: poolwatch proposes to top it up by `now`
    TOPUP_PROPOSED = "topup_proposed"


#: What tells of poolwatch's own telling: no rule waits for that.
OF_ALERTS: Final = frozenset({EventKind.NOTICE_GIVEN_UP, EventKind.ALERT_FIRED, EventKind.ALERT_RESOLVED})
#: What befalls balances; some of it befalls accounts, too.
_OF_BALANCES: Final = frozenset(
    {
        EventKind.EXHAUSTED,
        EventKind.RESET,
        EventKind.CREDITS_CAME,
        EventKind.NOT_OFFERED,
        EventKind.TOPUP_PROPOSED,
    }
)


class Unit(StrEnum):
    """What `before` and `after` of an event count."""

    PERCENT = "percent"
    CREDITS = "credits"


class LoggedEvent(Struct, frozen=True):
    """One event. The same event of the same moment has the same `id`, however often it is found.

    `at` is aware UTC. `before` and `after` are a percentage or an amount, by `unit`; of a plan change `was`
    and `now` are the plans, of a login that died `now` is its problem. `bucket` and `window` name what resets
    or is used up; without a window that is credits, where `unit` says so, or a limit that nobody names.
    """

    id: str
    at: datetime
    kind: EventKind
    account_id: str | None = None
    source: str | None = None
    bucket: str | None = None
    window: str | None = None
    before: Amount | None = None
    after: Amount | None = None
    unit: Unit | None = None
    was: str | None = None
    now: str | None = None
    #: until when an exhausted account is out, or since when a source was away
    until: datetime | None = None
    #: how many accounts it befell, and out of how many
    accounts: int | None = None
    of_accounts: int | None = None
    #: of an alert: its rule, the budget that it is about (`was` is whose part), and what was found
    rule: str | None = None
    budget: str | None = None
    cause: Message | None = None
    #: of a balance: what `before` and `after` count, as its service calls it
    unit_name: str | None = None

    @property
    def balance(self) -> str | None:
        """The balance that it befell, by the name of its source; None where it befell none."""
        is_of_one = self.account_id is None and self.kind in _OF_BALANCES
        return self.source if is_of_one else None


def credits_that_came(event: LoggedEvent) -> Decimal | None:
    """How many credits an event says came; None of any other event."""
    if event.kind is not EventKind.CREDITS_CAME:
        return None
    before, after = event.before, event.after
    return after - before if isinstance(before, Decimal) and isinstance(after, Decimal) else None


def came_to(event: LoggedEvent) -> str | None:
    """Whose credits an event says came: an account by its id, or a balance in one unit."""
    if event.account_id is not None:
        return event.account_id
    name, unit = event.balance, event.unit_name
    if name is None or unit is None:
        return None
    from poolwatch.domain.balances import balance_id  # few runs have any

    return balance_id(name, unit)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def event_id(
    subject: str, kind: EventKind, at: datetime, bucket: str | None = None, window: str | None = None
) -> str:
    """16 hex digits that tell what happened when; `subject` is an account id, or a source."""
    micros = (at - _EPOCH) // _MICROSECOND
    parts = (subject, kind.value, str(micros), bucket or "", window or "")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Standing(Struct, frozen=True):
    """What the events of an account's readings depend on."""

    #: by its figures alone
    status: AccountStatus
    plan: str | None = None
    #: in credits; None where it is unknown or has no bounds
    balance: Decimal | None = None

    @classmethod
    def of(cls, usage: Usage) -> Standing:
        """As the figures stand."""
        plan = usage.plan.value if usage.plan is not None else None
        credits = usage.credits.value if usage.credits is not None else None
        balance = None if credits is None or credits.unlimited else credits.balance
        return cls(status_by_evidence(usage), plan or None, balance)


def reading_events(
    account_id: str, before: Standing, after: Standing, at: datetime
) -> tuple[LoggedEvent, ...]:
    """What a reading tells that changed an account from one standing to the other."""
    found = []
    was, now = before.status, after.status
    if was.kind is Status.ACTIVE and now.kind is Status.EXHAUSTED:
        found.append(_of_limit(account_id, EventKind.EXHAUSTED, at, now))
    if was.kind is Status.EXHAUSTED and now.kind is Status.ACTIVE:
        found.append(_of_limit(account_id, EventKind.BACK, at, replace(was, until=None)))
    if before.plan is not None and after.plan is not None and before.plan != after.plan:
        plans = LoggedEvent("", at, EventKind.PLAN_CHANGED, account_id, was=before.plan, now=after.plan)
        found.append(_identified(plans))
    if before.balance is not None and after.balance is not None and after.balance > before.balance:
        found.append(
            _identified(
                LoggedEvent(
                    "",
                    at,
                    EventKind.CREDITS_CAME,
                    account_id,
                    before=before.balance,
                    after=after.balance,
                    unit=Unit.CREDITS,
                )
            )
        )
    return tuple(found)


def _of_limit(account_id: str, kind: EventKind, at: datetime, status: AccountStatus) -> LoggedEvent:
    reason = status.reason
    event = LoggedEvent("", at, kind, account_id, until=status.until)
    if reason == CREDITS_REASON:
        return _identified(replace(event, unit=Unit.CREDITS))
    if reason == SPEND_REASON:
        return _identified(replace(event, bucket=SPEND_BUCKET))
    window = None if reason == RATE_LIMIT_REASON else reason
    return _identified(replace(event, bucket=BASE_BUCKET, window=window))


def _identified(event: LoggedEvent) -> LoggedEvent:
    subject = event.account_id or event.source or ""
    return replace(event, id=event_id(subject, event.kind, event.at, event.bucket, event.window))


_DEAD: Final = (Status.NEEDS_LOGIN, Status.DEACTIVATED)


def login_event(
    account_id: str, before: AccountStatus, after: AccountStatus, at: datetime
) -> LoggedEvent | None:
    """What became of a login between two judgements of its account."""
    was_dead, is_dead = before.kind in _DEAD, after.kind in _DEAD
    if is_dead and not was_dead and before.kind is not Status.DISABLED:
        why = after.reason or after.kind.value
        return _identified(LoggedEvent("", at, EventKind.LOGIN_DIED, account_id, now=why))
    if before.kind is Status.NEEDS_LOGIN and not is_dead and after.kind is not Status.DISABLED:
        return _identified(LoggedEvent("", at, EventKind.SIGNED_IN, account_id))
    return None


def source_event(before: SourceState, after: SourceState, at: datetime) -> LoggedEvent | None:
    """Whether a source went down or came back in between; `until` is since when it was away."""
    if before.failure is None and after.failure is not None:
        since = after.failing_since or at
        return _identified(LoggedEvent("", since, EventKind.SOURCE_DOWN, source=after.name))
    if before.failure is not None and after.failure is None:
        back = after.listed_at or at
        return _identified(
            LoggedEvent("", back, EventKind.SOURCE_BACK, source=after.name, until=before.failing_since)
        )
    return None


def given_up(channel: str, notice_id: str, at: datetime) -> LoggedEvent:
    """That a channel never took a notice, and nobody tries any more."""
    told = event_id(f"{channel}\0{notice_id}", EventKind.NOTICE_GIVEN_UP, at)
    return LoggedEvent(told, at, EventKind.NOTICE_GIVEN_UP, now=channel)


def balance_events(before: BalanceState | None, after: BalanceState) -> tuple[LoggedEvent, ...]:
    """What the newest try tells that was not so before; one that is met anew tells only that it is gone.

    What rose over a reset was filled up (`window`: how often that is), what rose otherwise was bought or
    granted.
    """
    at = after.tried_at
    if at is None:
        return ()
    if after.is_gone:
        return (
            () if before is not None and before.is_gone else (_of_balance(after, EventKind.NOT_OFFERED, at),)
        )
    if before is None or after.read_at != at:
        return ()
    was, now = before.balance, after.balance
    if was is None or now is None or was.unit != now.unit or was.unlimited or now.unlimited:
        return ()
    if was.remaining is None or now.remaining is None:
        return ()
    found = []
    if now.remaining > was.remaining:
        came = _of_balance(after, EventKind.CREDITS_CAME, at)
        if _was_reset(before, now, at):
            came = replace(_of_balance(after, EventKind.RESET, at), window=_period(after))
        found.append(replace(came, before=was.remaining, after=now.remaining, unit_name=now.unit))
    if after.is_empty and not before.is_empty:
        out = _of_balance(after, EventKind.EXHAUSTED, at)
        found.append(replace(out, until=now.resets_at, unit_name=now.unit, window=_period(after)))
    return tuple(found)


def _period(state: BalanceState) -> str | None:
    resets = state.terms.resets
    return None if resets is None else resets.period.value


def _was_reset(before: BalanceState, now: Balance, at: datetime) -> bool:
    """Whether a reset lies between the two readings, by when it was due or by what the service says."""
    if before.reset_is_due(at):
        return True
    seen = now.last_reset_at
    return seen is not None and before.read_at is not None and before.read_at < seen <= at


def _of_balance(state: BalanceState, kind: EventKind, at: datetime) -> LoggedEvent:
    return LoggedEvent(event_id(state.name, kind, at), at, kind, source=state.name)


def budget_reset(period: EndedPeriod, *, of_account: bool) -> LoggedEvent:
    """That a budget which had reached its limit began anew. `of_account`: the part is that of an account."""
    whose = period.whose
    told = event_id(f"{period.budget}\0{whose or ''}", EventKind.BUDGET_RESET, period.ended_at)
    return LoggedEvent(
        told,
        period.ended_at,
        EventKind.BUDGET_RESET,
        whose if of_account else None,
        was=None if of_account else whose,
        now=period.budget,
    )


#: Early resets that lie within this time of one another may be the upstream's doing.
UPSTREAM_WITHIN: Final = timedelta(minutes=20)
#: So many accounts of a source at least, and that share of its weekly limits.
_UPSTREAM_LEAST: Final = 5
_UPSTREAM_SHARE: Final = 3


def is_early_weekly(event: LoggedEvent) -> bool:
    """Whether it may be one of many that the upstream reset at once."""
    is_weekly = event.bucket == BASE_BUCKET and event.window == WEEKLY
    return event.kind is EventKind.EARLY_RESET and is_weekly


def fold_resets(
    early: Iterable[LoggedEvent],
    sources: Mapping[str, str],
    within: timedelta = UPSTREAM_WITHIN,
    now: datetime | None = None,
) -> tuple[tuple[LoggedEvent, ...], tuple[LoggedEvent, ...]]:
    """Early weekly resets that are to be told, and those that wait whether others follow.

    Where many accounts of one source were reset at once, that is one event of its upstream. `sources` has
    the source of every account with a weekly limit. `now` None: nothing more follows.
    """
    by_source: dict[str, list[LoggedEvent]] = defaultdict(list)
    for event in sorted(early, key=lambda each: (each.at, each.id)):
        by_source[sources.get(event.account_id or "", "")].append(event)
    told: list[LoggedEvent] = []
    waiting: list[LoggedEvent] = []
    for source, events in by_source.items():
        total = sum(name == source for name in sources.values())
        rest = events
        while rest:
            first = rest[0]
            # the last of them is confirmed by a reading that comes later still
            if now is not None and now - first.at <= within * 1.5:
                waiting += rest
                break
            together = [each for each in rest if each.at - first.at <= within]
            accounts = {each.account_id for each in together}
            if len(accounts) >= _UPSTREAM_LEAST and len(accounts) * _UPSTREAM_SHARE >= total:
                told.append(_upstream(first, source, len(accounts), max(total, len(accounts))))
                rest = rest[len(together) :]
            else:
                told.append(first)
                rest = rest[1:]
    return tuple(told), tuple(waiting)


def _upstream(first: LoggedEvent, source: str, accounts: int, of_accounts: int) -> LoggedEvent:
    return _identified(
        LoggedEvent(
            "",
            first.at,
            EventKind.UPSTREAM_RESET,
            source=source or None,
            bucket=first.bucket,
            window=first.window,
            accounts=accounts,
            of_accounts=of_accounts,
        )
    )
