"""How the screen looks: glyphs in Unicode and ASCII, colours, and styles made of them, without Textual."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from rich.style import Style

from poolwatch.presentation.view import Flag, Glyph, Span, Tone
from poolwatch.ui.cells import Ink, StyleName


class Frame(Struct, frozen=True, eq=False):
    """The border of a card."""

    across: str
    down: str
    top_left: str
    top_right: str
    bottom_left: str
    bottom_right: str


class Glyphs(Struct, frozen=True, eq=False):
    """One set of marks. Every mark takes one cell; `name` stands for the set in caches."""

    name: str
    status: Mapping[Glyph, str]
    flags: Mapping[Flag, str]
    #: where the selection and an operator's mark share a cell
    both: str
    bar_full: str
    bar_half: str
    bar_empty: str
    #: where even use would stand on a bar: in its filled part, in its empty part
    even_used: str
    even_free: str
    #: eight heights, lowest first
    levels: str
    pointer: str
    rule: str
    ellipsis: str
    frame: Frame
    #: of the selected card
    heavy_frame: Frame
    #: after the heading of the column that is sorted by: the least first, the most first
    rising: str
    falling: str
    #: words for keys that have a sign of their own
    key_names: Mapping[str, str]
    #: what else stands in texts and has another form in this set; one character for one
    letters: Mapping[int, int]

    def text(self, text: str) -> str:
        """A text in the letters of this set; its length stays the same."""
        return text.translate(self.letters) if self.letters else text

    def flag(self, flag: Flag | None) -> str:
        """The mark beside an account's status; a blank where there is none."""
        return " " if flag is None else self.flags[flag]

    def bar(self, fraction: float | None, cells: int) -> tuple[str, str]:
        """The filled and the empty part of a bar of `cells` cells, in half steps where there are halves.

        A bar is empty only at 0 and full only at 1; one cell that has no halves shows that something is used.
        """
        if cells <= 0:
            return "", ""
        if fraction is None:
            return "", self.bar_empty * cells
        per_cell = 2 if self.bar_half else 1
        steps = round(min(1.0, max(0.0, fraction)) * cells * per_cell)
        if 0 < fraction < 1:
            steps = max(1, min(steps, cells * per_cell - 1))
        whole, half = divmod(steps, per_cell)
        filled = self.bar_full * whole + self.bar_half * half
        return filled, self.bar_empty * (cells - len(filled))

    def level(self, level: int) -> str:
        """The mark of a height between 0 and 8."""
        return self.levels[min(8, max(1, level)) - 1]


UNICODE: Final = Glyphs(
    name="unicode",
    status={
        Glyph.ACTIVE: "●",
        Glyph.EXHAUSTED: "◐",
        Glyph.NEEDS_YOU: "✕",
        Glyph.TROUBLE: "▲",
        Glyph.NEVER_READ: "◌",
        Glyph.OFF: "⊘",
    },
    flags={Flag.MARKED: "✓", Flag.MOVES: "↕"},
    both="◆",
    bar_full="━",
    bar_half="╸",
    bar_empty="─",
    even_used="╋",
    even_free="┼",
    levels="▁▂▃▄▅▆▇█",
    pointer="▌",
    rule="─",
    ellipsis="…",
    frame=Frame("─", "│", "╭", "╮", "╰", "╯"),
    heavy_frame=Frame("━", "┃", "┏", "┓", "┗", "┛"),
    rising="▲",
    falling="▼",
    key_names={
        "enter": "⏎", "up": "↑", "down": "↓", "left": "←", "right": "→", "tab": "⇥",
    },
    letters={},
)  # fmt: skip

ASCII: Final = Glyphs(
    name="ascii",
    status={
        Glyph.ACTIVE: "*",
        Glyph.EXHAUSTED: "=",
        Glyph.NEEDS_YOU: "x",
        Glyph.TROUBLE: "!",
        Glyph.NEVER_READ: "?",
        Glyph.OFF: "-",
    },
    flags={Flag.MARKED: "+", Flag.MOVES: "~"},
    both="#",
    bar_full="#",
    bar_half="",
    bar_empty="-",
    even_used="+",
    even_free="+",
    levels="12345678",
    pointer=">",
    rule="-",
    ellipsis="~",
    frame=Frame("-", "|", "+", "+", "+", "+"),
    heavy_frame=Frame("=", "#", "#", "#", "#", "#"),
    rising="^",
    falling="v",
    key_names={},
    letters=str.maketrans("┃│—–·→←…∞’‘“”✕◐●▲◌⊘█▌━─⏎┼╋↻↓↑≥‹›", "||--.><~u''\"\"x=*!?-8>#-<++~v^><>"),
)


def glyphs_of(name: str) -> Glyphs:
    """The set of that name; anything but "ascii" is Unicode."""
    return ASCII if name == ASCII.name else UNICODE


def span_pieces(spans: Iterable[Span], glyphs: Glyphs) -> list[tuple[str, Tone]]:
    """Spans as pieces of a line, each mark before its text."""
    return [
        (f"{glyphs.status[span.glyph]} {span.text}" if span.glyph is not None else span.text, span.tone)
        for span in spans
    ]


class Palette(Struct, frozen=True, eq=False):
    """The styles of one theme; `name` stands for the palette in caches."""

    name: str
    styles: Mapping[str, Style]
    selected: Mapping[str, Style]


class Appearance(Struct, frozen=True):
    """What every painted line needs to know: the theme's palette and the set of glyphs."""

    palette: Palette
    glyphs: Glyphs


class Colours(Struct, frozen=True):
    """The colours of one theme."""

    ground: str
    #: near to grey: of its few colours a terminal of 256 takes one of its greys then, and no pink or black
    selection: str
    text: str
    dim: str
    faint: str
    strong: str
    accent: str
    good: str
    amber: str
    red: str
    bar: str
    track: str


_DARK: Final = Colours(
    ground="#11151a", selection="#22272d", text="#cdd5dd", dim="#8793a0", faint="#66717d", strong="#f1f4f7",
    accent="#7fb4d8", good="#86b08a", amber="#e2b457", red="#ec7068", bar="#8fa3b5", track="#30363d",
)  # fmt: skip
_LIGHT: Final = Colours(
    ground="#fbfaf6", selection="#e9e8e4", text="#31363d", dim="#686f78", faint="#8c929a", strong="#0f1216",
    accent="#1b6398", good="#37763f", amber="#946200", red="#bb2d22", bar="#5c6b7a", track="#d9d6cc",
)  # fmt: skip
_CONTRAST: Final = Colours(
    ground="#000000", selection="#2b2b2b", text="#ffffff", dim="#d4d4d4", faint="#b4b4b4", strong="#ffffff",
    accent="#66d9ff", good="#7dff9b", amber="#ffd83d", red="#ff7a70", bar="#ffffff", track="#707070",
)  # fmt: skip

DARK: Final = "poolwatch-dark"
LIGHT: Final = "poolwatch-light"
CONTRAST: Final = "poolwatch-contrast"
ANSI: Final = "poolwatch-ansi"
#: In the order in which the theme key walks through them.
THEME_NAMES: Final = (DARK, LIGHT, CONTRAST, ANSI)


def _coloured(name: str, colours: Colours) -> Palette:
    def styles(ground: str) -> dict[str, Style]:
        def ink(colour: str, *, bold: bool = False, italic: bool = False) -> Style:
            return Style(color=colour, bgcolor=ground, bold=bold or None, italic=italic or None)

        return {
            Tone.PLAIN: ink(colours.text),
            Tone.DIM: ink(colours.dim),
            Tone.STRONG: ink(colours.strong, bold=True),
            Tone.ACCENT: ink(colours.accent),
            Tone.GOOD: ink(colours.good),
            Tone.AMBER: ink(colours.amber),
            Tone.RED: ink(colours.red),
            Tone.STALE: ink(colours.faint, italic=True),
            Ink.BAR: ink(colours.bar),
            Ink.TRACK: ink(colours.track),
            Ink.RULE: ink(colours.track),
            Ink.HEADING: ink(colours.dim),
            Ink.BRAND: ink(colours.accent, bold=True),
            Ink.KEY: ink(colours.accent),
            Ink.MARK: ink(colours.accent, bold=True),
            Ink.CHOSEN: Style(color=colours.strong, bgcolor=ground, bold=True, underline=True),
            Ink.MATCH: Style(color=colours.strong, bgcolor=colours.track, underline=True),
            Ink.HERE: Style(color=colours.ground, bgcolor=colours.amber, bold=True),
            **{
                edge: ink(colour if ground == colours.selection else _towards(ground, colour, soft))
                for edge, colour in (
                    (Ink.EDGE_GOOD, colours.good),
                    (Ink.EDGE_AMBER, colours.amber),
                    (Ink.EDGE_RED, colours.red),
                    (Ink.EDGE_DIM, colours.dim),
                )
            },
        }

    soft = 1.0 if name == CONTRAST else _SOFT
    return Palette(name, styles(colours.ground), styles(colours.selection))


#: How much of its status colour the border of a card has that is not selected.
_SOFT: Final = 0.6


def _towards(ground: str, colour: str, part: float) -> str:
    """A colour with so much of it, and the rest of the ground."""
    both = zip(bytes.fromhex(ground[1:]), bytes.fromhex(colour[1:]), strict=True)
    return "#" + bytes(round(under + (over - under) * part) for under, over in both).hex()


#: colour, bold, dim
_SIXTEEN: Final[dict[StyleName, tuple[str, bool, bool]]] = {
    Tone.PLAIN: ("default", False, False),
    Tone.DIM: ("default", False, True),
    Tone.STRONG: ("default", True, False),
    Tone.ACCENT: ("cyan", False, False),
    Tone.GOOD: ("green", False, False),
    Tone.AMBER: ("yellow", False, False),
    Tone.RED: ("red", False, False),
    Tone.STALE: ("default", False, True),
    Ink.BAR: ("default", False, False),
    Ink.HEADING: ("default", False, True),
    Ink.BRAND: ("cyan", True, False),
    Ink.KEY: ("cyan", False, False),
    Ink.MARK: ("cyan", True, False),
    Ink.EDGE_GOOD: ("green", False, False),
    Ink.EDGE_AMBER: ("yellow", False, False),
    Ink.EDGE_RED: ("red", False, False),
    Ink.EDGE_DIM: ("default", False, True),
}


def sixteen_styles(*, lift: bool) -> dict[str, Style]:
    """The terminal's own sixteen colours on its own ground; rank is by bold and dim.

    `lift` is for the selection, which no ground of its own tells from the rest.
    """
    styles: dict[str, Style] = {
        name: Style(
            color=colour, bgcolor="default", bold=bold or lift or None, dim=(dim and not lift) or None
        )
        for name, (colour, bold, dim) in _SIXTEEN.items()
    }
    quiet = Style(color="default", bgcolor="default", dim=True)
    return {
        **styles,
        Ink.TRACK: quiet,
        Ink.RULE: quiet,
        Ink.CHOSEN: Style(color="default", bgcolor="default", bold=True, underline=True),
        Ink.MATCH: Style(color="default", bgcolor="default", underline=True, bold=True),
        Ink.HERE: Style(color="default", bgcolor="default", reverse=True, bold=True),
    }


COLOURS: Final = {DARK: _DARK, LIGHT: _LIGHT, CONTRAST: _CONTRAST}


def theme_named(name: str) -> str | None:
    """Our theme of that name, with or without the program's name before it; None for any other."""
    for theme in THEME_NAMES:
        if name in (theme, theme.removeprefix("poolwatch-")):
            return theme
    return None


_PALETTES: Final = {
    **{name: _coloured(name, colours) for name, colours in COLOURS.items()},
    ANSI: Palette(ANSI, sixteen_styles(lift=False), sixteen_styles(lift=True)),
}


def palette_of(theme: str) -> Palette:
    """The palette of a theme; themes that are not ours get the dark one."""
    return _PALETTES.get(theme, _PALETTES[DARK])


def next_theme(theme: str) -> str:
    """The theme after this one."""
    if theme not in THEME_NAMES:
        return DARK
    return THEME_NAMES[(THEME_NAMES.index(theme) + 1) % len(THEME_NAMES)]


#: What widgets have until their screen gives them another.
DEFAULT_APPEARANCE = Appearance(palette_of(DARK), UNICODE)
