"""Words of the usage screen and of `usage`: tokens, and what the API would charge for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from poolwatch.domain.quarters import UsePeriod
from poolwatch.domain.tokens import GroupBy, Origin
from poolwatch.words.catalogue import Text, _, mark, n_

TITLE: Final = Text("Usage")

# --- what is looked at
_PERIODS: Final[Mapping[UsePeriod, tuple[str, str]]] = {
    UsePeriod.TODAY: (mark("today"), mark("today")),
    UsePeriod.LAST_24H: (mark("last 24 hours"), mark("24 hours")),
    UsePeriod.DAYS_7: (mark("last 7 days"), mark("7 days")),
    UsePeriod.DAYS_30: (mark("last 30 days"), mark("30 days")),
    UsePeriod.MONTH: (mark("this month"), mark("this month")),
    UsePeriod.LAST_MONTH: (mark("last month"), mark("last month")),
    UsePeriod.ALL: (mark("all that is known"), mark("all")),
}
#: the word in a sentence, and the heading of its column
_GROUPS: Final[Mapping[GroupBy, tuple[str, str]]] = {
    GroupBy.DAY: (mark("day"), mark("DAY")),
    GroupBy.WEEK: (mark("week"), mark("WEEK")),
    GroupBy.MONTH: (mark("month"), mark("MONTH")),
    GroupBy.HOUR_OF_DAY: (mark("hour of day"), mark("HOUR OF DAY")),
    GroupBy.MODEL: (mark("model"), mark("MODEL")),
    GroupBy.ACCOUNT: (mark("account"), mark("ACCOUNT")),
    GroupBy.GROUP: (mark("group"), mark("GROUP")),
    GroupBy.USER: (mark("user"), mark("USER")),
    GroupBy.CLIENT: (mark("client"), mark("CLIENT")),
    GroupBy.PROJECT: (mark("project"), mark("PROJECT")),
    GroupBy.CONVERSATION: (mark("conversation"), mark("CONVERSATION")),
    GroupBy.OPERATION: (mark("operation"), mark("OPERATION")),
}
_ORIGINS: Final[Mapping[Origin, tuple[str, str]]] = {
    Origin.FILES: (mark("session files"), mark("files")),
    Origin.IMPORTED: (mark("imported"), mark("imported")),
}
_MONTHS: Final = (
    mark("January"), mark("February"), mark("March"), mark("April"), mark("May"), mark("June"), mark("July"),
    mark("August"), mark("September"), mark("October"), mark("November"), mark("December"),
)  # fmt: skip
by_group: Final = Text("{period} by {group}")
span_of: Final = Text("{start} to {end}")
SOURCE: Final = Text("source")
prices_of: Final = Text("prices of {day}")
reading: Final = Text(
    "reading files {percent}, newest first: the last {days} are complete",
    "reading files {percent}, newest first",
)
reading_short: Final = Text("reading files {percent}")
group_choice: Final = Text("group by: its first letters choose, and the arrows")
MORE_GROUPS: Final = Text("more")


def period(which: UsePeriod, *, short: bool = False) -> str:
    """`last 30 days`, or `30 days`."""
    return _(_PERIODS[which][1 if short else 0])


def group(by: GroupBy) -> str:
    """`hour of day`."""
    return _(_GROUPS[by][0])


def month_name(day: date) -> str:
    """`November`."""
    return _(_MONTHS[day.month - 1])


def heading(by: GroupBy) -> str:
    """`HOUR OF DAY`."""
    return _(_GROUPS[by][1])


def origin(which: Origin, *, short: bool = False) -> str:
    """`session files`, or `files`."""
    return _(_ORIGINS[which][1 if short else 0])


# --- groups
fast: Final = Text("{model} fast")
NOT_TOLD: Final = Text("not told")
UNASSIGNED: Final = Text("unassigned")
NO_GROUP: Final = Text("no group")
today: Final = Text("today {day}")
NEUTRAL: Final[Mapping[GroupBy, str]] = {
    GroupBy.ACCOUNT: mark("account-{mark}"),
    GroupBy.USER: mark("user-{mark}"),
    GroupBy.PROJECT: mark("project-{mark}"),
    GroupBy.CONVERSATION: mark("conversation-{mark}"),
}


def neutral(by: GroupBy, mark_: str) -> str:
    """A name that tells nobody who it is."""
    return _(NEUTRAL[by], mark=mark_)


# --- figures
TODAY: Final = Text("TODAY")
DAYS_30: Final = Text("30 DAYS")
SINCE_START: Final = Text("SINCE START")
by_its_end: Final = Text("so far; {cost} by its end ({low}–{high})")
by_its_end_short: Final = Text("{cost} by its end")
NO_END: Final = Text("so far; its end is estimated after a week")
tokens: Final = Text("{amount} tokens")
since: Final = Text("since {time}")
NOT_BILLED: Final = Text("Cost is what the API would charge; your plans do not bill it.")
NOT_BILLED_SHORT: Final = Text("What the API would charge; your plans do not bill it.")
paid_for_plans: Final = Text("They cost {amount} a month.")
ESTIMATED: Final = Text("~: estimated.")
old_card: Final = Text("The prices are {age} old.")


def requests(count: int) -> str:
    """`412 requests`."""
    return n_("{shown} request", "{shown} requests", count, shown=f"{count:,}")


def unpriced(count: int, models: int) -> str:
    """What a sum leaves out."""
    told = n_("{shown} request", "{shown} requests", count, shown=f"{count:,}")
    return n_(
        "≥: {requests} of {count} model without a price.",
        "≥: {requests} of {count} models without a price.",
        models,
        requests=told,
    )


def unpriced_short(count: int) -> str:
    """The same in fewer words."""
    return n_(
        "≥: {shown} request without a price.",
        "≥: {shown} requests without a price.",
        count,
        shown=f"{count:,}",
    )


# --- the chart
most: Final = Text("most {day}")
TODAY_WORD: Final = Text("today")
NOW_WORD: Final = Text("now")
span_of_bars: Final = Text("{start} to {end}, {low} to {high} {step}")
_STEPS: Final[Mapping[str, str]] = {
    "hour": mark("an hour"), "day": mark("a day"), "week": mark("a week"), "month": mark("a month"),
}  # fmt: skip
NOTHING: Final = Text("nothing was used in this time, as far as is known")
NOTHING_READ: Final = Text("no session files have been read yet")


def a_step(step: str) -> str:
    """`a day`."""
    return _(_STEPS[step])


def others(count: int) -> str:
    """The models that have no shade of their own."""
    return n_("{count} other", "{count} others", count)


# --- the table
REQUESTS: Final = Text("REQUESTS")
INPUT: Final = Text("INPUT")
CACHED: Final = Text("CACHED")
OUTPUT: Final = Text("OUTPUT")
COST: Final = Text("COST")
EACH: Final = Text("A REQUEST")
EACH_SHORT: Final = Text("A REQ.")
SHARE: Final = Text("SHARE")
SHARE_OF_COST: Final = Text("SHARE OF COST")
TOTAL: Final = Text("total")
shown_of: Final = Text("{count} of {all}")
no_price: Final = Text("no price: rates why {model}")
NO_PRICE: Final = Text("no price")


def more(count: int) -> str:
    """Rows that do not fit."""
    return n_("… {count} more", "… {count} more", count)


# --- below it
LATEST: Final = Text("LATEST")
took: Final = Text("{input} in, {cached} cached, {output} out")
took_short: Final = Text("{input} in, {cached} cached")
IDEA: Final = Text("IDEA")
IDEAS: Final = Text("IDEAS")
other_model: Final = Text(
    "The same tokens on {model} instead of {most}: {cost}, {saved} less (prices only, not quality)"
)
other_model_short: Final = Text("On {model} instead of {most}: {saved} less (prices only)")
all_cached: Final = Text("{share} of the input was not read from the cache; all of it cached: {saved} less")
all_cached_short: Final = Text("{share} of the input was not cached; all cached: {saved} less")

# --- coverage
COVERAGE: Final = Text("COVERAGE")
FILES_GONE: Final = Text("the session files are gone; what they told is kept")
NO_FILES: Final = Text("no session files on this machine")
last_read: Final = Text("files last read {time}; anything newer is missing")
apart: Final = Text("{files}, {tokens}, apart and not in the totals.")
apart_short: Final = Text("{files}, apart.")
#: A clock was wrong when they were used.
ahead: Final = Text("{tokens} dated later than now by a wrong clock: in no total until then")
OTHER_MACHINES: Final = Text("Other machines: poolwatch data import")
reconciled: Final = Text("{share} of the tokens OpenAI counted are in them")
reconciled_short: Final = Text("{share} of the tokens OpenAI counted are in these files")
IMPORTED: Final = Text("lines that poolwatch data import took, from other programs and machines")
IMPORTED_SHORT: Final = Text("lines of other programs that poolwatch data import took")
accounts: Final = Text("accounts: {shares}")
by_home: Final = Text("{share} by home")
by_readings: Final = Text("{share} by matching readings")
unassigned: Final = Text("{share} unassigned")
NO_MATCH: Final = Text("nothing here has these letters")
FILTER_PROMPT: Final = Text("words  model:gpt-6  tier:fast  user:ann  group:night  -word  (a or b)  @saved")
matched: Final = Text("{count} of {all} shown")
NOTHING_BELOW: Final = Text("nothing to open here: o groups it in another way")
CANNOT_READ: Final = Text("what is known about use cannot be read: {why}")


def coverage(files: int, homes: int) -> str:
    """What was read."""
    where = n_("{count} home", "{count} homes", homes)
    return n_(
        "{shown} session file in {homes} on this machine",
        "{shown} session files in {homes} on this machine",
        files,
        shown=f"{files:,}",
        homes=where,
    )


def unverified(count: int) -> str:
    """Files that may repeat what others hold."""
    return n_("{shown} file unverified", "{shown} files unverified", count, shown=f"{count:,}")


def differing(count: int) -> str:
    """Files of which some use may be missing."""
    return n_(
        "{count} file tells of its tokens twice, and not the same: doctor names it",
        "{count} files tell of their tokens twice, and not the same: doctor names them",
        count,
    )


def unread(count: int) -> str:
    """Files with trouble."""
    return n_(
        "{count} file could not be read to its end: doctor names it",
        "{count} files could not be read to their end: doctor names them",
        count,
    )


def days(count: int) -> str:
    """`9 days`."""
    return n_("{count} day", "{count} days", count)
