"""`status --line`: one short line from the store; it never polls and imports next to nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, complain, complain_of, say
from poolwatch.bootstrap.surroundings import rules_of
from poolwatch.config.load import load
from poolwatch.config.paths import locate_config, state_directory
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.domain.overview import overview
from poolwatch.domain.state import PoolState
from poolwatch.presentation.strip import status_line
from poolwatch.store.readings import read_pool


def print_line(config: Path | None = None, *, mask: bool = False, tmux: bool = False) -> int:
    """Print the line; 3 for a wrong configuration, 1 when nothing was ever read.

    `tmux`: nothing in it is a format of tmux.
    """
    env = dict(os.environ)
    settings = load(locate_config(env, config), env, {})
    if isinstance(settings, ConfigProblems):
        complain_of(settings, mask=mask)
        return EXIT_CONFIG
    state_dir = state_directory(env)
    if isinstance(state_dir, ConfigProblem):
        complain(state_dir.text)
        return EXIT_CONFIG
    state = read_pool(state_dir) or PoolState()
    seen = overview(state, RealClock().now(), rules_of(settings))
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    ascii_only = settings.ui.glyphs == "ascii" or (
        settings.ui.glyphs == "auto" and not encoding.startswith("utf")
    )
    line = status_line(seen, state.outlook, ascii_only=ascii_only, mask=mask or settings.ui.mask)
    say(line.replace("#", "##") if tmux else line)
    return EXIT_OK if any(each.account.read_at is not None for each in seen.accounts) else EXIT_FAILED
