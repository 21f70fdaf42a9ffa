"""What is sent when cells in the middle of a line change."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from poolwatch.ui.calm_update import CalmUpdate

CONSOLE = Console(color_system=None, force_terminal=True, width=40, legacy_windows=False)


def update(*spans: tuple[int, int, int]) -> ChopsUpdate:
    wide, left, right = (
        Strip([Segment("0123456789", Style())]),
        Strip([Segment("abcd")]),
        Strip([Segment("efgh")]),
    )
    return ChopsUpdate([{0: wide}, {0: left, 4: right}, {0: None}], list(spans), [[10], [4, 8], [10]])


def sent(*spans: tuple[int, int, int]) -> str:
    return CalmUpdate.of(update(*spans)).render_segments(CONSOLE)


def test_only_the_cells_of_a_span_are_sent() -> None:
    assert sent((0, 3, 5)) == "\x1b[1;4H34"
    assert sent((0, 1, 2), (0, 8, 10)) == "\x1b[1;2H1\x1b[1;9H89"
    assert sent((0, 0, 10)) == "\x1b[1;1H0123456789"


def test_a_span_over_two_widgets_and_what_is_hidden() -> None:
    assert sent((1, 2, 6)) == "\x1b[2;3Hcd\x1b[2;5Hef"
    assert sent((1, 4, 8)) == "\x1b[2;5Hefgh"
    assert sent((2, 0, 10)) == ""
