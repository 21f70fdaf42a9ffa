"""Whether a path lies on a disk of this machine: locks and renames of network file systems promise less."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from poolwatch.domain.text import visible

MOUNTINFO: Final = Path("/proc/self/mountinfo")
_LOCAL: Final = frozenset(
    {
        "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs", "nilfs2",
        "tmpfs", "ramfs", "overlay", "aufs", "ecryptfs", "vfat", "exfat", "ntfs3", "hfsplus", "ubifs",
    }
)  # fmt: skip


def filesystem_problem(path: Path, mountinfo: Path = MOUNTINFO) -> str | None:
    """Why a login on this file system is not refreshed, in words, or None when it is a known local one."""
    try:
        lines = mountinfo.read_bytes().splitlines()
    except OSError:
        # only Linux tells its mounts here
        return None if sys.platform != "linux" else f"{visible(str(path))}: its file system cannot be told"
    kind = _kind(os.fsencode(os.path.realpath(path)), lines)
    if kind in _LOCAL:
        return None
    name = visible(kind or "unknown")
    return f"{visible(str(path))} is on a file system ({name}) that may be shared: move it to a local disk"


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
