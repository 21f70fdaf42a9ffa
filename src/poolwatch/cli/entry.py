"""How commands begin: the surroundings of the run, or the exit that tells what is wrong with them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.cli.exits import EXIT_CONFIG, Exit, complain
from poolwatch.config.problems import ConfigProblems
from poolwatch.presentation.words import cli as words

T = TypeVar("T")

#: A command keeps nearly all that it makes until it ends. So many new objects, some megabytes, are looked
#: through for cycles at once, and not a hundredth of them as in a program that runs for days.
_LOOKED_THROUGH: Final = 50_000


def surroundings(config: Path | None, *, may_be_new: bool = False) -> Surroundings:
    """This run's settings and places; ends the command when they are wrong.

    `may_be_new`: a configuration that was named need not be there yet.
    """
    around = look_around(Options(config, may_be_new=may_be_new))
    if isinstance(around, ConfigProblems):
        complain(around.text)
        raise Exit(EXIT_CONFIG)
    return around


def monitored(config: Path | None) -> Surroundings:
    """As `surroundings`, and there is something to monitor."""
    around = surroundings(config)
    if not around.sources:
        complain(f"{words.NOTHING_TO_MONITOR}; add one with: poolwatch sources add KIND PATH")
        raise Exit(EXIT_CONFIG)
    return around


def run_async(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's asynchronous part."""
    gc.freeze()  # modules and their classes, which stay
    gc.set_threshold(_LOOKED_THROUGH)
    gc.enable()
    found: list[T] = []

    async def run() -> None:
        # not as the task's own result: giving Ctrl+C back, asyncio makes a text of all of that
        found.append(await work())

    asyncio.run(run())
    return found[0]
