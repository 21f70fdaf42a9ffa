"""Settings changed by a command: what was typed is read by the table, and written where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.config.amounts import plan_price
from poolwatch.config.edit import ConfigFile
from poolwatch.config.layers import (
    FILTERS_TABLE,
    KEYS_TABLE,
    LIMIT_LISTS,
    LISTS,
    PLANS_TABLE,
    KeyPath,
    key_lines,
    parse,
)
from poolwatch.config.load import KEYS_OF_KIND, SECRET_KEYS, load_text, source_problem
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import TABLE, Settings
from poolwatch.config.source_settings import SOURCE_ROWS, source_row
from poolwatch.config.toml_text import Single, Value, with_value, without_item
from poolwatch.config.values import Raw, Row, Wrong, line, nearest, path, printable, saved_filter
from poolwatch.words.config import said

#: What else than the table has to say something against settings, such as names of keys and themes.
Check: TypeAlias = Callable[[Settings], Sequence[str]]

_OPEN_ROWS: Final = {
    KEYS_TABLE: Row(line(), ""),
    PLANS_TABLE: Row(plan_price, ""),
    FILTERS_TABLE: Row(saved_filter, ""),
}
_ELSEWHERE: Final = {
    "sources": "set_elsewhere",
    "accounts": "edit_accounts",
    "rates": "edit_rates",
    **dict.fromkeys(LIMIT_LISTS, "edit_limits"),
    "topups": "edit_topups",
}
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_PROXY_SECRETS: Final = ("proxy_password", "password")
#: Where paths begin; they are checked for their form, so without a home any will do.
_HOMES: Final = ("HOME", "CODEX_HOME")


class Change(Struct, frozen=True):
    """The file as it is then, and each key that was set, with None where it was taken out.

    `wrong` is what was wrong with the file before, and still is.
    """

    path: Path
    settings: Settings
    values: Mapping[str, Value | None]
    #: the file was as it should be already
    is_nothing: bool = False
    wrong: tuple[str, ...] = ()


class Refused(Struct, frozen=True):
    """Nothing was written, and why; `is_typed`: what was typed is wrong, and not the file."""

    lines: tuple[str, ...]
    is_typed: bool = True


class Draft(Struct, frozen=True):
    """A change that can be made: the file as it will be. Nothing is written yet."""

    file: ConfigFile
    text: str
    change: Change

    def written(self) -> Change | Refused:
        """Write it, unless the file is so already. Refused where it was changed meanwhile, or by the disk."""
        problem = None if self.change.is_nothing else self.file.save(self.text)
        return self.change if problem is None else Refused((problem.text,), is_typed=False)


def read_settings(words: Sequence[str], env: Mapping[str, str]) -> Mapping[str, Value | None] | Refused:
    """Each `key=value` that was typed for the settings, with None for `key=`."""
    return read_typed(words, _row_of, env)


def change_settings(
    path: Path, typed: Mapping[str, Value | None], env: Mapping[str, str], check: Check
) -> Draft | Refused:
    """Set or take out these in the file at that path, which may not be there yet."""
    file = ConfigFile.read(path)
    if isinstance(file, ConfigProblem):
        return Refused((file.text,), is_typed=False)
    places = {key: key.rpartition(".") for key in typed}
    wanted = [((table,) if table else (), name, typed[key]) for key, (table, _, name) in places.items()]
    return changed(file, typed, lambda text: with_values(text, wanted), env, check)


def change_source(
    path: Path, name: str, words: Sequence[str], env: Mapping[str, str], check: Check
) -> Draft | Refused:
    """The same for the keys of one source of the file."""
    found = _source_in(path, name, env)
    if isinstance(found, Refused):
        return found
    file, index, table = found
    place = f"sources[{index}]"
    typed = read_typed(words, lambda key: _source_row(key, table), env)
    if isinstance(typed, Refused):
        return typed
    wanted = {key: value for key, value in {**table, **typed}.items() if value is not None}
    wrong = source_problem(wanted, homes(env))
    if wrong is not None:
        return Refused((wrong.replace("sources[0]", name),))

    changes = [(("sources", index), key, value) for key, value in typed.items()]
    draft = changed(file, typed, lambda text: with_values(text, changes), env, check)
    if isinstance(draft, Refused):
        return Refused(tuple(each.replace(place, name) for each in draft.lines), draft.is_typed)
    return draft


def remove_source(path: Path, name: str, env: Mapping[str, str]) -> Draft | Refused:
    """Take the entry of a source out of the file; what it named stays where it is."""
    found = _source_in(path, name, env)
    if isinstance(found, Refused):
        return found
    file, index, _ = found
    return changed(file, {}, lambda text: without_item(text, "sources", index), env, lambda _: ())


def problems_in(text: str, file: Path, env: Mapping[str, str], check: Check) -> tuple[str, ...]:
    """Everything that is wrong with a text for that file; nothing of the environment counts."""
    loaded = load_text(text, file, homes(env), {})
    return loaded.lines if isinstance(loaded, ConfigProblems) else tuple(check(loaded))


def with_values(text: str, changes: Iterable[tuple[KeyPath, str, Value | None]]) -> str | None:
    """The text with each key of its table set or taken out; None: one of them would change something else."""
    changed: str | None = text
    for table, name, value in changes:
        changed = with_value(changed, table, name, value) if changed is not None else None
    return changed


def changed(
    file: ConfigFile,
    values: Mapping[str, Value | None],
    edit: Callable[[str], str | None],
    env: Mapping[str, str],
    check: Check,
    *,
    may_lack: bool = False,
) -> Draft | Refused:
    """The file edited. With `may_lack`, it may name what is not there, as long as that becomes no worse."""
    path = file.path
    before = load_text(file.text, path, homes(env), {}, may_lack=may_lack)
    if isinstance(before, ConfigProblems):
        return Refused(before.lines, is_typed=False)
    text = edit(file.text)
    if text is None:
        return Refused((ConfigProblem(said("not_changeable"), path=path).text,), is_typed=False)
    settings = load_text(text, path, homes(env), {}, may_lack=may_lack)
    if isinstance(settings, ConfigProblems):
        return Refused(tuple(each.message for each in settings.problems))
    left = lacking(text, path, env) if may_lack else ()
    known = {each.lacks for each in lacking(file.text, path, env)} if left else set()
    lost = [each for each in left if each.lacks not in known]
    if lost:
        return Refused(tuple(_still_named(file, before, each) for each in lost))
    # where it would stand is of no use: it was typed
    here = re.compile(rf"{re.escape(printable(str(path)))}(:\d+)?: ")
    wrong = tuple(here.sub("", each, count=1) for each in check(settings))
    if wrong:
        return Refused(wrong)
    told = tuple(each.text for each in left)
    return Draft(file, text, Change(path, settings, values, is_nothing=text == file.text, wrong=told))


def lacking(text: str, path: Path, env: Mapping[str, str]) -> tuple[ConfigProblem, ...]:
    """Each place of a text for that file that names something which is not there."""
    found = load_text(text, path, homes(env), {})
    problems = found.problems if isinstance(found, ConfigProblems) else ()
    return tuple(each for each in problems if each.lacks is not None)


def _still_named(file: ConfigFile, settings: Settings, problem: ConfigProblem) -> str:
    """Where the file, as it is, names what would be gone."""
    key, name = problem.key or "", printable((problem.lacks or ("", ""))[1])
    place: KeyPath = tuple(int(each) if each.isdigit() else each for each in re.findall(r"\w+", key))
    match place:
        case ("alerts", int(index), *_):
            by = said("alert_called", name=printable(settings.alerts[index].name))
        case _:
            by = key
    why = said("still_named", by=by, name=name)
    return ConfigProblem(why, path=file.path, line=key_lines(file.text).get(place)).text


def _source_in(
    path: Path, name: str, env: Mapping[str, str]
) -> tuple[ConfigFile, int, Mapping[str, object]] | Refused:
    """The file, which of its sources has this name, and the table of that one."""
    file = ConfigFile.read(path)
    if isinstance(file, ConfigProblem):
        return Refused((file.text,), is_typed=False)
    settings = load_text(file.text, path, homes(env), {})
    document = parse(file.text, path)
    if isinstance(settings, ConfigProblems) or isinstance(document, ConfigProblem):
        wrong = settings.lines if isinstance(settings, ConfigProblems) else ()
        return Refused(wrong, is_typed=False)
    tables = document.get("sources")
    for index, source in enumerate(settings.sources):
        if source.name == name and isinstance(tables, list):
            return file, index, tables[index]
    return Refused((said("no_such_source", name=printable(name), path=printable(str(path))),))


def read_typed(
    words: Sequence[str], row_of: Callable[[str], Row | str], env: Mapping[str, str]
) -> dict[str, Value | None] | Refused:
    """Each `key=value`, None for `key=`; what is no assignment is not repeated, for it may be a secret."""
    found: dict[str, Value | None] = {}
    wrong: list[str] = []
    for word in words:
        key, equals, text = word.partition("=")
        key = key.strip()
        if not equals or not key:
            wrong.append(said("not_assigned"))
            continue
        row = row_of(key)
        if isinstance(row, str):
            wrong += row.split("\n")
            continue
        value = _value(row, text, env) if text else None
        if isinstance(value, Wrong):
            hint = value.suggestion
            told = f"{key} {value.why}"
            wrong.append(said("did_you_mean", text=told, suggestion=hint) if hint else told)
        else:
            found[key] = value
    return Refused(tuple(dict.fromkeys(wrong))) if wrong else found


def _value(row: Row, text: str, env: Mapping[str, str]) -> Value | Wrong:
    """A typed value as it stands in the file; a path counts from where it was typed, and keeps its `~`."""
    read: object = row.read(Raw(text, loose=True, env=homes(env), folder=_here()))
    match read:
        case Wrong() | bool():
            return read
        case tuple():
            return tuple(_plain(each) for each in read)
        case float() | Decimal() | int() if _NUMBER.fullmatch(text):
            return _plain(Decimal(text))
        case str():
            return text if row.read is path and text.startswith("~") else read
        case _:
            return text.strip()


def _plain(value: object) -> Single:
    """A number without the decimals that it does not need."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    return str(value)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


def homes(env: Mapping[str, str]) -> dict[str, str]:
    return {"HOME": "/", **{name: env[name] for name in _HOMES if env.get(name)}}


def _row_of(key: str) -> Row | str:
    """The row of a setting, or why a key sets nothing."""
    if key in TABLE:
        return TABLE[key]
    table, _, name = key.partition(".")
    if table in _OPEN_ROWS and name:
        return _OPEN_ROWS[table]
    array = table.partition("[")[0]
    if array in LISTS:
        return said(_ELSEWHERE[array], key=printable(key))
    last = key.rpartition(".")[2]
    if last in _PROXY_SECRETS:
        return said(
            "secret_typed",
            name=printable(key),
            file="net.proxy_password_file",
            variable="net.proxy_password_env",
        )
    if last in SECRET_KEYS:
        return said("set_elsewhere", key=printable(key))
    return unknown_key(
        key,
        said("unknown_setting", name=printable(key)),
        [*TABLE, f"{PLANS_TABLE}.PLAN", f"{FILTERS_TABLE}.NAME", f"{KEYS_TABLE}.NAME"],
    )


def _source_row(key: str, table: Mapping[str, object]) -> Row | str:
    kind = next(each for each in KEYS_OF_KIND if each.value == table["kind"])
    keys = KEYS_OF_KIND[kind]
    if key in SOURCE_ROWS:
        # what is wrong with a key of another kind is told where all of the source is looked at
        return source_row(kind, key)
    if key in SECRET_KEYS and kind.is_asked:
        holder = SECRET_KEYS[key] if SECRET_KEYS[key] in keys else "api_key_file"
        return said("secret_typed", name=key, file=holder, variable=holder.replace("_file", "_env"))
    if key in SECRET_KEYS:
        return said("secret_for_files", name=key)
    return unknown_key(key, said("unknown_in_source", name=printable(key), kind=kind.value), keys)


def unknown_key(key: str, text: str, keys: Sequence[str]) -> str:
    near = nearest(key, keys)
    told = said("perhaps", text=text, suggestion=near) if near else text
    return said("there_are", text=told, keys=", ".join(keys))
