"""The user's own configuration file: read, added to, replaced whole; nothing else in it changes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.config.layers import BOM, MAX_BYTES, decode
from poolwatch.config.load import load_text, source_problem
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.source_settings import CreditSettings, SourceSettings
from poolwatch.config.toml_text import Value, with_item
from poolwatch.config.values import at_home, is_loopback
from poolwatch.host.files import Content, FileProblem, read_bounded, write_whole
from poolwatch.words.config import said
from poolwatch.words.messages import file_clause

#: to connect there is to connect to this machine
_ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - nothing listens there
_PORTS: Final = {"http": 80, "https": 443}
#: what people take along with a pool's address: its dashboard, its management API
_POOL_PAGES: Final = ("/management.html", "/v0/management")
# paths are checked for their form alone, so any home will do
_SOME_HOME: Final[Mapping[str, str]] = {"HOME": "/"}


def init_config(path: Path, text: str) -> ConfigProblem | None:
    """Writes the first configuration file (0600); a file or link that is there already is left alone."""
    return already_there(path) or _write(path, text.encode())


def already_there(path: Path) -> ConfigProblem | None:
    """Why a first configuration file cannot be written: there is a file, or a link."""
    is_there = path.is_symlink() or path.exists()
    return ConfigProblem(said("already_there"), path=path) if is_there else None


class ConfigFile(Struct, frozen=True):
    """The file as it was read, for one change; `before` is None where there was none."""

    path: Path
    before: bytes | None
    #: with plain line ends, if all of them are alike
    text: str

    @classmethod
    def read(cls, path: Path) -> ConfigFile | ConfigProblem:
        found = read_bounded(path, MAX_BYTES)
        if isinstance(found, FileProblem):
            if found.is_missing:
                return cls(path, None, "")
            return ConfigProblem(said("file_trouble", why=file_clause(found)), path=path)
        text = decode(found.content, path)
        if isinstance(text, ConfigProblem):
            return text
        return cls(path, found.content, text.replace("\r\n", "\n") if _has_crlf(text) else text)

    def save(self, text: str) -> ConfigProblem | None:
        """Put this text in the place of the file, unless somebody else changed it meanwhile."""
        before = self.before or b""
        if _has_crlf(before.decode()):
            text = text.replace("\n", "\r\n")
        mark = BOM if before.startswith(BOM.encode()) else ""
        return self.save_bytes((mark + text).encode())

    def save_bytes(self, content: bytes) -> ConfigProblem | None:
        """Likewise, as it stands."""
        if len(content) > MAX_BYTES:
            return ConfigProblem(said("too_large"), path=self.path)
        again = read_bounded(self.path, MAX_BYTES)
        now = None if isinstance(again, FileProblem) and again.is_missing else again
        if (now.content if isinstance(now, Content) else now) != self.before:
            return ConfigProblem(said("changed_meanwhile"), path=self.path)
        return _write(self.path, content)


def _has_crlf(text: str) -> bool:
    return 0 < text.count("\r\n") == text.count("\n")


def add_source(path: Path, source: SourceSettings) -> ConfigProblem | None:
    """Adds `[[sources]]` at the end of the file, or makes the file (0600).

    Refuses, and leaves the file as it is, when it is invalid before or would be after.
    """
    file = ConfigFile.read(path)
    if isinstance(file, ConfigProblem):
        return file
    invalid = _first_problem(file.text, path)
    if invalid is not None:
        return invalid
    table = source_table(source)
    wrong = source_problem(table, _SOME_HOME)
    if wrong is not None:
        return ConfigProblem(said("nothing_written", why=wrong), path=path)
    added = with_item(file.text, "sources", table)
    if added is None:
        return ConfigProblem(said("not_addable"), path=path)
    return _first_problem(added, path) or file.save(added)


def is_same_place(one: SourceSettings, other: SourceSettings, home: Path | None) -> bool:
    """Whether two sources are one place, however it is written."""
    if one.kind is not other.kind:
        return False
    if isinstance(one, CreditSettings) and isinstance(other, CreditSettings):
        # one service holds a balance for each key
        return _asked_by(one) == _asked_by(other)
    if one.path is None or other.path is None:
        return one.url is not None and other.url is not None and _address(one.url) == _address(other.url)
    return Path(at_home(one.path, home)) == Path(at_home(other.path, home))


def _asked_by(source: CreditSettings) -> tuple[object, ...]:
    """What tells one balance from another: the address, or the preset's, and by what it is let in."""
    place = source.preset if source.url is None else source.url
    return place, source.api_key_file, source.api_key_env, source.id_file, source.pick


def _address(url: str) -> tuple[str, int | None, str]:
    """Host, port and path: this machine has many names, and one port answers to one scheme."""
    from urllib.parse import urlsplit  # most files hold no address

    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url, None, ""
    if is_loopback(host) or host == _ANY_ADDRESS:
        host = "localhost"
    path = parts.path.rstrip("/")
    for page in _POOL_PAGES:
        path = path.removesuffix(page)
    return host, port or _PORTS.get(parts.scheme), path.rstrip("/")


def source_table(source: SourceSettings) -> dict[str, Value]:
    """The keys of a source that are not what its kind has anyway."""
    usual = type(source)(source.kind, source.kind.value, source.kind.default_custody)
    found = {name: getattr(source, name) for name in source.__struct_fields__}
    return {
        name: value if isinstance(value, bool | int | Decimal | tuple) else str(value)
        for name, value in found.items()
        if name == "kind" or value != getattr(usual, name)
    }


def _first_problem(text: str, path: Path) -> ConfigProblem | None:
    loaded = load_text(text, path, _SOME_HOME, {})
    return loaded.problems[0] if isinstance(loaded, ConfigProblems) else None


def _write(path: Path, content: bytes) -> ConfigProblem | None:
    problem = write_whole(path, content, keep_mode=True)
    if problem is None:
        return None
    return ConfigProblem(said("file_trouble", why=file_clause(problem)), path=path)
