"""The exit codes, and the one way in which a command says what went wrong."""

from __future__ import annotations

import codecs
import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

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
#: The name under which `_plain` is known to the streams.
_PLAIN: Final = "poolwatch.plain"
_LETTERS: Final = {"·": ".", "—": "-", "…": "~", "→": ">", "●": "*", "◐": "=", "✕": "x", "▲": "!", "⊘": "-"}
#: What a standard stream that cannot take more says.
_UNWRITTEN: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF})


class Exit(Exception):  # noqa: N818 - it is an end, not an error
    """Ends a command with this code; whatever there was to say has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def complain(text: str) -> None:
    """One message for people, on stderr."""
    # nobody is left to be told when stderr is gone too
    with suppress(OSError):
        sys.stderr.write(f"poolwatch: {text}\n")


def say(text: str) -> None:
    """One piece of data, on stdout; ends the command when it cannot be written."""
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise Exit(_unwritten(error, sys.stdout)) from None


def prepare_streams() -> None:
    """Make the standard streams usable, however the process was started.

    A closed one gets the null device, or a database opened later would stand in its place and take what
    is printed. What the terminal's encoding does not have becomes a plain letter, else a question mark.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # the lowest free number is this one; what was closed refuses to be written, stderr swallows it
            os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, for the whole run
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - likewise
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - likewise
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        codecs.register_error(_PLAIN, _plain)
        reconfigure(errors=_PLAIN)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding does not have: what is unknown stays no figure."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_LETTERS.get(each, "?") for each in missing), error.end


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

        with suppress(OSError):
            sys.stderr.write(crash_report(error) + "\n")
        return EXIT_FAILED


def _unwritten(error: OSError, stream: TextIO) -> int:
    # nothing more can be written, also not at exit, where Python would complain about it
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    # a reader that has what it wanted is no trouble
    if error.errno != errno.EPIPE:
        complain(f"the output could not be written: {error.strerror}")
    return EXIT_FAILED
