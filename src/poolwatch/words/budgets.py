"""Words of budgets: how far each has gone, what it comes to, what it does at its limit, and its form."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from poolwatch.domain.budgets import AtLimit, BudgetPeriod, Each, LimitUnit, MeasuredBy
from poolwatch.domain.tokens import Origin
from poolwatch.words.catalogue import Text, _, mark, n_

TITLE: Final = Text("Budgets")
STRIP: Final = Text("BUDGETS")
time_zone: Final = Text("time zone {zone}")

# --- columns
NAME: Final = Text("NAME")
USED: Final = Text("USED")
SPENT: Final = Text("SPENT")
RESETS: Final = Text("RESETS")
STATE: Final = Text("STATE")

# --- amounts
credits_of: Final = Text("{amount} credits")
tokens_of: Final = Text("{amount} tokens")
of_limit: Final = Text("{spent} of {limit}")
part_of: Final = Text("{name}: {whose}")
NO_GROUP: Final = Text("no group")
resets: Final = Text("{day}, in {time}")
resets_soon: Final = Text("resets in {time}")
NEVER: Final = Text("never")
DUE: Final = Text("due")

# --- levels
OK: Final = Text("ok")
UNKNOWN: Final = Text("unknown")
over_percent: Final = Text("over {percent}")
AT_LIMIT: Final = Text("at its limit")
OVER_LIMIT: Final = Text("over its limit")
grace_left: Final = Text("GRACE, {time} left")
grace_until: Final = Text("GRACE, to {percent}")
GRACE: Final = Text("GRACE")
STOPPED: Final = Text("STOPPED")

# --- what comes
stays_under: Final = Text("{amount} by then: stays under")
goes_over: Final = Text("{amount} by then: over on {day}")
likely_over: Final = Text("{amount} by then: likely over, from {day} on")
may_go_over: Final = Text("{amount} by then: may go over, from {day} on")
amount_between: Final = Text("{median} ({low}–{high})")
NEVER_RESETS: Final = Text("never resets")
TOO_EARLY: Final = Text("too early to say what it comes to")
over_since: Final = Text("over since {time}")
OVER: Final = Text("over its limit")
NOT_KNOWN: Final = Text("what was spent is not known")
NOT_MEASURED: Final = Text("not measured yet")
#: as part of the sentence about one that is selected
stays_under_brief: Final = Text("stays under its limit")
goes_over_brief: Final = Text("over the limit on {day}")
likely_over_brief: Final = Text("likely over its limit from {day} on")
may_go_over_brief: Final = Text("may go over its limit from {day} on")
over_percent_since: Final = Text("over {percent} since {time}", "over {percent}")
over_limit_since: Final = Text("over its limit since {time}", "over its limit")
in_grace: Final = Text("in grace until {time}", "in grace")
stops_since: Final = Text("it says stop; over its limit since {time}", "it says stop")
used: Final = Text("{percent} used")
changes_it: Final = Text("{told}. {key} changes it")
told: Final = Text("{told}.")

# --- what it does at its limit
WARNS_ONLY: Final = Text("warns only")
warned_at: Final = Text("warned at {percents}")
warns_at: Final = Text("warns at {percents}")
both: Final = Text("{first} and {last}")
STOPS: Final = Text("at 100% it stops")
stops_after: Final = Text("at 100%: {grace} grace, then it stops")
grace_ends: Final = Text("in grace until {time}; then `poolwatch check` and `run` stop")
grace_ends_at: Final = Text("in grace until {percent}; then `poolwatch check` and `run` stop")
STOPS_NOW: Final = Text("`poolwatch check` and `run` say stop")
stops_until: Final = Text("`poolwatch check` and `run` say stop until {time}")

# --- what it counts
_COUNTS: Final[Mapping[LimitUnit, tuple[str, str]]] = {
    LimitUnit.USD: (mark("cost of {what}"), mark("counts the cost of {what}")),
    LimitUnit.CREDITS: (mark("credits of {what}"), mark("counts the credits of {what}")),
    LimitUnit.TOKENS: (mark("tokens of {what}"), mark("counts the tokens of {what}")),
    LimitUnit.PERCENT: (mark("weekly window of {what}"), mark("takes the weekly window of {what}")),
}
_MEASURED: Final[Mapping[MeasuredBy, str]] = {
    MeasuredBy.USAGE: mark("from session files"),
    MeasuredBy.BALANCE: mark("by its balance, top-ups taken out"),
    MeasuredBy.WINDOW: mark("by the window itself"),
}
FROM_IMPORTS: Final = Text("from imported usage")
_FROM_BOTH: Final = Text("from session files and imported usage")
balance_of: Final = Text("balance of {what}, top-ups taken out")
window_of: Final = Text("weekly window of {what}")
ALL: Final = Text("all accounts")
of_each: Final = Text("{what}, for each {each}")
nobody: Final = Text("no {each} is known that spent any of it")
measured_by: Final = Text("{what}, {how}")
about: Final = Text("{name} {what} since {day}, {how}", "{name} {what}, {how}")
STOP_IS_ASKED: Final = Text(
    "A stop is what `poolwatch check` and `poolwatch run` answer; nothing that already runs is ended."
)
STOP_IS_ASKED_SHORT: Final = Text(
    "A stop is what `poolwatch check` and `run` answer; nothing running is ended."
)

# --- the details of the selected one
FORECAST: Final = Text("FORECAST")
WARNINGS: Final = Text("WARNINGS")
AT_100: Final = Text("AT 100%")
BY: Final = Text("BY")
SHARES_NEED_ROOM: Final = Text("who spent it stands on a screen that is 110 columns wide")
EARLIER: Final = Text("EARLIER")
spent_since: Final = Text("{amount} since {day}", "{amount}")
left: Final = Text("{amount} left")
over_by: Final = Text("{amount} over")
is_estimated: Final = Text("{amount} of it is estimated")
AT_LEAST: Final = Text("It may be more: some of it has no price, or was not read yet")
read_at: Final = Text("Read {age} ago")
forecast_by: Final = Text("{amount} by {day} ({low}–{high}, 8 times in 10)")
over_between: Final = Text("Over the limit on {day}, {start}–{end}")
over_days: Final = Text("Over the limit between {start} and {end}")
likely_over_from: Final = Text("It likely goes over the limit, from {day} on")
may_be_over_from: Final = Text("It may go over the limit, from {day} on")
STAYS_UNDER: Final = Text("It stays under the limit")
reached_at: Final = Text("{percent} on {time}")
reached_today: Final = Text("{percent} today {time}")
reached_sent: Final = Text("{reached}, {sent}")
then_percents: Final = Text("then {percents}")
at_100_warns: Final = Text("warns only: `poolwatch check` says go, and `check --budget {name}` says stop")
at_100_stops: Final = Text("stops: `poolwatch check --budget {name}` then says so, exit 5")
at_100_grace: Final = Text(
    "warns; at {percent} (grace {grace}) it stops: `poolwatch check --budget {name}` then says so, exit 5"
)
at_100_grace_time: Final = Text(
    "warns; {grace} later it stops: `poolwatch check --budget {name}` then says so, exit 5"
)
earlier: Final = Text("{period} {spent} of {limit}, {how}", "{period} {spent} of {limit}")
stopped_from: Final = Text("stopped {start}–{end}")
by_whom: Final = Text("{name} {amount}")
READING: Final = Text("reading …")
NO_SHARES: Final = Text("nothing in this period")

# --- with none
NONE_AT_ALL: Final = Text("No budget is set.")
WHAT_ONE_IS: Final = Text(
    "A budget is a limit for a period: dollars, credits, tokens, or a part of the weekly window, of all "
    "accounts or of those that a filter finds. It warns before the limit is reached, and at it, or it stops "
    "whoever asks `poolwatch check` or `poolwatch run`."
)
proposes: Final = Text(
    "{key} opens a form with $10 a month for all usage. Nothing is written before {saves} there."
)
proposes_by_command: Final = Text("By command: poolwatch {command}")
READ_ONLY_NONE: Final = Text("This poolwatch is read-only: budgets are set in the configuration file.")
NO_MATCH: Final = Text("the filter finds no budget")
FILTER_PROMPT: Final = Text("words of a budget  group:night  -word  (a or b)  @saved")


def others(count: int, amount: str) -> str:
    """What is left of a list of shares."""
    return n_("{count} other {amount}", "{count} others {amount}", count, amount=amount)


def more(above: int, below: int) -> str:
    """How many rows have no room, and where they are."""
    if above and below:
        return _("… {above} above, {below} below", above=above, below=below)
    return _("… {count} above", count=above) if above else _("… {count} more", count=below)


def counted(count: int, over: int, warned: int) -> str:
    """`4 · 1 over, 1 warned`."""
    parts = [
        told
        for number, told in (
            (over, n_("{count} over", "{count} over", over)),
            (warned, n_("{count} warned", "{count} warned", warned)),
        )
        if number
    ]
    return f"{count} · {', '.join(parts)}" if parts else str(count)


def matched(count: int, total: int) -> str:
    """How many budgets a filter lets through."""
    return n_("{shown} of {count} budget", "{shown} of {count} budgets", total, shown=count)


def counts(unit: LimitUnit, what: str, *, in_sentence: bool = False) -> str:
    """`cost of all accounts`, or `counts the cost of all accounts`."""
    return _(_COUNTS[unit][1 if in_sentence else 0], what=what)


def how_measured(by: MeasuredBy) -> str:
    """`from session files`."""
    return _(_MEASURED[by])


def how_counted(origins: Collection[Origin]) -> str:
    """By usage: what told of it."""
    if Origin.IMPORTED not in origins:
        return how_measured(MeasuredBy.USAGE)
    return _FROM_BOTH() if Origin.FILES in origins else FROM_IMPORTS()


# --- the form
ADDING: Final = Text("a new one")
former: Final = Text("{before} → ")
_FIELDS: Final = {
    "name": mark("name"),
    "filter": mark("filter"),
    "unit": mark("limit in"),
    "limit": mark("limit"),
    "each": mark("one each for"),
    "period": mark("period"),
    "starts_on": mark("starts on"),
    "time_zone": mark("time zone"),
    "warn_at": mark("warn at, %"),
    "at_limit": mark("at 100%"),
    "grace": mark("grace"),
}
#: said in an empty field
_EMPTY: Final = {
    "filter": mark("all usage"),
    "time_zone": mark("this machine's"),
    "warn_at": mark("nothing before 100"),
    "grace": mark("none, or 10%, or a time such as 2h"),
}
_FIRST_DAYS: Final[Mapping[BudgetPeriod, str]] = {
    BudgetPeriod.DAILY: mark("midnight"),
    BudgetPeriod.WEEKLY: mark("Monday"),
    BudgetPeriod.MONTHLY: mark("the 1st"),
    BudgetPeriod.NEVER: mark("it never begins anew"),
}
_HINTS: Final = {
    "filter": mark("such as group:night, model:sol tier:fast, operation:image; tab completes"),
    "starts_on": mark("a day like friday, or of the month: 31 is its last"),
    "grace": mark("10%, or a time such as 2h"),
}
_UNITS: Final[Mapping[LimitUnit, str]] = {
    LimitUnit.USD: mark("cost"),
    LimitUnit.CREDITS: mark("credits"),
    LimitUnit.TOKENS: mark("tokens"),
    LimitUnit.PERCENT: mark("weekly window"),
}
NOTHING: Final = Text("nothing")
_EACH: Final[Mapping[Each, str]] = {
    Each.ACCOUNT: mark("account"),
    Each.GROUP: mark("group"),
    Each.USER: mark("user"),
}
_PERIODS: Final[Mapping[BudgetPeriod, str]] = {
    BudgetPeriod.DAILY: mark("daily"),
    BudgetPeriod.WEEKLY: mark("weekly"),
    BudgetPeriod.MONTHLY: mark("monthly"),
    BudgetPeriod.NEVER: mark("never"),
}
_AT_LIMIT: Final[Mapping[AtLimit, str]] = {AtLimit.WARN: mark("warn"), AtLimit.STOP: mark("stop")}
NOT_LIMIT: Final = Text("a limit is above 0, e.g. $10, 250 credits, 5M tokens, 80%")
NO_NAME: Final = Text("a budget needs a name")
TAKEN: Final = Text("another budget has this name")
NAME_TOO_LONG: Final = Text("a name has 64 characters at most")
NOT_STARTS_WEEKLY: Final = Text("a day like monday")
NOT_STARTS_MONTHLY: Final = Text("a day from 1 to 31; 31 is the last of each month")
NOT_STARTS: Final = Text("only weekly and monthly budgets have one")
NOT_PERCENTS: Final = Text("percentages from 1 to 100, such as 75, 90")
NOT_GRACE: Final = Text("10%, or a time such as 2h")
GRACE_OF_WHAT: Final = Text("only a budget that stops has one")
next_reset: Final = Text("next reset {time}")
with_limit: Final = Text("With {limit}: {percent} used; {comes}.", "With {limit}: {percent} used.")
with_each: Final = Text("With {limit} each: most has {whose}, {percent} used.")
should_last: Final = Text("{amount} by {day}, so it should last")
will_be_over: Final = Text("{amount} by {day}, so it goes over")
likely_goes_over: Final = Text("{amount} by {day}, so it likely goes over")
may_be_over: Final = Text("{amount} by {day}, so it may go over")
IS_OVER: Final = Text("that is over already")
NOT_KNOWN_WITH: Final = Text("What was spent by that is not known.")
COUNTING: Final = Text("counting …")
NOT_YET: Final = Text("Nothing is written as long as a value is wrong.")
UNCHANGED: Final = Text("Nothing is changed yet.")
writes_to: Final = Text("{key} writes it to {path}; comments there are kept.")
by_command: Final = Text("The same by command: poolwatch {command}")
so_far: Final = Text("{amount} so far")
NOTHING_THERE: Final = Text("nothing so far in this period")
saved: Final = Text("{name} is saved")
added: Final = Text("{name} is added")
not_saved: Final = Text("nothing was written: {why}")
NO_FILE: Final = Text("nothing tells where the configuration file is")
SAVING: Final = Text("saving …")
NOTHING_TO_CHANGE: Final = Text("there is no budget to change; {key} adds one")


MEASURED_FOR: Final = Text("measured for")
_SOME_OPERATIONS: Final = Text("{names} (by filter)")
_BY_FILTER: Final = Text("{names} (by filter, e.g. operation:image)")
_EVERY_OPERATION: Final = Text("every operation")
_FILTERED: Final = Text("what the filter lets through")
#: More are not named.
_OPERATIONS: Final = 3


def operations(names: Sequence[str], *, is_all: bool) -> str:
    """The operations that a budget is measured for, of those that are known; `is_all`: of all."""
    if not names:
        return _BY_FILTER(_EVERY_OPERATION()) if is_all else _FILTERED()
    shown = " · ".join([*names[:_OPERATIONS], *(["…"] if len(names) > _OPERATIONS else [])])
    return (_BY_FILTER if is_all else _SOME_OPERATIONS)(shown)


def field(name: str) -> str:
    """What a row of the form is called."""
    return _(_FIELDS[name])


def empty(name: str, of: BudgetPeriod) -> str:
    """What an empty field of the form means; "" where it may not be empty."""
    if name == "starts_on":
        return _(_FIRST_DAYS[of])
    return _(_EMPTY[name]) if name in _EMPTY else ""


def hint(name: str) -> str:
    """What can be typed; "" where that says itself."""
    return _(_HINTS[name]) if name in _HINTS else ""


def unit(of: LimitUnit) -> str:
    """What a limit can be in."""
    return _(_UNITS[of])


def each(of: Each | None) -> str:
    """Who has a limit of their own."""
    return NOTHING() if of is None else _(_EACH[of])


def period(of: BudgetPeriod) -> str:
    """How often it begins anew."""
    return _(_PERIODS[of])


def at_limit(of: AtLimit) -> str:
    """What it does at its limit."""
    return _(_AT_LIMIT[of])


def accounts_match(count: int) -> str:
    """How many accounts a filter finds."""
    return n_("{count} account matches", "{count} accounts match", count)
