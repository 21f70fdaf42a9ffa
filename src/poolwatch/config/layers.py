"""The layers of settings laid over each other: every value by dotted key, from default to option."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.config.problems import ConfigProblem, nearest, printable
from poolwatch.config.settings import DEFAULT_ORIGIN, Origin, OriginKind
from poolwatch.config.toml_lines import KeyPath
from poolwatch.config.values import D, Read, T, Wrong

PREFIX: Final = "POOLWATCH_"
PLACES: Final = ("POOLWATCH_CONFIG", "POOLWATCH_STATE_DIR", "POOLWATCH_DATA_DIR")

SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("pool_name", "credits_per_usd", "read_only"),
    "poll": ("interval_seconds", "concurrency", "timeout_seconds", "stale_after_seconds"),
    "thresholds": ("amber_percent", "red_percent"),
    "refresh": ("background", "delegate_to_codex"),
    "ui": ("theme", "view", "sort", "mask", "glyphs", "mouse", "title", "used"),
}
KEYS_TABLE: Final = "keys"
LISTS: Final = ("sources", "accounts")

SCALARS: Final = tuple(
    f"{section}.{name}" if section else name for section, names in SECTIONS.items() for name in names
)
"""The dotted key of every setting outside `[keys]`, `[[sources]]` and `[[accounts]]`."""

_TOP: Final = (*SECTIONS[""], *(section for section in SECTIONS if section), KEYS_TABLE, *LISTS)
_VARIABLES: Final = tuple(PREFIX + key.upper().replace(".", "__") for key in SCALARS)
_OPTION_NAMES: Final = {
    "ui.view": "--view",
    "ui.sort": "--sort",
    "ui.theme": "--theme",
    "ui.mask": "--mask",
    "ui.glyphs": "--ascii",
    "ui.mouse": "--mouse",
    "read_only": "--read-only",
}


class Candidate(Struct, frozen=True):
    """One layer's value for a key; `loose` is text that carries no type of its own."""

    value: object
    loose: bool
    origin: Origin


class Layers:
    """Collects candidates, then the values taken from them, their origins and every problem on the way."""

    def __init__(self, path: Path | None, lines: Mapping[KeyPath, int]) -> None:
        self.path = path
        self.problems: list[ConfigProblem] = []
        self.origins: dict[str, Origin] = {}
        self._lines = lines
        self._candidates: dict[str, list[Candidate]] = {}

    def line(self, *path: str | int) -> int | None:
        """The line of a key of the file, or of the closest table around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self._lines:
                return self._lines[path[:end]]
        return None

    def in_file(self, message: str, *path: str | int, suggestion: str | None = None) -> None:
        """Notes a problem with a key of the file."""
        self.problems.append(
            ConfigProblem(
                message, key=dotted(path), line=self.line(*path), path=self.path, suggestion=suggestion
            )
        )

    def offer(self, key: str, candidate: Candidate) -> None:
        """Adds the next stronger layer's value for a key."""
        self._candidates.setdefault(key, []).append(candidate)

    def offer_file(self, value: object, *path: str | int) -> None:
        """Adds a value of the file."""
        origin = Origin(OriginKind.FILE, str(self.path), self.line(*path))
        self.offer(dotted(path), Candidate(value, loose=False, origin=origin))

    def offered(self, prefix: str) -> tuple[str, ...]:
        """The keys below a prefix that some layer has a value for."""
        return tuple(key for key in self._candidates if key.startswith(prefix))

    def take(self, key: str, read: Read[T], default: D) -> T | D:
        """The strongest layer's value; a bad value in any layer is a problem, even when it is overridden."""
        taken: T | D = default
        self.origins[key] = DEFAULT_ORIGIN
        for candidate in self._candidates.get(key, ()):
            result = read(candidate.value, candidate.loose)
            if isinstance(result, Wrong):
                self._refuse(key, candidate, result)
            else:
                taken = result
                self.origins[key] = candidate.origin
        return taken

    def _refuse(self, key: str, candidate: Candidate, wrong: Wrong) -> None:
        origin = candidate.origin
        in_file = origin.kind is OriginKind.FILE
        self.problems.append(
            ConfigProblem(
                f"{printable(key)} {wrong.why}",
                key=key,
                line=origin.line,
                path=self.path if in_file else None,
                suggestion=wrong.suggestion,
                given_by=None if in_file else origin.name,
            )
        )


def dotted(path: Iterable[str | int]) -> str:
    """`sources[0].kind`: the key as people and `origins` know it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def lay_file(layers: Layers, document: Mapping[str, object]) -> None:
    """Lays the file's scalars and `[keys]` down; `LISTS` are read elsewhere."""
    for name, value in document.items():
        if name in LISTS:
            continue
        if name in SECTIONS[""]:
            layers.offer_file(value, name)
        elif name not in SECTIONS and name != KEYS_TABLE:
            what = "table" if isinstance(value, dict) else "key"
            layers.in_file(
                f"unknown {what} {printable(name)}", name, suggestion=nearest(name, (*_TOP, *SCALARS))
            )
        elif not isinstance(value, dict):
            layers.in_file(f"{name} must be a table: [{name}]", name)
        else:
            for inner, inner_value in value.items():
                if name == KEYS_TABLE or inner in SECTIONS[name]:
                    layers.offer_file(inner_value, name, inner)
                else:
                    key = f"{name}.{inner}"
                    layers.in_file(
                        f"unknown key {printable(key)}", name, inner, suggestion=nearest(key, SCALARS)
                    )


def lay_environment(layers: Layers, env: Mapping[str, str], spoken_for: frozenset[str]) -> None:
    """Lays `POOLWATCH_POLL__INTERVAL_SECONDS` and its like over the file.

    An empty variable counts as unset. A variable that looks like a misspelt setting is a problem, unless it
    is `spoken_for` by an `api_key_env` or the like.
    """
    for name, value in sorted(env.items()):
        if not name.startswith(PREFIX) or name in PLACES or name in spoken_for or not value:
            continue
        key = name.removeprefix(PREFIX).replace("__", ".", 1).lower()
        is_key = key.startswith(KEYS_TABLE + ".") and len(key) > len(KEYS_TABLE) + 1
        if name == name.upper() and (key in SCALARS or is_key):
            layers.offer(key, Candidate(value, loose=True, origin=Origin(OriginKind.ENVIRONMENT, name)))
            continue
        if key.partition(".")[0] in LISTS and "." in key:
            message = f"{printable(name)} sets nothing: sources and accounts stand in the file alone"
            layers.problems.append(ConfigProblem(message, key=key, given_by=name))
            continue
        import difflib  # only where a variable is not known

        close = difflib.get_close_matches(name.upper(), _VARIABLES, n=1, cutoff=0.85)
        if close or "__" in name:
            suggestion = close[0] if close else _nearest_variable(key)
            layers.problems.append(
                ConfigProblem(
                    f"no setting has the name {printable(name)}",
                    key=key,
                    suggestion=suggestion,
                    given_by=name,
                )
            )


def _nearest_variable(key: str) -> str | None:
    near = nearest(key, SCALARS)
    return None if near is None else PREFIX + near.upper().replace(".", "__")


def lay_options(layers: Layers, overrides: Mapping[str, str]) -> None:
    """Lays the options of the command line, by dotted key, over everything."""
    for key, value in overrides.items():
        name = _OPTION_NAMES.get(key, key)
        if key in SCALARS or key.startswith(KEYS_TABLE + "."):
            layers.offer(key, Candidate(value, loose=True, origin=Origin(OriginKind.OPTION, name)))
        else:
            problem = ConfigProblem(
                f"unknown setting {printable(key)}", key=key, suggestion=nearest(key, SCALARS), given_by=name
            )
            layers.problems.append(problem)
