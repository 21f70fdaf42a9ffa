"""What goes to the terminal: the cells that differ from what it shows, and nothing beside them.

Textual 8.2.8 draws whole screens where the layout changes, up to five times for one key, and repeats a line
from where its widget begins for every change in it: 5 to 8 times the bytes at a start, and half as many again
for a key. On a slow line that is what an operator waits for.

When Textual compares what it sends with what it sent, delete this file, its test, and all in `TerminalApp`
that speaks of `_shown_screen`, with `_display` and `forget_screen`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

#: What one cell shows: a character, its style, and whether it is the first (or only) cell of the character.
_Cell: TypeAlias = tuple[str, Style | None, bool]
#: To go over so many equal cells costs less than to send them again.
_GAP: Final = 6


class ShownScreen:
    """What the terminal shows, as far as it is known from what was sent."""

    def __init__(self) -> None:
        #: as strips until a part of the line changes: most lines never do
        self._lines: dict[int, Strip | list[_Cell]] = {}

    def calm(self, renderable: RenderableType | None) -> RenderableType | None:
        """What to send in place of what Textual would send."""
        if isinstance(renderable, ChopsUpdate | LayoutUpdate):
            return CalmUpdate(renderable, self)  # type: ignore[return-value]  # as Textual does
        if renderable is not None:
            self.forget()
        return renderable

    def forget(self) -> None:
        """The terminal may show anything; whatever comes next is sent."""
        self._lines.clear()

    def put(self, left: int, y: int, strip: Strip, console: Console) -> str:
        """What has to be sent so that the strip stands there."""
        shown = self._lines.get(y)
        if left == 0 and shown == strip:
            return ""
        before = cells_of(shown) if isinstance(shown, Strip) else shown
        cells = cells_of(strip) if before is not None else []
        right = left + len(cells)
        if before is None or right > len(before):
            if left == 0:
                self._lines[y] = strip
            return _at(left, y, ((text, style) for text, style, _ in strip), console)
        after = before.copy()
        after[left:right] = cells
        # half of a wide character cannot stand alone
        if left and not before[left][2]:
            after[left - 1] = _blank(after[left - 1])
        if right < len(before) and not before[right][2]:
            after[right] = _blank(after[right])
        self._lines[y] = after
        return "".join(
            [
                _at(start, y, (cell[:2] for cell in after[start:end] if cell[2]), console)
                for start, end in _runs(before, after)
            ]
        )


class CalmUpdate(CompositorUpdate):
    """Textual's update, sent as far as the terminal does not show it yet."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, shown: ShownScreen) -> None:
        self._update = update
        self._shown = shown

    def render_segments(self, console: Console) -> str:
        """The control sequences and texts of the update."""
        return "".join([self._shown.put(x, y, strip, console) for x, y, strip in self._parts()])

    def _parts(self) -> Iterator[tuple[int, int, Strip]]:
        """Where strips stand, and which."""
        update = self._update
        if isinstance(update, LayoutUpdate):
            for y, strips in enumerate(update.strips, update.region.y):
                yield update.region.x, y, Strip.join(strips)
            return
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                left, right = max(x, first), min(end, last)
                if strip is not None and left < right:
                    yield left, y, strip.crop(left - x, right - x)


def cells_of(strip: Strip) -> list[_Cell]:
    """The cells of a line; both of a wide letter's hold it."""
    cells: list[_Cell] = []
    for text, style, _ in strip:
        if text.isascii():
            cells += [(letter, style, True) for letter in text]
            continue
        for start, end, width in split_graphemes(text)[0]:
            cells += [(text[start:end], style, nth == 0) for nth in range(width)]
    return cells


def _runs(before: Sequence[_Cell], after: Sequence[_Cell]) -> Iterator[tuple[int, int]]:
    first = last = -1
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        if old == new:
            continue
        if first >= 0 and index - last > _GAP:
            yield first, last
            first = -1
        first = index if first < 0 else first
        last = index + 1
    if first >= 0:
        yield first, last


def _blank(cell: _Cell) -> _Cell:
    return " ", cell[1], True


@lru_cache
def _is_ground_alike(one: Style | None, other: Style | None) -> bool:
    """Whether a blank looks the same in both: half of a hive is blanks between its marks."""
    if one is None or other is None:
        return False
    return one.bgcolor == other.bgcolor and not (_marks_blanks(one) or _marks_blanks(other))


def _marks_blanks(style: Style) -> bool:
    lined = style.underline or style.underline2 or style.overline or style.strike
    return bool(lined or style.reverse or style.link)


def _at(x: int, y: int, pieces: Iterable[tuple[str, Style | None]], console: Console) -> str:
    """The sequences that put the texts there, neighbours that look alike together."""
    system = console._color_system or ColorSystem.TRUECOLOR
    out = [f"\x1b[{y + 1};{x + 1}H"]
    texts: list[str] = []
    current: Style | None = None
    for text, style in pieces:
        if style != current and (text.strip(" ") or not _is_ground_alike(style, current)):
            if texts:
                out.append(_rendered("".join(texts), current, system))
                texts = []
            current = style
        texts.append(text)
    if texts:
        out.append(_rendered("".join(texts), current, system))
    return "".join(out)


def _rendered(text: str, style: Style | None, system: ColorSystem) -> str:
    return text if style is None else Strip.render_style(style, text, system)
