"""The terminal's own sixteen colours on its own ground, without loading Textual; rank is by bold and dim."""

from __future__ import annotations

from typing import Final

from rich.style import Style

from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import Look
from poolwatch.ui.ink import Ink

#: colour, bold, dim
_LOOKS: Final[dict[Look, tuple[str, bool, bool]]] = {
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
}


def sixteen_styles(*, lift: bool) -> dict[str, Style]:
    """A style for each look; `lift` for the selection, which no ground of its own tells from the rest."""
    styles: dict[str, Style] = {
        look: Style(
            color=colour, bgcolor="default", bold=bold or lift or None, dim=(dim and not lift) or None
        )
        for look, (colour, bold, dim) in _LOOKS.items()
    }
    quiet = Style(color="default", bgcolor="default", dim=True)
    return {**styles, Ink.TRACK: quiet, Ink.RULE: quiet, Ink.CURSOR: Style(reverse=True)}
