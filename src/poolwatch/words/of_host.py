"""The clauses for what is the matter with a file; each follows its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import mark

#: By code; each text is marked for translation, its blanks are named.
TEXTS: Final[Mapping[str, str]] = {
    "file.missing": mark("is not there"),
    "file.unreadable": mark("cannot be read ({reason})"),
    "file.unwritable": mark("cannot be written ({reason})"),
    "file.unusable": mark("cannot be used ({reason})"),
    "file.no_space": mark("cannot be written ({reason}, {free} bytes free)"),
    "file.directory": mark("is a directory, not a file"),
    "file.closed_directory": mark("is a directory that cannot be written to"),
    "file.irregular": mark("is not a regular file"),
    "file.in_the_way": mark("is not a regular file: move it away, a new one is made"),
    "file.too_large": mark("is larger than {kib} KiB"),
    "file.not_ours": mark("belongs to another user"),
    "file.not_made": mark("cannot be made ({reason})"),
    "file.in_the_place_of": mark("cannot be made: {name} is a file, not a directory"),
    "mount.shared": mark(
        "is on a shared file system ({kind}), whose locks do not hold everywhere: move it to a local disk"
    ),
    "mount.unknown": mark(
        "is on a file system of a kind that poolwatch does not know ({kind}); logins there are refreshed"
    ),
    "mount.untold": mark("is on a file system that no mount tells of; logins there are refreshed"),
}
