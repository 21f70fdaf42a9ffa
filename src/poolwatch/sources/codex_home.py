"""Codex homes: folders with an auth.json that the Codex CLI keeps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from poolwatch.config.paths import CONFIG_NAME, absolute, read_codex_config
from poolwatch.config.source_settings import DEFAULT_BASE_URL
from poolwatch.config.values import Raw, Wrong, at_home, url
from poolwatch.custody.login_file import Login
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.text import visible
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.sources.login_files import LoginFiles
from poolwatch.sources.login_reader import LoginFile, matches

_AUTH_FILE: Final = "auth.json"


class CodexHomes(LoginFiles):
    """One account per Codex home. The path may be a glob of homes; it defaults to $CODEX_HOME, then ~/.codex.

    A home's own `chatgpt_base_url` counts unless the source sets an address. A home whose login is in the
    keyring is listed and not asked for.
    """

    def _find(self) -> list[LoginFile] | Failure:
        pattern = self._settings.path or self._setup.env.get("CODEX_HOME") or "~/.codex"
        places, is_glob = matches(at_home(pattern, self._setup.home))
        files: list[LoginFile] = []
        in_keyring: dict[str, LoginFile] = {}
        for place in places:
            folder, name = os.path.split(place)
            home = folder if name == _AUTH_FILE else place
            path = os.path.join(home, _AUTH_FILE)  # noqa: PTH118 - a thousand texts
            if os.path.lexists(path):
                files.append(_login_of(path, home, is_glob=is_glob))
            elif not is_glob and not os.path.isdir(home):  # noqa: PTH112 - a text
                return self._no_home(home)
            elif read_codex_config(Path(home)).keyring:
                file = replace(_login_of(path, home, is_glob=is_glob), in_keyring=True)
                in_keyring.setdefault(os.path.realpath(home), file)
        return [*files, *in_keyring.values()]

    def _no_home(self, home: str) -> Failure:
        given = self._setup.env.get("CODEX_HOME")
        is_there, is_given = os.path.lexists(home), bool(given) and str(absolute(given or "")) == home
        if is_given:
            code = "sources.codex_home_not_a_folder" if is_there else "sources.codex_home_no_folder"
        else:
            code = "sources.not_a_folder" if is_there else "sources.no_folder"
        return self._not_found(code, home)

    def _owner(self, file: LoginFile, login: Login | None) -> str:
        return "Codex"

    def _broken_counts(self, file: LoginFile) -> bool:
        return True

    def _without_login(self, file: LoginFile) -> FileProblem | None:
        return FileProblem("custody.no_codex_login", Path(file.path))

    def _base_url(self, file: LoginFile) -> str | Failure:
        if self._settings.base_url != DEFAULT_BASE_URL:
            return self._settings.base_url
        path = Path(file.path).with_name(CONFIG_NAME)
        said = read_codex_config(path.parent)
        if said.base_url is None and said.problem is None:
            return DEFAULT_BASE_URL
        checked = Wrong(said.problem) if said.problem else url(https_only=True)(Raw(said.base_url))
        if isinstance(checked, Wrong):
            shown = self._shown(str(path))
            return failure(
                FailureKind.NOT_THE_SERVICE, "sources.base_url", detail=shown, path=shown, why=checked.why
            )
        return checked


def _login_of(path: str, home: str, *, is_glob: bool) -> LoginFile:
    """Homes found by a glob are called by their folders."""
    return LoginFile(path, home, visible(os.path.basename(home)) if is_glob else None)  # noqa: PTH119 - a text
