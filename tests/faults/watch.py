"""A terminal that compares what it shows, cell by cell, with what the app meant to draw on it."""

from __future__ import annotations

import json
import os
import re
import select
import sys
import time
import unicodedata
from pathlib import Path
from typing import Final

import pyte
from wcwidth import wcwidth

from tests.support.mounts import LOCAL_DISK
from tests.support.terminal import Terminal

ROOT: Final = Path(__file__).parents[2]
#: Everything the app may send beside printable text: nothing that a text could need to steer a terminal.
ALLOWED: Final = re.compile(
    rb"\x1b\[[0-9;:]*m"  # looks
    rb"|\x1b\[[0-9]{0,4};?[0-9]{0,4}H"  # cursor to a place
    rb"|\x1b\[[0-9]{0,4}[ABCDGK]"  # cursor moves, rest of a line
    rb"|\x1b\[\?(?:25|1000|1003|1004|1006|1015|1049|2004|2026|2031|2048|7)[hl]"
    rb"|\x1b\[\?(?:2026|2048)\$p|\x1b\[[>=<][0-9;]*u|\x1b\[(?:22|23);0t|\x1b\[\?6n|\x1b\[0?c"
    rb"|\x1b\]2;poolwatch[^\x00-\x1f\x7f]*\x07"  # the title
    rb"|\x1b\]52;c;[A-Za-z0-9+/=]*\x07"  # the clipboard, by its key alone
    rb"|\x1b\]22;default(?:\x07|\x1b\\)"
    rb"|[\r\n]"
)
_PATIENCE_SECONDS: Final = 30.0
_MOMENT_SECONDS: Final = 0.5


class _Columns(pyte.Screen):
    """Keeps what takes a column, and where; marks go with the character before them."""

    def draw(self, data: str) -> None:
        """pyte gives up on a text at the first mark that it knows no place for."""
        super().draw(_with_width(data))


def _with_width(text: str) -> str:
    return text if text.isascii() else "".join(char for char in text if wcwidth(char) > 0)


class Watch:
    """One walk over one hostile pool; `finish` gives the number of screens that were right."""

    def __init__(self, folder: Path, seed: int, count: int, details: int, columns: int, rows: int) -> None:
        self.where = f"seed {seed}, {count} labels, {columns}x{rows}"
        for name in ("said", "heard"):
            os.mkfifo(folder / name)
        arguments = [str(folder), str(seed), str(count), str(details)]
        env = {
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
            **LOCAL_DISK,
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        }
        command = [sys.executable, "-m", "tests.faults.walked", *arguments]
        self.terminal = Terminal(command, env, columns=columns, rows=rows, kind=_Columns)
        self._said = os.open(folder / "said", os.O_RDONLY | os.O_NONBLOCK)
        # for reading as well: opening it for writing alone would wait for the other side
        self._heard = os.open(folder / "heard", os.O_RDWR)
        self._line = b""

    def finish(self) -> int:
        """Compare every screen; how many there were."""
        screens = in_vain = 0
        with self.terminal:
            while True:
                told = self._next()
                if "end" in told:
                    self._answer()
                    break
                rows = told["rows"]
                assert isinstance(rows, list)
                if self._is_shown(rows):
                    self._answer()
                    screens += 1
                    in_vain = 0
                else:
                    in_vain += 1
                    assert in_vain < 5, f"{self.where}, {told['screen']}: {self._wrong(rows)}"
                    self._answer(b"again\n")
            assert self.terminal.end() == 0, f"{self.where}\n{self.terminal.text}"
        os.close(self._said)
        os.close(self._heard)
        beyond = not_allowed(bytes(self.terminal.raw))
        assert beyond == b"", f"{self.where}: sent {beyond[:200]!r}"
        return screens

    def _next(self) -> dict[str, object]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while b"\n" not in self._line:
            self.terminal.read(0.005)
            ready, _, _ = select.select([self._said], [], [], 0)
            if ready:
                self._line += os.read(self._said, 1 << 20)
            assert time.monotonic() < deadline, f"{self.where}: no word\n{self.terminal.text}"
            assert self.terminal.running or b"\n" in self._line, f"{self.where}: ended\n{self.terminal.text}"
        line, _, self._line = self._line.partition(b"\n")
        told = json.loads(line)
        assert isinstance(told, dict)
        return told

    def _answer(self, word: bytes = b"good\n") -> None:
        os.write(self._heard, word)

    def _is_shown(self, rows: list[list[str]]) -> bool:
        """Wait a moment until the terminal shows these cells, each in its own column."""
        deadline = time.monotonic() + _MOMENT_SECONDS
        while self._wrong(rows) is not None:
            if not self.terminal.read(0.01) and time.monotonic() > deadline:
                return False
        return True

    def _wrong(self, rows: list[list[str]]) -> str | None:
        screen = self.terminal.screen
        for y, row in enumerate(rows):
            shown = screen.buffer[y]
            for x, drawn in enumerate(row):
                there, wanted = shown[x].data, _with_width(drawn)
                if there != wanted:
                    line = "".join(shown[column].data for column in range(screen.columns))
                    return (
                        f"row {y} column {x}: {wanted!r} wanted, {there!r} there\n{''.join(row)!a}\n{line!a}"
                    )
        return None


def not_allowed(raw: bytes) -> bytes:
    """What was sent beyond allowed sequences and printable text, as it stands."""
    rest = ALLOWED.sub(b"", raw).decode("utf-8", "surrogateescape")
    refused = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    found = [
        rest[max(0, at - 4) : at + 24]
        for at, char in enumerate(rest)
        if unicodedata.category(char) in refused
    ]
    return "|".join(found[:5]).encode("utf-8", "surrogateescape")
