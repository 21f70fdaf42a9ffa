"""The standard streams, how a run ends, and its exit codes.

This is the one way to print: nothing that is printed can steer a terminal or forge a line.
"""

from __future__ import annotations

import codecs
import errno
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache

# `typing` takes longer to load than `--version` has; type checkers take this name for theirs
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TextIO

    from poolwatch.config.problems import ConfigProblems

EXIT_OK: Final = 0
#: nothing asked for could be read, a step of a named account failed, a line of an import was refused,
#: doctor found an error, or a crash; accounts that are dead or stale are data
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
#: configuration, or nothing to monitor (`status`, `next`, `refresh` and the app alone)
EXIT_CONFIG: Final = 3
EXIT_CANNOT_TELL: Final = 4
#: a limit says stop
EXIT_STOP: Final = 5
#: `run` did not start the program
EXIT_NOT_RUN: Final = 125
EXIT_INTERRUPTED: Final = 130
#: What a standard stream that cannot take more says.
_UNWRITTEN: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF})
#: Values of TERM for terminals that take nothing but text.
_TEXT_ONLY: Final = frozenset({"", "dumb", "unknown"})

#: The name under which `_plain` is known to the streams.
_PLAIN: Final = "poolwatch.plain"
_LETTERS: Final = {
    "·": ".",
    "—": "-",
    "…": "~",
    "→": ">",
    "●": "*",
    "◐": "=",
    "✕": "x",
    "▲": "!",
    "⊘": "-",
    "≥": ">",
}


@cache
def _core_limit() -> tuple[int, int]:
    """How large core files may be; asked first, and so known, before that is changed."""
    import resource

    return resource.getrlimit(resource.RLIMIT_CORE)


def keep_no_core() -> None:
    """A core file would hold the tokens that are in use."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, _core_limit()[1]))


def give_back_core_limit() -> None:
    """For a program that this process becomes: the limit that it was started with."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, _core_limit())


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


def complain(*lines: str) -> None:
    """One message for people, on stderr; a newline within a line is shown, not made."""
    warn(f"poolwatch: {lines[0] if lines else ''}", *lines[1:])


def complain_of(problems: ConfigProblems, *, mask: bool = False) -> None:
    """Everything that is wrong with a configuration."""
    if not (mask or problems.mask):
        complain(*problems.lines)
        return
    from poolwatch.presentation.masking import masked

    paths = [str(each.path) for each in problems.problems if each.path is not None]
    complain(*(masked(line, paths) for line in problems.lines))


def warn(*lines: str) -> None:
    """Lines on stderr that are no message of their own."""
    # nobody is left to be told when stderr is gone too
    with suppress(OSError):
        sys.stderr.write(_text(lines))


def warn_over(line: str) -> None:
    """As `say_over`, on stderr: a line about how far a command is."""
    with suppress(OSError):
        sys.stderr.write(f"\r{plain_line(line)}\x1b[K" if line else "\r\x1b[K")
        sys.stderr.flush()


def tell_terminal(sequence: str) -> bool:
    """Write what the terminal itself acts on, as it stands; False where there is none."""
    if not sys.stderr.isatty():
        return False
    sys.stderr.write(sequence)
    sys.stderr.flush()
    return True


def ask(*lines: str) -> str:
    """The answer to a question that is put on stderr, empty when there is none."""
    with suppress(OSError):
        sys.stderr.write(_text(lines).removesuffix("\n"))
        sys.stderr.flush()
    return sys.stdin.readline().strip()


def say(*lines: str) -> None:
    """Lines of data, on stdout; ends the command when they cannot be written."""
    _write(_text(lines))


def say_drawn(*lines: str) -> None:
    """As `say`, for lines with colours, which a terminal has to take; nothing else in them steers it."""
    import re

    # SGR sequences stand at the odd places
    parted = (re.split(r"(\x1b\[[0-9;]*m)", line) for line in lines)
    drawn = (
        "".join(part if at % 2 else plain_line(part) for at, part in enumerate(parts)) for parts in parted
    )
    _write("".join(f"{line}\n" for line in drawn))


def say_over(line: str) -> None:
    """A line on the terminal that whatever is said next takes the place of; it has to fit the width."""
    _write(f"\r{plain_line(line)}\x1b[K" if line else "\r\x1b[K")


def say_text(text: str) -> None:
    """Data that is already in lines, each of which may hold only what a line may hold."""
    say(*text.removesuffix("\n").split("\n"))


def say_exactly(data: str) -> None:
    """Data for a program, with its own ends of lines; on a terminal nothing in it steers that."""
    if sys.stdout.isatty():
        say_text(data.replace("\r\n", "\n"))
    else:
        _write(data.encode("utf-8", "replace"))


def say_path(path: str) -> None:
    """A path for a program that reads stdout: its very bytes; on a terminal as a word of a shell."""
    if sys.stdout.isatty():
        from poolwatch.domain.text import shell_word

        say(shell_word(path))
    else:
        _write(os.fsencode(path) + b"\n")


def _write(data: str | bytes) -> None:
    try:
        if isinstance(data, bytes):
            sys.stdout.buffer.write(data)
        else:
            sys.stdout.write(data)
        sys.stdout.flush()
    except OSError as error:
        raise Exit(_unwritten(error, sys.stdout)) from None


def can_draw(env: Mapping[str, str]) -> bool:
    """Whether the terminal takes more than text."""
    return env.get("TERM", "") not in _TEXT_ONLY


def _text(lines: tuple[str, ...]) -> str:
    return "".join(f"{plain_line(line)}\n" for line in lines)


def plain_line(text: str) -> str:
    """A line in which nothing steers a terminal, forges another line, or is a password of an address."""
    if not text.isprintable():
        from poolwatch.domain.text import all_visible  # most lines need none

        text = all_visible(text)
    if "://" not in text or "@" not in text:
        return text
    import re

    # user and password of an address that somebody typed; a port is none
    return re.sub(r"""(://)([^\s/"']*|[^\s/"']*:(?!\d*/)[^\s"']*)@""", r"\1…@", text)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding does not have: what is unknown stays no figure."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_LETTERS.get(each, "?") for each in missing), error.end


class Exit(Exception):  # noqa: N818 - it is an end, not an error
    """Ends a command with this code; whatever there was to say has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def guarded(work: Callable[[], int]) -> int:
    """Run to an exit code, whatever happens; an error of our own becomes a report without account data."""
    try:
        code = _attempt(work)
        _end_interrupts()
    except KeyboardInterrupt:
        # one more, while the first was dealt with
        _end_interrupts()
        code = EXIT_INTERRUPTED
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
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a traceback could show a token or a name
        return tell_of(error)


def tell_of(error: Exception) -> int:
    """Report an error that nobody expected, without account data; the exit code for it."""
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
        from poolwatch.words.commands import said

        complain(said("unwritten", reason=error.strerror))
    return EXIT_FAILED
