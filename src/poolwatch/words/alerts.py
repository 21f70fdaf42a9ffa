"""Alerts in words: what rules are called, whom alerts are about, what they found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import Text, _, mark, n_

# not by the names of `domain.alerts`: messages are worded before anything of alerts is loaded
#: What each rule of poolwatch's own looks for.
_RULES: Final[Mapping[str, str]] = {
    "needs_you": mark("an account needs you: sign in, conflict, deactivated, or blocked for long"),
    "runs_dry": mark("the pool may run dry before an account comes back"),
    "budget": mark("a budget has reached one of its warnings, or its limit"),
    "credits_low": mark("credits are below 10% of the last top-up"),
    "source_down": mark("a source has not answered for 10 minutes"),
    "banked_reset_ends": mark("a banked reset ends within 48 hours"),
    "login_ends": mark("a login ends within 24 hours, and nobody renews it by itself"),
}
#: The sentence for every code of a cause: a clause that follows whom the alert is about.
TEXTS: Final[Mapping[str, str]] = {}

of_budget: Final = Text("budget {name}")
of_source: Final = Text("source {name}")
#: Of a budget that each has for himself: whose part it is.
of_part: Final = Text("{name}: {whose}")
POOL: Final = Text("the pool")


def rule_words(name: str) -> str:
    """What a rule of poolwatch's own looks for; "" for one of the configuration."""
    return _(_RULES[name]) if name in _RULES else ""


# --- the screen of events and alerts
_HEADINGS: Final[Mapping[str, str]] = {
    "firing": mark("FIRING"),
    "unknown": mark("NO DATA"),
    "waiting": mark("WAITS FOR YOU"),
    "silenced": mark("SILENCED"),
}
#: "sent to ops 13:40"
sent: Final = Text("sent to {channels} {when}")
not_sent: Final = Text("not sent to {channels}: {why}", "not sent to {channels}")
sending: Final = Text("on its way to {channels}")
tries: Final = Text("{told}, {count} tries")
held: Final = Text("held in quiet hours until {when}")
again: Final = Text("again at {when}")
#: There is no channel for it.
IN_APP: Final = Text("told here alone")
muted: Final = Text("source {name} is down and speaks for it")
silenced_until: Final = Text("by {by} until {when}")
silenced_for_good: Final = Text("by {by} until somebody ends it")


def heading(section: str, count: int) -> str:
    """`FIRING 3`."""
    return f"{_(_HEADINGS[section])} {count}"


def counted(firing: int, waiting: int, silenced: int) -> tuple[str, ...]:
    """`3 firing`, `1 waits for you`, `1 silenced`; of what is none, nothing."""
    told = (
        (firing, n_("{count} firing", "{count} firing", firing)),
        (waiting, n_("{count} waits for you", "{count} wait for you", waiting)),
        (silenced, n_("{count} silenced", "{count} silenced", silenced)),
    )
    return tuple(text for count, text in told if count)


def alerts_counted(count: int) -> str:
    """`2 alerts`, for the title of the pool."""
    return n_("{count} alert", "{count} alerts", count)
