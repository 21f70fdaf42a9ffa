"""In what order accounts are shown: sections, sorts, groups of the hive."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Final, TypeAlias

from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview, use_order
from poolwatch.domain.status import Judged, Section, Status
from poolwatch.domain.usage import WEEKLY, own_reset
from poolwatch.domain.values import is_undated, replace
from poolwatch.presentation.figures import is_figure
from poolwatch.presentation.masking import shown_group, shown_name
from poolwatch.presentation.remedy import acting
from poolwatch.presentation.view import Grouping, Prefs, SectionView, Shown, SortKey
from poolwatch.words import account as words

_DIGITS: Final = re.compile(r"([0-9]{1,18})")
#: Texts, and the numbers between them.
NaturalKey: TypeAlias = list[str | int]


def sections(
    overview: PoolOverview,
    sort: SortKey,
    reverse: bool,
    prefs: Prefs,
    keys: Collection[AccountKey] | None = None,
) -> tuple[SectionView, ...]:
    """The accounts among `keys` (None: all) under their headings, empty sections left out.

    Sorted by need there is a heading for each section, else one section without. Reversing turns the
    accounts round within their section; what has no figure to sort by stays last.
    """
    chosen = [each for each in overview.accounts if keys is None or each.account.key in keys]
    if sort is not SortKey.NEED:
        return (SectionView(None, "", _keys(_sorted(chosen, sort, reverse, overview.now, prefs))),)
    found = []
    for section in Section:
        within = [each for each in chosen if each.section is section]
        if within:
            ordered = _by_need(section, within, overview.now, prefs)
            heading = words.section_heading(section, len(within), overview.by_section[section])
            found.append(SectionView(section, heading, _keys(reversed(ordered) if reverse else ordered)))
    return tuple(found)


def recounted(views: tuple[SectionView, ...], overview: PoolOverview) -> tuple[SectionView, ...]:
    """The same order under headings that count what is true now: counts do not wait for an order."""
    if all(view.section is None for view in views):
        return views
    found = (overview.by_key.get(key) for view in views for key in view.keys)
    within = Counter(each.section for each in found if each is not None)
    return tuple(
        replace(view, heading=words.section_heading(section, within[section], overview.by_section[section]))
        if (section := view.section) is not None
        else view
        for view in views
    )


def hive_groups(
    overview: PoolOverview, by: Grouping, prefs: Prefs, keys: Collection[AccountKey] | None = None
) -> tuple[SectionView, ...]:
    """The rows of the hive: accounts by name within a source, group or plan; those without one last."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for each in overview.accounts:
        if keys is None or each.account.key in keys:
            groups[_group_of(each, by, prefs)].append(each)
    ordered = sorted(groups, key=lambda name: (not name, natural(name)))
    none = words.without_group(by.value)
    return tuple(SectionView(None, name or none, _keys(_by_name(groups[name], prefs))) for name in ordered)


def natural(text: str) -> NaturalKey:
    """A sort key in which dev2 comes before dev14, whatever the case."""
    key: NaturalKey = [*_DIGITS.split(text.casefold())]
    # numbers stand at every second place, and so are compared with numbers
    key[1::2] = map(int, key[1::2])
    return key


def _by_need(section: Section, within: list[Judged], now: datetime, prefs: Prefs) -> list[Judged]:
    if section is Section.ACTIVE:
        return use_order(within, now, prefs.rules)
    if section is Section.EXHAUSTED:
        return sorted(
            _by_name(within, prefs), key=lambda each: (each.status.until is None, each.status.until or now)
        )
    return sorted(_by_name(within, prefs), key=_urgency)


def _urgency(each: Judged) -> int:
    by_status = {Status.NEEDS_LOGIN: 0, Status.DEACTIVATED: 1, Status.DISABLED: 9}
    return by_status.get(each.status.kind, 5 if each.account.trouble is None else 3)


def _sorted(chosen: list[Judged], sort: SortKey, reverse: bool, now: datetime, prefs: Prefs) -> list[Judged]:
    by_name = _by_name(chosen, prefs)
    if sort is SortKey.NAME:
        return by_name[::-1] if reverse else by_name
    figure_of = _FIGURES[sort]
    known = [(figure, each) for each in by_name if (figure := figure_of(each, now, prefs)) is not None]
    # a stable sort on the sign, so that equals stay in the order of their names
    known.sort(key=lambda row: row[0] if reverse else -row[0])
    have = {each.account.key for _, each in known}
    return [each for _, each in known] + [each for each in by_name if each.account.key not in have]


def _percent_of(kind: str) -> Callable[[Judged, datetime, Prefs], float | None]:
    def figure(each: Judged, now: datetime, prefs: Prefs) -> float | None:
        of_kind = [window.used_percent for window in each.account.usage.windows if window.kind == kind]
        used = max((used for used in of_kind if is_figure(used)), default=None)
        if used is None:
            return None
        return 100 - used if prefs.shown is Shown.LEFT else used

    return figure


def _credits_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    credits = each.account.usage.credits
    if credits is None or credits.value is None or not credits.value.is_shown:
        return None
    if credits.value.unlimited:
        return math.inf
    return float(credits.value.balance) if credits.value.balance is not None else None


def _next_reset_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    """Minus the time to the next reset, so that the nearest comes first."""
    base = each.account.usage.base
    if base is None:
        return None
    resets = [own_reset(window, base.at) for window in each.account.usage.windows]
    ahead = [resets_at for resets_at in resets if resets_at is not None and resets_at > now]
    return -(min(ahead) - now).total_seconds() if ahead else None


def _age_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    read_at = each.account.read_at
    return (now - read_at).total_seconds() if read_at and not is_undated(read_at) else None


_FIGURES: Final[dict[SortKey, Callable[[Judged, datetime, Prefs], float | None]]] = {
    SortKey.WEEKLY: _percent_of(WEEKLY),
    SortKey.FIVE_HOURS: _percent_of("5h"),
    SortKey.CREDITS: _credits_of,
    SortKey.RESET: _next_reset_of,
    SortKey.AGE: _age_of,
}


def _group_of(each: Judged, by: Grouping, prefs: Prefs) -> str:
    if by is Grouping.GROUP:
        return shown_group(each.account.name.group, mask=prefs.mask)
    if by is Grouping.PLAN:
        return words.plan_name(each.account.plan)
    listing = acting(each.account)
    return listing.ref.source if listing else ""


def _by_name(accounts: Iterable[Judged], prefs: Prefs) -> list[Judged]:
    """By the names that are shown, and by ids where these are equal."""
    return sorted(
        accounts, key=lambda each: (natural(shown_name(each.account, mask=prefs.mask)), each.account.key.id)
    )


def _keys(accounts: Iterable[Judged]) -> tuple[AccountKey, ...]:
    return tuple(each.account.key for each in accounts)
