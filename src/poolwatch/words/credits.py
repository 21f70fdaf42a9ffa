"""Words of balances: why one was not read, what `credits` says, and what the screen of credits shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from poolwatch.words.catalogue import Text, _, mark, n_

if TYPE_CHECKING:
    from poolwatch.domain.balances import BalanceLevel

#: Why a balance is not known; `path` is a file.
TEXTS: Final[Mapping[str, str]] = {
    "credits.no_key": mark("it needs a key: name a file in api_key_file, or a variable in api_key_env"),
    "credits.id_file": mark("{path} {why}; nothing was sent"),
    "credits.no_id": mark("holds no id: one line of plain text is needed"),
    "credits.not_offered": mark("no longer offered ({status})"),
    "credits.key_refused": mark("the service refuses the key ({status})"),
    "credits.wants_key": mark("the service wants a key ({status})"),
    "credits.wants_payment": mark("the service wants to be paid before it answers ({status})"),
    "credits.no_success": mark("the service says that it failed ({wanted} is not so)"),
    "credits.no_figures": mark("the answer holds no figures where they are looked for"),
    "credits.no_unit": mark("the answer names no unit"),
    "credits.used_up_of_what": mark("all is used up; the answer does not name its unit"),
    "credits.zeros": mark("the service answers zeros alone, as it does when it fails"),
    "credits.no_list": mark("the answer has no list at {place}"),
    "credits.no_row": mark("the answer has no row for {pick}"),
    "credits.many_rows": mark(
        "the answer has {count} rows for {pick}; say which in the [[sources]] of the configuration, like "
        'pick = "{example}"'
    ),
    "monitor.no_balances": mark("balances are not read: {why}"),
}

NO_BALANCE: Final = Text("no balance is configured, and no account has credits; one is added by {command}")
NO_FOCUS: Final = Text("tmux does not tell of the focus, on which balances without a timer are read")
NOT_READ: Final = Text("not read yet")
UNLIMITED: Final = Text("unlimited")
LEFT_OF: Final = Text("{left} of {limit}")
LEFT_BOUGHT: Final = Text("{left} of {total} bought")
RESET_DUE: Final = Text("reset due")
RESETS: Final = Text("resets {at}")
MOMENT: Final = Text("{at}, in {time}")
LAST_RESET: Final = Text("last reset seen {at}")
LOW: Final = Text("low")
EMPTY: Final = Text("used up")
NOT_A_BALANCE: Final = Text("{name} is no balance, but a source of accounts: {command} reads those")
BALANCE_ANSWERS: Final = Text("{name}: {left}")
WEB: Final = Text("web")
#: the key that charges it
HERE: Final = Text("$")
#: the command that does
BY_COMMAND: Final = Text("topups buy")
TOPS_UP: Final = Text("{key} tops it up")
TOPS_UP_NAMED: Final = Text("{key} tops up {name}")
NOT_BOUGHT: Final = Text("nothing can be bought for {name}: it is filled up by the service, or not at all")
NOT_BOUGHT_HERE: Final = Text("nothing can be bought here")
ONE_CREDIT: Final = Text("1 credit")
NAME: Final = Text("BALANCE")
LEFT: Final = Text("LEFT")
READ: Final = Text("READ")
TOP_UP: Final = Text("TOP UP")


def matched(count: int, total: int) -> str:
    """How many balances a filter lets through."""
    return n_("{shown} of {count} balance", "{shown} of {count} balances", total, shown=count)


def requests_left(cost: str, count: int) -> str:
    """`1 credit a request: 87 requests left`."""
    return n_(
        "{cost} a request: {count} request left",
        "{cost} a request: {count} requests left",
        count,
        cost=cost,
    )


def level_word(level: BalanceLevel) -> str:
    """What colour alone must not say; "" where enough is left, or nobody knows."""
    match level.value:
        case "low":
            return LOW()
        case "empty":
            return EMPTY()
        case _:
            return ""


# --- the strip and the screen

STRIP: Final = Text("BALANCES")
TITLE: Final = Text("Credits and balances")
A_DAY: Final = Text("A DAY")
LASTS: Final = Text("LASTS")
RESETS_READ: Final = Text("RESETS / LAST READ")
USED_A_DAY: Final = Text("{amount} a day")
TO_RESET: Final = Text("to the reset")
READ_AGE: Final = Text("read {age} ago")
ON_DEMAND: Final = Text("on focus and r only")
NEVER_ADDED: Final = Text("Units are never added up: one line for each.")
NEVER_ADDED_SHORT: Final = Text("units are never added up")
DAYS_HEADING: Final = Text("LAST 7 DAYS, {name}")
END_OF_DAY: Final = Text("left at the end of each day")
TODAY: Final = Text("today {left}")
DAY: Final = Text("{day} {left}")
OUT_AT: Final = Text("{told}, {time}")
CREDITS_LEFT: Final = Text("{amount} credits")
POOL: Final = Text("pool {name}", "pool")
MORE_ACCOUNTS: Final = Text("{count} more")
UNKNOWN_ACCOUNTS: Final = Text("{count} unknown")
UNLIMITED_ACCOUNTS: Final = Text("{count} unlimited")
OUT_OF_CREDITS: Final = Text("out of credits")
BACK: Final = Text("back {at}")
INSTEAD: Final = Text("use instead: {name}")
USED_UP: Final = Text("used up")
READING: Final = Text("{name} is being read …")
HISTORY_OF_ACCOUNTS: Final = Text("accounts have histories of their own: H on the pool")
NO_READING: Final = Text("{name} is read with the accounts: r and u there")
FILTER_PROMPT: Final = Text("words  level:low  balance<10  unit:usd  trouble:yes  -word  @saved")
NO_MATCH: Final = Text("No balance matches; esc clears the filter.")
NONE: Final = Text("No balance is configured, and no account has credits.")
ONE_IS_ADDED: Final = Text("poolwatch sources add {service} adds one.")
TOPS_ITSELF_UP: Final = Text("the service buys more by itself below {amount}")
CHARGED_AT: Final = Text("it can be charged at {address}")

# --- the history of one

NEVER_READ: Final = Text("poolwatch has not read this balance yet; the line begins with the first reading")
SCALE_EMPTY: Final = Text("red to {empty}")
LEFT_OF_UNIT: Final = Text("{unit} left")
LEFT_THEN: Final = Text("{amount} left")
USED_THEN: Final = Text("{amount} used")
COMES_BACK: Final = Text("RESETS")
CAME: Final = Text("TOP-UPS")
CAME_AT: Final = Text("{when} {was} → {now}")
TOO_SHORT: Final = Text("less than a day is kept of it")
A_DAY_OF_WEEK: Final = Text("{amount} a day, by what is kept of the last 7 days")
LASTS_TO_RESET: Final = Text("lasts to the reset")
LASTS_TO: Final = Text("lasts to {at}, at that pace")
BALANCE: Final = Text("balance")
position: Final = Text("balance ‹{nth} of {count}›")

_PERIODS: Final[Mapping[str, str]] = {
    "daily": mark("daily credits used up"),
    "weekly": mark("weekly credits used up"),
    "monthly": mark("monthly credits used up"),
}


def used_up(period: str) -> str:
    """That nothing is left of what comes back by the calendar, or of what was bought: then `period` is ""."""
    text = _PERIODS.get(period)
    return USED_UP() if text is None else _(text)
