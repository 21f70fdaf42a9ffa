"""`sources`: what is monitored, what else lies around, adding a place after trying it."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import stat
import tomllib
from pathlib import Path

import pytest

from tests.cli.desk import Desk, config_of, source_toml
from tests.support.codex_proxy_server import CodexProxyServer, ProxyAccountState
from tests.support.upstream import Upstream


def codex_home(served: Upstream, home: Path, label: str = "bob") -> Path:
    """A copy of a login of the pool, as the Codex CLI keeps it."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(served.home / "homes" / label / "auth.json", home / "auth.json")
    return home


def test_configured_sources_are_listed(pool_desk: Desk) -> None:
    listed = pool_desk.run("sources", "list")
    assert (listed.code, listed.err) == (0, "")
    names = [line.split()[:2] for line in listed.lines[:3]]
    assert names == [["codex-homes", "codex-home"], ["pool", "auth-files"], ["cliproxy", "auth-files"]]
    assert pool_desk.run("sources").out == listed.out


def test_the_codex_home_is_found_and_read_only(desk: Desk, served: Upstream) -> None:
    codex_home(served, desk.home / ".codex")
    ran = desk.run("sources")
    assert ran.code == 0
    assert "found, not configured" in ran.lines[0]
    assert "codex-home" in ran.lines[0]


def test_other_logins_are_offered_with_their_command(desk: Desk, served: Upstream) -> None:
    shutil.copytree(served.home / "cliproxy", desk.home / ".cli-proxy-api")
    ran = desk.run("sources")
    assert ran.code == 0
    [offer] = [line for line in ran.lines if "cli-proxy-api" in line]
    command = shlex.split(offer.partition("add it with: poolwatch ")[2])
    assert command[:3] == ["sources", "add", "auth-files"]
    added = desk.run(*command)
    assert added.code == 0, added.err
    assert "1 login" in added.out
    after = desk.run("sources")
    assert (after.code, after.lines[1:]) == (0, [])


def test_add_keeps_every_byte_that_was_there(desk: Desk, served: Upstream, tmp_path: Path) -> None:
    before = (
        b"# mine\r\n\r\n"
        b'pool_name = "work"   # the name\r\n'
        b"  [poll]\r\n\tinterval_seconds = 60 # slow\r\n"
        b"[[sources]] # first\r\n"
        b'kind = "auth-files"\r\nname = "first"\r\npath = "~/nothing"\r\n# the end'
    )
    config = tmp_path / "own.toml"
    config.write_bytes(before)
    config.chmod(0o640)
    home = codex_home(served, tmp_path / "c home")
    ran = desk.run("sources", "add", "codex-home", str(home), "--config", str(config))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"codex-home: 1 login; written to {config}\n"
    after = config.read_bytes()
    assert after.startswith(before)
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    sources = tomllib.loads(after.decode())["sources"]
    assert sources[1:] == [{"kind": "codex-home", "path": str(home)}]
    other = codex_home(served, tmp_path / "d home")
    again = desk.run("sources", "add", "codex-home", str(other), "--config", str(config))
    assert (again.code, again.out.split(":")[0]) == (0, "codex-home-2")


def test_add_makes_a_private_file(desk: Desk, served: Upstream) -> None:
    ran = desk.run(
        "sources", "add", "auth-files", str(served.home / "pool"), "--name", "mine", "--custody", "poolwatch"
    )
    assert ran.code == 0, ran.err
    assert stat.S_IMODE(desk.usual_config.stat().st_mode) == 0o600
    [source] = tomllib.loads(desk.usual_config.read_text())["sources"]
    assert source == {
        "kind": "auth-files",
        "name": "mine",
        "path": str(served.home / "pool"),
        "custody": "poolwatch",
    }
    taken = desk.run("sources", "add", "auth-files", str(served.home / "cliproxy"), "--name", "mine")
    assert (taken.code, taken.out) == (2, "")
    assert "nothing was written" in taken.err


def test_a_place_without_a_login_is_not_written(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "not there"):
        for kind in ("codex-home", "auth-files"):
            ran = desk.run("sources", "add", kind, str(place))
            assert (ran.code, ran.out) == (1, "")
            assert "nothing was written" in ran.err
    assert not desk.usual_config.exists()


def test_nothing_monitored_says_where_it_looked_and_how_a_place_is_added(desk: Desk) -> None:
    first, *looked = desk.run("sources").lines
    assert first == "nothing is monitored; a place is added with: poolwatch sources add KIND URL|PATH"
    assert looked == [
        "looked for ~/.codex/auth.json: not there",
        "looked for $CODEX_HOME: not set",
        "looked for ~/.cli-proxy-api/codex-*.json: not there",
        "looked for ~/.codex/accounts/*.auth.json: not there",
    ]


def test_the_folder_of_many_homes_is_answered_with_the_command_for_them(desk: Desk, served: Upstream) -> None:
    codex_home(served, desk.home / "my homes" / "bob")
    for kind in ("codex-home", "auth-files"):
        refused = desk.run("sources", "add", kind, "~/my homes/")
        assert (refused.code, refused.out) == (1, "")
        [command] = re.findall(r"for the Codex homes in it: poolwatch (.*); nothing was written", refused.err)
    assert desk.run(*shlex.split(command)).out.startswith("codex-home: 1 login; written")


def test_commands_to_paste_name_the_configuration_that_was_named(desk: Desk) -> None:
    config = config_of(desk.root / "my own.toml", "")
    named = f"poolwatch --config '{config}'"
    accounts = desk.home / ".codex" / "accounts"
    accounts.mkdir(parents=True)
    (accounts / "a.auth.json").write_text("{}")
    on = ("--config", str(config))
    found = desk.run("sources", *on).out
    assert f"a place is added with: {named} sources add KIND" in found
    assert f"add it with: {named} sources add auth-files" in found
    assert f"add one with: {named} sources add KIND" in desk.run("status", *on).err
    address = desk.run("sources", "add", "codex-home", "http://127.0.0.1:2455", *on).err
    assert f"is added with: {named} sources add codex-lb http://127.0.0.1:2455" in address
    assert f"do: {named} sources add KIND" in desk.run("doctor", *on).out
    config.write_text("nonsense = 1\n")
    assert f"do: fix that line; {named} config check says when" in desk.run("doctor", *on).out
    assert str(config.parent) not in desk.run("doctor", "--mask", *on).out


def test_a_pool_without_its_key_is_answered_with_the_option_for_it(desk: Desk) -> None:
    ran = desk.run("sources", "add", "cli-proxy-api", "http://127.0.0.1:9")
    assert (ran.code, ran.out) == (1, "")
    assert "--api-key-file" in ran.err


def test_a_file_that_cannot_be_read_is_not_counted_as_a_login(desk: Desk, served: Upstream) -> None:
    codex_home(served, desk.home / "homes" / "bob")
    broken = desk.home / "homes" / "broken"
    broken.mkdir()
    (broken / "auth.json").write_text("{ no json")
    refused = desk.run("sources", "add", "codex-home", "~/homes/broken")
    assert (refused.code, refused.out) == (1, "")
    assert "~/homes/broken/auth.json " in refused.err
    assert "nothing was written" in refused.err
    added = desk.run("sources", "add", "codex-home", "~/homes/*")
    assert added.out.startswith("codex-home: 1 login, 1 file not readable; written to ")


def test_an_address_for_a_path_is_answered_with_the_command_for_pools(desk: Desk) -> None:
    for kind in ("codex-home", "auth-files"):
        ran = desk.run("sources", "add", kind, "http://me:secret@127.0.0.1:9999")
        assert (ran.code, ran.out) == (2, "")
        assert "poolwatch sources add KIND http://127.0.0.1:9999 (KIND: codex-proxy, codex-lb" in ran.err
        assert "secret" not in ran.err
    assert not desk.usual_config.exists()


def test_a_relative_place_is_written_whole(desk: Desk, served: Upstream) -> None:
    codex_home(served, desk.root / "here")
    assert desk.run("sources", "add", "codex-home", "here").code == 0
    [source] = tomllib.loads(desk.usual_config.read_text())["sources"]
    assert source["path"] == str(desk.root / "here")


def test_an_invalid_file_is_not_added_to(desk: Desk, served: Upstream, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text("pool_name = 3 = 4\n")
    ran = desk.run(
        "sources", "add", "codex-home", str(codex_home(served, tmp_path / "c")), "--config", str(config)
    )
    assert (ran.code, ran.out) == (3, "")
    assert config.read_text() == "pool_name = 3 = 4\n"


def test_a_source_is_tried(pool_desk: Desk, served: Upstream, tmp_path: Path) -> None:
    ran = pool_desk.run("sources", "test", "codex-homes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "codex-homes: 4 logins; usage answers\n"
    near = pool_desk.run("sources", "test", "codex-home")
    assert near.code == 2
    assert "did you mean codex-homes?" in near.err
    nowhere = config_of(tmp_path / "own.toml", source_toml(served, "auth-files", "gone", tmp_path / "gone"))
    gone = pool_desk.run("sources", "test", "gone", "--config", str(nowhere))
    assert (gone.code, gone.out) == (1, "")
    assert "gone" in gone.err


def test_an_upstream_that_does_not_answer_is_told(desk: Desk, served: Upstream, tmp_path: Path) -> None:
    config = config_of(
        tmp_path / "own.toml",
        f'[[sources]]\nkind = "codex-home"\nname = "h"\npath = "{served.home}/homes/dan"\n'
        'base_url = "http://127.0.0.1:9/backend-api"\n',
    )
    ran = desk.run("sources", "test", "h", "--config", str(config))
    assert (ran.code, ran.out) == (1, "")
    assert "unreachable" in ran.err or "refused" in ran.err


def test_a_folder_that_is_monitored_is_not_offered_again(desk: Desk, served: Upstream) -> None:
    shutil.copytree(served.home / "cliproxy", desk.home / ".cli-proxy-api")
    assert desk.run("sources", "add", "auth-files", "~/.cli-proxy-api").code == 0
    assert "add it with" not in desk.run("sources").out


def test_an_unknown_kind_is_answered_with_those_there_are(desk: Desk) -> None:
    ran = desk.run("sources", "add", "foo", "x")
    assert ran.code == 2
    assert "auth-files" in ran.err
    assert "codex-home" in ran.err
    assert "did you mean codex-home" in desk.run("sources", "add", "codex-hom", "x").err


def test_a_pool_is_added_once_under_whatever_address(desk: Desk, tmp_path: Path) -> None:
    text = '[[sources]]\nkind = "codex-proxy"\nname = "north"\nurl = "http://127.0.0.1:9"\n'
    config = config_of(tmp_path / "own.toml", text)
    before = config.read_bytes()
    again = desk.run("sources", "add", "codex-proxy", "http://localhost:9/", "--config", str(config))
    assert (again.code, again.out) == (2, "")
    assert "is monitored already, as north; nothing was written" in again.err
    assert config.read_bytes() == before


@pytest.mark.parametrize("named_by", ["variable", "option"])
def test_add_makes_the_file_that_is_named(
    desk: Desk, served: Upstream, tmp_path: Path, named_by: str
) -> None:
    config = tmp_path / "new" / "own.toml"
    place = str(codex_home(served, tmp_path / "c"))
    if named_by == "variable":
        desk.env["POOLWATCH_CONFIG"] = str(config)
        ran = desk.run("sources", "add", "codex-home", place)
    else:
        ran = desk.run("sources", "add", "codex-home", place, "--config", str(config))
    assert (ran.code, ran.err) == (0, "")
    assert tomllib.loads(config.read_text())["sources"] == [{"kind": "codex-home", "path": place}]
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    # what cannot be tried leaves no file behind
    other = tmp_path / "other.toml"
    failed = desk.run("sources", "add", "codex-home", "/nowhere", "--config", str(other))
    assert failed.code == 1
    assert not other.exists()
    # and all other commands still say that it is not there
    assert desk.run("sources", "list", "--config", str(other)).code == 3


async def test_a_pool_that_fails_is_not_asked_account_by_account(desk: Desk, tmp_path: Path) -> None:
    mails = [f"{number}@example.com" for number in range(9)]
    accounts = [ProxyAccountState(f"a{mail[0]}", mail, f"acc-{mail[0]}", f"u{mail[0]}") for mail in mails]
    async with CodexProxyServer(*accounts) as server:
        text = f'[[sources]]\nkind = "codex-proxy"\nname = "north"\nurl = "{server.url}"\n'
        config = config_of(tmp_path / "own.toml", text)
        ran = await asyncio.to_thread(desk.run, "sources", "test", "north", "--config", str(config))
        asked = [request.path for request in server.requests if request.path.endswith("/quota")]
    assert len(asked) == 5
    assert ran.code == 1
    assert "4@example.com: codex-proxy cannot read this account's figures" in ran.err
    assert "(5 of 9 asked)" in ran.err


def test_a_place_is_added_once_however_it_is_written(desk: Desk, served: Upstream) -> None:
    codex_home(served, desk.home / "homes" / "bob")
    assert desk.run("sources", "add", "codex-home", "~/homes/*").code == 0
    written = desk.usual_config.read_bytes()
    for place in ("~/homes/*", f"{desk.home}/homes/*", f"{desk.home}/homes//*"):
        again = desk.run("sources", "add", "codex-home", place, "--name", "twin")
        assert (again.code, again.out) == (2, "")
        assert "is monitored already, as codex-home; nothing was written" in again.err
    assert desk.usual_config.read_bytes() == written
    missing = desk.run("sources", "add", "auth-files", "/nowhere/at/all")
    assert missing.err.count("/nowhere/at/all") == 1


def test_the_list_stands_in_columns(desk: Desk) -> None:
    config = desk.root / "two.toml"
    kinds = (("codex-home", "homes"), ("auth-files", "a-long-name"))
    entries = (f'[[sources]]\nkind = "{kind}"\nname = "{name}"\npath = "/x"\n' for kind, name in kinds)
    config.write_text("".join(entries))
    listed = desk.run("sources", "list", "--config", str(config)).lines
    assert listed[0].startswith("homes        codex-home  /x")
    assert listed[1].startswith("a-long-name  auth-files  /x")
    assert listed[0].index("/x") == listed[1].index("/x")
