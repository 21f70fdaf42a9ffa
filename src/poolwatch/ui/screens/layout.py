"""How the pool screen divides the terminal, and which view it opens with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.presentation.view import CardView, SectionView
from poolwatch.ui.glyphs import Glyphs
from poolwatch.ui.options import WallView
from poolwatch.ui.widgets.wall.arrangement import Arrangement, as_cards, as_hive, as_table, card_columns
from poolwatch.ui.widgets.wall.cards import common_height
from poolwatch.ui.widgets.wall.columns import Columns, Content, choose

#: From this width on the table shares the screen with the detail of the selection.
SPLIT_FROM: Final = 200
_TABLE_LEAST: Final = 118
_SIDE_MOST: Final = 84
#: More accounts than this open as a hive.
TABLE_MOST: Final = 150
#: Narrower than this a hive's rows say little.
_HIVE_LEAST: Final = 40
_ROOMY: Final = 70


def side_width(width: int, view: WallView) -> int:
    """The cells of the detail beside the table; 0 for none."""
    if width < SPLIT_FROM or view is not WallView.TABLE:
        return 0
    return min(_SIDE_MOST, width - _TABLE_LEAST)


def opening_view(accounts: int, tallest: int, width: int, height: int) -> WallView:
    """Cards if all fit on one screen, a table up to 150 accounts, the hive beyond."""
    across, _ = card_columns(width)
    rows = -(-accounts // across)
    if accounts and rows * (tallest + 1) - 1 <= height:
        return WallView.CARDS
    if accounts > TABLE_MOST and width >= _HIVE_LEAST:
        return WallView.HIVE
    return WallView.TABLE


class Arranged(Struct, frozen=True):
    """An arrangement, and the table's columns where it is a table."""

    arrangement: Arrangement
    columns: Columns | None = None
    card_height: int = 0


def arrange(
    view: WallView,
    sections: Sequence[SectionView],
    card_of: Callable[[AccountKey], CardView | None],
    width: int,
    glyphs: Glyphs,
    card_height: int = 0,
) -> Arranged:
    """Places for all accounts of the sections, in `width` cells; cards are at least `card_height` high."""
    if view is WallView.HIVE:
        return Arranged(as_hive(sections, width, glyphs))
    cards = [card for section in sections for key in section.keys if (card := card_of(key)) is not None]
    if view is WallView.CARDS:
        height = max(card_height, common_height(cards))
        return Arranged(as_cards(sections, width, height), card_height=height)
    # a blank between the last figures and the mark that shows the place in the wall
    columns = choose(width - 1 if width >= _ROOMY else width, Content.of(cards))
    return Arranged(as_table(sections, columns, glyphs), columns)
