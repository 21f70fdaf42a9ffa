"""What the config.toml of a Codex home says: the service's address, and where the login is kept."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.host.files import FileProblem, read_bounded
from poolwatch.words.of_host import file_clause

CONFIG_FILE: Final = "config.toml"
_MOST_BYTES: Final = 1024 * 1024
_BASE_URL: Final = "chatgpt_base_url"
_STORE: Final = "cli_auth_credentials_store"
#: Where `auto` finds a keyring it is used.
_IN_KEYRING: Final = frozenset({"keyring", "auto"})
_LINE: Final = re.compile(r"\bline ([0-9]{1,9})\b")


class CodexConfig(Struct, frozen=True):
    """What it says. `problem`: why nobody can tell which address it names, a clause that follows its path."""

    base_url: str | None = None
    keyring: bool = False
    problem: str | None = None


def read_codex_config(home: Path) -> CodexConfig:
    """What a home's file says; one that is not there says nothing."""
    found = read_bounded(home / CONFIG_FILE, _MOST_BYTES)
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
        return CodexConfig(problem="is no text")
    store = table.get(_STORE)
    return CodexConfig(
        (base_url or "").strip() or None, keyring=isinstance(store, str) and store in _IN_KEYRING
    )


def _not_toml(content: bytes, error: Exception) -> str:
    if b"\0" in content:
        return "is not written in UTF-8"
    line = _LINE.search(str(error))
    return f"is not readable: no TOML in line {line[1]}" if line else "is not readable: no TOML"
