"""Codex homes: folders with an auth.json that the Codex CLI keeps."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Hashable
from fnmatch import fnmatchcase
from functools import cached_property
from glob import has_magic
from pathlib import Path
from typing import Final

from poolwatch.config.files import read_limited
from poolwatch.config.settings import DEFAULT_BASE_URL
from poolwatch.config.values import Wrong, url
from poolwatch.custody.auth_file import FileProblem, Login
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.text import visible
from poolwatch.sources import glance
from poolwatch.sources.login_files import LoginFiles
from poolwatch.sources.login_places import LoginFile, matches

_AUTH_FILE: Final = "auth.json"
_CONFIG_FILE: Final = "config.toml"
_CONFIG_BYTES: Final = 1024 * 1024
_BASE_LINE: Final = re.compile(r"""^\s*chatgpt_base_url\s*=\s*["']([^"'\n]*)["']""", re.MULTILINE)


class CodexHomes(LoginFiles):
    """One account per Codex home. The path may be a glob of homes; it defaults to $CODEX_HOME, then ~/.codex.

    A home's own `chatgpt_base_url` counts unless the source sets an address.
    """

    def _find(self) -> list[LoginFile] | Failure:
        places, is_glob = matches(self._pattern)
        files = []
        for place in places:
            folder, name = os.path.split(place)
            home = folder if name == _AUTH_FILE else place
            path = os.path.join(home, _AUTH_FILE)  # noqa: PTH118 - a thousand texts
            if os.path.lexists(path):
                files.append(_login_of(path, home, is_glob=is_glob))
        return files

    def _at_place(self, place: str) -> LoginFile | None:
        home, name = os.path.split(place)
        if name != _AUTH_FILE:
            return None
        if not has_magic(self._normal_pattern):
            return _login_of(place, home, is_glob=False) if self._normal_pattern in (home, place) else None
        among, folder = os.path.split(home)
        above, last = os.path.split(self._normal_pattern)
        fits = among == above and not has_magic(above) and not folder.startswith(".")
        return _login_of(place, home, is_glob=True) if fits and fnmatchcase(folder, last) else None

    @cached_property
    def _normal_pattern(self) -> str:
        """The pattern as places are written; a thousand of them are held against it."""
        return str(Path(self._pattern))

    def _owner(self, file: LoginFile, login: Login | None) -> str:
        return "Codex"

    def _broken_counts(self, file: LoginFile) -> bool:
        return True

    def _without_login(self, file: LoginFile) -> FileProblem | None:
        return FileProblem("holds no login: sign in with `codex login`")

    @property
    def _pattern(self) -> str:
        return self._expanded(self._settings.path or self._setup.env.get("CODEX_HOME") or "~/.codex")

    def _glance(self) -> Hashable:
        seen: list[int] = []
        for place in glance.places(self._pattern):
            folder, name = os.path.split(place.rstrip("/"))
            home = folder if name == _AUTH_FILE else place
            settings = glance.stamps([f"{home}/{_CONFIG_FILE}"])
            seen.append(hash((place, glance.stamp(f"{home}/{_AUTH_FILE}"), settings)))
        return hash(tuple(seen))

    def _base_url(self, file: LoginFile) -> str | Failure:
        if self._settings.base_url != DEFAULT_BASE_URL:
            return self._settings.base_url
        path = Path(file.path).with_name(_CONFIG_FILE)
        content = read_limited(path, _CONFIG_BYTES)
        said = _said_base(content.decode("utf-8", "replace")) if isinstance(content, bytes) else None
        if said is None:
            return DEFAULT_BASE_URL
        checked = url(https_only=True)(said, False)
        if isinstance(checked, Wrong):
            shown = self._shown(str(path))
            return Failure(
                FailureKind.NOT_THE_SERVICE,
                f"chatgpt_base_url in {shown} {checked.why}; not asked",
                detail=shown,
            )
        return checked


def _login_of(path: str, home: str, *, is_glob: bool) -> LoginFile:
    """Homes found by a glob are called by their folders."""
    return LoginFile(path, home, visible(os.path.basename(home)) if is_glob else None)  # noqa: PTH119 - a text


def _said_base(text: str) -> str | None:
    try:
        said = tomllib.loads(text).get("chatgpt_base_url")
    except (tomllib.TOMLDecodeError, RecursionError):
        # a line elsewhere that is wrong does not make the login one of the public service
        found = _BASE_LINE.search(text)
        said = found[1] if found else None
    return said.strip() or None if isinstance(said, str) else None
