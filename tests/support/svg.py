"""Screens as SVG that needs nothing from a network: still pictures, and recordings that play in an `<img>`.

Textual's own export says what stands where; here it is drawn again without its web font. Every run of text is
as wide as its cells, so that columns and borders hold in any font.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final
from xml.etree import ElementTree

from rich.cells import cell_len

#: A cell, at which the borders of these fonts join.
_CELL: Final = 12
_LINE: Final = 23
_BASELINE: Final = 18.5
_FONTS: Final = "ui-monospace,'Cascadia Mono','DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace"
_PAD: Final = 12
_HEAD: Final = 36
_TITLE: Final = "poolwatch"
#: A cell of the export.
_THEIR_CELL: Final = 12.2
_THEIR_LINE: Final = 24.4
_THEIR_BASELINE: Final = 20
_THEIR_TOP: Final = 1.5
_SVG: Final = "{http://www.w3.org/2000/svg}"
_BLANK: Final = "\xa0"


@dataclass
class Looks:
    """Short names for the looks of texts, the same in all screens of a file."""

    names: dict[str, str] = field(default_factory=dict)

    def name(self, css: str) -> str:
        """The class that looks like this."""
        return self.names.setdefault(css, f"c{len(self.names)}")


@dataclass(frozen=True)
class Screen:
    """One screen: its size in cells, its ground, and each of its lines as SVG."""

    size: tuple[int, int]
    ground: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """A screen of a recording, how long it stands, and the key that was pressed before it."""

    screen: Screen
    seconds: float
    key: str = ""


def screen_of(export: str, size: tuple[int, int], looks: Looks) -> Screen:
    """What Textual's `export_screenshot` shows."""
    styles = dict(re.findall(r"\.(terminal-\d+-r\d+) \{ (.*?) \}", export))
    root = ElementTree.fromstring(export)
    backs: list[list[tuple[int, int, str]]] = [[] for _ in range(size[1])]
    texts: list[list[str]] = [[] for _ in range(size[1])]
    for rect in root.iter(f"{_SVG}rect"):
        if rect.get("shape-rendering"):
            left, width, top = (float(rect.attrib[name]) for name in ("x", "width", "y"))
            cells = round(left / _THEIR_CELL), round(width / _THEIR_CELL)
            backs[round((top - _THEIR_TOP) / _THEIR_LINE)].append((*cells, rect.attrib["fill"]))
    for text in root.iter(f"{_SVG}text"):
        css = styles.get(text.get("class", ""))
        if css is not None:
            line = round((float(text.attrib["y"]) - _THEIR_BASELINE) / _THEIR_LINE)
            start = round(float(text.attrib["x"]) / _THEIR_CELL)
            texts[line] += _runs(text.text or "", start, looks.name(css.replace(": ", ":").strip("; ")))
    ground = _widest(back for row in backs for back in row)
    lines = ["".join([*_backs(back, ground), *drawn]) for back, drawn in zip(backs, texts, strict=True)]
    return Screen(size, ground, tuple(lines))


def still(screen: Screen, looks: Looks) -> str:
    """One screen in the frame of a window."""
    lines = [_line(number, drawn) for number, drawn in enumerate(screen.lines) if drawn]
    return _window(screen, looks, "", lines)


def moving(frames: Sequence[Frame], looks: Looks) -> str:
    """A recording that begins again at its end; who wants no motion sees the last frame."""
    lines: list[str] = []
    marks: list[tuple[bool, ...]] = []

    def when(shown: tuple[bool, ...]) -> str:
        if shown not in marks:
            marks.append(shown)
        return f"t{marks.index(shown)}"

    for number in range(frames[0].screen.size[1]):
        drawn = [frame.screen.lines[number] for frame in frames]
        for each in dict.fromkeys(drawn):
            shown = tuple(one == each for one in drawn)
            if each:
                lines.append(_line(number, each, "" if all(shown) else when(shown)))
    width = frames[0].screen.size[0]
    lines += [
        _key_cap(key, width, when(tuple(frame.key == key for frame in frames)))
        for key in dict.fromkeys(frame.key for frame in frames if frame.key)
    ]
    return _window(frames[-1].screen, looks, _motion(frames, marks), lines)


def _motion(frames: Sequence[Frame], marks: Sequence[tuple[bool, ...]]) -> str:
    whole = sum(frame.seconds for frame in frames)
    out = [f"[class^=t]{{animation:{whole:g}s step-end infinite}}"]
    for number, shown in enumerate(marks):
        steps, at = [], 0.0
        for frame, is_on in zip(frames, shown, strict=True):
            steps.append(f"{at / whole * 100:.4g}%{{visibility:{'visible' if is_on else 'hidden'}}}")
            at += frame.seconds
        rest = "" if shown[-1] else ";visibility:hidden"
        out.append(f".t{number}{{animation-name:k{number}{rest}}}@keyframes k{number}{{{''.join(steps)}}}")
    return "".join(out) + "@media (prefers-reduced-motion:reduce){[class^=t]{animation:none}}"


def _window(screen: Screen, looks: Looks, motion: str, lines: Iterable[str]) -> str:
    columns, rows = screen.size
    inner = columns * _CELL, rows * _LINE
    width, height = inner[0] + 2 * _PAD, inner[1] + _HEAD + _PAD
    css = "".join(f".{name}{{{look}}}" for look, name in looks.names.items())
    lights = zip((22, 44, 66), ("#ff5f57", "#febc2e", "#28c840"), strict=True)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
            f"<style>text{{font:20px {_FONTS};white-space:pre}}{css}{motion}</style>",
            f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="9" fill="#26292d" '
            'stroke="#4b5157"/>',
            *(f'<circle cx="{x}" cy="{_HEAD // 2}" r="6.5" fill="{fill}"/>' for x, fill in lights),
            f'<text x="{width // 2}" y="{_HEAD - 12}" text-anchor="middle" fill="#c5c8c6" '
            f'style="font-size:17px">{_TITLE}</text>',
            f'<path fill="{screen.ground}" '
            f'd="M1 {_HEAD}h{width - 2}v{height - _HEAD - 9}a8 8 0 0 1-8 8h-{width - 18}a8 8 0 0 1-8-8z"/>',
            f'<g transform="translate({_PAD},{_HEAD + 2})">',
            *lines,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _line(number: int, drawn: str, shown: str = "") -> str:
    timed = f' class="{shown}"' if shown else ""
    return f'<g{timed} transform="translate(0,{number * _LINE})">{drawn}</g>'


def _key_cap(key: str, columns: int, shown: str) -> str:
    left = columns * _CELL - 40
    return (
        f'<g class="{shown}"><rect x="{left}" y="-33" width="34" height="26" rx="5" fill="#e8eaed"/>'
        f'<text x="{left + 17}" y="-14" text-anchor="middle" fill="#15181b">{escape(key)}</text></g>'
    )


def _widest(backs: Iterable[tuple[int, int, str]]) -> str:
    cells: dict[str, int] = {}
    for _, width, fill in backs:
        cells[fill] = cells.get(fill, 0) + width
    return max(cells, key=lambda fill: cells[fill])


def _backs(backs: Iterable[tuple[int, int, str]], ground: str) -> Iterator[str]:
    joined: list[tuple[int, int, str]] = []
    for back in backs:
        if joined and joined[-1][2] == back[2] and sum(joined[-1][:2]) == back[0]:
            start, before, fill = joined.pop()
            joined.append((start, before + back[1], fill))
        else:
            joined.append(back)
    for left, width, fill in joined:
        if fill != ground:
            # a little wider and higher than its cells, against hairlines between neighbours
            yield (
                f'<rect x="{left * _CELL}" width="{width * _CELL + 0.3:g}" height="{_LINE + 0.3:g}" '
                f'fill="{fill}" shape-rendering="crispEdges"/>'
            )


def _runs(text: str, start: int, look: str) -> Iterator[str]:
    """What stands between two blanks or more is placed by itself."""
    for found in re.finditer(rf"[^{_BLANK}]+(?:{_BLANK}[^{_BLANK}]+)*", text):
        left = (start + cell_len(text[: found.start()])) * _CELL
        width = cell_len(found[0]) * _CELL
        word = escape(found[0].replace(_BLANK, " "), quote=False)
        fit = "" if len(found[0]) == 1 else f' textLength="{width}" lengthAdjust="spacingAndGlyphs"'
        yield f'<text class="{look}" x="{left}" y="{_BASELINE}"{fit}>{word}</text>'
