"""An error of our own beneath the monitor becomes a failure like any other, so that the loop outlives it."""

from __future__ import annotations

from poolwatch.domain.failure import Failure, FailureKind


def internal_error(error: Exception) -> Failure:
    """The failure that stands for an error of our own.

    It names the error's type only: its text may hold anything.
    """
    return Failure(FailureKind.UPSTREAM_ERROR, f"internal error: {type(error).__name__}")
