from __future__ import annotations

from poolwatch.presentation.view import Prefs
from poolwatch.ui.board import Board
from poolwatch.ui.crash import crash_report
from tests.ui.pools import NOW, app_of, state_of, twelve


def test_a_report_names_kinds_and_own_lines_only() -> None:
    secret = "sk-very-secret"
    nothing: dict[str, str] = {}
    try:
        try:
            nothing[secret]
        except KeyError as error:
            raise ValueError(f"no {secret}") from error
    except ValueError as error:
        report = crash_report(error)
    assert "ValueError" in report
    assert "caused by KeyError" in report
    assert secret not in report
    assert "/" not in report
    assert "tests.ui.test_crash:" in report


def test_a_report_shows_the_way_through_our_code() -> None:
    board = Board(state_of(twelve()), Prefs(), NOW)
    try:
        board.card("no key")  # type: ignore[arg-type]  # what a defect would do
        board.tick(None)  # type: ignore[arg-type]  # likewise
        assert board.strip is None
    except (TypeError, AttributeError) as error:
        report = crash_report(error)
    assert "poolwatch.ui.board:" in report


def test_no_error_and_endless_chains_are_reported_too() -> None:
    assert "error of its own" in crash_report(None)
    assert "poolwatch.ui.crash:" in crash_report(None)
    one, two = ValueError(), TypeError()
    one.__cause__, two.__cause__ = two, one
    assert crash_report(one).count("caused by") == 4


async def test_an_error_in_a_screen_ends_the_app_with_a_code() -> None:
    app = app_of("twelve")
    raised = False
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            app.ui.board = None  # type: ignore[assignment]  # a defect
            await pilot.press("down")
            await pilot.pause()
    except AttributeError:
        raised = True
    assert raised
    assert app.return_code == 1
