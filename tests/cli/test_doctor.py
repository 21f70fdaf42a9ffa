"""`doctor` finds what is wrong and names the remedy; only errors make it fail."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.desk import Desk, Json, at, config_of, rows, source_toml
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
    assert len([line for line in text.lines if not line.startswith(" ")]) == len(found)


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
    assert words == "pool: notes.json is no login and is left out"
    for number in range(4):
        (folder / f"x{number}.json").write_text("[]")
    [(words, _)] = notes(findings(desk, "--config", str(config))[1], "sources")
    assert words == "pool: notes.json, x0.json, x1.json and 2 more are no logins and are left out"


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
    assert remedy == "poolwatch sources test gone"


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
    command = remedy.partition("from a shell:")[2].split()
    assert command[:4] == ["poolwatch", "--config", str(link), "refresh"]
    # it is understood as it stands, from wherever it is pasted
    assert desk.run(*command[1:]).out.startswith("carol@example.com: ")
