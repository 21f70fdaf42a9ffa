"""Words for accounts: plans, windows, limits and keepers; status, trouble and section."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from poolwatch.domain.account import Custody, LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.status import (
    CREDITS_REASON,
    RATE_LIMIT_REASON,
    SPEND_REASON,
    WITHOUT_USAGE,
    Section,
    Status,
)
from poolwatch.domain.usage import REVIEW_BUCKET, UNKNOWN_KIND
from poolwatch.words.catalogue import Text, _, mark, n_

# --- plans, as the service sells them: these names are not translated. What is not here is shown as it comes.
_BUSINESS_USAGE: Final = "self_serve_business_usage_based"
_PLANS: Final[Mapping[str, str]] = {
    "guest": "Guest",
    "free": "Free",
    "go": "Go",
    "plus": "Plus",
    "pro": "Pro",
    "prolite": "Pro 5x",
    "promax": "Pro (Max)",
    "free_workspace": "Free workspace",
    "team": "Business",
    "self_serve_business_prolite": "Business Premium",
    _BUSINESS_USAGE: "Business (usage)",
    "business": "Business",
    "ent26": "Enterprise",
    "enterprise_cbp_automation": "Enterprise (automation)",
    "enterprise_cbp_usage_based": "Enterprise (usage)",
    "enterprise": "Enterprise",
    "hc": "Enterprise",
    "education": "Education",
    "edu": "Edu",
    "edu_plus": "Edu Plus",
    "edu_pro": "Edu Pro",
    "quorum": "Quorum",
    "k12": "K-12",
}
# --- windows, limits, credits
_WINDOWS: Final[Mapping[str, str]] = {
    UNKNOWN_KIND: mark("window"),
    "daily": mark("daily"),
    "weekly": mark("weekly"),
    "monthly": mark("monthly"),
}
_LIMITS: Final[Mapping[str, str]] = {
    "individual": mark("individual limit"),
    "group_default": mark("group default"),
    "workspace_default": mark("workspace default"),
    "role_budget": mark("role budget"),
    "group_shared": mark("group, shared"),
    "workspace_shared": mark("workspace, shared"),
}
# "GPT-5.3-Codex-Spark" says no more than "Spark" beside a bucket that is always Codex.
_MODEL_PREFIX: Final = re.compile(r"\A(?:gpt-)?(?:\d+(?:\.\d+)*-)?(?:codex-)?", re.IGNORECASE)

#: The row of an account whose windows could not be read.
USAGE: Final = Text("usage")
#: The row for the spend limits of an account.
SPEND: Final = Text("spend")
#: The row for purchased credits.
CREDITS: Final = Text("credits")
UNLIMITED: Final = Text("unlimited")
OVER_LIMIT: Final = Text("over limit")

# --- keepers
ANOTHER_TOOL: Final = Text("another tool")
_WITHOUT_USAGE: Final[Mapping[LoginKind, str]] = {
    LoginKind.API_KEY: mark("API keys have no usage figures"),
    LoginKind.AGENT_IDENTITY: mark("agent identities have no usage figures"),
    LoginKind.KEYRING: mark("Codex keeps its login in the keyring, which is not read"),
}
_KINDS: Final[Mapping[LoginKind, str]] = {
    LoginKind.API_KEY: mark("API key"),
    LoginKind.AGENT_IDENTITY: mark("agent identity"),
    LoginKind.KEYRING: mark("keyring"),
}
_KEEPERS: Final[Mapping[Custody, str]] = {
    Custody.POOLWATCH: "poolwatch",
    Custody.POOL: mark("pool"),
    Custody.CODEX: "codex",
    Custody.OTHER: mark("another tool"),
    Custody.STATIC: mark("personal token"),
}

# --- status
_STATUS: Final[Mapping[Status, str]] = {
    Status.DISABLED: mark("disabled"),
    Status.DEACTIVATED: mark("deactivated"),
    Status.NEEDS_LOGIN: mark("needs login"),
    Status.UNKNOWN: mark("unknown"),
    Status.EXHAUSTED: mark("exhausted"),
    Status.ACTIVE: mark("active"),
}
#: A window is full, and credits pay for what goes on.
ON_CREDITS: Final = Text("active, on credits")
DUE: Final = Text("due")
#: The same in fewer words, on a card.
BY_CREDITS: Final = Text("on credits")
#: The account to use next, on its card.
NEXT_UP: Final = Text("next up")
#: The names of a card's lines that are no figures.
NOTE_SIGN_IN: Final = Text("sign in")
NOTE_ACCOUNT: Final = Text("account")
NOTE_TROUBLE: Final = Text("trouble")
NOTE_BANKED: Final = Text("banked")
NOTE: Final = Text("note")
OFF_OR_REMOVED: Final = Text("deactivated or removed")
_LOGIN: Final[Mapping[LoginProblem, str]] = {
    LoginProblem.EXPIRED: mark("login expired"),
    LoginProblem.REJECTED: mark("login refused"),
    LoginProblem.INVALIDATED: mark("login ended"),
    LoginProblem.USED_ELSEWHERE: mark("login used elsewhere"),
    LoginProblem.OUTDATED: mark("old copy of the login"),
    LoginProblem.REFRESH_EXPIRED: mark("login too old"),
    LoginProblem.AMBIGUOUS: mark("may need a login"),
    LoginProblem.SAID_BY_POOL: mark("login expired"),
    LoginProblem.UNUSABLE_FILE: mark("login unreadable"),
}
# As a sentence that fits beside its name on a card.
_LOGIN_SENTENCES: Final[Mapping[LoginProblem, str]] = {
    LoginProblem.EXPIRED: mark("the login has expired"),
    LoginProblem.REJECTED: mark("the login is refused"),
    LoginProblem.INVALIDATED: mark("the login was ended"),
    LoginProblem.USED_ELSEWHERE: mark("login used elsewhere"),
    LoginProblem.OUTDATED: mark("an old copy of the login"),
    LoginProblem.REFRESH_EXPIRED: mark("the login is too old"),
    LoginProblem.AMBIGUOUS: mark("the login may be spent"),
    LoginProblem.SAID_BY_POOL: mark("the login has expired"),
    LoginProblem.UNUSABLE_FILE: mark("the login is unreadable"),
}
_REFRESH_TOKEN: Final[Mapping[LoginProblem, str]] = {
    LoginProblem.EXPIRED: mark("login expired"),
    LoginProblem.REJECTED: mark("refresh token refused"),
    LoginProblem.INVALIDATED: mark("refresh token revoked by a sign-out"),
    LoginProblem.USED_ELSEWHERE: mark("refresh token already used elsewhere"),
    LoginProblem.OUTDATED: mark("an older copy, since renewed by poolwatch"),
    LoginProblem.REFRESH_EXPIRED: mark("refresh token expired"),
    LoginProblem.AMBIGUOUS: mark("refresh interrupted"),
    LoginProblem.SAID_BY_POOL: mark("the pool says so"),
    LoginProblem.UNUSABLE_FILE: mark("login unreadable"),
}
_TROUBLE: Final[Mapping[FailureKind, str]] = {
    FailureKind.EDGE_BLOCKED: mark("blocked by Cloudflare"),
    FailureKind.THROTTLED: mark("throttled"),
    FailureKind.UNREACHABLE: mark("unreachable"),
    FailureKind.NOT_THE_SERVICE: mark("not the usage service"),
    FailureKind.MALFORMED: mark("malformed reply"),
    FailureKind.FORBIDDEN: mark("forbidden"),
    FailureKind.UPSTREAM_ERROR: mark("server error"),
    FailureKind.DEACTIVATION_REPORTED: mark("deactivation reported"),
    FailureKind.TOKEN_REFRESH: mark("token not refreshed"),
    FailureKind.BLOCKED: mark("login not renewed"),
    FailureKind.CONFLICT: mark("login in two files"),
    FailureKind.AMBIGUOUS: mark("refresh interrupted"),
    FailureKind.KEPT: mark("new login waiting"),
    FailureKind.OTHER_ACCOUNT: mark("other account"),
    FailureKind.NO_FIGURES: mark("no usage figures"),
    FailureKind.NOT_OFFERED: mark("no longer offered"),
    FailureKind.UNAUTHORIZED: mark("login refused"),
    FailureKind.NO_TOKEN: mark("no live token"),
}
# For a narrow column, where the mark of an account that needs somebody stands before them.
_TROUBLE_SHORT: Final[Mapping[FailureKind, str]] = {
    FailureKind.EDGE_BLOCKED: mark("Cloudflare"),
    FailureKind.CONFLICT: mark("in two files"),
}
_SECTIONS: Final[Mapping[Section, str]] = {
    Section.NEEDS_YOU: mark("needs you"),
    Section.EXHAUSTED: mark("exhausted"),
    Section.ACTIVE: mark("active"),
    Section.REST: mark("the rest"),
}
_SECTION_ORDERS: Final[Mapping[Section, str]] = {
    Section.EXHAUSTED: mark("soonest back first"),
    Section.ACTIVE: mark("best first"),
}
_WITHOUT: Final[Mapping[str, str]] = {
    "source": mark("no source"),
    "group": mark("no group"),
    "plan": mark("no plan"),
}
#: Marks of an active account that another field contradicts.
LIMIT_FLAG: Final = Text("limit flag set")
#: The mark of an account of which two pools say what cannot both be true.
POOLS_DISAGREE: Final = Text("pools disagree")
#: Where nobody says how old the figures are.
AGE_UNKNOWN: Final = Text("age unknown")


def plan_name(plan: str | None) -> str:
    """The plan's display name; one that nobody knows as it comes, none as an empty text."""
    if plan is None:
        return ""
    return _("unknown") if plan.casefold() == "unknown" else _PLANS.get(plan.casefold(), plan)


def plan_words() -> tuple[str, ...]:
    """Every plan that is known, as the service sends it and as it is called."""
    return (*_PLANS, *_PLANS.values())


def bucket_name(bucket_id: str, name: str) -> str:
    """What is left of a model's name without its family."""
    if bucket_id == REVIEW_BUCKET:
        return _("review")
    return _MODEL_PREFIX.sub("", name) or name or bucket_id


def window_name(kind: str) -> str:
    """A window's name: `weekly`; `5h` and `12h` as they are."""
    return _(_WINDOWS[kind]) if kind in _WINDOWS else kind


def limit_name(kind: str) -> str:
    """A spend limit's name; a kind that nobody knows as it comes."""
    return _(_LIMITS[kind]) if kind in _LIMITS else kind


def without_usage(kind: LoginKind) -> str:
    """Why a login of this kind has no figures."""
    return _(_WITHOUT_USAGE[kind])


def keeper(custody: Custody, *, owner: str = "", source: str = "", kind: LoginKind = LoginKind.OAUTH) -> str:
    """Who keeps the login, in a word or two."""
    if custody is Custody.POOL:
        return _("pool: {source}", source=source) if source else _(_KEEPERS[custody])
    if custody is Custody.OTHER:
        return owner or _(_KEEPERS[custody])
    return _(_KINDS.get(kind) or _KEEPERS[custody])


def status_word(kind: Status) -> str:
    return _(_STATUS[kind])


def section_word(section: Section) -> str:
    return _(_SECTIONS[section])


def login_words(problem: LoginProblem) -> str:
    """What is wrong with the login, as short as a table's column needs it."""
    return _(_LOGIN[problem])


def login_sentence(problem: LoginProblem) -> str:
    """The same as a sentence, on a card."""
    return _(_LOGIN_SENTENCES[problem])


def token_words(problem: LoginProblem) -> str:
    """What became of the refresh token."""
    return _(_REFRESH_TOKEN[problem])


def trouble_words(kind: FailureKind) -> str:
    return _(_TROUBLE[kind])


def trouble_short(kind: FailureKind) -> str:
    """The same where a column is narrow."""
    return _(_TROUBLE_SHORT.get(kind, _TROUBLE[kind]))


throttled_until: Final = Text("throttled until {clock}")


def exhausted_words(reason: str | None, until: str, *, workspace: bool = False) -> str:
    """`5h until 14:50`, `weekly, reset due`, `credits`; `until` is a local time, `due` or empty.

    `workspace`: it is the workspace's credits, not the account's, that are used up.
    """
    if workspace and reason == CREDITS_REASON:
        return _("workspace credits")
    name = _reason(reason)
    if not until:
        return name
    if until == DUE():
        return _("{window}, reset due", window=name)
    return _("{window} until {time}", window=name, time=until)


def exhausted_at_length(reason: str | None, until: str, left: str) -> str:
    """`exhausted: 5h limit, until Fri 14:50 CET, in 47m`."""
    name = _reason(reason)
    if reason not in (None, CREDITS_REASON, SPEND_REASON, RATE_LIMIT_REASON):
        name = _("{window} limit", window=name)
    if not until:
        return _("exhausted: {reason}", reason=name)
    if left == DUE():
        return _("exhausted: {reason}, reset due", reason=name)
    return _("exhausted: {reason}, until {time}, in {left}", reason=name, time=until, left=left)


def _reason(reason: str | None) -> str:
    if reason is None or reason == RATE_LIMIT_REASON:
        return _("rate limit")
    if reason == CREDITS_REASON:
        return _("credits")
    return _("spend limit") if reason == SPEND_REASON else window_name(reason)


#: The mark of an active account whose spend limit is reached, with the limit it names.
spend_flag: Final = Text("spend limit flag set: {limit}", "spend limit flag set")


def entry_needs_login(source: str, problem: str) -> str:
    """The mark for one of several entries: `north: login expired`."""
    return f"{source}: {problem}"


def entries_need_login(count: int) -> str:
    return n_("{count} entry needs a login", "{count} entries need a login", count)


def section_heading(section: Section, count: int, of: int) -> str:
    """`exhausted 13, soonest back first`; under a filter `exhausted 2 of 13, soonest back first`."""
    counted = f"{count}" if count == of else _("{count} of {total}", count=count, total=of)
    heading = f"{section_word(section)} {counted}"
    order = _SECTION_ORDERS.get(section)
    return f"{heading}, {_(order)}" if order else heading


def about_to_move(heading: str, count: int) -> str:
    """A heading over accounts of which some are in another section by now, and move there in a moment."""
    return _("{heading} · {count} about to move", heading=heading, count=count)


def without_group(grouping: str) -> str:
    """The accounts of the hive that no source, group or plan is known of."""
    return _(_WITHOUT[grouping])


def unknown_words(reason: str | None, *, read: bool) -> str:
    """Why nothing is known of an account."""
    if reason in WITHOUT_USAGE:
        in_keyring = WITHOUT_USAGE[reason] is LoginKind.KEYRING
        return _("in the keyring") if in_keyring else _("no usage figures")
    return _("unknown") if read else _("not read yet")


#: On a card, below the bar of its spend limit: `31 of 50 this month`.
spent_of: Final = Text("{used} of {limit} this month")
#: Beside the figures of a card: `9h ago`.
ago: Final = Text("{age} ago")
#: The refresh token is dead, the access token lives until then.
sign_in_before: Final = Text("sign in before {day}")
#: Both tokens are dead: `sign in again: refresh token expired`.
sign_in_again: Final = Text("sign in again: {why}")


def back_words(reason: str | None, until: str) -> str:
    """What a card says of an exhausted account: `back 14:50`, `reset due`, `out of credits`."""
    if until:
        return _("reset due") if until == DUE() else _("back {time}", time=until)
    if reason == CREDITS_REASON:
        return _("out of credits")
    return _("spend limit reached") if reason == SPEND_REASON else status_word(Status.EXHAUSTED)


def banked_resets(count: int, ends: str) -> str:
    """On a card: `2 resets, one ends Sat`."""
    told = n_("{count} reset", "{count} resets", count)
    if not ends:
        return told
    with_end = mark("{resets}, ends {when}") if count == 1 else mark("{resets}, one ends {when}")
    return _(with_end, resets=told, when=ends)
