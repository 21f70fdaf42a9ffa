"""Names that people read for what comes from the wire: plans, buckets, windows, limits, keepers."""

from __future__ import annotations

import re
from typing import Final

from poolwatch.domain.account import Custody, LoginKind
from poolwatch.domain.usage import REVIEW_BUCKET, UNKNOWN_KIND

_BUSINESS_USAGE: Final = "self_serve_business_usage_based"

# `plan_type` is an open set: what is not here is shown as it comes.
_PLANS: Final = {
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
    "unknown": "unknown",
}

_SHORT_PLANS: Final = {
    "prolite": "Pro5x",
    "promax": "ProMx",
    "free_workspace": "FreeW",
    "team": "Busin",
    "self_serve_business_prolite": "BusPr",
    _BUSINESS_USAGE: "Payg",
    "business": "Busin",
    "ent26": "Ent",
    "enterprise_cbp_automation": "Ent",
    "enterprise_cbp_usage_based": "Ent",
    "enterprise": "Ent",
    "hc": "Ent",
    "education": "Edu",
    "edu_plus": "Edu+",
    "edu_pro": "EduPr",
    "quorum": "Quorm",
    "unknown": "—",
}

_LIMITS: Final = {
    "individual": "individual limit",
    "group_default": "group default",
    "workspace_default": "workspace default",
    "role_budget": "role budget",
    "group_shared": "group, shared",
    "workspace_shared": "workspace, shared",
}

# "GPT-5.3-Codex-Spark" says no more than "Spark" beside a bucket that is always Codex.
_MODEL_PREFIX: Final = re.compile(r"\A(?:gpt-)?(?:\d+(?:\.\d+)*-)?(?:codex-)?", re.IGNORECASE)


def plan_name(plan: str | None) -> str:
    """The plan's display name; one that nobody knows as it comes, none as an empty text."""
    return "" if plan is None else _PLANS.get(plan.casefold(), plan)


def plan_short(plan: str | None) -> str:
    """The plan in at most five characters."""
    return "" if plan is None else _SHORT_PLANS.get(plan.casefold(), plan_name(plan))[:5]


def bucket_name(bucket_id: str, name: str) -> str:
    """A bucket's display name: what is left of a model's name without its family."""
    if bucket_id == REVIEW_BUCKET:
        return "review"
    return _MODEL_PREFIX.sub("", name) or name or bucket_id


def window_name(kind: str) -> str:
    """A window's name; one without a length is just a window."""
    return "window" if kind == UNKNOWN_KIND else kind


def limit_name(kind: str) -> str:
    """A spend limit's name; a kind nobody knows as it comes."""
    return _LIMITS.get(kind, kind)


#: The row that stands for the spend limits of an account.
SPEND: Final = "spend"
#: The row of an account whose windows could not be read.
USAGE: Final = "usage"
#: The row for purchased credits.
CREDITS: Final = "credits"
UNLIMITED: Final = "unlimited"
OVER_LIMIT: Final = "over limit"

#: Why logins of these kinds have no figures.
WITHOUT_USAGE: Final = {
    LoginKind.API_KEY: "API keys have no usage figures",
    LoginKind.AGENT_IDENTITY: "agent identities have no usage figures",
    LoginKind.KEYRING: "Codex keeps its login in the keyring, which is not read",
}
_KINDS: Final = {
    LoginKind.API_KEY: "API key",
    LoginKind.AGENT_IDENTITY: "agent identity",
    LoginKind.KEYRING: "keyring",
}
PERSONAL_TOKEN: Final = "personal token"  # noqa: S105 - the name of a kind, not a token
ANOTHER_TOOL: Final = "another tool"
_KEEPERS: Final = {
    Custody.POOLWATCH: "poolwatch",
    Custody.POOL: "pool",
    Custody.CODEX: "codex",
    Custody.OTHER: ANOTHER_TOOL,
    Custody.STATIC: PERSONAL_TOKEN,
}


def keeper(custody: Custody, *, owner: str = "", source: str = "", kind: LoginKind = LoginKind.OAUTH) -> str:
    """Who keeps the login, as short as a card's last line needs it."""
    if custody is Custody.POOL:
        return f"pool: {source}" if source else _KEEPERS[custody]
    if custody is Custody.OTHER:
        return owner or _KEEPERS[custody]
    return _KINDS.get(kind) or _KEEPERS[custody]
