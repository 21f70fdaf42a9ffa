"""Private files: read with a limit, space reserved before it is needed, replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700
MAX_FILE_BYTES: Final = 1024 * 1024
#: Room for as much is taken before it is known how much there is: a login file is a tenth of it.
_PIECE_BYTES: Final = 64 * 1024
_WRITABLE_BY_OTHERS: Final = 0o022
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_ALLOCATION: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
_READ_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class FileProblem(Struct, frozen=True):
    """Why a file cannot be used: the code of a clause that follows its path (`words/failures`).

    It never holds anything of the content.
    """

    code: str
    path: Path
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def is_missing(self) -> bool:
        return self.code == "file.missing"

    @classmethod
    def of(cls, error: Exception, path: Path, code: str = "file.unusable") -> FileProblem:
        """The problem of an error of the operating system, with the free space where that is the matter."""
        if isinstance(error, OddFileError):
            return cls("file.in_the_way", Path(error.filename))
        number = (error.errno or errno.EIO) if isinstance(error, OSError) else errno.EINVAL
        reason = os.strerror(number).lower()
        if number in _NO_SPACE:
            return cls("file.no_space", path, (("reason", reason), ("free", str(_free_bytes(path)))))
        return cls(code, path, (("reason", reason),))


class OddFileError(OSError):
    """A pipe, device, link or folder stands where poolwatch keeps a file of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "not a regular file", str(path))


class FileStamp(Struct, frozen=True):
    """Which file was read, and which state of it."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Content(Struct, frozen=True):
    """The bytes of one file and the stamp they were read under."""

    content: bytes
    stamp: FileStamp

    def __repr__(self) -> str:
        return f"Content({len(self.content)} bytes)"


def read_bounded(path: Path, cap: int = MAX_FILE_BYTES) -> Content | FileProblem:
    """Read a regular file (or the null device) of at most `cap` bytes.

    Links are followed; a device or a pipe is never waited for.
    """
    try:
        handle = os.open(path, _READ_FLAGS)
    except FileNotFoundError:
        return FileProblem("file.missing", path)
    except (OSError, ValueError) as error:
        return FileProblem.of(error, path, "file.unreadable")
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            return FileProblem("file.directory", path)
        if not stat.S_ISREG(status.st_mode) and not _is_null(status):
            return FileProblem("file.irregular", path)
        pieces: list[bytes] = []
        left = cap + 1 if status.st_size <= cap else 0
        while left and (piece := os.read(handle, min(left, _PIECE_BYTES))):
            pieces.append(piece)
            left -= len(piece)
        if not left:
            return FileProblem("file.too_large", path, (("kib", str(cap // 1024)),))
        return Content(b"".join(pieces), FileStamp.of(status))
    except OSError as error:
        return FileProblem.of(error, path, "file.unreadable")
    finally:
        os.close(handle)


def in_foreign_hands(path: Path) -> FileProblem | None:
    """Whether another user can change a file: it or its folder is his, or open to writes.

    Root can always, and so is trusted. Of a link both ends count. Folders further up do not: in sandboxes
    they often belong to nobody.
    """
    real = Path(os.path.realpath(path))
    try:
        for place in dict.fromkeys((real.parent, path.parent, real)):
            status = place.stat()
            if status.st_uid not in (0, os.geteuid()):
                return FileProblem("file.not_ours", place)
            # in a folder like /tmp others cannot replace what is not theirs
            is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
            if status.st_mode & _WRITABLE_BY_OTHERS and not is_sticky:
                return FileProblem("file.writable_by_others", place)
    except FileNotFoundError:
        return FileProblem("file.missing", path)
    except (OSError, ValueError) as error:
        return FileProblem.of(error, path, "file.unreadable")
    return None


def open_private(path: Path, flags: int) -> int:
    """Open a file of poolwatch's own state, made where the flags say so; no pipe or device is waited for.

    Raises OSError: it is not a regular file, which is looked at before it is opened, or cannot be opened.
    """
    refuse_odd(path)
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, PRIVATE_FILE)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OddFileError(path)
    return handle


def refuse_odd(path: Path) -> None:
    """Raise OSError where something other than a regular file stands; what is missing is fine."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OddFileError(path)


def make_readable(path: Path) -> None:
    """Let its owner read a file of poolwatch's own state, whatever took that away: it may be whole."""
    with contextlib.suppress(OSError):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and not mode & stat.S_IRUSR:
            path.chmod(PRIVATE_FILE)


def make_private_directory(path: Path) -> FileProblem | None:
    """Make a directory that only its owner enters, whatever the umask; an existing one must be ours."""
    try:
        make_missing_directories(path)
        status = path.stat()
        if status.st_uid != os.geteuid():
            return FileProblem("file.not_ours", path)
        if status.st_mode & 0o077:
            path.chmod(PRIVATE_DIRECTORY)
    except (OSError, ValueError) as error:
        return _not_made(error, path)
    return None


def make_missing_directories(path: Path) -> None:
    """Make a directory and the missing ones above it, each 0700 whatever the umask. Raises OSError.

    What is there already keeps its permissions: it may be somebody else's, or `/tmp`.
    """
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
        with contextlib.suppress(OSError):
            # what is kept in it must not go with its name when the power fails
            sync_directory(place.parent)


class Reservation:
    """An open private file with its space already on disk, which becomes its target in one step.

    The methods raise OSError. `discard` is safe to call at any time.
    """

    def __init__(self, path: Path, size: int, mode: int = PRIVATE_FILE) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self.path: Final = path
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._handle = os.open(path, flags, PRIVATE_FILE)
        try:
            os.fchmod(self._handle, mode)
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

    def add(self, piece: bytes) -> None:
        """Write another piece behind what is there; `become` forces all of them to disk."""
        write_all(self._handle, piece)

    def become(self, target: Path, renamed: Callable[[], None] = lambda: None) -> None:
        """Take the target's place and force the folder to disk; `renamed` is called between the two."""
        os.fsync(self._handle)
        os.replace(self.path, target)  # noqa: PTH105 - the call that the promise rests on, by its own name
        self.leave()
        renamed()
        sync_directory(target.parent)

    def leave(self) -> None:
        """Let go of the file where it is, with what was written into it."""
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            os.close(handle)

    def discard(self) -> None:
        """Give the space back; after `become` there is nothing left to give."""
        if self._handle >= 0:
            self.leave()
            with contextlib.suppress(OSError):
                self.path.unlink()


def write_whole(path: Path, content: bytes, *, keep_mode: bool = False) -> FileProblem | None:
    """Replace a file, through links, so that readers see the old content or the new one whole.

    Missing directories are made, closed to others. The file is private; with `keep_mode` an old one keeps its
    permissions and owner.
    """
    try:
        real = Path(os.path.realpath(path))
        make_missing_directories(real.parent)
        old = real.stat() if keep_mode and real.exists() else None
        beside = Reservation(real.with_name(f".{real.name}.{secrets.token_hex(8)}.tmp"), len(content))
        try:
            if old is not None:
                beside.path.chmod(stat.S_IMODE(old.st_mode))
                with contextlib.suppress(OSError):
                    os.chown(beside.path, old.st_uid, old.st_gid)
            beside.fill(content)
            beside.become(real)
        finally:
            beside.discard()
    except (OSError, ValueError) as error:
        return FileProblem.of(error, path, "file.unwritable")
    return None


def write_first(path: Path, content: bytes) -> FileProblem | None:
    """Make a private file, whole; one that is there by then stays as it is, whoever made it.

    Missing directories are made, closed to others.
    """
    try:
        real = Path(os.path.realpath(path))
        make_missing_directories(real.parent)
        beside = Reservation(real.with_name(f".{real.name}.{secrets.token_hex(8)}.tmp"), len(content))
        try:
            beside.fill(content)
            with contextlib.suppress(FileExistsError):
                real.hardlink_to(beside.path)
                sync_directory(real.parent)
        finally:
            beside.discard()
    except (OSError, ValueError) as error:
        return FileProblem.of(error, path, "file.unwritable")
    return None


def write_export(path: Path, pieces: Iterable[bytes]) -> FileProblem | None:
    """Put a private file where a person wants it, whole or not at all; an old one is replaced.

    A link is not followed, and neither it nor a folder, pipe or device is replaced. No directory is made.
    """
    try:
        refuse_odd(path)
        # a name in this folder: one beside it may be long already
        beside = Reservation(path.with_name(f".poolwatch-{secrets.token_hex(8)}.tmp"), 0)
        try:
            for piece in pieces:
                beside.add(piece)
            beside.become(path)
        finally:
            beside.discard()
    except OddFileError:
        return FileProblem("file.irregular", path)
    except (OSError, ValueError) as error:
        return FileProblem.of(error, path, "file.unwritable")
    return None


def write_all(handle: int, content: bytes) -> None:
    """Write every byte; a disk that is nearly full takes a part without an error. Raises OSError."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def sync_directory(path: Path) -> None:
    """Force a directory's entries to disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_file_path(text: str, longest: int = 4096) -> bool:
    """Whether a text that was read names a file: absolute, and such as the system takes."""
    path = Path(text)
    try:
        name = os.fsencode(text)
    except UnicodeError:
        return False
    return path.is_absolute() and path.name != "" and b"\0" not in name and len(name) <= longest


def _not_made(error: Exception, path: Path) -> FileProblem:
    if isinstance(error, FileExistsError):
        return FileProblem("file.in_the_place_of", path, (("name", Path(error.filename or path).name),))
    return FileProblem.of(error, path, "file.not_made")


def _allocate(handle: int, size: int) -> None:
    if size <= 0:
        return
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if error.errno not in _NO_ALLOCATION:
            raise
        write_all(handle, bytes(size))


def _is_null(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == Path(os.devnull).stat().st_rdev


def _free_bytes(path: Path) -> int:
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            found = os.statvfs(place)
            return found.f_bavail * found.f_frsize
    return 0
