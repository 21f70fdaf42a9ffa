"""What every painted line needs to know: the theme's palette and the set of glyphs."""

from __future__ import annotations

from msgspec import Struct
from textual.strip import Strip

from poolwatch.ui.cells import Line
from poolwatch.ui.glyphs import UNICODE, Glyphs
from poolwatch.ui.themes import DARK, Palette, paint, palette_of


class Looks(Struct, frozen=True):
    """A palette and a set of glyphs."""

    palette: Palette
    glyphs: Glyphs

    def paint(self, line: Line, *, selected: bool = False) -> Strip:
        """A line as the terminal shows it."""
        return paint(line, self.palette, self.glyphs, selected=selected)


#: What widgets wear until their screen dresses them.
PLAIN_LOOKS = Looks(palette_of(DARK), UNICODE)
