"""What a part of the torture counted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

_Kind = TypeVar("_Kind")
_MOST_WORDS = 20


@dataclass
class Tally:
    """Rounds and what they came to; `violations` says what must never happen and did."""

    part: str
    aim: int
    done: int = 0
    posts: int = 0
    #: logins that were nowhere any more and not said to be; torn login files; used tokens sent again
    lost: int = 0
    torn: int = 0
    replays: int = 0
    #: accounts shown as interrupted, and those of them whose login was really gone
    ambiguous: int = 0
    gone: int = 0
    #: durations in milliseconds
    windows: dict[str, list[float]] = field(default_factory=dict)
    #: other counts
    notes: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def note(self, word: str, count: int = 1) -> None:
        """Count something."""
        self.notes[word] = self.notes.get(word, 0) + count

    def took(self, window: str, milliseconds: float) -> None:
        """Add a duration."""
        self.windows.setdefault(window, []).append(round(milliseconds, 3))

    def check(self, holds: bool, words: str) -> bool:
        """A truth that every round must keep."""
        if not holds and len(self.violations) < _MOST_WORDS:
            self.violations.append(words)
        return holds

    def add(self, other: Tally) -> None:
        """Take in what another lane counted."""
        for name in ("aim", "done", "posts", "lost", "torn", "replays", "ambiguous", "gone"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for window, values in other.windows.items():
            self.windows.setdefault(window, []).extend(values)
        for word, count in other.notes.items():
            self.note(word, count)
        self.violations += other.violations

    @property
    def broken(self) -> bool:
        """Whether something happened that must never happen."""
        return bool(self.violations or self.lost or self.torn or self.replays)

    def widths(self) -> list[str]:
        """Each window in words."""
        return [
            f"{name}: {min(found):.1f} / {statistics.median(found):.1f} / {max(found):.1f} ms ({len(found)})"
            for name, found in sorted(self.windows.items())
            if found
        ]

    def line(self) -> str:
        """One line for people."""
        counts = ", ".join(f"{word} {count}" for word, count in sorted(self.notes.items()))
        bad = f"lost {self.lost} torn {self.torn} replays {self.replays}"
        said = f"ambiguous {self.ambiguous} (gone {self.gone})"
        done = f"{self.part:8} {self.done:>7} of {self.aim:<7} posts {self.posts:<7}"
        return f"{done} {bad} {said}  {counts}".rstrip()

    def to_json(self) -> dict[str, object]:
        """The tally as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Order:
    """How much of a part to do: `aim` rounds, but not longer than `seconds`."""

    folder: Path
    seed: int
    aim: int
    seconds: float
    #: everything rather than a share of it; this lane takes each `lanes`-th kind of fault from `lane` on
    long: bool
    lane: int
    lanes: int
    #: hears of the tally now and then
    tell: Callable[[Tally], None]

    def share(self, plan: Sequence[_Kind]) -> list[_Kind]:
        """This lane's part of a plan, spread over it and cut to the aim."""
        mine = list(plan)[self.lane :: self.lanes]
        if len(mine) <= self.aim:
            return mine
        return [mine[number * len(mine) // self.aim] for number in range(self.aim)]

    def rounds(self, tally: Tally, most: int | None = None) -> Iterator[int]:
        """The numbers of the rounds, until the aim or the end of the time; each one is counted when done."""
        ends = time.monotonic() + self.seconds
        told = time.monotonic()
        for number in range(self.aim if most is None else most):
            if time.monotonic() >= ends:
                return
            yield number
            tally.done += 1
            if time.monotonic() - told > 10:
                told = time.monotonic()
                self.tell(tally)
