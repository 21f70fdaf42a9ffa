"""Words of the history screen: what was, and what is to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.domain.cycles import EndedBy
from poolwatch.domain.forecast import NoForecast
from poolwatch.domain.past import PoolFigure
from poolwatch.words.catalogue import Text, _, mark, n_

TITLE: Final = Text("History")

# --- what is shown, and how much of it
_PERIODS: Final[Mapping[str, tuple[str, str]]] = {
    "24h": (mark("last 24 hours"), mark("24 hours")),
    "7d": (mark("last 7 days"), mark("7 days")),
    "30d": (mark("last 30 days"), mark("30 days")),
    "90d": (mark("last 90 days"), mark("90 days")),
    "1y": (mark("last year"), mark("a year")),
    "all": (mark("all that is kept"), mark("all")),
}
_STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "24h": (mark("every 15m"), mark("in that quarter of an hour")),
    "7d": (mark("hourly"), mark("in that hour")),
    "30d": (mark("every 6h"), mark("in those 6 hours")),
    "90d": (mark("daily"), mark("on that day")),
    "1y": (mark("daily"), mark("on that day")),
    "all": (mark("daily"), mark("on that day")),
}
used: Final = Text("{window} used")
CREDITS: Final = Text("credits")
SPEND: Final = Text("spent")
spend_of: Final = Text("{limit} spent")
since: Final = Text("since {time}")
from_to: Final = Text("{since} to {until}")
to_reset: Final = Text("{period} and to the reset")
position: Final = Text("account ‹{nth} of {count}›")
help_key: Final = Text("{key} help")

# --- the chart
NOW: Final = Text("now")
reset_at: Final = Text("reset {time}")
resets_at: Final = Text("resets {time}")
watched_since: Final = Text("watched since {time}")
watched_for: Final = Text("poolwatch has watched this account for {age}; the line grows from here")
NOTHING_KEPT: Final = Text("nothing is kept of this figure yet; the line begins with the next reading")
NEVER_READ: Final = Text("poolwatch has not read this account yet; the line begins with the first reading")
scale: Final = Text("amber from {amber}, red from {red}")
scale_left: Final = Text("amber to {amber}, red to {red}")

# --- the cursor
CURSOR: Final = Text("CURSOR")
was_used: Final = Text("{percent} used")
was_credits: Final = Text("{amount} credits")
was_spent: Final = Text("{amount} of {limit} credits spent", "{amount} credits spent")
rose: Final = Text("+{amount} {step}")
ROSE_NOT: Final = Text("nothing used {step}")
credits_used: Final = Text("{amount} credits used, {usd}", "{amount} credits used")
credits_came: Final = Text("+{amount} credits")
reset_within: Final = Text("reset {time}, from {percent}", "reset {time}")
gap_from_to: Final = Text("nobody read it from {start} to {end}")
NOT_WATCHED: Final = Text("poolwatch was not watching yet")
TOO_LITTLE: Final = Text("too little is known of that time")
NOT_READ_SINCE: Final = Text("not read since {time}")
NO_FIGURE: Final = Text("there was no such figure, or nobody could read it")
expected: Final = Text("{percent} expected, 8 times in 10 between {low} and {high}")
NOT_FORETOLD: Final = Text("nothing is foretold of that time")

# --- the forecast
FORECAST: Final = Text("FORECAST")
lasts: Final = Text("lasts: {percent} at the reset, {time}; 8 times in 10 between {low} and {high}.")
lasts_short: Final = Text("lasts: {percent} at the reset, 8 times in 10 between {low} and {high}")
likely_lasts: Final = Text(
    "likely lasts: {percent} at the reset, {time}; 8 times in 10 between {low} and {high}."
)
likely_lasts_short: Final = Text("likely lasts: {percent} at the reset, 8 times in 10 {low} to {high}")
running_out: Final = Text("Running out: {chance}.")
runs_out: Final = Text("runs out {span} ({chance}); it resets {time}")
may_run_out: Final = Text("may run out ({chance}) before it resets, {time}")
this_pace: Final = Text("at this hour's pace {percent} at the reset, {time}")
NOT_OF_CREDITS: Final = Text("poolwatch foretells windows, not credits")
NOT_OF_MODELS: Final = Text("poolwatch foretells no limits of single models")
NOT_WORKED_OUT: Final = Text("not worked out yet")
_WHY: Final[Mapping[NoForecast, str]] = {
    NoForecast.IDLE: mark("idle: under 1% was used in the last 24 hours"),
    NoForecast.TOO_FEW: mark("too few readings so far"),
    NoForecast.OLD: mark("what is known of it is too old"),
    NoForecast.DISPUTED: mark("OpenAI's answers disagree: two windows answer in turn"),
    NoForecast.DUE: mark("its reset has passed; the next reading tells"),
    NoForecast.PLAN_CHANGED: mark("the plan changed in this window"),
    NoForecast.NONE: mark("there is no such window now, or the account needs you first"),
}
too_early: Final = Text("too early: {passed} of {length}", "too early")
full: Final = Text("full: nothing is left until {time}", "full: nothing is left")

# --- burn and pace
BURN: Final = Text("BURN")
PACE: Final = Text("PACE")
last_hour: Final = Text("last hour {percent}")
last_hour_short: Final = Text("1h {percent}")
last_day: Final = Text("24h {percent}, {rate}/h", "24h {percent}")
usual: Final = Text("usual {percent} a day (median of 14d)")
usual_short: Final = Text("14d median {percent} a day")
USUAL_UNKNOWN: Final = Text("usual — (no whole days yet)")
credits_rate: Final = Text("credits {amount}/h {usd}/h", "credits {amount}/h")
credits_today: Final = Text("{amount} today")
burn_of: Final = Text("of weekly:")
BURN_UNKNOWN: Final = Text("— fewer than three readings so far")
BURN_OLD: Final = Text("— last worked out {age} ago")
pace: Final = Text("up to {percent} a day lasts to the reset")
even: Final = Text("Even use would stand at {even} now; you are at {used}")
even_short: Final = Text("even use: {even} now")
NO_PACE: Final = Text("of windows alone")

# --- past windows
PAST_WINDOWS: Final = Text("PAST WINDOWS")
PEAK: Final = Text("PEAK")
ENDED_BY: Final = Text("ENDED BY")
FULL_FOR: Final = Text("FULL FOR")
NO_PAST: Final = Text("none has ended since poolwatch began to watch")
more_past: Final = Text("… {count} more, back to {day}")
_ENDED: Final[Mapping[EndedBy, str]] = {
    EndedBy.RESET: mark("reset"),
    EndedBy.EARLY_RESET: mark("early reset"),
    EndedBy.BANKED_RESET: mark("banked reset"),
    EndedBy.PLAN_CHANGE: mark("another plan"),
}
early_of: Final = Text("early reset, {accounts} of {of}")
UNKNOWN_END: Final = Text("not seen")

# --- the hours of the week
WHEN_USED: Final = Text("WHEN IT IS USED, last 8 weeks")
busiest_two: Final = Text("busiest {first} and {second}", "busiest {first}")
NO_HOURS: Final = Text("nothing used in these 8 weeks")
NO_KNOWN_HOURS: Final = Text("nothing used, as far as is known")
#: Below a grid or behind bars some of which are the sign for what is unknown.
not_read: Final = Text("{sign} nobody read it then")
partly: Final = Text("{told}; {sign} not known")
grid_below: Final = Text("{busiest}; the grid: {key}")

# --- events
EVENTS: Final = Text("EVENTS")
shows_all: Final = Text("{key} shows all")
NO_EVENTS: Final = Text("none in the last 30 days")
today: Final = Text("today {time}")


def period(name: str, *, short: bool = False) -> str:
    """`last 7 days`, or `7 days`."""
    return _(_PERIODS[name][1 if short else 0])


def step(name: str) -> str:
    """How finely a period is read out: `hourly`."""
    return _(_STEPS[name][0])


def within_step(name: str) -> str:
    """`in that hour`."""
    return _(_STEPS[name][1])


def ended_by(cause: EndedBy | None) -> str:
    """What ended a window."""
    return _(_ENDED[cause]) if cause is not None else UNKNOWN_END()


def why_not(because: NoForecast) -> str:
    """Why nothing is foretold, where that needs no figures."""
    return _(_WHY[because])


# --- the pool and groups
_FIGURES: Final[Mapping[PoolFigure, tuple[str, str]]] = {
    PoolFigure.ROOM: (mark("weekly room left"), mark("room")),
    PoolFigure.BURN: (mark("weekly percent used an hour"), mark("burn")),
    PoolFigure.CREDITS: (mark("credits, all balances"), mark("credits")),
    PoolFigure.ACTIVE: (mark("accounts with room in every window"), mark("active")),
}
POOL: Final = Text("pool {name}", "pool")
GROUP: Final = Text("group {name}")
filtered: Final = Text("{name}, {count} of {all} accounts shown")
_WHOSE: Final[Mapping[str, str]] = {
    "account": mark("account"), "group": mark("group"), "pool": mark("pool"),
}  # fmt: skip
next_days: Final = Text("{period}, next {days}")
relief: Final = Text("{time} relief")
upstream: Final = Text("{accounts} of {of} reset early")
NOBODY_KEPT: Final = Text("nothing is kept of these accounts yet; the line begins with their next readings")
reading_many: Final = Text("reading what is kept: {count} of {all} accounts")
room_was: Final = Text("{percent} of their weekly limits left")
burn_was: Final = Text("{percent} an hour")
active_was: Final = Text("{count} accounts with room")
credits_were: Final = Text("{amount} credits, {usd}", "{amount} credits")
room_expected: Final = Text("{percent} expected, if each goes as foretold")
OUTLOOK: Final = Text("OUTLOOK")
LEFT_HEADING: Final = Text("LEFT")
OF_POOL_ALONE: Final = Text("worked out for the whole pool alone; tab shows it")
lasts_to: Final = Text("lasts to the next relief, {time}, when {limits}", "lasts")
may_run_dry: Final = Text("may run dry from {span} on; relief comes {time}", "may run dry")
dry: Final = Text("dry: nothing is left until {time}, when {limits}", "dry: nothing is left")
risk_before: Final = Text("{chance} risk of running dry before then")
NO_WEEKLY: Final = Text("no weekly limits")
WHO: Final = Text("WHO USES IT, last 24h")
WHO_SHORT: Final = Text("WHO USES IT, 24h")
SHARE: Final = Text("SHARE")
OF_WEEK: Final = Text("OF THEIR WEEK")
AT_RESET: Final = Text("AT RESET")
RELIEF: Final = Text("NEXT RELIEF")
NOBODY_USES: Final = Text("nobody, as far as is known")
NO_RELIEF: Final = Text("no reset is known")
relief_of: Final = Text("{window}, {who}")
BY_HOUR: Final = Text("BY HOUR, last 24h")
by_hour: Final = Text("{start} to {end}; busiest {hour}, {percent}/h")
NO_HOUR: Final = Text("nothing used in the last 24 hours, as far as is known")


def pool_figure(figure: PoolFigure, *, short: bool = False) -> str:
    """`weekly room left`, or `room`."""
    return _(_FIGURES[figure][1 if short else 0])


def whose(name: str) -> str:
    """`account`, `group` or `pool`."""
    return _(_WHOSE[name])


def weekly_limits(count: int) -> str:
    """What comes back with a relief."""
    return n_("{count} weekly limit comes back", "{count} weekly limits come back", count)


def known_of(count: int, whole: int) -> str:
    """Of how many accounts a figure is known."""
    return n_("{known} of {count} account known", "{known} of {count} accounts known", whole, known=count)


def left_of(percent: str, count: int, plans: str) -> str:
    """How much of so many limits is left, and of each plan where there are several."""
    told = n_(
        "{percent} of {count} weekly limit", "{percent} of {count} weekly limits", count, percent=percent
    )
    return told if not plans else f"{told}, {_('by plan: {plans}', plans=plans)}"


def full_accounts(count: int, with_credits: int) -> str:
    """How many have nothing left, and how many of these go on by credits."""
    told = n_("{count} account full", "{count} accounts full", count)
    return told if not with_credits else f"{told}, {_('{count} of them with credits', count=with_credits)}"


def accounts(count: int) -> str:
    """Several that are not named."""
    return n_("{count} account", "{count} accounts", count)


def others(count: int) -> str:
    """Those at the end of a list."""
    return n_("{count} other", "{count} others", count)
