"""The console script: answers what needs no parser at once, and opens the app without one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from poolwatch import __version__
from poolwatch.bootstrap.printer import prepare_streams
from poolwatch.cli.exits import EXIT_OK, guarded, say


def main(argv: Sequence[str] | None = None) -> int:
    """Run poolwatch with these arguments (default: those of the process); returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    prepare_streams()
    _keep_no_core()
    return guarded(lambda: _run(arguments))


def _keep_no_core() -> None:
    """A core file would hold the tokens that are in use."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(arguments: Sequence[str]) -> int:
    if list(arguments) in (["--version"], ["-V"]):
        say(f"poolwatch {__version__}")
        return EXIT_OK
    if not arguments and "_POOLWATCH_COMPLETE" not in os.environ:  # with it a shell asks what may come next
        from poolwatch.bootstrap.demo import run_demo
        from poolwatch.bootstrap.screen import run_app

        return run_app(run_demo)
    if arguments[:1] == ["status"] and "--line" in arguments and not {"-h", "--help"} & set(arguments):
        from poolwatch.cli.line import print_line

        code = print_line(arguments[1:])
        if code is not None:
            return code
    elif arguments[:1] == ["status"]:
        from poolwatch.cli.plain_status import plain_status

        code = plain_status(arguments[1:])
        if code is not None:
            return code
    from poolwatch.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
