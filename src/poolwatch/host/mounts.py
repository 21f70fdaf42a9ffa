"""Whether a path lies on a disk of this machine: locks and renames of shared file systems promise less."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from poolwatch.host.files import FileProblem

_MOUNTINFO: Final = "/proc/self/mountinfo"
#: Known to be one machine's own.
_LOCAL: Final = frozenset(
    {
        "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs", "nilfs2",
        "tmpfs", "ramfs", "rootfs", "overlay", "fuse.fuse-overlayfs", "aufs", "ecryptfs", "fuse.gocryptfs",
        "fuse.encfs", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "hfsplus", "apfs", "ubifs",
    }
)  # fmt: skip
#: Known to be served to several machines, or from the machine below to one that runs on it.
_SHARED: Final = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "kafs", "auristorfs", "coda", "9p",
        "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "fakeowner", "drvfs", "davfs", "ceph", "glusterfs",
        "lustre", "gpfs", "beegfs", "ocfs2", "gfs", "gfs2", "orangefs", "pvfs2", "panfs", "wekafs",
    }
)  # fmt: skip
#: Likewise, by what serves them to the kernel: `fuse.` and one of these.
_SHARED_FUSE: Final = frozenset(
    {
        "sshfs", "ceph", "ceph-fuse", "glusterfs", "lizardfs", "mfs", "moosefs", "juicefs", "seaweedfs",
        "beegfs", "rclone", "s3fs", "goofys", "mount-s3", "gcsfuse", "blobfuse", "blobfuse2", "davfs",
        "davfs2", "vmhgfs-fuse", "grpcfuse", "osxfs", "gvfsd-fuse", "smbnetfs", "curlftpfs", "quobyte",
    }
)  # fmt: skip


def shared_problem(path: Path, table: Path | None = None) -> FileProblem | None:
    """Why a lock on this file system may not hold; None unless it is known to be shared."""
    kind = _kind_of(path, table)
    if kind is None or not _is_shared(kind):
        return None
    return FileProblem("mount.shared", path, (("kind", kind),))


def unknown_problem(path: Path, table: Path | None = None) -> FileProblem | None:
    """That nobody knows whether this file system is shared; None where it is known."""
    kind = _kind_of(path, table)
    if kind is None:
        return FileProblem("mount.untold", path)
    if kind in _LOCAL or _is_shared(kind):
        return None
    return FileProblem("mount.unknown", path, (("kind", kind),))


def _is_shared(kind: str) -> bool:
    return kind in _SHARED or kind.removeprefix("fuse.") in _SHARED_FUSE


def _kind_of(path: Path, table: Path | None) -> str | None:
    """The type of the file system, None where nothing tells it: a chroot need not be a mount of its own."""
    try:
        lines = (table or _table()).read_bytes().splitlines()
    except OSError:
        return None
    return _kind(os.fsencode(os.path.realpath(path)), lines)


def _table() -> Path:
    """This process's mounts; a test has its own, so that it runs alike on every disk."""
    told = os.environ.get("POOLWATCH_TEST_MOUNTS") if os.environ.get("POOLWATCH_TEST") == "1" else None
    return Path(told or _MOUNTINFO)


def _kind(path: bytes, lines: list[bytes]) -> str | None:
    best, kind = -1, None
    for line in lines:
        # proc(5): … mount point is the fifth field; the type follows a lone "-"
        left, dash, right = line.partition(b" - ")
        fields = left.split(b" ")
        if not dash or len(fields) < 5:
            continue
        point = _unescaped(fields[4])
        inside = path == point or path.startswith(point.rstrip(b"/") + b"/")
        # of two mounts on one place the later one is on top
        if inside and len(point) >= best:
            best, kind = len(point), right.split(b" ")[0].decode("ascii", "replace")
    return kind


def _unescaped(point: bytes) -> bytes:
    for code in (b" ", b"\t", b"\n", b"\\"):
        point = point.replace(b"\\%03o" % code[0], code)
    return point
