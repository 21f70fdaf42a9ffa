"""CSV that any program reads back, and that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.text import all_visible
from poolwatch.presentation.csv_text import Cell, csv_text

LEADS = "=+-@＝＋－＠"


def fields(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize(
    ("cell", "field"),
    [
        (None, ""),
        (0, "0"),
        (-3, "-3"),
        (0.0, "0.000000"),
        (71.5, "71.500000"),
        (-0.25, "-0.250000"),
        (float("nan"), ""),
        (float("inf"), ""),
        (Decimal("1234.5"), "1234.500000"),
        (Decimal("-3.10"), "-3.100000"),
        (Decimal("0.123456789"), "0.123456789"),
        (Decimal("1E+3"), "1000.000000"),
        (datetime(2026, 11, 20, 14, 3, tzinfo=timezone(timedelta(hours=1))), "2026-11-20T13:03:00Z"),
        ("plain", "plain"),
        ("", ""),
        ('say "hi", twice', '"say ""hi"", twice"'),
        ("two\nlines", "two\\x0alines"),
        ("\x1b]52;c;eA==\x07", "\\x1b]52;c;eA==\\x07"),
        ("\t=1", "\\x09=1"),
        ("\u202etxt,", '"\\u202etxt,"'),
        ("=1+1", '"\'=1+1"'),
        ("＝1", '"\'＝1"'),
        ("-3", '"\'-3"'),
    ],
)
def test_a_cell(cell: Cell, field: str) -> None:
    assert csv_text(["of", "it"], [["x", cell]]) == f"of,it\r\nx,{field}\r\n"


def test_every_line_ends_in_cr_lf_and_there_is_no_mark_before_the_first() -> None:
    assert csv_text(["a", "b"], []) == "a,b\r\n"


@given(st.lists(st.lists(st.text() | st.text(alphabet=LEADS + 'x",\n'), min_size=2, max_size=2)))
def test_texts_come_back_as_a_screen_shows_them_but_for_the_guard(rows: list[list[str]]) -> None:
    text = csv_text(["a", "b"], rows)
    assert all(line.isprintable() for line in text.split("\r\n"))
    back = fields(text)[1:]
    assert back == [[f"'{shown}" if shown.startswith(tuple(LEADS)) else shown for shown in row]
        for row in ([each if each.isprintable() else all_visible(each) for each in row] for row in rows)
    ]  # fmt: skip
