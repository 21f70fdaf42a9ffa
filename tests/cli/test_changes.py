"""`config set`, `sources set` and `sources remove`: what is written, what is refused, what stays."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from poolwatch.config.changes import Change, Draft, Refused, change_settings
from poolwatch.config.settings import Settings
from tests.cli.desk import Desk

BEFORE = """\
# mine
pool_name = "work"   # the name

[[sources]]
kind = "codex-lb"
url = "http://127.0.0.1:9"  # here
api_key_env = "LB"

# the homes
[[sources]]
kind = "codex-home"
name = "homes"
path = "~/homes/*"
"""


@pytest.fixture
def config(desk: Desk) -> Path:
    """A configuration of this person's own, open to the group."""
    path = desk.usual_config
    path.parent.mkdir(parents=True)
    path.write_text(BEFORE)
    path.chmod(0o640)
    return path


def test_settings_are_written_where_they_stand(desk: Desk, config: Path) -> None:
    ran = desk.run("config", "set", "pool_name=night shift", "poll.interval_seconds=90", "ui.mouse=yes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[:3] == ["pool_name = night shift", "poll.interval_seconds = 90", "ui.mouse = true"]
    assert ran.lines[3].startswith(f"written to {config}; ")
    after = config.read_text()
    assert after.startswith('# mine\npool_name = "night shift"   # the name\n\n[[sources]]\n')
    assert after.endswith("\n[poll]\ninterval_seconds = 90\n\n[ui]\nmouse = true\n")
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert [each.name for each in config.parent.iterdir()] == [config.name]
    again = desk.run("config", "set", "ui.mouse=true")
    assert (again.code, again.lines[-1]) == (0, f"{config} says so already")
    absent = desk.run("config", "set", "thresholds.red_percent=")
    assert (absent.code, absent.lines) == (
        0,
        ["thresholds.red_percent: not set", f"{config} says so already"],
    )
    out = desk.run("config", "set", "ui.mouse=", "poll.interval_seconds=")
    assert (out.code, out.lines[0]) == (0, "ui.mouse: taken out")
    assert tomllib.loads(config.read_text()) == {
        **tomllib.loads(BEFORE),
        "pool_name": "night shift",
        "poll": {},
        "ui": {},
    }


def test_the_first_setting_makes_a_private_file(desk: Desk) -> None:
    assert desk.run("config", "set", "keys.refresh=r,f5").code == 0
    assert desk.usual_config.read_text() == '[keys]\nrefresh = "r,f5"\n'
    assert stat.S_IMODE(desk.usual_config.stat().st_mode) == 0o600
    named = desk.root / "own.toml"
    assert desk.run("config", "set", "pool_name=x", "--config", str(named)).code == 0
    assert named.read_text() == 'pool_name = "x"\n'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["poll.intervall=3"], "unknown setting poll.intervall (did you mean poll.interval_seconds?)\n"
                               "there are: pool_name, credits_per_usd, "),
        (["bogus=1"], "unknown setting bogus\nthere are: "),
        (["poll.interval_seconds=3"], "poll.interval_seconds must be from 30 to 604800 seconds"),
        (["ui.view=tabel"], "must be one of auto, table, cards, hive, not \"tabel\"; did you mean table?"),
        (["ui.theme=drak"], "poolwatch: no theme is called drak; there are poolwatch-dark, "),
        (["keys.foo=x"], "there is no key called foo"),
        (["thresholds.amber_percent=95"], "must be below thresholds.red_percent (90)"),
        (["pool_name"], "each setting is given as key=value"),
        (["=x"], "each setting is given as key=value"),
        (["sources.x=1"], "sources set NAME key=value"),
        (["accounts=1"], "config edit"),
        (["pool_name=a", "ui.sort=x", "ui.used=y"], "ui.sort must be one of need,"),
        (["net.proxy_password=hush"],
         "name that file in net.proxy_password_file, or a variable in net.proxy_password_env"),
        (["net.proxy=http://me:hush@127.0.0.1:1"], "put it into a file of its own (chmod 600)"),
        (["api_key=hush"], "sources set NAME key=value"),
        (["hush"], "each setting is given as key=value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_not_written(desk: Desk, config: Path, words: list[str], said: str) -> None:
    ran = desk.run("config", "set", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "hush" not in ran.err
    assert str(config) not in ran.err
    assert "nothing was written" in ran.err
    assert config.read_text() == BEFORE


def test_what_is_stronger_than_the_file_is_told(desk: Desk) -> None:
    ran = desk.run("config", "set", "ui.view=cards", env={"POOLWATCH_UI__VIEW": "table"})
    assert (ran.code, ran.err) == (0, "poolwatch: POOLWATCH_UI__VIEW is set, and overrides the file\n")
    (desk.state / "remembered.json").write_text('{"theme": "poolwatch-light", "views": {"": "hive"}}')
    ran = desk.run("config", "set", "ui.view=table", "ui.theme=dark", "ui.sort=name")
    assert ran.code == 0
    assert ran.err.splitlines() == [
        "poolwatch: ui.view was chosen with a key in the app, which overrides the file: hive",
        "poolwatch: ui.theme was chosen with a key in the app, which overrides the file: poolwatch-light",
    ]


def test_a_file_that_is_wrong_is_left_alone(desk: Desk, config: Path) -> None:
    config.write_text("pool_name = 3\n")
    ran = desk.run("config", "set", "pool_name=x")
    assert (ran.code, ran.out) == (3, "")
    assert "config.toml:1: pool_name must be text" in ran.err
    assert config.read_text() == "pool_name = 3\n"


def test_a_file_that_changes_meanwhile_is_left_alone(config: Path) -> None:
    def somebody_else_writes(_: Settings) -> list[str]:
        config.write_text(f"{BEFORE}# more\n")
        return []

    draft = change_settings(config, {"pool_name": "x"}, {}, somebody_else_writes)
    assert isinstance(draft, Draft)
    refused = draft.written()
    assert isinstance(refused, Refused)
    assert not refused.is_typed
    assert "changed meanwhile; nothing was written" in refused.lines[0]
    assert config.read_text() == f"{BEFORE}# more\n"
    assert [each.name for each in config.parent.iterdir()] == [config.name]


def test_a_link_stays_a_link(desk: Desk, config: Path) -> None:
    real = desk.root / "real.toml"
    config.rename(real)
    config.symlink_to(real)
    assert desk.run("config", "set", "pool_name=x").code == 0
    assert config.is_symlink()
    assert tomllib.loads(real.read_text())["pool_name"] == "x"


def test_windows_line_ends_and_a_byte_order_mark_stay(config: Path) -> None:
    config.write_bytes(b"\xef\xbb\xbf" + BEFORE.replace("\n", "\r\n").encode())
    draft = change_settings(config, {"poll.concurrency": 4, "pool_name": "x"}, {}, lambda _: [])
    assert isinstance(draft, Draft)
    assert isinstance(draft.written(), Change)
    after = BEFORE.replace('"work"', '"x"') + "\n[poll]\nconcurrency = 4\n"
    assert config.read_bytes() == b"\xef\xbb\xbf" + after.replace("\n", "\r\n").encode()


def test_keys_of_a_source_are_written(desk: Desk, config: Path) -> None:
    words = ("name=north", "url=http://localhost:9/", "insecure=true", "api_key_env=", "api_key_file=~/k")
    ran = desk.run("sources", "set", "codex-lb", *words)
    assert ran.code == 0
    assert ran.lines[-1].startswith(f"written to {config}")
    assert ran.err == "poolwatch: try it: poolwatch sources test north\n"
    after = BEFORE.replace('"http://127.0.0.1:9"', '"http://localhost:9"').replace(
        'api_key_env = "LB"\n', 'name = "north"\ninsecure = true\napi_key_file = "~/k"\n'
    )
    assert sorted(config.read_text().splitlines()) == sorted(after.splitlines())
    assert tomllib.loads(config.read_text()) == tomllib.loads(after)
    # a path counts from where it was typed
    assert desk.run("sources", "set", "homes", "path=here/*").code == 0
    assert tomllib.loads(config.read_text())["sources"][1]["path"] == str(desk.root / "here" / "*")


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("codex-lb", ["urll=x"], "unknown key urll in a source of kind codex-lb (did you mean url?)\n"
                                 "there are: kind, name, url, insecure, api_key_file, "),
        ("codex-lb", ["custody=other"], "custody is not for a source of kind codex-lb, only for auth-files"),
        ("codex-lb", ["url=ftp://x"], "url must start with https:// or http://"),
        ("codex-lb", ["url=http://me:hush@h"], "must not hold a user name or password"),
        ("codex-lb", ["url="], "codex-lb has no url"),
        ("codex-lb", ["insecure=maybe"], "insecure must be true or false"),
        ("codex-lb", ["api_key_file=~/k"], "are both set; keep one"),
        ("codex-lb", ["api_key=hush"], "name that file in api_key_file, or a variable in api_key_env"),
        ("codex-lb", ["password=hush"],
         "name that file in dashboard_password_file, or a variable in dashboard_password_env"),
        ("codex-lb", ["api_key_env=hush-hush"], "never the secret itself"),
        ("homes", ["api_key=hush"], "logins are read from the files at path"),
        ("homes", ["name=codex-lb", "path=~/x"], ""),
        ("home", ["path=~/x"], "no source is called home; did you mean homes?"),
    ],
)  # fmt: skip
def test_what_is_wrong_of_a_source_is_not_written(
    desk: Desk, config: Path, name: str, words: list[str], said: str
) -> None:
    ran = desk.run("sources", "set", name, *words)
    if not said:
        # the other one has no name of its own, and yields it
        assert ran.code == 0
        return
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "hush" not in ran.err
    assert config.read_text() == BEFORE


def test_a_source_is_taken_out_and_no_login_with_it(desk: Desk, config: Path) -> None:
    home = desk.home / "homes" / "bob"
    home.mkdir(parents=True)
    (home / "auth.json").write_text('{"OPENAI_API_KEY": "sk-fake"}')
    ran = desk.run("sources", "remove", "homes")
    assert (ran.code, ran.out) == (0, f"homes: taken out of {config}\n")
    assert ran.err == f"poolwatch: its logins stay where they are: {desk.home}/homes/*\n"
    assert config.read_text() == BEFORE.partition('[[sources]]\nkind = "codex-home"')[0]
    assert (home / "auth.json").read_text() == '{"OPENAI_API_KEY": "sk-fake"}'
    last = desk.run("sources", "remove", "codex-lb")
    assert last.code == 0
    assert "the pool at http://127.0.0.1:9 was not touched" in last.err
    assert "no source is configured any more" in last.err
    assert config.read_text() == '# mine\npool_name = "work"   # the name\n\n# the homes\n'
    gone = desk.run("sources", "remove", "codex-lb")
    assert (gone.code, gone.out) == (2, "")
    assert "no source is called codex-lb" in gone.err


def test_logins_of_poolwatchs_own_stay_in_their_folder_and_are_named(desk: Desk, config: Path) -> None:
    logins = desk.home / ".local" / "share" / "poolwatch" / "logins"
    pool = desk.home / "pool"
    for folder in (logins, pool):
        folder.mkdir(parents=True)
        (folder / "ann.json").write_text('{"tokens": {"access_token": "x", "refresh_token": "y"}}')
    with config.open("a") as file:
        for folder in (logins, pool):
            file.write(f'[[sources]]\nkind = "auth-files"\nname = "{folder.name}"\npath = "{folder}"\n')
            file.write('custody = "poolwatch"\n')
    ran = desk.run("sources", "remove", "pool")
    assert ran.code == 0
    assert f"poolwatch's own logins stay where they are: {pool}; nothing renews them" in ran.err
    ran = desk.run("sources", "remove", "logins")
    assert ran.code == 0
    assert f"its logins stay in {logins}, poolwatch's own folder, which is monitored by itself" in ran.err
    assert [each.name for folder in (logins, pool) for each in folder.iterdir()] == ["ann.json"] * 2
    # it is a source by itself now, and stands in no file
    own = desk.run("sources", "remove", "poolwatch")
    assert (own.code, own.out) == (2, "")
    assert f"is poolwatch's own folder, {logins}; a login is taken out of it with: " in own.err
    assert "poolwatch accounts remove ACCOUNT" in own.err


def test_what_was_found_by_itself_is_in_no_file(desk: Desk) -> None:
    (desk.home / ".codex").mkdir()
    (desk.home / ".codex" / "auth.json").write_text('{"OPENAI_API_KEY": "sk-fake"}')
    for command in (("remove", "codex-home"), ("set", "codex-home", "name=x")):
        ran = desk.run("sources", *command)
        assert (ran.code, ran.out) == (2, "")
        assert f"poolwatch sources add codex-home {desk.home}/.codex" in ran.err


def test_masked_changes_name_no_folder(desk: Desk, config: Path) -> None:
    for words in (
        ("config", "set", "net.ca_file=~/ca.pem"),
        ("sources", "set", "homes", f"path={desk.home}/other/*"),
        ("sources", "set", "homes", "nonsense=1"),
        ("sources", "remove", "homes"),
        ("config", "set", "nonsense=1"),
    ):
        ran = desk.run("--mask", *words)
        assert str(desk.home) not in ran.out + ran.err
        assert "~/" not in ran.out + ran.err
