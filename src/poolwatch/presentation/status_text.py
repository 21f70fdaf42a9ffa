"""`status` as a plain table: the same words and figures as on screen, without colours or bars."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.state import PoolState
from poolwatch.domain.usage import FIVE_HOURS, WEEKLY
from poolwatch.domain.values import replace
from poolwatch.presentation import figures
from poolwatch.presentation.card import card_view
from poolwatch.presentation.figures import UNKNOWN
from poolwatch.presentation.order import sections
from poolwatch.presentation.strip import strip_view
from poolwatch.presentation.view import CardView, Figure, Prefs, SortKey, StripView, WindowRow
from poolwatch.words import commands, interface, screen
from poolwatch.words.account import section_word, window_name

_WIDEST_LABEL: Final = 40
_WIDEST_STATUS: Final = 44
_GAP: Final = "  "
# columns of figures stand at the right, as on screen
_RIGHT: Final = frozenset({3, 4, 5, 6, 7, 9, 10, 11})


def status_text(
    overview: PoolOverview,
    state: PoolState,
    prefs: Prefs,
    pool_name: str = "",
    keys: Collection[AccountKey] | None = None,
    sort: SortKey = SortKey.NEED,
) -> str:
    """Every account among `keys` (None: all) in sections, after a few lines about the whole pool."""
    timed = replace(prefs, clock_offset=overview.now - overview.own_now)
    strip = strip_view(overview, state, prefs, pool_name)
    lines = [commands.pool_line(strip.name, strip.accounts, strip.sources, strip.freshness)]
    lines += [f"! {notice.text}" for notice in strip.notices]
    lines += _figures(strip, balances_figure(state, overview, prefs))
    shown = sections(overview, sort, False, prefs, keys)
    rows: list[tuple[str, ...] | str] = [_titles(prefs)]
    for section in shown:
        if section.heading:
            rows.append(section.heading)
        rows += [_row(card_view(overview.by_key[key], overview.now, timed)) for key in section.keys]
    if not any(section.keys for section in shown):
        none = commands.NO_MATCH() if overview.accounts else commands.NO_ACCOUNTS()
        return "\n".join([*lines, "", none]) + "\n"
    return "\n".join([*lines, "", *_aligned(rows)]) + "\n"


def balances_figure(state: PoolState, overview: PoolOverview, prefs: Prefs) -> Figure | None:
    """The balances of services, the scarcest first; None without any, and where nothing else is told."""
    if not state.balances or not overview.accounts:
        return None
    from poolwatch.presentation.balances import strip_balances  # most have none

    return strip_balances(state.balances.values(), overview.own_now, prefs)


def _figures(strip: StripView, balances: Figure | None) -> list[str]:
    found = [
        *(strip.next_up, strip.next_back, strip.credits, balances, strip.highest_weekly),
        *(strip.burn, strip.outlook),
    ]
    if strip.needs_you:
        found.insert(0, Figure(screen.NEEDS_YOU(), str(strip.needs_you), strip.needs_you_detail))
    present = [figure for figure in found if figure is not None]
    widest = max((figures.width(figure.title) for figure in present), default=0)
    return [
        f"{figures.ljust(figure.title, widest)}{_GAP}{figure.text}{_GAP}{figure.detail}".rstrip()
        for figure in present
    ]


def _titles(prefs: Prefs) -> tuple[str, ...]:
    shown = figures.shown_word(prefs.shown)
    five = commands.column(FIVE_HOURS, shown)
    weekly = commands.column(window_name(WEEKLY), shown)
    other = commands.column(commands.OTHER(), shown)
    return (
        commands.ACCOUNT(), commands.PLAN(), commands.STATUS(),
        five, commands.RESETS(), weekly, commands.RESETS(), interface.text("column.at_reset"), other,
        commands.CREDITS(), commands.USD(), commands.AGE(),
    )  # fmt: skip


def _row(card: CardView) -> tuple[str, ...]:
    five, weekly = card.window(FIVE_HOURS), card.window(WEEKLY)
    other = [row for row in card.windows if row.kind not in (FIVE_HOURS, WEEKLY)]
    status = card.status
    if card.status_glyph is not None:
        status = f"{status} ({section_word(card.section)})"
    money = card.credits
    # as on screen: nobody said that there is none
    unread = UNKNOWN if card.unread else ""
    return (
        figures.fit(card.label, _WIDEST_LABEL),
        card.plan,
        figures.fit(status, _WIDEST_STATUS),
        five.percent if five else unread,
        five.resets if five else "",
        weekly.percent if weekly else unread,
        weekly.resets if weekly else "",
        card.at_reset.text if card.at_reset is not None else "",
        ", ".join(_named(row) for row in other),
        money.balance if money else "",
        money.usd if money else "",
        card.age,
    )


def _named(row: WindowRow) -> str:
    return f"{row.name} {row.percent} {row.resets}"


def _aligned(rows: Sequence[tuple[str, ...] | str]) -> list[str]:
    """The rows as columns; a column that is empty in every row is left out, headings run free."""
    table = [row for row in rows if not isinstance(row, str)]
    titles, body = table[0], table[1:]
    kept = [index for index in range(len(titles)) if any(row[index] for row in body)]
    # the resets of a window stay with it
    widths = {index: max(figures.width(row[index]) for row in table) for index in kept}
    lines = []
    for row in rows:
        if isinstance(row, str):
            lines.append(row)
            continue
        columns = [
            (figures.rjust if index in _RIGHT else figures.ljust)(row[index], widths[index]) for index in kept
        ]
        lines.append(f"  {_GAP.join(columns)}".rstrip())
    return lines
