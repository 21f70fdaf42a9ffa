"""How alerts go on: what was found becomes what fires, what ends, and what people are told of it.

    inactive ─▶ pending ─▶ firing ─▶ resolved
                (`for`)    │    ▲
                           ▼    │  nobody can tell
                           unknown

One alert is of one rule and subject, in one window of that subject, or in one episode. What is unknown begins
nothing and ends nothing. `domain/alert_notices` tells it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.alert_findings import EventSeen, RuleFinding, Seen, Truth
from poolwatch.domain.alert_notices import FLAPS_WITHIN, noted
from poolwatch.domain.alert_rules import ByFilter, OfBudgets, OfEvents, WatchedRule
from poolwatch.domain.alerts import (
    Alert,
    AlertBook,
    AlertKey,
    BuiltIn,
    Phase,
    Rule,
    RuleMemory,
    Subject,
    SubjectKind,
    may_speak_for,
    silence_of,
)
from poolwatch.domain.event_log import EventKind, LoggedEvent, event_id
from poolwatch.domain.message import Message
from poolwatch.domain.notices import Notice
from poolwatch.domain.values import replace

#: Alerts are looked at every minute; after a longer pause, or when a clock was set back, the first look may
#: see what was, or what is not known yet. What it finds has to hold for a while.
PAUSE: Final = timedelta(minutes=5)
UNSURE: Final = timedelta(minutes=2)
_CLOCK_STEP: Final = timedelta(minutes=1)
#: No more than this of the time between two looks counts as time for which something held.
_MOST_BETWEEN: Final = timedelta(minutes=2)
#: An alert that ended is remembered so long; one of a window until that is over for sure.
_KEPT: Final = timedelta(days=1)
#: The figure of all rules about budgets.
_BUDGETS: Final = "budget+"
_WINDOW_KEPT: Final = timedelta(days=45)


class Evaluated(Struct, frozen=True):
    """The book after a look, what is to be sent and logged, and when to look again at the latest."""

    book: AlertBook
    notices: tuple[Notice, ...] = ()
    events: tuple[LoggedEvent, ...] = ()
    again_at: datetime | None = None


def evaluate(
    rules: Sequence[WatchedRule], book: AlertBook, seen: Seen, now: datetime, zone: tzinfo | None = None
) -> Evaluated:
    """What follows from a look at `now`, by our own clock. The same look at the same book says the same.

    Quiet hours are by the clock of `zone`; None: the machine's.
    """
    look = _Look(rules, book, now)
    look.forget(seen.gone)
    look.take(seen)
    look.take_events(seen.events)
    look.cover({each.subject for each in seen.findings})
    events = look.log(book.alerts)
    told = noted(look.alerts, look.rules, book, now, zone, is_unsure=look.is_unsure)
    alerts = {key: alert for key, alert in told.alerts.items() if not look.is_forgotten(alert)}
    after = AlertBook(
        book.number + 1,
        alerts,
        look.memory,
        book.silences,
        told.told,
        now,
        book.summary_on,
        look.unsure_until,
    )
    return Evaluated(after, told.notices, events, told.again_at)


def _cause_now(alert: Alert, finding: RuleFinding) -> Message | None:
    """What is shown of it, and told again: how it stands now; of what was so before its rule, how it was."""
    is_now = finding.truth is Truth.HOLDS and finding.cause is not None and not alert.primed
    return finding.cause if is_now else alert.cause


def _counted(between: timedelta) -> timedelta:
    """How much of the time between two looks counts as time for which something held."""
    return min(max(between, timedelta(0)), _MOST_BETWEEN)


class _Look:
    """One look, and what it makes of the alerts."""

    def __init__(self, rules: Sequence[WatchedRule], book: AlertBook, now: datetime) -> None:
        self.now = now
        self._watched = {each.rule.name: each for each in rules}
        self.rules: Mapping[str, Rule] = {each.rule.name: each.rule for each in rules}
        # a rule that asks for something else is another rule
        self.memory = {
            name: memory
            for name, memory in book.rules.items()
            if name in self.rules and memory.when == self.rules[name].when
        }
        self.alerts = {key: alert for key, alert in book.alerts.items() if key.rule in self.memory}
        self._silences = book.silences
        last = book.looked_at
        between = timedelta(0) if last is None else now - last
        self._between = _counted(between)
        self.unsure_until = book.unsure_until
        if last is not None and not -_CLOCK_STEP <= between <= PAUSE:
            self.unsure_until = now + UNSURE
        is_over = self.unsure_until is not None and not now < self.unsure_until <= now + UNSURE
        self.is_unsure = self.unsure_until is not None and not is_over
        if is_over:
            self.unsure_until = None

    # -- what was found

    def take(self, seen: Seen) -> None:
        """Take in all findings; of a rule that is looked at for the first time ever, they only note."""
        first = {name: set[Subject]() for name in seen.rules if name not in self.memory}
        known: dict[str, set[Subject]] = {}
        for finding in seen.findings:
            memory = self.memory.get(finding.rule)
            if memory is None and finding.rule not in first:
                continue  # it is not looked at as a whole yet
            is_known = finding.truth is not Truth.UNKNOWN
            if memory is None:
                primes = True
                if not is_known:
                    first[finding.rule].add(finding.subject)
            else:
                primes = finding.subject in memory.awaited
                if primes and is_known:
                    known.setdefault(finding.rule, set()).add(finding.subject)
            self._step(finding, primes=primes)
        for name, subjects in known.items():
            memory = self.memory[name]
            self.memory[name] = replace(memory, awaited=memory.awaited - subjects)
        for name, awaited in first.items():
            if name in self.rules:
                self.memory[name] = RuleMemory(self.rules[name].when, self.now, frozenset(awaited))

    def _step(self, finding: RuleFinding, *, primes: bool) -> None:
        key, rule = finding.key, self.rules[finding.rule]
        alert = self.alerts.get(key)
        if alert is not None and alert.phase is not Phase.RESOLVED and self._is_next_window(alert, finding):
            alert = self._ended(alert)
        if alert is None or alert.phase is Phase.RESOLVED:
            after = (
                self._begun(alert, finding, rule, primes=primes) if finding.truth is Truth.HOLDS else alert
            )
        elif alert.phase is Phase.PENDING:
            after = self._waited(alert, finding, rule)
        else:
            after = self._gone_on(alert, finding)
        if after is None:
            self.alerts.pop(key, None)
        elif after is not self.alerts.get(key):
            self.alerts[key] = after

    def _is_next_window(self, alert: Alert, finding: RuleFinding) -> bool:
        """Whether a finding is of a window that came after the alert's."""
        if finding.truth is Truth.UNKNOWN or finding.window is None or _is_number(alert.episode):
            return False
        return finding.window != alert.episode

    def _begun(self, former: Alert | None, finding: RuleFinding, rule: Rule, *, primes: bool) -> Alert:
        """What holds from now on: the former alert that goes on, or a new one."""
        if former is not None and self._is_same(former, finding):
            # one that ended without anybody being told of its begin is told when it holds again
            return replace(
                former,
                phase=Phase.FIRING,
                resolved_at=None,
                cause=_cause_now(former, finding),
                muted_by=finding.muted_by,
                covered_by=finding.covered_by,
                is_over_told=False if former.told == 0 else former.is_over_told,
            )
        alert = Alert(
            finding.rule,
            finding.subject,
            finding.window or self._next_episode(former, finding.rule),
            Phase.PENDING,
            self.now,
            rule.severity,
            cause=finding.cause,
            channels=rule.channels,
            muted_by=finding.muted_by,
            label=finding.label,
            level=finding.level,
            primed=primes,
            covered_by=finding.covered_by,
            built_in=rule.built_in,
            has_event=finding.is_told,
        )
        waits = rule.held_for > timedelta(0) or self.is_unsure
        if waits and not primes:
            return replace(alert, seen_at=self.now)
        return replace(alert, phase=Phase.FIRING, fired_at=self.now)

    def _is_same(self, former: Alert, finding: RuleFinding) -> bool:
        """Whether what holds again is the alert that ended: of the same window, or so soon after."""
        if finding.window is not None and not _is_number(former.episode):
            return finding.window == former.episode
        ended = former.resolved_at or former.since
        return timedelta(0) <= self.now - ended < FLAPS_WITHIN

    def _next_episode(self, former: Alert | None, rule: str) -> str:
        last = int(former.episode) if former is not None and _is_number(former.episode) else 0
        memory = self.memory.get(rule)
        return str(max(last, 0 if memory is None else memory.episodes) + 1)

    def _waited(self, alert: Alert, finding: RuleFinding, rule: Rule) -> Alert | None:
        """A pending alert: it fires once its condition was seen to hold for long enough."""
        if finding.truth is Truth.UNKNOWN:
            return replace(alert, seen_at=self.now)
        if finding.truth is not Truth.HOLDS:
            return None
        # not every look is at everybody
        between = self._between if alert.seen_at is None else _counted(self.now - alert.seen_at)
        held_for = alert.held_for + between
        alert = replace(
            alert,
            held_for=held_for,
            seen_at=self.now,
            cause=finding.cause or alert.cause,
            muted_by=finding.muted_by,
            covered_by=finding.covered_by,
        )
        if held_for < (rule.held_for or UNSURE):
            return alert
        return replace(alert, phase=Phase.FIRING, fired_at=self.now, seen_at=None)

    def _gone_on(self, alert: Alert, finding: RuleFinding) -> Alert | None:
        """An alert that fires, or of which nobody could tell."""
        match finding.truth:
            case Truth.UNKNOWN:
                phase = Phase.UNKNOWN
            case Truth.OVER:
                return self._ended(alert)
            case _:
                phase = Phase.FIRING
        after = replace(
            alert,
            phase=phase,
            cause=_cause_now(alert, finding),
            muted_by=finding.muted_by,
            covered_by=finding.covered_by,
            episode=finding.window if finding.window and _is_number(alert.episode) else alert.episode,
        )
        return alert if after == alert else after

    def _ended(self, alert: Alert) -> Alert | None:
        """An alert that is over; one that was only pending is forgotten."""
        if alert.phase is Phase.PENDING:
            return None
        # what a worse one spoke for, or nobody was told of, ends without a word
        is_quiet = alert.covered_by is not None or alert.primed or alert.told == 0
        return replace(
            alert,
            phase=Phase.RESOLVED,
            resolved_at=self.now,
            again_at=None,
            is_over_told=alert.is_over_told or is_quiet,
            owed=() if is_quiet else alert.owed,
        )

    # -- events

    def take_events(self, events: Iterable[EventSeen]) -> None:
        """Note each event for the rules that wait for its kind; what was before a rule is not its."""
        by_kind: dict[EventKind, list[Rule]] = {}
        for each in self._watched.values():
            if isinstance(each.condition, OfEvents):
                by_kind.setdefault(each.condition.kind, []).append(each.rule)
                if each.rule.name not in self.memory:
                    self.memory[each.rule.name] = RuleMemory(each.rule.when, self.now)
        for seen in events:
            for rule in by_kind.get(seen.event.kind, ()):
                self._note(rule, seen)

    def _note(self, rule: Rule, seen: EventSeen) -> None:
        event, subject = seen.event, seen.subject
        key = AlertKey(rule.name, subject, None, event.id)
        memory = self.memory[rule.name]
        if key in self.alerts or event.at < memory.first_at or memory.first_at == self.now:
            return
        is_silent = silence_of(self._silences, rule.name, subject, self.now) is not None
        self.alerts[key] = Alert(
            rule.name,
            subject,
            event.id,
            Phase.RESOLVED,
            event.at,
            rule.severity,
            event.at,
            self.now,
            seen.cause,
            told_at=self.now,
            channels=rule.channels,
            label=seen.label,
            told=1,
            owed=() if is_silent else rule.channels,
            is_over_told=True,
            event=event.id,
        )

    # -- what speaks for what

    def cover(self, subjects: Collection[Subject]) -> None:
        """Of alerts of these subjects that compare the same figure, the worst speaks for the others.

        Not for one that goes where it does not go, or that matters more.
        """
        groups: dict[tuple[Subject, str], list[tuple[Decimal, Alert]]] = {}
        for alert in self.alerts.values():
            if alert.subject not in subjects or alert.phase is not Phase.FIRING or alert.primed:
                continue
            figure, rank = self._figure(alert)
            is_silent = silence_of(self._silences, alert.rule, alert.subject, self.now) is not None
            if figure and not is_silent and alert.covered_by != BuiltIn.NEEDS_YOU:
                groups.setdefault((alert.subject, figure), []).append((rank, alert))
        for group in groups.values():
            _, worst = max(group, key=lambda each: (each[0], each[1].rule))
            for _, alert in group:
                is_covered = alert is not worst and may_speak_for(worst, alert)
                by = worst.rule if is_covered else None
                if alert.covered_by != by or (is_covered and alert.told == 0):
                    self.alerts[alert.key] = replace(
                        alert,
                        covered_by=by,
                        told=max(alert.told, 1) if is_covered else alert.told,
                        owed=() if is_covered else alert.owed,
                    )

    def _figure(self, alert: Alert) -> tuple[str, Decimal]:
        """The figure that its rule compares, and how bad what it found is."""
        match self._watched[alert.rule].condition:
            case ByFilter(figure=figure, rank=rank):
                return figure, rank
            case OfBudgets(percent=percent):
                return _BUDGETS, percent
            case BuiltIn.BUDGET:
                return _BUDGETS, alert.level or Decimal(0)
            case _:
                return "", Decimal(0)

    def log(self, before: Mapping[AlertKey, Alert]) -> tuple[LoggedEvent, ...]:
        """The events of alerts that fired just now, and of those whose end lasts: what flaps is two events.

        What another alert speaks for is none.
        """
        found: list[LoggedEvent] = []
        for key, alert in self.alerts.items():
            was = before.get(key)
            if was is not None and was.is_logged and was.fired_at != alert.fired_at:
                found.append(_event(was, EventKind.ALERT_RESOLVED, was.resolved_at or self.now))
            if alert.is_logged and alert.phase is Phase.RESOLVED and self._lasts(alert):
                self.alerts[key] = replace(alert, is_logged=False)
                found.append(_event(alert, EventKind.ALERT_RESOLVED, alert.resolved_at or self.now))
            elif alert.fired_at == self.now and alert.speaks and not (alert.is_logged or alert.has_event):
                self.alerts[key] = replace(alert, is_logged=True)
                found.append(_event(alert, EventKind.ALERT_FIRED, self.now))
        return tuple(found)

    def _lasts(self, ended: Alert) -> bool:
        return ended.resolved_at is None or not timedelta(0) <= self.now - ended.resolved_at < FLAPS_WITHIN

    # -- what is forgotten

    def forget(self, gone: Collection[Subject]) -> None:
        """Forget all that is about subjects which are no longer there: nobody waits for their end."""
        for key in [key for key in self.alerts if key.subject in gone and not key.event]:
            del self.alerts[key]
        for name, memory in self.memory.items():
            if not memory.awaited.isdisjoint(gone):
                self.memory[name] = replace(memory, awaited=memory.awaited - frozenset(gone))

    def is_forgotten(self, alert: Alert) -> bool:
        """Whether an alert that ended is remembered no more; the number of its episode is."""
        if alert.phase is not Phase.RESOLVED or alert.resolved_at is None or alert.owed:
            return False
        is_numbered = _is_number(alert.episode)
        kept = _KEPT if is_numbered or alert.event else _WINDOW_KEPT
        if self.now - alert.resolved_at <= kept or not alert.is_over_told:
            return False
        memory = self.memory[alert.rule]
        if is_numbered and not alert.event and memory.episodes < int(alert.episode):
            self.memory[alert.rule] = replace(memory, episodes=int(alert.episode))
        return True


def _is_number(episode: str) -> bool:
    """Whether an episode is counted, and no window."""
    return episode.isascii() and episode.isdigit()


def _event(alert: Alert, kind: EventKind, at: datetime) -> LoggedEvent:
    subject, key = alert.subject, alert.key
    about = "\0".join((key.rule, subject.kind, subject.id, subject.part or "", str(key.level), alert.episode))
    return LoggedEvent(
        event_id(about, kind, at),
        at,
        kind,
        subject.id if subject.kind is SubjectKind.ACCOUNT else None,
        subject.id if subject.kind in (SubjectKind.SOURCE, SubjectKind.BALANCE) else None,
        rule=alert.rule,
        was=subject.part,
        budget=subject.id if subject.kind is SubjectKind.BUDGET else None,
        cause=alert.cause,
    )
