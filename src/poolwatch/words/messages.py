"""The sentence for every code that a room below may tell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Protocol

from poolwatch.domain.failure import AS_STORED, Failure, Trouble
from poolwatch.domain.message import Message
from poolwatch.domain.text import visible
from poolwatch.words.catalogue import _, mark

_LONGEST_PATH: Final = 4096


@cache
def texts() -> Mapping[str, str]:
    """The texts of all codes; their files are loaded with the first, which few first screens need."""
    from poolwatch.words import alerts, channels, credits, data, failures, resets, topups

    return {
        AS_STORED: "{text}",
        # what listing the logins shows, without any room below
        "login.also_in": mark("the same login is also in {place}"),
        "login.kept": mark("{path}"),
        **failures.TEXTS,
        **data.TEXTS,
        **alerts.TEXTS,
        **channels.TEXTS,
        **resets.TEXTS,
        **credits.TEXTS,
        **topups.TEXTS,
    }


class _Blanks(dict[str, str]):
    """Arguments by name. What another version stored may lack one: its blank is shown as unknown."""

    def __missing__(self, name: str) -> str:
        return "—"


def message_text(message: Message) -> str:
    """The sentence in the person's language, with its arguments; a code that nobody knows as it is."""
    text = texts().get(message.code)
    if text is None:
        return message.code
    filled = {name: argument_text(message, name) for name, _value in message.arguments}
    return (text if message.code == AS_STORED else _(text)).format_map(_Blanks(filled))


def argument_text(message: Message, name: str) -> str:
    """One argument of a message, as it stands in its sentence."""
    value = dict(message.arguments)[name]
    return message_text(value) if isinstance(value, Message) else value


def failure_text(failure: Failure | Trouble) -> str:
    """What a failure says."""
    return message_text(failure.as_message)


class FileProblemLike(Protocol):
    """A `host.files.FileProblem`, which words do not import."""

    @property
    def code(self) -> str: ...
    @property
    def path(self) -> object: ...
    @property
    def arguments(self) -> tuple[tuple[str, str], ...]: ...


def path_text(path: object) -> str:
    """A path as it may be shown: whole, and without anything that steers a terminal."""
    return visible(str(path), _LONGEST_PATH)


def file_clause(problem: FileProblemLike) -> str:
    """What is the matter with a file: a clause that follows its path."""
    return message_text(
        Message(problem.code, tuple((name, visible(text)) for name, text in problem.arguments))
    )


def file_text(problem: FileProblemLike) -> str:
    """The same as a sentence that begins with the path."""
    return f"{path_text(problem.path)} {file_clause(problem)}"
