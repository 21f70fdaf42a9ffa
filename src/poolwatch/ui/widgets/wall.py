"""The wall: one Line-API widget for pools of every size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import zip_longest
from typing import Final, TypeAlias

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from poolwatch.domain.account import AccountKey
from poolwatch.presentation.view import CardView, MarkView, Tone
from poolwatch.ui.appearance import DEFAULT_APPEARANCE, Appearance
from poolwatch.ui.cells import Line, changed_cells, fit_line, line_width
from poolwatch.ui.widgets import hive
from poolwatch.ui.widgets.arrangement import NOTHING, Arrangement, Direction, Item, Slot, Text
from poolwatch.ui.widgets.lines import THUMB, paint, thumb

CardOf: TypeAlias = Callable[[AccountKey], CardView | None]
MarkOf: TypeAlias = Callable[[AccountKey], MarkView | None]
_WHEEL: Final = 3
_FEW: Final = 8


class AccountWall(Widget, inherit_bindings=False):
    """Accounts in an arrangement, one of them selected.

    The owner gives an arrangement and functions that know the card and the mark of an account. They are
    asked when its lines are painted; `review` repaints what has changed since. It scrolls by itself, for
    Textual's ways of doing so bring widgets and an animation along. Lines may stand beside the accounts.
    """

    ALLOW_SELECT = False
    can_focus = False
    DEFAULT_CSS = """
    AccountWall { height: 1fr; width: 1fr; background: $background; }
    """

    class Selected(Message):
        """Another account is selected, or none."""

        def __init__(self, key: AccountKey | None) -> None:
            super().__init__()
            self.key = key

    class Opened(Message):
        """An account was clicked a second time."""

        def __init__(self, key: AccountKey) -> None:
            super().__init__()
            self.key = key

    def __init__(
        self,
        card_of: CardOf,
        mark_of: MarkOf,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own parameter
    ) -> None:
        super().__init__(id=id)
        self._card_of = card_of
        self._mark_of = mark_of
        self._arrangement: Arrangement = NOTHING
        self._appearance = DEFAULT_APPEARANCE
        self._empty: Line = ()
        #: the first line shown
        self._top = 0
        self._beside: tuple[Line, ...] = ()
        self._beside_width = 0
        self._selected: AccountKey | None = None
        #: what the operator last chose; it may be filtered out for now
        self._wanted: AccountKey | None = None
        self._drawn: dict[AccountKey, CardView | MarkView | None] = {}
        #: the block of each account drawn so far, plain and selected
        self._strips: dict[tuple[AccountKey, bool], tuple[Strip, ...]] = {}
        #: marks are few: those that look alike share their segments, unless they are selected
        self._alike: dict[CardView | MarkView | None, list[Segment]] = {}
        #: the lines as they were last given to the screen
        self._painted: dict[int, Strip] = {}

    @property
    def selected(self) -> AccountKey | None:
        """The selected account; None on an empty wall."""
        return self._selected

    @property
    def order(self) -> tuple[AccountKey, ...]:
        """All accounts of the wall, as they stand."""
        return self._arrangement.order

    @property
    def top(self) -> int:
        """The first line shown."""
        return self._top

    @property
    def visible_keys(self) -> tuple[AccountKey, ...]:
        """The accounts on screen."""
        top, bottom = self._top, self._top + self.size.height
        height = self._arrangement.block_height
        return tuple(
            key
            for start in self._arrangement.starts
            if start < bottom and start + height > top
            for key in self._arrangement.at_start[start]
        )

    def set_appearance(self, appearance: Appearance) -> None:
        """Draw with another theme or set of glyphs."""
        self._appearance = appearance
        self._strips.clear()
        self._alike.clear()
        self._painted.clear()
        self.refresh()

    def show(self, arrangement: Arrangement, empty: Line = (), *, beside_width: int = 0) -> None:
        """Show another arrangement; `empty` stands there when it has no account.

        It leaves `beside_width` cells at the right to `show_beside`. The selected account keeps its line on
        the screen. If it is gone, the one at its index is selected, until it is back.
        """
        before = self._arrangement
        line = self._line_of(before, self._selected)
        index = before.order.index(self._selected) if self._selected in before.places else 0
        self._strips.clear()
        self._drawn.clear()
        self._arrangement = arrangement
        self._empty = empty
        self._beside_width = beside_width
        self._selected = self._choose(index)
        self.post_message(self.Selected(self._selected))
        if not self.size:
            return  # the first layout, which needs to know what there is to show, comes after this
        if self._selected is not None:
            top = arrangement.places[self._selected][1] - line if line is not None else self._top
            self._scroll_to_line(top)
            self._reveal(self._selected)
        else:
            self._scroll_to_line(0)
        self._repaint(range(self.size.height))

    def show_beside(self, lines: Sequence[Line]) -> None:
        """Show these lines beside the accounts, in the width that was left to them."""
        before, self._beside = self._beside, tuple(lines)
        pairs = zip_longest(before, self._beside)
        changed = [y for y, (one, other) in enumerate(pairs) if one != other]
        self._repaint(y for y in changed if y < self.size.height)

    def review(self) -> int:
        """Repaint what differs on visible accounts whose card is a new one; how many cards that were."""
        changed = []
        drawn_before, face_of = self._drawn, self._face_of
        for key in self.visible_keys:
            if key not in drawn_before:
                continue
            face, drawn = face_of(key), drawn_before[key]
            if face is not drawn and face != drawn:
                drawn_before[key] = face
                changed.append(key)
        if self._arrangement.marks:
            self._repaint_marks(changed)
            return len(changed)
        for key in changed:
            self._strips.pop((key, False), None)
            self._strips.pop((key, True), None)
        self._repaint({y for key in changed for y in self._lines_of(key)})
        return len(changed)

    def select(self, key: AccountKey) -> None:
        """Select an account of the wall and bring it into view."""
        if key not in self._arrangement.places:
            return
        self._wanted = key
        if key == self._selected:
            self._reveal(key)
            return
        former, self._selected = self._selected, key
        self._repaint({*self._lines_of(former), *self._lines_of(key)})
        self._reveal(key)
        self.post_message(self.Selected(key))

    def move(self, direction: Direction) -> None:
        """Send the selection somewhere."""
        if self._selected is not None:
            page = max(1, self.size.height - self._arrangement.block_height)
            self.select(self._arrangement.neighbour(self._selected, direction, page))

    def render_line(self, y: int) -> Strip:
        """The line at `y` of the widget."""
        strip = self._painted[y] = self._line(y)
        return strip

    def _line(self, y: int) -> Strip:
        accounts = self._line_of_accounts(y, max(0, self.size.width - self._beside_width))
        if not self._beside_width:
            return accounts
        ground = self._appearance.palette.style(Tone.PLAIN)
        beside = paint(self._beside[y] if y < len(self._beside) else (), self._appearance)
        return Strip.join([accounts, beside.adjust_cell_length(self._beside_width, ground)])

    def _line_of_accounts(self, y: int, width: int) -> Strip:
        ground = self._appearance.palette.style(Tone.PLAIN)
        row = y + self._top
        if row >= self._arrangement.height:
            if y == 1 and not self._arrangement.order and self._empty:
                return paint(fit_line(self._empty, width), self._appearance)
            return Strip.blank(width, ground)
        if self._arrangement.marks:
            content = self._marks(self._arrangement.rows[row])
        else:
            content = Strip.join(
                self._slot(item) if isinstance(item, Slot) else paint(item.line, self._appearance)
                for item in self._arrangement.rows[row]
            )
        return Strip.join(
            [
                content.adjust_cell_length(width - THUMB, ground),
                thumb(y, self._top, self.size.height, self._arrangement.height, self._appearance),
            ]
        )

    def on_resize(self) -> None:
        """The selected account stays in view."""
        if self._selected is not None:
            self._reveal(self._selected)

    def on_click(self, event: events.Click) -> None:
        """Select what was clicked; a second click opens it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        key = self._arrangement.hit(offset.x, offset.y + self._top)
        if key is None:
            return
        if key == self._selected and event.chain > 1:
            self.post_message(self.Opened(key))
        self.select(key)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down; the selection stays where it is."""
        event.stop()
        self._scroll_to_line(self._top + _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up; the selection stays where it is."""
        event.stop()
        self._scroll_to_line(self._top - _WHEEL)

    def _marks(self, items: Iterable[Item]) -> Strip:
        """A line of marks: a thousand of them are painted at a time."""
        drawn, alike, segments, width = self._drawn, self._alike, list[Segment](), 0
        for item in items:
            if isinstance(item, Text):
                segments += paint(item.line, self._appearance)
                width += line_width(item.line)
                continue
            key = item.key
            if key not in drawn:
                drawn[key] = self._mark_of(key)
            face = drawn[key]
            found = alike.get(face) if key != self._selected else None
            if found is None:
                found = list(self._block(face, selected=key == self._selected)[0])
                if key != self._selected:
                    alike[face] = found
            segments += found
            width += hive.CELL
        return Strip(segments, width)

    def _slot(self, slot: Slot) -> Strip:
        key = slot.key
        selected = key == self._selected
        strips = self._strips.get((key, selected))
        if strips is None:
            if key not in self._drawn:
                self._drawn[key] = self._face_of(key)
            strips = self._strips[key, selected] = self._block(self._drawn[key], selected=selected)
        return strips[slot.part]

    @property
    def _face_of(self) -> CardOf | MarkOf:
        return self._mark_of if self._arrangement.marks else self._card_of

    def _block(self, face: CardView | MarkView | None, *, selected: bool) -> tuple[Strip, ...]:
        arrangement = self._arrangement
        if face is None:
            blank = Strip.blank(arrangement.block_width, self._appearance.palette.style(Tone.PLAIN))
            return (blank,) * arrangement.block_height
        if isinstance(face, MarkView):
            lines: tuple[Line, ...] = (hive.mark(face, self._appearance.glyphs, selected=selected),)
        else:
            lines = arrangement.painter(face, self._appearance.glyphs, selected=selected)
        return tuple(paint(line, self._appearance, selected=selected) for line in lines)

    def _choose(self, index: int) -> AccountKey | None:
        order = self._arrangement.order
        if self._wanted in self._arrangement.places:
            return self._wanted
        if not order:
            return None
        chosen = order[min(index, len(order) - 1)]
        if self._wanted is None:
            self._wanted = chosen
        return chosen

    def _line_of(self, arrangement: Arrangement, key: AccountKey | None) -> int | None:
        if key is None or key not in arrangement.places:
            return None
        return arrangement.places[key][1] - self._top

    def _lines_of(self, key: AccountKey | None) -> range:
        """The lines of the widget on which an account stands."""
        if key is None or key not in self._arrangement.places:
            return range(0)
        top = self._arrangement.places[key][1] - self._top
        height = self.size.height
        return range(max(0, top), min(height, max(0, top + self._arrangement.block_height)))

    def _repaint(self, lines: Iterable[int]) -> None:
        """Have painted anew what differs from what stands there, and nothing else."""
        width = self.size.width
        regions = []
        for y in lines:
            before, after = self._painted.get(y), self._line(y)
            span: tuple[int, int] | None = (0, width)
            if before is not None and before.cell_length == width:
                span = changed_cells(_pieces(before), _pieces(after))
            if span is not None and width:
                regions.append(Region(span[0], y, max(1, span[1] - span[0]), 1))
        if regions:
            self.refresh(*regions)

    def _repaint_marks(self, keys: Collection[AccountKey]) -> None:
        """Have these marks painted anew; of many, whole lines, which cost less to paint than to cut."""
        places, top = self._arrangement.places, self._top
        lines = {places[key][1] - top for key in keys}
        if len(keys) > _FEW:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in lines))
        elif keys:
            width = self._arrangement.block_width
            self.refresh(*(Region(x, y - top, width, 1) for x, y in (places[key] for key in keys)))

    def _reveal(self, key: AccountKey) -> None:
        top = self._arrangement.top_of(key)
        bottom = self._arrangement.places[key][1] + self._arrangement.block_height
        height = self.size.height
        at = self._top
        if bottom > at + height:
            at = bottom - height
        if top < at:
            at = top
        if self._arrangement.places[key][1] < at:
            at = self._arrangement.places[key][1]
        self._scroll_to_line(at)

    def _scroll_to_line(self, line: int) -> None:
        most = max(0, self._arrangement.height - self.size.height)
        target = min(most, max(0, line))
        if target != self._top:
            self._top = target
            self.refresh()


def _pieces(strip: Strip) -> list[tuple[str, object]]:
    return [(segment.text, segment.style) for segment in strip]
