"""A TOML text with one thing in it changed: every other line, and every comment, stays as it was.

Whatever way a change is made, the text that comes of it is read again: nothing else in it may be different.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from poolwatch.config.layers import KeyPath, Statement, parse, statements

Single: TypeAlias = "str | bool | int | Decimal"
Value: TypeAlias = "Single | tuple[Single, ...]"

_COMMENTED_HEADER: Final = re.compile(r"\s*#\s*\[")


def with_value(text: str, table: KeyPath, name: str, value: Value | None) -> str | None:
    """The text with a key of a table set, taken out for None; None: that would change something else."""
    document = parse(text, None)
    if not isinstance(document, dict):
        return None
    wanted = copy.deepcopy(document)
    inner: Any = wanted
    for step in table:
        if value is None and isinstance(step, str) and isinstance(inner, dict) and step not in inner:
            return text
        inner = inner.setdefault(step, {}) if isinstance(step, str) else inner[step]
    if not isinstance(inner, dict):
        return None
    if value is None:
        inner.pop(name, None)
    else:
        inner[name] = list(value) if isinstance(value, tuple) else value
    if wanted == document:
        return text
    return _first_right(
        wanted,
        lambda: _with_line(text, table, name, value),
        lambda: _with_item(text, table, name, value),
    )


def with_item(text: str, array: str, table: Mapping[str, Value]) -> str | None:
    """The text with one more table at the end of an array of them; None: that would change something else."""
    document = parse(text, None)
    if not isinstance(document, dict):
        return None
    there = document.get(array, [])
    if not isinstance(there, list):
        return None
    item = {name: list(value) if isinstance(value, tuple) else value for name, value in table.items()}
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    lines = "".join(f"{line_of(name, value)}\n" for name, value in table.items())

    def in_one_array() -> str:
        import tomlkit  # slow to import, and seldom needed

        whole: Any = tomlkit.parse(text)
        inline = tomlkit.inline_table()
        for name, value in table.items():
            inline[name] = tomlkit.value(line_of("x", value).removeprefix("x = "))
        whole[array].append(inline)
        return tomlkit.dumps(whole)

    return _first_right(
        {**document, array: [*there, item]}, lambda: f"{text}{gap}[[{array}]]\n{lines}", in_one_array
    )


def without_item(text: str, array: str, index: int) -> str | None:
    """The text without one table of an array of them; None: that would change something else."""
    document = parse(text, None)
    if not isinstance(document, dict):
        return None
    wanted: dict[str, Any] = copy.deepcopy(document)
    del wanted[array][index]

    def as_items() -> str:
        import tomlkit  # slow to import, and seldom needed

        whole: Any = tomlkit.parse(text)
        del whole[array][index]
        return tomlkit.dumps(whole)

    return _first_right(wanted, lambda: _without_lines(text, (array, index)), as_items)


def line_of(name: str, value: Value) -> str:
    """`name = "value"`."""
    import tomli_w  # only where a file is written

    if isinstance(value, tuple):
        # all of them on this line
        told = [tomli_w.dumps({"x": each}).removeprefix("x = ").removesuffix("\n") for each in value]
        written = tomli_w.dumps({name: 0}).removesuffix("0\n")
        return f"{written}[{', '.join(told)}]"
    return tomli_w.dumps({name: value}).removesuffix("\n")


def _first_right(wanted: Mapping[str, object], *ways: Callable[[], str | None]) -> str | None:
    from tomlkit.exceptions import TOMLKitError  # slow to import, and seldom needed

    for way in ways:
        try:
            changed = way()
        except (TOMLKitError, ValueError, KeyError, TypeError, IndexError):
            continue
        if changed is not None and _without_empty(parse(changed, None)) == _without_empty(wanted):
            return changed
    return None


def _without_empty(document: object) -> object:
    """An array of tables, or a table, in which nothing is left says nothing."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if value not in ([], {})}


def _with_line(text: str, table: KeyPath, name: str, value: Value | None) -> str | None:
    """Change the line of the key, or the commented one, or add one behind the others of its table."""
    lines = text.split("\n")
    inside, until = _region(text, table, len(lines))
    there = next((each for each in inside if not each.is_header and name in each.value), None)
    if there is not None:
        written = "\n".join(lines[there.first - 1 : there.last])
        lines[there.first - 1 : there.last] = [] if value is None else [_reassigned(written, name, value)]
    elif value is None:
        return None
    elif table and not inside:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        header = ".".join(str(step) for step in table)
        return f"{text}{gap}[{header}]\n{line_of(name, value)}\n"
    else:
        taken = {line for each in inside for line in range(each.first, each.last + 1)}
        first = inside[0].last + 1 if table else 1
        commented = _commented(lines, name, first, until, taken)
        if commented is not None:
            number, uncommented = commented
            lines[number - 1] = _reassigned(uncommented, name, value)
        else:
            after = max(taken, default=0)
            gap_line = [""] if not after and text else []
            lines[after:after] = [line_of(name, value), *gap_line]
    return "\n".join(lines)


def _region(text: str, table: KeyPath, count: int) -> tuple[list[Statement], int]:
    """The statements of a table, its header too, and the last line before the next one's header."""
    inside: list[Statement] = []
    until = count
    for each in statements(text):
        if each.table == table:
            inside.append(each)
        elif each.is_header and (inside or not table):
            until = each.first - 1
            break
    return inside, until


def _commented(
    lines: list[str], name: str, first: int, until: int, taken: set[int]
) -> tuple[int, str] | None:
    """The line on which the key stands as a comment, `# name = 1`, and what it is without its mark."""
    for number, line in _comments(lines, first, until, taken):
        uncommented = re.sub(r"^(\s*)#\s*", r"\1", line)
        value = parse(uncommented, None)
        if isinstance(value, dict) and list(value) == [name]:
            return number, uncommented
    return None


def _comments(lines: list[str], first: int, until: int, taken: set[int]) -> Iterator[tuple[int, str]]:
    for number in range(first, until + 1):
        line = lines[number - 1]
        if number in taken:
            continue
        if _COMMENTED_HEADER.match(line):
            return  # what follows is about another table
        if line.lstrip().startswith("#"):
            yield number, line


def _reassigned(written: str, name: str, value: Value) -> str:
    """A statement with another value; its comment stays."""
    import tomlkit  # slow to import, and seldom needed

    statement = tomlkit.parse(f"{written}\n")
    statement[name] = tomlkit.value(line_of("x", value).removeprefix("x = "))
    return tomlkit.dumps(statement).removesuffix("\n")


def _with_item(text: str, table: KeyPath, name: str, value: Value | None) -> str:
    """The same for tables that stand in one line, and for dotted keys."""
    import tomlkit  # slow to import, and seldom needed

    whole = tomlkit.parse(text)
    inner: Any = whole
    for step in table:
        if isinstance(step, str) and step not in inner:
            inner[step] = tomlkit.table()
        inner = inner[step]
    if value is None:
        del inner[name]
    else:
        inner[name] = tomlkit.value(line_of("x", value).removeprefix("x = "))
    return tomlkit.dumps(whole)


def _without_lines(text: str, table: KeyPath) -> str | None:
    """Take out the lines of a table; a comment below its last key is about what follows."""
    inside, _ = _region(text, table, text.count("\n") + 1)
    if not inside:
        return None
    lines = text.split("\n")
    first, last = inside[0].first - 1, inside[-1].last
    del lines[first:last]
    if first and first < len(lines) and not lines[first - 1].strip() and not lines[first].strip():
        del lines[first]
    return "\n".join(lines)
