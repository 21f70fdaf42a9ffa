"""The marks and bars of the screen, in Unicode and in plain ASCII."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from poolwatch.presentation.view import Glyph, Span, Tone


class Glyphs(Struct, frozen=True, eq=False):
    """One set of marks. Every mark takes one cell; `name` stands for the set in caches."""

    name: str
    status: Mapping[Glyph, str]
    bar_full: str
    bar_half: str
    bar_empty: str
    #: eight heights, lowest first
    levels: str
    mark: str
    rule: str
    ellipsis: str
    #: words for keys that have a sign of their own
    key_names: Mapping[str, str]
    #: what else stands in texts and has another form in this set; one character for one
    letters: Mapping[int, int]

    def text(self, text: str) -> str:
        """A text in the letters of this set; its length stays the same."""
        return text.translate(self.letters) if self.letters else text

    def bar(self, fraction: float | None, cells: int) -> tuple[str, str]:
        """The filled and the empty part of a bar of `cells` cells, in half steps.

        What is used at all shows, and a bar is full only at 1.
        """
        if cells <= 0:
            return "", ""
        if fraction is None:
            return "", self.bar_empty * cells
        steps = round(min(1.0, max(0.0, fraction)) * cells * 2)
        if 0 < fraction < 1:
            steps = min(max(steps, 1), cells * 2 - 1)
        filled = self.bar_full * (steps // 2) + self.bar_half * (steps % 2)
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
    bar_full="━",
    bar_half="╸",
    bar_empty="─",
    levels="▁▂▃▄▅▆▇█",
    mark="▌",
    rule="─",
    ellipsis="…",
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
    bar_full="#",
    bar_half="#",
    bar_empty="-",
    levels="12345678",
    mark=">",
    rule="-",
    ellipsis="~",
    key_names={},
    letters=str.maketrans("┃│—–·→←…∞’‘“”✕◐●▲◌⊘█▌━─⏎", "||--.><~u''\"\"x=*!?-8>#-<"),
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
