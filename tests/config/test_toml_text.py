"""One thing changed in a TOML text: the rest of it stays as it was, to the byte."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest

from poolwatch.config.layers import KeyPath
from poolwatch.config.table import render_default
from poolwatch.config.toml_text import Value, with_item, with_value, without_item

POLL: KeyPath = ("poll",)
FIRST: KeyPath = ("sources", 0)
SECOND: KeyPath = ("sources", 1)
SOURCES = """\
# mine
pool_name = "w"  # the name

# about the first
[[sources]]  # header
kind = "codex-lb"
# about the address
url = 'http://a'   # here
name = "one"

# about the second
[[sources]]
kind = "codex-home"

# about the look
[ui]
mask = true
"""


@pytest.mark.parametrize(
    ("text", "table", "name", "value", "after"),
    [
        # there is no file yet
        ("", (), "pool_name", "w", 'pool_name = "w"\n'),
        ("", POLL, "concurrency", 4, "[poll]\nconcurrency = 4\n"),
        # the value alone changes
        ("a = 1 # x\n", (), "a", 2, "a = 2 # x\n"),
        ("  a=1\t# x\nb = 2", (), "a", "x", '  a="x"\t# x\nb = 2'),
        ("[poll]\n\tconcurrency   = 8   # many\n\n# end", POLL, "concurrency", 4,
         "[poll]\n\tconcurrency   = 4   # many\n\n# end"),
        ('a = """\nlong\n"""  # x\nb = 1\n', (), "a", "short", 'a = "short"  # x\nb = 1\n'),
        ("a = [\n  1, # one\n]\nb = 1\n", (), "a", Decimal("0.5"), "a = 0.5\nb = 1\n"),
        ('"a" = 1\n', (), "a", 2, '"a" = 2\n'),
        # a new key stands behind the others of its table
        ("a = 1\n# x\n\n[poll]\n", (), "b", 2, "a = 1\nb = 2\n# x\n\n[poll]\n"),
        ("[poll]\na = 1 # x\n# y\n\n[ui]\nb = 1\n", POLL, "b", 2,
         "[poll]\na = 1 # x\nb = 2\n# y\n\n[ui]\nb = 1\n"),
        ("[poll] # x\n\n[ui]\n", POLL, "b", 2, "[poll] # x\nb = 2\n\n[ui]\n"),
        ("# mine\n[ui]\nmask = true\n", (), "a", 1, "a = 1\n\n# mine\n[ui]\nmask = true\n"),
        ("# mine\n[ui]\nmask = true", POLL, "a", 1, "# mine\n[ui]\nmask = true\n\n[poll]\na = 1\n"),
        # the commented line becomes the line
        ("[poll]\n# b = 300   # how often\n#b = 3\n[ui]\n", POLL, "b", 2,
         "[poll]\nb = 2   # how often\n#b = 3\n[ui]\n"),
        ("[poll]\n#\n# [ui]\n# b = 1\n", POLL, "b", 2, "[poll]\nb = 2\n#\n# [ui]\n# b = 1\n"),
        ('[poll]\na = """\n# b = 1\n"""\n', POLL, "b", 2, '[poll]\na = """\n# b = 1\n"""\nb = 2\n'),
        # tables in one line, and dotted keys
        ("poll = { a = 1 } # x\n", POLL, "a", 2, "poll = { a = 2 } # x\n"),
        ("poll.a = 1 # x\n", POLL, "a", 2, "poll.a = 2 # x\n"),
        ("sources = [\n  { kind = 'a' }, # one\n  { kind = 'b' }, # two\n]\n", SECOND, "kind", "c",
         'sources = [\n  { kind = \'a\' }, # one\n  { kind = "c" }, # two\n]\n'),
        # of a list of tables, the one that is meant
        (SOURCES, FIRST, "url", "http://b", SOURCES.replace("'http://a'", '"http://b"')),
        (SOURCES, FIRST, "insecure", True,
         SOURCES.replace('name = "one"\n', 'name = "one"\ninsecure = true\n')),
        (SOURCES, SECOND, "path", "~/x\\\"", SOURCES.replace('home"\n', 'home"\npath = "~/x\\\\\\""\n')),
        # taken out
        (SOURCES, FIRST, "name", None, SOURCES.replace('name = "one"\n', "")),
        ("a = 1 # x\n# y\nb = 2\n", (), "a", None, "# y\nb = 2\n"),
        ("a = 1\n", (), "b", None, "a = 1\n"),
        ("a = 1\n", POLL, "b", None, "a = 1\n"),
        ("poll = { a = 1, b = 2 }\n", POLL, "a", None, "poll = {  b = 2 }\n"),
        # it says so already
        ("a = 1.0\n", (), "a", 1, "a = 1.0\n"),
    ],
)  # fmt: skip
def test_a_key_is_set(text: str, table: KeyPath, name: str, value: Value | None, after: str) -> None:
    assert with_value(text, table, name, value) == after
    tomllib.loads(after)


def test_every_line_of_the_template_can_be_set_where_it_stands() -> None:
    before = render_default()
    changed = with_value(before, POLL, "interval_seconds", 60)
    assert changed is not None
    was, now = before.split("\n"), changed.split("\n")
    assert len(was) == len(now)
    [(old, new)] = [pair for pair in zip(was, now, strict=True) if pair[0] != pair[1]]
    assert old.startswith("# interval_seconds = 300 ")
    assert new.startswith("interval_seconds = 60 ")
    assert new.partition("#")[2] == old.removeprefix("#").partition("#")[2]
    assert with_value(changed, POLL, "interval_seconds", None) == "\n".join(
        line for line in was if line != old
    )


def test_windows_line_ends_stay() -> None:
    assert with_value("a = 1 # x\r\nb = 2\r\n", (), "a", 3) == "a = 3 # x\r\nb = 2\r\n"


@pytest.mark.parametrize(
    ("text", "index", "after"),
    [
        (SOURCES, 0, SOURCES.partition("[[sources]]")[0] + SOURCES[SOURCES.index("\n# about the second") :]),
        (SOURCES, 1, SOURCES.replace('[[sources]]\nkind = "codex-home"\n', "")),
        ("[[sources]]\nkind = 'a'\n", 0, ""),
        ("[[sources]]\nkind = 'a'\n[[sources]]\nkind = 'b'", 1, "[[sources]]\nkind = 'a'"),
        ("sources = [\n  { kind = 'a' }, # one\n  { kind = 'b' }, # two\n]\n", 1,
         "sources = [\n  { kind = 'a' }, # one\n]\n"),
    ],
)  # fmt: skip
def test_a_table_is_taken_out_and_the_comments_around_it_stay(text: str, index: int, after: str) -> None:
    assert without_item(text, "sources", index) == after


def test_what_cannot_be_done_cleanly_is_not_done() -> None:
    assert with_value("poll = 3\n", POLL, "a", 1) is None
    assert with_value("a = ", (), "a", 1) is None
    assert without_item("a = ", "sources", 0) is None
    # behind a statement of more lines than are looked at
    long = "a = [\n" + "1,\n" * 300 + "]\n[poll]\nb = 1 # x\n"
    assert with_value(long, POLL, "b", 2) == long.replace("b = 1", "b = 2")


@pytest.mark.parametrize(
    ("text", "table", "after"),
    [
        ("", {"name": "a"}, '[[budgets]]\nname = "a"\n'),
        (
            "# mine\na = 1",
            {"name": "a", "warn_at": (75, Decimal("90.5"))},
            '# mine\na = 1\n\n[[budgets]]\nname = "a"\nwarn_at = [75, 90.5]\n',
        ),
        (
            '[[budgets]] # x\nname = "a" # y\n',
            {"name": "b", "b c": True},
            '[[budgets]] # x\nname = "a" # y\n\n[[budgets]]\nname = "b"\n"b c" = true\n',
        ),
        (
            'budgets = [{ name = "a" }] # x\nb = 1\n',
            {"name": "b", "warn_at": ()},
            'budgets = [{ name = "a" }, {name = "b", warn_at = []}] # x\nb = 1\n',
        ),
    ],
)
def test_a_table_is_added_behind_the_others(text: str, table: dict[str, Value], after: str) -> None:
    assert with_item(text, "budgets", table) == after


def test_a_table_is_not_added_to_what_is_no_array() -> None:
    assert with_item("budgets = 1\n", "budgets", {"name": "a"}) is None
    assert with_item("budgets = [\n", "budgets", {"name": "a"}) is None
