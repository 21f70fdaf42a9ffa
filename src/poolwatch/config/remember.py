"""What was chosen by key in the app, kept in the state directory from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import DecodeError, Struct, field
from msgspec.json import decode

from poolwatch.config.problems import ConfigProblem
from poolwatch.config.settings import GLYPHS, SORTS, USED_OR_LEFT, VIEWS, OriginKind, Settings, UiSettings
from poolwatch.config.values import is_printable
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, read_bounded, write_whole
from poolwatch.words.config import said
from poolwatch.words.messages import file_clause

FILE_NAME: Final = "remembered.json"
_MAX_BYTES: Final = 64 * 1024
_MAX_POOLS: Final = 100
_MAX_TEXT: Final = 200


def _no_views() -> Mapping[str, str]:
    return MappingProxyType({})


class Remembered(Struct, frozen=True):
    """The choices of earlier runs; None where nothing was chosen. `views` has the view by pool name."""

    views: Mapping[str, str] = field(default_factory=_no_views)
    theme: str | None = None
    sort: str | None = None
    is_reversed: bool | None = None
    group: str | None = None
    mask: bool | None = None
    used: str | None = None
    glyphs: str | None = None
    #: the names of the pools in which a key was ever pressed
    known_pools: tuple[str, ...] = ()

    def with_pool(self, pool: str) -> Remembered:
        """The same with a pool that is no longer new; of very many the oldest is forgotten."""
        others = [name for name in self.known_pools if name != pool]
        return replace(self, known_pools=(*others[-(_MAX_POOLS - 1) :], pool))

    def with_view(self, pool: str, view: str) -> Remembered:
        """The same with the view of one pool; of very many pools the oldest is forgotten."""
        others = {name: kept for name, kept in self.views.items() if name != pool}
        kept = dict(list(others.items())[-(_MAX_POOLS - 1) :])
        return replace(self, views=MappingProxyType({**kept, pool: view}))


def load_remembered(path: Path) -> Remembered:
    """What the file holds, entry by entry; whatever is missing or not understood counts as not chosen."""
    held = read_bounded(path, _MAX_BYTES)
    if isinstance(held, FileProblem):
        return Remembered()
    try:
        found = decode(held.content)
    except (DecodeError, ValueError, RecursionError):
        return Remembered()
    if not isinstance(found, dict):
        return Remembered()
    views, named = found.get("views"), found.get("known_pools")
    pools = [name for name in (named if isinstance(named, list) else ()) if _line(name) is not None]
    kept = {
        pool: view
        for pool, view in (views.items() if isinstance(views, dict) else ())
        if _line(pool) is not None and _word(view, VIEWS) is not None
    }
    return Remembered(
        views=MappingProxyType(dict(list(kept.items())[-_MAX_POOLS:])),
        theme=_line(found.get("theme")),
        sort=_word(found.get("sort"), SORTS),
        is_reversed=_truth(found.get("is_reversed")),
        group=_line(found.get("group")),
        mask=_truth(found.get("mask")),
        used=_word(found.get("used"), USED_OR_LEFT),
        glyphs=_word(found.get("glyphs"), GLYPHS),
        known_pools=tuple(pools[-_MAX_POOLS:]),
    )


def save_remembered(path: Path, remembered: Remembered) -> ConfigProblem | None:
    """Replaces the file (0600) as a whole; on failure the old one stays."""
    found: dict[str, object] = {
        "theme": remembered.theme,
        "sort": remembered.sort,
        "is_reversed": remembered.is_reversed,
        "group": remembered.group,
        "mask": remembered.mask,
        "used": remembered.used,
        "glyphs": remembered.glyphs,
    }
    chosen = {name: value for name, value in found.items() if value is not None}
    if remembered.views:
        chosen["views"] = dict(remembered.views)
    if remembered.known_pools:
        chosen["known_pools"] = list(remembered.known_pools)
    import json  # msgspec writes no indented lines

    problem = write_whole(path, json.dumps(chosen, indent=1).encode() + b"\n")
    if problem is None:
        return None
    return ConfigProblem(said("remembered_trouble", why=file_clause(problem)), path=path)


def ui_of(settings: Settings, remembered: Remembered) -> UiSettings:
    """The look to start with: choices made by key beat file and defaults, not environment and options."""

    def is_free(name: str) -> bool:
        kind = settings.origin(f"ui.{name}").kind
        return kind in (OriginKind.DEFAULT, OriginKind.FILE)

    ui = settings.ui
    view = remembered.views.get(settings.pool_name or "")
    return replace(
        ui,
        view=view if view is not None and is_free("view") else ui.view,
        theme=remembered.theme if remembered.theme is not None and is_free("theme") else ui.theme,
        sort=remembered.sort if remembered.sort is not None and is_free("sort") else ui.sort,
        mask=remembered.mask if remembered.mask is not None and is_free("mask") else ui.mask,
        used=remembered.used if remembered.used is not None and is_free("used") else ui.used,
        glyphs=remembered.glyphs if remembered.glyphs is not None and is_free("glyphs") else ui.glyphs,
    )


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _line(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= _MAX_TEXT and is_printable(value) else None


def _word(value: object, words: tuple[str, ...]) -> str | None:
    return value if isinstance(value, str) and value in words else None
