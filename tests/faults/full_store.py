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

from poolwatch.domain.alerts import Severity
from poolwatch.domain.message import message
from poolwatch.domain.notices import Notice, NoticeKind, SendOutcome, Sent
from poolwatch.store.database import Database
from poolwatch.store.opening import StoreMode
from tests.sources.logins import access_token, codex_login
from tests.store.given import NOON, account, told


def main() -> int:
    """Full, then free again; then read-only, with a database in it and without."""
    root = Path(sys.argv[1])
    _full(root / "full")
    _full_as_notices_are_sent(root / "sending")
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


def _full_as_notices_are_sent(place: Path) -> None:
    _mount(place)
    database = Database(place, NOON)
    assert database.put_notices(_notices("before"), NOON)
    stuffing = _stuff(place)
    _send_nothing(database)
    stuffing.unlink()
    _send_all(database)
    assert database.notices == ()
    database.close()


def _notices(mark: str) -> list[Notice]:
    # more than what is left of a page has room for
    lines = (message("notices.no_channel"),) * 200
    return [
        Notice(f"{mark}-{number}", "ops", NoticeKind.SUMMARY, NOON, Severity.INFO, lines=lines)
        for number in range(4)
    ]


def _send_nothing(database: Database) -> None:
    """What cannot be kept is refused and told, and what is there stays."""
    assert not database.put_notices(_notices("later"), NOON)
    assert any("the disk is full" in notice for notice in told(database)), told(database)
    assert [each.notice.id for each in database.deliveries(99)] == [f"before-{3 - each}" for each in range(4)]
    up = database.turn("ops", NOON).delivery
    assert up is not None
    if not database.note_try(up.after(Sent(SendOutcome.TAKEN), NOON)):
        assert database.turn("ops", NOON, {up.notice.id}).delivery is not None


def _send_all(database: Database) -> None:
    assert database.put_notices(_notices("later"), NOON)
    while (up := database.turn("ops", NOON).delivery) is not None:
        assert database.note_try(up.after(Sent(SendOutcome.TAKEN), NOON))
    assert [each.done_at for each in database.deliveries(99)] == [NOON] * 8


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
