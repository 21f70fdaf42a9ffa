"""Notices: what goes out over a channel, and how the channels are."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.alerts import Phase, Severity, Subject
from poolwatch.domain.message import Message


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
    """How a notice in the outbox stands. `done_at`: it was taken. `given_up_at`: nobody tries any more."""

    notice: Notice
    tries: int = 0
    next_try_at: datetime | None = None
    done_at: datetime | None = None
    given_up_at: datetime | None = None
    last_why: Message | None = None


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


#: Waits before the next try, in seconds, by the tries so far; from then on the last of them.
TRY_AFTER: Final = (5, 30, 300, 1_800, 7_200, 14_400)
#: A notice that was not taken so long after it was made is given up, in seconds.
GIVE_UP_AFTER: Final = 86_400
