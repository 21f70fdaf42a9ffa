"""What is wrong with a configuration, as values."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct

_QUOTE_LIMIT: Final = 60


class ConfigProblem(Struct, frozen=True):
    """One thing that is wrong, and where.

    `message` is a clause without a final stop. `line` and `column` count from 1. `given_by` names the
    environment variable or option for a value that does not stand in a file. No field holds the value of a
    key that may carry a secret.
    """

    message: str
    key: str | None = None
    line: int | None = None
    column: int | None = None
    path: Path | None = None
    suggestion: str | None = None
    given_by: str | None = None

    @property
    def where(self) -> str:
        """`FILE:LINE:COLUMN` as far as known, or the variable or option; empty when neither is known."""
        if self.path is None:
            return self.given_by or ""
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        return ":".join([printable(str(self.path)), *numbers])

    @property
    def text(self) -> str:
        """The whole problem in one printable line, for people."""
        start = f"{self.where}: " if self.where else ""
        end = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{start}{self.message}{end}"


class ConfigProblems(Struct, frozen=True):
    """Everything that is wrong with one configuration, in the order of the file; never empty.

    `mask`: what it says of `ui.mask` nevertheless.
    """

    problems: tuple[ConfigProblem, ...]
    mask: bool = False

    @property
    def by_options(self) -> bool:
        """Whether nothing but the command line is wrong."""
        return all((problem.given_by or "").startswith("--") for problem in self.problems)

    @property
    def lines(self) -> tuple[str, ...]:
        """One line per problem."""
        return tuple(problem.text for problem in self.problems)

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


def is_printable(text: str) -> bool:
    """Whether the text is one line without control, bidi or surrogate characters (emoji joiners pass)."""
    return text.replace("\u200d", "").isprintable()


def printable(text: str) -> str:
    """The text with everything escaped that could act on a terminal."""
    if is_printable(text):
        return text
    return "".join(mark if is_printable(mark) else ascii(mark)[1:-1] for mark in text)


def quoted(value: object) -> str:
    """A configured value as it is repeated in a message: short, printable, with its kind visible."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            short = value if len(value) <= _QUOTE_LIMIT else value[: _QUOTE_LIMIT - 1] + "…"
            return f'"{printable(short)}"'
        case int() if abs(value) >= 10**_QUOTE_LIMIT:
            return "a number of more than 60 digits"
        case int() | float() | Decimal():
            return str(value)[:_QUOTE_LIMIT]
        case dict():
            return "a table"
        case list():
            return "an array"
        case datetime.date() | datetime.time():
            return "a date or time"
        case _:
            return "something else"


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """The valid key that was most likely meant: the same last name elsewhere, else the closest spelling."""
    import difflib  # only where something is wrong

    names = list(valid)
    last = word.rpartition(".")[2]
    for name in names:
        if name.rpartition(".")[2].lower() == last.lower() and name != word:
            return name
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.7)
    if close:
        return close[0]
    by_last: dict[str, str] = {}
    for name in names:
        by_last.setdefault(name.rpartition(".")[2], name)
    close = difflib.get_close_matches(last.lower(), list(by_last), n=1, cutoff=0.6)
    return by_last[close[0]] if close else None
