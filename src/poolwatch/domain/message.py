"""What is to be told to a person, as a code and its arguments; `words` has the sentences."""

from __future__ import annotations

from msgspec import Struct

Arguments = tuple[tuple[str, str], ...]


class Message(Struct, frozen=True):
    """`code` names one sentence of `words/messages`; the arguments fill its blanks by name.

    Arguments are texts from outside or figures: paths, names, counts. They are sanitised and hold no secret.
    """

    code: str
    arguments: Arguments = ()


def message(code: str, **arguments: object) -> Message:
    """A message with its arguments as texts."""
    return Message(code, tuple((name, str(value)) for name, value in arguments.items()))
