"""Lines that scroll: the detail, raw and help screens, and the detail beside a wide table."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Line, changed_cells
from poolwatch.ui.ink import Ink
from poolwatch.ui.looks import PLAIN_LOOKS, Looks
from poolwatch.ui.widgets.wall.arrangement import Direction

_THUMB = 1


class Pane(Widget, inherit_bindings=False):
    """Finished lines, as many as there are, of which the screen shows a part."""

    ALLOW_SELECT = False
    can_focus = False
    DEFAULT_CSS = """
    Pane { height: 1fr; width: 1fr; background: $background; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own parameter
        super().__init__(id=id)
        self._lines: tuple[Line, ...] = ()
        self._top = 0
        self._looks = PLAIN_LOOKS

    @property
    def top(self) -> int:
        """The first line shown."""
        return self._top

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join("".join(piece for piece, _ in line) for line in self._lines)

    @property
    def content_width(self) -> int:
        """The cells that a line may take."""
        return max(1, self.size.width - _THUMB)

    def dress(self, looks: Looks) -> None:
        """Wear another theme or set of glyphs."""
        self._looks = looks
        self.refresh()

    def show(self, lines: Sequence[Line], *, from_top: bool = False) -> None:
        """Show these lines, from where the screen stands or from the top; only what differs is painted."""
        old, self._lines = self._lines, tuple(lines)
        top = self._top
        self._top = 0 if from_top else min(self._top, self._most)
        if top != self._top or len(old) != len(self._lines):
            self.refresh()
            return
        regions = []
        for index, (before, after) in enumerate(zip(old, self._lines, strict=True)):
            span = changed_cells(before, after) if 0 <= index - self._top < self.size.height else None
            if span is not None:
                regions.append(Region(span[0], index - self._top, max(1, span[1] - span[0]), 1))
        if regions:
            self.refresh(*regions)

    def move(self, direction: Direction) -> None:
        """Scroll."""
        page = max(1, self.size.height - 1)
        to = {
            Direction.UP: self._top - 1,
            Direction.DOWN: self._top + 1,
            Direction.PAGE_UP: self._top - page,
            Direction.PAGE_DOWN: self._top + page,
            Direction.FIRST: 0,
            Direction.LAST: self._most,
        }.get(direction, self._top)
        to = min(self._most, max(0, to))
        if to != self._top:
            self._top = to
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line at `y` of the widget."""
        width = self.size.width
        index = y + self._top
        line = self._lines[index] if index < len(self._lines) else ()
        ground = self._looks.palette.style(Tone.PLAIN)
        content = self._looks.paint(line).adjust_cell_length(max(0, width - _THUMB), ground)
        return Strip.join([content, self._looks.paint(((self._thumb(y), Ink.RULE),))])

    def _thumb(self, y: int) -> str:
        shown, total = self.size.height, len(self._lines)
        if total <= shown or shown <= 0:
            return " "
        length = max(1, shown * shown // total)
        start = round(self._top * (shown - length) / max(1, self._most))
        return "┃" if start <= y < start + length else " "

    @property
    def _most(self) -> int:
        return max(0, len(self._lines) - self.size.height)
