"""What goes to the terminal: the cells that differ from what it shows, and nothing beside them.

Textual 8.2.8 draws whole screens where the layout changes, up to five times for one key, and repeats a line
from where its widget begins for every change in it: 5 to 8 times the bytes at a start, and half as many again
for a key. On a slow line that is what an operator waits for.

When Textual compares what it sends with what it sent, delete this file, its test, and all in `TerminalApp`
that speaks of `_calm_updates`, with `_display` and `forget_screen`.
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
#: So many letters of one style are kept; a screen has some dozens.
_KEPT: Final = 512


class ShownScreen:
    """What the terminal shows, as far as it is known from what was sent."""

    def __init__(self) -> None:
        #: a line that was sent whole is kept as it came, until another is compared with it
        self._lines: dict[int, list[_Cell] | Strip] = {}
        self._cache = _CellCache()

    def forget(self) -> None:
        """The terminal may show anything; whatever comes next is sent."""
        self._lines.clear()
        self._cache = _CellCache()

    def put(self, left: int, y: int, strip: Strip, console: Console) -> str:
        """What has to be sent so that the strip stands there."""
        return self.put_part(left, y, strip, 0, strip.cell_length, console)

    def put_part(self, left: int, y: int, strip: Strip, first: int, last: int, console: Console) -> str:
        """What has to be sent so that the cells `first` to `last` of the strip stand at `left`."""
        before = self._lines.get(y)
        if before is None and left == first == 0 and last == strip.cell_length:
            self._lines[y] = strip
            return _whole(y, strip, console)
        if isinstance(before, Strip):
            before = self._lines[y] = self._cache.of(before)
        cells = self._cache.of(strip)
        if first > 0 or last < len(cells):
            cells = _cut(cells, first, last)
        right = left + len(cells)
        if before is None or right > len(before):
            if left == 0:
                self._lines[y] = cells.copy()
            return _at(left, y, cells, console)
        if before[left:right] == cells:
            return ""
        after = before.copy()
        after[left:right] = cells
        # half of a wide character cannot stand alone
        if left and not before[left][2]:
            after[left - 1] = _blank(after[left - 1])
        if right < len(before) and not before[right][2]:
            after[right] = _blank(after[right])
        self._lines[y] = after
        return "".join([_at(start, y, after[start:end], console) for start, end in _runs(before, after)])


class _Styled(dict[str, _Cell]):
    """The letters of one cell in one style."""

    def __init__(self, style: Style | None) -> None:
        super().__init__()
        self._style = style

    def __missing__(self, letter: str) -> _Cell:
        cell = (letter, self._style, True)
        if len(self) < _KEPT:
            self[letter] = cell
        return cell

    def of(self, text: str) -> list[_Cell]:
        """The cells of a text; both of a wide letter's hold it."""
        if text in self:
            return [self[text]]
        if text.isascii():
            return [self[letter] for letter in text]
        cells: list[_Cell] = []
        for start, end, width in split_graphemes(text)[0]:
            letter = text[start:end]
            cells += (
                [self[letter]] if width == 1 else [(letter, self._style, nth == 0) for nth in range(width)]
            )
        return cells


class _CellCache:
    """One letter in one style is one cell, wherever it stands: what is equal is mostly the same."""

    def __init__(self) -> None:
        self._styles: dict[Style | None, _Styled] = {}
        #: by the identity of styles, each held beside what was found for it; equal styles find the same
        self._known: dict[int, tuple[Style | None, _Styled]] = {}

    def of(self, strip: Strip) -> list[_Cell]:
        """The cells of a line."""
        known = self._known
        found: list[_Cell] = []
        for text, style, _ in strip:
            held = known.get(id(style))
            if held is None:
                if len(known) > _KEPT:
                    known.clear()
                    self._styles.clear()
                held = known[id(style)] = (style, self._styles.setdefault(style, _Styled(style)))
            found += held[1].of(text)
        return found


class CalmUpdates:
    """Turns Textual's updates into calm ones."""

    def __init__(self) -> None:
        self._shown = ShownScreen()

    def of(self, renderable: RenderableType | None) -> RenderableType | None:
        """What to send in its place."""
        if isinstance(renderable, ChopsUpdate | LayoutUpdate):
            return CalmUpdate(renderable, self._shown)  # type: ignore[return-value]  # as Textual does
        if renderable is not None:
            self.forget()
        return renderable

    def forget(self) -> None:
        """The terminal may show anything."""
        self._shown.forget()


class CalmUpdate(CompositorUpdate):
    """Textual's update, sent as far as the terminal does not show it yet."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, shown: ShownScreen) -> None:
        self._update = update
        self._shown = shown

    def render_segments(self, console: Console) -> str:
        """The control sequences and texts of the update."""
        put = self._shown.put_part
        return "".join(
            [put(x + first, y, strip, first, last, console) for x, y, strip, first, last in self._strips()]
        )

    def _strips(self) -> Iterator[tuple[int, int, Strip, int, int]]:
        """Where strips stand, and which of their cells are meant."""
        update = self._update
        if isinstance(update, LayoutUpdate):
            for y, strips in enumerate(update.strips, update.region.y):
                line = Strip.join(list(strips))
                yield update.region.x, y, line, 0, line.cell_length
            return
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                left, right = max(x, first), min(end, last)
                if strip is not None and left < right:
                    yield x, y, strip, left - x, right - x


def _runs(before: Sequence[_Cell], after: Sequence[_Cell]) -> Iterator[tuple[int, int]]:
    first = last = -1
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        if old is new or old == new:
            continue
        if first >= 0 and index - last > _GAP:
            yield first, last
            first = -1
        first = index if first < 0 else first
        last = index + 1
    if first >= 0:
        yield first, last


def _cut(cells: Sequence[_Cell], first: int, last: int) -> list[_Cell]:
    """Some of the cells; blanks where a wide character is cut."""
    part = list(cells[first:last])
    if part and not part[0][2]:
        part[0] = _blank(part[0])
    if part and last < len(cells) and not cells[last][2]:
        part[-1] = _blank(part[-1])
    return part


def _blank(cell: _Cell) -> _Cell:
    return " ", cell[1], True


def _whole(y: int, strip: Strip, console: Console) -> str:
    """The sequences that put a line there, neighbours that look alike together."""
    system = console._color_system or ColorSystem.TRUECOLOR
    out = [f"\x1b[{y + 1};1H"]
    text: list[str] = []
    current: Style | None = None
    for part, style, _ in strip:
        if style is not current and not (part.isspace() and _is_ground_alike(style, current)):
            if text:
                out.append(_rendered("".join(text), current, system))
                text = []
            current = style
        text.append(part)
    if text:
        out.append(_rendered("".join(text), current, system))
    return "".join(out)


@lru_cache(_KEPT)
def _is_ground_alike(one: Style | None, other: Style | None) -> bool:
    """Whether a blank looks the same in both: half of a hive is blanks between its marks."""
    if one is None or other is None:
        return False
    return one.bgcolor == other.bgcolor and not (_marks_blanks(one) or _marks_blanks(other))


def _marks_blanks(style: Style) -> bool:
    lined = style.underline or style.underline2 or style.overline or style.strike
    return bool(lined or style.reverse or style.link)


def _at(x: int, y: int, cells: Iterable[_Cell], console: Console) -> str:
    """The sequences that put the cells there, those of one style together."""
    system = console._color_system or ColorSystem.TRUECOLOR
    out = [f"\x1b[{y + 1};{x + 1}H"]
    text: list[str] = []
    current: Style | None = None
    for letter, style, is_first in cells:
        if style is not current:
            if text:
                out.append(_rendered("".join(text), current, system))
                text = []
            current = style
        if is_first:
            text.append(letter)
    if text:
        out.append(_rendered("".join(text), current, system))
    return "".join(out)


def _rendered(text: str, style: Style | None, system: ColorSystem) -> str:
    return text if style is None else Strip.render_style(style, text, system)
