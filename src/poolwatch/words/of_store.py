"""The sentences for the codes of the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import mark

#: By code; each text is marked for translation, its blanks are named. `why` is one without a full stop.
TEXTS: Final[Mapping[str, str]] = {
    "store.not_read": mark("The database could not be read: {why}."),
    "store.not_written": mark(
        "The database could not be written: {why}. What is on screen is current, but the latest is not kept."
    ),
    "store.not_opened": mark("The database in {path} could not be opened: {error}. Nothing is kept."),
    "store.skipped": mark("Stored accounts that could not be read: {count}. They will be read anew."),
    "store.set_aside": mark(
        "{path} was damaged. It is kept as {kept}, and a new database was begun: history starts again,"
        " readings come with the next polls."
    ),
    "store.read_only": mark("{why}: it is only read, and this run's readings are not kept."),
    "store.in_memory": mark("{why}: readings and history of this run are kept in memory only."),
    "store.newer": mark("{path} was written by a newer poolwatch"),
    "store.unwritable": mark("{path} cannot be written ({why})"),
    "store.unusable": mark("{path} cannot be used ({why})"),
    "store.stuck": mark("{path} is damaged and could not be set aside ({why})"),
    "store.disk_full": mark("the disk is full"),
    "store.locked": mark("another program keeps it locked"),
    "store.denied": mark("permission denied, or the file system is read-only"),
    "store.damaged": mark("the file is damaged; the next start sets it aside"),
    "store.no_file": mark("{name} is not a regular file: move it away"),
    "store.of_another": mark("{name} belongs to another user"),
    "store.other": mark("{error}"),
}
