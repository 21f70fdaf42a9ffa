"""What lies around on this machine and could be monitored, and how it is added to the configuration."""

from __future__ import annotations

from pathlib import Path

from poolwatch.bootstrap.surroundings import Surroundings, short_path
from poolwatch.config.codex_config import read_codex_config
from poolwatch.config.discover import Found, FoundState, discover
from poolwatch.config.edit import add_source
from poolwatch.config.paths import config_file
from poolwatch.config.problems import ConfigProblem
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.remake import replace
from poolwatch.domain.shell import shell_word
from poolwatch.domain.text import visible
from poolwatch.ui.feed import FoundLogins


def target_config(around: Surroundings, config: Path | None) -> Path | ConfigProblem:
    """The file that an added source is written to."""
    return config or around.settings.path or config_file(around.env)


def found_logins(around: Surroundings, config: Path | None) -> tuple[FoundLogins, ...]:
    """Every place that was looked at, and the configuration file."""
    rows = (
        [found_row(found) for found in discover(around.env, around.home)] if around.home is not None else []
    )
    path = target_config(around, config)
    if isinstance(path, Path):
        there = "there, no source in it" if path.exists() else "not there"
        rows.append(FoundLogins(f"config {short_path(path, around.home)}", there, "", can_add=False))
    return tuple(rows)


def add_found(around: Surroundings, config: Path | None, place: str) -> SourceSettings | str:
    """Write a found place, or a path that was typed, into the configuration; or why that failed."""
    known = discover(around.env, around.home) if around.home is not None else ()
    offered = next((found.source for found in known if found.place == place and found.source), None)
    source = offered or source_for_path(around, place)
    if isinstance(source, str):
        return source
    path = target_config(around, config)
    problem = path if isinstance(path, ConfigProblem) else add_source(path, source)
    return problem.text if problem is not None else source


def source_for_path(around: Surroundings, text: str) -> SourceSettings | str:
    """A typed path as a source: a folder with an auth.json is a Codex home, everything else auth files."""
    typed = text.strip()
    if not typed:
        return "nothing was typed"
    path = Path(typed.replace("~", str(around.home or "~"), 1) if typed.startswith("~") else typed)
    if not path.is_absolute():
        return f"{visible(typed)}: give the whole path, from / or ~"
    kind = SourceKind.AUTH_FILES
    if (path / "auth.json").exists() or read_codex_config(path).keyring:
        kind = SourceKind.CODEX_HOME
    elif not any(mark in typed for mark in "*?[") and not path.exists():
        return f"{visible(typed)}: there is nothing"
    taken = {source.name for source in around.settings.sources}
    name = kind.value
    number = 2
    while name in taken:
        name = f"{kind.value}-{number}"
        number += 1
    return replace(SourceSettings(kind, name, kind.default_custody), path=typed)


def found_row(found: Found) -> FoundLogins:
    """A place that was looked at, in words, with the command that adds it."""
    words = found.state.value
    if found.state is FoundState.READABLE:
        words = f"{found.readable} login{'s' * (found.readable != 1)}, readable"
    command = ""
    if found.source is not None and found.source.path is not None:
        command = f"poolwatch sources add {found.source.kind.value} {shell_word(found.source.path)}"
    return FoundLogins(found.place, words, command, can_add=found.source is not None)
