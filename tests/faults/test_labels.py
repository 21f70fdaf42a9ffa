"""Hostile texts in every field of every source, on every screen and in every printed form."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from rich.cells import cell_len
from wcwidth import wcwidth

from poolwatch.cli.status_table import status_lines
from poolwatch.domain.overview import overview
from poolwatch.domain.status import PoolRules
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.status_json import status_json
from poolwatch.presentation.status_text import status_text
from poolwatch.presentation.strip import status_line
from poolwatch.presentation.view import Prefs
from poolwatch.ui.appearance import ASCII, UNICODE
from poolwatch.ui.widgets.details import detail_lines
from tests.faults.nasty import LONGEST, is_harmless
from tests.faults.stage import NOW, Stage, hostile_stage, labels
from tests.faults.watch import Watch, not_allowed

COUNT = 200
SEED = 20


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return asyncio.run(hostile_stage(tmp_path_factory.mktemp("stage"), labels(SEED, COUNT)))


def test_labels_are_as_bad_as_they_should_be(stage: Stage) -> None:
    texts = labels(SEED, COUNT)
    assert max(map(len, texts)) == LONGEST
    assert sum(not is_harmless(text) for text in texts) > COUNT * 0.7
    assert len(stage.state.accounts) == COUNT
    assert not_allowed(b"\x1b[1;1Ha\x1b[31mb\r\n") == b""
    for sent in (
        b"\x1b]0;x\x07",
        b"\x1b[2J",
        b"\xc2\x9b2J",
        b"\xe2\x80\xae",
        b"\x07",
        b"\x9b",
        b"\x1b]52;c;?\x07",
    ):
        assert not_allowed(sent) != b""


def test_labels_on_every_screen_of_a_terminal_are_text_in_their_columns(tmp_path: Path) -> None:
    assert Watch(tmp_path, SEED, COUNT, details=5, columns=200, rows=90).finish() > 30


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_labels_in_details_fit_every_width(stage: Stage, glyphs: object) -> None:
    view = overview(stage.state, NOW, PoolRules())
    for number, account in enumerate(view.accounts):
        width = (19, 59, 79, 131)[number % 4]
        detail = detail_view(account, stage.state, NOW, Prefs())
        for line in detail_lines(detail, width, glyphs):  # type: ignore[arg-type]  # a set of glyphs
            text = "".join(piece for piece, _ in line)
            assert is_harmless(text)
            assert cell_len(text) == sum(map(wcwidth, text)) <= width


def test_printed_labels_are_text_in_their_columns(stage: Stage) -> None:
    seen = overview(stage.state, NOW, PoolRules())
    printed = status_text(seen, stage.state, Prefs())
    assert all(map(is_harmless, printed.split("\n")))
    assert is_harmless(status_line(seen))
    table = printed.partition("\n\n")[2].splitlines()
    ends = {sum(map(wcwidth, line)) for line in table if line.endswith("m") and "  " in line}
    assert ends == {sum(map(wcwidth, table[0]))}
    for width, glyphs in ((200, UNICODE), (80, ASCII), (50, UNICODE)):
        lines = status_lines(seen, stage.state, Prefs(), "", set(seen.by_key), width, glyphs)
        drawn = ["".join(piece for piece, _ in line) for line in lines]
        assert all(map(is_harmless, drawn))
        assert all(sum(map(wcwidth, line)) <= width for line in drawn)
    document = status_json(seen, stage.state, NOW, mask=False)
    assert document.isascii()
    assert "\\u001b" not in document
    assert len(json.loads(document)["accounts"]) == COUNT
    assert all(is_harmless(line) for text in stage.payloads.values() for line in text.split("\n"))
