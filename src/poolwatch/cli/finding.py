"""What `doctor` found: how bad it is, and how findings are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, TextIO

from msgspec import Struct

from poolwatch.bootstrap.console import can_draw
from poolwatch.domain.text import all_visible
from poolwatch.words.commands import said


class Grade(StrEnum):
    """How bad a finding is; only errors make doctor fail."""

    OK = "ok"
    NOTE = "note"
    ERROR = "error"


class Finding(Struct, frozen=True):
    """One thing that was looked at; `remedy` is what to do, where there is something."""

    area: str
    grade: Grade
    words: str
    remedy: str = ""


_COLOURS: Final = {Grade.OK: "32", Grade.NOTE: "33", Grade.ERROR: "31"}


def finding_lines(findings: Sequence[Finding], *, coloured: bool) -> Iterator[str]:
    """What is wrong first, then what is worth knowing, and all that is fine on one line.

    Text from outside has no colours of its own.
    """
    for grade in (Grade.ERROR, Grade.NOTE):
        for each in findings:
            if each.grade is grade:
                yield f"{_mark(grade, coloured=coloured)}  {each.area:<9}  {all_visible(each.words)}"
                if each.remedy:
                    yield f"       {'':<9}  {said('do', remedy=all_visible(each.remedy))}"
    fine = Counter(each.area for each in findings if each.grade is Grade.OK)
    if fine:
        told = ", ".join(f"{area} {count}" if count > 1 else area for area, count in fine.items())
        yield f"{_mark(Grade.OK, coloured=coloured)}  {told}"


def _mark(grade: Grade, *, coloured: bool) -> str:
    word = f"{grade.value:<5}"
    return f"\x1b[{_COLOURS[grade]}m{word}\x1b[m" if coloured else word


def is_coloured(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Whether marks have colours there: on a terminal that draws them, and nobody asked for none."""
    return stream.isatty() and not env.get("NO_COLOR") and can_draw(env)
