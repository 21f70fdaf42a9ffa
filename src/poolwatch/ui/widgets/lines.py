"""A widget of a few finished lines, which repaints only those that changed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Line, changed_cells
from poolwatch.ui.looks import PLAIN_LOOKS, Looks


class Lines(Widget, inherit_bindings=False):
    """Lines of text in looks; the owner gives them, already as wide as the widget."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Lines { height: auto; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own parameter
        super().__init__(id=id)
        self._lines: tuple[Line, ...] = ()
        self._looks = PLAIN_LOOKS
        self._blank: Strip | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    @property
    def text(self) -> str:
        """What is shown, as plain text."""
        return "\n".join("".join(piece for piece, _ in line) for line in self._lines)

    def dress(self, looks: Looks) -> None:
        """Wear another theme or set of glyphs."""
        self._looks = looks
        self.refresh()

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines; the height follows, and only what differs is painted."""
        new = tuple(lines)
        old, self._lines = self._lines, new
        if len(new) != len(old):
            self.styles.height = len(new)
            self.display = bool(new)
            self.refresh(layout=True)
            return
        regions = []
        for y, (before, after) in enumerate(zip(old, new, strict=True)):
            span = changed_cells(before, after)
            if span is not None:
                regions.append(Region(span[0], y, max(1, span[1] - span[0]), 1))
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """The line at `y`."""
        width = self.size.width
        line = self._lines[y] if y < len(self._lines) else ()
        ground = self._looks.palette.style(Tone.PLAIN)
        return self._looks.paint(line).adjust_cell_length(width, ground)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many lines as there are."""
        return len(self._lines)
