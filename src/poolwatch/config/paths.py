"""Places on this machine: poolwatch's own files, and logins that other tools keep, which are not opened."""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.config.problems import ConfigProblem
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.config.values import at_home
from poolwatch.domain.text import visible
from poolwatch.host.files import FileProblem, read_bounded
from poolwatch.words.config import said
from poolwatch.words.messages import file_clause

_NAME: Final = "poolwatch"
CONFIG_NAME: Final = "config.toml"
#: The folders of imported logins, below the data directory.
LOGINS_NAME: Final = "logins"
REMOVED_NAME: Final = "removed"
_MOST_BYTES: Final = 1024 * 1024
_BASE_URL: Final = "chatgpt_base_url"
_STORE: Final = "cli_auth_credentials_store"
#: Where `auto` finds a keyring it is used.
_IN_KEYRING: Final = frozenset({"keyring", "auto"})
_LINE: Final = re.compile(r"\bline ([0-9]{1,9})\b")


def home_directory(env: Mapping[str, str]) -> Path | ConfigProblem:
    """The home of the user, from HOME alone."""
    home = env.get("HOME", "")
    if Path(home).is_absolute():
        return Path(home)
    return ConfigProblem(said("no_home"), key="HOME", given_by="HOME")


def config_file(env: Mapping[str, str]) -> Path | ConfigProblem:
    """The path of the configuration file, there or not: POOLWATCH_CONFIG, else the platform's place."""
    given = _given(env, "POOLWATCH_CONFIG")
    if given is not None:
        return given
    folder = _standard(env, "user_config_path")
    return folder if isinstance(folder, ConfigProblem) else folder / CONFIG_NAME


def locate_config(env: Mapping[str, str], option: Path | None) -> Path | None:
    """The file to load: the option, else POOLWATCH_CONFIG, else the platform's file if there is one.

    What an option or a variable names is returned unseen, so that its absence is reported; without a home
    directory there is no platform's file.
    """
    if option is not None:
        return option
    path = config_file(env)
    if isinstance(path, ConfigProblem):
        return None
    return path if env.get("POOLWATCH_CONFIG") or os.path.lexists(path) else None


def state_directory(env: Mapping[str, str]) -> Path | ConfigProblem:
    """Where poolwatch.db, locks and journals live: POOLWATCH_STATE_DIR, else the platform's place."""
    return _given(env, "POOLWATCH_STATE_DIR") or _standard(env, "user_state_path")


def data_directory(env: Mapping[str, str]) -> Path | ConfigProblem:
    """Where imported credential files live: POOLWATCH_DATA_DIR, else the platform's place."""
    return _given(env, "POOLWATCH_DATA_DIR") or _standard(env, "user_data_path")


class OwnPlaces(Struct, frozen=True):
    """Everything that poolwatch keeps on this machine; None where no variable tells a place."""

    configuration: Path | None
    state: Path | None
    #: logins that were imported, and those of them that were taken out again
    logins: Path | None
    removed: Path | None

    @classmethod
    def of(cls, env: Mapping[str, str], given: Path | None) -> OwnPlaces:
        """`given`: the configuration that the command line names."""
        data = _known(data_directory(env))
        inside = [data / name if data is not None else None for name in (LOGINS_NAME, REMOVED_NAME)]
        configuration = _known(config_file(env)) if given is None else absolute(given)
        return cls(configuration, _known(state_directory(env)), *inside)


def _known(path: Path | ConfigProblem) -> Path | None:
    return None if isinstance(path, ConfigProblem) else path


def absolute(path: str | Path) -> Path:
    """The path from the root on; as it is when the working directory is gone."""
    try:
        return Path(path).absolute()
    except FileNotFoundError:
        return Path(path)


def _given(env: Mapping[str, str], variable: str) -> Path | None:
    text = env.get(variable, "")
    return absolute(at_home(text, env.get("HOME"))) if text else None


def _standard(env: Mapping[str, str], name: str) -> Path | ConfigProblem:
    """A folder of this user by the platform's rules, which read the environment of the process."""
    from platformdirs import PlatformDirs

    home = home_directory(env)
    return home if isinstance(home, ConfigProblem) else Path(getattr(PlatformDirs(_NAME), name))


class FoundState(StrEnum):
    """What there is at a place that was looked at."""

    NOT_SET = "not_set"
    NOT_THERE = "not_there"
    NO_FOLDER = "no_folder"
    IN_KEYRING = "in_keyring"
    UNREADABLE = "unreadable"
    READABLE = "readable"

    @property
    def text(self) -> str:
        """For people."""
        return said(f"found.{self.value}")


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
    code = "home_is_no_folder" if os.path.lexists(given) else "home_is_not_there"
    return said(code, path=visible(given))


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


class CodexConfig(Struct, frozen=True):
    """What it says. `problem`: why nobody can tell which address it names, a clause that follows its path."""

    base_url: str | None = None
    keyring: bool = False
    problem: str | None = None


def read_codex_config(home: Path) -> CodexConfig:
    """What a home's file says; one that is not there says nothing."""
    found = read_bounded(home / CONFIG_NAME, _MOST_BYTES)
    if isinstance(found, FileProblem):
        return CodexConfig(problem=None if found.is_missing else file_clause(found))
    return codex_config_in(found.content)


def codex_config_in(content: bytes) -> CodexConfig:
    """What a file with this content says.

    It is TOML. One that is not, but speaks of an address, names none that a token may be sent to.
    """
    try:
        # what is no UTF-8 stands in a comment or a path, else no name here is found
        table = tomllib.loads(content.decode("utf-8-sig", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # in UTF-16 there are zeros between the letters
        speaks_of_it = _BASE_URL.encode() in content.replace(b"\0", b"")
        return CodexConfig(problem=_not_toml(content, error) if speaks_of_it else None)
    profile = table.get("profile")
    profiles = table.get("profiles")
    chosen = profiles.get(profile) if isinstance(profiles, dict) and isinstance(profile, str) else None
    layers = (chosen, table) if isinstance(chosen, dict) else (table,)
    base_url = next((layer[_BASE_URL] for layer in layers if _BASE_URL in layer), None)
    if base_url is not None and not isinstance(base_url, str):
        return CodexConfig(problem=said("codex_no_text"))
    store = table.get(_STORE)
    return CodexConfig(
        (base_url or "").strip() or None, keyring=isinstance(store, str) and store in _IN_KEYRING
    )


def _not_toml(content: bytes, error: Exception) -> str:
    if b"\0" in content:
        return said("codex_not_utf_8")
    line = _LINE.search(str(error))
    return said("codex_not_toml_in", line=line[1]) if line else said("codex_not_toml")


def from_home(path: Path, home: Path | None) -> str:
    """A path from the home directory on, with whatever its names hold."""
    inside = home is not None and path.is_relative_to(home)
    return f"~/{path.relative_to(home)}" if inside and home is not None else str(path)
