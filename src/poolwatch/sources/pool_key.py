"""Keys and passwords of pools: from a file first, from the environment second, never from the settings."""

from __future__ import annotations

import stat
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Final

from poolwatch.config.files import FileTrouble, read_limited
from poolwatch.config.settings import SourceSettings
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.shell import path_word
from poolwatch.domain.text import visible

_KEY_BYTES: Final = 64 * 1024
_OPEN_TO_OTHERS: Final = 0o077


def read_key(settings: SourceSettings, env: Mapping[str, str], home: Path) -> Secret | Failure | None:
    """The pool's API key as it stands now, None where none is configured. Opens a file: use a thread.

    The file counts where one is named, even when it cannot be read; the variable only where none is.
    """
    return _read("key", settings.api_key_file, settings.api_key_env, env, home)


def read_password(settings: SourceSettings, env: Mapping[str, str], home: Path) -> Secret | Failure | None:
    """The dashboard's password by the same rules, None where none is configured."""
    return _read("password", settings.dashboard_password_file, settings.dashboard_password_env, env, home)


def read_secrets(settings: SourceSettings, env: Mapping[str, str], home: Path) -> tuple[Secret, ...]:
    """Both, as far as they are there, so that nothing the pool tells repeats them. Opens files."""
    found = (read_key(settings, env, home), read_password(settings, env, home))
    return tuple(each for each in found if isinstance(each, Secret))


def key_place(settings: SourceSettings, home: Path) -> str | None:
    """Where the API key comes from, in words for people ("~/pool.key", "$POOL_KEY")."""
    return _place(settings.api_key_file, settings.api_key_env, home)


def password_place(settings: SourceSettings, home: Path) -> str | None:
    """Where the dashboard's password comes from, in words for people."""
    return _place(settings.dashboard_password_file, settings.dashboard_password_env, home)


def key_warnings(settings: SourceSettings, home: Path) -> tuple[str, ...]:
    """A line for each key file that other users of this machine may open. Uses a thread's time."""
    found = []
    for name in (settings.api_key_file, settings.dashboard_password_file):
        if name is None:
            continue
        path = _expanded(name, home)
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except (OSError, ValueError):
            continue
        if mode & _OPEN_TO_OTHERS:
            shown = shown_path(path, home)
            word = path_word(shown if str(path).endswith(shown.removeprefix("~")) else str(path))
            found.append(f"{shown} can be opened by others (mode {mode:04o}): run chmod 600 {word}")
    return tuple(found)


def key_stamps(settings: SourceSettings, home: Path) -> Hashable:
    """A value that differs once a key file was replaced; it opens nothing."""
    return tuple(
        _stamp(_expanded(name, home))
        for name in (settings.api_key_file, settings.dashboard_password_file)
        if name is not None
    )


def shown_path(path: Path, home: Path) -> str:
    """The path as people write it."""
    try:
        return visible(f"~/{path.relative_to(home)}")
    except ValueError:
        return visible(str(path))


def _read(
    what: str, file: str | None, variable: str | None, env: Mapping[str, str], home: Path
) -> Secret | Failure | None:
    if file is not None:
        path = _expanded(file, home)
        place = shown_path(path, home)
        content = read_limited(path, _KEY_BYTES)
        if isinstance(content, FileTrouble):
            return _unusable(f"the {what} file {place} {content.why}", place)
        return _checked(what, content.decode("utf-8-sig", "replace"), place)
    if variable is None:
        return None
    value = env.get(variable)
    place = f"${visible(variable)}"
    if value is None:
        return _unusable(f"the variable {place} for the {what} is not set", place)
    return _checked(what, value, place)


def _checked(what: str, text: str, place: str) -> Secret | Failure:
    key = text.strip()
    if not key:
        return _unusable(f"the {what} in {place} is empty", place)
    if not key.isprintable():
        return _unusable(f"{place} holds more than one line, or characters that no {what} has", place)
    if not key.isascii() and what == "key":
        return _unusable(f"the key in {place} holds characters that cannot be sent", place)
    return Secret(key)


def _unusable(words: str, place: str) -> Failure:
    return Failure(FailureKind.FORBIDDEN, f"{words}; nothing was sent", detail=place)


def _place(file: str | None, variable: str | None, home: Path) -> str | None:
    if file is not None:
        return shown_path(_expanded(file, home), home)
    return f"${visible(variable)}" if variable is not None else None


def _expanded(name: str, home: Path) -> Path:
    return home / name[2:] if name.startswith("~/") else Path(name)


def _stamp(path: Path) -> Hashable:
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        return type(error).__name__
    return state.st_mtime_ns, state.st_size, state.st_ino
