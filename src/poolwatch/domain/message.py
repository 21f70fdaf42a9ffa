"""What is to be told to a person, as a code and its arguments; `words` has the sentences."""

from __future__ import annotations

from typing import TypeAlias, Union

from msgspec import Struct

#: By the name of the blank. An argument that is a message itself is worded first, then put in.
Arguments: TypeAlias = tuple[tuple[str, Union[str, "Message"]], ...]


class Message(Struct, frozen=True):
    """`code` names one sentence of `words/messages`; the arguments fill its blanks by name.

    Arguments are texts from outside or figures: paths, names, counts. They are sanitised and hold no secret.
    """

    code: str
    arguments: Arguments = ()


def message(code: str, **arguments: object) -> Message:
    """A message with its arguments as texts; an argument that is a message stays one."""
    return Message(code, arguments_of(**arguments))


def arguments_of(**arguments: object) -> Arguments:
    """Arguments by name, each as a text or a message."""
    return tuple(
        (name, value if isinstance(value, Message) else str(value)) for name, value in arguments.items()
    )
