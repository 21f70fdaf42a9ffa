"""A login whose file changed while the answer was on its way: it is named until it is home."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.bootstrap.headless import look
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.cli.imports import import_files
from poolwatch.custody.login_lock import login_held
from poolwatch.custody.own_folder import ids_in
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.status import Section
from poolwatch.presentation.card import card_view
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.view import Prefs
from tests.cli.desk import Desk, Ran, at, config_of, rows, source_toml
from tests.cli.test_accounts_import import export, own_folder
from tests.support.upstream import Upstream

_PATIENCE_SECONDS = 30.0
#: Each byte of the answer takes so long, so that there is time to change something, or to start a command.
_DRIP_SECONDS = 0.001
_LONG_DRIP_SECONDS = 0.002


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Upstream]:
    """A pool of its own, since tokens are spent."""
    with Upstream(tmp_path / "demo") as upstream:
        yield upstream


@dataclass(frozen=True)
class Table:
    """One login of poolwatch custody, in a folder that the configuration names."""

    desk: Desk
    served: Upstream
    label: str
    file: Path

    @property
    def mail(self) -> str:
        return f"{self.label}@example.com"

    def refresh_and(self, change: Callable[[], object], drip_seconds: float = _DRIP_SECONDS) -> Ran:
        """Refresh, and do something when the token is spent and the answer on its way."""
        posts = self.served.account(self.label).token_posts
        self.served.script("*", {"drip_seconds": drip_seconds}, endpoint="token")
        with ThreadPoolExecutor(1) as beside:
            running = beside.submit(self.desk.run, "refresh", self.mail)
            ends = time.monotonic() + _PATIENCE_SECONDS
            while self.served.account(self.label).token_posts == posts and time.monotonic() < ends:
                time.sleep(0.01)
            change()
            return running.result()

    def posts(self) -> tuple[int, int]:
        """Token requests, and those that were answered with a new token."""
        account = self.served.account(self.label)
        return account.token_posts, account.refreshes


@pytest.fixture
def table(desk: Desk, served: Upstream) -> Table:
    file = export(served, "alice", desk.root / "pool" / "alice.json")
    own_folder(desk).mkdir(mode=0o700, parents=True)
    config = config_of(
        desk.root / "pool.toml",
        source_toml(served, "auth-files", "pool", file.parent, "poolwatch"),
        source_toml(served, "auth-files", "own", own_folder(desk), "poolwatch"),
    )
    desk.env["POOLWATCH_CONFIG"] = str(config)
    return Table(desk, served, "alice", file)


def command_in(text: str) -> list[str]:
    """The command that brings a login home."""
    found = re.search(r"poolwatch (accounts import \S+)", text)
    assert found, text
    return shlex.split(found[1])


def test_a_deleted_file_is_named_everywhere_until_its_login_is_home(table: Table) -> None:
    desk = table.desk
    ended = table.refresh_and(table.file.unlink)
    assert ended.code == 1
    assert ended.out.startswith(f"{table.mail}: token: renewed, but its file changed")
    command = command_in(ended.out)
    kept = Path(command[2])
    listed = desk.run("accounts", "list")
    assert kept.name in listed.out
    assert table.mail in listed.out
    doctor = desk.run("doctor")
    assert kept.name in doctor.out
    assert command_in(doctor.out) == command_in(listed.out)
    config = desk.env["POOLWATCH_CONFIG"]
    for named in (desk.run("--config", config, "accounts", "list"), desk.run("doctor", "--config", config)):
        assert f"poolwatch --config {config} {shlex.join(command)}" in named.out
    assert "another program" not in doctor.out + listed.out
    home = desk.shell(f"$P {shlex.join(command)}")
    assert home.code == 0, home.err
    assert "second holder" not in home.err
    assert not kept.exists()
    assert "kept" not in desk.run("accounts", "list").out.replace("kept by", "")
    before = table.posts()
    again = desk.run("refresh", table.mail)
    assert (again.code, again.out.startswith(f"{table.mail}: token ok")) == (0, True)
    assert table.posts() == (before[0] + 1, before[1] + 1)


def test_a_login_that_waits_is_named_where_nothing_is_monitored(table: Table) -> None:
    ended = table.refresh_and(table.file.unlink)
    del table.desk.env["POOLWATCH_CONFIG"]
    listed = table.desk.run("accounts", "list")
    assert listed.code == 0
    name = Path(command_in(ended.out)[2]).name
    assert name in listed.out
    assert name in table.desk.run("doctor").out


async def test_its_card_and_details_name_it_and_a_refresh_brings_it_home(table: Table) -> None:
    new = table.file.with_name("renamed.json")
    ended = table.refresh_and(lambda: table.file.rename(new))
    assert ended.code == 1
    around = look_around(Options(), table.desk.env)
    assert isinstance(around, Surroundings)
    found = await look(around, timedelta(days=1), lambda _: ())
    [judged] = found.overview.accounts
    assert judged.section is Section.NEEDS_YOU
    prefs = Prefs(found.overview.rules, zone=None)
    card = card_view(judged, found.overview.now, prefs)
    assert "new login waiting" in card.status
    assert "kept-" in card.remedy
    assert card.copy.startswith("poolwatch accounts import ")
    assert "kept-" in repr(detail_view(judged, found.state, found.overview.now, prefs))
    [account] = rows(table.desk.run("status", "--json").json(), "accounts")
    assert at(account, "trouble", "kind") == "kept"
    before = table.posts()
    again = table.desk.run("refresh", table.mail)
    assert (again.code, again.out.startswith(f"{table.mail}: token: another process had refreshed it")) == (
        0,
        True,
    )
    assert table.posts() == before
    [account] = rows(table.desk.run("status", "--json").json(), "accounts")
    assert account["trouble"] is None


def test_an_import_waits_for_the_answer_and_takes_the_new_login(table: Table) -> None:
    importing: list[subprocess.Popen[bytes]] = []

    def take() -> None:
        importing.append(
            table.desk.start("accounts", "import", str(table.file), "--keep", "imported", "--yes")
        )

    ended = table.refresh_and(take, _LONG_DRIP_SECONDS)
    out, err = importing[0].communicate(timeout=_PATIENCE_SECONDS)
    assert importing[0].returncode == 0, err.decode()
    assert b"set aside" in out
    # whether the figures are read before or after the file is moved is chance
    assert ended.out.startswith(f"{table.mail}: token ok"), ended.out
    before = table.posts()
    assert table.desk.run("refresh", table.mail).code == 0
    assert table.posts() == (before[0] + 1, before[1] + 1)


def test_a_backup_that_poolwatch_outdated_is_said_to_be_one(table: Table) -> None:
    backup = table.file.read_bytes()
    assert table.desk.run("refresh", table.mail).code == 0
    table.file.write_bytes(backup)
    ran = table.desk.run("refresh", table.mail)
    assert ran.code == 1
    assert "older copy, since renewed by poolwatch" in ran.out
    assert "elsewhere" not in ran.out


@pytest.mark.parametrize("how", ["hard link", "loose folder"])
def test_what_keeps_a_token_from_being_spent_is_said_as_it_is(table: Table, how: str) -> None:
    if how == "hard link":
        table.file.with_name("twin").hardlink_to(table.file)
    else:
        table.file.parent.chmod(0o777)
    ran = table.desk.run("refresh", table.mail)
    assert ran.code == 1
    said = {"hard link": "2 hard links", "loose folder": "chmod go-w"}[how]
    assert said in ran.out
    assert "not writable" not in ran.out
    assert said in table.desk.run("doctor").out


def test_garbage_in_the_place_of_the_file_is_no_other_account(table: Table) -> None:
    ended = table.refresh_and(lambda: table.file.write_bytes(b"{not json"))
    assert "put the new login in place" in ended.out
    assert "other account" not in ended.out


def test_a_state_directory_that_goes_in_mid_flight_is_no_refresh_that_did_not_start(table: Table) -> None:
    ended = table.refresh_and(lambda: shutil.rmtree(table.desk.state / "custody"))
    assert ended.out.startswith(f"{table.mail}: token ok")
    assert ended.code == 0


def test_a_move_that_waits_says_for_whom_and_moves_nothing_in_vain(
    table: Table, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("poolwatch.cli.imports.TOLD_AFTER_SECONDS", 0.05)
    monkeypatch.setattr("poolwatch.custody.own_folder.PATIENCE_SECONDS", 0.5)
    around = look_around(Options(), table.desk.env)
    assert isinstance(around, Surroundings)
    state = StateDir(around.state_dir)
    assert state.prepare() is None
    for name, value in table.desk.env.items():
        monkeypatch.setenv(name, value)
    with login_held(state, table.file, ids_in(table.file)) as mine:
        assert mine
        assert import_files(None, [table.file], "imported", asks=False, can_ask=False) == 1
    out, err = capfd.readouterr()
    assert f"still waiting for the process that refreshes {table.file} (pid {os.getpid()})" in err
    assert "nothing was moved" in out
    assert list(own_folder(table.desk).glob("*.json")) == []
    assert table.file.exists()


def test_a_conflict_that_a_refresh_has_ended_moves_the_new_login_nowhere(table: Table) -> None:
    copy = table.file.with_name("copy.json")
    resolving: list[subprocess.Popen[bytes]] = []

    def resolve() -> None:
        shutil.copy(table.file, copy)
        resolving.append(table.desk.start("accounts", "resolve", table.mail, "--keep", str(copy)))

    assert table.refresh_and(resolve, _LONG_DRIP_SECONDS).code == 0
    _, err = resolving[0].communicate(timeout=_PATIENCE_SECONDS)
    assert resolving[0].returncode == 1
    assert b"holds another login by now" in err
    before = table.posts()
    assert table.desk.run("refresh", table.mail).code == 0
    assert table.posts() == (before[0] + 1, before[1] + 1)


def test_a_kept_login_whose_account_is_there_stays_named(table: Table) -> None:
    def sign_in_anew() -> None:
        # a login that nothing is known of
        document = json.loads(table.file.read_bytes())
        document["tokens"]["refresh_token"] = "rt_of_another_sign_in"
        own = own_folder(table.desk) / "alice.json"
        own.write_text(json.dumps(document))
        own.chmod(0o600)
        table.file.unlink()

    kept = Path(command_in(table.refresh_and(sign_in_anew).out)[2])
    ran = table.desk.run("accounts", "import", str(kept), "--keep", "imported", "--yes")
    assert ran.code == 1
    assert kept.exists()
    assert kept.name in table.desk.run("accounts", "list").out


def test_a_login_that_is_used_for_another_workspace_is_named_on_its_card_too(table: Table) -> None:
    document = json.loads(table.file.read_text())
    document["tokens"]["account_id"] = "11111111-0000-4000-8000-00000000c405"
    table.file.write_text(json.dumps(document))
    backup = table.file.read_bytes()
    new = table.file.with_name("renamed.json")

    def swap() -> None:
        table.file.unlink()
        new.write_bytes(backup)
        new.chmod(0o600)

    assert table.refresh_and(swap).code == 1
    [account] = rows(table.desk.run("status", "--json").json(), "accounts")
    assert at(account, "trouble", "kind") == "kept"
