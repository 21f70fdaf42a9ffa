"""The titles of conversations, from the index that Codex keeps beside its session files; not kept here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

_INDEX: Final = "session_index.jsonl"
#: No line of it is longer; one that is says nothing.
_LONGEST: Final = 64 * 1024


class _Entry(Struct):
    id: str = ""
    thread_name: str | None = None


def titles_of(homes: Iterable[str], conversations: Collection[str]) -> dict[str, str]:
    """The titles of these conversations, as far as an index of the homes has them; the last one holds."""
    wanted, found = set(conversations), {}
    decoder = msgspec.json.Decoder(_Entry)
    for home in homes:
        with suppress(OSError), (Path(home) / _INDEX).open("rb") as stream:
            while line := stream.readline(_LONGEST):
                with suppress(msgspec.MsgspecError):
                    entry = decoder.decode(line)
                    if entry.id in wanted and entry.thread_name:
                        found[entry.id] = entry.thread_name
    return found
