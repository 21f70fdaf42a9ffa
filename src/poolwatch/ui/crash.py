"""What is printed when poolwatch fails: where, and nothing of what it knew."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import currentframe
from traceback import walk_stack, walk_tb
from types import FrameType
from typing import Final

from poolwatch.words.interface import text

_OWN: Final = "poolwatch"
_CHAIN_MOST: Final = 5


def crash_report(error: BaseException | None) -> str:
    """The kinds of the errors and the lines of our own code they passed through.

    No message, no value of a variable and no path: any of them may hold a token or a name.
    """
    lines = [text("crash")]
    if error is None:
        # whoever asks for the report is all that is known
        lines.append(f"  {text('crash.unknown')}")
        lines.extend(f"    {where}" for where in _own(reversed(list(walk_stack(currentframe())))))
    seen = 0
    while error is not None and seen < _CHAIN_MOST:
        kind = type(error).__name__
        lines.append(f"  {text('crash.cause', kind=kind) if seen else kind}")
        lines.extend(f"    {where}" for where in _own(walk_tb(error.__traceback__)))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        seen += 1
    lines.append(text("crash.end"))
    return "\n".join(lines)


def _own(frames: Iterable[tuple[FrameType, int]]) -> list[str]:
    own: list[str] = []
    last = ""
    for frame, line in frames:
        module = str(frame.f_globals.get("__name__", "?"))
        last = f"{module}:{line} {frame.f_code.co_name}"
        if module.partition(".")[0] == _OWN:
            own.append(last)
    if last and (not own or own[-1] != last):
        own.append(last)
    return own
