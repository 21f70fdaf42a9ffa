"""Words of the commands: tables, errors, and the line for status bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from poolwatch.words.catalogue import Text, _, mark, n_

# --- `status`
ACCOUNT: Final = Text("ACCOUNT")
PLAN: Final = Text("PLAN")
STATUS: Final = Text("STATUS")
RESETS: Final = Text("RESETS")
OTHER: Final = Text("OTHER")
CREDITS: Final = Text("CREDITS")
USD: Final = Text("USD")
AGE: Final = Text("AGE")
NO_ACCOUNTS: Final = Text("no accounts")
NO_MATCH: Final = Text("no account matches")


def column(name: str, shown: str) -> str:
    """A column of percentages says whether they are used or left: `5H USED`."""
    return f"{name} {shown}".upper()


def pool_line(name: str, accounts: int, sources: int, fresh: str) -> str:
    """`work · 60 accounts · 4 sources · fresh 57 of 60`."""
    counted = n_("{count} account", "{count} accounts", accounts)
    told = f"{counted} · {n_('{count} source', '{count} sources', sources)} · {fresh}"
    return f"{name} · {told}" if name else told


#: Nothing went wrong but the filter; what there is, and how to ask for it.
no_match: Final = Text(
    'no account matches "{words}"; a filter is made of words from its name, e-mail or id,'
    " and of status:exhausted, plan:pro, source:x"
)

# --- `status --line`
LINE: Final = "pw"
LINE_NEXT: Final = Text("next")
LINE_BACK: Final = Text("back")
LINE_EMPTY: Final = Text("pw no accounts")

# --- `next`
NO_NEXT: Final = Text("no account can be used now")
NONE_KNOWN: Final = Text("no account is known to be usable; poolwatch status says why")

#: Nothing fresh is known; what was known last is named all the same. `age` is empty if nobody tells.
next_is_old: Final = Text(
    "no reading is fresh; {label} was the best one {age} ago",
    "no reading is fresh; {label} was the best one when last known, age unknown",
)


def no_next_back(label: str, clock: str, left: str) -> str:
    """The first that comes back when none can be used."""
    return f"{NO_NEXT()}; {_('{label} is back at {time}, in {left}', label=label, time=clock, left=left)}"


def on_credits_left(back: str, credits: str, usd: str) -> str:
    """Why an exhausted account is named when none is active; `credits` is empty where they have no limit."""
    if not credits:
        left = _("unlimited credits")
    elif usd:
        left = _("{credits} credits left ({usd})", credits=credits, usd=usd)
    else:
        left = _("{credits} credits left", credits=credits)
    if back:
        told = mark(
            "no account is active; this one is exhausted until {time}, but has {left}, which may carry it"
        )
        return _(told, time=back, left=left)
    return _("no account is active; this one is exhausted, but has {left}, which may carry it", left=left)


# --- errors
NOTHING_TO_MONITOR: Final = Text("nothing to monitor: no source is configured and no Codex login was found")
NONE_READ: Final = Text("no account could be read")
NO_LOGIN: Final = Text("no login found")
NEEDS_TERMINAL: Final = Text("the app needs a terminal; for scripts: poolwatch status --json")


def no_login_at(place: str) -> str:
    """A source that answers and lists nobody."""
    return f"{place}: {NO_LOGIN()}"


def no_such_account(text: str, near: Sequence[str] = ()) -> str:
    """An argument that names no account, and some that may have been meant."""
    if not near:
        return _("no account is called {text}; poolwatch accounts list shows all", text=text)
    meant = _(" or ").join(near)
    told = mark("no account is called {text}; did you mean {meant}? poolwatch accounts list shows all")
    return _(told, text=text, meant=meant)


#: An argument that names more than one account.
several_accounts: Final = Text("{text} could be {labels}; use more of the id")
