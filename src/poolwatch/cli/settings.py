"""`config show|path|init|check`, and where everything lies that poolwatch keeps."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from poolwatch.bootstrap.auditing import audited
from poolwatch.bootstrap.console import EXIT_CONFIG, EXIT_OK, complain, complain_of, say, say_text
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.amounts import parts_of
from poolwatch.config.edit import already_there, init_config
from poolwatch.config.load import load
from poolwatch.config.paths import OwnPlaces, config_file, locate_config, state_directory
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import Settings
from poolwatch.config.table import ShownSetting, render_default, shown_settings
from poolwatch.domain.audit import NOT_WRITTEN, Act, Deed, Outcome
from poolwatch.domain.message import Message
from poolwatch.domain.notices import ChannelKind
from poolwatch.domain.rates import Prices
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from poolwatch.net.tls import authorities
from poolwatch.presentation.masking import masked, shown_path
from poolwatch.store.readings import read_pool
from poolwatch.words.commands import fine_words, said
from poolwatch.words.config import said as config_said
from poolwatch.words.messages import message_text


def print_path(given: Path | None, *, mask: bool = False) -> int:
    """The file that is read, or that would be."""
    path = _path(given)
    if isinstance(path, ConfigProblem):
        complain(path.text)
        return EXIT_CONFIG
    say(shown_path(str(path), mask=mask))
    return EXIT_OK


def show_config(given: Path | None, *, as_json: bool = False, mask: bool = False) -> int:
    """Every setting, its value and where it comes from; then where everything lies."""
    env = dict(os.environ)
    settings = load(locate_config(env, given), env, {})
    if isinstance(settings, ConfigProblems):
        complain_of(settings, mask=mask)
        return EXIT_CONFIG
    trusted = authorities(settings.net, env)
    holding: Mapping[str, tuple[object, str]] = {"net.ca_file": (trusted.place, trusted.origin)}
    rows = shown_settings(settings, {**_adopted(settings, env), **holding})
    hidden = mask or settings.ui.mask
    if hidden:
        paths = [str(settings.path), *(str(source.path) for source in settings.sources)]
        rows = tuple(_masked(row, paths) for row in rows)
    places = OwnPlaces.of(env, given)
    if as_json:
        say_text(_document(rows, places, mask=hidden))
        return EXIT_OK
    widest = max((len(row.key) for row in rows), default=0)
    values = max((len(row.value) for row in rows), default=0)
    say(*(f"{row.key:<{widest}}  {row.value:<{min(values, 40)}}  {row.origin}" for row in rows))
    say("", *(f"{name:<{widest}}  {place}" for name, place in place_lines(places, mask=hidden)))
    return EXIT_OK


def _masked(row: ShownSetting, paths: Sequence[str]) -> ShownSetting:
    holds = masked(row.holds, paths) if isinstance(row.holds, str) else row.holds
    return replace(row, value=masked(row.value, paths), origin=masked(row.origin, paths), holds=holds)


def _document(rows: Sequence[ShownSetting], places: OwnPlaces, *, mask: bool) -> str:
    settings = {row.key: {"value": _data(row.holds), "set": row.is_set, "origin": row.origin} for row in rows}
    document = {
        "schema": "poolwatch.config/1",
        "places": place_rows(places, mask=mask),
        "settings": settings,
    }
    return json.dumps(document, indent=2)


def _data(value: object) -> object:
    """A value as it stands in a document: exact ones as text."""
    match value:
        case Decimal():
            return f"{value:f}"
        case float() if value.is_integer():
            return int(value)
        case StrEnum():
            return value.value
        case date():
            return value.isoformat()
        case Prices():
            return parts_of(value)
        case _:
            return value


def place_rows(places: OwnPlaces, *, mask: bool) -> dict[str, str | None]:
    """Where everything lies, by name; there is no cache."""
    found = {name: getattr(places, name) for name in OwnPlaces.__struct_fields__}
    return {
        name: None if path is None else shown_path(str(path), mask=mask) for name, path in found.items()
    } | {"cache": None}


def place_lines(places: OwnPlaces, *, mask: bool) -> list[tuple[str, str]]:
    """The same for people: each with its name in words."""
    shown = place_rows(places, mask=mask)
    lines = []
    for name, place in shown.items():
        path = getattr(places, name, None)
        told = said("no_cache" if name == "cache" else "no_place") if place is None else place
        there = path is None or os.path.lexists(path)
        lines.append((said(f"place.{name}"), told if there else said("place_not_there", place=told)))
    return lines


def _adopted(settings: Settings, env: Mapping[str, str]) -> Mapping[str, tuple[object, str]]:
    """The rate that the configured pools were last seen to agree on."""
    state_dir = state_directory(env)
    pool = None if isinstance(state_dir, ConfigProblem) else read_pool(state_dir)
    if pool is None:
        return {}
    names = {source.name for source in settings.sources}
    rates = {name: rate for name, rate in pool.rates.items() if name in names}
    rate = PoolState(rates=rates).agreed_rate
    adopted = config_said("adopted_from", pools=", ".join(sorted(rates)))
    return {} if rate is None else {"credits_per_usd": (rate, adopted)}


def init_file(given: Path | None, *, mask: bool = False) -> int:
    """Write the commented default; an existing file stays as it is."""
    path = _path(given)
    if isinstance(path, ConfigProblem):
        complain_of(ConfigProblems((path,)), mask=mask)
        return EXIT_CONFIG
    shown = shown_path(str(path), mask=mask)
    problem = already_there(path)
    if problem is None:
        with audited(dict(os.environ), Deed(Act.INIT_CONFIG, path=shown), mask=mask) as doing:
            problem = init_config(path, render_default())
            if problem is None:
                doing.ended(Outcome.DONE)
            else:
                doing.ended(Outcome.FAILED, NOT_WRITTEN)
    if problem is not None:
        complain_of(ConfigProblems((problem,)), mask=mask)
        return EXIT_CONFIG
    say(said("wrote", path=shown))
    return EXIT_OK


def check(given: Path | None, *, mask: bool = False) -> int:
    """All problems at once, or that there are none."""
    from poolwatch.bootstrap.screen import appearance_problems
    from poolwatch.cli.command import surroundings

    around = surroundings(given, mask=mask)
    wrong = appearance_problems(around.settings)
    for line in wrong:
        complain(around.told(line))
    if wrong:
        return EXIT_CONFIG
    refused = _programs_refused(around)
    if refused is not None:
        complain(around.told(message_text(refused)))
        return EXIT_CONFIG
    path = around.settings.path
    where = around.told_path(path) if path is not None else said("no_file")
    say(fine_words(where, len(around.sources)))
    return EXIT_OK


def _programs_refused(around: Surroundings) -> Message | None:
    """Why none of the programs is run that the configuration names."""
    if not any(each.kind == ChannelKind.EXEC for each in around.settings.channels):
        return None
    from poolwatch.notify.channel import distrust

    return distrust(around.settings.path)


def _path(given: Path | None) -> Path | ConfigProblem:
    return given if given is not None else config_file(dict(os.environ))
