"""What goes to the terminal: the cells that differ from what it shows, and nothing beside them.

Textual draws whole screens where the layout changes, up to five times for one key, and repeats a line from
where its widget begins for every change in it. On a slow line that is what an operator waits for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from rich.cells import split_graphemes
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

#: What one cell shows: a character and its style; the second half of a wide one says so.
_Cell: TypeAlias = tuple[str, Style | None, bool]
#: To go over so many equal cells costs less than to send them again.
_GAP: Final = 6


class Picture:
    """What the terminal shows, as far as it is known from what was sent."""

    def __init__(self) -> None:
        self._lines: dict[int, Strip] = {}

    def forget(self) -> None:
        """The terminal may show anything; whatever comes next is sent."""
        self._lines.clear()

    def put(self, left: int, y: int, strip: Strip, console: Console) -> str:
        """What has to be sent so that the strip stands there."""
        before = self._lines.get(y)
        right = left + strip.cell_length
        if before is None or right > before.cell_length:
            if left == 0:
                self._lines[y] = strip.simplify()
            return _at(left, y, strip, console)
        after = Strip.join([before.crop(0, left), strip, before.crop(right)]).simplify()
        if after == before:
            return ""
        self._lines[y] = after
        return "".join(
            _at(first, y, after.crop(first, last), console) for first, last in differences(before, after)
        )


class CalmUpdate(CompositorUpdate):
    """Textual's update, sent as far as the picture does not have it yet."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, picture: Picture) -> None:
        self._update = update
        self._picture = picture

    def render_segments(self, console: Console) -> str:
        """The control sequences and texts of the update."""
        return "".join(self._picture.put(x, y, strip, console) for x, y, strip in self._strips())

    def _strips(self) -> Iterator[tuple[int, int, Strip]]:
        update = self._update
        if isinstance(update, LayoutUpdate):
            for y, strips in enumerate(update.strips, update.region.y):
                yield update.region.x, y, Strip.join(list(strips))
            return
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                left, right = max(x, first), min(end, last)
                if strip is not None and left < right:
                    yield left, y, strip.crop(left - x, right - x)


def differences(before: Strip, after: Strip) -> Iterator[tuple[int, int]]:
    """Runs of cells in which two lines of one width differ, those that are close to each other as one."""
    first = last = -1
    for index, (old, new) in enumerate(zip(_cells(before), _cells(after), strict=False)):
        if old == new:
            continue
        if first >= 0 and index - last > _GAP:
            yield first, last
            first = -1
        first = index if first < 0 else first
        last = index + 1
    if first >= 0:
        yield first, last


def _cells(strip: Strip) -> list[_Cell]:
    cells: list[_Cell] = []
    for segment in strip:
        cells += _cells_of(segment)
    return cells


def _cells_of(segment: Segment) -> list[_Cell]:
    text, style = segment.text, segment.style
    if text.isascii():
        return [(letter, style, True) for letter in text]
    cells: list[_Cell] = []
    for start, end, width in split_graphemes(text)[0]:
        cells += [(text[start:end], style, nth == 0) for nth in range(width)]
    return cells


def _at(x: int, y: int, strip: Strip, console: Console) -> str:
    return Control.move_to(x, y).segment.text + strip.render(console)
