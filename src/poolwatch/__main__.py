"""The console script: answers what needs no parser at once, and opens the app without one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from poolwatch import __version__
from poolwatch.bootstrap.console import EXIT_OK, guarded, keep_no_core, prepare_streams, say


def main(argv: Sequence[str] | None = None) -> int:
    """Run poolwatch with these arguments (default: those of the process); returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    prepare_streams()
    keep_no_core()
    return guarded(lambda: _run(arguments))


def _run_demo() -> int:
    from poolwatch.bootstrap.demo import run_demo

    return run_demo()


def _run(arguments: Sequence[str]) -> int:
    if list(arguments) in (["--version"], ["-V"]):
        say(f"poolwatch {__version__}")
        return EXIT_OK
    if not arguments and "_POOLWATCH_COMPLETE" not in os.environ:  # with it a shell asks what may come next
        from poolwatch.bootstrap.screen import run_app

        return run_app(_run_demo)
    if list(arguments) in (["status", "--line"], ["status", "--line", "--tmux"]):
        from poolwatch.cli.status_line import print_line

        return print_line(tmux=arguments[-1] == "--tmux")
    from poolwatch.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
