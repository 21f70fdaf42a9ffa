"""Words of the screen's furniture: headings, hints, short answers; accounts are spoken of in presentation."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from poolwatch.presentation.prefs import SortKey
from poolwatch.presentation.view import Glyph, Shown


class TableHeadings(Struct, frozen=True):
    """The headings of the table, and the window kinds that its two columns are named for."""

    account: str = "ACCOUNT"
    source: str = "SOURCE"
    plan: str = "PLAN"
    status: str = "STATUS"
    short: str = "5H"
    long: str = "WEEKLY"
    short_kind: str = "5h"
    long_kind: str = "weekly"
    resets: str = "RESETS"
    scarcest: str = "SCARCEST"
    credits: str = "CREDITS"
    usd: str = "USD"
    age: str = "AGE"
    used: str = "USED"
    left: str = "LEFT"


TABLE_HEADINGS: Final = TableHeadings()
CREDITS_ROW: Final = "credits"
HIVE_LEGEND: Final = (
    "height = used of the scarcest window; {full} full; {needs_you} needs you; "
    "{trouble} trouble; {never_read} never read"
)
PAUSED: Final = "paused"
MASKED: Final = "masked"
ONLY_NEEDS_YOU: Final = "only what needs you"
WAITING: Final = "waiting for the first answer of a source"
NO_ACCOUNTS: Final = "no accounts: no source lists any"
THEME_IS: Final = "theme: {name}"
VIEW_IS: Final = "view: {name}"
GROUP_IS: Final = "grouped by {name}"
COPY: Final = "copy"
FEED_ENDED: Final = "the monitor has stopped: these figures are no longer kept; quit and start again"
DETAIL_GONE: Final = "this account is no longer listed"

_SORTS: Final = {
    SortKey.NEED: "need",
    SortKey.NAME: "name",
    SortKey.WEEKLY: "weekly",
    SortKey.FIVE_HOURS: "5h",
    SortKey.CREDITS: "credits",
    SortKey.RESET: "reset",
    SortKey.AGE: "age",
}


def sort_words(sort: SortKey, *, reverse: bool) -> str:
    """`sort need`, `sort weekly, reversed`."""
    return f"sort {_SORTS[sort]}{', reversed' if reverse else ''}"


def shown_word(shown: Shown) -> str:
    """The word that says which way percentages count."""
    return "used" if shown is Shown.USED else "left"


def more_rows(count: int) -> str:
    """The last row of a card that has more than its height shows."""
    return f"+{count} more"


def counted(accounts: int, sources: int) -> str:
    """`60 accounts · 4 sources`."""
    told = f"{accounts} account{'' if accounts == 1 else 's'}"
    return f"{told} · {sources} source{'' if sources == 1 else 's'}" if sources else told


def active_of(accounts: int, exhausted: int, rest: int) -> str:
    """What stands beside the number of active accounts."""
    told = f"of {accounts}, {exhausted} exhausted"
    return f"{told}, {rest} at rest" if rest else told


def filter_is(text: str) -> str:
    """The filter in force, for the title line."""
    return f"filter {text}"


class HelpHeadings(Struct, frozen=True):
    """The parts of the help."""

    title: str = "Keys"
    wall: str = "ON THE WALL"
    detail: str = "IN THE DETAILS"
    everywhere: str = "EVERYWHERE"
    marks: str = "MARKS"


HELP_HEADINGS: Final = HelpHeadings()
GLYPH_WORDS: Final = {
    Glyph.ACTIVE: "active: it can be used now",
    Glyph.EXHAUSTED: "exhausted: it comes back by itself, or with credits",
    Glyph.NEEDS_YOU: "needs you: sign in, deactivated, in conflict, or blocked for long",
    Glyph.TROUBLE: "trouble that heals by itself; the last numbers stay, with their age",
    Glyph.NEVER_READ: "never read, or nothing is known",
    Glyph.OFF: "disabled or deactivated",
}
ABOUT_LOGINS_TITLE: Final = "How logins are treated"
ABOUT_LOGINS: Final = (
    "A login holds two tokens. The access token reads the usage and lives for days. The refresh token buys a "
    "new access token and can be spent only once: whoever spends it gets a new one, and everybody else "
    "who kept the old one is signed out.",
    'poolwatch therefore spends a refresh token only where the configuration says custody = "poolwatch", '
    "and of logins that poolwatch accounts import took in. Neither is ever a default or inferred.",
    "Codex homes are read as they are. When such a login has expired, r asks the installed codex to renew "
    "its own login. Folders of other tools are read as well, and the tool that owns them has to renew them.",
    "A running pool keeps its own tokens: poolwatch asks it for figures, and r asks it to renew "
    "a login where it can be asked.",
    "Nothing is sent anywhere but to the usage service and to the pools you name. Tokens are never shown, "
    "logged or stored by poolwatch outside the files they came in and the private folders of its own logins.",
)
PLACE_PROMPT: Final = "path of a Codex home or of a folder with auth files; enter adds it, esc leaves"
ADDED: Final = "{place} is added: {found}"
NOT_ADDED: Final = "nothing was added: {reason}"
ADDING: Final = "adding {place} …"
ADD_HINT: Final = "add"
QUIT: Final = "quit"
FILTER_PROMPT: Final = (
    "words, or status:exhausted  plan:pro  source:x  group:x  custody:codex  ! for what needs you"
)
#: The keys that do not type while a filter is typed.
FILTER_KEYS: Final = (("enter", "keep the filter"), ("esc", "clear it"))
FROM_A_SHELL: Final = "the same from a shell: {command}"


def add_entry(place: str) -> str:
    """What a number does on the first-run screen."""
    return f"add {place}, read-only; writes the config"


def in_short(label: str, status: str, command: str) -> str:
    """A remedy where there is no room for its sentences: who, what, and the command."""
    return f"{label}, {status}: {command}"
