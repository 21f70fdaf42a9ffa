"""Nothing that poolwatch makes is open to other users, and a process that dies leaves no image of itself."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from poolwatch.bootstrap.sources import memory_of
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from tests.cli.desk import Desk, config_of, run_command
from tests.support.upstream import Upstream

_PLACES = ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")


def open_to_others(root: Path) -> list[str]:
    """What below a folder other users can enter, read or write."""
    return [
        f"{path.relative_to(root)} {stat.S_IMODE(path.lstat().st_mode):04o}"
        for path in sorted(root.rglob("*"))
        if path.lstat().st_mode & 0o077 and not path.is_symlink()
    ]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_every_missing_folder_is_made_private(desk: Desk, served: Upstream, umask: int) -> None:
    login = desk.root / "auth.json"
    shutil.copy(served.account("frank").files[0], login)
    homes = desk.root / "homes"
    homes.mkdir(mode=0o700)
    del desk.env["POOLWATCH_STATE_DIR"]
    env = {name: str(homes / name.lower() / "deep" / "deeper") for name in _PLACES} | {"HOME": str(homes)}

    def run(*arguments: str) -> int:
        return run_command(arguments, desk.env | env, desk.root, umask=umask).returncode

    assert run("config", "init") == 0
    assert run("accounts", "import", "--yes", str(login)) == 0
    assert run("status") in (0, 1)
    assert run("refresh", "--all") in (0, 1)
    assert run("accounts", "remove", "frank@example.com") == 0
    made = {path.name for path in homes.rglob("*")}
    assert {"config.toml", "poolwatch.db", "poll.lock", "logins", "removed"} <= made
    assert open_to_others(homes) == []


def test_a_folder_that_is_there_keeps_its_permissions(desk: Desk) -> None:
    shared = desk.root / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    desk.run("status", env={"POOLWATCH_STATE_DIR": str(shared / "a" / "b")})
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755


def test_the_app_and_its_commands_leave_no_core_file(desk: Desk) -> None:
    script = (
        "import resource\n"
        "hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
        "from poolwatch.__main__ import main\n"
        "code = main(['config', 'path'])\n"
        "print(code, resource.getrlimit(resource.RLIMIT_CORE)[0])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], env=desk.env, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.splitlines()[-1] == "0 0", ended.stderr


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pool", "pool.refused"),
        ("../../outside", "..%2F..%2Foutside.refused"),
        ("a/b", "a%2Fb.refused"),
        ("..", "...refused"),
        ("50%2F", "50%252F.refused"),
    ],
)
def test_what_is_kept_of_a_source_stays_in_the_state_folder(tmp_path: Path, name: str, file: str) -> None:
    config = config_of(tmp_path / "own.toml", f'[[sources]]\nkind = "codex-home"\nname = "{name}"\n')
    env = {"HOME": str(tmp_path), "POOLWATCH_STATE_DIR": str(tmp_path / "state")}
    around = look_around(Options(config), env)
    assert isinstance(around, Surroundings)
    assert memory_of(around, around.sources[0], "refused") == tmp_path / "state" / file
