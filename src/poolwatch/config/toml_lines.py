"""The line of every key in a TOML text that has already been parsed without error."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

KeyPath = tuple[str | int, ...]
"""Names of keys; a number is the place in an array, counted from 0."""

_BLANK: Final = re.compile(r"[ \t]*")
_BLANK_LINES: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BASIC: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL: Final = re.compile(r"'[^'\n]*'")
# up to two quotes may stand directly before the closing three
_LONG_BASIC: Final = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL)
_LONG_LITERAL: Final = re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}")
_MAX_DEPTH: Final = 32
_SCALAR: Final = re.compile(r"[^,\]}#\n]*")


class _LostError(Exception):
    """The text is not what the parser accepted."""


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """Lines, counted from 1, of tables, array items and keys; a text that is no TOML gives what was found."""
    scan = _Scan(text)
    with contextlib.suppress(_LostError, RecursionError):
        scan.document()
    return scan.lines


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [at for at, mark in enumerate(text) if mark == "\n"]
        self._at = 0
        self._items: dict[KeyPath, int] = {}
        self.lines: dict[KeyPath, int] = {}

    def document(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK_LINES)
        while self._at < len(self._text):
            if self._peek("[["):
                table = self._header(2)
            elif self._peek("["):
                table = self._header(1)
            else:
                self._pair(table)
            self._skip(_BLANK_LINES)

    def _header(self, brackets: int) -> KeyPath:
        start = self._at
        self._at += brackets
        names = self._names()
        self._expect("]" * brackets)
        path = (*self._resolve(names[:-1]), names[-1])
        if brackets == 2:
            index = self._items.get(path, -1) + 1
            self._items[path] = index
            self._mark(path, start)
            path = (*path, index)
        elif path in self._items:
            path = (*path, self._items[path])
        self._mark(path, start)
        return path

    def _resolve(self, names: list[str]) -> KeyPath:
        path: KeyPath = ()
        for name in names:
            path = (*path, name)
            if path in self._items:
                path = (*path, self._items[path])
            self._mark(path, self._at)
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        path = table
        for name in self._names():
            path = (*path, name)
            self._mark(path, start)
        self._expect("=")
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        for pattern, opening in (
            (_LONG_BASIC, '"""'),
            (_LONG_LITERAL, "'''"),
            (_BASIC, '"'),
            (_LITERAL, "'"),
        ):
            if self._peek(opening):
                self._take(pattern)
                return
        if self._peek("["):
            self._array(path)
        elif self._peek("{"):
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        self._skip(_BLANK_LINES)
        while not self._peek("]"):
            self._mark((*path, index), self._at)
            self._value((*path, index))
            index += 1
            self._skip(_BLANK_LINES)
            if self._peek(","):
                self._at += 1
                self._skip(_BLANK_LINES)
            elif not self._peek("]"):
                raise _LostError
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        self._skip(_BLANK_LINES)
        while not self._peek("}"):
            self._pair(path)
            self._skip(_BLANK_LINES)
            if self._peek(","):
                self._at += 1
                self._skip(_BLANK_LINES)
            elif not self._peek("}"):
                raise _LostError
        self._at += 1

    def _names(self) -> list[str]:
        names: list[str] = []
        while len(names) < _MAX_DEPTH:
            self._skip(_BLANK)
            if self._peek('"'):
                names.append(_unescaped(self._take(_BASIC)))
            elif self._peek("'"):
                names.append(self._take(_LITERAL)[1:-1])
            else:
                names.append(self._take(_BARE_KEY))
            self._skip(_BLANK)
            if not self._peek("."):
                return names
            self._at += 1
        raise _LostError

    def _mark(self, path: KeyPath, at: int) -> None:
        self.lines.setdefault(path, bisect_right(self._breaks, at - 1) + 1)

    def _peek(self, opening: str) -> bool:
        return self._text.startswith(opening, self._at)

    def _expect(self, mark: str) -> None:
        self._skip(_BLANK)
        if not self._peek(mark):
            raise _LostError
        self._at += len(mark)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None or found.end() == self._at:
            raise _LostError
        self._at = found.end()
        return found.group()


def _unescaped(quoted_key: str) -> str:
    if "\\" not in quoted_key:
        return quoted_key[1:-1]
    import tomllib  # few keys are written like that

    try:
        return next(iter(tomllib.loads(f"{quoted_key} = 0")))
    except tomllib.TOMLDecodeError as error:
        raise _LostError from error
