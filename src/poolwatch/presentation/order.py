"""In what order accounts are shown: sections, sorts, groups of the hive."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, TypeAlias

from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview, use_order
from poolwatch.domain.status import Judged, Section, Status
from poolwatch.domain.usage import FIVE_HOURS, WEEKLY, UsageWindow, own_reset, windows_by_length
from poolwatch.domain.values import is_undated, replace
from poolwatch.presentation.figures import is_figure
from poolwatch.presentation.masking import shown_group, shown_name
from poolwatch.presentation.outlook import at_reset_rank, weekly_day
from poolwatch.presentation.remedy import acting
from poolwatch.presentation.rows import Measured, base_rows, is_short, scarcest, spend_row
from poolwatch.presentation.view import Grouping, Prefs, SectionView, Shown, SortKey
from poolwatch.words import account as words

_DIGITS: Final = re.compile(r"([0-9]{1,18})")
#: Texts, and the numbers between them.
NaturalKey: TypeAlias = list[str | int]
#: What accounts are sorted by, for one of them; None goes last.
FigureOf: TypeAlias = Callable[[Judged, datetime, Prefs], Any]


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
    chosen = _chosen(overview, keys)
    if sort is not SortKey.NEED:
        return (SectionView(None, "", _keys(_sorted(chosen, sort, reverse, overview.now, prefs))),)
    found = []
    for section, within in _by_sections(chosen, reverse, overview.now, prefs):
        heading = words.section_heading(section, len(within), overview.by_section[section])
        found.append(SectionView(section, heading, _keys(within)))
    return tuple(found)


def _chosen(overview: PoolOverview, keys: Collection[AccountKey] | None) -> list[Judged]:
    return [each for each in overview.accounts if keys is None or each.account.key in keys]


def _by_sections(
    chosen: list[Judged], reverse: bool, now: datetime, prefs: Prefs
) -> Iterator[tuple[Section, list[Judged]]]:
    for section in Section:
        within = [each for each in chosen if each.section is section]
        if within:
            ordered = _by_need(section, within, now, prefs)
            yield section, ordered[::-1] if reverse else ordered


def with_moves(views: tuple[SectionView, ...], moved: Collection[AccountKey]) -> tuple[SectionView, ...]:
    """The same order under headings that say how many of those below are about to move to another section."""
    if not moved:
        return views
    found = []
    for view in views:
        count = sum(key in moved for key in view.keys)
        heading = words.about_to_move(view.heading, count) if count else view.heading
        found.append(replace(view, heading=heading))
    return tuple(found)


def hive_groups(
    overview: PoolOverview,
    by: Grouping,
    sort: SortKey,
    reverse: bool,
    prefs: Prefs,
    keys: Collection[AccountKey] | None = None,
) -> tuple[SectionView, ...]:
    """The rows of the hive: a source, group or plan each, its accounts in order; those without one last."""
    chosen, now = _chosen(overview, keys), overview.now
    if sort is SortKey.NEED:
        ordered = [each for _, within in _by_sections(chosen, reverse, now, prefs) for each in within]
    else:
        ordered = _sorted(chosen, sort, reverse, now, prefs)
    groups: dict[str, list[Judged]] = defaultdict(list)
    for each in ordered:
        groups[_group_of(each, by, prefs)].append(each)
    names = sorted(groups, key=lambda name: (not name, natural(name)))
    none = words.without_group(by.value)
    return tuple(SectionView(None, name or none, _keys(groups[name])) for name in names)


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
    figures = [(figure_of(each, now, prefs), each) for each in by_name]
    known = [row for row in figures if row[0] is not None]
    # equals stay in the order of their names, whichever way round
    known.sort(key=itemgetter(0), reverse=sort.rises is reverse)
    return [each for _, each in known] + [each for figure, each in figures if figure is None]


def _in_column(each: Judged, kind: str) -> UsageWindow | None:
    """The window that the table shows in the column of that kind: its own, else the next that is as short."""
    base = each.account.usage.base
    if base is None or base.value is None:
        return None
    alike = [window for window in windows_by_length(base.value) if is_short(window.kind) is is_short(kind)]
    return next((window for window in alike if window.kind == kind), alike[0] if alike else None)


def _percent_of(kind: str) -> FigureOf:
    def figure(each: Judged, now: datetime, prefs: Prefs) -> float | None:
        window = _in_column(each, kind)
        return _shown_percent(window.used_percent if window is not None else None, prefs)

    return figure


def _shown_percent(used: float | None, prefs: Prefs) -> float | None:
    if not is_figure(used):
        return None
    return 100 - used if prefs.shown is Shown.LEFT else used


def _reset_of(kind: str) -> FigureOf:
    def figure(each: Judged, now: datetime, prefs: Prefs) -> float | None:
        window, base = _in_column(each, kind), each.account.usage.base
        return _seconds_to(own_reset(window, base.at) if window and base else None, now)

    return figure


def _seconds_to(at: datetime | None, now: datetime) -> float | None:
    """What is due is all as near."""
    return max(0.0, (at - now).total_seconds()) if at is not None else None


def _scarcest_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    nearest = scarcest(_rows_of(each, now, prefs))
    return _shown_percent(nearest.used if nearest is not None else None, prefs)


def _scarcest_reset_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    nearest = scarcest(_rows_of(each, now, prefs))
    return _seconds_to(nearest.resets_at if nearest is not None else None, now)


def _rows_of(each: Judged, now: datetime, prefs: Prefs) -> list[Measured]:
    """The rows that the narrow table chooses from; it has none for who needs somebody."""
    if each.section is Section.NEEDS_YOU:
        return []
    spend = spend_row(each.account.usage, now, prefs)
    return [*base_rows(each.account.usage, now, prefs), *([spend] if spend is not None else [])]


def _plan_of(each: Judged, now: datetime, prefs: Prefs) -> NaturalKey | None:
    plan = each.account.plan
    return natural(words.plan_name(plan)) if plan else None


def _source_of(each: Judged, now: datetime, prefs: Prefs) -> NaturalKey | None:
    listing = acting(each.account)
    return natural(listing.ref.source) if listing else None


def _credits_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    credits = each.account.usage.credits
    if credits is None or credits.value is None or not credits.value.is_shown:
        return None
    if credits.value.unlimited:
        return math.inf
    return float(credits.value.balance) if credits.value.balance is not None else None


def _next_reset_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    """The time to the next reset."""
    base = each.account.usage.base
    if base is None:
        return None
    resets = [own_reset(window, base.at) for window in each.account.usage.windows]
    ahead = [resets_at for resets_at in resets if resets_at is not None and resets_at > now]
    return (min(ahead) - now).total_seconds() if ahead else None


def _burn_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    """What a day used of the weekly window."""
    return weekly_day(each, prefs.own(now))


def _age_of(each: Judged, now: datetime, prefs: Prefs) -> float | None:
    read_at = each.account.read_at
    return (now - read_at).total_seconds() if read_at and not is_undated(read_at) else None


_FIGURES: Final[dict[SortKey, FigureOf]] = {
    SortKey.PLAN: _plan_of,
    SortKey.SOURCE: _source_of,
    SortKey.FIVE_HOURS_RESET: _reset_of(FIVE_HOURS),
    SortKey.WEEKLY_RESET: _reset_of(WEEKLY),
    SortKey.SCARCEST: _scarcest_of,
    SortKey.SCARCEST_RESET: _scarcest_reset_of,
    SortKey.WEEKLY: _percent_of(WEEKLY),
    SortKey.AT_RESET: at_reset_rank,
    SortKey.BURN: _burn_of,
    SortKey.FIVE_HOURS: _percent_of(FIVE_HOURS),
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
