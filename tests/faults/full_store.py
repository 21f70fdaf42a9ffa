"""The database on disks that are really full and read-only: `python -m tests.faults.full_store FOLDER`.

It mounts small ones, so it is started in a mount namespace of its own, which takes them along when it ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from poolwatch.store.database import Database
from poolwatch.store.opening import StoreMode
from tests.sources.logins import access_token, codex_login
from tests.store.given import NOON, account, told


def main() -> int:
    """Full, then free again; then read-only, with a database in it and without."""
    root = Path(sys.argv[1])
    _full(root / "full")
    _read_only(root / "filled", filled=True)
    _read_only(root / "empty", filled=False)
    _full_from_the_start(root / "never")
    _home(root / "home")
    return 0


def _full(place: Path) -> None:
    _mount(place)
    database = Database(place, NOON)
    assert database.save([account(1)], NOON)
    stuffing = _stuff(place)
    many = [account(number) for number in range(60)]
    assert not database.save(many, NOON)
    assert any("the disk is full" in notice for notice in told(database)), told(database)
    assert len(database.load_accounts() or ()) == 1
    stuffing.unlink()
    assert database.save(many, NOON)
    assert database.notices == ()
    database.close()


def _read_only(place: Path, *, filled: bool) -> None:
    _mount(place)
    if filled:
        database = Database(place, NOON)
        assert database.save([account(1)], NOON)
        database.close()
    _mount(place, "remount,ro")
    database = Database(place, NOON)
    assert database.mode is (StoreMode.READ_ONLY if filled else StoreMode.MEMORY)
    assert len(database.load_accounts() or ()) == int(filled)
    assert len(database.notices) == 1
    assert str(place) in told(database)[0]
    database.close()


def _full_from_the_start(place: Path) -> None:
    _mount(place)
    _stuff(place)
    database = Database(place, NOON)
    assert database.mode is not StoreMode.DISK
    assert str(place) in told(database)[0]
    database.close()


def _home(place: Path) -> None:
    """The program in a home that cannot be written: it looks, says so, and ends in order."""
    _mount(place)
    (place / ".codex").mkdir()
    (place / ".codex" / "auth.json").write_text(codex_login(access_token(expires=NOON - timedelta(days=400))))
    _mount(place, "remount,ro")
    for more in ({}, {"TMPDIR": "/nowhere", "XDG_STATE_HOME": "relative", "XDG_CONFIG_HOME": "relative"}):
        env = {"HOME": str(place), "PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        command = [sys.executable, "-m", "poolwatch", "status", "--json", "--max-age", "9999999"]
        ended = subprocess.run(command, env=env | more, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in ended.stderr, ended.stderr
        assert "memory only" in ended.stderr, ended.stderr
        assert [row["email"] for row in json.loads(ended.stdout)["accounts"]] == ["one@example.com"]
        assert ended.returncode in (0, 1)


def _mount(place: Path, options: str = "size=400k") -> None:
    place.mkdir(parents=True, exist_ok=True)
    kind = [] if "remount" in options else ["-t", "tmpfs"]
    subprocess.run(["mount", *kind, "-o", options, "tmpfs", str(place)], check=True)


def _stuff(place: Path) -> Path:
    stuffing = place / "stuffing"
    with stuffing.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 1024):
            pass
    return stuffing


if __name__ == "__main__":
    sys.exit(main())
