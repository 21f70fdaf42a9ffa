"""The `[[sources]]` and `[[accounts]]` of the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from poolwatch.config import values
from poolwatch.config.layers import Layers
from poolwatch.config.problems import nearest, printable, quoted
from poolwatch.config.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_TOKEN_URL,
    AccountRule,
    Origin,
    OriginKind,
    SourceKind,
    SourceSettings,
)
from poolwatch.config.values import D, Read, T, Wrong
from poolwatch.domain.account import Custody
from poolwatch.domain.remake import replace

_FILES: Final = ("kind", "name", "path", "base_url", "token_url")
_POOL: Final = ("kind", "name", "url", "insecure", "api_key_file", "api_key_env")
_DASHBOARD: Final = ("dashboard_password_file", "dashboard_password_env")

KEYS_OF_KIND: Final[Mapping[SourceKind, tuple[str, ...]]] = {
    SourceKind.CODEX_HOME: _FILES,
    SourceKind.AUTH_FILES: (*_FILES, "custody"),
    SourceKind.CODEX_PROXY: (*_POOL, *_DASHBOARD),
    SourceKind.CODEX_LB: (*_POOL, *_DASHBOARD),
    SourceKind.CLI_PROXY_API: _POOL,
}
"""The keys that each kind of source takes."""

ACCOUNT_KEYS: Final = ("match", "label", "group")

_SECRET_KEYS: Final[Mapping[str, str]] = {
    "api_key": "api_key_file",
    "key": "api_key_file",
    "token": "api_key_file",
    "access_token": "api_key_file",
    "secret": "api_key_file",
    "management_key": "api_key_file",
    "password": "dashboard_password_file",
    "dashboard_password": "dashboard_password_file",
}
_CUSTODIES: Final = (Custody.POOLWATCH.value, Custody.OTHER.value)
_KINDS: Final = tuple(kind.value for kind in SourceKind)


def environment_names(document: Mapping[str, object]) -> frozenset[str]:
    """The variables that sources name as holders of their secrets."""
    sources = document.get("sources")
    tables = [table for table in sources if isinstance(table, dict)] if isinstance(sources, list) else []
    names = (table.get(key) for table in tables for key in ("api_key_env", "dashboard_password_env"))
    return frozenset(name for name in names if isinstance(name, str))


def read_sources(
    layers: Layers, document: Mapping[str, object], env: Mapping[str, str]
) -> tuple[SourceSettings, ...]:
    """The valid sources, in the order of the file; what is wrong with the others is noted in `layers`."""
    found: list[tuple[int, SourceSettings, bool]] = []
    for index, table in _tables(layers, document, "sources"):
        reader = _SourceReader(layers, index, table, env)
        source = reader.read()
        if source is not None:
            found.append((index, source, "name" in table))
    return _named(layers, found)


def source_problem(table: Mapping[str, object], env: Mapping[str, str]) -> str | None:
    """What the configuration would say of a source that is not in it yet; None when it would take it."""
    layers = Layers(None, {})
    read_sources(layers, {"sources": [table]}, env)
    return layers.problems[0].text.replace("sources[0].", "") if layers.problems else None


def read_accounts(layers: Layers, document: Mapping[str, object]) -> tuple[AccountRule, ...]:
    """The valid account rules, in the order of the file."""
    rules = []
    for index, table in _tables(layers, document, "accounts"):
        for name in table:
            if name in ACCOUNT_KEYS:
                layers.offer_file(table[name], "accounts", index, name)
            else:
                message = f"unknown key {printable(name)} in [[accounts]]"
                layers.in_file(message, "accounts", index, name, suggestion=nearest(name, ACCOUNT_KEYS))
        prefix = f"accounts[{index}]"
        match = layers.take(f"{prefix}.match", values.line(), None)
        label = layers.take(f"{prefix}.label", values.line(), None)
        group = layers.take(f"{prefix}.group", values.line(), None)
        if "match" not in table:
            layers.in_file(
                f"{prefix} has no match: an e-mail, an id prefix or a glob on the label", "accounts", index
            )
        elif "label" not in table and "group" not in table:
            layers.in_file(f"{prefix} gives neither a label nor a group", "accounts", index)
        if match is not None:
            rules.append(AccountRule(match, label, group))
    return tuple(rules)


def _tables(
    layers: Layers, document: Mapping[str, object], name: str
) -> tuple[tuple[int, Mapping[str, object]], ...]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        layers.in_file(f"{name} must be tables, each begun with [[{name}]] in double brackets", name)
        return ()
    for index, table in enumerate(tables):
        if not isinstance(table, dict):
            layers.in_file(f"{name}[{index}] must be a table, not {quoted(table)}", name, index)
    return tuple((index, table) for index, table in enumerate(tables) if isinstance(table, dict))


class _SourceReader:
    def __init__(
        self, layers: Layers, index: int, table: Mapping[str, object], env: Mapping[str, str]
    ) -> None:
        self._layers = layers
        self._index = index
        self._table = table
        self._env = env
        self._prefix = f"sources[{index}]"

    def read(self) -> SourceSettings | None:
        kind = self._kind()
        if kind is None:
            return None
        problems_before = len(self._layers.problems)
        self._offer(kind)
        source = self._pool(kind) if kind.is_pool else self._files(kind)
        return source if len(self._layers.problems) == problems_before else None

    def _kind(self) -> SourceKind | None:
        if "kind" not in self._table:
            message = f"{self._prefix} has no kind; the kinds are {', '.join(_KINDS)}"
            self._layers.in_file(message, "sources", self._index)
            return None
        self._layers.offer_file(self._table["kind"], "sources", self._index, "kind")
        word = self._layers.take(f"{self._prefix}.kind", values.one_of(_KINDS), None)
        return None if word is None else SourceKind(word)

    def _offer(self, kind: SourceKind) -> None:
        allowed = KEYS_OF_KIND[kind]
        for name, value in self._table.items():
            if name == "kind":
                continue
            if name in allowed:
                self._layers.offer_file(value, "sources", self._index, name)
            elif name in _SECRET_KEYS:
                self._refuse_secret(kind, name)
            else:
                takers = [other.value for other in SourceKind if name in KEYS_OF_KIND[other]]
                if takers:
                    message = f"{name} is not for a source of kind {kind}, only for {', '.join(takers)}"
                    suggestion = None
                else:
                    message = f"unknown key {printable(name)} in a source of kind {kind}"
                    suggestion = nearest(name, allowed)
                self._layers.in_file(message, "sources", self._index, name, suggestion=suggestion)

    def _refuse_secret(self, kind: SourceKind, name: str) -> None:
        message = f"{name}: a secret never stands in this file"
        holder = _SECRET_KEYS[name]
        if holder not in KEYS_OF_KIND[kind]:
            holder = "api_key_file"
        if kind.is_pool:
            message += f"; put it into a file of its own (chmod 600) and name that file in {holder}"
            self._layers.in_file(message, "sources", self._index, name, suggestion=holder)
        else:
            message += "; logins are read from the files at path"
            self._layers.in_file(message, "sources", self._index, name, suggestion="path")

    def _files(self, kind: SourceKind) -> SourceSettings:
        custody = kind.default_custody
        if kind is SourceKind.AUTH_FILES:
            word = self._take("custody", values.one_of(_CUSTODIES), custody.value)
            custody = Custody(word)
        return SourceSettings(
            kind=kind,
            name=self._take("name", values.line(64), kind.value),
            custody=custody,
            path=self._files_path(kind),
            base_url=self._take("base_url", values.url(https_only=True), DEFAULT_BASE_URL),
            token_url=self._take("token_url", values.url(https_only=True), DEFAULT_TOKEN_URL),
        )

    def _files_path(self, kind: SourceKind) -> str | None:
        key = f"{self._prefix}.path"
        if "path" in self._table:
            return self._path("path")
        if kind is not SourceKind.CODEX_HOME:
            self._layers.in_file(
                f"{self._prefix} has no path: the folder or glob of its auth files", "sources", self._index
            )
            return None
        codex_home = self._env.get("CODEX_HOME")
        if codex_home:
            self._layers.origins[key] = Origin(OriginKind.ENVIRONMENT, "CODEX_HOME")
            return _absolute(codex_home, Path())
        self._layers.take(key, values.line(), None)
        home = self._env.get("HOME")
        if home:
            return str(Path(home) / ".codex")
        self._layers.in_file(
            f"{self._prefix} has no path, and neither CODEX_HOME nor HOME is set", "sources", self._index
        )
        return None

    def _pool(self, kind: SourceKind) -> SourceSettings:
        if "url" not in self._table:
            self._layers.in_file(
                f"{self._prefix} has no url: the address of the running pool", "sources", self._index
            )
        has_dashboard = _DASHBOARD[0] in KEYS_OF_KIND[kind]
        for file_key, env_key in (("api_key_file", "api_key_env"), _DASHBOARD):
            if file_key in self._table and env_key in self._table:
                self._layers.in_file(
                    f"{file_key} and {env_key} are both set; keep one", "sources", self._index, env_key
                )
        source = SourceSettings(
            kind=kind,
            name=self._take("name", values.line(64), kind.value),
            custody=kind.default_custody,
            url=self._take("url", values.url(https_only=False), None),
            insecure=self._take("insecure", values.truth, False),
            api_key_file=self._path("api_key_file"),
            api_key_env=self._take("api_key_env", values.variable, None),
            dashboard_password_file=self._path(_DASHBOARD[0]) if has_dashboard else None,
            dashboard_password_env=self._take(_DASHBOARD[1], values.variable, None)
            if has_dashboard
            else None,
        )
        if not source.insecure and _shows_secret(source):
            self._layers.in_file(
                f"{self._prefix}.url is plain http to another machine, and everybody on the way could read "
                "the key: use https, or add the line insecure = true to this [[sources]]",
                "sources",
                self._index,
                "url",
            )
        return source

    def _take(self, name: str, read: Read[T], default: D) -> T | D:
        return self._layers.take(f"{self._prefix}.{name}", read, default)

    def _path(self, name: str) -> str | None:
        base = Path() if self._layers.path is None else self._layers.path.parent

        def read(value: object, loose: bool) -> str | Wrong:
            text = values.line(4096)(value, loose)
            return text if isinstance(text, Wrong) else expand(text, self._env, base)

        return self._take(name, read, None)


def _shows_secret(source: SourceSettings) -> bool:
    """Whether a key or password would go to another machine in the clear."""
    secrets = (
        source.api_key_file,
        source.api_key_env,
        source.dashboard_password_file,
        source.dashboard_password_env,
    )
    if source.url is None or not any(secrets):
        return False
    from urllib.parse import urlsplit  # most files hold no address

    parts = urlsplit(source.url)
    return parts.scheme != "https" and not values.is_loopback(parts.hostname or "")


def expand(text: str, env: Mapping[str, str], base: Path) -> str | Wrong:
    """The path (or glob) with `~` replaced, made absolute from `base`, the folder of its file."""
    if text == "~" or text.startswith("~/"):
        home = env.get("HOME")
        if not home:
            return Wrong("starts with ~, but HOME is not set; write the whole path")
        return _absolute(home + text[1:], base)
    if text.startswith("~"):
        return Wrong("starts with ~USER; write the whole path")
    return _absolute(text, base)


def _absolute(text: str, base: Path) -> str:
    try:
        # not Path.resolve: symbolic links and the glob's stars stay as they are
        return os.path.abspath(base / text)  # noqa: PTH100 - Path.absolute keeps `..`
    except FileNotFoundError:  # the working directory is gone
        return str(base / text)


def _named(layers: Layers, found: list[tuple[int, SourceSettings, bool]]) -> tuple[SourceSettings, ...]:
    taken: dict[str, int] = {}
    for index, source, is_given in found:
        if is_given and source.name in taken:
            layers.in_file(
                f"the name {quoted(source.name)} is already taken by sources[{taken[source.name]}]",
                "sources",
                index,
                "name",
            )
        elif is_given:
            taken[source.name] = index
    named = []
    for index, source, is_given in found:
        name = source.name if is_given else free_name(source.name, taken)
        taken.setdefault(name, index)
        named.append(replace(source, name=name))
    return tuple(named)


def free_name(wanted: str, taken: Mapping[str, object]) -> str:
    """The wanted name, or the first of `-2`, `-3`… that is not taken."""
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}-{count}"
    return name
