"""Logins that other tools keep on this machine, looked for but not opened."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from poolwatch.config.codex_config import read_codex_config
from poolwatch.config.paths import absolute
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.text import visible


class FoundState(StrEnum):
    """What there is at a place that was looked at."""

    NOT_SET = "not set"
    NOT_THERE = "not there"
    NO_FOLDER = "no such folder"
    IN_KEYRING = "its login is in the keyring"
    UNREADABLE = "not readable"
    READABLE = "readable"


class Found(Struct, frozen=True):
    """One place that was looked at.

    `place` is how people write it, `count` the number of login files, `readable` how many of them this user
    may read. `source` is how it would be added; None when there is nothing to add, or an earlier place is
    the same folder.
    """

    place: str
    state: FoundState
    count: int = 0
    readable: int = 0
    source: SourceSettings | None = None


def discover(env: Mapping[str, str], home: Path) -> tuple[Found, ...]:
    """All places in the order of the first-run screen, those with nothing in them too."""
    standard = home / ".codex"
    codex = _codex_home("~/.codex/auth.json", standard, "~/.codex")
    given = env.get("CODEX_HOME", "")
    if not given:
        chosen = Found("$CODEX_HOME", FoundState.NOT_SET)
    else:
        chosen = _codex_home("$CODEX_HOME/auth.json", Path(given), str(absolute(given)))
        if missing_home(env) is not None:
            chosen = Found("$CODEX_HOME", FoundState.NO_FOLDER)
        if codex.source is not None and _is_same(standard, Path(given)):
            chosen = Found(chosen.place, chosen.state, chosen.count, chosen.readable)
    return (
        codex,
        chosen,
        _auth_files(home, ".cli-proxy-api", "codex-*.json", "cli-proxy-api"),
        _auth_files(home, ".codex/accounts", "*.auth.json", "codex-auth"),
    )


def missing_home(env: Mapping[str, str]) -> str | None:
    """What is wrong with the folder that CODEX_HOME names, for people; None where it is there or not set."""
    given = env.get("CODEX_HOME", "")
    if not given or Path(given).is_dir():
        return None
    what = "is not a folder" if os.path.lexists(given) else "does not exist"
    return f"CODEX_HOME names {visible(given)}, which {what}"


def implicit_sources(env: Mapping[str, str], home: Path | None) -> tuple[SourceSettings, ...]:
    """What is shown when no source is configured: $CODEX_HOME, else ~/.codex, where it has a login.

    A login in the keyring counts: it is shown that it is there.
    """
    given = env.get("CODEX_HOME", "")
    if given:
        place = Path(given)
    elif home is not None:
        place = home / ".codex"
    else:
        return ()
    if not os.path.lexists(place / "auth.json") and not read_codex_config(place).keyring:
        return ()
    return (_home_source(str(absolute(place))),)


def _codex_home(shown: str, folder: Path, path: str) -> Found:
    file = folder / "auth.json"
    if not os.path.lexists(file):
        if read_codex_config(folder).keyring:
            return Found(shown, FoundState.IN_KEYRING, source=_home_source(path))
        return Found(shown, FoundState.NOT_THERE)
    if not os.access(file, os.R_OK):
        return Found(shown, FoundState.UNREADABLE, count=1)
    return Found(shown, FoundState.READABLE, count=1, readable=1, source=_home_source(path))


def _home_source(path: str) -> SourceSettings:
    kind = SourceKind.CODEX_HOME
    return SourceSettings(kind, kind.value, kind.default_custody, path=path)


def _auth_files(home: Path, folder: str, pattern: str, name: str) -> Found:
    place = f"~/{folder}/{pattern}"
    try:
        names = os.listdir(home / folder)  # noqa: PTH208 - names are all that is needed
    except (FileNotFoundError, NotADirectoryError):
        return Found(place, FoundState.NOT_THERE)
    except OSError:
        return Found(place, FoundState.UNREADABLE)
    files = fnmatch.filter(names, pattern)
    if not files:
        return Found(place, FoundState.NOT_THERE)
    readable = sum(os.access(home / folder / file, os.R_OK) for file in files)
    if not readable:
        return Found(place, FoundState.UNREADABLE, count=len(files))
    kind = SourceKind.AUTH_FILES
    source = SourceSettings(kind, name, kind.default_custody, path=place)
    return Found(place, FoundState.READABLE, len(files), readable, source)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
