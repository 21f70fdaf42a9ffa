"""What fires, what waits for somebody and what is kept quiet, as the screen of events shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.domain.alerts import Alert, AlertBoard, Phase, Severity, Silence, Subject, SubjectKind
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.notices import Delivery
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.status import Section
from poolwatch.domain.values import replace
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.deliveries import sending_span, sendings
from poolwatch.presentation.masking import masked
from poolwatch.presentation.view import Prefs, Span, Tone
from poolwatch.words import account as account_words
from poolwatch.words import alerts as words
from poolwatch.words.messages import message_text

if TYPE_CHECKING:
    from poolwatch.domain.banked_resets import ResetUse
    from poolwatch.domain.proposals import Proposal
    from poolwatch.domain.purchases import Purchase


class AlertSection(StrEnum):
    """The headings before those of events, in their order."""

    FIRING = "firing"
    #: it fired, and nobody can tell whether it still would
    UNKNOWN = "unknown"
    WAITING = "waiting"
    SILENCED = "silenced"
    #: its condition holds, not yet long enough; listed where everything is
    PENDING = "pending"
    #: a worse one of the same speaks for it; likewise
    COVERED = "covered"
    #: it held before its rule was first looked at
    PRIMED = "primed"


class AlertRow(Struct, frozen=True):
    """One alert, one decision that is asked of somebody, or one silence; final texts."""

    #: the same as long as it is there
    id: str
    mark: str
    mark_tone: Tone
    who: str
    text: str
    #: "23m"; "" where time says nothing
    age: str = ""
    #: where it was sent, or by whom it is silenced; parts that leave from the end where there is no room
    beside: tuple[Span, ...] = ()
    #: what stands on the message line while it is selected
    told: str = ""
    subject: Subject | None = None
    rule: str = ""
    #: what keeps it quiet
    silence: Silence | None = None
    #: what is to be answered, where it is about money
    opens: Proposal | Purchase | ResetUse | None = None

    @property
    def account_id(self) -> str | None:
        """The account that it is about."""
        return self._subject(SubjectKind.ACCOUNT)

    @property
    def source(self) -> str | None:
        """The source that it is about; a balance is called by that."""
        return self._subject(SubjectKind.SOURCE) or self._subject(SubjectKind.BALANCE)

    @property
    def texts(self) -> tuple[str, ...]:
        """What words of a filter are looked for in."""
        return self.who, self.text, self.rule, *(span.text for span in self.beside)

    def _subject(self, kind: SubjectKind) -> str | None:
        return self.subject.id if self.subject is not None and self.subject.kind is kind else None


class AlertBlock(Struct, frozen=True):
    """A heading and the rows under it."""

    section: AlertSection
    heading: str
    rows: tuple[AlertRow, ...]


class AlertsView(Struct, frozen=True):
    """The sections that have rows, and how many there are in the words of the title."""

    blocks: tuple[AlertBlock, ...] = ()
    #: "3 firing", "1 waits for you", "1 silenced"
    counts: tuple[str, ...] = ()
    #: how many rows there are, whatever the filter lets through
    total: int = 0

    @property
    def rows(self) -> tuple[AlertRow, ...]:
        """All that are shown, in order."""
        return tuple(row for block in self.blocks for row in block.rows)


#: What only a person can decide; poolwatch goes on once he has.
_DECISIONS: Final = (FailureKind.AMBIGUOUS, FailureKind.CONFLICT, FailureKind.KEPT)
_TONES: Final = {Severity.CRITICAL: Tone.RED, Severity.WARNING: Tone.AMBER, Severity.INFO: Tone.ACCENT}
_ALERT: Final = "!"
_SOURCE: Final = "▲"
_QUIET: Final = "·"
#: So many of those that nobody was told of stand on the screen: they are no news, and events are.
_UNTOLD_MOST: Final = 5
#: When tomorrow begins for those who were not to be woken.
_MORNING: Final = time(8)
_SECTION_MARKS: Final = {Section.NEEDS_YOU: ("✕", Tone.RED), Section.EXHAUSTED: ("◐", Tone.AMBER)}


def alerts_view(
    board: AlertBoard | None,
    deliveries: Iterable[Delivery],
    names: AccountNames,
    overview: PoolOverview,
    lets: Callable[[AlertRow], bool] | None,
    now: datetime,
    prefs: Prefs,
    *,
    of_money: Sequence[AlertRow] = (),
) -> AlertsView:
    """The sections. `deliveries`: the latest of the outbox; `lets`: the filter; `now` is our own clock.

    `of_money`: what waits for somebody besides accounts.
    """
    look = _Look(names, overview, now, prefs, sendings(deliveries))
    # a silence may have ended since
    board = AlertBoard(now) if board is None else replace(board, at=now)
    waiting = list(_waiting({each.subject for each in _told_of(board)}, look))
    rows = _told_rows(board, [*of_money, *waiting], look)
    # once each: not of a decision that is asked for above, and of several levels the worst
    asked = {row.subject for row in waiting}
    worst_last = sorted(_primed(board), key=lambda each: each.level or 0)
    primed = {(each.rule, each.subject): each for each in worst_last}.values()
    untold = sorted((each for each in primed if each.subject not in asked), key=_order)
    most = _UNTOLD_MOST if lets is None else len(untold)
    rows[AlertSection.PRIMED] = [_of_alert(each, look, board) for each in untold[:most]]
    return _view(rows, lets, len(untold[most:]))


def whole_alerts_view(
    board: AlertBoard,
    deliveries: Iterable[Delivery],
    names: AccountNames,
    overview: PoolOverview,
    lets: Callable[[AlertRow], bool] | None,
    now: datetime,
    prefs: Prefs,
) -> AlertsView:
    """The same with what is not told yet, what a worse one speaks for, and all of what was so before."""
    look = _Look(names, overview, now, prefs, sendings(deliveries))
    board = replace(board, at=now)
    rows = _told_rows(board, list(_waiting({each.subject for each in _told_of(board)}, look)), look)
    pending = [each for each in board.alerts if each.phase is Phase.PENDING]
    fires = [each for each in board.alerts if each.phase is Phase.FIRING]
    covered = [each for each in fires if not each.primed and each.covered_by is not None]
    rows[AlertSection.PENDING] = [_of_alert(each, look) for each in sorted(pending, key=_order)]
    rows[AlertSection.COVERED] = [_of_alert(each, look) for each in sorted(covered, key=_order)]
    rows[AlertSection.PRIMED] = [_of_alert(each, look, board) for each in sorted(_primed(board), key=_order)]
    return _view(rows, lets)


def _told_rows(board: AlertBoard, waiting: list[AlertRow], look: _Look) -> dict[AlertSection, list[AlertRow]]:
    """What somebody is told of, section by section."""
    firing = _told_of(board)
    quiet = [each for each in firing if board.silence_of(each) is not None]
    muted = [each for each in firing if each.muted_by is not None and board.silence_of(each) is None]
    unknown = [
        each
        for each in board.alerts
        if each.phase is Phase.UNKNOWN and each.fired_at is not None
        if not each.primed and each.covered_by is None
    ]
    silences = [each for each in board.silences if not each.is_over(look.now)]
    return {
        AlertSection.FIRING: [_of_alert(each, look) for each in sorted(board.firing, key=_order)],
        AlertSection.UNKNOWN: [_of_alert(each, look, board) for each in sorted(unknown, key=_order)],
        AlertSection.WAITING: waiting,
        AlertSection.SILENCED: [
            *(_of_silence(each, quiet, look) for each in silences),
            *(_of_alert(each, look) for each in sorted(muted, key=_order)),
        ],
    }


def _view(
    rows: Mapping[AlertSection, list[AlertRow]], lets: Callable[[AlertRow], bool] | None, left_out: int = 0
) -> AlertsView:
    """What the filter lets through; so many more that were so before are left out."""
    blocks = []
    for section, found in rows.items():
        shown, count = tuple(row for row in found if lets is None or lets(row)), len(found)
        if section is AlertSection.PRIMED and left_out:
            shown, count = (*shown, _more_untold(left_out)), count + left_out
        if shown:
            blocks.append(AlertBlock(section, words.heading(section.value, count), shown))
    counts = words.counted(
        *(len(rows[each]) for each in (AlertSection.FIRING, AlertSection.WAITING, AlertSection.SILENCED))
    )
    return AlertsView(tuple(blocks), counts, sum(map(len, rows.values())) + left_out)


def _more_untold(count: int) -> AlertRow:
    more = words.more_untold(count)
    return AlertRow("more untold", _QUIET, Tone.DIM, "", more, told=more)


def _told_of(board: AlertBoard) -> list[Alert]:
    """What fires, and is neither no news nor spoken for by a worse level."""
    fires = (each for each in board.alerts if each.phase is Phase.FIRING)
    return [each for each in fires if not each.primed and each.covered_by is None]


def _primed(board: AlertBoard) -> list[Alert]:
    """What was there before its rule, which is no news."""
    return [each for each in board.alerts if each.phase is Phase.FIRING and each.primed]


def rows_of_all(
    board: AlertBoard,
    deliveries: Iterable[Delivery],
    names: AccountNames,
    overview: PoolOverview,
    now: datetime,
    prefs: Prefs,
) -> tuple[list[AlertRow], list[AlertRow]]:
    """A row for each alert, and one for each silence, in their order on the board."""
    look = _Look(names, overview, now, prefs, sendings(deliveries))
    quiet = [each for each in _told_of(board) if board.silence_of(each) is not None]
    alerts = [_of_alert(each, look, board) for each in board.alerts]
    return alerts, [_of_silence(each, quiet, look) for each in board.silences]


def subject_name(subject: Subject, names: AccountNames, label: str = "") -> str:
    """Whom or what an alert is about: `bob`, `budget team: alice`, `source s3`, `the pool`.

    `label` is what an account was called that nobody lists any more.
    """
    shown = masked(subject.id) if names.mask else subject.id
    match subject.kind:
        case SubjectKind.ACCOUNT:
            is_known = subject.id in names.accounts or names.mask or not label
            return names.name(subject.id) if is_known else label
        case SubjectKind.SOURCE:
            return words.of_source(shown)
        case SubjectKind.BUDGET:
            budget = words.of_budget(shown)
            return budget if subject.part is None else words.of_part(budget, part_name(subject.part, names))
        case SubjectKind.BALANCE:
            return shown
        case SubjectKind.POOL:
            return words.POOL()


def part_name(part: str, names: AccountNames) -> str:
    """Whose part of a budget it is: an account's by its id, else a group or a user."""
    if part in names.accounts:
        return names.name(part)
    return masked(part) if names.mask else part


def cause_text(alert: Alert, names: AccountNames) -> str:
    """What an alert found; where that was not kept, what its rule looks for."""
    told = words.rule_words(alert.rule) or alert.rule if alert.cause is None else message_text(alert.cause)
    return masked(told) if names.mask else told


class _Look(Struct, frozen=True):
    """What rows are made with."""

    names: AccountNames
    overview: PoolOverview
    now: datetime
    prefs: Prefs
    sendings: Mapping[tuple[str, Subject, str], tuple[Delivery, ...]]

    def clock(self, at: datetime) -> str:
        return figures.clock(at, self.now, self.prefs.zone)

    def age(self, since: datetime) -> str:
        return figures.duration(max(self.now - since, timedelta(0)))


def _order(alert: Alert) -> tuple[int, float, str]:
    """The worst first, of equals the newest."""
    began = alert.fired_at or alert.since
    return -alert.severity.weight, -began.timestamp(), alert.subject.id


def _mark(subject: Subject, severity: Severity, look: _Look) -> tuple[str, Tone]:
    if subject.kind is SubjectKind.ACCOUNT and subject.id in look.names.accounts:
        judged = look.overview.by_key.get(look.names.accounts[subject.id].key)
        if judged is not None and judged.section in _SECTION_MARKS:
            return _SECTION_MARKS[judged.section]
    return _SOURCE if subject.kind is SubjectKind.SOURCE else _ALERT, _TONES[severity]


def _of_alert(alert: Alert, look: _Look, board: AlertBoard | None = None) -> AlertRow:
    began = alert.fired_at or alert.since
    mark, tone = _mark(alert.subject, alert.severity, look)
    who, text = subject_name(alert.subject, look.names, alert.label), cause_text(alert, look.names)
    silence = None if board is None else board.silence_of(alert)
    return AlertRow(
        f"{alert.rule} {alert.subject} {alert.level} {alert.episode}",
        mark,
        tone if alert.phase is Phase.FIRING and not alert.primed else Tone.DIM,
        who,
        text,
        # of what was so before, nobody knows since when
        "" if alert.primed else look.age(began),
        tuple(_beside(alert, look)),
        _told(alert, f"{who}: {text}", look.clock(began)),
        alert.subject,
        alert.rule,
        silence,
    )


def _told(alert: Alert, what: str, began: str) -> str:
    """Since when; and by which rule, where that is one of the configuration: only its name says what for."""
    told = (words.so_before if alert.primed else words.since)(what, began)
    return told if words.rule_words(alert.rule) else words.by_rule(told, alert.rule)


def _of_silence(silence: Silence, quiet: Iterable[Alert], look: _Look) -> AlertRow:
    """A silence, with the worst of what it keeps quiet."""
    covered = sorted(
        (each for each in quiet if silence.covers(each.rule, each.subject, look.now)), key=_order
    )
    subject = silence.subject if len(covered) != 1 else covered[0].subject
    who = words.of_rule(silence.rule) if subject is None else subject_name(subject, look.names)
    if subject is not None and covered:
        text = cause_text(covered[0], look.names)
    elif covered:
        text = words.alerts_counted(len(covered))
    else:
        text = words.rule_words(silence.rule) or words.NOTHING_NOW()
    told = silence_how(silence, look.now, look.prefs)
    mark = _QUIET if subject is None else _mark(subject, Severity.INFO, look)[0]
    return AlertRow(
        f"silence {silence.rule} {silence.subject}",
        mark,
        Tone.DIM,
        who,
        text,
        beside=(Span(told, Tone.DIM),),
        told=words.silenced_told(who, told),
        subject=subject,
        rule=silence.rule,
        silence=silence,
    )


def _waiting(firing: Iterable[Subject], look: _Look) -> Iterator[AlertRow]:
    """Accounts that stand still until somebody decides; what fires already is not told twice."""
    told = {each.id for each in firing if each.kind is SubjectKind.ACCOUNT}
    for judged in look.overview.accounts:
        account, trouble = judged.account, judged.account.trouble
        if trouble is None or trouble.kind not in _DECISIONS or account.key.id in told:
            continue
        who, text = look.names.name(account.key.id), account_words.trouble_words(trouble.kind)
        yield AlertRow(
            f"waits {account.key.id}",
            "✕",
            Tone.RED,
            who,
            text,
            look.age(trouble.since),
            told=words.since(f"{who}: {text}", look.clock(trouble.since)),
            subject=Subject(SubjectKind.ACCOUNT, account.key.id),
        )


def _beside(alert: Alert, look: _Look) -> Iterator[Span]:
    """What became of its notices, channel by channel; what holds it; when it is told again."""
    if alert.muted_by is not None:
        yield Span(words.muted(alert.muted_by), Tone.DIM)
    if alert.covered_by is not None:
        yield Span(words.covered(alert.covered_by), Tone.DIM)
    # notices do not say of which level they are: what was told of a worse one was not told of this
    is_told = not alert.primed and (alert.covered_by is None or alert.told_at is not None)
    rows = look.sendings.get((alert.rule, alert.subject, alert.episode), ()) if is_told else ()
    newest: dict[str, Delivery] = {}
    for each in rows:
        newest.setdefault(each.notice.channel, each)
    for channel, delivery in newest.items():
        yield sending_span(channel, delivery, look.now, look.prefs)
    if alert.held_until is not None and look.now < alert.held_until:
        yield Span(words.held(look.clock(alert.held_until)), Tone.DIM)
    elif alert.again_at is not None and look.now < alert.again_at:
        yield Span(words.again(look.clock(alert.again_at)), Tone.DIM)


class SilenceEnd(Struct, frozen=True):
    """One choice of how long a silence lasts; `until` None: until somebody ends it."""

    label: str
    until: datetime | None


def silence_ends(now: datetime, zone: tzinfo | None) -> tuple[SilenceEnd, ...]:
    """The choices: an hour, four, until tomorrow morning, until somebody ends it."""
    there = figures.local_time(now, zone)
    morning = datetime.combine(there.date() + timedelta(days=1), _MORNING, zone).astimezone(UTC)
    hours = (
        SilenceEnd(figures.duration(timedelta(hours=each)), now + timedelta(hours=each)) for each in (1, 4)
    )
    return (
        *hours,
        SilenceEnd(words.tomorrow(f"{_MORNING:%H:%M}"), morning),
        SilenceEnd(words.FOR_GOOD(), None),
    )


def silence_how(silence: Silence, now: datetime, prefs: Prefs) -> str:
    """`by ann until 16:00: “maintenance”`; masked, without who and what could tell it."""
    until = "" if silence.until is None else figures.clock(silence.until, now, prefs.zone)
    by, reason = ("", masked(silence.reason)) if prefs.mask else (silence.by, silence.reason)
    return words.silenced(by, until, reason)
