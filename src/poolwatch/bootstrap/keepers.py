"""Who keeps a login file: the programs whose files poolwatch only ever reads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.paths import absolute, discover
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Listing
from poolwatch.sources.login_reader import matches

_AUTH_FILE: Final = "auth.json"


def keeper_of(around: Surroundings, file: Path) -> str | None:
    """The program whose folder a file stands in, in words, or None when no folder that is known holds it."""
    found = discover(around.env, around.home) if around.home is not None else ()
    known = (*around.sources, *(each.source for each in found if each.source is not None))
    for source in known:
        if source.kind.is_pool or source.custody is Custody.POOLWATCH:
            continue
        if any(_holds(place, file) for place in _places(around, source)):
            return "Codex" if source.kind is SourceKind.CODEX_HOME else f"the program of {source.path}"
    return None


def passed_over(around: Surroundings, source: SourceSettings, listings: Iterable[Listing]) -> list[Path]:
    """The files of a folder of login files in which there is no login, in order."""
    if source.kind is not SourceKind.AUTH_FILES:
        return []
    inside: list[Path] = []
    for place in _places(around, source):
        with suppress(OSError):
            inside += (
                (each for each in sorted(place.iterdir()) if each.name[0] != ".")
                if place.is_dir()
                else [place]
            )
    listed = {os.path.realpath(file_of(each.ref.place)) for each in listings}
    return [file for file in inside if file.suffix == ".json" and os.path.realpath(file) not in listed]


def file_of(place: str) -> Path:
    """The path behind the place of a login file's entry, whatever bytes its name has."""
    return Path(place) if place.startswith("/") else Path(os.fsdecode(bytes.fromhex(place)))


def whole_path(around: Surroundings, text: str) -> Path:
    """A path as a person types it, from the root on."""
    if around.home is not None and (text == "~" or text.startswith("~/")):
        return Path(f"{around.home}{text[1:]}")
    return absolute(text)


def _places(around: Surroundings, source: SourceSettings) -> list[Path]:
    """The files and folders of files that a source reads."""
    path = source.path or around.env.get("CODEX_HOME") or "~/.codex"
    places = [Path(place) for place in matches(str(whole_path(around, path)))[0]]
    if source.kind is SourceKind.CODEX_HOME:
        return [place if place.name == _AUTH_FILE else place / _AUTH_FILE for place in places]
    return places


def _holds(place: Path, file: Path) -> bool:
    """Whether the place is the file or its folder, by either name of a link."""
    real = Path(os.path.realpath(file))
    return bool({place, Path(os.path.realpath(place))} & {file, file.parent, real, real.parent})
