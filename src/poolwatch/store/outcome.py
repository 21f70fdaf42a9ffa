"""How a refresh that another process asked for ended, to and from the text in the queue of requests."""

from __future__ import annotations

from typing import Final

import msgspec

from poolwatch.domain.refresh import RefreshProgress

#: What is written for a wish that brought no refresh; it reads as no outcome.
NOTHING: Final = "nothing"


def outcome_text(progress: RefreshProgress | None) -> str:
    """The stored form; it holds what the card shows, and no token."""
    return NOTHING if progress is None else msgspec.json.encode(progress).decode()


def outcome_from(text: str | None) -> RefreshProgress | None:
    """The refresh in a stored outcome; None for words, and for what another version wrote. Never raises."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=RefreshProgress)
    except (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError, RecursionError):
        return None
