"""What doctor finds out about the terminal: kind, size, locale, and how wide it draws our glyphs."""

from __future__ import annotations

import os
import re
import select
import shutil
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from poolwatch.bootstrap.screen import speaks_utf8

#: Drawn one cell wide by most terminals, two by some set up for East Asian text.
_GLYPHS: Final = "●◐✕▲◌⊘━╸"
_ANSWER: Final = re.compile(rb"\x1b\[\d+;(\d+)R")
_PATIENCE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class TerminalFinding:
    """One fact about the terminal; `grade` is ok, note or error."""

    grade: str
    words: str
    remedy: str = ""


def terminal_findings() -> Iterator[TerminalFinding]:
    """Everything that can be seen from here; asks the terminal itself only when there is one."""
    kind = os.environ.get("TERM", "")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield TerminalFinding("note", "not on a terminal: widths and colours were not looked at")
    else:
        size = shutil.get_terminal_size()
        small = size.columns < 60 or size.lines < 15
        words = f"{kind or 'TERM is not set'}, {size.columns}x{size.lines}"
        if small:
            yield TerminalFinding("note", words, "make the window at least 60x15; 80x24 is better")
        else:
            yield TerminalFinding("ok", words)
        yield _widths()
    if kind in ("", "dumb"):
        yield TerminalFinding("note", "this terminal cannot be drawn on", "export TERM=xterm-256color")
    if speaks_utf8(os.environ):
        yield TerminalFinding("ok", "the locale is UTF-8")
    else:
        remedy = 'export LANG=C.UTF-8, or write glyphs = "unicode" into [ui]'
        yield TerminalFinding("note", "the locale is not UTF-8: ASCII glyphs are used", remedy)
    if os.environ.get("NO_COLOR"):
        yield TerminalFinding("ok", "NO_COLOR is set: states are told by glyphs and words")


def _widths() -> TerminalFinding:
    try:
        wide = [glyph for glyph in _GLYPHS if _drawn_width(glyph) not in (None, 1)]
    except (OSError, termios.error):
        return TerminalFinding("note", "the terminal could not be asked how wide it draws glyphs")
    if wide:
        remedy = 'set glyphs = "ascii" in [ui], or ambiguous width to narrow in the terminal'
        return TerminalFinding("error", f"drawn two cells wide here: {' '.join(wide)}", remedy)
    return TerminalFinding("ok", "glyphs are one cell wide")


def _drawn_width(glyph: str) -> int | None:
    """How many cells the cursor moved, or None when the terminal does not answer."""
    with _raw() as descriptor:
        os.write(descriptor, b"\r" + glyph.encode() + b"\x1b[6n")
        answer = b""
        while _ANSWER.search(answer) is None:
            ready, _, _ = select.select([descriptor], [], [], _PATIENCE_SECONDS)
            if not ready:
                break
            answer += os.read(descriptor, 64)
        os.write(descriptor, b"\r\x1b[K")
    found = _ANSWER.search(answer)
    return int(found[1]) - 1 if found else None


@contextmanager
def _raw() -> Iterator[int]:
    descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    try:
        before = termios.tcgetattr(descriptor)
        try:
            tty.setcbreak(descriptor)
            yield descriptor
        finally:
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
    finally:
        os.close(descriptor)
