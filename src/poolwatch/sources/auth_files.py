"""Folders of login files: Codex's auth.json, codex-auth snapshots and CLIProxyAPI files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from poolwatch.config.values import at_home
from poolwatch.custody.login_file import Login
from poolwatch.domain.account import Custody
from poolwatch.domain.failure import Failure
from poolwatch.host.files import Content, read_bounded
from poolwatch.sources.login_files import LoginFiles
from poolwatch.sources.login_reader import LoginFile, matches

_SUFFIX: Final = ".json"
_SNAPSHOT_SUFFIX: Final = ".auth.json"
_SNIFFED_BYTES: Final = 1024 * 1024
_SIGNS: Final = (
    b'"refresh_token"',
    b'"access_token"',
    b'"id_token"',
    b'"OPENAI_API_KEY"',
    b'"personal_access_token"',
    b'"agent_identity"',
)


class AuthFiles(LoginFiles):
    """One account per login file in a folder; the path may be a glob of folders or files."""

    def _find(self) -> list[LoginFile] | Failure:
        pattern = at_home(self._settings.path or "", self._setup.home)
        places, is_glob = matches(pattern)
        files: dict[str, LoginFile] = {}
        for place in places:
            try:
                is_folder = os.path.isdir(place)  # noqa: PTH112 - a text
                inside = _json_files(place) if is_folder else [place]
            except OSError as error:
                if not is_glob:
                    reason = (error.strerror or type(error).__name__).lower()
                    return self._not_found("sources.folder_unreadable", place, reason=reason)
                continue
            for path in inside:
                # what was in a folder a moment ago need not be looked for
                if is_folder or (path.endswith(_SUFFIX) and os.path.lexists(path)):
                    files.setdefault(path, LoginFile(path))
        if not is_glob and not os.path.lexists(pattern):
            return self._not_found("sources.no_folder", str(Path(pattern)))
        return list(files.values())

    def _owner(self, file: LoginFile, login: Login | None) -> str:
        if self._settings.custody is Custody.POOLWATCH:
            return "poolwatch"
        if login is not None and login.shape == "cliproxy":
            return "CLIProxyAPI"
        return "codex-auth" if file.path.endswith(_SNAPSHOT_SUFFIX) else ""

    def _broken_counts(self, file: LoginFile) -> bool:
        name = Path(file.path).name
        if name == "auth.json" or name.endswith(_SNAPSHOT_SUFFIX) or name.startswith("codex-"):
            return True
        found = read_bounded(Path(file.path), _SNIFFED_BYTES)
        if not isinstance(found, Content):
            return False
        # of UTF-16 and UTF-32 only the zeros between the letters are in the way
        letters = found.content.replace(b"\0", b"")
        return any(sign in letters for sign in _SIGNS)


def _may_be_login(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith(".")


def _json_files(folder: str) -> list[str]:
    """The folder's files in order; those with a leading dot are somebody's half-written ones."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    names = sorted(filter(_may_be_login, names))
    return [os.path.join(folder, name) for name in names]  # noqa: PTH118 - a thousand texts
