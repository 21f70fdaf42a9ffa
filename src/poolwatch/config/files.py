"""Files of poolwatch's own: read with a limit, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from msgspec import Struct

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700


class FileTrouble(Struct, frozen=True):
    """Why a file could not be read or written: a clause that follows its path."""

    why: str
    is_missing: bool = False


def read_limited(path: Path, limit: int) -> bytes | FileTrouble:
    """The bytes of a regular file (or the null device), at most `limit` of them. Never blocks on a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return FileTrouble("is not there", is_missing=True)
    except (OSError, ValueError) as error:
        return FileTrouble(f"cannot be read ({_reason(error)})")
    try:
        state = os.fstat(handle)
        if stat.S_ISDIR(state.st_mode):
            return FileTrouble("is a directory, not a file")
        if not stat.S_ISREG(state.st_mode) and not _is_null(state):
            return FileTrouble("is not a regular file")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        return FileTrouble(f"cannot be read ({_reason(error)})")
    finally:
        os.close(handle)
    if len(content) > limit:
        return FileTrouble(f"is larger than {limit // 1024} KiB")
    return content


def write_whole(path: Path, content: bytes) -> FileTrouble | None:
    """Replaces a file, through symbolic links, so that readers see the old or the new content whole.

    A new file is private (0600) and so are the directories made for it; an old one keeps its permissions.
    """
    import tempfile  # most runs write nothing

    temporary: str | None = None
    try:
        target = path.resolve()
        made = make_private_directory(target.parent)
        if made is not None:
            return made
        old = target.stat() if target.exists() else None
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(handle, PRIVATE_FILE if old is None else stat.S_IMODE(old.st_mode))
            if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(OSError):
                    os.fchown(handle, old.st_uid, old.st_gid)
            stream.write(content)
            stream.flush()
            os.fsync(handle)
        Path(temporary).replace(target)
        temporary = None
        _sync_directory(target.parent)
    except (OSError, RuntimeError, ValueError) as error:
        return FileTrouble(f"cannot be written ({_reason(error)})")
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
    return None


def make_private_directory(path: Path) -> FileTrouble | None:
    """Makes a directory and the missing ones above it, each 0700 whatever the umask.

    What is there already keeps its permissions: it may be somebody else's, or `/tmp`.
    """
    try:
        make_missing_directories(path)
        if not os.access(path, os.W_OK | os.X_OK):
            return FileTrouble("is a directory that cannot be written to")
    except FileExistsError as error:
        name = Path(error.filename or path).name
        return FileTrouble(f"cannot be made: {name} is a file, not a directory")
    except (OSError, ValueError) as error:
        return FileTrouble(f"cannot be made ({_reason(error)})")
    return None


def make_missing_directories(path: Path) -> None:
    """As `make_private_directory`, but raises OSError: `mkdir` closes the last one alone to others."""
    missing = []
    for place in (path, *path.parents):
        if place.is_dir():
            break
        missing.append(place)
    for place in reversed(missing):
        try:
            place.mkdir(mode=PRIVATE_DIRECTORY)
        except FileExistsError:
            if not place.is_dir():
                raise
            continue
        place.chmod(PRIVATE_DIRECTORY)


def _sync_directory(path: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems refuse this; the file itself is safe
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_null(state: os.stat_result) -> bool:
    return stat.S_ISCHR(state.st_mode) and state.st_rdev == Path(os.devnull).stat().st_rdev


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "the path is not valid"
