"""Words for what an account is: its status, its trouble, its section."""

from __future__ import annotations

from typing import Final

from poolwatch.domain.account import LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.status import (
    CREDITS_REASON,
    RATE_LIMIT_REASON,
    SPEND_REASON,
    WITHOUT_USAGE,
    Section,
    Status,
)
from poolwatch.words.names import window_name

ACTIVE: Final = "active"
EXHAUSTED: Final = "exhausted"
#: A window is full, and credits pay for what goes on.
ON_CREDITS: Final = "active, on credits"
NEVER_READ: Final = "never read"
NO_EVIDENCE: Final = "unknown"
NO_FIGURES_SHORT: Final = "no usage figures"
IN_KEYRING_SHORT: Final = "in the keyring"
SIGN_IN: Final = "sign in"
DUE: Final = "due"
#: Exhausted because the workspace, not the account, has no credits left.
WORKSPACE_CREDITS: Final = "workspace credits"

_WORDS: Final = {
    Status.DISABLED: "disabled",
    Status.DEACTIVATED: "deactivated",
    Status.NEEDS_LOGIN: "needs login",
    Status.UNKNOWN: NO_EVIDENCE,
    Status.EXHAUSTED: EXHAUSTED,
    Status.ACTIVE: ACTIVE,
}

_LOGIN: Final = {
    LoginProblem.EXPIRED: "login expired",
    LoginProblem.REJECTED: "login refused",
    LoginProblem.INVALIDATED: "login ended",
    LoginProblem.USED_ELSEWHERE: "login used elsewhere",
    LoginProblem.OUTDATED: "old copy of the login",
    LoginProblem.REFRESH_EXPIRED: "login too old",
    LoginProblem.AMBIGUOUS: "may need a login",
    LoginProblem.SAID_BY_POOL: "login expired",
    LoginProblem.UNUSABLE_FILE: "login not readable",
}

# In these one word or two say what happened to the refresh token itself.
_TOKEN: Final = {
    LoginProblem.EXPIRED: "login expired",
    LoginProblem.REJECTED: "refresh token refused",
    LoginProblem.INVALIDATED: "refresh token ended by a sign-out",
    LoginProblem.USED_ELSEWHERE: "refresh token already used elsewhere",
    LoginProblem.OUTDATED: "an older copy, which poolwatch renewed since",
    LoginProblem.REFRESH_EXPIRED: "refresh token expired",
    LoginProblem.AMBIGUOUS: "refresh interrupted",
    LoginProblem.SAID_BY_POOL: "the pool says so",
    LoginProblem.UNUSABLE_FILE: "login not readable",
}

_TROUBLE: Final = {
    FailureKind.EDGE_BLOCKED: "edge blocked",
    FailureKind.THROTTLED: "throttled",
    FailureKind.UNREACHABLE: "unreachable",
    FailureKind.NOT_THE_SERVICE: "not the usage service",
    FailureKind.MALFORMED: "malformed reply",
    FailureKind.FORBIDDEN: "forbidden",
    FailureKind.UPSTREAM_ERROR: "server error",
    FailureKind.DEACTIVATION_REPORTED: "deactivation reported",
    FailureKind.TOKEN_REFRESH: "token not refreshed",
    FailureKind.BLOCKED: "login not renewed",
    FailureKind.CONFLICT: "login in two files",
    FailureKind.AMBIGUOUS: "refresh interrupted",
    FailureKind.KEPT: "login kept apart",
    FailureKind.OTHER_ACCOUNT: "other account",
    FailureKind.NO_FIGURES: NO_FIGURES_SHORT,
    FailureKind.UNAUTHORIZED: "login refused",
    FailureKind.NO_TOKEN: "no live token",
}

# Where the mark of an account that needs somebody stands before them.
_TROUBLE_SHORT: Final = {FailureKind.CONFLICT: "in two files"}

_SECTIONS: Final = {
    Section.NEEDS_YOU: "needs you",
    Section.EXHAUSTED: "exhausted",
    Section.ACTIVE: "active",
    Section.REST: "the rest",
}

_SECTION_ORDERS: Final = {
    Section.EXHAUSTED: "soonest back first",
    Section.ACTIVE: "use first on top",
}


def status_word(kind: Status) -> str:
    """The status in one or two words."""
    return _WORDS[kind]


def login_words(problem: LoginProblem) -> str:
    """What is wrong with the login, as short as a table's column needs it."""
    return _LOGIN[problem]


def token_words(problem: LoginProblem) -> str:
    """What became of the refresh token."""
    return _TOKEN[problem]


def trouble_words(kind: FailureKind) -> str:
    """The trouble in a few words."""
    return _TROUBLE[kind]


def trouble_short(kind: FailureKind) -> str:
    """The same where a column is narrow."""
    return _TROUBLE_SHORT.get(kind, _TROUBLE[kind])


def throttled_until(clock: str) -> str:
    """Told to come back later."""
    return f"{_TROUBLE[FailureKind.THROTTLED]} until {clock}"


def exhausted_words(reason: str | None, until: str, *, workspace: bool = False) -> str:
    """`5h until 14:50`, `weekly, reset due`, `credits`; `until` is a local time, `due` or empty.

    `workspace`: it is the workspace's credits, not the account's, that are used up.
    """
    name = WORKSPACE_CREDITS if workspace and reason == CREDITS_REASON else _reason(reason)
    if not until or name == WORKSPACE_CREDITS:
        return name
    return f"{name}, reset due" if until == DUE else f"{name} until {until}"


def exhausted_at_length(reason: str | None, until: str, left: str) -> str:
    """`exhausted: 5h limit, until Fri 14:50 CET, in 47m`."""
    name = _reason(reason)
    named = name if reason in (CREDITS_REASON, SPEND_REASON, RATE_LIMIT_REASON) else f"{name} limit"
    if not until:
        return f"{EXHAUSTED}: {named}"
    when = "reset due" if left == DUE else f"until {until}, in {left}"
    return f"{EXHAUSTED}: {named}, {when}"


def _reason(reason: str | None) -> str:
    if reason is None or reason == RATE_LIMIT_REASON:
        return "rate limit"
    if reason == CREDITS_REASON:
        return "credits"
    return "spend limit" if reason == SPEND_REASON else window_name(reason)


#: Marks of an active account that another field contradicts.
LIMIT_FLAG: Final = "limit flag set"
SPEND_FLAG: Final = "spend limit flag set"


def spend_flag(kind: str | None) -> str:
    """The mark with the limit it names."""
    return f"{SPEND_FLAG}: {kind}" if kind else SPEND_FLAG


#: The mark of an account of which two pools say what cannot both be true.
POOLS_DISAGREE: Final = "pools disagree"


def entry_needs_login(source: str, problem: str) -> str:
    """The mark for one of several entries: `north: login expired`."""
    return f"{source}: {problem}"


def entries_need_login(count: int) -> str:
    """The mark for more of them."""
    return f"{count} entries need a login"


def section_heading(section: Section, count: int, of: int) -> str:
    """`exhausted 13, soonest back first`; under a filter `exhausted 2 of 13, soonest back first`."""
    counted = f"{count}" if count == of else f"{count} of {of}"
    order = _SECTION_ORDERS.get(section)
    heading = f"{_SECTIONS[section]} {counted}"
    return f"{heading}, {order}" if order else heading


def section_words(section: Section) -> str:
    """The section's name."""
    return _SECTIONS[section]


def unknown_words(reason: str | None, *, read: bool) -> str:
    """Why nothing is known of an account."""
    if reason in WITHOUT_USAGE:
        return IN_KEYRING_SHORT if WITHOUT_USAGE[reason] is LoginKind.KEYRING else NO_FIGURES_SHORT
    return NO_EVIDENCE if read else NEVER_READ


def spent_this_month(used: str, limit: str) -> str:
    """On a card's last line: `31 of 50 spent this month`; long amounts leave the month out."""
    told = f"{used} of {limit} spent"
    return f"{told} this month" if len(told) < 18 else told


def token_life(left: str) -> str:
    """How long an access token still lives, on a card's last line."""
    return f"token {left}"


#: In its place where nobody tells how old they are.
AGE_UNKNOWN: Final = "age unknown"


def read_ago(age: str) -> str:
    """How old the figures are, on a card's last line."""
    return f"read {age} ago"


def sign_in_for(words: str) -> str:
    """Needs a login, on a card's last line: `sign in: login expired`."""
    return f"{SIGN_IN}: {words}"


def sign_in_before(day: str) -> str:
    """The refresh token is dead, the access token lives until then."""
    return f"{SIGN_IN} before {day}"


def sign_in_again(words: str) -> str:
    """Both tokens are dead: `sign in again: refresh token expired`."""
    return f"{SIGN_IN} again: {words}"


def exhausted_for(words: str) -> str:
    """On a card's last line: `exhausted: 5h until 14:50`."""
    return f"{EXHAUSTED}: {words}"
