"""Whose a session file is: its thread, what that came from, where and with which program it ran."""

# no `annotations` from __future__: a decoder would evaluate them at each start
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from poolwatch.sessions.rollout import SessionMeta, seconds_of

_LONGEST: Final = 200
_SEPARATORS: Final = re.compile(r"[/\\]")


class FileHead(Struct, array_like=True):
    """What the first head of a file says; it alone names the file's thread."""

    thread: str
    #: when it was made, seconds since 1970, UTC
    created: float | None = None
    #: the thread that a copy at its beginning would come from
    origin: str | None = None
    parent: str | None = None
    #: the thread in whose file the lines before its own stand
    base: str | None = None
    #: the number of the first line that is its own
    start_ordinal: int | None = None
    #: the folder it ran in, by its last name only
    project: str | None = None
    client: str | None = None

    @property
    def is_child(self) -> bool:
        """Whether the file may begin with a copy."""
        return self.origin is not None or self.start_ordinal is not None


def head_of(meta: SessionMeta, name: str) -> FileHead:
    """The head; `name` stands in for a thread's id."""
    source = meta.source
    thread = text_of(meta.id) or name
    forked, parent = text_of(meta.forked_from_id), text_of(meta.parent_thread_id) or _spawned_by(source)
    return FileHead(
        thread=thread,
        created=seconds_of(meta.timestamp),
        origin=forked or parent,
        parent=parent or forked,
        base=text_of(_at(meta.history_base, "thread_id")),
        start_ordinal=_number(meta.subagent_history_start_ordinal),
        project=_last_name(text_of(meta.cwd)),
        client=" ".join(part for part in (text_of(meta.originator), _kind_of(source)) if part) or None,
    )


def text_of(value: object) -> str | None:
    """A text that can be kept, of bounded length; None for anything else."""
    if not isinstance(value, str) or not value:
        return None
    return value[:_LONGEST].encode("utf-8", "replace").decode()


def _spawned_by(source: object) -> str | None:
    spawn = _at(_at(source, "subagent"), "thread_spawn")
    return text_of(_at(spawn, "parent_thread_id"))


def _kind_of(source: object) -> str | None:
    """`cli`, `vscode`, `exec`, `subagent review`."""
    if isinstance(source, str):
        return text_of(source)
    role = _at(source, "subagent")
    if role is not None:
        return f"subagent {text_of(role)}" if isinstance(role, str) else "subagent"
    return text_of(_at(source, "custom"))


def _at(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, Mapping) else None


def _number(value: object) -> int | None:
    """A number that some versions wrote as a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:15])
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _last_name(folder: str | None) -> str | None:
    if folder is None:
        return None
    return next((part for part in reversed(_SEPARATORS.split(folder)) if part), None)
