"""Where a run happens: its settings, directories and the places it monitors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from poolwatch.bootstrap.clock import settle_zone
from poolwatch.config.load import free_name, load
from poolwatch.config.paths import (
    LOGINS_NAME,
    absolute,
    data_directory,
    from_home,
    home_directory,
    locate_config,
    state_directory,
)
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import Settings
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, NamingRule
from poolwatch.domain.status import PoolRules
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.domain.values import replace
from poolwatch.presentation.masking import masked, masked_word, shown_path
from poolwatch.presentation.view import Prefs

_OWN_NAME: Final = "poolwatch"
#: Set where the terminal is on another machine than the browser.
_OVER_SSH: Final = ("SSH_CONNECTION", "SSH_TTY")


class Options(Struct, frozen=True):
    """What the command line says about a run; `overrides` are settings by dotted key.

    `simulated`: it is the demo. `may_be_new`: the configuration that is named is made by this run.
    `may_lack`: it may name channels and budgets that are not there.
    """

    config: Path | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False
    may_be_new: bool = False
    may_lack: bool = False


class Surroundings(Struct, frozen=True):
    """One run's settings and places. `discovered`: no source is configured, these were found.

    `data_dir` is None where nothing tells a place for it.
    """

    settings: Settings
    state_dir: Path
    home: Path | None
    env: Mapping[str, str]
    sources: tuple[SourceSettings, ...]
    discovered: bool
    data_dir: Path | None = None
    #: the configuration that the command line named, from the root on
    named_config: str | None = None

    @property
    def own_logins(self) -> Path | None:
        """The folder of the logins that were imported, there or not."""
        return None if self.data_dir is None else self.data_dir / LOGINS_NAME

    def is_own(self, source: SourceSettings) -> bool:
        """Whether a source is that folder."""
        return self.own_logins is not None and source.path == str(self.own_logins)

    def told(self, text: str, paths: Iterable[str | Path] = ()) -> str:
        """A line for people: masked where the settings want that, also in `paths` that stand in it."""
        if not self.settings.ui.mask:
            return text
        known = [self.settings.path, self.state_dir, self.data_dir, *(each.path for each in self.sources)]
        return masked(text, [str(path) for path in (*paths, *known) if path is not None])

    def told_path(self, path: str | Path, *, as_word: bool = False) -> str:
        """A path for people, as a word of a shell command if that is asked for."""
        if as_word:
            return masked_word(str(path), mask=self.settings.ui.mask)
        return shown_path(visible(str(path), LONGEST_PATH), mask=self.settings.ui.mask)

    def command(self, words: str) -> str:
        """A command of poolwatch that sees this configuration, in whichever shell it is pasted."""
        if self.named_config is None:
            return f"poolwatch {words}"
        return f"poolwatch --config {self.told_path(self.named_config, as_word=True)} {words}"

    @property
    def mark(self) -> str:
        """Tells this run's configured sources from others; the same wherever they are the same."""
        homes = (str(self.home), self.env.get("CODEX_HOME")) if self.discovered else ()
        parts = repr((self.settings.sources, homes)).encode("utf-8", "surrogateescape")
        return hashlib.sha256(parts).hexdigest()[:12]

    @property
    def has_balances(self) -> bool:
        """Whether one of the sources tells a balance."""
        return any(each.kind is SourceKind.CREDITS_HTTP for each in self.sources)

    @property
    def renews(self) -> bool:
        """Whether poolwatch renews its own logins without being asked."""
        return self.settings.refresh.background and not self.settings.read_only

    @property
    def rules(self) -> PoolRules:
        """The settings that judge a pool."""
        return rules_of(self.settings)

    def prefs(self, *, keys: bool = True) -> Prefs:
        """How things are told in this run; `keys`: the app's are at hand, and renew logins."""
        return Prefs(
            self.rules,
            mask=self.settings.ui.mask,
            zone=None,
            config=self.named_config,
            delegates=self.settings.refresh.delegate_to_codex,
            keys=keys and not self.settings.read_only,
            by_code=any(self.env.get(name) for name in _OVER_SSH),
            own_logins=str(self.own_logins) if self.own_logins is not None else None,
            workhours=self.settings.forecast.workhours,
            weights=self.settings.forecast.weights,
            filters=tuple(self.settings.filters.items()),
        )

    @property
    def naming(self) -> tuple[NamingRule, ...]:
        """The `[[accounts]]` entries."""
        return tuple(
            NamingRule(rule.match, rule.label, rule.group, rule.time_zone) for rule in self.settings.accounts
        )


def rules_of(settings: Settings) -> PoolRules:
    """What judges a pool."""
    return PoolRules(
        stale_after=timedelta(seconds=settings.stale_after),
        amber_percent=settings.thresholds.amber_percent,
        red_percent=settings.thresholds.red_percent,
        credits_per_usd=settings.rate,
        adopts_rate=settings.credits_per_usd is None,
    )


def look_around(options: Options, env: Mapping[str, str] | None = None) -> Surroundings | ConfigProblems:
    """Read the configuration of this run, or everything that is wrong with it."""
    settle_zone()
    env = dict(os.environ) if env is None else env
    path = locate_config(env, options.config)
    if options.may_be_new and path is not None and not os.path.lexists(path):
        path = None
    settings = load(path, env, options.overrides, may_lack=options.may_lack)
    if isinstance(settings, ConfigProblems):
        return settings
    state_dir = state_directory(env)
    if isinstance(state_dir, ConfigProblem):
        return ConfigProblems((state_dir,))
    told = home_directory(env)
    home = None if isinstance(told, ConfigProblem) else told
    discovered = not settings.sources
    sources = _discovered(env, home) if discovered else settings.sources
    told_data = data_directory(env)
    data_dir = None if isinstance(told_data, ConfigProblem) else told_data
    named = None if options.config is None else str(absolute(options.config))
    around = Surroundings(settings, state_dir, home, env, tuple(sources), discovered, data_dir, named)
    own = _own_source(around)
    return around if own is None else replace(around, sources=(*around.sources, own))


def short_path(path: Path, home: Path | None) -> str:
    """A path as it is shown: from the home directory on, and without anything that steers a terminal."""
    return visible(from_home(path, home), LONGEST_PATH)


def newcomers(around: Surroundings) -> tuple[SourceSettings, ...]:
    """What lies there by itself and is no source yet: a Codex home, the own folder. Blocks on disk.

    A Codex home counts only while no source is configured.
    """
    found: tuple[SourceSettings, ...] = ()
    if around.discovered:
        known = {source.path for source in around.sources}
        found = tuple(each for each in _discovered(around.env, around.home) if each.path not in known)
    own = _own_source(replace(around, sources=(*around.sources, *found)))
    return found if own is None else (*found, own)


def _discovered(env: Mapping[str, str], home: Path | None) -> tuple[SourceSettings, ...]:
    from poolwatch.config.paths import implicit_sources  # most have a file that names their sources

    return tuple(implicit_sources(env, home))


def _own_source(around: Surroundings) -> SourceSettings | None:
    """poolwatch's own folder, once it holds a login and unless the configuration already names it."""
    folder = around.own_logins
    if folder is None or not folder.is_dir():
        return None
    from poolwatch.custody.own_folder import own_files  # few have such a folder, and it costs time

    if not own_files(folder):
        return None
    paths = [Path(source.path) for source in around.sources if source.path is not None]
    if any(folder in (path, path.parent) for path in paths):
        return None
    taken = {source.name for source in around.sources}
    name = free_name(_OWN_NAME, taken)
    return SourceSettings(SourceKind.AUTH_FILES, name, Custody.POOLWATCH, path=str(folder))
