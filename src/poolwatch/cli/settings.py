"""`config path|show|init|check`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from poolwatch.bootstrap.console import EXIT_CONFIG, EXIT_OK, complain, complain_of, say
from poolwatch.config.edit import init_config
from poolwatch.config.load import load
from poolwatch.config.paths import config_file, locate_config, state_directory
from poolwatch.config.settings import ConfigProblem, ConfigProblems, Settings
from poolwatch.config.table import render_default, shown_settings
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from poolwatch.net.tls import authorities
from poolwatch.presentation.masking import shown_path
from poolwatch.store.readings import read_pool
from poolwatch.words.commands import fine_words, said
from poolwatch.words.config import said as config_said


def print_path(given: Path | None, *, mask: bool = False) -> int:
    """The file that is read, or that would be."""
    path = _path(given)
    if isinstance(path, ConfigProblem):
        complain(path.text)
        return EXIT_CONFIG
    say(shown_path(str(path), mask=mask))
    return EXIT_OK


def show_config(given: Path | None, *, mask: bool = False) -> int:
    """Every setting, its value and where it comes from."""
    env = dict(os.environ)
    settings = load(locate_config(env, given), env, {})
    if isinstance(settings, ConfigProblems):
        complain_of(settings, mask=mask)
        return EXIT_CONFIG
    trusted = authorities(settings.net, env)
    holding = {"net.ca_file": (trusted.place, trusted.origin)}
    rows = shown_settings(settings, {**_adopted(settings, env), **holding})
    if mask or settings.ui.mask:
        from poolwatch.presentation.masking import masked

        paths = [str(settings.path), *(str(source.path) for source in settings.sources)]
        rows = tuple(
            replace(row, value=masked(row.value, paths), origin=masked(row.origin, paths)) for row in rows
        )
    widest = max((len(row.key) for row in rows), default=0)
    values = max((len(row.value) for row in rows), default=0)
    say(*(f"{row.key:<{widest}}  {row.value:<{min(values, 40)}}  {row.origin}" for row in rows))
    return EXIT_OK


def _adopted(settings: Settings, env: Mapping[str, str]) -> Mapping[str, tuple[str, str]]:
    """The rate that the configured pools were last seen to agree on."""
    state_dir = state_directory(env)
    pool = None if isinstance(state_dir, ConfigProblem) else read_pool(state_dir)
    if pool is None:
        return {}
    names = {source.name for source in settings.sources}
    rates = {name: rate for name, rate in pool.rates.items() if name in names}
    rate = PoolState(rates=rates).agreed_rate
    adopted = config_said("adopted_from", pools=", ".join(sorted(rates)))
    return {} if rate is None else {"credits_per_usd": (f"{rate:f}", adopted)}


def init_file(given: Path | None, *, mask: bool = False) -> int:
    """Write the commented default; an existing file stays as it is."""
    path = _path(given)
    problem = path if isinstance(path, ConfigProblem) else init_config(path, render_default())
    if problem is not None:
        complain_of(ConfigProblems((problem,)), mask=mask)
        return EXIT_CONFIG
    say(said("wrote", path=shown_path(str(path), mask=mask)))
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
    path = around.settings.path
    where = around.told_path(path) if path is not None else said("no_file")
    say(fine_words(where, len(around.sources)))
    return EXIT_OK


def _path(given: Path | None) -> Path | ConfigProblem:
    return given if given is not None else config_file(dict(os.environ))
