"""The exit codes, and how a command ends; what it prints goes through the one printer."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from poolwatch.bootstrap.printer import complain, complain_of, put, put_drawn, put_path, warn

# `typing` takes longer to load than `--version` has; type checkers take this name for theirs
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TextIO

EXIT_OK: Final = 0
#: nothing that was asked could be read, a step of a named account failed, a line of an import was refused,
#: doctor found an error, or a crash; accounts that are dead or stale are data
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
#: configuration, or nothing to monitor (`status`, `next`, `refresh` and the app alone)
EXIT_CONFIG: Final = 3
_EXIT_INTERRUPTED: Final = 130
#: What a standard stream that cannot take more says.
_UNWRITTEN: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF})


__all__ = ["complain", "complain_of", "warn"]


class Exit(Exception):  # noqa: N818 - it is an end, not an error
    """Ends a command with this code; whatever there was to say has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def say(*lines: str) -> None:
    """Lines of data, on stdout; ends the command when they cannot be written."""
    try:
        put(*lines)
    except OSError as error:
        raise Exit(_unwritten(error, sys.stdout)) from None


def say_drawn(*lines: str) -> None:
    """As `say`, for lines with colours, to a terminal that takes them."""
    try:
        put_drawn(*lines)
    except OSError as error:
        raise Exit(_unwritten(error, sys.stdout)) from None


def say_text(text: str) -> None:
    """Data that is already in lines, each of which may hold only what a line may hold."""
    say(*text.removesuffix("\n").split("\n"))


def say_path(path: str) -> None:
    """A path for a program that reads stdout: its very bytes; on a terminal as a word of a shell."""
    from poolwatch.domain.text import shell_word

    try:
        put_path(path, shell_word(path))
    except OSError as error:
        raise Exit(_unwritten(error, sys.stdout)) from None


def guarded(work: Callable[[], int]) -> int:
    """Run to an exit code, whatever happens; an error of our own becomes a report without account data."""
    try:
        code = _attempt(work)
        _end_interrupts()
    except KeyboardInterrupt:
        # one more, while the first was dealt with
        _end_interrupts()
        code = _EXIT_INTERRUPTED
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            # a terminal that hung up; at exit Python would put a code of its own in place of ours
            lost = _unwritten(error, stream)
            code = code or lost
    return code


def _end_interrupts() -> None:
    """Ctrl+c has nothing left to end: in what Python does at exit it would only print a traceback."""
    with suppress(ValueError):  # not on the main thread, which gets no signals
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _attempt(work: Callable[[], int]) -> int:
    try:
        return work()
    except Exit as ended:
        return ended.code
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a traceback could show a token or a name
        if isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITTEN:
            return _unwritten(error, sys.stdout)
        from poolwatch.ui.crash import crash_report

        warn(*crash_report(error).split("\n"))
        return EXIT_FAILED


def _unwritten(error: OSError, stream: TextIO) -> int:
    # nothing more can be written, also not at exit, where Python would complain about it
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    # a reader that has what it wanted is no trouble
    if error.errno != errno.EPIPE:
        complain(f"the output could not be written: {error.strerror}")
    return EXIT_FAILED
