"""`accounts resolve` and `accounts remove`: one holder is left, and what goes is kept under another name."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import stat
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.bootstrap.headless import Look, look
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.status import Section
from poolwatch.presentation.card import card_view
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.view import Prefs
from tests.cli.desk import Desk, at, config_of, rows, source_toml
from tests.cli.test_accounts_import import export, identity, own_folder
from tests.support.upstream import Upstream

FRANK = "frank@example.com"


@dataclass(frozen=True)
class Conflict:
    """A login that CLIProxyAPI and poolwatch's own folder both hold."""

    desk: Desk
    own: Path
    theirs: Path

    def names(self) -> tuple[list[str], list[str]]:
        """The files of both folders."""
        return tuple(  # type: ignore[return-value] # two folders, two lists
            sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
            for folder in (self.own.parent, self.theirs.parent)
        )


@pytest.fixture
def conflict(desk: Desk, served: Upstream) -> Conflict:
    theirs = export(served, "frank", desk.root / "cliproxy" / "codex-frank.json")
    assert desk.run("accounts", "import", "--yes", str(theirs)).code == 0
    config = config_of(
        desk.root / "own.toml",
        source_toml(served, "auth-files", "own", own_folder(desk), "poolwatch"),
        source_toml(served, "auth-files", "cliproxy", theirs.parent),
    )
    desk.env["POOLWATCH_CONFIG"] = str(config)
    return Conflict(desk, own_folder(desk) / f"{identity(served, 'frank')}.json", theirs)


async def seen(desk: Desk) -> Look:
    """The pool as commands and screens see it, without asking anybody."""
    around = look_around(Options(), desk.env)
    assert isinstance(around, Surroundings)
    return await look(around, timedelta(days=1), lambda _: ())


async def test_a_conflict_is_on_card_detail_list_and_json(conflict: Conflict, served: Upstream) -> None:
    found = await seen(conflict.desk)
    [judged] = found.overview.accounts
    assert judged.account.trouble is not None
    assert judged.account.trouble.kind is FailureKind.CONFLICT
    assert judged.section is Section.NEEDS_YOU
    prefs = Prefs(found.overview.rules, zone=None)
    card = card_view(judged, found.overview.now, prefs)
    assert "in two files" in card.status
    assert card.copy == f"poolwatch accounts resolve {judged.account.key.id} --keep {_short(conflict)}"
    assert "in two files" in repr(detail_view(judged, found.state, found.overview.now, prefs))
    listed = conflict.desk.run("accounts", "list")
    assert re.search(rf"conflict: the same login is also in \S*{conflict.theirs.name}", listed.out)
    [account] = rows(conflict.desk.run("status", "--json").json(), "accounts")
    assert at(account, "trouble", "kind") == "conflict"
    posts = served.account("frank").token_posts
    ran = conflict.desk.run("refresh", FRANK)
    assert ran.code == 1
    assert "not spent" in ran.out
    assert served.account("frank").token_posts == posts


def _short(conflict: Conflict) -> str:
    return f"~/{conflict.own.relative_to(conflict.desk.home)}"


def test_the_remedy_on_the_card_can_be_pasted(conflict: Conflict, served: Upstream) -> None:
    command = f"$P accounts resolve {identity(served, 'frank')} --keep {_short(conflict)}"
    ran = conflict.desk.shell(command)
    assert ran.code == 1
    assert "kept by CLIProxyAPI and was left alone" in ran.err


def test_keeping_the_other_one_sets_poolwatchs_aside(conflict: Conflict, served: Upstream) -> None:
    content = conflict.own.read_bytes()
    ran = conflict.desk.run("accounts", "resolve", FRANK, "--keep", str(conflict.theirs))
    assert ran.code == 0, ran.err
    own, theirs = conflict.names()
    assert theirs == [conflict.theirs.name]
    [aside] = own
    assert aside.startswith(f"{conflict.own.name}.poolwatch-aside-")
    assert (conflict.own.parent / aside).read_bytes() == content
    assert str(conflict.own.parent / aside) in ran.out
    listed = conflict.desk.run("accounts", "list")
    assert "custody other" in listed.out
    assert "conflict" not in listed.out
    again = conflict.desk.run("accounts", "resolve", FRANK, "--keep", str(conflict.theirs))
    assert (again.code, again.out) == (1, "")
    assert "in no conflict" in again.err


def test_keeping_poolwatchs_names_the_command_and_touches_nothing(
    conflict: Conflict, served: Upstream
) -> None:
    before = conflict.names(), conflict.theirs.stat().st_mtime_ns, conflict.theirs.stat().st_ctime_ns
    ran = conflict.desk.run("accounts", "resolve", FRANK, "--keep", str(conflict.own))
    assert (ran.code, ran.out) == (1, "")
    after = conflict.names(), conflict.theirs.stat().st_mtime_ns, conflict.theirs.stat().st_ctime_ns
    assert after == before
    command = shlex.split(ran.err.partition("then: ")[2].splitlines()[0])
    assert subprocess.run(command).returncode == 0
    assert not conflict.theirs.exists()
    listed = conflict.desk.run("accounts", "list")
    assert "custody poolwatch" in listed.out
    assert "conflict" not in listed.out
    refreshed = conflict.desk.run("refresh", FRANK)
    assert refreshed.code == 0, refreshed.out
    served.renew("frank")


@pytest.mark.parametrize("keep", ["/nowhere/else.json", "auth.json", "."])
def test_a_file_that_is_no_holder_changes_nothing(conflict: Conflict, keep: str) -> None:
    before = conflict.names()
    ran = conflict.desk.run("accounts", "resolve", FRANK, "--keep", keep)
    assert (ran.code, ran.out) == (1, "")
    assert str(conflict.own) in ran.err
    assert str(conflict.theirs) in ran.err
    assert conflict.names() == before


def test_both_of_poolwatchs_custody_the_other_one_is_set_aside(desk: Desk, served: Upstream) -> None:
    first = export(served, "frank", desk.root / "one" / "frank.json")
    second = export(served, "frank", desk.root / "two" / "frank.json")
    config = config_of(
        desk.root / "own.toml",
        source_toml(served, "auth-files", "one", first.parent, "poolwatch"),
        source_toml(served, "auth-files", "two", second.parent, "poolwatch"),
    )
    desk.env["POOLWATCH_CONFIG"] = str(config)
    ran = desk.run("accounts", "resolve", FRANK, "--keep", "two/frank.json")
    assert ran.code == 0, ran.err
    assert second.exists()
    assert not first.exists()
    [aside] = first.parent.iterdir()
    assert json.loads(aside.read_bytes()) == json.loads(second.read_bytes())


def test_a_link_to_the_other_holder_is_no_second_file(desk: Desk, served: Upstream) -> None:
    real = export(served, "frank", desk.root / "cliproxy" / "codex-frank.json")
    link = desk.root / "mine" / "frank.json"
    link.parent.mkdir()
    link.symlink_to(real)
    config = config_of(
        desk.root / "own.toml",
        source_toml(served, "auth-files", "mine", link.parent, "poolwatch"),
        source_toml(served, "auth-files", "cliproxy", real.parent),
    )
    desk.env["POOLWATCH_CONFIG"] = str(config)
    refused = desk.run("accounts", "resolve", FRANK, "--keep", str(link))
    assert refused.code == 1
    assert "they are one file" in refused.err
    assert link.is_symlink()
    kept = desk.run("accounts", "resolve", FRANK, "--keep", str(real))
    assert kept.code == 0, kept.err
    assert real.exists()
    [aside] = link.parent.iterdir()
    assert aside.is_symlink()
    assert "itself was left alone" in kept.out


def test_a_conflict_that_is_over_is_over_in_the_line_too(conflict: Conflict) -> None:
    assert conflict.desk.run("status").code == 0
    assert "✕1" in conflict.desk.run("status", "--line").out
    assert conflict.desk.run("accounts", "remove", FRANK).code == 0
    assert "✕1" not in conflict.desk.run("status", "--line").out


def test_a_removed_account_keeps_its_copy_and_its_other_place(conflict: Conflict) -> None:
    content = conflict.own.read_bytes()
    ran = conflict.desk.run("accounts", "remove", FRANK)
    assert ran.code == 0, ran.err
    removed = conflict.own.parent.parent / "removed"
    [copy] = removed.iterdir()
    assert re.fullmatch(rf"{conflict.own.stem}-\d{{8}}T\d{{6}}Z\.json", copy.name)
    assert copy.read_bytes() == content
    assert [stat.S_IMODE(path.stat().st_mode) for path in (copy, removed)] == [0o600, 0o700]
    assert str(copy) in ran.out
    assert "stays valid upstream" in ran.err
    assert str(conflict.theirs) in ran.err
    assert not conflict.own.exists()
    assert "custody other" in conflict.desk.run("accounts", "list").out
    back = conflict.desk.run("accounts", "import", "--yes", str(copy))
    assert back.code == 0, back.err
    assert conflict.own.exists()


def test_only_the_own_folder_is_removed_from(desk: Desk, served: Upstream) -> None:
    file = export(served, "frank", desk.root / "mine" / "frank.json")
    config = config_of(
        desk.root / "own.toml", source_toml(served, "auth-files", "mine", file.parent, "poolwatch")
    )
    ran = desk.run("accounts", "remove", FRANK, "--config", str(config))
    assert (ran.code, ran.out) == (1, "")
    assert str(file) in ran.err
    assert file.exists()
    assert desk.run("accounts", "remove", "nobody", "--config", str(config)).code == 2
    assert desk.run("accounts", "remove", "--config", str(config)).code == 2
    assert desk.run("accounts", "resolve", FRANK, "--config", str(config)).code == 2


def test_nothing_imported_is_nothing_to_remove(desk: Desk) -> None:
    assert desk.run("accounts", "remove", "anybody").code == 2


def test_a_broken_own_file_can_be_removed_too(desk: Desk, served: Upstream) -> None:
    export(served, "frank", desk.root / "f.json")
    assert desk.run("accounts", "import", "--yes", str(desk.root / "f.json")).code == 0
    [file] = own_folder(desk).glob("*.json")
    assert desk.run("accounts", "list").code == 0
    shutil.move(file, own_folder(desk) / "auth.json")
    (own_folder(desk) / "auth.json").write_bytes(b"{half")
    listed = desk.run("accounts", "list")
    [head, place] = listed.lines
    assert "not complete JSON" in place
    ran = desk.run("accounts", "remove", head.split()[0])
    assert ran.code == 0, ran.err
    [copy] = (own_folder(desk).parent / "removed").iterdir()
    assert copy.read_bytes() == b"{half"
