"""Files that are broken, of the wrong kind, or not there."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.budget_settings import BUDGET_ROWS
from poolwatch.config.layers import MAX_BYTES
from poolwatch.config.limit_settings import ALERT_ROWS, CHANNEL_ROWS
from poolwatch.config.load import load, load_text
from poolwatch.config.problems import ConfigProblems
from poolwatch.config.rate_settings import RATE_ROWS
from poolwatch.config.settings import ACCOUNT_ROWS, TABLE, Settings
from poolwatch.config.source_settings import SOURCE_ROWS

PATH = Path("/etc/poolwatch/config.toml")
HOME = {"HOME": "/home/ann"}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = 1\nb = = 2\n", 2, 5),
        ("a = 1\n[poll", 2, 6),
        ("a = 1\na = 2\n", 2, 6),
        ('x = """never ends\n', 2, 1),
        ("a = 1\rb = 2", 1, 6),
    ],
)
def test_broken_toml_has_line_and_column(text: str, line: int, column: int) -> None:
    loaded = load_text(text, PATH, {}, {})
    assert isinstance(loaded, ConfigProblems)
    (problem,) = loaded.problems
    assert (problem.line, problem.column) == (line, column)
    assert problem.text.startswith(f"{PATH}:{line}:{column}: the file is not valid TOML: ")


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = " + "[" * 400 + "]" * 400])
def test_brackets_too_deep_and_numbers_too_long(text: str) -> None:
    assert isinstance(load_text(text, PATH, {}, {}), ConfigProblems)


def test_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes("\ufeffpool_name = 'w'\r\n[poll]\r\nconcurrency = 2\r\n".encode())
    settings = load(path, HOME, {})
    assert isinstance(settings, Settings)
    assert (settings.pool_name, settings.poll.concurrency) == ("w", 2)
    assert settings.origin("poll.concurrency").text == f"{path}:3"


@pytest.mark.parametrize(
    ("content", "where", "words"),
    [
        ("pool_name = 'ä'\nb = 'é'".encode("latin-1"), ":1:14", "UTF-8"),
        (b"\xef\xbb\xbfa = 1\nb = '\xff'", ":2:6", "UTF-8"),
        ("a = 1".encode("utf-16"), "", "UTF-16"),
        (b"#" * (MAX_BYTES + 1), "", "larger than 1024 KiB"),
    ],
)
def test_files_that_are_not_text(tmp_path: Path, content: bytes, where: str, words: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    loaded = load(path, {}, {})
    assert isinstance(loaded, ConfigProblems)
    assert loaded.text.startswith(f"{path}{where}: ")
    assert words in loaded.text


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"#" * MAX_BYTES)
    assert isinstance(load(path, {}, {}), Settings)


def test_paths_that_cannot_be_read(tmp_path: Path, unreadable: Path) -> None:
    fifo, loop = tmp_path / "fifo", tmp_path / "loop"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    for path, words in (
        (tmp_path, "is a directory"),
        (fifo, "not a regular file"),
        (loop, "cannot be read"),
        (unreadable, "cannot be read"),
        (tmp_path / "none", "is not there"),
        (Path("/dev/zero"), "not a regular file"),
        (Path("a\0b"), "cannot be read"),
    ):
        loaded = load(path, {}, {})
        assert isinstance(loaded, ConfigProblems), path
        assert words in loaded.text
        assert loaded.text.isprintable()


def test_the_null_device_is_an_empty_file() -> None:
    assert isinstance(load(Path("/dev/null"), {}, {}), Settings)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    loaded = load(path, HOME, {})
    if isinstance(loaded, ConfigProblems):
        assert loaded.problems
        assert all(problem.text.isprintable() and problem.path == path for problem in loaded.problems)


_VALUES = st.recursive(
    st.sampled_from(["1", "-1", "0.5", "nan", "true", "'x'", "''", '"\\u001b"', "1979-05-27", "9" * 30]),
    lambda inner: st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=3,
)
_NAMES = st.sampled_from(
    [
        *("pool_name", "credits_per_usd", "poll.interval_seconds", "thresholds.amber_percent", "ui.view"),
        *("keys.x", "sources", "accounts", "ui", "poll", "keys"),
    ]
)


@given(st.dictionaries(_NAMES, _VALUES, max_size=4), st.text(max_size=5), st.text(max_size=5))
def test_any_values_are_read_or_refused(pairs: dict[str, str], variable: str, value: str) -> None:
    text = "".join(f"{key} = {item}\n" for key, item in pairs.items())
    env = {f"POOLWATCH_{variable}": value, "POOLWATCH_POLL__CONCURRENCY": value, **HOME}
    loaded = load_text(text, PATH, env, {"ui.view": value})
    if isinstance(loaded, ConfigProblems):
        assert all(problem.text.isprintable() for problem in loaded.problems)


#: Of each list of tables, what a table cannot do without, and all its keys.
_TABLES: list[tuple[str, dict[str, str], Iterable[str]]] = [
    ("sources", {"kind": "'codex-home'"}, SOURCE_ROWS),
    ("accounts", {"match": "'a'"}, ACCOUNT_ROWS),
    ("rates", {}, RATE_ROWS),
    ("budgets", {"name": "'a'", "limit": "'$1'"}, BUDGET_ROWS),
    ("alerts", {"name": "'a'", "when": "'weekly>=90'"}, ALERT_ROWS),
    ("channels", {"name": "'a'", "kind": "'exec'"}, CHANNEL_ROWS),
]


@pytest.mark.parametrize("value", ["nan", "[nan]", "[1e999]", "['']", "{ input = nan }", "[[], {}]"])
def test_no_value_of_any_key_is_more_than_refused(value: str) -> None:
    texts = [f"{key} = {value}\n" for key in TABLE]
    for name, needed, keys in _TABLES:
        for key in keys:
            table = {**needed, key: value}
            texts.append(f"[[{name}]]\n" + "".join(f"{each} = {told}\n" for each, told in table.items()))
    for text in texts:
        loaded = load_text(text, PATH, HOME, {})
        assert isinstance(loaded, ConfigProblems | Settings), text


def test_a_channel_has_a_program() -> None:
    text = "[[channels]]\nname = 'a'\nkind = 'exec'\ncommand = ['']\n"
    loaded = load_text(text, PATH, HOME, {})
    assert isinstance(loaded, ConfigProblems)
    assert "command must be a program" in loaded.text
