"""Budgets, alerts and channels of the file changed one at a time; comments and everything else stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from poolwatch.config.changes import (
    Check,
    Draft,
    Refused,
    changed,
    homes,
    read_typed,
    unknown_key,
    with_values,
)
from poolwatch.config.edit import ConfigFile
from poolwatch.config.layers import dotted
from poolwatch.config.load import load_text
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.table import LIMIT_ROWS
from poolwatch.config.toml_text import Value, with_item, without_item
from poolwatch.config.values import Row, nearest, printable
from poolwatch.words.config import said


def read_limit(
    array: str, words: Sequence[str], env: Mapping[str, str]
) -> Mapping[str, Value | None] | Refused:
    """Each `key=value` that was typed for one of a list, with None for `key=`."""
    rows = LIMIT_ROWS[array]

    def row_of(key: str) -> Row | str:
        if key in rows:
            return rows[key]
        return unknown_key(key, said("limit_unknown", table=f"[[{array}]]", name=printable(key)), list(rows))

    return read_typed(words, row_of, env)


def add_limit(
    path: Path, array: str, table: Mapping[str, Value], env: Mapping[str, str], check: Check
) -> Draft | Refused:
    """Add one to its list at the end of the file, which may not be there yet. `table` has its name."""
    found = _named(path, array, env)
    if isinstance(found, Refused):
        return found
    file, names = found
    name = str(table["name"])
    if name in names:
        told = said("limit_is_there", array=array, name=printable(name), path=printable(str(path)))
        return Refused((told,))
    draft = changed(file, dict(table), lambda text: with_item(text, array, table), env, check, may_lack=True)
    return _of(draft, dotted(array, len(names)), name)


def change_limit(
    path: Path,
    array: str,
    name: str,
    values: Mapping[str, Value | None],
    env: Mapping[str, str],
    check: Check,
) -> Draft | Refused:
    """Set keys of one, or take those out that are None."""
    found = _placed(path, array, name, env)
    if isinstance(found, Refused):
        return found
    file, index = found
    wanted = [((array, index), key, value) for key, value in values.items()]
    draft = changed(file, values, lambda text: with_values(text, wanted), env, check, may_lack=True)
    return _of(draft, dotted(array, index), name)


def remove_limit(path: Path, array: str, name: str, env: Mapping[str, str]) -> Draft | Refused:
    """Take one out of the file."""
    found = _placed(path, array, name, env)
    if isinstance(found, Refused):
        return found
    file, index = found
    return changed(file, {}, lambda text: without_item(text, array, index), env, lambda _: (), may_lack=True)


def _placed(path: Path, array: str, name: str, env: Mapping[str, str]) -> tuple[ConfigFile, int] | Refused:
    found = _named(path, array, env)
    if isinstance(found, Refused):
        return found
    file, names = found
    if name in names:
        return file, names.index(name)
    told = said("no_such_limit", array=array, name=printable(name), path=printable(str(path)))
    near = nearest(name, names)
    return Refused((said("did_you_mean", text=told, suggestion=near) if near else told,))


def _named(path: Path, array: str, env: Mapping[str, str]) -> tuple[ConfigFile, list[str]] | Refused:
    """The file, and the names of a list in it, in order."""
    file = ConfigFile.read(path)
    if isinstance(file, ConfigProblem):
        return Refused((file.text,), is_typed=False)
    settings = load_text(file.text, path, homes(env), {}, may_lack=True)
    if isinstance(settings, ConfigProblems):
        return Refused(settings.lines, is_typed=False)
    return file, [each.name for each in getattr(settings, array)]


def _of(draft: Draft | Refused, place: str, name: str) -> Draft | Refused:
    """What is wrong is told of the name that was typed, not of a place in the file."""
    if isinstance(draft, Draft):
        return draft
    old, new = (place, name) if name else (f"{place}.", "")
    return Refused(tuple(each.replace(old, new) for each in draft.lines), draft.is_typed)
