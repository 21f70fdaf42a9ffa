"""Lines of keys in TOML texts."""

import tomllib
from collections.abc import Iterator

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.layers import KeyPath, key_lines

TEXT = """\
# a comment with [brackets] and = signs
top = 1 # [not.a.table]
"quo\\u0074ed" . 'lit eral' = "a # no comment"

[poll]   # comment
interval_seconds = 300
long = \"\"\"
[fake]
key = 1 \\\"\"\" still ""
\"\"\"\"\"
after = '''
[[fake]]
'it''s' '''''
list = [ # comment ]
  1,
  "]",
  { a = 1, b.c = [2] },

]
when = 1979-05-27 07:32:00Z
last = 2

[[sources]]
kind = "a"
[sources.inner]
deep = 1
[[sources.many]]
x = 1
[[sources.many]]
x = 2

  [[ sources ]]
  kind = "b"
[[sources.many]]
x = 3
[poll.sub]
end = {}"""

LINES: dict[KeyPath, int] = {
    ("top",): 2,
    ("quoted",): 3,
    ("quoted", "lit eral"): 3,
    ("poll",): 5,
    ("poll", "interval_seconds"): 6,
    ("poll", "long"): 7,
    ("poll", "after"): 11,
    ("poll", "list"): 14,
    ("poll", "list", 0): 14,
    ("poll", "list", 1): 14,
    ("poll", "list", 2): 14,
    ("poll", "list", 2, "a"): 14,
    ("poll", "list", 2, "b"): 14,
    ("poll", "list", 2, "b", "c"): 14,
    ("poll", "list", 2, "b", "c", 0): 14,
    ("poll", "when"): 20,
    ("poll", "last"): 21,
    ("sources",): 23,
    ("sources", 0): 23,
    ("sources", 0, "kind"): 24,
    ("sources", 0, "inner"): 25,
    ("sources", 0, "inner", "deep"): 26,
    ("sources", 0, "many"): 27,
    ("sources", 0, "many", 0): 27,
    ("sources", 0, "many", 0, "x"): 28,
    ("sources", 0, "many", 1): 29,
    ("sources", 0, "many", 1, "x"): 30,
    ("sources", 1): 32,
    ("sources", 1, "kind"): 33,
    ("sources", 1, "many"): 34,
    ("sources", 1, "many", 0): 34,
    ("sources", 1, "many", 0, "x"): 35,
    ("poll", "sub"): 36,
    ("poll", "sub", "end"): 37,
}


def paths(value: object, above: KeyPath = ()) -> Iterator[KeyPath]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in parts:
        yield (*above, name)
        yield from paths(inner, (*above, name))


def test_every_key_has_its_line() -> None:
    assert dict(key_lines(TEXT)) == LINES
    assert set(paths(tomllib.loads(TEXT))) == set(LINES)


def test_crlf_counts_like_lf() -> None:
    assert dict(key_lines(TEXT.replace("\n", "\r\n"))) == LINES


def test_a_comment_or_blank_line_on_top_moves_everything_by_one() -> None:
    for top in ("\n", "# [poll]\n", "  \t\n"):
        assert dict(key_lines(top + TEXT)) == {path: line + 1 for path, line in LINES.items()}


_WORDS = st.text(st.sampled_from("ab[]{}=#.,'\"\\\n\r\t é"), max_size=6)
_TREES = st.dictionaries(
    _WORDS,
    st.recursive(
        _WORDS | st.integers(0, 9) | st.booleans() | st.datetimes(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(_TREES, st.booleans())
def test_the_scanner_finds_what_the_parser_finds(tree: dict[str, object], multiline: bool) -> None:
    text = tomli_w.dumps(tree, multiline_strings=multiline)
    parsed = tomllib.loads(text)
    lines = key_lines(text)
    assert set(lines) == {path for path in paths(parsed) if len(path) < 10}
    for path, line in lines.items():
        name = path[-1]
        if isinstance(name, str) and name.isalnum() and name.isascii():
            # in the statement that begins there
            after = min((each for each in lines.values() if each > line), default=len(text))
            assert name in "\n".join(text.split("\n")[line - 1 : after - 1])


@given(st.text(st.sampled_from("a1.=[]{}\"'#,\\\n \r"), max_size=40))
def test_whatever_the_parser_takes_the_scanner_takes(text: str) -> None:
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        key_lines(text)  # must only come back
        return
    assert set(key_lines(text)) == set(paths(parsed))


@pytest.mark.parametrize(
    "text",
    [
        "a." * 1_000 + "b = 1",
        "x = " + "[" * 100_000,
        '"\\x" = 1',
        "a = \n]",
        "x = [\n" + "1,\n" * 10_000 + "]\ny = 1",
    ],
)
def test_odd_texts_end(text: str) -> None:
    assert len(key_lines(text)) < 2000
