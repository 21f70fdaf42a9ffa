"""Answers after which nobody can tell whether the service has spent the token."""

from __future__ import annotations

from tests.support.token_server import Exchange

LOST = [
    Exchange(status=502),
    Exchange(status=504, instead=b"<html>"),
    Exchange(reset=True),
    *(Exchange(cut=cut) for cut in (0, 1, 17, 300, -2, -1)),
    Exchange(instead=b"not json at all"),
    Exchange(instead=b'{"hello": 1}'),
    Exchange(instead=b"x" * 70_000),
    Exchange(instead=b"\x1f\x8b\x08garbage", headers=("Content-Encoding: gzip",)),
]
