"""The file of an entry from before, by its place alone: one that a look at the disk finds, or unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolwatch.net.client import HttpClient
from poolwatch.sources.login_files import LoginFiles
from tests.sources.login_files.making import folder, homes
from tests.sources.logins import codex_login, put

FILES = (
    *("pool/a.json", "pool/.hidden.json", "pool/a.txt", "pool/sub/b.json", "other/a.json", "pool/auth.json"),
    *("homes/anna/auth.json", "homes/bert/auth.json", "homes/.hidden/auth.json", "homes/anna/config.json"),
    *("homes/auth.json", "codex/auth.json", "homes/anna/deep/auth.json"),
)


def certain(source: LoginFiles, home: Path) -> set[str]:
    """The files that are known by their places; each as it is found on the disk."""
    for name in FILES:
        put(home / name, codex_login())
    files = source._find()
    assert isinstance(files, list)
    found = {file.place: file for file in files}
    known = {name: source._at_place(str(home / name)) for name in FILES}
    for name, file in known.items():
        assert file is None or file == found.get(str(home / name)), name
    return {name for name, file in known.items() if file is not None}


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("~/pool", {"pool/a.json", "pool/auth.json"}),
        ("~/pool/", {"pool/a.json", "pool/auth.json"}),
        ("~/other", {"other/a.json"}),
        ("~/po*", set()),
        ("~/pool/a.json", set()),
    ],
)
async def test_files_of_a_folder(client: HttpClient, home: Path, path: str, known: set[str]) -> None:
    assert certain(folder(client, home, path), home) == known


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("~/homes/*", {"homes/anna/auth.json", "homes/bert/auth.json"}),
        ("~/homes/a*", {"homes/anna/auth.json"}),
        ("~/homes/[!a]*", {"homes/bert/auth.json"}),
        ("~/homes/anna", {"homes/anna/auth.json"}),
        ("~/homes/anna/", {"homes/anna/auth.json"}),
        ("~/homes/anna/auth.json", {"homes/anna/auth.json"}),
        ("~/h*/anna", set()),
        ("~/codex", {"codex/auth.json"}),
        ("~/empty", set()),
    ],
)
async def test_codex_homes(client: HttpClient, home: Path, path: str, known: set[str]) -> None:
    (home / "empty").mkdir()
    assert certain(homes(client, home, path), home) == known
