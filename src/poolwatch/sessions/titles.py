"""The titles of conversations, from the index that Codex keeps beside its session files; not kept here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import Struct

from poolwatch.sessions.lines import LineReader

_INDEX: Final = "session_index.jsonl"


class _Entry(Struct):
    id: str = ""
    thread_name: str | None = None


def titles_of(homes: Iterable[str], conversations: Collection[str]) -> dict[str, str]:
    """The titles of these conversations, as far as an index of the homes has them; the last one holds."""
    wanted, found = set(conversations), {}
    decoder = msgspec.json.Decoder(_Entry)
    for home in homes:
        with suppress(OSError), LineReader(f"{home}/{_INDEX}") as index:
            for line in index.lines():
                with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
                    entry = decoder.decode(line)
                    if entry.id in wanted and entry.thread_name:
                        found[entry.id] = entry.thread_name
    return found
