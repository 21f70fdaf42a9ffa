"""What `doctor` finds of session files: which were read, and which could not be, by name."""

from __future__ import annotations

from collections.abc import Iterator

from poolwatch.bootstrap.scanning import session_homes
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.finding import Finding, Grade
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.homes import session_trees
from poolwatch.sessions.progress import Trouble
from poolwatch.sessions.tables import FILE_NAME, BookError
from poolwatch.words import sessions as words
from poolwatch.words.messages import message_text

_AREA = "usage"
#: So many files are named.
_NAMED = 10


def use_findings(around: Surroundings) -> Iterator[Finding]:
    """How the reading of session files stands; nothing is read for it."""
    for kept in sorted(around.state_dir.glob(f"{FILE_NAME}.corrupt-*")):
        if kept.suffix.removeprefix(".corrupt-").isdigit():
            yield Finding(_AREA, Grade.NOTE, words.set_aside(around.told_path(kept)))
    try:
        state = UseBook(around.state_dir).scan_state()
    except BookError as error:
        yield Finding(_AREA, Grade.ERROR, message_text(error.as_message))
        return
    if state.complete_at is None:
        if session_trees(session_homes(around)):
            yield Finding(_AREA, Grade.NOTE, words.not_read(), around.command("usage"))
        return
    yield Finding(_AREA, Grade.OK, words.read_files(state.files, state.homes))
    for troubles in (state.troubles, tuple((path, Trouble.DIFFERS) for path in state.differing)):
        for path, code in troubles[:_NAMED]:
            yield Finding(_AREA, Grade.NOTE, words.trouble_of(around.told_path(path), code))
        if len(troubles) > _NAMED:
            yield Finding(_AREA, Grade.NOTE, words.more(len(troubles) - _NAMED))
    if state.files_unverified:
        told = words.unverified_files(state.files_unverified, state.unverified.total)
        yield Finding(_AREA, Grade.NOTE, told)
