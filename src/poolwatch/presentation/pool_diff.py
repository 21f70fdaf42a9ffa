"""What a refresh of many brought: who stands elsewhere now, and the figures that moved most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from poolwatch.domain.overview import Judged, PoolOverview
from poolwatch.domain.refresh import Change, usage_changes
from poolwatch.domain.status import Section
from poolwatch.presentation.masking import shown_name
from poolwatch.presentation.prefs import Prefs
from poolwatch.presentation.refresh_line import change_text
from poolwatch.words import names, refresh

#: So many are named; of the rest there is a number.
_NAMED: Final = 3
_MOVED: Final = (Section.NEEDS_YOU, Section.ACTIVE, Section.EXHAUSTED)


def pool_diff(before: PoolOverview, after: PoolOverview, prefs: Prefs) -> tuple[str, ...]:
    """Short texts, what matters most first: `now active: lee, bob`, `dan weekly 98 → 0 %`."""
    both = [(was, now) for now in after.accounts if (was := before.by_key.get(now.account.key)) is not None]
    texts = []
    for section in _MOVED:
        there = [now for was, now in both if now.section is section is not was.section]
        if there:
            texts.append(refresh.NOW[section].format(names=_named(there, prefs)))
    moved = [
        (_size(change), now, change)
        for was, now in both
        for change in usage_changes(was.account.usage, now.account.usage)
        if was.section is now.section and _size(change) > 0
    ]
    moved.sort(key=lambda each: -each[0])
    texts += [
        f"{shown_name(now.account, mask=prefs.mask)} {change_text(change, prefs)}"
        for _, now, change in moved[:_NAMED]
    ]
    return tuple(texts)


def _size(change: Change) -> float:
    """By how many points a percentage moved; money is not compared with it."""
    if change.name == names.CREDITS or change.before is None or change.after is None:
        return 0.0
    return abs(float(change.after) - float(change.before))


def _named(there: Iterable[Judged], prefs: Prefs) -> str:
    found = [shown_name(each.account, mask=prefs.mask) for each in there]
    more = f" +{len(found) - _NAMED}" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
