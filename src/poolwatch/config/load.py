"""Settings from file, environment and options; or everything that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from poolwatch.config import settings, values
from poolwatch.config.layers import (
    KEYS_TABLE,
    Layers,
    lay_environment,
    lay_file,
    lay_options,
)
from poolwatch.config.problems import ConfigProblem, ConfigProblems, printable
from poolwatch.config.settings import (
    OriginKind,
    PollSettings,
    RefreshSettings,
    Settings,
    Thresholds,
    UiSettings,
)
from poolwatch.config.source_tables import environment_names, read_accounts, read_sources
from poolwatch.config.toml_lines import key_lines
from poolwatch.host.files import FileProblem, read_bounded
from poolwatch.words.of_host import file_clause

if TYPE_CHECKING:
    import tomllib

MAX_BYTES: Final = 1024 * 1024
_BOM: Final = "\ufeff"
_WEEK: Final = 604_800
_PLACE: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


def load(
    path: Path | None, env: Mapping[str, str], overrides: Mapping[str, str]
) -> Settings | ConfigProblems:
    """The settings of one run: defaults, under the file, under the environment, under the options.

    `path` None means that there is no file; a given path must be there. `overrides` holds options by dotted
    key (`ui.view`) as text. Either every value is good, or all problems come back and no setting.
    """
    if path is None:
        return load_text("", None, env, overrides)
    found = read_bounded(path, MAX_BYTES)
    if isinstance(found, FileProblem):
        return ConfigProblems((ConfigProblem(f"the configuration file {file_clause(found)}", path=path),))
    text = decode(found.content, path)
    if isinstance(text, ConfigProblem):
        return ConfigProblems((text,))
    return load_text(text, path, env, overrides)


def load_text(
    text: str, path: Path | None, env: Mapping[str, str], overrides: Mapping[str, str]
) -> Settings | ConfigProblems:
    """As `load`, for the text of the file that stands, or is to stand, at `path`."""
    document = parse(text, path)
    if isinstance(document, ConfigProblem):
        return ConfigProblems((document,))
    layers = Layers(path, key_lines(text))
    lay_file(layers, document)
    lay_environment(layers, env, environment_names(document))
    lay_options(layers, overrides)
    found = _read(layers, document, env)
    if layers.problems:
        ordered = sorted(layers.problems, key=lambda problem: problem.line or MAX_BYTES)
        return ConfigProblems(tuple(ordered), mask=found.ui.mask)
    return found


def decode(content: bytes, path: Path | None) -> str | ConfigProblem:
    """The text of a file, without a byte order mark."""
    try:
        return content.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return ConfigProblem("the file is UTF-16; save it as UTF-8", path=path)
        before = content[: error.start]
        start_of_line = before.rfind(b"\n") + 1
        return ConfigProblem(
            "the file is not UTF-8 text from here on; save it as UTF-8",
            line=before.count(b"\n") + 1,
            column=len(before[start_of_line:].decode("utf-8").removeprefix(_BOM)) + 1,
            path=path,
        )


def parse(text: str, path: Path | None) -> dict[str, object] | ConfigProblem:
    """The TOML document, with exact decimals."""
    if not text:
        return {}
    import tomllib  # many have no file

    try:
        return tomllib.loads(text, parse_float=_exact)
    except tomllib.TOMLDecodeError as error:
        return _syntax_problem(error, text, path)
    except (ValueError, RecursionError):
        # int() refuses thousands of digits, and deep nesting ends the stack
        return ConfigProblem("the file holds a number too long or brackets too deep to read", path=path)


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of 20 digits: out of every range
        return Decimal("NaN")


def _syntax_problem(error: tomllib.TOMLDecodeError, text: str, path: Path | None) -> ConfigProblem:
    message = str(error)
    place = _PLACE.search(message)
    said = message[: place.start()] if place else message
    lines = text.split("\n")
    if place and place.group(1):
        line, column = int(place.group(1)), int(place.group(2))
    else:
        line, column = len(lines), len(lines[-1]) + 1
    said = printable(said[:1].lower() + said[1:])
    return ConfigProblem(f"the file is not valid TOML: {said}", line=line, column=column, path=path)


def _read(layers: Layers, document: Mapping[str, object], env: Mapping[str, str]) -> Settings:
    take = layers.take
    pool_name = take("pool_name", values.line(), None)
    credits_per_usd = take("credits_per_usd", values.rate, None)
    read_only = take("read_only", values.truth, False)
    poll = PollSettings(
        take("poll.interval_seconds", values.number(settings.MIN_INTERVAL_SECONDS, _WEEK, "seconds"), 300.0),
        take("poll.concurrency", values.whole(1, 64), 8),
        take("poll.timeout_seconds", values.number(1, 120, "seconds"), 15.0),
        take("poll.stale_after_seconds", values.number(1, 4 * _WEEK, "seconds"), None),
    )
    thresholds = _thresholds(layers)
    refresh = RefreshSettings(
        take("refresh.background", values.truth, False),
        take("refresh.delegate_to_codex", values.truth, True),
    )
    ui = UiSettings(
        theme=take("ui.theme", values.line(), None),
        view=take("ui.view", values.one_of(settings.VIEWS), "auto"),
        sort=take("ui.sort", values.one_of(settings.SORTS), "need"),
        mask=take("ui.mask", values.truth, False),
        glyphs=take("ui.glyphs", values.one_of(settings.GLYPHS), "auto"),
        mouse=take("ui.mouse", values.truth, False),
        title=take("ui.title", values.truth, True),
        used=take("ui.used", values.one_of(settings.USED_OR_LEFT), "used"),
    )
    keys: dict[str, str] = {}
    lines: dict[str, int] = {}
    for key in layers.offered(KEYS_TABLE + "."):
        name = key.removeprefix(KEYS_TABLE + ".")
        keys[name] = take(key, values.line(), "")
        line = layers.line(KEYS_TABLE, name)
        if layers.origins[key].kind is OriginKind.FILE and line is not None:
            lines[name] = line
    return Settings(
        pool_name=pool_name,
        credits_per_usd=credits_per_usd,
        read_only=read_only,
        poll=poll,
        thresholds=thresholds,
        refresh=refresh,
        ui=ui,
        keys=MappingProxyType(keys),
        sources=read_sources(layers, document, env),
        accounts=read_accounts(layers, document),
        path=layers.path,
        origins=MappingProxyType(layers.origins),
        key_lines=MappingProxyType(lines),
    )


def _thresholds(layers: Layers) -> Thresholds:
    problems_before = len(layers.problems)
    amber = layers.take("thresholds.amber_percent", values.number(0, 100), 60.0)
    red = layers.take("thresholds.red_percent", values.number(0, 100), 90.0)
    if amber >= red and len(layers.problems) == problems_before:
        at_fault = max(
            (layers.origins[key] for key in ("thresholds.amber_percent", "thresholds.red_percent")),
            key=lambda origin: list(OriginKind).index(origin.kind),
        )
        in_file = at_fault.kind is OriginKind.FILE
        layers.problems.append(
            ConfigProblem(
                f"thresholds.amber_percent ({amber:g}) must be below thresholds.red_percent ({red:g})",
                key="thresholds.amber_percent",
                line=at_fault.line,
                path=layers.path if in_file else None,
                given_by=None if in_file else at_fault.name,
            )
        )
    return Thresholds(amber, red)
