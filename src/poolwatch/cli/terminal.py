"""What `doctor` finds of the terminal, which is asked itself how wide it draws."""

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
from typing import Final

from poolwatch.bootstrap.console import can_draw
from poolwatch.bootstrap.screen import speaks_utf8
from poolwatch.cli.finding import Finding, Grade
from poolwatch.words.commands import said

#: Drawn one cell wide by most terminals, two by some set up for East Asian text.
_GLYPHS: Final = "●◐✕▲◌⊘━╸"
_ANSWER: Final = re.compile(rb"\x1b\[\d+;(\d+)R")
_PATIENCE_SECONDS: Final = 0.5


def terminal_findings() -> Iterator[Finding]:
    """Everything that can be seen from here; asks the terminal itself only when there is one."""
    kind, is_there = os.environ.get("TERM", ""), sys.stdin.isatty() and sys.stdout.isatty()
    if not is_there:
        yield Finding("terminal", Grade.NOTE, said("no_terminal"))
    else:
        size = shutil.get_terminal_size()
        small = size.columns < 60 or size.lines < 15
        words = f"{kind or said('no_term')}, {size.columns}x{size.lines}"
        if small:
            yield Finding("terminal", Grade.NOTE, words, said("larger_window"))
        else:
            yield Finding("terminal", Grade.OK, words)
        yield _widths()
    if not can_draw(os.environ):
        yield Finding("terminal", Grade.NOTE, said("cannot_draw"), "export TERM=xterm-256color")
    if not speaks_utf8(os.environ):
        yield Finding("terminal", Grade.NOTE, said("no_utf_8"), said("set_utf_8"))
    elif is_there:
        yield Finding("terminal", Grade.OK, said("utf_8"))
    if is_there and os.environ.get("NO_COLOR"):
        yield Finding("terminal", Grade.OK, said("no_color"))


def _widths() -> Finding:
    try:
        wide = [glyph for glyph in _GLYPHS if _drawn_width(glyph) not in (None, 1)]
    except (OSError, termios.error):
        return Finding("terminal", Grade.NOTE, said("widths_unknown"))
    if wide:
        words = said("drawn_wide", glyphs=" ".join(wide))
        return Finding("terminal", Grade.ERROR, words, said("narrow_glyphs"))
    return Finding("terminal", Grade.OK, said("drawn_narrow"))


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
