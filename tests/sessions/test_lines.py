"""Lines of any length, whole or not, compressed or not, in bounded memory."""

from __future__ import annotations

import os
import sys
import tracemalloc
from pathlib import Path
from random import Random

import pytest

from poolwatch.sessions.lines import KEPT_OF_LONG, LONGEST, LineReader
from tests.sessions.builder import Thread, U

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_HEAD = b'{"timestamp":"2026-11-29T08:00:00.123Z","type":"%s","payload":{"x":"'


def _read(path: Path, offset: int = 0) -> tuple[list[bytes], int]:
    with LineReader(str(path)) as reader:
        return list(reader.lines(offset)), reader.offset


def _line(kind: bytes, length: int) -> bytes:
    head, end = _HEAD % kind, b'"}}\n'
    return head + b"x" * (length - len(head) - len(end)) + end


@pytest.mark.parametrize(
    ("content", "lines", "offset"),
    [
        (b"", [], 0),
        (b"{}\n", [b"{}\n"], 3),
        (b"{}\r\n\n[1]\n", [b"{}\r\n", b"\n", b"[1]\n"], 9),
        # half a line waits; one that only lacks its end does not
        (b'{}\n{"a":', [b"{}\n"], 3),
        (b'{}\n{"a":1}', [b"{}\n", b'{"a":1}'], 10),
        (b"\xff\xfe\n{}\n", [b"\xff\xfe\n", b"{}\n"], 6),
    ],
)
@pytest.mark.parametrize("cold", [False, True])
def test_lines(tmp_path: Path, content: bytes, lines: list[bytes], offset: int, *, cold: bool) -> None:
    path = tmp_path / ("f.jsonl.zst" if cold else "f.jsonl")
    path.write_bytes(zstd.compress(content) if cold else content)
    assert _read(path) == (lines, offset)


@pytest.mark.parametrize("length", [64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 3 * 64 * 1024, 300_000])
def test_long_lines_are_whole_where_they_are_of_interest(tmp_path: Path, length: int) -> None:
    path = tmp_path / "f.jsonl"
    wanted, other = _line(b"turn_context", length), _line(b"response_item", length)
    path.write_bytes(other + wanted + other + b"{}\n")
    lines, offset = _read(path)
    assert [line == wanted for line in lines] == [False, True, False, False]
    assert lines[-1] == b"{}\n"
    assert offset == path.stat().st_size
    assert _read(path, length)[0][0] == wanted
    # without its end it is half a line
    path.write_bytes(b"{}\n" + other[:-1] + b"x")
    assert _read(path) == ([b"{}\n"], 3)


def test_a_line_of_two_hundred_megabytes_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    gap = 200_000_000
    with path.open("wb") as file:
        for kind in (b"response_item", b"session_meta"):
            file.write(_HEAD % kind)
            # a hole in the file takes no room on the disk, and reads as zeros
            file.seek(gap, os.SEEK_CUR)
            file.write(b'"}}\n')
        file.write(b"{}\n")
    tracemalloc.start()
    lines, offset = _read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert offset == path.stat().st_size
    assert len(lines) == 3
    assert lines[1].endswith(b'"}}\n')
    assert len(lines[1]) < 64 * 1024 + KEPT_OF_LONG + 2
    assert peak < 3 * LONGEST


def test_a_damaged_file_tells_what_it_can(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl.zst"
    content = Thread("one").head().turn().counter(U(1, 1, 1)).content()
    content += Random(1).randbytes(100_000).hex().encode() + b"\n"
    whole = zstd.compress(content)
    for damaged in (whole[:-2000], whole[:-2000] + b"\0" * 2000, b"no such thing"):
        path.write_bytes(damaged)
        with LineReader(str(path)) as reader:
            lines = list(reader.lines())
            assert reader.is_broken
            assert reader.offset == sum(len(line) for line in lines)
    # two frames, one after the other, are one text
    path.write_bytes(whole + whole)
    with LineReader(str(path)) as reader:
        assert b"".join(reader.lines()).count(b"token_count") == 2
        assert not reader.is_broken


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in (tmp_path / "pipe.jsonl", tmp_path, tmp_path / "missing"):
        with pytest.raises(OSError, match=r".*"):
            LineReader(str(path))


@pytest.mark.parametrize(
    "behind", [b"junk", b"\0" * 4096, zstd.compress(b"b\n" * 9)[:-2]], ids=["junk", "zeros", "cut"]
)
def test_what_stands_before_a_damage_is_told(tmp_path: Path, behind: bytes) -> None:
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(zstd.compress(b"a\n" * 9) + behind)
    with LineReader(str(path)) as reader:
        assert list(reader.lines())[:9] == [b"a\n"] * 9
        assert reader.is_broken


def test_a_text_that_is_packed_too_densely_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(zstd.compress(b"\0" * 40_000_000))
    with LineReader(str(path)) as reader:
        assert list(reader.lines()) == []
        assert reader.is_broken
