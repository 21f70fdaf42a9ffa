"""Private files: bounded reads, space reserved before it is needed, replacement as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.custody.failpoint import reach
from poolwatch.domain.text import visible
from poolwatch.host.files import make_missing_directories
from poolwatch.host.mounts import shared_problem
from poolwatch.words.of_host import file_text

MAX_FILE_BYTES: Final = 1024 * 1024
#: Room for as much is taken before it is known how much there is: a login file is a tenth of it.
_PIECE_BYTES: Final = 64 * 1024
_LONGEST_PATH: Final = 4096
_LONGEST_ATTEMPT: Final = 64
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileProblem(Struct, frozen=True):
    """A file that cannot be used, in words for people. It never holds anything of the content."""

    words: str

    @classmethod
    def of(cls, error: OSError, path: Path | None = None) -> FileProblem:
        """The words for an error of the operating system, with the free space where that is the matter."""
        if isinstance(error, OddFileError):
            return cls(error.words)
        words = (error.strerror or "input/output error").lower()
        if path is None:
            return cls(words)
        if error.errno in _NO_SPACE:
            words += f", {_free_bytes(path)} bytes free"
        return cls(f"{shown(path)}: {words}")


class OddFileError(OSError):
    """A pipe, device, link or folder stands where poolwatch keeps a file of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "not a regular file", str(path))
        self.words: Final = f"{shown(path)} is not a regular file: move it away, a new one is made"


class FileStamp(Struct, frozen=True):
    """Which file was read, and which state of it."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        """The stamp of a stat result."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Content(Struct, frozen=True):
    """The bytes of one regular file and the stamp they were read under."""

    content: bytes
    stamp: FileStamp

    def __repr__(self) -> str:
        return f"Content({len(self.content)} bytes)"


def read_bounded(path: Path, cap: int = MAX_FILE_BYTES) -> Content | FileProblem:
    """Read a regular file of at most `cap` bytes; links are followed, devices and pipes never waited on."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        return FileProblem("not there")
    except OSError as error:
        return FileProblem(f"not readable: {FileProblem.of(error).words}")
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return FileProblem("not a regular file")
        if status.st_size > cap:
            return FileProblem(f"larger than {cap} bytes")
        pieces: list[bytes] = []
        left = cap + 1
        while left and (piece := os.read(handle, min(left, _PIECE_BYTES))):
            pieces.append(piece)
            left -= len(piece)
        if not left:
            return FileProblem(f"larger than {cap} bytes")
        return Content(b"".join(pieces), FileStamp.of(status))
    except OSError as error:
        return FileProblem(f"not readable: {FileProblem.of(error).words}")
    finally:
        os.close(handle)


def open_own(path: Path, flags: int) -> int:
    """Open a file of poolwatch's own state, made where the flags say so; no pipe or device is waited on.

    Raises OSError: it is not a regular file, which is looked at before it is opened, or cannot be opened.
    """
    refuse_odd(path)
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OddFileError(path)
    return handle


def refuse_odd(path: Path) -> None:
    """Raise OSError where something other than a regular file stands; what is missing is fine."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OddFileError(path)


def make_private_directory(path: Path) -> FileProblem | None:
    """Make a directory that only its owner enters, whatever the umask; an existing one must be ours."""
    try:
        make_missing_directories(path)
        status = path.stat()
        if status.st_uid != os.geteuid():
            return FileProblem(f"{shown(path)} belongs to another user")
        if status.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        return FileProblem.of(error, path)
    return None


def make_readable(path: Path) -> None:
    """Let its owner read a file of poolwatch's own state, whatever took that away: it may be whole."""
    with contextlib.suppress(OSError):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and not mode & stat.S_IRUSR:
            path.chmod(0o600)


def replace_problem(path: Path, mounts: Path | None = None) -> FileProblem | None:
    """Why the file at a resolved path may not be replaced by poolwatch, or None."""
    name = shown(path)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY)
        try:
            status = os.fstat(handle)
        finally:
            os.close(handle)
        folder = path.parent.stat()
    except OSError as error:
        return FileProblem.of(error, path)
    if not stat.S_ISREG(status.st_mode):
        return FileProblem(f"{name} is not a regular file")
    if status.st_nlink > 1:
        return FileProblem(f"{name} has {status.st_nlink} hard links: replacing it would fork the login")
    if status.st_uid != os.geteuid():
        return FileProblem(f"{name} belongs to another user")
    if folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX:
        return FileProblem(f"{shown(path.parent)} is writable by others: chmod go-w it first")
    shared = shared_problem(path, mounts)
    return FileProblem(file_text(shared)) if shared is not None else None


class Reservation:
    """An open private file with its space already on disk, which becomes its target in one step.

    The methods raise OSError. `discard` is safe to call at any time.
    """

    def __init__(self, path: Path, size: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self.path: Final = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(self._handle, 0o600)
            _allocate(self._handle, size)
            os.fsync(self._handle)
        except OSError:
            self.discard()
            raise

    def fill(self, content: bytes) -> None:
        """Write the content and force it to disk; the name stays the temporary one."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        write_all(self._handle, content)
        os.ftruncate(self._handle, len(content))
        os.fsync(self._handle)

    def become(self, target: Path) -> None:
        """Take the target's place and force the folder to disk."""
        os.replace(self.path, target)  # noqa: PTH105 - the call that the promise rests on, by its own name
        self._close()
        reach("renamed")
        sync_directory(target.parent)

    def leave(self) -> None:
        """Let go of the file where it is, with what was written into it."""
        if self._handle >= 0:
            self._close()

    def discard(self) -> None:
        """Give the space back; after `become` there is nothing left to give."""
        if self._handle >= 0:
            self._close()
            with contextlib.suppress(OSError):
                self.path.unlink()

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        os.close(handle)


def write_private(target: Path, content: bytes) -> FileProblem | None:
    """Write a whole 0600 file, through a link to where it points; until it is on disk the old one stays."""
    try:
        real = Path(os.path.realpath(target))
        beside = Reservation(real.with_name(f".{real.name}.{secrets.token_hex(8)}.tmp"), len(content))
        try:
            beside.fill(content)
            beside.become(real)
        finally:
            beside.discard()
    except OSError as error:
        return FileProblem.of(error, target)
    return None


def shown(path: Path) -> str:
    """A path as it may be shown: whole, and without anything that steers a terminal."""
    return visible(str(path), _LONGEST_PATH)


def is_place(file: str) -> bool:
    """Whether a text that was read names a file: whole, and such as the system takes."""
    path = Path(file)
    try:
        name = os.fsencode(file)
    except UnicodeError:
        return False
    return path.is_absolute() and path.name != "" and b"\0" not in name and len(name) <= _LONGEST_PATH


def is_name(attempt: str) -> bool:
    """Whether a text that was read may be part of a file's name, as the id of an attempt is."""
    return (
        len(attempt) <= _LONGEST_ATTEMPT
        and attempt.isascii()
        and attempt.isprintable()
        and "/" not in attempt
    )


def sync_directory(path: Path) -> None:
    """Force a directory's entries to disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, content: bytes) -> None:
    """Write every byte; a disk that is nearly full takes a part without an error. Raises OSError."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def _allocate(handle: int, size: int) -> None:
    if size <= 0:
        return
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
        write_all(handle, bytes(size))


def _free_bytes(path: Path) -> int:
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            found = os.statvfs(place)
            return found.f_bavail * found.f_frsize
    return 0
