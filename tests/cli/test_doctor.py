"""`doctor` finds what is wrong and names the remedy; only errors make it fail."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.desk import PROGRAM, Desk, Json, at, config_of, rows, source_toml
from tests.support.terminal import Terminal
from tests.support.upstream import Upstream


def findings(desk: Desk, *arguments: str) -> tuple[int, list[Mapping[str, Json]]]:
    ran = desk.run("doctor", "--json", *arguments)
    assert ran.err == ""
    assert at(ran.json(), "schema") == "poolwatch.doctor/1"
    return ran.code, rows(ran.json(), "findings")


def errors(found: list[Mapping[str, Json]]) -> list[tuple[Json, Json, Json]]:
    return [(row["area"], row["finding"], row["remedy"]) for row in found if row["grade"] == "error"]


def notes(found: list[Mapping[str, Json]], area: str) -> list[tuple[str, str]]:
    return [
        (str(row["finding"]), str(row["remedy"]))
        for row in found
        if row["grade"] == "note" and row["area"] == area
    ]


@pytest.fixture
def well(desk: Desk, served: Upstream) -> Desk:
    """One login, in order."""
    shutil.copytree(served.home / "homes" / "dan", desk.home / "dan")
    config = config_of(desk.root / "own.toml", source_toml(served, "codex-home", "homes", "~/dan"))
    desk.env["POOLWATCH_CONFIG"] = str(config)
    return desk


def test_a_pool_in_order_is_exit_0(well: Desk) -> None:
    code, found = findings(well)
    assert (code, errors(found)) == (0, [])
    areas = {row["area"] for row in found}
    assert {"version", "database", "terminal", "config", "sources", "accounts"} <= areas
    text = well.run("doctor")
    assert (text.code, text.err) == (0, "")
    # what is fine is one line, and the last one before the places
    lines = text.out.partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == ["note", "ok"]
    assert lines[-1].split(maxsplit=1)[1] == ("version, database, config, daemon, network, sources, accounts")
    assert "\x1b" not in text.out


def test_a_request_that_the_settings_add_is_noted(well: Desk) -> None:
    assert not any("reconcile" in words for words, _ in notes(findings(well)[1], "network"))
    config = Path(well.env["POOLWATCH_CONFIG"])
    config.write_text(f"[usage]\nreconcile = true\n{config.read_text()}")
    code, found = findings(well)
    assert code == 0
    assert any("once a day for each account" in words for words, _ in notes(found, "network"))


def test_damaged_rows_of_the_past_are_counted(well: Desk) -> None:
    assert well.run("status").code == 0
    with closing(sqlite3.connect(well.state / "poolwatch.db")) as held:
        count = held.execute("UPDATE changes SET value = 'x'").rowcount
        held.commit()
    code, found = findings(well)
    words = f"damaged rows of history, events and forecasts: {count}; they are left out"
    assert (code, notes(found, "database")) == (0, [(words, "None")])


@pytest.mark.parametrize("plain", [{}, {"NO_COLOR": "1"}])
def test_marks_have_colours_on_a_terminal_alone(well: Desk, plain: dict[str, str]) -> None:
    with Terminal([*PROGRAM, "doctor"], well.env | plain) as terminal:
        terminal.wait_for("accounts")
        assert terminal.end() == 0
        assert (b"\x1b[32mok   \x1b[m" in terminal.raw) is not plain.get("NO_COLOR", "").isdigit()


def test_a_source_counts_what_can_be_read(well: Desk, served: Upstream) -> None:
    (well.home / "dan" / "auth.json").write_text("{ not json")
    _, found = findings(well)
    told = [(row["grade"], row["finding"]) for row in found if row["area"] == "sources"]
    assert told == [("note", "homes: 0 logins, 1 file not readable")]
    (well.home / "dan" / "auth.json").unlink()
    [(words, remedy)] = notes(findings(well)[1], "sources")
    assert words == "homes: no login found"
    assert "poolwatch sources add" in remedy


def test_an_expired_login_is_an_error_with_its_remedy(pool_desk: Desk) -> None:
    code, found = findings(pool_desk)
    assert code == 1
    [carol] = errors(found)
    assert carol[0] == "accounts"
    assert str(carol[1]).startswith("carol@example.com: login ")
    assert "poolwatch refresh" in str(carol[2])
    ran = pool_desk.run("doctor")
    assert ran.code == 1
    [line] = [number for number, line in enumerate(ran.lines) if line.startswith("error")]
    assert "do:" in ran.lines[line + 1]


def test_open_modes_are_noted_with_the_command_that_mends_them(well: Desk) -> None:
    config = Path(well.env["POOLWATCH_CONFIG"])
    config.chmod(0o666)
    well.state.mkdir(mode=0o755)
    well.state.chmod(0o755)
    (well.home / "dan" / "auth.json").chmod(0o644)
    code, found = findings(well)
    assert code == 0
    noted = dict(notes(found, "files"))
    assert noted[f"{config} is open to others (mode 0666)"] == f"chmod go-w {config}"
    assert noted["~/dan/auth.json is open to others (mode 0644)"] == "chmod go-rwx ~/dan/auth.json"
    assert noted[f"{well.state} is open to others (mode 0755)"] == f"chmod go-rwx {well.state}"


def test_a_login_file_that_cannot_be_used(well: Desk) -> None:
    (well.home / "dan" / "auth.json").write_text("{ not json")
    code, found = findings(well)
    assert code == 1
    assert any(area == "files" and "~/dan/auth.json" in str(words) for area, words, _ in errors(found))


def test_files_that_are_no_logins_are_named(desk: Desk, served: Upstream) -> None:
    folder = desk.root / "pool"
    folder.mkdir()
    shutil.copy(served.home / "homes" / "dan" / "auth.json", folder / "dan.json")
    (folder / "again.json").symlink_to(folder / "dan.json")
    config = config_of(desk.root / "own.toml", source_toml(served, "auth-files", "pool", folder))
    assert not notes(findings(desk, "--config", str(config))[1], "sources")
    for name in ("notes.json", ".hidden.json", "read.me"):
        (folder / name).write_text("{}")
    [(words, _)] = notes(findings(desk, "--config", str(config))[1], "sources")
    assert words == "pool: notes.json is not a login and is left out"
    for number in range(4):
        (folder / f"x{number}.json").write_text("[]")
    [(words, _)] = notes(findings(desk, "--config", str(config))[1], "sources")
    assert words == "pool: notes.json, x0.json, x1.json and 2 more are not logins and are left out"


def test_one_place_under_two_names_is_noted(well: Desk, served: Upstream) -> None:
    with Path(well.env["POOLWATCH_CONFIG"]).open("a") as file:
        file.write(source_toml(served, "codex-home", "twin", f"{well.home}/dan"))
    code, found = findings(well)
    assert code == 0
    told = [words for words, _ in notes(found, "sources")]
    assert told == [f"homes and twin are the same place: {well.home}/dan"]


def test_a_folder_that_is_not_there(desk: Desk, served: Upstream) -> None:
    config = config_of(desk.root / "own.toml", source_toml(served, "auth-files", "gone", desk.root / "gone"))
    code, found = findings(desk, "--config", str(config))
    assert code == 1
    [(area, words, remedy)] = errors(found)
    assert area == "sources"
    assert str(words).startswith("gone: ")
    assert str(desk.root / "gone") in str(words)
    assert remedy == f"poolwatch --config {config} sources test gone"


@pytest.mark.parametrize(("ahead", "words"), [(2, "behind"), (-2, "ahead")])
def test_a_wrong_clock(tmp_path: Path, ahead: int, words: str) -> None:
    there = datetime.now(UTC) + timedelta(hours=ahead)
    with Upstream(tmp_path / "demo", accounts=2, freeze=there.isoformat()) as upstream:
        code, found = findings(Desk(tmp_path, upstream.config))
    assert code == 1
    [(_, said, remedy)] = [row for row in errors(found) if row[0] == "clock"]
    assert str(said).endswith(words)
    assert 7100 <= int(str(said).split(" s ")[0].rsplit(" ", 1)[1]) <= 7300
    assert remedy


def test_a_broken_configuration_is_told_line_by_line(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[poll]\nintervall_seconds = 60\nconcurency = 3\n")
    code, found = findings(desk, "--config", str(config))
    assert code == 1
    told = [str(words) for area, words, _ in errors(found) if area == "config"]
    assert [line.partition(": ")[0].split(":")[:2] for line in told] == [
        [str(config), "2"],
        [str(config), "3"],
    ]


def test_nothing_to_monitor_is_an_error(desk: Desk) -> None:
    code, found = findings(desk)
    assert code == 1
    assert [(area, words) for area, words, _ in errors(found)] == [("sources", "nothing to monitor")]


def test_a_state_directory_that_cannot_be_written(well: Desk) -> None:
    well.state.write_text("a file")
    code, found = findings(well)
    assert code == 1
    assert any(area == "files" and str(well.state) in str(words) for area, words, _ in errors(found))


def test_no_secret_is_in_it(pool_desk: Desk, served: Upstream) -> None:
    ran = pool_desk.run("doctor")
    for file in served.home.glob("pool/*.json"):
        for word in file.read_text().split('"'):
            if len(word) > 60:
                assert word not in ran.out


def test_a_remedy_of_ours_names_the_configuration_that_was_named(desk: Desk, served: Upstream) -> None:
    link = desk.root / "named.toml"
    link.symlink_to(served.config)
    ran = desk.run("doctor", "--config", "named.toml")
    [remedy] = [line for line in ran.lines if " refresh " in line]
    command = remedy.partition("Renew it:")[2].split()
    assert command[:4] == ["poolwatch", "--config", str(link), "refresh"]
    # it is understood as it stands, from wherever it is pasted
    spends_nothing = {"POOLWATCH_READ_ONLY": "true"}
    refused = desk.run(*command[1:], env=spends_nothing).err
    assert refused.startswith("poolwatch: nothing was done: “refresh” changes something")


def test_a_login_in_the_keyring_is_said_to_be_there(desk: Desk) -> None:
    home = desk.home / ".codex"
    home.mkdir()
    (home / "config.toml").write_text('cli_auth_credentials_store = "keyring"\n')
    code, found = findings(desk)
    assert code == 0
    [(words, remedy)] = notes(found, "accounts")
    assert words == ".codex: in the keyring"
    assert "Codex keeps its login in the keyring" in remedy
    assert "in the keyring" in desk.run("status").out


def test_a_codex_home_that_is_gone_is_named(desk: Desk) -> None:
    desk.env["CODEX_HOME"] = str(desk.home / "gone")
    words = f"CODEX_HOME names {desk.home}/gone, which does not exist"
    code, found = findings(desk)
    assert code == 1
    assert [error[1] for error in errors(found)] == [f"nothing to monitor: {words}"]
    ran = desk.run("status")
    assert (ran.code, words in ran.err) == (3, True)
    config = desk.root / "own.toml"
    config.write_text('[[sources]]\nkind = "codex-home"\n')
    seen = desk.run("status", "--config", str(config))
    assert (seen.code, "CODEX_HOME is ~/gone: no such folder" in seen.err) == (1, True)


def test_an_agent_identity_is_listed_and_nobody_is_told_to_sign_in(desk: Desk) -> None:
    home = desk.home / ".codex"
    home.mkdir()
    agent = {"workspace_id": "w", "agent_private_key": "MC4CAQAwBQYDK2VwBCIEIAAA", "email": "z@example.com"}
    document = {"auth_mode": "agentIdentity", "agent_identity": agent}
    (home / "auth.json").write_text(json.dumps(document))
    (home / "auth.json").chmod(0o600)
    code, found = findings(desk)
    assert code == 0
    [account] = [row for row in found if row["area"] == "accounts"]
    assert (account["grade"], account["finding"]) == ("ok", "z@example.com: no usage figures")
    assert "MC4CAQ" not in str(found)


def test_another_encoding_is_said(well: Desk) -> None:
    file = well.home / "dan" / "auth.json"
    file.write_bytes(file.read_text().encode("utf-16"))
    _, found = findings(well)
    assert ("files", "~/dan/auth.json is written in UTF-16: save it as UTF-8", None) in errors(found)


@pytest.mark.parametrize(
    ("mount", "code", "grade", "words"),
    [
        ("- ext4 /dev/root rw", 0, None, ""),
        ("- nfs4 server:/pool rw", 1, "error", "is on a shared file system (nfs4)"),
        ("- newfs x rw", 0, "note", "of a kind that poolwatch does not know (newfs)"),
        (None, 0, "note", "on a file system that no mount lists"),
    ],
)
def test_the_file_system_of_own_logins(
    desk: Desk, served: Upstream, mount: str | None, code: int, grade: str | None, words: str
) -> None:
    shutil.copytree(served.home / "homes" / "dan", desk.home / "dan")
    table = source_toml(served, "auth-files", "own", "~/dan", "poolwatch")
    desk.env["POOLWATCH_CONFIG"] = str(config_of(desk.root / "own.toml", table))
    mounts = desk.root / "mounts"
    mounts.write_text("" if mount is None else f"22 1 8:1 / / rw {mount}\n")
    ran = desk.run("doctor", "--json", env={"POOLWATCH_TEST_MOUNTS": str(mounts)})
    found = [row for row in rows(ran.json(), "findings") if "file system" in str(row["finding"])]
    assert ran.code == code
    assert {row["grade"] for row in found} == ({grade} if grade else set())
    assert all(words in str(row["finding"]) for row in found)
    if grade is not None:
        places = " ".join(str(row["finding"]) for row in found)
        assert str(desk.home / "dan") in places
        assert str(desk.state) in places
