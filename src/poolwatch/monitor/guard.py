"""An error of our own beneath the monitor becomes a failure like any other, so that the loop outlives it."""

from __future__ import annotations

from typing import Final

from poolwatch.domain.failure import Failure, FailureKind, worded

#: What Python says where the system allows no further thread.
_NO_THREAD: Final = "can't start new thread"


def internal_error(error: Exception) -> Failure:
    """The failure that stands for an error of our own.

    It names the error's type only: its text may hold anything.
    """
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and error.args == (_NO_THREAD,)):
        return worded(
            FailureKind.UPSTREAM_ERROR, "this machine has no room for it: too many processes, or no memory"
        )
    return worded(FailureKind.UPSTREAM_ERROR, f"internal error: {type(error).__name__}")
