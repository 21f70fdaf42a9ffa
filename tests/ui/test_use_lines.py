"""The usage screen in lines: whatever the size, they fit, and what must be seen is seen."""

from __future__ import annotations

import pytest

from poolwatch.domain.quarters import UsePeriod
from poolwatch.domain.tokens import GroupBy, ScanState
from poolwatch.domain.use_report import UseReport
from poolwatch.presentation.use_chart import use_bars
from poolwatch.presentation.use_table import UseColumn
from poolwatch.presentation.use_view import use_view
from poolwatch.ui.appearance import ASCII, UNICODE, Glyphs
from poolwatch.ui.cells import Line, line_width
from poolwatch.ui.widgets.use_lines import use_lines, use_title
from poolwatch.ui.widgets.use_table import Table, columns_of
from tests.domain.use import cell
from tests.presentation.scene import CET, NOW
from tests.presentation.use import names, reported

SIZES = [(60, 15), (79, 20), (80, 24), (100, 30), (120, 40), (200, 60), (300, 80)]
BILLS = "your plans do not bill it"


def lines_of(
    report: UseReport, width: int, height: int, selected: int = 0, top: int = 0, glyphs: Glyphs = UNICODE
) -> tuple[list[str], int]:
    view = use_view(report, names(), NOW, CET)
    bars = use_bars(report, names(), NOW, CET, 90)
    table = Table(columns_of(width - 1), UseColumn.COST, selected=selected, top=top)
    lines, first = use_lines(view, bars, table, width - 1, height - 3, NOW, CET, glyphs)
    title = use_title(view, "? help", width, glyphs)
    assert line_width(title) == width
    assert all(line_width(line) <= width - 1 for line in lines)
    assert len(lines) <= height - 3
    return [text(line) for line in lines], first


def text(line: Line) -> str:
    return "".join(piece for piece, _ in line)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("by", [GroupBy.MODEL, GroupBy.DAY, GroupBy.CONVERSATION])
def test_at_any_size_the_total_is_seen_and_that_nobody_bills_it(width: int, height: int, by: GroupBy) -> None:
    report = reported(UsePeriod.ALL, by)
    count = len(report.rows)
    for selected in (0, count // 2, count - 1):
        lines, first = lines_of(report, width, height, selected)
        assert first <= selected
        assert BILLS in " ".join(lines)
        assert any(line.startswith("   total") for line in lines)
        assert [line for line in lines if line.startswith("▌")]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_was_never_read_or_not_used_is_said(width: int, height: int) -> None:
    nothing = reported(UsePeriod.TODAY, cells=[], scan=ScanState())
    told = " ".join(lines_of(nothing, width, height)[0])
    assert BILLS in told
    assert "nothing was used" in told


def test_rows_scroll_no_further_than_it_takes() -> None:
    report = reported(UsePeriod.ALL, GroupBy.CONVERSATION)
    _, first = lines_of(report, 80, 24, selected=30)
    assert 0 < first < 30
    # a step within what is shown moves nothing
    assert lines_of(report, 80, 24, selected=first + 1, top=first)[1] == first
    assert lines_of(report, 80, 24, selected=first - 1, top=first)[1] == first - 1


def test_on_a_small_screen_rows_come_before_what_stands_below() -> None:
    few, many = reported(), reported(by=GroupBy.DAY)
    assert any("LATEST" in line for line in lines_of(few, 80, 24)[0])
    rows = [line for line in lines_of(many, 80, 24)[0] if " Nov " in line]
    assert len(rows) >= 5
    assert any("more" in line for line in lines_of(many, 80, 24)[0])


def test_in_ascii_shades_and_marks_are_letters() -> None:
    for width, height in SIZES:
        lines, _ = lines_of(reported(), width, height, glyphs=ASCII)
        shown = ASCII.text("\n".join(lines))
        assert shown.isascii(), [char for char in shown if not char.isascii()]


def test_a_long_name_takes_no_room_from_figures() -> None:
    cells = [cell("2026-11-20 12:00", "a-model-with-a-very-long-name-that-never-ends-" * 3)]
    for width, height in SIZES:
        lines, _ = lines_of(reported(cells=cells), width, height)
        row = next(line for line in lines if line.startswith("▌"))
        assert "1.00M" in row
        # half a command is none
        assert "rates why" not in row
        assert "no price" in row or width < 110
