"""Widgets of finished lines: a few, or as many as scroll."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final, overload

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import DEFAULT_APPEARANCE, Appearance
from poolwatch.ui.cells import Ink, Line, fit_line, wrap
from poolwatch.ui.widgets.arrangement import Direction

#: The last column of what scrolls shows where in all of it the screen is.
THUMB: Final = 1


def paint(line: Line, appearance: Appearance, *, selected: bool = False) -> Strip:
    """A line as the terminal shows it."""
    return Strip(segments(line, appearance, selected=selected))


def segments(line: Line, appearance: Appearance, *, selected: bool = False) -> list[Segment]:
    """The pieces of a line as the terminal shows them, to be joined with others."""
    styles = appearance.palette.selected if selected else appearance.palette.styles
    glyphs = appearance.glyphs
    return [Segment(glyphs.text(text), styles[name]) for text, name in line if text]


def thumb(y: int, top: int, shown: int, total: int, appearance: Appearance) -> Strip:
    """The last cell of line `y` where `shown` of `total` lines stand from `top` on."""
    text = " "
    if total > shown > 0:
        length = max(1, shown * shown // total)
        start = round(top * (shown - length) / max(1, total - shown))
        text = "┃" if start <= y < start + length else " "
    return paint(((text, Ink.RULE),), appearance)


class LateLines(Sequence[Line]):
    """Lines of which each is drawn when somebody looks at it: blocks of so many lines each."""

    def __init__(self, ends: Sequence[int], draw: Callable[[int], Sequence[Line]]) -> None:
        """`ends`: where each block ends; `draw` gives the lines of a block by its number."""
        self._ends = ends
        self._draw = draw

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Line, ...]: ...
    def __getitem__(self, index: int | slice) -> Line | tuple[Line, ...]:
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        if not 0 <= index < len(self):
            raise IndexError(index)
        block = bisect_right(self._ends, index)
        return self._draw(block)[index - (self._ends[block - 1] if block else 0)]


class Lines(Widget, inherit_bindings=False):
    """A few lines; the owner gives them, already as wide as the widget."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Lines { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own parameter
        super().__init__(id=id)
        self.lines: Sequence[Line] = ()
        self.appearance = DEFAULT_APPEARANCE

    @property
    def text(self) -> str:
        """What is shown, as plain text."""
        return "\n".join("".join(piece for piece, _ in line) for line in self.lines)

    def set_appearance(self, appearance: Appearance) -> None:
        """Draw with another theme or set of glyphs."""
        self.appearance = appearance
        self.refresh()

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines; the height follows."""
        before, self.lines = self.lines, tuple(lines)
        if len(self.lines) != len(before):
            self.styles.height = len(self.lines)
            self.display = bool(self.lines)
            self.refresh(layout=True)
        elif self.lines != before:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line at `y`."""
        return self.painted(y, self.size.width)

    def painted(self, index: int, width: int) -> Strip:
        """One of the lines in exactly `width` cells."""
        line = self.lines[index] if index < len(self.lines) else ()
        ground = self.appearance.palette.styles[Tone.PLAIN]
        return paint(line, self.appearance).adjust_cell_length(width, ground)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many lines as there are."""
        return len(self.lines)


class Pane(Lines):
    """Lines, as many as there are, of which the screen shows a part: the detail, raw and help screens."""

    can_focus = False
    DEFAULT_CSS = """
    Pane { height: 1fr; width: 1fr; background: $background; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own parameter
        super().__init__(id=id)
        #: the first line shown
        self.top = 0

    def show(self, lines: Sequence[Line], *, from_top: bool = False) -> None:
        """Show these lines, from where the screen stands or from the top."""
        before = self.lines, self.top
        self.lines = lines if isinstance(lines, LateLines) else tuple(lines)
        self.top = 0 if from_top else min(self.top, self._last_top)
        if (self.lines, self.top) != before:
            self.refresh()

    def move(self, direction: Direction) -> None:
        """Scroll."""
        page = max(1, self.size.height - 1)
        to = {
            Direction.UP: self.top - 1,
            Direction.DOWN: self.top + 1,
            Direction.PAGE_UP: self.top - page,
            Direction.PAGE_DOWN: self.top + page,
            Direction.FIRST: 0,
            Direction.LAST: self._last_top,
        }.get(direction, self.top)
        to = min(self._last_top, max(0, to))
        if to != self.top:
            self.top = to
            self.refresh()

    def bring(self, index: int) -> None:
        """Scroll no further than it takes to see a line."""
        top = min(index, max(self.top, index - max(1, self.size.height) + 1))
        if top != self.top:
            self.top = max(0, min(self._last_top, top))
            self.refresh()

    def reveal(self, index: int) -> None:
        """Scroll until a line is seen, with some lines before it."""
        height = self.size.height
        if not self.top <= index < self.top + height:
            self.top = min(self._last_top, max(0, index - height // 3))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line at `y` of the widget."""
        content = self.painted(y + self.top, max(0, self.size.width - THUMB))
        height = self.size.height
        return Strip.join([content, thumb(y, self.top, height, len(self.lines), self.appearance)])

    @property
    def _last_top(self) -> int:
        return max(0, len(self.lines) - self.size.height)


def empty_page_lines(paragraphs: Sequence[tuple[str, Tone]], width: int) -> tuple[Line, ...]:
    """What a page says that has no rows."""
    lines: list[Line] = [()]
    for text, tone in paragraphs:
        wrapped = wrap(((text, tone),), min(76, max(10, width - 4)))
        lines += [*(fit_line((("   ", Tone.PLAIN), *line), width) for line in wrapped), ()]
    return tuple(lines)
