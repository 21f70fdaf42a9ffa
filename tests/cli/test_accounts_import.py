"""`accounts import`: logins come into poolwatch's own folder, and who else holds them is said."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pexpect
import pytest

from poolwatch.domain.account import AccountKey
from tests.cli.desk import PROGRAM, Desk, at, config_of, rows, source_toml
from tests.support.upstream import Upstream


def identity(served: Upstream, label: str) -> str:
    """The public id of an account of the pool."""
    seen = served.account(label)
    return AccountKey("codex", seen.user_id, seen.account_id).id


def own_folder(desk: Desk) -> Path:
    return desk.home / ".local" / "share" / "poolwatch" / "logins"


def export(served: Upstream, label: str, path: Path) -> Path:
    """A copy of one of the pool's login files, as somebody exported it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(served.account(label).files[0], path)
    return path


def secrets(*files: Path) -> set[str]:
    """Every token in these files."""
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if isinstance(inner, str) and "token" in name.lower():
                    found.add(inner)
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for file in files:
        walk(json.loads(file.read_bytes()))
    return found


def test_a_login_comes_in_and_is_monitored_from_then_on(desk: Desk, served: Upstream) -> None:
    source = export(served, "frank", desk.root / "codex-frank.json")
    before = source.read_bytes()
    ran = desk.run("accounts", "import", "--yes", str(source))
    own = own_folder(desk) / f"{identity(served, 'frank')}.json"
    assert ran.code == 0, ran.err
    [line] = ran.lines
    assert line.startswith("imported  frank@example.com")
    assert str(own) in line
    assert f"{source} is now a second holder of the same login" in ran.err
    # one that runs sees it at once
    assert "already running" not in ran.err
    assert "whoever refreshes first ends the other" in ran.err
    assert f"poolwatch accounts remove {identity(served, 'frank')}" in ran.err
    assert source.read_bytes() == before
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (own, own.parent)]
    assert modes == [0o600, 0o700]
    listed = desk.run("accounts", "list")
    assert listed.code == 0
    assert "custody poolwatch" in listed.lines[0]
    assert "poolwatch, kept by poolwatch" in listed.lines[1]
    sources = desk.run("sources", "list")
    assert sources.lines == [f"poolwatch  auth-files  {own.parent}  imported logins, poolwatch's own folder"]


def test_the_imported_login_is_refreshed_and_its_source_is_not_written(desk: Desk, served: Upstream) -> None:
    source = export(served, "alice", desk.root / "auth.json")
    before = source.read_bytes()
    assert desk.run("accounts", "import", "--yes", str(source)).code == 0
    config = config_of(
        desk.root / "own.toml", source_toml(served, "auth-files", "own", own_folder(desk), "poolwatch")
    )
    listed = desk.run("sources", "list", "--config", str(config))
    assert listed.lines == [f"own  auth-files  {own_folder(desk)}  configured"], "it is not listed twice"
    posts = served.account("alice").token_posts
    for _ in range(2):
        ran = desk.run("refresh", "alice@example.com", "--config", str(config))
        assert ran.code == 0, ran.out + ran.err
    assert served.account("alice").token_posts == posts + 2
    assert source.read_bytes() == before
    served.renew("alice")


def test_doctor_says_when_the_own_folder_is_open_to_others(desk: Desk, served: Upstream) -> None:
    desk.run("accounts", "import", "--yes", str(export(served, "frank", desk.root / "f.json")))
    config = config_of(
        desk.root / "own.toml", source_toml(served, "auth-files", "own", own_folder(desk), "poolwatch")
    )
    assert "chmod" not in desk.run("doctor", "--config", str(config)).out
    own_folder(desk).chmod(0o755)
    assert f"chmod go-rwx {own_folder(desk)}" in desk.run("doctor", "--config", str(config)).out


def test_a_source_of_that_name_leaves_the_own_folder_another(desk: Desk, served: Upstream) -> None:
    desk.run("accounts", "import", "--yes", str(export(served, "frank", desk.root / "f.json")))
    config = config_of(
        desk.root / "own.toml", source_toml(served, "codex-home", "poolwatch", served.home / "homes" / "dan")
    )
    listed = desk.run("sources", "list", "--config", str(config))
    assert [line.split()[0] for line in listed.lines] == ["poolwatch", "poolwatch-2"]


@pytest.mark.parametrize("place", ["{}", "{}/*.json", "{}/../logins"])
def test_a_configured_own_folder_is_no_second_source(desk: Desk, served: Upstream, place: str) -> None:
    desk.run("accounts", "import", "--yes", str(export(served, "frank", desk.root / "f.json")))
    path = place.format(own_folder(desk))
    config = config_of(desk.root / "own.toml", source_toml(served, "auth-files", "mine", path, "poolwatch"))
    listed = desk.run("sources", "list", "--config", str(config))
    assert [line.split()[0] for line in listed.lines] == ["mine"]


def test_a_duplicate_is_refused_and_the_rest_comes_in(desk: Desk, served: Upstream) -> None:
    first = export(served, "frank", desk.root / "a.json")
    assert desk.run("accounts", "import", "--yes", str(first)).code == 0
    many = desk.root / "many.json"
    dan = json.loads(served.account("dan").files[0].read_bytes())
    many.write_text(
        json.dumps([json.loads(first.read_bytes()), dan, {"type": "gemini", "refresh_token": "x"}])
    )
    ran = desk.run("accounts", "import", "--yes", str(many))
    assert ran.code == 1
    kinds = [line.split()[0] for line in ran.lines]
    assert kinds == ["refused", "imported", "refused"]
    assert "its account is already kept in" in ran.lines[0]
    assert "gemini" in ran.lines[2]
    assert len(list(own_folder(desk).glob("*.json"))) == 2


def test_a_file_that_holds_nothing_is_said(desk: Desk, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text('{"OPENAI_API_KEY": "sk-CANARY"}')
    bad = tmp_path / "bad.json"
    bad.write_text('{"tokens"')
    ran = desk.run(
        "accounts", "import", "--yes", str(key), str(bad), str(tmp_path / "gone.json"), str(tmp_path)
    )
    assert ran.code == 1
    assert len(ran.lines) == 4
    assert all(line.startswith("refused") for line in ran.lines)
    assert "CANARY" not in ran.out + ran.err
    assert desk.run("accounts", "import").code == 2
    assert desk.run("accounts", "import", str(key), "--keep", "both").code == 2


def test_without_a_terminal_nobody_can_be_asked(desk: Desk, served: Upstream) -> None:
    source = export(served, "frank", desk.root / "f.json")
    ran = desk.run("accounts", "import", str(source))
    assert (ran.code, ran.out) == (2, "")
    assert "--yes" in ran.err
    assert not own_folder(desk).exists()


def test_keep_imported_sets_the_source_aside_and_deletes_nothing(desk: Desk, served: Upstream) -> None:
    source = export(served, "frank", desk.root / "exports" / "codex-frank.json")
    before = source.read_bytes()
    ran = desk.run("accounts", "import", str(source), "--keep", "imported", "--yes")
    assert ran.code == 0, ran.err
    [aside] = list(source.parent.iterdir())
    assert aside.name.startswith("codex-frank.json.poolwatch-aside-")
    assert aside.read_bytes() == before
    assert str(aside) in ran.out
    # it was decided at once that there is one
    assert "second holder" not in ran.err


def test_keep_imported_leaves_a_file_whose_logins_did_not_all_come_in(desk: Desk, served: Upstream) -> None:
    frank = json.loads(served.account("frank").files[0].read_bytes())
    source = desk.root / "many.json"
    source.write_text(json.dumps([frank, {"refreshToken": "only", "label": "lost"}]))
    ran = desk.run("accounts", "import", str(source), "--keep", "imported")
    assert ran.code == 1
    assert source.exists()
    assert "left where it is" in ran.err
    assert "second holder" in ran.err


def test_what_has_no_name_is_told_with_its_file(desk: Desk) -> None:
    empty = desk.root / "empty.json"
    empty.write_text("{}")
    ran = desk.run("accounts", "import", str(empty), "--yes")
    assert (ran.code, ran.lines) == (1, [f"refused   {empty} #1: holds no login that poolwatch knows"])


def test_keep_imported_never_renames_a_file_of_codex(desk: Desk, served: Upstream) -> None:
    source = export(served, "dan", desk.home / ".codex" / "auth.json")
    ran = desk.run("accounts", "import", "~/.codex/auth.json", "--keep", "imported")
    assert ran.code == 1
    assert source.exists()
    assert "kept by Codex" in ran.err
    command = shlex.split(ran.err.partition("then: ")[2])
    assert subprocess.run(command).returncode == 0
    assert not source.exists()
    [aside] = [path for path in source.parent.iterdir() if "poolwatch-aside" in path.name]
    assert aside.is_file()


def test_keep_imported_sees_through_links_whose_file_it_is(desk: Desk, served: Upstream) -> None:
    real = export(served, "frank", desk.home / ".cli-proxy-api" / "codex-frank.json")
    link = desk.root / "link.json"
    link.symlink_to(real)
    ran = desk.run("accounts", "import", str(link), "--keep", "imported")
    assert ran.code == 1
    assert real.exists()
    assert link.is_symlink()


def test_keep_source_sets_the_imported_one_aside(desk: Desk, served: Upstream) -> None:
    source = export(served, "frank", desk.root / "codex-frank.json")
    ran = desk.run("accounts", "import", str(source), "--keep", "source")
    assert ran.code == 0, ran.err
    assert source.exists()
    [aside] = [path for path in own_folder(desk).iterdir() if not path.name.startswith(".")]
    assert "poolwatch-aside" in aside.name
    assert secrets(aside) <= secrets(source)
    listed = desk.run("accounts", "list")
    assert (listed.code, listed.out) == (0, ""), "nothing of it is monitored"


@pytest.mark.parametrize(("answer", "is_there"), [("i", False), ("", True), ("nonsense", True)])
def test_a_person_at_a_terminal_is_asked(desk: Desk, served: Upstream, answer: str, is_there: bool) -> None:
    source = export(served, "frank", desk.root / "codex-frank.json")
    command = pexpect.spawn(
        PROGRAM[0],
        [*PROGRAM[1:], "accounts", "import", str(source)],
        env=desk.env,
        timeout=30,
        encoding="utf-8",
        dimensions=(24, 400),
    )
    command.expect_exact("Which one stays in use?")
    command.sendline(answer)
    command.expect(pexpect.EOF)
    command.close()
    assert command.exitstatus == 0
    assert source.exists() is is_there
    assert list(own_folder(desk).glob("*.json"))


@pytest.mark.parametrize("words", [("accounts", "--mask", "import"), ("accounts", "import", "--mask")])
def test_masked_words_hold_no_address_and_no_folder(
    desk: Desk, served: Upstream, words: tuple[str, ...]
) -> None:
    source = export(served, "frank", desk.root / "codex-frank@example.com.json")
    ran = desk.run(*words, "--yes", str(source))
    assert ran.code == 0
    assert "imported" in ran.out
    told = ran.out + ran.err.partition("To keep poolwatch's")[0]
    assert "@" not in told
    assert str(desk.root) not in told
    for name, *more in (("resolve", "--keep", str(source)), ("remove",)):
        ended = desk.run("accounts", name, "--mask", "frank@example.com", *more)
        assert "account-" in ended.out + ended.err
        assert "@" not in ended.out + ended.err
        assert str(desk.root) not in ended.out + ended.err


def run_all(desk: Desk, commands: Sequence[Sequence[str]]) -> str:
    ended = [desk.run(*command) for command in commands]
    return "".join(ran.out + ran.err for ran in ended)


def test_no_token_is_in_any_output_or_in_the_state(desk: Desk, served: Upstream) -> None:
    codex = export(served, "dan", desk.home / ".codex" / "auth.json")
    sources = [export(served, label, desk.root / f"{label}.json") for label in ("frank", "alice")]
    planted = secrets(codex, *sources)
    assert len(planted) >= 9
    said = run_all(
        desk,
        [
            ["accounts", "import", "--yes", str(codex), *map(str, sources)],
            ["accounts", "import", str(codex), *map(str, sources), "--keep", "imported"],
            ["accounts", "list"],
            ["accounts", "resolve", "dan@example.com", "--keep", "/nowhere"],
            ["accounts", "resolve", "dan@example.com", "--keep", str(codex)],
            ["accounts", "remove", "frank@example.com"],
            ["sources", "list"],
        ],
    )
    assert "imported" in said
    state = b"".join(path.read_bytes() for path in desk.state.rglob("*") if path.is_file())
    for token in planted:
        assert token not in said
        assert token.encode() not in state
    config = desk.home / ".config"
    assert not config.exists()
    leaked = [
        name
        for folder, _, names in os.walk(desk.home)
        for name in names
        if name.startswith(".") and name != ".lock"
    ]
    assert leaked == [], "no half-written file is left"


def test_the_json_says_who_holds_it(desk: Desk, served: Upstream) -> None:
    desk.run("accounts", "import", "--yes", str(export(served, "frank", desk.root / "f.json")))
    config = config_of(
        desk.root / "own.toml",
        source_toml(served, "auth-files", "own", own_folder(desk), "poolwatch"),
        source_toml(served, "auth-files", "cliproxy", served.home / "cliproxy"),
    )
    ran = desk.run("status", "frank", "--json", "--config", str(config))
    [account] = rows(ran.json(), "accounts")
    assert at(account, "custody") == "poolwatch"
    assert at(account, "sources") == ["cliproxy", "own"]
    assert at(account, "trouble", "kind") == "conflict"
    assert at(account, "section") == "needs_you"


def test_keep_imported_sets_no_file_aside_that_the_own_folder_links_to(desk: Desk, served: Upstream) -> None:
    source = export(served, "frank", desk.root / "codex-frank.json")
    own_folder(desk).mkdir(mode=0o700, parents=True)
    link = own_folder(desk) / "frank.json"
    link.symlink_to(source)
    ran = desk.run("accounts", "import", str(source), "--keep", "imported", "--yes")
    assert ran.code == 1
    assert "they are one file" in ran.err
    assert link.exists()


def test_a_file_that_is_not_there_is_said_before_anything_is_asked(desk: Desk) -> None:
    ran = desk.run("accounts", "import", str(desk.root / "nope.json"))
    assert ran.code == 1
    assert "nope.json is not there" in ran.out
