"""What happened, in words: a clause that follows whom it befell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.domain.event_log import EventKind
from poolwatch.words.catalogue import Text, _, mark, n_

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
    EventKind.NOT_OFFERED: mark("no longer offered by its service"),
    EventKind.TOPUP_PROPOSED: mark("a top-up was proposed"),
    EventKind.ALERT_FIRED: mark("fires"),
    EventKind.ALERT_RESOLVED: mark("fires no longer"),
    EventKind.NOTICE_GIVEN_UP: mark("a notice was given up: the channel never took it"),
    EventKind.BUDGET_RESET: mark("began anew; it had reached its limit"),
}

exhausted: Final = Text("exhausted: {until}")
back: Final = Text("back: {limit}")
login_died: Final = Text("needs a new login: {why}")
upstream_reset: Final = Text("{accounts} of {of} accounts were reset early")
plan_changed: Final = Text("plan {was} → {now}")
back_after: Final = Text("back after {time}")
#: Of an alert that ended: what it had found.
alert_over: Final = Text("fires no longer: {found}")
#: Of one window: `weekly: reset`.
of_window: Final = Text("{window}: {event}")
from_to: Final = Text("{event}, {before} → {after}")
#: Whom an event befell that is of no account and no source of ours.
UPSTREAM: Final = Text("OpenAI")
source: Final = Text("source {name}")
channel: Final = Text("channel {name}")
budget: Final = Text("budget {name}")
budget_part: Final = Text("budget {name}: {whose}")
budget_of_account_reset: Final = Text("budget {name} began anew; it had reached its limit")

#: Of a balance that is low.
topup_proposed: Final = Text("below {below}: top up ${amount}?")
#: Of a balance that is used up: when it comes back.
back_at: Final = Text("{used_up}, back {at}")
_BACK: Final[Mapping[str, str]] = {
    "daily": mark("daily credits back: {left}"),
    "weekly": mark("weekly credits back: {left}"),
    "monthly": mark("monthly credits back: {left}"),
}


def filled_up(period: str, left: str) -> str:
    """That a balance was filled up, and to how much; `period` is how often it is, "" where nobody says."""
    text = _BACK.get(period)
    return _("filled up: {left}", left=left) if text is None else _(text, left=left)


# --- the screen
TITLE: Final = Text("Events")
since_you_looked: Final = Text("since you looked, {when} ({age}): {count}")
#: Further back more may have happened than was read.
much_since_you_looked: Final = Text("since you looked, {when} ({age}): {count} or more")
nothing_since: Final = Text("nothing since you looked, {when} ({age})")
yesterday_at: Final = Text("yesterday {time}")
TODAY: Final = Text("TODAY")
YESTERDAY: Final = Text("YESTERDAY")
after_you_looked: Final = Text("{day}, after you looked")
before_you_looked: Final = Text("{day}, before you looked")
#: The heading over what no account is named in.
SAID: Final = Text("said in this run")
_SORTS: Final[Mapping[str, str]] = {
    "alerts": mark("alerts"),
    "logins": mark("logins"),
    "limits": mark("limits"),
    "money": mark("money"),
    "sources": mark("sources"),
    "messages": mark("messages"),
}
_GROUPS: Final[Mapping[str, str]] = {
    "day": mark("by day"),
    "account": mark("by account"),
    "kind": mark("by kind"),
}
NONE_YET: Final = Text("nothing yet; what happens is kept here, and what the message line says")
NO_MATCH: Final = Text("no event matches; esc clears the filter")
READING: Final = Text("reading what is kept …")
NONE_OLDER: Final = Text("nothing older is kept")
#: So far back everything is there, and that key reads on.
all_since: Final = Text("everything since {when}; {key} goes further back")
NONE_NEWER: Final = Text("nothing newer")
NO_ACCOUNT: Final = Text("this is about no account that is listed")
FILTER_PROMPT: Final = Text("words  logins  limits  money  group:night  plan:pro  -word  (a or b)  @saved")


def matched(count: int, total: int) -> str:
    """How many events a filter lets through."""
    if not count:
        return _("none of {total} matches", total=total)
    return n_("{count} of {total} matches", "{count} of {total} match", count, total=total)


def of_them_alerts(count: int) -> str:
    """How many of those that are new are alerts."""
    return n_("{count} of them an alert", "{count} of them alerts", count)


def sort_word(sort: str) -> str:
    """A kind of events as people tell them apart."""
    return _(_SORTS[sort])


def group_word(group: str) -> str:
    """What the headings stand for."""
    return _(_GROUPS[group])


def event_word(kind: EventKind) -> str:
    """What happened, without its figures."""
    return _(_TEXTS[kind])
