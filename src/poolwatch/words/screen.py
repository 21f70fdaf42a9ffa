"""Words of the strip, the detail screen, the message line and the questions."""

from __future__ import annotations

from typing import Final

from poolwatch.domain.account import Custody
from poolwatch.domain.failure import FailureKind
from poolwatch.words.status import AGE_UNKNOWN

PROGRAM: Final = "poolwatch"

# --- the strip
NEEDS_YOU: Final = "NEEDS YOU"
ACTIVE: Final = "ACTIVE"
NEXT_UP: Final = "NEXT UP"
NEXT_BACK: Final = "NEXT BACK"
CREDITS: Final = "CREDITS"
WEEKLY_MAX: Final = "WEEKLY MAX"
WEEKLY_LOW: Final = "WEEKLY LOW"
NO_WINDOWS: Final = "no usage windows"
ON_CREDITS: Final = "only credits keep it going"


def freshness(fresh: int, accounts: int, oldest: str) -> str:
    """`fresh 57 of 60 · oldest 3d 2h`."""
    told = f"fresh {fresh} of {accounts}"
    return f"{told} · oldest {oldest}" if oldest else told


def freshness_short(fresh: int, accounts: int, oldest: str) -> str:
    """`fresh 57/60 · oldest 3d`."""
    told = f"fresh {fresh}/{accounts}"
    return f"{told} · oldest {oldest}" if oldest else told


def freshness_tiny(fresh: int, accounts: int) -> str:
    """`57/60 fresh`."""
    return f"{fresh}/{accounts} fresh"


def need(count: int, words: str, oldest: str = "") -> str:
    """`2 sign in`, `1 edge blocked 26m`."""
    return f"{count} {words} {oldest}" if oldest else f"{count} {words}"


NEED_LOGIN: Final = "sign in"
NEED_DEACTIVATED: Final = "deactivated"
_NEED_TROUBLE: Final = {
    FailureKind.EDGE_BLOCKED: "edge blocked",
    FailureKind.CONFLICT: "in two files",
    FailureKind.AMBIGUOUS: "interrupted",
    FailureKind.KEPT: "login kept apart",
}


def need_trouble(kind: FailureKind) -> str:
    """The kinds of trouble that need a person, as counted in the strip."""
    return _NEED_TROUBLE.get(kind, "in trouble")


def back(clock: str, left: str, more: int, by: str) -> str:
    """`14:50, in 47m; 4 more by 16:00`."""
    return f"{clock}, in {left}; {more} more by {by}" if more else f"{clock}, in {left}"


def back_short(clock: str, more: int, by: str) -> str:
    """`14:50, 4 by 16:00`."""
    return f"{clock}, {more} by {by}" if more else clock


def weekly(percent: str, reset: str, more_full: int) -> str:
    """`100 %, in 1d 20h; 5 more full`."""
    told = f"{percent}, in {reset}" if reset else percent
    return f"{told}; {more_full} more full" if more_full else told


def weekly_short(percent: str, reset: str, more_full: int) -> str:
    """`100 % in 1d 20h, 5 more`."""
    told = f"{percent} in {reset}" if reset else percent
    return f"{told}, {more_full} more" if more_full else told


def credits_beside(unlimited: int, unknown: int, old: str) -> str:
    """What stands beside the total: `1 unlimited, 1 unknown, 250.00 of it old`."""
    parts = [f"{unlimited} unlimited"] if unlimited else []
    if unknown:
        parts.append(f"{unknown} unknown")
    if old:
        parts.append(f"{old} of it old")
    return ", ".join(parts)


def credits_beside_short(unlimited: int, unknown: int, *, old: bool) -> str:
    """The same for narrow screens: `+1∞ 1? old`."""
    parts = [f"+{unlimited}∞"] if unlimited else []
    if unknown:
        parts.append(f"{unknown}?")
    if old:
        parts.append("part old")
    return " ".join(parts)


def source_down(name: str, words: str, since: str, accounts: int) -> str:
    """One line for a source that does not answer."""
    return f"{name}: {words} since {since}{_kept(accounts)}"


def source_waits(name: str, words: str, accounts: int) -> str:
    """One line for a source that is asked again at a time that stands in the words."""
    return f"{name}: {words}{_kept(accounts)}"


def _kept(accounts: int) -> str:
    if not accounts:
        return ""
    return f"; its {accounts} account{'s keep' if accounts != 1 else ' keeps'} the last numbers"


def skew(span: str, *, behind: bool) -> str:
    """One line for a clock that differs from the service's."""
    return f"this machine's clock is {span} {'behind' if behind else 'ahead of'} the service's"


def outage(count: int, of: int, words: str, since: str) -> str:
    """`11 of 12 accounts: unreachable since 23:52; the last numbers stay`."""
    return f"{count} of {of} accounts: {words} since {since}; the last numbers stay"


# --- why this account is the next one
WHY_PERISHABLE: Final = "most weekly room to lose"
WHY_NO_WEEKLY: Final = "no weekly limit"


def why(reason: str, figures: str) -> str:
    """One sentence for the choice: the reason, then the figures it rests on."""
    return f"{reason}: {figures}" if figures else reason


def says(source: str, figures: str, age: str) -> str:
    """One of two pools that disagree: `north says 5h 34 %, weekly 18 % (4m ago)`."""
    return f"{source} says {figures} ({age} ago)" if age else f"{source} says {figures} ({AGE_UNKNOWN})"


def resets_in(left: str) -> str:
    """Beside a window's figure."""
    return f"resets in {left}"


# --- detail screen
WINDOWS: Final = "WINDOWS"
RESETS_COLUMN: Final = "RESETS"
MONEY: Final = "MONEY"
RESETS: Final = "RESETS"
LOGIN: Final = "LOGIN"
PLAN: Final = "PLAN"
SOURCES: Final = "SOURCES"
LATELY: Final = "LATELY"
TROUBLE: Final = "TROUBLE"
RAW: Final = "RAW"
RAW_LINE: Final = "x opens the last payload, redacted"
NO_CREDITS: Final = "no credits on this plan"
CREDITS_UNKNOWN: Final = "credits unknown"
NO_SPEND_LIMIT: Final = "no spend limit"
SPEND_UNKNOWN: Final = "spend limit unknown"
NOTHING_YET: Final = "nothing yet"
REFRESHED: Final = "refresh: {line}"
RESETS_UNKNOWN: Final = "banked resets unknown"
RESET_NEVER_EXPIRES: Final = "never expires"
RESET_EXPIRY_UNKNOWN: Final = "expiry unknown"
NO_RESETS: Final = "none banked"
NOT_READ: Final = "never read"
NO_WINDOW: Final = "no window"
NOT_LISTED: Final = "not listed by any source"


def read(clock: str, age: str) -> str:
    """`read 13:59, 4m ago`."""
    return f"read {clock}, {age} ago"


def workspace(name: str) -> str:
    """The workspace by its name, or by the start of its id."""
    return f"workspace {name}"


def reset_expires(at: str, left: str) -> str:
    """When one banked reset is lost: `expires Sat 28 Nov 14:00 CET · 6d 3h`."""
    return f"expires {at} · {left}"


def list_shows(count: int, age: str) -> str:
    """Beside a count of banked resets that the list does not bear out; no age, where both are as old."""
    return f"the list of {age} ago shows {count}" if age else f"the list shows {count}"


def more_resets(count: int) -> str:
    """After the banked resets that have room."""
    return f"+{count} more"


def banked(available: int, applicable: int | None) -> str:
    """`2 banked, 1 usable now`."""
    return f"{available} banked" if applicable is None else f"{available} banked, {applicable} usable now"


def nearest_expires(at: str, left: str) -> str:
    """When the first banked reset is lost."""
    return f"the nearest expires {at} ({left})"


def spent(used: str, limit: str, percent: str) -> str:
    """`131.25 of 400.00 used, 33 %`."""
    return f"{used} of {limit} used, {percent}"


def owned_by(owner: str, path: str) -> str:
    """`owned by Codex: ~/.codex-b/auth.json`."""
    return f"owned by {owner}: {path}" if path else f"owned by {owner}"


def token_to(day: str, left: str) -> str:
    """`token to Sun 29 Nov (9d)`."""
    return f"token to {day} ({left})"


TOKEN_OVER: Final = "token expired {age} ago"  # noqa: S105 - words on screen

_CUSTODY: Final = {
    Custody.POOLWATCH: "r renews the login: poolwatch owns it and alone spends its refresh token",
    Custody.POOL: "r asks the pool to renew it; poolwatch never sees its tokens",
    Custody.CODEX: "r re-reads the file and asks codex if it is expired; poolwatch never spends this login",
    Custody.OTHER: "r re-reads the file; its owner must renew it; poolwatch never spends this login",
    Custody.STATIC: "nothing to renew; r reads the usage",
}


SHARED_EXPLAINED: Final = "r renews nothing: the login is in two files, and is not spent until one is left"
DEAD_EXPLAINED: Final = "r has nothing to renew it with: its refresh token is dead; sign in again"
UNDELEGATED_EXPLAINED: Final = (
    "r re-reads the file; Codex must renew it (delegate_to_codex is off); poolwatch never spends this login"
)


def custody_explained(custody: Custody) -> str:
    """What `r` does with a login in that custody."""
    return _CUSTODY[custody]


def paid_until(day: str, as_of: str) -> str:
    """`paid until 12 Dec (from the login, as of 19 Nov)`."""
    lag = f", as of {as_of}" if as_of else ""
    return f"paid until {day} (from the login{lag})"


#: The fields of a reading, as the detail screen names what a source knows.
FIELDS: Final = {
    "plan": "plan",
    "base": "windows",
    "review": "review",
    "extras": "other buckets",
    "credits": "credits",
    "spend": "spend limits",
    "reached_type": "",
    "reset_credits": "resets",
    "reset_list": "reset list",
}
NO_FIELDS: Final = "nothing that is newest here"
TOKEN_FIELD: Final = "token"  # noqa: S105 - the name of a field
DOWN: Final = "down: {words}"

# --- the message line and questions
PAUSED: Final = "polling is paused; p resumes"
RESUMED: Final = "polling goes on"
NO_MATCH: Final = "no account matches; esc clears the filter"
NOTHING_NEEDS_YOU: Final = "nothing needs you"
NOBODY_SELECTED: Final = "no account is shown"
GROUPS_ARE_THE_HIVES: Final = "only the hive has groups; another key changes the view"
ALREADY_RUNNING: Final = "a refresh of this account is already running"
READ_ONLY: Final = "read-only: nothing is refreshed here"
VIEWER_MANY: Final = "R works in the poolwatch that polls; r and u are passed on to it from here"
NO_ANSWER: Final = "the poolwatch that polls did not answer in 5 s; it may be hung"
NO_RAW: Final = "no payload of this account in this run; u reads one"


def ask_many(count: int) -> str:
    """The question before a refresh of many."""
    return f"Refresh {count} accounts, spread out? y yes  n no"


def ask_once(clock: str) -> str:
    """The question before a login whose reply was lost is spent once more."""
    when = f" at {clock}" if clock else ""
    return f"The reply to the last refresh was lost{when}, the login may be spent. Try once? y yes  n no"


def told_to_wait(clock: str) -> str:
    """The first `r` under a Retry-After."""
    return f"told to wait until {clock}; r again asks now"


def as_comment(command: str) -> str:
    """A command for a simulated account: what a shell does with it must touch no real one."""
    return f"# simulated: {command}"


def copied(text: str) -> str:
    """What went to the clipboard."""
    return f"copied: {text}"


# --- first run
NO_ACCOUNTS: Final = "No accounts yet. Looked for:"
OPEN_DEMO: Final = "open the demo: 12 simulated accounts, nothing leaves this machine"
ADD_FOLDER: Final = "add a Codex home or a folder of auth files"
HOW_TREATED: Final = "how logins are treated: poolwatch never spends a token it does not own"
SHELL_HINT: Final = "the same from a shell: poolwatch sources add KIND URL|PATH"
