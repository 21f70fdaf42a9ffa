"""Words for what lies ahead: whether a window lasts, how fast it goes, and why nothing can be said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.domain.forecast import NoForecast
from poolwatch.domain.outlook import NoOutlook
from poolwatch.words.catalogue import Text, _, mark

# --- of one account, where there is little room
# What stands in the table's column; of an account without a weekly window, or that needs somebody, a dash.
_COLUMN: Final[Mapping[NoForecast, str]] = {
    NoForecast.TOO_EARLY: mark("too early"),
    NoForecast.IDLE: mark("idle"),
    NoForecast.TOO_FEW: mark("too few"),
    NoForecast.OLD: mark("old"),
    NoForecast.FULL: mark("full"),
    NoForecast.DISPUTED: mark("disputed"),
    NoForecast.DUE: mark("due"),
    NoForecast.PLAN_CHANGED: mark("new plan"),
}
#: `out Sat`: it runs out before it resets.
out: Final = Text("out {when}")
WITHIN_AN_HOUR: Final = Text("<1h")
#: `may 60%`: the chance that it runs out.
may: Final = Text("may {percent}")
#: The names of a card's line.
LASTS: Final = Text("lasts")
OUT: Final = Text("out")
#: `41% at reset (39–44)`.
used_at_reset: Final = Text("{percent} at reset ({band})", "{percent} at reset")
left_at_reset: Final = Text("{percent} left at reset ({band})", "{percent} left at reset")
may_run_out: Final = Text("may run out {percent}")
#: In a card's foot.
MAY_RUN_OUT: Final = Text("may run out")
RUNS_OUT_SOON: Final = Text("runs out soon")
#: `today 14:10`.
today: Final = Text("today {time}")
#: Beside the credits of a card: `41/h`.
per_hour: Final = Text("{amount}/h")

# --- of one account, in its details
FORECAST: Final = Text("FORECAST")
BURN: Final = Text("BURN")
_WHY: Final[Mapping[NoForecast, str]] = {
    NoForecast.TOO_EARLY: mark("too early: its week has just begun"),
    NoForecast.IDLE: mark("idle: under 1% was used in 24 hours"),
    NoForecast.TOO_FEW: mark("too few readings so far"),
    NoForecast.OLD: mark("the last reading is too old"),
    NoForecast.FULL: mark("the weekly limit is full until it resets"),
    NoForecast.DISPUTED: mark("OpenAI's answers disagree"),
    NoForecast.DUE: mark("the weekly limit is due to reset"),
    NoForecast.PLAN_CHANGED: mark("the plan has changed in this week"),
    NoForecast.NONE: mark("nothing can be said while nobody can use it"),
}
NOT_YET: Final = Text("not worked out yet")
lasts_used: Final = Text("lasts: {percent} used at the reset; 8 times in 10 between {low} and {high}")
lasts_left: Final = Text("lasts: {percent} left at the reset; 8 times in 10 between {low} and {high}")
risk_of_running_out: Final = Text("risk of running out {percent}")
runs_out: Final = Text("runs out {span}, before it resets ({percent})")
may_run_out_before: Final = Text("may run out before it resets: {percent}")
this_hour: Final = Text("5h: {percent} {shown} at its reset, at this hour's pace")
pace: Final = Text("up to {percent} a day lasts to the reset; even use would stand at {even} used now")
#: How fast it goes: `weekly 0.6% in the last hour, 9% in 24 hours`.
burnt_weekly: Final = Text("weekly {amounts}")
burnt_credits: Final = Text("credits {amounts}")
burnt_hour: Final = Text("{amount} in the last hour")
burnt_day: Final = Text("{amount} in 24 hours")
burnt_today: Final = Text("{amount} today")
usual: Final = Text("usually {amount} a day")

# --- of the pool
OUTLOOK: Final = Text("OUTLOOK")
pool_burn: Final = Text("pool {percent}/h")
api_cost: Final = Text("API {cost} today")
account_cost: Final = Text("{today} today, {days} in 30 days: what the API would charge")
COST: Final = Text("COST")
credits_burn: Final = Text("{amount} credits/h")
lasts_to: Final = Text("lasts to {when}", "lasts")
may_run_dry: Final = Text("may run dry {when}", "may run dry")
dry_until: Final = Text("dry until {when}", "dry")
UNKNOWN: Final = Text("unknown")
risk: Final = Text("{percent} risk")
risk_before: Final = Text("{percent} risk before {when}", "{percent} risk")
weekly_left: Final = Text("{percent} of weekly left")
not_since: Final = Text("last worked out {age} ago")
_WHY_POOL: Final[Mapping[NoOutlook, str]] = {
    NoOutlook.TOO_MANY: mark("too many accounts to work it out"),
    NoOutlook.TOO_FEW: mark("too few readings so far"),
    NoOutlook.NO_WEEKLY: mark("no weekly limits"),
}
#: The same on the smallest screen: `lasts Sun 10:03`.
tiny_lasts: Final = Text("lasts {when}", "lasts")
tiny_dry: Final = Text("dry to {when}", "dry")

# --- what the words of the column mean, below the table and in the help
_LEGEND: Final = (
    (mark("AT RESET"), mark("weekly use expected when it resets")),
    (mark("out Sun:"), mark("it runs out before")),
    (mark("may 60%:"), mark("the chance of that")),
    (mark("┼:"), mark("even use")),
)
_LEGEND_LEFT: Final = mark("weekly room expected when it resets")
_HELP: Final = (
    ("54%", mark("expected when the weekly window resets; % says it as what is used, or as what is left")),
    (mark("out Sun"), mark("it runs out before, most likely from then on; <1h: within the hour")),
    (mark("may 60%"), mark("the chance that it runs out before, where no time can be told")),
    (mark("too early"), mark("its week has just begun")),
    (mark("idle"), mark("under 1% was used in 24 hours")),
    (mark("too few"), mark("too few readings so far")),
    (mark("old"), mark("the last reading, or the forecast, is too old")),
    (mark("full  due"), mark("used up until it resets; its reset has come")),
    (mark("new plan"), mark("the plan has changed in this week")),
    (mark("disputed"), mark("OpenAI's answers disagree")),
    ("—", mark("no weekly window, it needs you, or nothing is worked out yet")),
    ("┼ ╋", mark("on a weekly bar: where even use would stand now")),
)


def no_forecast(because: NoForecast) -> str:
    """Why nothing is foretold, in a column's words; "" where a dash says it."""
    return _(_COLUMN[because]) if because in _COLUMN else ""


def why_no_forecast(because: NoForecast) -> str:
    """The same as a sentence."""
    return _(_WHY[because])


def why_no_outlook(because: NoOutlook) -> str:
    """Why nothing is foretold of the pool."""
    return _(_WHY_POOL[because])


def legend(*, left: bool) -> tuple[tuple[str, str], ...]:
    """The words of the column and their meanings, in one line."""
    told = [(_(word), _(means)) for word, means in _LEGEND]
    return ((told[0][0], _(_LEGEND_LEFT)), *told[1:]) if left else tuple(told)


def about_at_reset() -> tuple[tuple[str, str], ...]:
    """All of them, for the help."""
    return tuple((_(word), _(means)) for word, means in _HELP)
