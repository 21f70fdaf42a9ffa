"""What is wrong with a configuration, and where, in words for people."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from poolwatch.config.values import printable
from poolwatch.words.config import said


class ConfigProblem(Struct, frozen=True):
    """One thing that is wrong, and where.

    `message` is a clause without a final stop. `line` and `column` count from 1. `given_by` names the
    environment variable or option for a value that does not stand in a file. `lacks` is the list and the
    name of what is named and not there. No field holds the value of a key that may carry a secret.
    """

    message: str
    key: str | None = None
    line: int | None = None
    column: int | None = None
    path: Path | None = None
    suggestion: str | None = None
    given_by: str | None = None
    lacks: tuple[str, str] | None = None

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
        text = f"{self.where}: {self.message}" if self.where else self.message
        return said("did_you_mean", text=text, suggestion=self.suggestion) if self.suggestion else text


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
