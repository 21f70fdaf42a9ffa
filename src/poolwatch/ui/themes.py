"""Colours: the only place with colour values. A palette turns every look into a terminal style."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from msgspec import Struct
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.theme import Theme

from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Line, Look
from poolwatch.ui.glyphs import Glyphs
from poolwatch.ui.ink import Ink
from poolwatch.ui.sixteen import sixteen_styles


class Palette(Struct, frozen=True, eq=False):
    """The styles of one theme; `name` stands for the palette in caches."""

    name: str
    styles: Mapping[str, Style]
    selected: Mapping[str, Style]

    def style(self, look: Look, *, selected: bool = False) -> Style:
        """The style of a look, on the selection's ground or on the screen's."""
        return (self.selected if selected else self.styles)[look]


def paint(line: Line, palette: Palette, glyphs: Glyphs, *, selected: bool = False) -> Strip:
    """A line as the terminal shows it."""
    return Strip(
        [Segment(glyphs.text(text), palette.style(look, selected=selected)) for text, look in line if text]
    )


class _Colours(Struct, frozen=True):
    ground: str
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


_DARK: Final = _Colours(
    ground="#11151a", selection="#1d252e", text="#cdd5dd", dim="#8793a0", faint="#66717d", strong="#f1f4f7",
    accent="#7fb4d8", good="#86b08a", amber="#e2b457", red="#ec7068", bar="#8fa3b5", track="#2c353f",
)  # fmt: skip
_LIGHT: Final = _Colours(
    ground="#fbfaf6", selection="#ece8dc", text="#31363d", dim="#686f78", faint="#8c929a", strong="#0f1216",
    accent="#1b6398", good="#37763f", amber="#946200", red="#bb2d22", bar="#5c6b7a", track="#d9d6cc",
)  # fmt: skip
_CONTRAST: Final = _Colours(
    ground="#000000", selection="#2b2b2b", text="#ffffff", dim="#d4d4d4", faint="#b4b4b4", strong="#ffffff",
    accent="#66d9ff", good="#7dff9b", amber="#ffd83d", red="#ff7a70", bar="#ffffff", track="#707070",
)  # fmt: skip

DARK: Final = "poolwatch-dark"
LIGHT: Final = "poolwatch-light"
CONTRAST: Final = "poolwatch-contrast"
ANSI: Final = "poolwatch-ansi"
#: In the order in which the theme key walks through them.
THEME_NAMES: Final = (DARK, LIGHT, CONTRAST, ANSI)


def _coloured(name: str, colours: _Colours) -> Palette:
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
            Ink.CURSOR: Style(color=colours.ground, bgcolor=colours.accent),
        }

    return Palette(name, styles(colours.ground), styles(colours.selection))


def _theme(name: str, colours: _Colours, *, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=colours.accent,
        secondary=colours.bar,
        warning=colours.amber,
        error=colours.red,
        success=colours.good,
        accent=colours.accent,
        foreground=colours.text,
        background=colours.ground,
        surface=colours.ground,
        panel=colours.selection,
        boost=colours.selection,
        dark=dark,
        variables={
            "scrollbar": colours.track,
            "scrollbar-hover": colours.track,
            "scrollbar-active": colours.faint,
            "scrollbar-background": colours.ground,
            "scrollbar-background-hover": colours.ground,
            "scrollbar-background-active": colours.ground,
            "scrollbar-corner-color": colours.ground,
            "input-cursor-background": colours.accent,
            "input-cursor-foreground": colours.ground,
            "block-cursor-background": colours.selection,
            "block-cursor-foreground": colours.strong,
            "block-cursor-text-style": "bold",
            "footer-key-foreground": colours.accent,
        },
    )


_ANSI_THEME: Final = Theme(
    name=ANSI,
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_default",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    accent="ansi_cyan",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "border-blurred": "ansi_default",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_white",
        "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_white",
        "screen-selection-background": "ansi_blue",
        "screen-selection-foreground": "ansi_white",
        "scrollbar": "ansi_default",
        "scrollbar-hover": "ansi_default",
        "scrollbar-active": "ansi_default",
        "scrollbar-background": "ansi_default",
        "scrollbar-corner-color": "ansi_default",
        "scrollbar-background-hover": "ansi_default",
        "scrollbar-background-active": "ansi_default",
    },
)

THEMES: Final = (
    _theme(DARK, _DARK, dark=True),
    _theme(LIGHT, _LIGHT, dark=False),
    _theme(CONTRAST, _CONTRAST, dark=True),
    _ANSI_THEME,
)

_COLOURS: Final = {DARK: _DARK, LIGHT: _LIGHT, CONTRAST: _CONTRAST}


def theme_named(name: str) -> str | None:
    """Our theme of that name, with or without the program's name before it; None for any other."""
    for theme in THEME_NAMES:
        if name in (theme, theme.removeprefix("poolwatch-")):
            return theme
    return None


def palette_of(theme: str) -> Palette:
    """The palette of a theme; themes that are not ours get the dark one."""
    return _palette(theme if theme in THEME_NAMES else DARK)


@cache
def _palette(name: str) -> Palette:
    """Made when it is first worn: most runs wear one."""
    if name == ANSI:
        return Palette(ANSI, sixteen_styles(lift=False), sixteen_styles(lift=True))
    return _coloured(name, _COLOURS[name])


def next_theme(theme: str) -> str:
    """The theme after this one."""
    if theme not in THEME_NAMES:
        return DARK
    return THEME_NAMES[(THEME_NAMES.index(theme) + 1) % len(THEME_NAMES)]
