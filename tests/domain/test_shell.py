"""Words of a shell command: bash gets the very bytes, and no screen is steered by them."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.domain.text import argument_word, path_at, path_word, shell_word, visible

HOSTILE = [
    b"plain.json",
    b"with blank",
    b"'",
    b'"',
    b"$(touch x)`id`",
    b"-n",
    b"back\\slash",
    b"new\nline",
    b"\x1b]52;c;cm0gLXJm\x07",
    b"\xc2\x9b31m",
    b"\x9b",
    b"\xff\xfe",
    b"\xe2\x80\xaefdp.exe",
    b"\xc2\xa0",
    b"\xe2\x80\x8bzero",
    b"e\xcc\x81\xcc\x81\xcc\x81",
    b"\x017",
    b"~",
    b"*?[x]",
    b"!1",
    "é漢字".encode(),
]


def got_by_bash(*words: str) -> list[bytes]:
    """The arguments that bash makes of these words."""
    script = " ".join(["printf '%s\\0'", *words]).encode("utf-8", "strict")
    ended = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=20)
    return ended.stdout.split(b"\0")[:-1]


def test_bash_gets_the_very_bytes() -> None:
    words = [shell_word(os.fsdecode(raw)) for raw in HOSTILE]
    assert got_by_bash(*words) == HOSTILE
    for word in words:
        assert visible(word, 1000) == word, "it can be printed as it is"


def test_what_is_plain_or_can_be_read_stays_so() -> None:
    assert shell_word("a/b-1.json") == "a/b-1.json"
    assert shell_word("my homes") == "'my homes'"
    assert shell_word("é") == "'é'"
    assert shell_word("\x1b[1m") == "$'\\033[1m'"
    assert shell_word("") == "''"


@given(st.binary(max_size=40).filter(lambda raw: b"\0" not in raw))
@settings(max_examples=60, deadline=None)
def test_any_bytes_come_back(raw: bytes) -> None:
    word = shell_word(os.fsdecode(raw))
    assert word.isprintable()
    assert got_by_bash(word) == [raw]


def test_a_tilde_works_and_nothing_else_of_the_path_does() -> None:
    assert path_word("~") == "~"
    assert path_word("~/a b") == "~/'a b'"
    assert path_word("~/\x1b") == "~/$'\\033'"
    assert path_word("~bob/x") == "'~bob/x'"


def test_an_argument_is_no_option() -> None:
    assert argument_word("-x y") == "-- '-x y'"
    assert argument_word("plain") == "plain"


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("/a/b", "/a/b"),
        (b"/a/\xff".hex(), "/a/\udcff"),
        ("acct-1", None),
        ("abcd", None),
        ("", None),
    ],
)
def test_the_path_at_a_place(place: str, path: str | None) -> None:
    assert path_at(place) == path
