"""Words of the strip, the detail screen, the message line, the questions and the first-run screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from poolwatch.domain.account import Custody
from poolwatch.domain.failure import FailureKind
from poolwatch.words.account import AGE_UNKNOWN
from poolwatch.words.catalogue import Text, _, mark, n_

PROGRAM: Final = "poolwatch"

# --- the strip
NEEDS_YOU: Final = Text("NEEDS YOU")
ACTIVE: Final = Text("ACTIVE")
NEXT_UP: Final = Text("NEXT UP")
NEXT_BACK: Final = Text("NEXT BACK")
CREDITS: Final = Text("CREDITS")
WEEKLY_MAX: Final = Text("WEEKLY MAX")
WEEKLY_LOW: Final = Text("WEEKLY LOW")
NO_WINDOWS: Final = Text("no usage windows")
ON_CREDITS: Final = Text("only credits keep it going")
NEED_LOGIN: Final = Text("sign in")
NEED_DEACTIVATED: Final = Text("deactivated")
_NEED_TROUBLE: Final[Mapping[FailureKind, str]] = {
    FailureKind.EDGE_BLOCKED: mark("blocked by Cloudflare"),
    FailureKind.CONFLICT: mark("in two files"),
    FailureKind.AMBIGUOUS: mark("interrupted"),
    FailureKind.KEPT: mark("new login waiting"),
}
#: The same where there is little room.
_NEED_TROUBLE_SHORT: Final[Mapping[FailureKind, str]] = {FailureKind.EDGE_BLOCKED: mark("blocked")}

# --- figures
USED: Final = Text("used")
LEFT: Final = Text("left")
UNDER_A_MINUTE: Final = Text("<1m")
MINUTES: Final = Text("{count}m")
HOURS: Final = Text("{count}h")
DAYS: Final = Text("{count}d")
YEARS: Final = Text("{count}y")
_WEEKDAYS: Final = (mark("Mon"), mark("Tue"), mark("Wed"), mark("Thu"), mark("Fri"), mark("Sat"), mark("Sun"))
_MONTHS: Final = (
    mark("Jan"), mark("Feb"), mark("Mar"), mark("Apr"), mark("May"), mark("Jun"),
    mark("Jul"), mark("Aug"), mark("Sep"), mark("Oct"), mark("Nov"), mark("Dec"),
)  # fmt: skip

# --- the detail screen
WINDOWS: Final = Text("WINDOWS")
RESETS_COLUMN: Final = Text("RESETS")
MONEY: Final = Text("MONEY")
RESETS: Final = Text("RESETS")
LOGIN: Final = Text("LOGIN")
PLAN: Final = Text("PLAN")
SOURCES: Final = Text("SOURCES")
RECENT: Final = Text("RECENT")
TROUBLE: Final = Text("TROUBLE")
RAW: Final = Text("RAW")
RAW_LINE: Final = Text("x opens the last payload, redacted")
NO_CREDITS: Final = Text("no credits on this plan")
CREDITS_UNKNOWN: Final = Text("credits unknown")
NO_SPEND_LIMIT: Final = Text("no spend limit")
SPEND_UNKNOWN: Final = Text("spend limit unknown")
NOTHING_YET: Final = Text("nothing yet")
RESETS_UNKNOWN: Final = Text("banked resets unknown")
RESET_NEVER_EXPIRES: Final = Text("never expires")
RESET_EXPIRY_UNKNOWN: Final = Text("expiry unknown")
NO_RESETS: Final = Text("none banked")
NOT_READ: Final = Text("not read yet")
NO_WINDOW: Final = Text("no window")
NOT_LISTED: Final = Text("not listed by any source")
NO_FIELDS: Final = Text("nothing newer than the other sources")
TOKEN_FIELD: Final = Text("token")
_FIELDS: Final[Mapping[str, str]] = {
    "plan": mark("plan"),
    "base": mark("windows"),
    "review": mark("review"),
    "extras": mark("other buckets"),
    "credits": mark("credits"),
    "spend": mark("spend limits"),
    "reset_credits": mark("resets"),
    "reset_list": mark("reset list"),
}
_CUSTODY: Final[Mapping[Custody, str]] = {
    Custody.POOLWATCH: mark(
        "r renews the login: poolwatch owns it, and nobody else spends its refresh token"
    ),
    Custody.POOL: mark("r asks the pool to renew it; poolwatch never sees its tokens"),
    Custody.CODEX: mark(
        "r re-reads the file and asks codex if it has expired; poolwatch never spends this login"
    ),
    Custody.OTHER: mark("r re-reads the file; its owner must renew it; poolwatch never spends this login"),
    Custody.STATIC: mark("nothing to renew; r reads the usage"),
}
SHARED_EXPLAINED: Final = Text(
    "r renews nothing: the login is in two files, and is not spent until one is left"
)
DEAD_EXPLAINED: Final = Text("r cannot renew it: its refresh token is dead; sign in again")
UNDELEGATED_EXPLAINED: Final = Text(
    "r re-reads the file; Codex must renew it (delegate_to_codex is off); poolwatch never spends this login"
)

# --- the message line and questions
PAUSED: Final = Text("polling is paused; p resumes")
RESUMED: Final = Text("polling resumes")
NO_MATCH: Final = Text("no account matches; esc clears the filter")
NOTHING_NEEDS_YOU: Final = Text("nothing needs you")
NOBODY_SELECTED: Final = Text("no account is selected")
COLUMNS_ARE_THE_TABLES: Final = Text("only the table has columns; v changes the view, s the order")
no_column: Final = Text("the table has {count} columns here")
GROUPS_ARE_THE_HIVES: Final = Text("only the hive has groups; v changes the view")
ALREADY_RUNNING: Final = Text("this account is already being refreshed")
#: Of an account whose row has no room for its age.
last_read: Final = Text("last read {age} ago")
NO_ANSWER: Final = Text("the poolwatch that polls did not answer within 5 s; it may be stuck")
NO_RAW: Final = Text("no payload of this account in this run; u reads one")

# --- first run
NO_ACCOUNTS: Final = Text("No accounts yet. Looked for:")
OPEN_DEMO: Final = Text("open the demo: 12 simulated accounts, nothing leaves this machine")
ADD_FOLDER: Final = Text("add a Codex home or a folder of auth files")
USE_HERE: Final = Text("what was used, as the session files of Codex on this machine tell")
HOW_TREATED: Final = Text("how logins are treated: poolwatch never spends a token it does not own")
SHELL_HINT: Final = Text("the same from a shell: poolwatch sources add KIND URL|PATH")


def matched(count: int, total: int) -> str:
    """How many accounts a filter lets through: `3 of 12 match`."""
    if not count:
        return _("none of {total} matches", total=total)
    return n_("{count} of {total} matches", "{count} of {total} match", count, total=total)


def weekday(at: date) -> str:
    return _(_WEEKDAYS[at.weekday()])


def month(at: date) -> str:
    return _(_MONTHS[at.month - 1])


freshness: Final = Text("fresh {fresh} of {accounts} · oldest {age}", "fresh {fresh} of {accounts}")
freshness_short: Final = Text("fresh {fresh}/{accounts} · oldest {age}", "fresh {fresh}/{accounts}")


#: `57/60 fresh`.
freshness_tiny: Final = Text("{fresh}/{accounts} fresh")


def need_trouble(kind: FailureKind, *, brief: bool = False) -> str:
    """The kinds of trouble that need a person, as counted in the strip."""
    if brief and kind in _NEED_TROUBLE_SHORT:
        return _(_NEED_TROUBLE_SHORT[kind])
    return _(_NEED_TROUBLE[kind]) if kind in _NEED_TROUBLE else _("in trouble")


#: Behind the count of the active ones.
of_all: Final = Text("of {accounts}")
#: `14:50, in 47m; 4 more by 16:00`.
back: Final = Text("{time}, in {left}; {count} more by {by}", "{time}, in {left}")
#: `14:50, 4 more by 16:00`.
back_short: Final = Text("{time}, {count} more by {by}", "{time}")


def weekly(percent: str, reset: str, more_full: int) -> str:
    """`100%, in 1d 20h; 5 more full`."""
    told = _("{percent}, in {left}", percent=percent, left=reset) if reset else percent
    return f"{told}; {_('{count} more full', count=more_full)}" if more_full else told


def weekly_short(percent: str, reset: str, more_full: int) -> str:
    """`100% in 1d 20h, 5 more full`."""
    told = _("{percent} in {left}", percent=percent, left=reset) if reset else percent
    return f"{told}, {_('{count} more full', count=more_full)}" if more_full else told


def credits_beside(unlimited: int, unknown: int, old: str) -> str:
    """What stands beside the total: `1 unlimited, 1 unknown, 250.00 of it old`."""
    parts = [_("{count} unlimited", count=unlimited)] if unlimited else []
    if unknown:
        parts.append(_("{count} unknown", count=unknown))
    if old:
        parts.append(_("{amount} of it old", amount=old))
    return ", ".join(parts)


#: One line for a source that does not answer.
source_down: Final = Text("{source}: {why} since {time}")


def numbers_kept(accounts: int) -> str:
    """After a source that gives none."""
    if not accounts:
        return ""
    return n_(
        "; its {count} account keeps the last numbers",
        "; its {count} accounts keep the last numbers",
        accounts,
    )


def skew(span: str, *, behind: bool) -> str:
    """One line for a clock that differs from the service's."""
    if behind:
        return _("this machine's clock is {span} behind the service's", span=span)
    return _("this machine's clock is {span} ahead of the service's", span=span)


#: `11 of 12 accounts: unreachable since 23:52; the last numbers stay`.
outage: Final = Text("{count} of {total} accounts: {why} since {time}; the last numbers stay")
#: The same where none of them was ever read.
outage_unread: Final = Text("{count} of {total} accounts: {why} since {time}")


# --- why this account is the next one
WHY_PERISHABLE: Final = Text("most weekly room to lose")
WHY_NO_WEEKLY: Final = Text("no weekly limit")


def says(source: str, figures: str, age: str) -> str:
    """One of two pools that disagree: `north says 5h 34%, weekly 18% (4m ago)`."""
    if not age:
        return _("{source} says {figures} ({age})", source=source, figures=figures, age=AGE_UNKNOWN())
    return _("{source} says {figures} ({age} ago)", source=source, figures=figures, age=age)


#: Beside a window's figure.
resets_in: Final = Text("resets in {left}")

# --- the detail screen

#: `read 13:59, 4m ago`.
read: Final = Text("read {time}, {age} ago")
#: The workspace by its name, or by the start of its id.
workspace: Final = Text("workspace {name}")


def reset_expires(at: str, left: str) -> str:
    """When one banked reset is lost: `expires Sat 28 Nov 14:00 CET · 6d 3h`."""
    return f"{_('expires {time}', time=at)} · {left}"


#: Beside a count of banked resets that the list does not bear out; no age, where both are as old.
list_shows: Final = Text("the list of {age} ago shows {count}", "the list shows {count}")

#: After the banked resets that have room.
more_resets: Final = Text("+{count} more")


#: `2 banked, 1 usable now`.
banked: Final = Text("{count} banked, {usable} usable now", "{count} banked")

#: When the first banked reset is lost.
nearest_expires: Final = Text("the first expires {time} ({left})")
#: `131.25 of 400.00 used, 33%`.
spent: Final = Text("{used} of {limit} used, {percent}")
#: `owned by Codex: ~/.codex-b/auth.json`.
owned_by: Final = Text("owned by {owner}: {path}", "owned by {owner}")
#: `token until Sun 29 Nov (9d)`.
token_to: Final = Text("token until {day} ({left})")
token_expired: Final = Text("token expired {age} ago")


def custody_explained(custody: Custody) -> str:
    """What `r` does with a login in that custody."""
    return _(_CUSTODY[custody])


#: `paid until 12 Dec (from the login, as of 19 Nov)`.
paid_until: Final = Text(
    "paid until {day} (from the login, as of {when})", "paid until {day} (from the login)"
)


def field_name(field: str) -> str:
    """A field of a reading, as the detail screen names what a source knows; "" for one that has no name."""
    return _(_FIELDS[field]) if field in _FIELDS else ""


#: A source that does not answer, in the list of an account's sources.
down: Final = Text("down: {why}")

# --- questions and answers

#: The question before a refresh of many.
ask_many: Final = Text("Refresh {count} accounts, spread out?")
ask_many_usage: Final = Text("Read the usage of {count} accounts, spread out?")


#: The question before a login whose reply was lost is spent once more.
ask_once: Final = Text(
    "The reply to the last refresh was lost at {time}; the login may be spent. Try once?",
    "The reply to the last refresh was lost; the login may be spent. Try once?",
)

#: The first `r` under a Retry-After.
told_to_wait: Final = Text("told to wait until {time}; r again asks now")
#: A command for a simulated account: what a shell does with it must touch no real one.
as_comment: Final = Text("# simulated: {command}")
#: What went to the clipboard.
copied: Final = Text("copied: {text}")
