"""A sign-in by codex: which home it gets, and where its login goes."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from poolwatch.custody.sign_in import CodexSignIn
from poolwatch.custody.state_dir import StateDir, unmarked
from poolwatch.custody.waiting import anything_waits, damaged_replies, is_kept_file, kept_logins
from poolwatch.domain.account import AccountKey
from poolwatch.domain.message import Message
from tests.sources.logins import access_token, codex_login

BOB = AccountKey("codex", "user-1", "acct-1")
CODEX = """#!{python}
import os, pathlib, shutil, signal, sys
beside = pathlib.Path(__file__).parent
if "wait" in sys.argv:
    def ended(*_):
        (beside / "ended").touch()
        sys.exit()
    signal.signal(signal.SIGTERM, ended)
    (beside / "waits").touch()
    signal.pause()
(beside / "environment").write_text(repr(dict(os.environ)))
if (beside / "login").exists():
    shutil.copy(beside / "login", pathlib.Path(os.environ["CODEX_HOME"], "auth.json"))
"""


@pytest.fixture
def codex(tmp_path: Path) -> Path:
    found = tmp_path / "bin" / "codex"
    found.parent.mkdir()
    found.write_text(CODEX.format(python=sys.executable))
    found.chmod(0o755)
    return found


def ready(
    codex: Path, tmp_path: Path, *, home: Path | None = None, target: Path | None = None, words: str = "login"
) -> CodexSignIn:
    environ = {"PATH": os.environ["PATH"], "POOLWATCH_SOURCES__KEY": "secret", "CODEX_HOME": "/elsewhere"}
    return CodexSignIn(codex, (words,), environ, home, target, BOB, StateDir(tmp_path / "state"))


def new_login(codex: Path, user: str = "user-1", email: str = "bob@example.com") -> bytes:
    text = codex_login(access_token(user), email)
    (codex.parent / "login").write_text(text)
    return text.encode()


async def test_a_home_of_codex_is_signed_in_in_place(codex: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    content = new_login(codex)
    work = ready(codex, tmp_path, home=home)
    assert await work.run() == 0
    assert await work.settle(signed_in=True) is None
    assert (home / "auth.json").read_bytes() == content
    assert "secret" not in (codex.parent / "environment").read_text()
    assert not (tmp_path / "state").exists()


async def test_a_login_of_ones_own_replaces_the_old_one_and_leaves_no_copy(
    codex: Path, tmp_path: Path
) -> None:
    target = tmp_path / "pool" / "bob.json"
    target.parent.mkdir()
    target.write_text(codex_login())
    content = new_login(codex)
    work = ready(codex, tmp_path, target=target)
    assert await work.run() == 0
    assert await work.settle(signed_in=True) is None
    assert target.read_bytes() == content
    assert target.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "state").glob("sign-in-*")) == []


async def test_a_login_of_somebody_else_replaces_none(codex: Path, tmp_path: Path) -> None:
    target = tmp_path / "bob.json"
    target.write_text(codex_login())
    before = target.read_bytes()
    content = new_login(codex, "user-2", "dave@example.com")
    work = ready(codex, tmp_path, target=target)
    await work.run()
    found = await work.settle(signed_in=True)
    assert found is not None
    assert found.other == "dave@example.com"
    assert target.read_bytes() == before
    assert waiting_logins(work) == {found.waits: content}


async def test_a_login_that_cannot_be_put_in_place_waits(codex: Path, tmp_path: Path) -> None:
    target = tmp_path / "bob.json"
    target.mkdir()
    content = new_login(codex)
    work = ready(codex, tmp_path, target=target)
    await work.run()
    found = await work.settle(signed_in=True)
    assert found is not None
    assert found.waits is not None
    assert waiting_logins(work) == {found.waits: content}
    assert anything_waits(work.state)
    assert is_kept_file(work.state, found.waits)


async def test_a_login_that_another_one_took_the_place_of_meanwhile_is_not_written_over(
    codex: Path, tmp_path: Path
) -> None:
    target = tmp_path / "bob.json"
    target.write_text(codex_login(access_token("user-1"), "bob@example.com"))
    content = new_login(codex)
    work = ready(codex, tmp_path, target=target)
    await work.run()
    target.write_text(codex_login(access_token("user-2"), "dave@example.com"))
    meanwhile = target.read_bytes()
    found = await work.settle(signed_in=True)
    assert target.read_bytes() == meanwhile
    assert found is not None
    assert found.waits is not None
    assert found.waits.read_bytes() == content
    assert dict(found.why.arguments)["why"] == Message("custody.another_login")


async def test_the_same_account_signed_in_twice_at_once_ends_with_one_login(
    codex: Path, tmp_path: Path
) -> None:
    target = tmp_path / "bob.json"
    target.write_text("{}")
    content = new_login(codex)
    work = ready(codex, tmp_path, target=target)
    await work.run()
    target.write_text(codex_login(access_token("user-1"), "bob@example.com"))
    assert await work.settle(signed_in=True) is None
    assert target.read_bytes() == content


async def test_what_a_killed_poolwatch_leaves_is_found_again(codex: Path, tmp_path: Path) -> None:
    target = tmp_path / "bob.json"
    target.write_text(codex_login())
    content = new_login(codex)
    work = ready(codex, tmp_path, target=target)
    await work.run()
    assert kept_logins(work.state, unmarked) == (), "a sign-in that is at work brings its login home itself"
    # the system does this for a process that is gone
    os.close(work._lock)
    [waiting] = kept_logins(work.state, unmarked)
    assert waiting.path.read_bytes() == content
    assert waiting.login.email == "bob@example.com"


async def test_folders_without_a_login_go_when_nobody_can_be_at_them(codex: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    old, young, full = (state / f"sign-in-{name}" for name in ("old", "young", "full"))
    for folder in (old, young, full):
        folder.mkdir(parents=True)
    (full / "auth.json").write_text(codex_login())
    for folder in (old, full):
        os.utime(folder, (1, 1))
    work = ready(codex, tmp_path, target=tmp_path / "bob.json")
    await work.run()
    await work.settle(signed_in=False)
    assert sorted(state.glob("sign-in-*")) == [full, young]


async def test_a_codex_that_leaves_no_login_is_told(codex: Path, tmp_path: Path) -> None:
    target = tmp_path / "bob.json"
    target.write_text(codex_login())
    before = target.read_bytes()
    work = ready(codex, tmp_path, target=target)
    await work.run()
    found = await work.settle(signed_in=True)
    assert found is not None
    assert found.why.code == "sign_in.no_login"
    assert target.read_bytes() == before


async def test_a_login_of_a_codex_that_ended_badly_waits(codex: Path, tmp_path: Path) -> None:
    target = tmp_path / "bob.json"
    target.write_text(codex_login())
    before = target.read_bytes()
    content = new_login(codex)
    work = ready(codex, tmp_path, target=target)
    await work.run()
    found = await work.settle(signed_in=False)
    assert found is not None
    assert target.read_bytes() == before
    assert waiting_logins(work) == {found.waits: content}


async def test_a_login_that_its_mode_hides_waits_too(codex: Path, tmp_path: Path) -> None:
    content = new_login(codex)
    (codex.parent / "login").chmod(0)
    work = ready(codex, tmp_path, target=tmp_path / "bob.json")
    await work.run()
    found = await work.settle(signed_in=False)
    assert found is not None
    assert waiting_logins(work) == {found.waits: content}


@pytest.mark.parametrize("signed_in", [True, False])
async def test_half_a_login_is_left_and_named(codex: Path, tmp_path: Path, *, signed_in: bool) -> None:
    half = new_login(codex)[:-20]
    (codex.parent / "login").write_bytes(half)
    work = ready(codex, tmp_path, target=tmp_path / "bob.json")
    await work.run()
    found = await work.settle(signed_in=signed_in)
    assert found is not None
    assert found.waits is None
    [file] = damaged_replies(work.state)
    assert file.read_bytes() == half
    assert waiting_logins(work) == {}


@pytest.mark.parametrize("left", [None, "{}"])
async def test_a_folder_without_a_login_goes(codex: Path, tmp_path: Path, left: str | None) -> None:
    if left is not None:
        (codex.parent / "login").write_text(left)
    work = ready(codex, tmp_path, target=tmp_path / "bob.json")
    await work.run()
    assert await work.settle(signed_in=False) is None
    assert list((tmp_path / "state").glob("sign-in-*")) == []


async def test_who_is_cancelled_ends_codex(codex: Path, tmp_path: Path) -> None:
    work = ready(codex, tmp_path, home=tmp_path, words="wait")
    running = asyncio.create_task(work.run())
    await asyncio.to_thread(appears, codex.parent / "waits")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.to_thread(appears, codex.parent / "ended")


def waiting_logins(work: CodexSignIn) -> dict[Path | None, bytes]:
    return {each.path: each.path.read_bytes() for each in kept_logins(work.state, unmarked)}


def appears(file: Path) -> None:
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} never came"
        time.sleep(0.01)
