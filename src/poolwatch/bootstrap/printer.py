"""The one way to the standard streams: nothing that is printed can steer a terminal or forge a line."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress

# `typing` takes longer to load than `--version` has; type checkers take this name for theirs
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from poolwatch.config.settings import ConfigProblems

#: The name under which `_plain` is known to the streams.
_PLAIN: Final = "poolwatch.plain"
_LETTERS: Final = {"·": ".", "—": "-", "…": "~", "→": ">", "●": "*", "◐": "=", "✕": "x", "▲": "!", "⊘": "-"}


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


def ask(*lines: str) -> str:
    """The answer to a question that is put on stderr, empty when there is none."""
    with suppress(OSError):
        sys.stderr.write(_text(lines).removesuffix("\n"))
        sys.stderr.flush()
    return sys.stdin.readline().strip()


def put(*lines: str) -> None:
    """Lines of data, on stdout. Raises OSError."""
    sys.stdout.write(_text(lines))
    sys.stdout.flush()


def put_drawn(*lines: str) -> None:
    """Lines of data with colours, and nothing else that steers a terminal. Raises OSError."""
    import re

    # SGR sequences stand at the odd places
    parted = (re.split(r"(\x1b\[[0-9;]*m)", line) for line in lines)
    drawn = ("".join(part if at % 2 else _line(part) for at, part in enumerate(parts)) for parts in parted)
    sys.stdout.write("".join(f"{line}\n" for line in drawn))
    sys.stdout.flush()


def put_path(path: str, word: str) -> None:
    """A path as data: its very bytes; on a terminal, which they could steer, `word`. Raises OSError."""
    if sys.stdout.isatty():
        put(word)
        return
    sys.stdout.flush()
    stream = sys.stdout.buffer
    stream.write(os.fsencode(path) + b"\n")
    stream.flush()


def _text(lines: tuple[str, ...]) -> str:
    return "".join(f"{_line(line)}\n" for line in lines)


def _line(text: str) -> str:
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
