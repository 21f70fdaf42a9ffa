"""Words of session files: what `doctor` finds of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import Text, _, mark, n_

#: What is wrong with a file or a folder: clauses that follow its path.
_TROUBLES: Final[Mapping[str, str]] = {
    "use.broken": mark("is compressed, and damaged or cut: what comes behind that is not counted"),
    "use.bad_lines": mark("has lines that tell of tokens and are damaged: they are not counted"),
    "use.unreadable": mark("cannot be read"),
    "use.differs": mark("tells of its tokens twice, and not the same: its records are counted"),
}
_UNKNOWN: Final = mark("cannot be read to its end")
_read: Final = Text("{files} read in {homes}")
#: There are session files, and nothing was read of them yet.
not_read: Final = Text("session files that were not read yet")
#: More files have something wrong than are named.
more: Final = Text("and {count} more")
#: Figures of deleted files, and what was imported, were in it alone.
set_aside: Final = Text(
    "{path} was damaged, and set aside: the session files are read anew, but figures of files that are gone,"
    " and imported events, are in it alone"
)
_unverified: Final = Text("{files} unverified: what they copied from others cannot be told; {apart}")


def trouble_of(path: str, code: str) -> str:
    """`~/.codex/sessions/…/rollout-….jsonl.zst is compressed, and …`."""
    return f"{path} {_(_TROUBLES.get(code, _UNKNOWN))}"


def read_files(files: int, homes: int) -> str:
    """`2,114 session files read in 3 homes`."""
    return _read(_files(files), n_("{count} home", "{count} homes", homes))


def unverified_files(files: int, tokens: int) -> str:
    """`41 session files unverified: …; 3,100,000 tokens are apart, in no total`."""
    apart = n_(
        "{shown} token is apart, in no total",
        "{shown} tokens are apart, in no total",
        tokens,
        shown=f"{tokens:,}",
    )
    return _unverified(_files(files), apart)


def _files(count: int) -> str:
    return n_("{shown} session file", "{shown} session files", count, shown=f"{count:,}")
