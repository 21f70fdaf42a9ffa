"""What the look at files sees, many times a minute, without opening one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from poolwatch.net.client import HttpClient
from tests.sources.login_files.making import folder, homes
from tests.sources.logins import access_token, cliproxy_login, codex_login, put


def rewritten_in_place(path: Path) -> None:
    """Another text of the same length, in the same file."""
    before = path.stat()
    with path.open("r+b") as file:
        last = os.fstat(file.fileno()).st_size - 1
        file.seek(last)
        file.write(b" ")
    # whatever the clock of the file system, it is later
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def replaced(path: Path) -> None:
    """Another file under the name, with the size and the time of the first."""
    before = path.stat()
    other = path.with_name("other.tmp")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def copied_over(path: Path) -> None:
    """Another text of the same length in the same file, with its time kept, as `cp -p` does it."""
    before = path.stat()
    text = path.read_bytes()
    # the clock of the file system stands still for a few milliseconds
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        with path.open("r+b") as file:
            file.write(text[:-1] + b" ")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def closed(path: Path) -> None:
    path.chmod(0)


CHANGES: list[Callable[[Path], None]] = [Path.unlink, rewritten_in_place, replaced, copied_over, closed]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["homes", "folder", "glob"])
async def test_every_change_of_a_file_is_seen(
    client: HttpClient, home: Path, kind: str, change: Callable[[Path], None]
) -> None:
    path = home / ("homes/anna/auth.json" if kind == "homes" else "pool/one.json")
    put(path, codex_login())
    source = homes(client, home) if kind == "homes" else folder(client, home)
    if kind == "glob":
        source = folder(client, home, str(home / "po*"))
    before = await source.signature()
    assert await source.signature() == before
    change(path)
    assert await source.signature() != before


@pytest.mark.parametrize("kind", ["homes", "folder", "glob", "file glob"])
async def test_a_new_file_is_seen_and_a_link_to_nothing_too(
    client: HttpClient, home: Path, kind: str
) -> None:
    put(home / "homes/anna/auth.json", codex_login())
    put(home / "pool/one.json", cliproxy_login())
    paths = {"folder": "~/pool", "glob": str(home / "po*"), "file glob": str(home / "pool/*.json")}
    source = homes(client, home) if kind == "homes" else folder(client, home, paths[kind])
    seen = [await source.signature()]
    target = home / "elsewhere.json"
    name = home / ("homes/bert/auth.json" if kind == "homes" else "pool/two.json")
    name.parent.mkdir(exist_ok=True)
    seen.append(await source.signature())
    name.symlink_to(target)
    seen.append(await source.signature())
    put(target, codex_login(access_token("user-b", "acct-b")))
    seen.append(await source.signature())
    put(target, codex_login(access_token("user-b", "acct-b", plan="pro")))
    seen.append(await source.signature())
    # of a folder that holds no login yet nothing has to be said
    assert len(set(seen[1:])) == 4
