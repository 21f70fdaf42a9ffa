"""The chart on the screen: when it is drawn anew, and what a key repaints."""

from __future__ import annotations

from datetime import timedelta

from textual.app import App, ComposeResult

from poolwatch.domain.values import replace
from poolwatch.presentation.chart import Chart
from poolwatch.ui.appearance import ASCII, Appearance, palette_of
from poolwatch.ui.widgets.chart import ChartLines
from tests.presentation.test_chart import WHOLE, at


class _Charting(App[None]):
    def compose(self) -> ComposeResult:
        yield ChartLines(id="chart")


async def test_a_chart_is_drawn_anew_only_for_new_data_size_or_glyphs() -> None:
    app = _Charting()
    async with app.run_test(size=(80, 24)) as pilot:
        lines = app.query_one(ChartLines)
        lines.show_chart(WHOLE, 12)
        await pilot.pause()
        assert lines.drawn == 1
        assert lines.text.splitlines()[-1].startswith("      00:00")
        assert lines.size.height == 12
        # the same values, made anew
        lines.show_chart(_again(WHOLE), 12, at(3))
        lines.show_chart(WHOLE, 12, at(4))
        lines.set_appearance(Appearance(palette_of("poolwatch-light"), lines.appearance.glyphs))
        assert lines.drawn == 1
        lines.show_chart(replace(WHOLE, until=at(8)), 12, at(4))
        assert lines.drawn == 2
        lines.show_chart(WHOLE, 9, at(4))
        assert lines.drawn == 3
        await pilot.resize_terminal(100, 24)
        await pilot.pause()
        assert lines.drawn == 4
        assert max(map(len, lines.text.splitlines())) == 100
        lines.set_appearance(Appearance(lines.appearance.palette, ASCII))
        assert lines.drawn == 5
        assert lines.text.isascii()


async def test_the_cursor_moves_without_a_plot_being_made() -> None:
    app = _Charting()
    async with app.run_test(size=(80, 24)) as pilot:
        lines = app.query_one(ChartLines)
        lines.show_chart(WHOLE, 12, at(2))
        await pilot.pause()
        before = lines.text.splitlines()[-2].index("▲")
        lines.show_chart(WHOLE, 12, at(3))
        assert lines.drawn == 1
        assert lines.text.splitlines()[-2].index("▲") > before
        lines.show_chart(WHOLE, 12, at(30))
        assert "▲" not in lines.text


async def test_a_chart_without_a_line_says_why() -> None:
    app = _Charting()
    async with app.run_test(size=(60, 15)) as pilot:
        lines = app.query_one(ChartLines)
        lines.show_chart(WHOLE, 9, note="nothing was read yet")
        await pilot.pause()
        assert "nothing was read yet" in lines.text


def _again(chart: Chart) -> Chart:
    return replace(chart, start=chart.start + timedelta(0), marks=(*chart.marks,))
