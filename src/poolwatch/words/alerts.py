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
    "alerts.figure": mark("{field} {figure}"),
    "alerts.matches": mark("matches {when}"),
    # of an account that needs somebody: by its login, or by its trouble
    "alerts.login_expired": mark("the login has expired"),
    "alerts.login_rejected": mark("the login is refused"),
    "alerts.login_invalidated": mark("the login was ended"),
    "alerts.login_used_elsewhere": mark("login used elsewhere"),
    "alerts.login_outdated": mark("an old copy of the login"),
    "alerts.login_refresh_expired": mark("the login is too old"),
    "alerts.login_ambiguous": mark("the login may be spent"),
    "alerts.login_said_by_pool": mark("the login has expired"),
    "alerts.login_unusable_file": mark("the login is unreadable"),
    "alerts.deactivated": mark("deactivated or removed"),
    "alerts.edge_blocked": mark("blocked by Cloudflare"),
    "alerts.conflict": mark("login in two files"),
    "alerts.ambiguous": mark("refresh interrupted"),
    "alerts.kept": mark("new login waiting"),
    "alerts.needs_you": mark("needs you"),
    "alerts.login_ends": mark("the login ends {when}, and nobody renews it by itself"),
    "alerts.banked_reset_ends": mark("a banked reset ends {when}"),
    "alerts.credits_low": mark("{balance} credits left, below 10% of the last top-up of {top_up}"),
    "alerts.balance_left": mark("{left} left"),
    "alerts.balance_low": mark("{left} left, below 10% of the last top-up of {top_up}"),
    "alerts.source_down": mark("down: {why}"),
    "alerts.may_run_dry": mark("may run dry before an account comes back: {percent} likely"),
    "alerts.dry": mark("nothing left before an account comes back"),
    "alerts.budget_over": mark("over {percent}%: {spent} of {limit}"),
    "alerts.budget_over_limit": mark("over its limit: {spent} of {limit}"),
    "alerts.budget_at_limit": mark("at its limit: {spent} of {limit}"),
    "alerts.usd": mark("${amount}"),
    "alerts.bare": mark("{amount}"),
    "alerts.credits": mark("{amount} credits"),
    "alerts.tokens": mark("{amount} tokens"),
    "alerts.percent": mark("{amount}%"),
    "alerts.about": mark("about {amount}"),
    "alerts.at_least": mark("at least {amount}"),
    # what was logged
    "alerts.event_exhausted": mark("exhausted"),
    "alerts.event_back": mark("back"),
    "alerts.event_reset": mark("reset"),
    "alerts.event_early_reset": mark("reset early"),
    "alerts.event_upstream_reset": mark("{accounts} of {of} accounts were reset early"),
    "alerts.event_banked_reset": mark("a banked reset was used"),
    "alerts.event_credits_came": mark("credits came, by a top-up or a grant: {before} → {after}"),
    "alerts.event_plan_changed": mark("plan {was} → {now}"),
    "alerts.event_login_died": mark("needs a new login"),
    "alerts.event_signed_in": mark("signed in again"),
    "alerts.event_source_down": mark("down"),
    "alerts.event_source_back": mark("back"),
    "alerts.event_not_offered": mark("no longer offered by its service"),
    "alerts.event_used_up": mark("used up"),
    "alerts.event_topup_proposed": mark("below {below}: top up ${amount}?"),
    "alerts.event_budget_reset": mark("began anew; it had reached its limit"),
    "alerts.of_window": mark("{window}: {event}"),
    "alerts.moved": mark("{event}, {before} → {after}"),
    # the daily summary
    "alerts.summary_needs_you": mark("need you: {who}"),
    "alerts.summary_exhausted": mark("exhausted now: {who}"),
    "alerts.summary_happened": mark("{count} times in the last 24 hours: {event}"),
    "alerts.summary_once": mark("once in the last 24 hours: {event}"),
    "alerts.summary_used_up": mark("balances used up in the last 24 hours: {who}"),
    "alerts.summary_not_offered": mark("balances no longer offered by their services: {who}"),
    "alerts.summary_not_read": mark("what happened in the last 24 hours could not be read"),
    "alerts.summary_upstream": mark("accounts were reset early by OpenAI"),
    "alerts.summary_source_down": mark("a source went down"),
    "alerts.summary_source_back": mark("a source came back"),
    "alerts.summary_budget": mark("budget {name}: {spent} of {limit}"),
    "alerts.summary_parts": mark("budget {name}: {count} of {parts} at the limit or over it"),
    "alerts.summary_parts_unknown": mark("{told}, {count} unknown"),
    "alerts.summary_budget_unknown": mark("budget {name}: what was spent is unknown"),
    "alerts.summary_firing": mark("alerts that fire: {count}"),
    "alerts.and_more": mark("{who} and {count} more"),
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
    "firing": mark("FIRING {count}"),
    "unknown": mark("NO DATA {count}"),
    "waiting": mark("WAITS FOR YOU {count}"),
    "silenced": mark("SILENCED {count}"),
    "pending": mark("PENDING {count}"),
    "covered": mark("COVERED {count}, for something worse of the same is told"),
    "primed": mark("NOT TOLD {count}: already so at the first look"),
}
held: Final = Text("held in quiet hours until {when}")
again: Final = Text("again at {when}")
covered: Final = Text("rule {name} speaks for it")
muted: Final = Text("source {name} is down and speaks for it")
since: Final = Text("{told}, since {when}")
so_before: Final = Text("{told}; so it was at the first look, {when}")
of_rule: Final = Text("rule {name}")
by_rule: Final = Text("{told} (rule {name})")
#: Of a silence under which nothing fires.
NOTHING_NOW: Final = Text("nothing to tell now")
silenced_told: Final = Text("{who} is silenced {how}")
CHANNELS: Final = Text("CHANNELS")
#: What Enter does on what waits for somebody.
ANSWER: Final = Text("answer")
of_channel: Final = Text("{name} ({kind}) {state}")


def sent(channel: str, when: str, others: int) -> str:
    """That a channel took it; in a digest, with how many others."""
    told = _("sent to {channel}", channel=channel)
    told = _("{told} {when}", told=told, when=when) if when else told
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


def heading(section: str, count: int) -> str:
    """`FIRING 3`."""
    return _(_HEADINGS[section], count=count)


def more_untold(count: int) -> str:
    """How many more of what nobody was told of there are, and where all of them stand."""
    return n_("{count} more; poolwatch alerts lists it", "{count} more; poolwatch alerts lists all", count)


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


# --- `alerts`
NOTICES: Final = Text("NOTICES")
NOTHING_FIRES: Final = Text("nothing fires, waits or is silenced")
NOT_READ: Final = Text("the database cannot be read; poolwatch doctor says why")
NEVER_LOOKED: Final = Text(
    "no rule was looked at yet: poolwatch does that while it is open, and poolwatch daemon"
)
looked_last: Final = Text(
    "as it was {when}: nobody has looked since; poolwatch does that while it is open, and poolwatch daemon"
)
bad_time: Final = Text("--for takes a time of up to a year, like 30m, 2h or 1d 12h, not {text}")
not_silenced: Final = Text("rule {name} is not silenced")
rule_silenced: Final = Text("rule {name} is silenced {how}; what fires still stands in poolwatch alerts list")
resent: Final = Text("{id} is on its way again to {channels}; poolwatch or poolwatch daemon sends it")
takes_nothing: Final = Text(
    "channel {name} takes nothing until its settings change; poolwatch channels says why"
)
no_match: Final = Text("nothing matches “{filter}”")
no_id: Final = Text("no notice has an id that begins with {text}; poolwatch alerts list has the ids")


def no_rule(name: str, near: str) -> str:
    """That there is no such rule, and the one that may have been meant."""
    if near:
        return _("there is no rule {name}; did you mean {near}?", name=name, near=near)
    return _("there is no rule {name}; poolwatch alerts list shows those that fire", name=name)


def silences_ended(name: str, count: int) -> str:
    """How many silences of a rule are over."""
    return n_("rule {name}: {count} silence ended", "rule {name}: {count} silences ended", count, name=name)


def several_ids(text: str, count: int) -> str:
    """That more than one id begins so."""
    return n_("{count} id begins with {text}", "{count} ids begin with {text}: type more", count, text=text)


# --- silencing from the screen
silence_what: Final = Text("Silence {who} (rule {name})")
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
END_SILENCE: Final = Text("end silence")
end_it: Final = Text("{who} is silenced {how}. End that?")
now_silenced: Final = Text("{who} is silenced {how}; it still stands in the events")
silence_ended: Final = Text("{who} is silenced no more")
not_done: Final = Text("not done: {why}")
#: Of what is no alert.
NO_ALERT: Final = Text("this is no alert that fires: there is nothing to silence")
no_alert_of: Final = Text("no alert of {who} fires")
