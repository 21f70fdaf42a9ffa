"""What is printed when poolwatch fails: where, and nothing of what it knew."""

from __future__ import annotations

from types import TracebackType
from typing import Final

_OWN: Final = "poolwatch"
_CHAIN_MOST: Final = 5


def crash_report(error: BaseException | None) -> str:
    """The kinds of the errors and the lines of our own code they passed through.

    No message, no value of a variable and no path: any of them may hold a token or a name.
    """
    lines = ["poolwatch stopped because of an error of its own. No login or reading was lost."]
    seen = 0
    while error is not None and seen < _CHAIN_MOST:
        lines.append(f"  {'caused by ' if seen else ''}{type(error).__name__}")
        lines.extend(f"    {where}" for where in _frames(error.__traceback__))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        seen += 1
    lines.append("These lines hold no account data; please send them with a report of what you did.")
    return "\n".join(lines)


def _frames(traceback: TracebackType | None) -> list[str]:
    own: list[str] = []
    last = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        module = str(traceback.tb_frame.f_globals.get("__name__", "?"))
        last = f"{module}:{traceback.tb_lineno} {code.co_name}"
        if module.partition(".")[0] == _OWN:
            own.append(last)
        traceback = traceback.tb_next
    if last and (not own or own[-1] != last):
        own.append(last)
    return own
