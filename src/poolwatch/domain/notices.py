"""Notices: what goes out over a channel, and how the channels are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.alerts import Phase, Severity, Subject
from poolwatch.domain.message import Message
from poolwatch.domain.values import replace


class ChannelKind(StrEnum):
    """The ways a notice can take."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    DESKTOP = "desktop"
    EXEC = "exec"
    APPRISE = "apprise"


class NoticeKind(StrEnum):
    """What a notice is of; receivers see it as the type of a webhook."""

    #: alerts that fire, and that ended
    ALERTS = "alerts"
    #: what quiet hours held
    DIGEST = "digest"
    #: the day before, once a day
    SUMMARY = "summary"
    #: somebody tries whether a channel works
    TEST = "test"


class NoticeItem(Struct, frozen=True):
    """One thing that a notice tells: codes and values, worded when it is sent."""

    rule: str
    subject: Subject
    phase: Phase
    severity: Severity
    at: datetime
    cause: Message
    episode: str = ""
    #: what the rule is called where it is built in: its name is a code then
    built_in: bool = False
    #: what the subject was called then
    label: str = ""


class Notice(Struct, frozen=True):
    """One notice to one channel. It has the same `id` on every try, by which a receiver knows it again."""

    id: str
    channel: str
    kind: NoticeKind
    at: datetime
    severity: Severity
    items: tuple[NoticeItem, ...] = ()
    #: what a summary says, one line each
    lines: tuple[Message, ...] = ()


class Outgoing(Struct, frozen=True):
    """A notice in words, as channels send it: plain text, sanitised, without line breaks in the title.

    `body` is the JSON that webhooks and programs get.
    """

    id: str
    at: datetime
    kind: NoticeKind
    severity: Severity
    title: str
    text: str
    body: bytes


class SendOutcome(StrEnum):
    """What became of one try."""

    TAKEN = "taken"
    FAILED = "failed"
    #: the receiver wants nothing more, ever
    GONE = "gone"


class Sent(Struct, frozen=True):
    """The outcome of one try; `why` says what kept it from being taken."""

    outcome: SendOutcome
    why: Message | None = None


class Delivery(Struct, frozen=True):
    """How a notice in the outbox stands. `done_at`: it was taken. `given_up_at`: nobody tries any more.

    `waited` is how long it has been tried since it was put there, or since a person last had it sent again:
    of each wait no more than was due, for what a clock jumps, or a machine sleeps, is no wait.
    """

    notice: Notice
    tries: int = 0
    next_try_at: datetime | None = None
    done_at: datetime | None = None
    given_up_at: datetime | None = None
    last_why: Message | None = None
    tried_at: datetime | None = None
    waited: timedelta = timedelta(0)

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be sent."""
        return self.done_at is None and self.given_up_at is None

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be tried now. One that was tried in the future was so under another clock."""
        last, due = self.tried_at, self.next_try_at
        return last is None or due is None or due <= now or now < last - _CLOCK_STEP

    def after(self, sent: Sent, now: datetime) -> Delivery:
        """As it stands after one more try; given up when it would wait for longer than is allowed."""
        waited = self.waited
        if self.tried_at is not None:
            waited += min(max(now - self.tried_at, timedelta(0)), _wait(self.tries))
        tried = replace(
            self, tries=self.tries + 1, tried_at=now, next_try_at=None, last_why=sent.why, waited=waited
        )
        if sent.outcome is SendOutcome.TAKEN:
            return replace(tried, done_at=now)
        is_late = waited + _wait(tried.tries) > timedelta(seconds=GIVE_UP_AFTER)
        if sent.outcome is SendOutcome.GONE or is_late:
            return replace(tried, given_up_at=now)
        return replace(tried, next_try_at=now + _wait(tried.tries))


def _wait(tries: int) -> timedelta:
    """How long the next try waits after so many."""
    return timedelta(seconds=TRY_AFTER[min(tries, len(TRY_AFTER)) - 1])


def next_up(waiting: Iterable[Delivery], now: datetime) -> tuple[Delivery | None, datetime | None]:
    """The one of a channel's waiting notices, in order, that is to be tried now; else when the next one is.

    One that failed holds up those behind it, so that they arrive in order, but no longer than its first
    QUICK_TRIES: a receiver that refuses one notice may take the others.
    """
    soonest: datetime | None = None
    for each in waiting:
        if each.is_due(now):
            return each, None
        due = each.next_try_at
        soonest = due if soonest is None or due is None else min(soonest, due)
        if each.tries < QUICK_TRIES:
            break
    return None, soonest


class MarkedChannel(Struct, frozen=True):
    """A channel as it is set up now; `mark` is another one whenever its settings are, and tells no secret."""

    name: str
    kind: ChannelKind
    mark: str


class ChannelHealth(Struct, frozen=True):
    """How a channel does. `failing_since` None: the last try was taken, or there was none."""

    name: str
    kind: ChannelKind
    last_taken_at: datetime | None = None
    failing_since: datetime | None = None
    why: Message | None = None
    next_try_at: datetime | None = None
    waiting: int = 0
    #: its receiver said that it is gone: nothing is sent until the channel is set up anew
    disabled: bool = False


#: A clock that is set is moved by more than this; less is the way of every clock.
_CLOCK_STEP: Final = timedelta(minutes=1)
#: Waits before the next try, in seconds, by the tries so far; from then on the last of them.
TRY_AFTER: Final = (5, 30, 300, 1_800, 7_200, 14_400)
#: A notice that was tried for so long, in seconds, is given up.
GIVE_UP_AFTER: Final = 86_400
#: So many tries a notice may fail before later ones overtake it.
QUICK_TRIES: Final = 3
