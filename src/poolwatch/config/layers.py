"""What file, environment and options say, laid over each other: raw values by dotted key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from poolwatch.config.problems import ConfigProblem
from poolwatch.config.settings import DEFAULT_ORIGIN, SECTIONS, TABLE, Origin, OriginKind
from poolwatch.config.values import Raw, Read, Wrong, nearest, printable, quoted
from poolwatch.words.config import said

if TYPE_CHECKING:
    import tomllib

#: Names of keys; a number is the place in an array, counted from 0.
KeyPath = tuple[str | int, ...]

MAX_BYTES: Final = 1024 * 1024
BOM: Final = "\ufeff"
PREFIX: Final = "POOLWATCH_"
PLACES: Final = ("POOLWATCH_CONFIG", "POOLWATCH_STATE_DIR", "POOLWATCH_DATA_DIR")
KEYS_TABLE: Final = "keys"
PLANS_TABLE: Final = "plans"
FILTERS_TABLE: Final = "filters"
#: Tables whose keys are names of the user's.
OPEN_TABLES: Final = (PLANS_TABLE, FILTERS_TABLE, KEYS_TABLE)
#: Arrays of tables that limit what is spent, and tell of it.
LIMIT_LISTS: Final = ("budgets", "alerts", "channels")
LISTS: Final = ("sources", "accounts", "rates", *LIMIT_LISTS, "topups")
_NAMES: Final = (*TABLE, *(name for name in SECTIONS if name), *OPEN_TABLES, *LISTS)
#: Of a statement over more lines than this, and of what follows it, no line is told.
_LONGEST_STATEMENT: Final = 200
#: No setting stands below more names than this.
_DEEPEST: Final = 8
_PLACE: Final = r"\s*\(at (?:line (\d+), column (\d+)|[a-z ]+)\)$"


def decode(content: bytes, path: Path | None) -> str | ConfigProblem:
    """The text of a file, without a byte order mark."""
    try:
        return content.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError as error:
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return ConfigProblem(said("utf_16"), path=path)
        before = content[: error.start]
        start_of_line = before.rfind(b"\n") + 1
        return ConfigProblem(
            said("not_utf_8"),
            line=before.count(b"\n") + 1,
            column=len(before[start_of_line:].decode("utf-8").removeprefix(BOM)) + 1,
            path=path,
        )


def parse(text: str, path: Path | None) -> dict[str, object] | ConfigProblem:
    """The TOML document, with exact decimals."""
    if not text:
        return {}
    import tomllib  # many have no file

    try:
        return tomllib.loads(text, parse_float=_exact)
    except tomllib.TOMLDecodeError as error:
        return _syntax_problem(error, text, path)
    except (ValueError, RecursionError):
        # int() refuses thousands of digits, and deep nesting ends the stack
        return ConfigProblem(said("too_deep"), path=path)


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of 20 digits: out of every range
        return Decimal("NaN")


def _syntax_problem(error: tomllib.TOMLDecodeError, text: str, path: Path | None) -> ConfigProblem:
    message = str(error)
    place = re.search(_PLACE, message)
    why = message[: place.start()] if place else message
    lines = text.split("\n")
    if place and place.group(1):
        line, column = int(place.group(1)), int(place.group(2))
    else:
        line, column = len(lines), len(lines[-1]) + 1
    why = printable(why[:1].lower() + why[1:])
    return ConfigProblem(said("not_toml", said=why), line=line, column=column, path=path)


class Statement(Struct, frozen=True):
    """One statement of a file: its lines, counted from 1, and the table that it begins or stands in."""

    table: KeyPath
    first: int
    last: int
    is_header: bool
    value: Mapping[str, object]


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """The line, counted from 1, on which the statement of each table, array item and key begins."""
    found: dict[KeyPath, int] = {}
    for each in statements(text):
        if each.is_header:
            for end in range(1, len(each.table) + 1):
                found.setdefault(each.table[:end], each.first)
        else:
            _mark(found, each.table, each.value, each.first)
    return found


def statements(text: str) -> Iterator[Statement]:
    """The statements in their order, up to one that is too long; comments between them belong to none.

    Each statement is TOML by itself, and no shorter part of it is: so tomllib says where it ends.
    """
    items: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for first, last, written, value in _parts(text):
        is_header = written.lstrip().startswith("[")
        if is_header:
            table = ()
            inner: object = value
            while isinstance(inner, dict) and inner:
                name, inner = next(iter(inner.items()))
                table = (*table, name)
                if isinstance(inner, list):
                    items[table] = items.get(table, -1) + 1
                    inner = inner[-1]
                if table in items:
                    table = (*table, items[table])
        yield Statement(table, first, last, is_header, value)


def _parts(text: str) -> Iterator[tuple[int, int, str, dict[str, object]]]:
    import tomllib  # many have no file

    start, so_far = 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        so_far += line + "\n"
        try:
            statement = tomllib.loads(so_far) if so_far.strip() else {}
        except (ValueError, RecursionError):
            if number - start < _LONGEST_STATEMENT:
                continue
            return
        if statement:
            yield start, number, so_far, statement
        start, so_far = number + 1, ""


def _mark(found: dict[KeyPath, int], above: KeyPath, value: object, line: int) -> None:
    if len(above) > _DEEPEST:
        return
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in parts:
        found.setdefault((*above, name), line)
        _mark(found, (*above, name), inner, line)


def variable_of(key: str) -> str:
    """The environment's name for a setting: `POOLWATCH_POLL__INTERVAL_SECONDS`."""
    return PREFIX + key.upper().replace(".", "__")


class Candidate(Struct, frozen=True):
    """One layer's value for a key."""

    raw: Raw
    origin: Origin


class Layers:
    """Collects candidates, then the values taken from them, their origins and every problem on the way."""

    def __init__(self, path: Path | None, lines: Mapping[KeyPath, int], env: Mapping[str, str]) -> None:
        self.path = path
        self.env = env
        self.problems: list[ConfigProblem] = []
        self.origins: dict[str, Origin] = {}
        self._lines = lines
        self._folder = Path() if path is None else path.parent
        self._candidates: dict[str, list[Candidate]] = {}

    def line(self, *path: str | int) -> int | None:
        """The line of a key of the file, or of the closest table around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self._lines:
                return self._lines[path[:end]]
        return None

    def in_file(
        self,
        message: str,
        *path: str | int,
        suggestion: str | None = None,
        lacks: tuple[str, str] | None = None,
    ) -> None:
        """Notes a problem with a key of the file."""
        origin = Origin(OriginKind.FILE, str(self.path), self.line(*path))
        self.problem(message, dotted(*path), origin, suggestion, lacks)

    def problem(
        self,
        message: str,
        key: str,
        origin: Origin,
        suggestion: str | None = None,
        lacks: tuple[str, str] | None = None,
    ) -> None:
        """Notes a problem with a value that was given there."""
        given_by = None if origin.kind is OriginKind.FILE else origin.name
        path = self.path if given_by is None else None
        self.problems.append(
            ConfigProblem(message, key, origin.line, None, path, suggestion, given_by, lacks)
        )

    def offer_file(self, value: object, *path: str | int) -> None:
        """Adds a value of the file."""
        origin = Origin(OriginKind.FILE, str(self.path), self.line(*path))
        self._offer(dotted(*path), Raw(value, env=self.env, folder=self._folder), origin)

    def tables(
        self, document: Mapping[str, object], name: str
    ) -> tuple[tuple[int, Mapping[str, object]], ...]:
        """The tables of one of `LISTS`, each with its place."""
        tables = document.get(name, [])
        if not isinstance(tables, list):
            self.in_file(said("must_be_tables", name=name), name)
            return ()
        for index, table in enumerate(tables):
            if not isinstance(table, dict):
                message = said("item_must_be_table", name=dotted(name, index), value=quoted(table))
                self.in_file(message, name, index)
        return tuple((index, table) for index, table in enumerate(tables) if isinstance(table, dict))

    def offered(self, prefix: str) -> tuple[str, ...]:
        """The keys below a prefix that some layer has a value for."""
        return tuple(key for key in self._candidates if key.startswith(prefix))

    def take(self, key: str, read: Read[Any], default: object) -> Any:
        """The strongest layer's value; a bad value in any layer is a problem, even when it is overridden."""
        taken = default
        self.origins[key] = DEFAULT_ORIGIN
        for candidate in self._candidates.get(key, ()):
            result = read(candidate.raw)
            if isinstance(result, Wrong):
                message = f"{printable(key)} {result.why}"
                self.problem(message, key, candidate.origin, result.suggestion)
            else:
                taken = result
                self.origins[key] = candidate.origin
        return taken

    def lay_file(self, document: Mapping[str, object]) -> None:
        """Lays the file's single values and `OPEN_TABLES` down; `LISTS` are read elsewhere."""
        for name, value in document.items():
            if name in LISTS:
                continue
            if name in TABLE:
                self.offer_file(value, name)
            elif name not in SECTIONS and name not in OPEN_TABLES:
                code = "unknown_table" if isinstance(value, dict) else "unknown_key"
                self.in_file(said(code, name=printable(name)), name, suggestion=nearest(name, _NAMES))
            elif not isinstance(value, dict):
                self.in_file(said("must_be_table", name=name), name)
            else:
                self._lay_table(name, value)

    def _lay_table(self, table: str, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            key = f"{table}.{name}"
            if table in OPEN_TABLES or key in TABLE:
                self.offer_file(value, table, name)
            else:
                message = said("unknown_key", name=printable(key))
                self.in_file(message, table, name, suggestion=nearest(key, TABLE))

    def lay_environment(self, document: Mapping[str, object]) -> None:
        """Lays `POOLWATCH_POLL__INTERVAL_SECONDS` and its like over the file.

        An empty variable counts as unset. A variable that looks like a misspelt setting is a problem, unless
        a source names it as the holder of its secret.
        """
        holders = _named_variables(document)
        for name, value in sorted(self.env.items()):
            if not name.startswith(PREFIX) or name in PLACES or name in holders or not value:
                continue
            key = name.removeprefix(PREFIX).replace("__", ".", 1).lower()
            table, _, rest = key.partition(".")
            origin = Origin(OriginKind.ENVIRONMENT, name)
            if name == name.upper() and (key in TABLE or (table in OPEN_TABLES and rest)):
                self._offer(key, Raw(value, loose=True, env=self.env), origin)
            elif table in LISTS and rest:
                self.problem(said("file_only", name=printable(name)), key, origin)
            else:
                self._doubt_variable(name, key, origin)

    def _doubt_variable(self, name: str, key: str, origin: Origin) -> None:
        import difflib  # only where a variable is not known

        close = difflib.get_close_matches(name.upper(), map(variable_of, TABLE), n=1, cutoff=0.85)
        if close or "__" in name:
            near = nearest(key, TABLE)
            suggestion = close[0] if close else variable_of(near) if near is not None else None
            self.problem(said("no_such_variable", name=printable(name)), key, origin, suggestion)

    def lay_options(self, overrides: Mapping[str, str]) -> None:
        """Lays the options of the command line, by dotted key, over everything."""
        for key, value in overrides.items():
            row = TABLE.get(key)
            origin = Origin(OriginKind.OPTION, row.option if row is not None and row.option else key)
            if row is not None or key.partition(".")[0] in OPEN_TABLES:
                self._offer(key, Raw(value, loose=True, env=self.env), origin)
            else:
                message = said("unknown_setting", name=printable(key))
                self.problem(message, key, origin, nearest(key, TABLE))

    def _offer(self, key: str, raw: Raw, origin: Origin) -> None:
        self._candidates.setdefault(key, []).append(Candidate(raw, origin))


def dotted(*path: str | int) -> str:
    """`sources[0].kind`: the key as people and `origins` know it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _named_variables(document: Mapping[str, object]) -> frozenset[str]:
    """The variables that are named as holders of secrets."""
    lists = [document.get(name) for name in ("sources", "channels", "topups")]
    listed = chain.from_iterable(each for each in lists if isinstance(each, list))
    found = [document.get("net"), *listed]
    tables = [table for table in found if isinstance(table, dict)]
    names = chain.from_iterable(
        (value for key, value in table.items() if key.endswith("_env")) for table in tables
    )
    return frozenset(name for name in names if isinstance(name, str))
