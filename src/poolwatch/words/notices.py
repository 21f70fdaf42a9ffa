"""Words of notices: what reaches a person by a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import Text, _, mark, n_

#: By the phase of an alert: whom it is about, and what was found.
_PHASES: Final[Mapping[str, str]] = {
    "firing": mark("{who}: {cause}"),
    "resolved": mark("resolved: {who}: {cause}"),
}
_SEVERITIES: Final[Mapping[str, str]] = {
    "info": mark("info"),
    "warning": mark("warning"),
    "critical": mark("critical"),
}
#: What stands under an alert: when that was, how much it matters, and the rule that found it.
of_alert: Final = Text("{when}, {severity}, rule {rule}")
#: The title of a notice that tells more than one thing: how many, and whom the first are about.
several_about: Final = Text("{count}: {who}")
SUMMARY: Final = Text("daily summary")
NOTHING_TO_TELL: Final = Text("nothing happened that anybody has to know")
TEST: Final = Text("a test")
test_text: Final = Text("poolwatch sent this to see whether the channel {channel} works: it does")
#: Before a title, where the pool has a name.
of_pool: Final = Text("{pool}: {title}")
#: The last line: who sent it, and of which pool.
sent_by: Final = Text("sent by poolwatch, pool {pool}", "sent by poolwatch")


def alert_line(phase: str, who: str, cause: str) -> str:
    """`budget team: over 90%: $276 of $300`; how that stands is said where it does not fire."""
    return _(_PHASES[phase], who=who, cause=cause)


def severity_word(severity: str) -> str:
    """How much an alert matters."""
    return _(_SEVERITIES[severity])


def several(firing: int, over: int) -> str:
    """`3 alerts`, `2 alerts, 1 resolved`: how many fire, and how many do no longer."""
    parts = []
    if firing:
        parts.append(n_("{count} alert", "{count} alerts", firing))
    if over:
        parts.append(
            n_("{count} resolved", "{count} resolved", over)
            if firing
            else n_("{count} alert resolved", "{count} alerts resolved", over)
        )
    return ", ".join(parts)


def held(count: int) -> str:
    """What quiet hours held back, and a digest brings."""
    return n_("{count} alert from quiet hours", "{count} alerts from quiet hours", count)


def and_more(count: int) -> str:
    """How many do not stand in the list, or in the title."""
    return n_("and {count} more", "and {count} more", count)
