"""What goes to the terminal when a part of the screen changes: that part, and nothing beside it."""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate


class CalmUpdate(ChopsUpdate):
    """Textual's update of some spans of cells, cut at both of their ends.

    Textual itself cuts at the right end only: it repeats every line from where its widget begins, and so
    often as there are spans on the line.
    """

    @classmethod
    def of(cls, update: ChopsUpdate) -> CalmUpdate:
        """The same update, sent with fewer bytes."""
        return cls(update.chops, update.spans, update.chop_ends)

    def render_segments(self, console: Console) -> str:
        """The control sequences and texts of the update."""
        out: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x, first), min(end, last)
                if strip is None or left >= right:
                    continue
                shown = strip if (left, right) == (x, end) else strip.crop(left - x, right - x).simplify()
                out += (Control.move_to(left, y).segment.text, shown.render(console))
        return "".join(out)
