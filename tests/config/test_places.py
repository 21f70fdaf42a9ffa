"""Directories, discovery, and what is remembered."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platformdirs import PlatformDirs

from poolwatch.config import paths
from poolwatch.config.edit import add_source
from poolwatch.config.load import load, load_text
from poolwatch.config.paths import Found, FoundState, discover, implicit_sources, missing_home
from poolwatch.config.problems import ConfigProblem
from poolwatch.config.remember import Remembered, load_remembered, save_remembered, ui_of
from poolwatch.config.settings import Settings
from poolwatch.config.source_settings import SourceKind
from poolwatch.config.table import shown_settings
from poolwatch.domain.account import Custody
from poolwatch.domain.values import replace
from poolwatch.host.files import make_missing_directories


@pytest.mark.parametrize("xdg", [None, "/x", ""])
def test_places_are_those_of_platformdirs(xdg: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        if xdg is not None:
            monkeypatch.setenv(name, xdg)
    standard = PlatformDirs("poolwatch", appauthor=False)
    env = {"HOME": "/h"}
    assert paths.config_file(env) == Path(standard.user_config_dir) / "config.toml"
    assert paths.state_directory(env) == Path(standard.user_state_dir)
    assert paths.data_directory(env) == Path(standard.user_data_dir)


def test_variables_beat_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    env = {
        "POOLWATCH_CONFIG": "c.toml",
        "POOLWATCH_STATE_DIR": "/s",
        "POOLWATCH_DATA_DIR": "~/d",
        "HOME": "/h",
    }
    assert paths.config_file(env) == tmp_path / "c.toml"
    assert paths.state_directory(env) == Path("/s")
    assert paths.data_directory(env) == Path("/h/d")


@pytest.mark.parametrize("env", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_no_home_is_a_value(env: dict[str, str]) -> None:
    for find in (paths.config_file, paths.state_directory, paths.data_directory, paths.home_directory):
        problem = find(env)
        assert isinstance(problem, ConfigProblem)
        assert "HOME is not set" in problem.text
    assert paths.state_directory(env | {"POOLWATCH_STATE_DIR": "/s"}) == Path("/s")
    assert paths.locate_config(env, None) is None


def test_the_file_to_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}
    monkeypatch.setenv("HOME", str(tmp_path))
    standard = tmp_path / ".config" / "poolwatch" / "config.toml"
    assert paths.locate_config(env, None) is None
    assert paths.locate_config(env, Path("/option")) == Path("/option")
    assert paths.locate_config(env | {"POOLWATCH_CONFIG": "/gone"}, None) == Path("/gone")
    standard.parent.mkdir(parents=True)
    standard.symlink_to("gone")
    assert paths.locate_config(env, None) == standard


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_directories_are_private(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        make_missing_directories(tmp_path / "a" / "b")
    finally:
        os.umask(old)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o700, 0o700]
    make_missing_directories(tmp_path / "a" / "b")


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_missing_directories(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_directories_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file", "file/below", "loop", "loop/below", "nul\0"):
        with pytest.raises((OSError, ValueError)):
            make_missing_directories(tmp_path / name)


def login(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")


def test_nothing_found(tmp_path: Path) -> None:
    found = discover({}, tmp_path)
    assert [(place.place, place.state.text) for place in found] == [
        ("~/.codex/auth.json", "not there"),
        ("$CODEX_HOME", "not set"),
        ("~/.cli-proxy-api/codex-*.json", "not there"),
        ("~/.codex/accounts/*.auth.json", "not there"),
    ]
    assert {place.source for place in found} == {None}
    assert implicit_sources({}, tmp_path) == ()
    assert implicit_sources({}, None) == ()


def test_everything_found_can_be_added(tmp_path: Path) -> None:
    env = {"CODEX_HOME": str(tmp_path / "other")}
    for name in (
        ".codex/auth.json",
        "other/auth.json",
        ".cli-proxy-api/codex-a@example.com.json",
        ".cli-proxy-api/codex-b@example.com.json",
        ".cli-proxy-api/gemini-b@example.com.json",
        ".codex/accounts/a.auth.json",
        ".codex/accounts/registry.json",
    ):
        login(tmp_path / name)
    found = discover(env, tmp_path)
    assert [(place.state, place.count, place.readable) for place in found] == [
        (FoundState.READABLE, 1, 1),
        (FoundState.READABLE, 1, 1),
        (FoundState.READABLE, 2, 2),
        (FoundState.READABLE, 1, 1),
    ]
    config = tmp_path / "config.toml"
    for place in found:
        assert place.source is not None
        assert place.source.custody in (Custody.CODEX, Custody.OTHER)
        assert add_source(config, place.source) is None
    settings = load(config, {"HOME": str(tmp_path)}, {})
    assert isinstance(settings, Settings)
    assert [(source.name, source.path) for source in settings.sources] == [
        ("codex-home", str(tmp_path / ".codex")),
        ("codex-home-2", str(tmp_path / "other")),
        ("cli-proxy-api", str(tmp_path / ".cli-proxy-api/codex-*.json")),
        ("codex-auth", str(tmp_path / ".codex/accounts/*.auth.json")),
    ]


def test_the_same_folder_is_offered_once(tmp_path: Path) -> None:
    login(tmp_path / ".codex/auth.json")
    (tmp_path / "link").symlink_to(".codex")
    found = discover({"CODEX_HOME": str(tmp_path / "link")}, tmp_path)
    assert [place.state for place in found[:2]] == [FoundState.READABLE, FoundState.READABLE]
    assert found[0].source is not None
    assert found[1].source is None


def test_a_codex_home_that_is_gone_and_one_that_keeps_its_login_in_the_keyring(tmp_path: Path) -> None:
    env = {"CODEX_HOME": str(tmp_path / "gone")}
    assert discover(env, tmp_path)[1] == Found("$CODEX_HOME", FoundState.NO_FOLDER)
    assert missing_home(env) == f"CODEX_HOME names {tmp_path}/gone, which does not exist"
    (tmp_path / "gone").write_text("")
    assert missing_home(env) == f"CODEX_HOME names {tmp_path}/gone, which is not a folder"
    assert implicit_sources(env, tmp_path) == ()
    (tmp_path / ".codex").mkdir()
    assert missing_home({"CODEX_HOME": str(tmp_path / ".codex")}) is missing_home({}) is None
    assert implicit_sources({}, tmp_path) == ()
    (tmp_path / ".codex/config.toml").write_text('cli_auth_credentials_store = "keyring"')
    found = discover({}, tmp_path)[0]
    assert (found.state, found.count) == (FoundState.IN_KEYRING, 0)
    [source] = implicit_sources({}, tmp_path)
    assert source.path == str(tmp_path / ".codex")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex/auth.json").symlink_to("gone")
    (tmp_path / ".cli-proxy-api").mkdir()
    (tmp_path / ".cli-proxy-api/codex-a.json").symlink_to("gone")
    (tmp_path / ".codex/accounts").symlink_to("accounts")
    found = discover({}, tmp_path)
    assert [place.state for place in found] == [
        FoundState.UNREADABLE,
        FoundState.NOT_SET,
        FoundState.UNREADABLE,
        FoundState.UNREADABLE,
    ]
    assert found[2].count == 1
    assert {place.source for place in found} == {None}


def test_the_codex_home_is_there_without_a_file(tmp_path: Path) -> None:
    login(tmp_path / ".codex/auth.json")
    (source,) = implicit_sources({}, tmp_path)
    assert (source.kind, source.name, source.custody) == (SourceKind.CODEX_HOME, "codex-home", Custody.CODEX)
    assert source.path == str(tmp_path / ".codex")
    chosen = {"CODEX_HOME": str(tmp_path / "c")}
    assert implicit_sources(chosen, tmp_path) == ()
    login(tmp_path / "c/auth.json")
    assert implicit_sources(chosen, None)[0].path == str(tmp_path / "c")


FULL = Remembered(
    {"work": "hive", "": "table"}, "nord", "5h", True, "plan", True, "left", "ascii", ("work", "")
)


def test_choices_come_back(tmp_path: Path) -> None:
    path = tmp_path / "state" / "remembered.json"
    assert load_remembered(path) == Remembered()
    old = os.umask(0)
    try:
        assert save_remembered(path, FULL) is None
    finally:
        os.umask(old)
    assert load_remembered(path) == FULL
    assert path.stat().st_mode & 0o777 == 0o600
    assert save_remembered(path, Remembered()) is None
    assert load_remembered(path) == Remembered()


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("", Remembered()),
        ("[]", Remembered()),
        ("{", Remembered()),
        ("[" * 100_000, Remembered()),
        ('{"theme": 3, "sort": "usd", "mask": "yes", "glyphs": "ascii"}', Remembered(glyphs="ascii")),
        ('{"theme": "a\\u001b", "views": {"a": "hive", "b": "x", "c": 1, "\\u0007": "hive"}}',
         Remembered(views={"a": "hive"})),
        ('{"views": 3, "used": "left", "more": {}}', Remembered(used="left")),
        ('{"known_pools": ["a", 3, "\\u0007", ""]}', Remembered(known_pools=("a", ""))),
        ('{"known_pools": {"a": 1}}', Remembered()),
        (json.dumps({"theme": "x" * 201}), Remembered()),
        (json.dumps({"theme": "x", "pad": "x" * 70_000}), Remembered()),
    ],
)  # fmt: skip
def test_rubbish_counts_as_not_chosen(tmp_path: Path, content: str, kept: Remembered) -> None:
    path = tmp_path / "remembered.json"
    path.write_text(content)
    assert load_remembered(path) == kept


@given(st.binary(max_size=60))
def test_any_bytes_are_taken(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    assert load_remembered(path) == Remembered()


def test_a_state_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    problem = save_remembered(tmp_path / "file" / "remembered.json", FULL)
    assert problem is not None
    assert str(tmp_path / "file") in problem.text


def test_views_are_kept_per_pool_and_old_pools_are_forgotten() -> None:
    remembered = Remembered()
    for number in range(120):
        remembered = remembered.with_view(f"p{number}", "hive").with_pool(f"p{number}")
    remembered = remembered.with_view("p50", "cards")
    assert len(remembered.views) == 100
    assert "p19" not in remembered.views
    assert list(remembered.views.items())[-1] == ("p50", "cards")
    assert remembered.with_pool("p50").known_pools == (*(f"p{n}" for n in range(20, 120) if n != 50), "p50")


def test_a_key_beats_the_file_but_not_an_option() -> None:
    text = "pool_name = 'work'\n[ui]\nsort = 'name'\nview = 'cards'\n"
    settings = load_text(text, Path("/c"), {"POOLWATCH_UI__MASK": "false"}, {"ui.theme": "mono"})
    assert isinstance(settings, Settings)
    ui = ui_of(settings, FULL)
    assert (ui.view, ui.sort, ui.used, ui.glyphs) == ("hive", "5h", "left", "ascii")
    assert (ui.mask, ui.theme) == (False, "mono")
    assert ui_of(settings, Remembered()) == settings.ui
    assert ui_of(replace(settings, pool_name="other"), FULL).view == "cards"


def test_every_setting_is_shown_with_its_origin() -> None:
    text = """\
pool_name = "work"
[poll]
interval_seconds = 400
[keys]
refresh = "r"
[[sources]]
kind = "codex-lb"
url = "http://127.0.0.1:2455"
api_key_env = "LB_KEY"
[[sources]]
kind = "auth-files"
path = "/pool"
[[accounts]]
match = "a@example.com"
group = "east"
"""
    settings = load_text(
        text, Path("/c.toml"), {"POOLWATCH_UI__MASK": "1", "HOME": "/h"}, {"ui.view": "hive"}
    )
    assert isinstance(settings, Settings)
    rows = {row.key: (row.value, row.origin) for row in shown_settings(settings)}
    assert len(rows) == 31 + 1 + 8 + 6 + 2
    assert rows["pool_name"] == ("work", "/c.toml:1")
    assert rows["credits_per_usd"] == ("not set (25)", "default")
    assert rows["poll.interval_seconds"] == ("400", "/c.toml:3")
    assert rows["poll.stale_after_seconds"] == ("not set (1200)", "default")
    assert rows["ui.mask"] == ("true", "POOLWATCH_UI__MASK")
    assert rows["ui.view"] == ("hive", "--view")
    assert rows["ui.theme"] == ("not set", "default")
    assert rows["keys.refresh"] == ("r", "/c.toml:5")
    assert rows["sources[0].name"] == ("codex-lb", "default")
    assert rows["sources[0].api_key_env"] == ("LB_KEY", "/c.toml:9")
    assert rows["sources[0].api_key_file"] == ("not set", "default")
    assert rows["sources[1].custody"] == ("other", "default")
    assert rows["sources[1].token_url"] == ("https://auth.openai.com/oauth/token", "default")
    assert rows["accounts[0].group"] == ("east", "/c.toml:15")
    assert "accounts[0].label" not in rows
    assert set(settings.origins) - set(rows) == {"accounts[0].label", "accounts[0].time_zone"}
