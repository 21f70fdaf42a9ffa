"""A chart on the screen, and the cursor in it."""

from __future__ import annotations

from datetime import datetime

from textual import events
from textual.geometry import Region

from poolwatch.presentation.chart import Chart
from poolwatch.presentation.plot import Plot, plot
from poolwatch.presentation.view import Span, Tone
from poolwatch.ui.appearance import ASCII, Appearance, span_pieces
from poolwatch.ui.cells import Line, fit_line
from poolwatch.ui.widgets.lines import Lines


class ChartLines(Lines):
    """A chart, drawn anew when it, its size or the glyphs are others; its cursor repaints two columns."""

    DEFAULT_CSS = """
    ChartLines { width: 1fr; background: $background; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own parameter
        super().__init__(id=id)
        self._chart: Chart | None = None
        self._plot: Plot | None = None
        #: said in the middle of a chart that has no line
        self._note = ""
        self._cursor: datetime | None = None
        self._rows = 0
        #: how often a plot was made
        self.drawn = 0

    def show_chart(self, chart: Chart, rows: int, cursor: datetime | None = None, note: str = "") -> None:
        """Show this chart in so many lines, with the cursor at an instant."""
        if rows != self._rows:
            self._rows = rows
            self.styles.height = rows
            self._plot = None
        if (chart, note) != (self._chart, self._note):
            self._chart, self._note, self._plot = chart, note, None
        if self._plot is None:
            self._cursor = cursor
            self._draw()
        elif cursor != self._cursor:
            self._move_cursor(cursor)

    def set_appearance(self, appearance: Appearance) -> None:
        """Draw with another theme or set of glyphs."""
        if appearance.glyphs is not self.appearance.glyphs:
            self._plot = None
        super().set_appearance(appearance)
        if self._chart is not None and self._plot is None:
            self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Draw for another width."""
        if self._chart is not None and event.size.width != self._width:
            self._draw()

    @property
    def _width(self) -> int:
        return 0 if self._plot is None else self._plot.left + self._plot.columns

    def _draw(self) -> None:
        width = self.size.width
        if self._chart is None or width < 4:
            return
        self.drawn += 1
        self._plot = plot(self._chart, width, self._rows, ascii_only=self.appearance.glyphs is ASCII)
        self._show()
        self.refresh()

    def _show(self) -> None:
        if self._plot is None:
            return
        column = self._column(self._cursor)
        spans = self._plot.lines if column is None else self._plot.with_cursor(column)
        lines: list[Line] = [tuple(span_pieces(line, self.appearance.glyphs)) for line in spans]
        if self._note:
            middle = (len(lines) - 2) // 2
            lines[middle] = self._noted(spans[middle][0])
        self.lines = tuple(lines)

    def _noted(self, side: Span) -> Line:
        dots = self.appearance.glyphs.ellipsis
        return fit_line(((side.text, side.tone), (f"  {self._note}", Tone.PLAIN)), self.size.width, dots)

    def _column(self, at: datetime | None) -> int | None:
        if at is None or self._chart is None or self._plot is None:
            return None
        column = self._chart.column(at, self._plot.columns)
        return column if 0 <= column < self._plot.columns else None

    def _move_cursor(self, cursor: datetime | None) -> None:
        """Repaint the column that the cursor leaves, and the one that it comes to."""
        before, self._cursor = self._column(self._cursor), cursor
        after = self._column(cursor)
        if before == after or self._plot is None:
            return
        self._show()
        left = self._plot.left
        for column in (before, after):
            if column is not None:
                self.refresh(Region(left + column, 0, 1, self._rows))
