"""The wall: one Line-API widget for pools of every size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from poolwatch.ui.cells import Line, fit_line
from poolwatch.ui.widgets import hive
from poolwatch.ui.widgets.arrangement import NOTHING, Arrangement, Direction, Item, Text
from poolwatch.ui.widgets.lines import THUMB, paint, segments, thumb
from poolwatch.words import interface as words

CardOf: TypeAlias = Callable[[AccountKey], CardView | None]
MarkOf: TypeAlias = Callable[[AccountKey], MarkView | None]
#: The lines of one account, to be joined with its neighbours'.
_Pieces: TypeAlias = tuple[list[Segment], ...]
_WHEEL: Final = 3


class AccountWall(Widget, inherit_bindings=False):
    """Accounts in an arrangement, one of them selected.

    The owner gives an arrangement and functions that know the card and the mark of an account. They are
    asked when its lines are painted; `review` repaints those whose card is another since. It scrolls by
    itself, for Textual's ways of doing so bring widgets and an animation along. Lines may stand beside the
    accounts.
    """

    ALLOW_SELECT = False
    can_focus = False
    DEFAULT_CSS = """
    AccountWall { height: 1fr; width: 1fr; background: $background; }
    """

    class Selected(Message):
        """Another account is selected, or none."""

    class Opened(Message):
        """The selected account was clicked a second time."""

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
        #: the accounts painted so far: their card or mark, whether selected, their lines
        self._drawn: dict[AccountKey, tuple[CardView | MarkView | None, bool, _Pieces]] = {}

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
        arrangement = self._arrangement
        top, bottom = self._top, self._cut_off or self._top + self.size.height
        return tuple(
            key
            for start, height in zip(arrangement.starts, arrangement.heights, strict=True)
            if start < bottom and start + height > top
            for key in arrangement.at_start[start]
        )

    def set_appearance(self, appearance: Appearance) -> None:
        """Draw with another theme or set of glyphs."""
        self._appearance = appearance
        self._drawn.clear()
        self.refresh()

    def show(self, arrangement: Arrangement, empty: Line = (), *, beside_width: int = 0) -> None:
        """Show another arrangement; `empty` stands there when it has no account.

        It leaves `beside_width` cells at the right to `show_beside`. The selected account keeps its line on
        the screen. If it is gone, the one at its index is selected, until it is back.
        """
        before = self._arrangement
        index, line = 0, None
        if self._selected is not None and self._selected in before.places:
            index = before.order.index(self._selected)
            line = before.places[self._selected][1] - self._top
        self._drawn.clear()
        self._arrangement = arrangement
        self._empty = empty
        self._beside_width = beside_width
        self._selected = self._choose(index)
        self.post_message(self.Selected())
        if not self.size:
            return  # the first layout, which needs to know what there is to show, comes after this
        if self._selected is not None:
            top = arrangement.places[self._selected][1] - line if line is not None else self._top
            self._scroll_to_line(top)
            self._reveal(self._selected)
        else:
            self._scroll_to_line(0)
        self.refresh()

    def show_beside(self, lines: Sequence[Line]) -> None:
        """Show these lines beside the accounts, in the width that was left to them."""
        if tuple(lines) != self._beside:
            self._beside = tuple(lines)
            self.refresh()

    def review(self) -> None:
        """Repaint the visible accounts whose card is another since they were drawn; forget the others."""
        visible = self.visible_keys
        self._drawn = {key: self._drawn[key] for key in visible if key in self._drawn}
        for key in visible:
            if key in self._drawn and self._face_of(key) != self._drawn[key][0]:
                del self._drawn[key]
                self._repaint(key)

    def select(self, key: AccountKey) -> None:
        """Select an account of the wall and bring it into view."""
        if key not in self._arrangement.places:
            return
        self._wanted = key
        if key == self._selected:
            self._reveal(key)
            return
        former, self._selected = self._selected, key
        self._repaint(former)
        self._repaint(key)
        self._reveal(key)
        self.post_message(self.Selected())

    def move(self, direction: Direction) -> None:
        """Send the selection somewhere."""
        if self._selected is not None:
            page = max(1, self.size.height - self._arrangement.height_of(self._selected))
            self.select(self._arrangement.neighbour(self._selected, direction, page))

    def render_line(self, y: int) -> Strip:
        """The line at `y` of the widget."""
        accounts = self._line_of_accounts(y, max(0, self.size.width - self._beside_width))
        if not self._beside_width:
            return accounts
        ground = self._appearance.palette.styles[Tone.PLAIN]
        beside = paint(self._beside[y] if y < len(self._beside) else (), self._appearance)
        return Strip.join([accounts, beside.adjust_cell_length(self._beside_width, ground)])

    def _line_of_accounts(self, y: int, width: int) -> Strip:
        ground = self._appearance.palette.styles[Tone.PLAIN]
        row = y + self._top
        if row >= self._arrangement.height:
            if y == 1 and not self._arrangement.order and self._empty:
                return paint(fit_line(self._empty, width), self._appearance)
            return Strip.blank(width, ground)
        cut_off = self._cut_off
        if cut_off is None or row < cut_off:
            content = Strip([piece for item in self._arrangement.rows[row] for piece in self._item(item)])
        else:
            content = paint(self._more_below(cut_off) if row == cut_off else (), self._appearance)
        return Strip.join(
            [
                content.adjust_cell_length(width - THUMB, ground),
                thumb(y, self._top, self.size.height, self._arrangement.height, self._appearance),
            ]
        )

    @property
    def _cut_off(self) -> int | None:
        return self._arrangement.cut_off(self._top, self.size.height)

    def _more_below(self, line: int) -> Line:
        count = sum(y >= line for _, y in self._arrangement.places.values())
        dots = self._appearance.glyphs.ellipsis
        return ((f"   {dots} {words.text('more_below', count=count)}", Tone.DIM),)

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
        if key not in self.visible_keys:
            return
        if key == self._selected and event.chain > 1:
            self.post_message(self.Opened())
        self.select(key)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down; the selection stays where it is."""
        event.stop()
        self._scroll_to_line(self._top + _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up; the selection stays where it is."""
        event.stop()
        self._scroll_to_line(self._top - _WHEEL)

    def _item(self, item: Item) -> list[Segment]:
        if isinstance(item, Text):
            return segments(item.line, self._appearance)
        key, selected = item.key, item.key == self._selected
        drawn = self._drawn.get(key)
        if drawn is None or drawn[1] is not selected:
            face = self._face_of(key)
            drawn = self._drawn[key] = (face, selected, self._block(key, face, selected=selected))
        return drawn[2][item.part]

    @property
    def _face_of(self) -> CardOf | MarkOf:
        return self._mark_of if self._arrangement.marks else self._card_of

    def _block(self, key: AccountKey, face: CardView | MarkView | None, *, selected: bool) -> _Pieces:
        arrangement = self._arrangement
        height = arrangement.height_of(key)
        if face is None:
            blank = Segment(" " * arrangement.block_width, self._appearance.palette.styles[Tone.PLAIN])
            return ([blank],) * height
        if isinstance(face, MarkView):
            lines: tuple[Line, ...] = (hive.mark(face, self._appearance.glyphs, selected=selected),)
        else:
            lines = arrangement.painter(face, height, self._appearance.glyphs, selected=selected)
        return tuple(segments(line, self._appearance, selected=selected) for line in lines)

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

    def _repaint(self, key: AccountKey | None) -> None:
        """Have the lines painted anew on which an account stands."""
        if key is not None and key in self._arrangement.places:
            top = self._arrangement.places[key][1] - self._top
            lines = Region(0, top, self.size.width, self._arrangement.height_of(key))
            self.refresh(lines.intersection(self.size.region))

    def _reveal(self, key: AccountKey) -> None:
        lowest = self._arrangement.places[key][1] + self._arrangement.height_of(key) - self.size.height
        self._scroll_to_line(min(max(self._top, lowest), self._arrangement.top_of(key)))

    def _scroll_to_line(self, line: int) -> None:
        target = self._arrangement.top_at(line, self._top, self.size.height)
        if target != self._top:
            self._top = target
            self.refresh()
