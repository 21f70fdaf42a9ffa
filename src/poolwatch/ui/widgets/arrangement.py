"""Where accounts stand on the wall, and how the terminal is divided: pure geometry."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from msgspec import Struct, field

from poolwatch.domain.account import AccountKey
from poolwatch.presentation.view import CardView, SectionView, Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Line
from poolwatch.ui.state import WallView
from poolwatch.ui.widgets import cards, hive, table
from poolwatch.ui.widgets.columns import Columns, Content, choose


class Direction(StrEnum):
    """Where the selection is sent."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    PAGE_UP = "page_up"
    PAGE_DOWN = "page_down"
    FIRST = "first"
    LAST = "last"

    def among(self, count: int, at: int, page: int) -> int:
        """The place that it leads to from `at` in a list of so many, at least one; sideways it stays."""
        match self:
            case Direction.UP:
                to = at - 1
            case Direction.DOWN:
                to = at + 1
            case Direction.PAGE_UP:
                to = at - page
            case Direction.PAGE_DOWN:
                to = at + page
            case Direction.FIRST:
                to = 0
            case Direction.LAST:
                to = count - 1
            case _:
                to = at
        return min(count - 1, max(0, to))


class Slot(Struct, frozen=True):
    """One line of one account's block."""

    key: AccountKey
    part: int


class Text(Struct, frozen=True):
    """A line, or a part of one, that belongs to no account."""

    line: Line


Item: TypeAlias = Slot | Text


class Painter(Protocol):
    """Draws an account's block: the lines of its part of the wall."""

    def __call__(self, card: CardView, height: int, glyphs: Glyphs, *, selected: bool) -> tuple[Line, ...]:
        """The block's lines, each as wide as every block of the arrangement."""
        ...


class Arrangement(Struct, frozen=True, eq=False):
    """Blocks of one width at fixed places, and the texts between them. Coordinates are the wall's own."""

    width: int
    rows: tuple[tuple[Item, ...], ...]
    order: tuple[AccountKey, ...]
    places: Mapping[AccountKey, tuple[int, int]]
    block_width: int
    painter: Painter
    #: drawn from marks, which the painter is not asked for
    marks: bool = False
    #: the lines on which a block starts, in order, and the accounts that start there
    starts: tuple[int, ...] = ()
    #: how many lines the blocks of each start have
    heights: tuple[int, ...] = ()
    at_start: Mapping[int, tuple[AccountKey, ...]] = field(default_factory=dict)
    #: blocks are on screen as a whole or not at all
    whole: bool = False
    #: those of a table, and what they were chosen to hold
    columns: Columns | None = None
    content: Content | None = None

    @property
    def height(self) -> int:
        """The lines of the whole wall."""
        return len(self.rows)

    def height_of(self, key: AccountKey) -> int:
        """The lines of an account's block."""
        return self.heights[bisect_left(self.starts, self.places[key][1])]

    def top_at(self, line: int, top: int, shown: int) -> int:
        """The first of `shown` lines when `line` is wanted there; a start, where blocks are whole.

        Then the last one leaves lines blank below it.
        """
        most = max(0, self.height - shown)
        if not self.whole or not self.starts:
            return min(most, max(0, line))
        after = bisect_left(self.starts, min(most, max(0, line)))
        index = after if line >= top or self.starts[after] <= line else after - 1
        return self.starts[max(0, min(index, bisect_left(self.starts, most)))]

    def cut_off(self, top: int, shown: int) -> int | None:
        """The line from which on nothing is drawn, for the block there has no room to be whole."""
        last = bisect_left(self.starts, top + shown) - 1
        if not self.whole or last < 0:
            return None
        start = self.starts[last]
        return start if top < start and top + shown < start + self.heights[last] else None

    def hit(self, x: int, y: int) -> AccountKey | None:
        """The account at a point of the wall."""
        index = bisect_left(self.starts, y + 1) - 1
        if index < 0 or y >= self.starts[index] + self.heights[index]:
            return None
        for key in self.at_start[self.starts[index]]:
            left, _ = self.places[key]
            if left <= x < left + self.block_width:
                return key
        return None

    def top_of(self, key: AccountKey) -> int:
        """The first line to show with an account: its own, or that of the heading right above it."""
        y = self.places[key][1]
        if self.starts and y == self.starts[0]:
            return 0
        above = self.rows[y - 1] if y else ()
        return y - 1 if any(isinstance(item, Text) and item.line for item in above) else y

    def neighbour(self, key: AccountKey, direction: Direction, page: int) -> AccountKey:
        """The account in that direction; the same one where there is none. `page` is in lines."""
        flat = self.order.index(key)
        x, y = self.places[key]
        match direction:
            case Direction.FIRST:
                return self.order[0]
            case Direction.LAST:
                return self.order[-1]
            case Direction.LEFT | Direction.RIGHT:
                if self.block_width >= self.width:
                    return key
                step = -1 if direction is Direction.LEFT else 1
                return self.order[min(len(self.order) - 1, max(0, flat + step))]
            case Direction.UP | Direction.DOWN:
                row = self.starts.index(y) + (-1 if direction is Direction.UP else 1)
                return self._nearest(row, x) if 0 <= row < len(self.starts) else key
            case Direction.PAGE_UP | Direction.PAGE_DOWN:
                target = y - page if direction is Direction.PAGE_UP else y + page
                row = min(len(self.starts) - 1, bisect_left(self.starts, target))
                return self._nearest(max(0, row), x)

    def _nearest(self, row: int, x: int) -> AccountKey:
        keys = self.at_start[self.starts[row]]
        return min(keys, key=lambda key: abs(self.places[key][0] - x))


def _arrange(
    width: int,
    rows: Iterable[tuple[Item, ...]],
    lefts: Mapping[AccountKey, int],
    block_width: int,
    painter: Painter,
    *,
    heights: tuple[int, ...] = (),
    marks: bool = False,
    columns: Columns | None = None,
    content: Content | None = None,
) -> Arrangement:
    placed: dict[AccountKey, tuple[int, int]] = {}
    at_start: dict[int, tuple[AccountKey, ...]] = {}
    all_rows = tuple(rows)
    for y, items in enumerate(all_rows):
        keys = tuple(item.key for item in items if isinstance(item, Slot) and item.part == 0)
        if keys:
            at_start[y] = keys
            placed.update({key: (lefts[key], y) for key in keys})
    return Arrangement(
        width,
        all_rows,
        tuple(placed),
        placed,
        block_width,
        painter,
        marks,
        tuple(sorted(at_start)),
        heights or (1,) * len(at_start),
        at_start,
        bool(heights),
        columns,
        content,
    )


def as_table(
    sections: Iterable[SectionView], columns: Columns, glyphs: Glyphs, content: Content | None = None
) -> Arrangement:
    """One line for an account, under the headings of its section."""
    rows: list[tuple[Item, ...]] = []
    lefts: dict[AccountKey, int] = {}
    for section in sections:
        if section.heading and section.keys:
            rows.append((Text(table.section_line(section.heading, columns.width, glyphs)),))
        for key in section.keys:
            rows.append((Slot(key, 0),))
            lefts[key] = 0

    def painter(card: CardView, height: int, glyphs: Glyphs, *, selected: bool) -> tuple[Line, ...]:
        return (table.row(card, columns, glyphs, selected=selected),)

    return _arrange(columns.width, rows, lefts, columns.width, painter, columns=columns, content=content)


def card_columns(width: int) -> tuple[int, int]:
    """How many cards stand side by side in `width` cells, and the width of one."""
    # the first column of cells is the margin, and the last gap may lie beyond the edge
    count = max(1, (width + 1) // cards.STRIDE_LEAST)
    return count, max(1, (width - 1 - cards.GAP * (count - 1)) // count)


def as_cards(
    sections: Iterable[SectionView],
    width: int,
    height_of: Callable[[AccountKey], int],
    least: Sequence[int] = (),
) -> Arrangement:
    """Blocks side by side, in rows as high as the tallest of each; `least` is the height of each at least."""
    keys = [key for section in sections for key in section.keys]
    count, card_width = card_columns(width)
    rows: list[tuple[Item, ...]] = []
    lefts: dict[AccountKey, int] = {}
    heights: list[int] = []
    margin = Text(((" ", Tone.PLAIN),))
    gap = Text(((" " * cards.GAP, Tone.PLAIN),))
    for start in range(0, len(keys), count):
        line = keys[start : start + count]
        for column, key in enumerate(line):
            lefts[key] = 1 + column * (card_width + cards.GAP)
        at_least = least[len(heights)] if len(heights) < len(least) else 0
        heights.append(max(at_least, *map(height_of, line)))
        for part in range(heights[-1]):
            items: list[Item] = [margin]
            for column, key in enumerate(line):
                if column:
                    items.append(gap)
                items.append(Slot(key, part))
            rows.append(tuple(items))

    def painter(card: CardView, height: int, glyphs: Glyphs, *, selected: bool) -> tuple[Line, ...]:
        return cards.block(card, card_width, height, glyphs, selected=selected)

    return _arrange(width, rows, lefts, card_width, painter, heights=tuple(heights))


def as_hive(groups: Iterable[SectionView], width: int, glyphs: Glyphs) -> Arrangement:
    """One mark for an account, group by group."""
    rows: list[tuple[Item, ...]] = []
    lefts: dict[AccountKey, int] = {}
    listed = tuple(groups)
    lead = hive.lead_width((group.heading for group in listed), width)
    per_line = max(1, (width - lead) // hive.CELL)
    for group in listed:
        if rows:
            rows.append((Text(()),))
        for start in range(0, len(group.keys), per_line):
            line = group.keys[start : start + per_line]
            count = len(group.keys) if start == 0 else None
            items: list[Item] = [Text(hive.group_lead(group.heading, count, lead, glyphs))]
            for column, key in enumerate(line):
                lefts[key] = lead + column * hive.CELL
                items.append(Slot(key, 0))
            rows.append(tuple(items))

    def painter(card: CardView, height: int, glyphs: Glyphs, *, selected: bool) -> tuple[Line, ...]:
        return (hive.mark(card, glyphs, selected=selected),)

    return _arrange(width, rows, lefts, hive.CELL, painter, marks=True)


NOTHING = _arrange(1, (), {}, 1, lambda card, height, glyphs, *, selected: ())


#: From this width on the table shares the screen with the detail of the selection.
SPLIT_FROM: Final = 200
_TABLE_LEAST: Final = 118
_SIDE_MOST: Final = 84
#: More accounts than this open as a hive.
TABLE_MOST: Final = 100
#: Cards that take more screens than this open as a table.
SCREENS_MOST: Final = 2
#: A larger pool is easier to compare in a table, however many cards a screen holds.
CARDS_MOST: Final = 24
#: Two windows in a border: an account that was not read yet will need no less.
_CARD_USUAL: Final = 4
#: Narrower than this a hive's rows say little.
_HIVE_LEAST: Final = 40
_ROOMY: Final = 70


def side_width(width: int, view: WallView) -> int:
    """The cells of the detail beside the table; 0 for none."""
    if width < SPLIT_FROM or view is not WallView.TABLE:
        return 0
    return min(_SIDE_MOST, width - _TABLE_LEAST)


def opening_view(accounts: int, card_heights: Iterable[int], width: int, height: int) -> WallView:
    """Cards up to two dozen accounts that fit on two screens, a table up to a hundred, the hive beyond.

    Cards are counted as if those of a height stood side by side: the view does not change with the order.
    """
    across, _ = card_columns(width)
    tallest = sorted((max(each, _CARD_USUAL) for each in card_heights), reverse=True)
    if 0 < accounts <= CARDS_MOST and sum(tallest[::across]) <= SCREENS_MOST * height:
        return WallView.CARDS
    if accounts > TABLE_MOST and width >= _HIVE_LEAST:
        return WallView.HIVE
    return WallView.TABLE


def arrange(
    view: WallView,
    sections: Sequence[SectionView],
    card_of: Callable[[AccountKey], CardView | None],
    width: int,
    glyphs: Glyphs,
    least_heights: Sequence[int] = (),
    also: Content | None = None,
) -> Arrangement:
    """Places for all accounts of the sections, in `width` cells.

    Rows of cards are at least `least_heights` high, and a table's columns could hold `also`.
    """
    if view is WallView.HIVE:
        return as_hive(sections, width, glyphs)
    if view is WallView.CARDS:

        def height_of(key: AccountKey) -> int:
            card = card_of(key)
            return cards.HEIGHT_LEAST if card is None else cards.wanted_height(card)

        return as_cards(sections, width, height_of, least_heights)
    shown = [card for section in sections for key in section.keys if (card := card_of(key)) is not None]
    # a blank between the last figures and the mark that shows the place in the wall
    content = Content.of(shown) if also is None else Content.of(shown).together(also)
    columns = choose(width - 1 if width >= _ROOMY else width, content)
    return as_table(sections, columns, glyphs, content)
