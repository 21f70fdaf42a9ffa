"""Textual's themes, made of our colours."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

from poolwatch.ui.appearance import ANSI, COLOURS, LIGHT, Colours

_SCROLLBARS: Final = ("scrollbar", "scrollbar-hover", "scrollbar-active")
_SCROLLBAR_GROUNDS: Final = (
    *(f"scrollbar-background{state}" for state in ("", "-hover", "-active")),
    "scrollbar-corner-color",
)


def _theme(name: str, colours: Colours, *, dark: bool) -> Theme:
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
            **dict.fromkeys(_SCROLLBAR_GROUNDS, colours.ground),
            **dict.fromkeys(_SCROLLBARS, colours.track),
            "scrollbar-active": colours.faint,
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
        **dict.fromkeys((*_SCROLLBAR_GROUNDS, *_SCROLLBARS), "ansi_default"),
    },
)

THEMES: Final = (
    *(_theme(name, colours, dark=name != LIGHT) for name, colours in COLOURS.items()),
    _ANSI_THEME,
)
