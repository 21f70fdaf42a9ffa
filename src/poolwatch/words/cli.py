"""Words of the commands: tables, errors, and the line for status bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from poolwatch.words.status import AGE_UNKNOWN

# --- `status`
ACCOUNT: Final = "ACCOUNT"
PLAN: Final = "PLAN"
STATUS: Final = "STATUS"
RESETS: Final = "RESETS"
OTHER: Final = "OTHER"
CREDITS: Final = "CREDITS"
USD: Final = "USD"
AGE: Final = "AGE"
NO_ACCOUNTS: Final = "no accounts"
NO_MATCH: Final = "no account matches"


def column(name: str, shown: str) -> str:
    """A column of percentages says whether they are used or left: `5H USED`."""
    return f"{name} {shown}".upper()


def pool_line(name: str, accounts: int, sources: int, fresh: str) -> str:
    """`work · 60 accounts · 4 sources · fresh 57 of 60`."""
    counted = f"{accounts} account{'s' * (accounts != 1)} · {sources} source{'s' * (sources != 1)} · {fresh}"
    return f"{name} · {counted}" if name else counted


def no_match(words: str) -> str:
    """Nothing went wrong but the filter; what there is, and how to ask for it."""
    return (
        f'no account matches "{words}"; a filter holds words of its name, e-mail or id,'
        " status:exhausted, plan:pro, source:x"
    )


# --- `status --line`
LINE: Final = "pw"
LINE_NEXT: Final = "next"
LINE_BACK: Final = "back"
LINE_EMPTY: Final = "pw no accounts"

# --- `next`
NO_NEXT: Final = "no account can be used now"
NONE_KNOWN: Final = "of no account is it known whether it can be used; poolwatch status says why"


def next_is_old(label: str, age: str) -> str:
    """Nothing fresh is known; what was known last is named all the same. `age` is empty if nobody tells."""
    when = f"{age} ago" if age else f"when last known, {AGE_UNKNOWN}"
    return f"no reading is fresh; {label} was the best one {when}"


def no_next_back(label: str, clock: str, left: str) -> str:
    """The first that comes back when none can be used."""
    return f"{NO_NEXT}; {label} is back at {clock}, in {left}"


def on_credits_left(back: str, credits: str, usd: str) -> str:
    """Why an exhausted account is named when none is active; `credits` is empty where they have no limit."""
    until = f" until {back}" if back else ""
    left = f"{credits} credits left{f' ({usd})' if usd else ''}" if credits else "unlimited credits"
    return f"no account is active; exhausted{until}, but with {left}, which may carry it"


# --- errors
NOTHING_TO_MONITOR: Final = "nothing to monitor: no source is configured and no Codex login was found"
NONE_READ: Final = "no account could be read"
NO_LOGIN: Final = "no login found"
NEEDS_TERMINAL: Final = "the app needs a terminal; for scripts: poolwatch status --json"


def no_login_at(place: str) -> str:
    """A source that answers and lists nobody."""
    return f"{place}: {NO_LOGIN}"


def no_such_account(text: str, near: Sequence[str] = ()) -> str:
    """An argument that names no account, and some that may have been meant."""
    meant = f"; did you mean {' or '.join(near)}?" if near else ";"
    return f"no account is called {text}{meant} poolwatch accounts list shows all"


def several_accounts(text: str, labels: Sequence[str]) -> str:
    """An argument that names more than one account."""
    return f"{text} could be {', '.join(labels)}; use more of the id"
