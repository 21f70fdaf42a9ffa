"""A payload is indented and told apart, and loses nothing by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.presentation.payload import Match, Part, line_text, matches, payload_lines

PAYLOADS = sorted((Path(__file__).parents[1] / "payloads").glob("*.json"))


def texts(payload: str) -> list[str]:
    return [line_text(line) for line in payload_lines(payload)]


def test_json_is_indented_and_its_parts_are_told_apart() -> None:
    lines = payload_lines('{"a":{"b":[1.50,-2e3,"x:y"],"c":null,"d":{},"e":[]},"f":true}')
    assert [line_text(line) for line in lines] == [
        "{",
        '  "a": {',
        '    "b": [',
        "      1.50,",
        "      -2e3,",
        '      "x:y"',
        "    ],",
        '    "c": null,',
        '    "d": {},',
        '    "e": []',
        "  },",
        '  "f": true',
        "}",
    ]
    assert lines[1][1:] == (('"a"', Part.NAME), (":", Part.SIGN), (" ", Part.PLAIN), ("{", Part.SIGN))
    assert lines[5][1:] == (('"x:y"', Part.STRING),)
    assert lines[3][1:] == (("1.50", Part.NUMBER), (",", Part.SIGN))
    assert lines[7][-2:] == (("null", Part.WORD), (",", Part.SIGN))


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_the_recorded_payloads_lose_nothing(path: Path) -> None:
    body = path.read_text(encoding="utf-8")
    shown = texts(body)
    assert json.loads("\n".join(shown)) == json.loads(body)
    tidy = json.dumps(json.loads(body), indent=2, ensure_ascii=False).splitlines()
    assert len(shown) == len(tidy)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4), st.sampled_from((None, 1, 4)))
def test_any_json_reads_the_same_indented(value: object, indent: int | None) -> None:
    assert json.loads("\n".join(texts(json.dumps(value, indent=indent)))) == value


@given(st.text())
def test_any_text_is_shown_without_what_steers_a_terminal(text: str) -> None:
    for line in texts("{" + text) + texts(text):
        assert line.isprintable()


def test_the_digits_and_escapes_stay_as_they_came() -> None:
    assert texts('{"n":1.2500,"big":123456789012345678901234567890,"e":"\\u0040","n":2}') == [
        "{",
        '  "n": 1.2500,',
        '  "big": 123456789012345678901234567890,',
        '  "e": "\\u0040",',
        '  "n": 2',
        "}",
    ]


def test_what_is_no_json_stays_as_it_is() -> None:
    assert texts("<html>\n  <b>403</b>\x1b[31m") == ["<html>", "  <b>403</b>\\x1b[31m"]
    assert texts("") == []
    assert texts('{"a":1,"b":"cut of') == ["{", '  "a": 1,', '  "b": ', '"cut of']
    assert texts("[hidden] and so on")[-1].endswith("hidden] and so on")


def test_matches_are_found_in_any_case_and_across_the_parts_of_a_line() -> None:
    lines = payload_lines('{"Used_percent":22,"x":{"used_percent":9}}')
    assert matches(lines, "USED") == (Match(1, 3, 7), Match(3, 5, 9))
    assert matches(lines, '": 9') == (Match(3, 17, 21),)
    assert matches(lines, "") == ()
    assert matches(lines, "[a") == ()


def test_thousands_of_brackets_do_not_fill_the_memory() -> None:
    lines = payload_lines("[" * 5_000 + "]" * 5_000)
    assert len(lines) == 9_999
    assert sum(len(line_text(line)) for line in lines) < 100 * len(lines)
