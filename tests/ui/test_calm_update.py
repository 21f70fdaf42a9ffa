"""What is sent when the screen changes: what differs, and enough of it."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from poolwatch.ui.terminal.calm_update import CalmUpdate, ShownScreen

CONSOLE = Console(color_system="256", force_terminal=True, width=40, legacy_windows=False)
PLAIN, RED = Style(), Style(color="red")
WIDTH = 12


def strip(text: str, style: Style | None = None) -> Strip:
    return Strip([Segment(text, style)])


def shown(shown_screen: ShownScreen, *lines: str) -> str:
    update = LayoutUpdate([[strip(line)] for line in lines], Region(0, 0, WIDTH, len(lines)))
    return CalmUpdate(update, shown_screen).render_segments(CONSOLE)


def sent(before: Strip, after: Strip) -> str:
    shown_screen = ShownScreen()
    shown_screen.put(0, 0, before, CONSOLE)
    return shown_screen.put(0, 0, after, CONSOLE)


def test_a_screen_that_is_there_already_costs_nothing() -> None:
    shown_screen = ShownScreen()
    assert shown(shown_screen, "0123456789ab", "cdefghijklmn") == "\x1b[1;1H0123456789ab\x1b[2;1Hcdefghijklmn"
    assert shown(shown_screen, "0123456789ab", "cdefghijklmn") == ""
    assert shown(shown_screen, "0123456789ab", "cdefghijkXmn") == "\x1b[2;10HX"
    assert shown(shown_screen, "X123456789aX", "cdefghijkXmn") == "\x1b[1;1HX\x1b[1;12HX"
    shown_screen.forget()
    assert shown(shown_screen, "X123456789aX") == "\x1b[1;1HX123456789aX"


def test_blanks_between_marks_of_one_style_part_nothing() -> None:
    lead, mark = Style(color="blue", bold=True, bgcolor="black"), Style(color="red", bgcolor="black")
    marks = [Segment(" ", lead), Segment("x", mark)] * 3
    assert ShownScreen().put(0, 0, Strip(marks), CONSOLE).count("x x x") == 1
    for other in (
        Style(bgcolor="blue"),
        Style(bgcolor="black", underline=True),
        Style(bgcolor="black", reverse=True),
        None,
    ):
        line = Strip([Segment("x", mark), Segment(" ", other), Segment("x", mark)])
        assert ShownScreen().put(0, 0, line, CONSOLE) == "\x1b[1;1H" + line.render(CONSOLE)


def test_differences_that_are_close_are_one() -> None:
    assert sent(strip("aXbcdXef"), strip("aYbcdYef")) == "\x1b[1;2HYbcdY"
    assert sent(strip("X" + "-" * 9 + "X"), strip("Y" + "-" * 9 + "Y")) == "\x1b[1;1HY\x1b[1;11HY"
    assert sent(strip("abc", PLAIN), strip("abc", RED)) == "\x1b[1;1H\x1b[31mabc\x1b[0m"
    assert sent(strip("a界c"), strip("a世c")) == "\x1b[1;2H世"
    assert sent(strip("same"), strip("same")) == ""


def test_a_part_of_an_unknown_line_is_sent_whole_and_of_a_known_one_by_what_differs() -> None:
    shown_screen = ShownScreen()
    update = ChopsUpdate(
        [{0: strip("0123456789ab")}, {0: strip("abcd"), 4: None}], [(0, 3, 6)], [[12], [4, 12]]
    )
    assert CalmUpdate(update, shown_screen).render_segments(CONSOLE) == "\x1b[1;4H345"
    shown(shown_screen, "0123456789ab", "cdefghijklmn")
    assert CalmUpdate(update, shown_screen).render_segments(CONSOLE) == ""
    update.spans = [(1, 0, 12)]
    assert CalmUpdate(update, shown_screen).render_segments(CONSOLE) == "\x1b[2;1Hab\x1b[2;3Hcd".replace(
        "\x1b[2;3H", ""
    )


def looks(cells: list[pyte.screens.Char]) -> list[tuple[str, str]]:
    """What is seen of cells; a blank has no colour of its own."""
    return [(cell.data, "" if cell.data == " " else cell.fg) for cell in cells]


letters = st.text(st.sampled_from("ab界 ─●"), min_size=0, max_size=8)
pieces = st.lists(st.tuples(letters, st.sampled_from((PLAIN, RED, None))), max_size=4)


def line_of(given: list[tuple[str, Style | None]]) -> Strip:
    return Strip([Segment(text, style) for text, style in given]).adjust_cell_length(WIDTH, PLAIN)


@given(st.lists(pieces, min_size=2, max_size=6), st.data())
def test_the_terminal_shows_the_last_screen_whatever_came_before(
    screens: list[list[tuple[str, Style | None]]], data: st.DataObject
) -> None:
    screen = pyte.Screen(WIDTH, 1)
    stream = pyte.Stream(screen)
    shown_screen = ShownScreen()
    for given_line in screens:
        line = line_of(given_line)
        if data.draw(st.booleans()):
            update: ChopsUpdate | LayoutUpdate = LayoutUpdate([[line]], Region(0, 0, WIDTH, 1))
        else:
            update = ChopsUpdate([{0: line}], [(0, 0, WIDTH)], [[WIDTH]])
        stream.feed(CalmUpdate(update, shown_screen).render_segments(CONSOLE))
    fresh = pyte.Screen(WIDTH, 1)
    pyte.Stream(fresh).feed("\x1b[1;1H" + line_of(screens[-1]).render(CONSOLE))
    cells = [[each.buffer[0][x] for x in range(WIDTH)] for each in (screen, fresh)]
    assert looks(cells[0]) == looks(cells[1])


spans = st.tuples(st.integers(0, WIDTH - 1), st.integers(1, WIDTH)).filter(lambda span: span[0] < span[1])


@given(pieces, st.lists(st.tuples(pieces, spans), min_size=1, max_size=5))
def test_parts_of_lines_leave_no_half_of_a_wide_character(
    first: list[tuple[str, Style | None]], parts: list[tuple[list[tuple[str, Style | None]], tuple[int, int]]]
) -> None:
    screen, fresh = pyte.Screen(WIDTH, 1), pyte.Screen(WIDTH, 1)
    stream = pyte.Stream(screen)
    shown_screen = ShownScreen()
    shown_line = line_of(first)
    stream.feed(shown_screen.put(0, 0, shown_line, CONSOLE))
    for given_line, (start, end) in parts:
        line = line_of(given_line)
        update = ChopsUpdate([{0: line}], [(0, start, end)], [[WIDTH]])
        stream.feed(CalmUpdate(update, shown_screen).render_segments(CONSOLE))
        # as Textual cuts lines: a wide character that is cut leaves a blank
        shown_line = Strip.join([shown_line.crop(0, start), line.crop(start, end), shown_line.crop(end)])
    pyte.Stream(fresh).feed("\x1b[1;1H" + shown_line.render(CONSOLE))
    cells = [[each.buffer[0][x] for x in range(WIDTH)] for each in (screen, fresh)]
    assert looks(cells[0]) == looks(cells[1])
    assert shown_screen.put(0, 0, shown_line, CONSOLE) == ""
