"""`status --line`: one short line from the store; it never polls and imports next to nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from poolwatch.bootstrap.clock import RealClock
from poolwatch.cli.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, complain, complain_of, say
from poolwatch.config.load import load
from poolwatch.config.paths import locate_config, state_directory
from poolwatch.config.settings import ConfigProblem, ConfigProblems
from poolwatch.domain.overview import overview
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import PoolRules
from poolwatch.presentation.strip import status_line
from poolwatch.store.readings import read_pool


def print_line(arguments: Sequence[str]) -> int | None:
    """The fast path; None when the arguments want the command parser after all."""
    config: Path | None = None
    rest = [argument for argument in arguments if argument not in ("--line", "--tmux")]
    if len(rest) == 2 and rest[0] == "--config":
        config = Path(rest[1])
    elif len(rest) == 1 and rest[0].startswith("--config="):
        config = Path(rest[0].removeprefix("--config="))
    elif rest:
        return None
    return line_of(config, tmux="--tmux" in arguments)


def line_of(config: Path | None, *, mask: bool = False, tmux: bool = False) -> int:
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
    rules = PoolRules(
        timedelta(seconds=settings.stale_after),
        settings.thresholds.amber_percent,
        settings.thresholds.red_percent,
        settings.rate,
        adopts_rate=settings.credits_per_usd is None,
    )
    state = read_pool(state_dir) or PoolState()
    seen = overview(state, RealClock().now(), rules)
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    ascii_only = settings.ui.glyphs == "ascii" or (
        settings.ui.glyphs == "auto" and not encoding.startswith("utf")
    )
    line = status_line(seen, ascii_only=ascii_only, mask=mask or settings.ui.mask)
    say(line.replace("#", "##") if tmux else line)
    return EXIT_OK if any(each.account.read_at is not None for each in seen.accounts) else EXIT_FAILED
