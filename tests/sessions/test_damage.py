"""Whatever is in a session file: no error, and what the other files tell is right."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from poolwatch.demo.session_shapes import Dress, Plan, Shape
from poolwatch.demo.sessions import Folder
from poolwatch.domain.tokens import GroupBy, UseAsked
from poolwatch.sessions.book import UseBook
from tests.sessions.product import scan, state_of

UNTIL = 1_796_000_000.0
NUMBER = re.compile(rb'":\s*(\d+)')
TEXT = re.compile(rb'"([^"]{1,60})"')
VALUES = (
    b"-1", b"1e400", b"99999999999999999999", b"1.5", b'"12"', b"null", b"true", b"[]", b"{}", b"NaN", b"-0",
    b"9007199254740993", b'"\\ud800"',
)  # fmt: skip
TEXTS = (
    b'""', b"null", b"7", b'{"a":1}', b"[[[[]]]]", b'"\\u0000"', b'"' + b"x" * 5_000 + b'"', b'"\\ud83d"',
    b'"2026-13-45T99:99:99Z"', b'"9999-12-31T23:59:59.999Z"', b'"0001-01-01T00:00:00Z"',
    b'"1969-01-01T00:00:00Z"',
)  # fmt: skip
STAMP = b'{"timestamp":"2026-11-20T10:00:00.000Z","type":'


def flipped(content: bytes, draw: Random) -> bytes:
    made = bytearray(content)
    for _ in range(draw.randint(1, 40)):
        made[draw.randrange(len(made))] = draw.randrange(256)
    return bytes(made)


def cut(content: bytes, draw: Random) -> bytes:
    return content[: draw.randrange(len(content))]


def shuffled(content: bytes, draw: Random) -> bytes:
    lines = content.split(b"\n")
    draw.shuffle(lines)
    return b"\n".join(lines)


def replaced(content: bytes, draw: Random) -> bytes:
    """Some values are others."""
    lines = content.split(b"\n")
    for _ in range(draw.randint(1, 12)):
        number = draw.randrange(len(lines))
        pattern, group, values = draw.choice(((NUMBER, 1, VALUES), (TEXT, 0, TEXTS)))
        found = list(pattern.finditer(lines[number]))
        if found:
            begin, end = draw.choice(found).span(group)
            lines[number] = lines[number][:begin] + draw.choice(values) + lines[number][end:]
    return b"\n".join(lines)


def deep(content: bytes, draw: Random) -> bytes:
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    lines[at:at] = [
        STAMP + b'"event_msg","payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        STAMP + b'"session_meta","payload":' + b'{"id":' * 5_000 + b"1" + b"}" * 5_001,
    ]
    return b"\n".join(lines)


def zeroed(content: bytes, draw: Random) -> bytes:
    return b"\0" * draw.randrange(1, 5_000) + content


def told(state: Path) -> dict[str | None, Counter[str]]:
    """Tokens by conversation."""
    found: dict[str | None, Counter[str]] = {}
    for cell in UseBook(state).cells(UseAsked(-(2**40), 2**40, by=GroupBy.CONVERSATION)):
        counts = {"requests": cell.requests, "in": cell.tokens.input, "out": cell.tokens.output}
        found.setdefault(cell.conversation, Counter()).update(counts)
    return found


@pytest.mark.parametrize("damage", [flipped, cut, shuffled, replaced, deep, zeroed])
def test_a_damaged_file_costs_itself_alone(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    home = tmp_path / "home"
    shapes = {Shape.COUNTER: 1, Shape.LEDGER: 1}
    dresses = {Dress.PLAIN: 3, Dress.COMPRESSED: 1}
    Folder(home, 9, Plan(UNTIL, bulk=0.02, turns=3, fat=0.002, shapes=shapes, dresses=dresses)).fill(60_000)
    scan(tmp_path / "clean", [home])
    clean = told(tmp_path / "clean")
    files = sorted(home.rglob("rollout-*"))
    for seed in range(4):
        draw = Random(seed)
        victim = draw.choice(files)
        content = victim.read_bytes()
        victim.write_bytes(damage(content, draw))
        # by whoever reads it for the first time, and by whoever knew it whole
        for name in (f"first-{seed}", "clean"):
            scan(tmp_path / name, [home])
            state_of(tmp_path / name)
            found = told(tmp_path / name)
            others = {thread for thread in clean if thread is not None and thread not in victim.name}
            assert {thread: found.get(thread) for thread in others} == {each: clean[each] for each in others}
        victim.write_bytes(content)
        scan(tmp_path / "clean", [home])
        assert told(tmp_path / "clean") == clean
