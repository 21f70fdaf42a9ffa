"""What happened, in words: a clause that follows whom it befell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.domain.event_log import EventKind
from poolwatch.words.catalogue import Text, _, mark

_TEXTS: Final[Mapping[EventKind, str]] = {
    EventKind.EXHAUSTED: mark("exhausted"),
    EventKind.BACK: mark("back"),
    EventKind.RESET: mark("reset"),
    EventKind.EARLY_RESET: mark("reset early"),
    EventKind.UPSTREAM_RESET: mark("reset early"),
    EventKind.BANKED_RESET: mark("a banked reset was used"),
    EventKind.CREDITS_CAME: mark("credits came, by a top-up or a grant"),
    EventKind.PLAN_CHANGED: mark("another plan"),
    EventKind.LOGIN_DIED: mark("needs a new login"),
    EventKind.SIGNED_IN: mark("signed in again"),
    EventKind.SOURCE_DOWN: mark("down"),
    EventKind.SOURCE_BACK: mark("back"),
}

exhausted: Final = Text("exhausted: {until}")
back: Final = Text("back: {limit}")
login_died: Final = Text("needs a new login: {why}")
upstream_reset: Final = Text("{accounts} of {of} accounts were reset early")
plan_changed: Final = Text("plan {was} → {now}")
back_after: Final = Text("back after {time}")
#: Of one window: `weekly: reset`.
of_window: Final = Text("{window}: {event}")
from_to: Final = Text("{event}, {before} → {after}")
#: Whom an event befell that is of no account and no source of ours.
UPSTREAM: Final = Text("OpenAI")
source: Final = Text("source {name}")


def event_word(kind: EventKind) -> str:
    """What happened, without its figures."""
    return _(_TEXTS[kind])
