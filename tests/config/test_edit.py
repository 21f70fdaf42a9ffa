"""Additions to the user's own file."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.edit import add_source, init_config, is_same_place, source_table
from poolwatch.config.layers import MAX_BYTES
from poolwatch.config.load import load, load_text
from poolwatch.config.settings import Settings
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.config.table import render_default
from poolwatch.domain.account import Custody
from poolwatch.domain.values import replace

HOME = {"HOME": "/home/ann"}
FILES = SourceSettings(
    SourceKind.AUTH_FILES, "cli-proxy-api", Custody.OTHER, path="~/.cli-proxy-api/codex-*.json"
)
PROXY = SourceSettings(
    SourceKind.CODEX_PROXY, "codex-proxy", Custody.POOL, url="http://127.0.0.1:8080", api_key_file="/k"
)
ADDED = '[[sources]]\nkind = "auth-files"\nname = "cli-proxy-api"\npath = "~/.cli-proxy-api/codex-*.json"\n'


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    mask: int = request.param
    old = os.umask(mask)
    yield mask
    os.umask(old)


def test_the_first_source_makes_a_private_file(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    assert add_source(path, FILES) is None
    assert path.read_text() == ADDED
    assert [mode(place) for place in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    assert names(path.parent) == ["config.toml"]
    settings = load(path, HOME, {})
    assert isinstance(settings, Settings)
    assert settings.sources == (replace(FILES, path="/home/ann/.cli-proxy-api/codex-*.json"),)


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# mine\npool_name = 'w'  # mine too\n",
        "pool_name = 'w'  # no line end",
        "[[sources]]\nkind = 'codex-home' # home\n\n# end\n[ui]\nmask = true\n",
        render_default(),
    ],
)
def test_what_stood_there_stays_byte_for_byte(tmp_path: Path, before: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(before)
    path.chmod(0o640)
    assert add_source(path, FILES) is None
    assert add_source(path, PROXY) is None
    after = path.read_text()
    assert after.startswith(before)
    assert after.count("[[sources]]\nkind = ") - before.count("[[sources]]\nkind = ") == 2
    assert mode(path) == 0o640
    was = tomllib.loads(before)
    assert tomllib.loads(after) == {
        **was,
        "sources": [*was.get("sources", []), source_table(FILES), source_table(PROXY)],
    }


@pytest.mark.parametrize(
    "before",
    [
        "# top\nsources = []  # none\nread_only = true # yes\n",
        "sources = [{ kind = 'codex-home' }] # home\n[ui]\nmask = true # m\n",
        "sources = [\n  { kind = 'codex-home' }, # home\n]\n# end\n",
    ],
)
def test_an_inline_array_grows_and_comments_stay(tmp_path: Path, before: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(before)
    problem = add_source(path, FILES)
    assert problem is None, problem.text
    after = path.read_text()
    assert tomllib.loads(after)["sources"][-1] == source_table(FILES)
    for comment in [line.partition("#")[2] for line in before.splitlines() if "#" in line]:
        assert f"#{comment}" in after


def test_byte_order_mark_and_crlf_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    before = b"\xef\xbb\xbfpool_name = 'w'\r\n[ui]\r\n"
    path.write_bytes(before)
    assert add_source(path, FILES) is None
    after = path.read_bytes()
    assert after == before + b"\r\n" + ADDED.replace("\n", "\r\n").encode()
    assert isinstance(load(path, HOME, {}), Settings)


def test_mixed_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"pool_name = 'w'\r\n[ui]\n")
    assert add_source(path, FILES) is None
    assert path.read_bytes() == b"pool_name = 'w'\r\n[ui]\n\n" + ADDED.encode()


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (b"pool_name = ", "not valid TOML"),
        (b"pol_name = 'x'", "unknown key pol_name"),
        (b"poll.concurrency = 0", "from 1 to 64"),
        (b"\xff", "not UTF-8"),
        (b"#" * (MAX_BYTES + 1), "larger than"),
        (b"#" * (MAX_BYTES - 10), "too large"),
        (b"[[sources]]\nkind = 'codex-home'\nname = 'cli-proxy-api'", "already taken by sources[0]"),
    ],
)
def test_a_file_that_is_or_would_be_invalid_is_left_alone(tmp_path: Path, before: bytes, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(before)
    problem = add_source(path, FILES)
    assert problem is not None
    assert words in problem.text
    assert problem.path == path
    assert path.read_bytes() == before
    assert names(tmp_path) == ["config.toml"]


def test_a_source_that_is_not_valid_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    for source in (
        replace(FILES, token_url="http://evil.example.com"),
        replace(FILES, path=None),
        replace(PROXY, url=None),
        replace(PROXY, path="/x"),
    ):
        assert add_source(path, source) is not None
        assert not path.exists()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles" / "pw.toml", tmp_path / "config.toml"
    link.symlink_to("dotfiles/pw.toml")
    assert add_source(link, FILES) is None
    assert add_source(link, PROXY) is None
    assert link.is_symlink()
    assert real.read_text().count("[[sources]]") == 2


def test_no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "config.toml").mkdir()
    for path in (tmp_path / "file" / "config.toml", tmp_path / "config.toml"):
        problem = add_source(path, FILES)
        assert problem is not None
        assert problem.path == path
    assert names(tmp_path) == ["config.toml", "file"]


_TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(_TEXTS, _TEXTS)
def test_any_name_and_path_come_back_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, path: str
) -> None:
    config = tmp_path_factory.mktemp("any") / "config.toml"
    source = replace(FILES, name=name, path=path)
    if add_source(config, source) is None:
        table = tomllib.loads(config.read_text())["sources"][0]
        assert (table.get("name", "auth-files"), table["path"]) == (name, path)
    else:
        assert not config.exists()


def test_poolwatch_custody_is_written_out() -> None:
    assert source_table(replace(FILES, custody=Custody.POOLWATCH))["custody"] == "poolwatch"
    assert "custody" not in source_table(FILES)
    assert "custody" not in source_table(PROXY)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://localhost:8080", "http://127.0.0.1:8080/", True),
        ("http://LOCALHOST:8080", "http://[::1]:8080", True),
        ("http://127.0.0.2:8080", "http://0.0.0.0:8080", True),
        ("http://pool.example.com", "http://Pool.Example.com.:80", True),
        ("http://localhost:8317/management.html", "http://127.0.0.1:8317/v0/management/", True),
        ("https://pool.example.com/a/", "https://pool.example.com:443/a", True),
        ("http://localhost:8080", "http://localhost:8081", False),
        ("http://localhost:8080/a", "http://localhost:8080/b", False),
        ("http://localhost:8080", "http://192.0.2.1:8080", False),
        ("http://localhost:99999999", "http://localhost:8080", False),
    ],
)
def test_one_pool_under_two_addresses(one: str, other: str, same: bool) -> None:
    first, second = (
        SourceSettings(SourceKind.CODEX_PROXY, name, Custody.POOL, url=url)
        for name, url in (("a", one), ("b", other))
    )
    assert is_same_place(first, second, None) is same
    assert not is_same_place(first, replace(second, kind=SourceKind.CODEX_LB), None)


def test_the_first_file_is_private_and_never_replaces_one(tmp_path: Path) -> None:
    path = tmp_path / "d" / "config.toml"
    assert init_config(path, render_default()) is None
    assert (path.read_text(), mode(path), mode(path.parent)) == (render_default(), 0o600, 0o700)
    problem = init_config(path, "x")
    assert problem is not None
    assert "already there" in problem.text
    dangling = tmp_path / "dangling"
    dangling.symlink_to("nowhere")
    assert init_config(dangling, "x") is not None
    assert not dangling.exists()


def test_the_default_file_loads_to_the_defaults() -> None:
    settings = load_text(render_default(), None, {}, {})
    assert isinstance(settings, Settings)
    assert settings == Settings(origins=settings.origins)


def _uncommented(section: str) -> str:
    lines = [line.removeprefix("# ") for line in section.splitlines()]
    return "\n".join(line for line in lines if line.startswith("[") or (" = " in line and " `" not in line))


def test_every_line_of_the_default_file_is_valid_once_uncommented() -> None:
    plain = _uncommented(render_default())
    settings = load_text(plain, Path("/c.toml"), HOME, {})
    assert isinstance(settings, Settings), settings.text
    shown = [key for key, origin in settings.origins.items() if origin.text != "default"]
    defaults = load_text("", None, HOME, {})
    assert isinstance(defaults, Settings)
    assert set(defaults.origins) <= set(shown), "every setting is mentioned"
    kinds = ["codex-home", "auth-files", "codex-proxy", "credits-http"]
    assert [source.kind.value for source in settings.sources] == kinds
    assert replace(settings.ui, theme=None) == defaults.ui
    assert (settings.poll.stale_after, settings.rate) == (defaults.stale_after, defaults.rate)
    assert settings.poll.interval_seconds == defaults.poll.interval_seconds
    assert (settings.thresholds, settings.refresh) == (defaults.thresholds, defaults.refresh)
    assert settings.read_only == defaults.read_only
