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
TEXTS: Final[Mapping[str, str]] = {
    "alerts.not_kept": mark("the database cannot be written; poolwatch doctor says why"),
}

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
held: Final = Text("held in quiet hours until {when}")
again: Final = Text("again at {when}")
muted: Final = Text("source {name} is down and speaks for it")
since: Final = Text("{told}, since {when}")
of_rule: Final = Text("rule {name}")
#: Of a silence under which nothing fires.
NOTHING_NOW: Final = Text("nothing to tell now")
silenced_told: Final = Text("{who} is silenced {how}")
CHANNELS: Final = Text("CHANNELS")
channel_gone: Final = Text("{name}: its receiver wants nothing more")


def sent(channel: str, when: str, others: int) -> str:
    """That a channel took it; in a digest, with how many others."""
    told = _("sent to {channel} {when}", channel=channel, when=when)
    if not others:
        return told
    return n_("{told} with {count} other", "{told} with {count} others", others, told=told)


def not_sent(channel: str, why: str) -> str:
    """That nobody tries to send it any more."""
    if not why:
        return _("given up: not sent to {channel}", channel=channel)
    return _("given up: not sent to {channel}, {why}", channel=channel, why=why)


def on_its_way(channel: str, tries: int) -> str:
    """That it is not taken yet."""
    told = _("on its way to {channel}", channel=channel)
    return n_("{told}, {count} try", "{told}, {count} tries", tries, told=told) if tries else told


def silenced(by: str, until: str, reason: str) -> str:
    """`by ann until 16:00: “maintenance”`."""
    told = _("until {when}", when=until) if until else _("until somebody ends it")
    told = _("by {who} {until}", who=by, until=told) if by else told
    return _("{told}: “{reason}”", told=told, reason=reason) if reason else told


def channel_ok(name: str, kind: str, last: str, waiting: int) -> str:
    """That a channel takes what it is sent, or was sent nothing yet."""
    told = _("{name} ({kind})", name=name, kind=kind)
    told = (
        _("{told} ok, last {when}", told=told, when=last) if last else _("{told} nothing sent yet", told=told)
    )
    return ", ".join(filter(None, (told, _waiting(waiting))))


def channel_fails(name: str, since: str, why: str, next_try: str, waiting: int) -> str:
    """Since when a channel takes nothing, why, and how it goes on."""
    told = _("{name} failing since {when}", name=name, when=since)
    told = _("{told}: {why}", told=told, why=why) if why else told
    tried = _("next try {when}", when=next_try) if next_try else ""
    return ", ".join(filter(None, (told, tried, _waiting(waiting))))


def _waiting(count: int) -> str:
    return n_("{count} waiting", "{count} waiting", count) if count else ""


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


# --- silencing from the screen
silence_what: Final = Text("Silence {who}, of rule {name}")
FOR: Final = Text("for")
WHAT: Final = Text("what")
REASON: Final = Text("reason")
#: The words of the choices. "Tomorrow" says when that is.
tomorrow: Final = Text("until tomorrow {time}")
FOR_GOOD: Final = Text("until I end it")
every_alert: Final = Text("every alert of rule {name}")
HOW_LONG: Final = Text("how long")
WHICH: Final = Text("which")
TYPE_REASON: Final = Text("type why, if you like")
DO_SILENCE: Final = Text("silence")
end_it: Final = Text("{who} is silenced {how}. End that?")
now_silenced: Final = Text("{who} is silenced {how}; it still stands in the events")
silence_ended: Final = Text("{who} is silenced no more")
not_done: Final = Text("not done: {why}")
#: Of what is no alert.
NO_ALERT: Final = Text("this is no alert that fires: there is nothing to silence")
no_alert_of: Final = Text("no alert of {who} fires")
