"""The console script: answers what needs no parser at once, and opens the app without one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from poolwatch import __version__
from poolwatch.cli.exits import EXIT_OK, guarded, prepare_streams, say


def main(argv: Sequence[str] | None = None) -> int:
    """Run poolwatch with these arguments (default: those of the process); returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    prepare_streams()
    return guarded(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    if list(arguments) in (["--version"], ["-V"]):
        say(f"poolwatch {__version__}")
        return EXIT_OK
    if not arguments:
        # until the first screen stands nothing of weight is thrown away: looking for it is time lost
        gc.disable()
        from poolwatch.bootstrap.screen import run_app

        return run_app()
    if arguments[0] == "status" and "--line" in arguments and not {"-h", "--help"} & set(arguments):
        gc.disable()
        from poolwatch.cli.line import print_line

        code = print_line(arguments[1:])
        if code is not None:
            return code
        gc.enable()
    from poolwatch.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
