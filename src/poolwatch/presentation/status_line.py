"""`status --line`: the pool in at most 38 columns, for status bars."""

from __future__ import annotations

from typing import Final

from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.pool import AccountState
from poolwatch.domain.status import Section
from poolwatch.presentation import cells, durations
from poolwatch.presentation.masking import shown_label
from poolwatch.words import cli

COLUMNS: Final = 38
#: A name shorter than this says nothing; then it is left out.
_LEAST_NAME: Final = 3
_UNICODE: Final = (
    (Section.ACTIVE, "●"),
    (Section.EXHAUSTED, "◐"),
    (Section.NEEDS_YOU, "✕"),
    (Section.REST, "◌"),
)
_ASCII: Final = (
    (Section.ACTIVE, "ok"),
    (Section.EXHAUSTED, "ex"),
    (Section.NEEDS_YOU, "!!"),
    (Section.REST, "--"),
)


def status_line(overview: PoolOverview, *, ascii_only: bool = False, mask: bool = False) -> str:
    """`pw ●44 ◐13 ✕3 next dev14 back 47m`, or `pw 44ok 13ex 3!! next dev14 back 47m`.

    The counts add up to all accounts. A leading `?` says that no reading is fresh. When it is long, the
    name is cut first, then the time until an account comes back is left out, then the name.
    """
    if not overview.accounts:
        return cli.LINE_EMPTY
    fresh = any(each.account.read_at is not None and not each.stale for each in overview.accounts)
    head = [f"{'' if fresh else '?'}{cli.LINE}", *_counts(overview, ascii_only)]
    back, up = overview.next_back, overview.next_up
    tail = [cli.LINE_BACK, durations.age(back.until - overview.now)] if back is not None else []
    if up is not None:
        label = _plain_label(up.judged.account, ascii_only=ascii_only, mask=mask)
        for rest in (tail, []):
            room = COLUMNS - cells.width(" ".join([*head, cli.LINE_NEXT, "", *rest]))
            if room >= min(_LEAST_NAME, cells.width(label)):
                name = cells.fit(label, room, "~" if ascii_only else "…")
                return " ".join([*head, cli.LINE_NEXT, name, *rest])
    whole = " ".join([*head, *tail])
    return whole if cells.width(whole) <= COLUMNS else " ".join(head)


def _counts(overview: PoolOverview, ascii_only: bool) -> list[str]:
    found = []
    for section, mark in _ASCII if ascii_only else _UNICODE:
        count = overview.by_section[section]
        if count or section in (Section.ACTIVE, Section.EXHAUSTED, Section.NEEDS_YOU):
            found.append(f"{count}{mark}" if ascii_only else f"{mark}{count}")
    return found


def _plain_label(account: AccountState, *, ascii_only: bool, mask: bool) -> str:
    """The label without its group and mail host."""
    name = shown_label(account, mask=mask).partition("@")[0] or account.key.id
    return "".join(char if char.isascii() else "?" for char in name) if ascii_only else name
