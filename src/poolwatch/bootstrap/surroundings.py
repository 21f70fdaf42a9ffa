"""Where a run happens: its settings, directories and the places it monitors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from poolwatch.config.discover import implicit_sources
from poolwatch.config.load import load
from poolwatch.config.paths import home_directory, locate_config, state_directory
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import Settings, SourceSettings
from poolwatch.domain.naming import NamingRule
from poolwatch.domain.overview import PoolRules


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about a run; `overrides` are settings by dotted key."""

    config: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One run's settings and places. `discovered`: no source is configured, these were found."""

    settings: Settings
    state_dir: Path
    home: Path | None
    env: Mapping[str, str]
    sources: tuple[SourceSettings, ...]
    discovered: bool

    @property
    def rules(self) -> PoolRules:
        """The settings that judge a pool."""
        return PoolRules(
            stale_after=timedelta(seconds=self.settings.stale_after),
            amber_percent=self.settings.thresholds.amber_percent,
            red_percent=self.settings.thresholds.red_percent,
            credits_per_usd=self.settings.rate,
        )

    @property
    def naming(self) -> tuple[NamingRule, ...]:
        """The `[[accounts]]` entries."""
        return tuple(NamingRule(rule.match, rule.label, rule.group) for rule in self.settings.accounts)


def look_around(options: Options, env: Mapping[str, str] | None = None) -> Surroundings | ConfigProblems:
    """Read the configuration of this run, or everything that is wrong with it."""
    env = dict(os.environ) if env is None else env
    settings = load(locate_config(env, options.config), env, options.overrides)
    if isinstance(settings, ConfigProblems):
        return settings
    state_dir = state_directory(env)
    if isinstance(state_dir, ConfigProblem):
        return ConfigProblems((state_dir,))
    told = home_directory(env)
    home = None if isinstance(told, ConfigProblem) else told
    discovered = not settings.sources
    sources = implicit_sources(env, home) if discovered else settings.sources
    return Surroundings(settings, state_dir, home, env, tuple(sources), discovered)
