"""What the key that completes makes of a filter that is being typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from msgspec import Struct

from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.query.fields import FIELDS, OF_ACCOUNTS
from poolwatch.domain.query.language import PREFIXES, SAVED, parse, quoted, value_text
from poolwatch.domain.query.tree import And, Or
from poolwatch.presentation.filter import Looker
from poolwatch.presentation.view import Prefs

_VALUE: Final = re.compile(r"([a-z0-9_]+)([:=])(\"?)(.*)", re.DOTALL)
#: After one of these a quote begins a text.
_BEFORE_QUOTE: Final = frozenset(":=<>")
#: The beginning of a comparison, where a field is a figure.
_COMPARES: Final = ">"


class Completion(Struct, frozen=True):
    """The line as it becomes, where the cursor stands in it, and what may follow, if that is not plain."""

    text: str
    cursor: int
    choices: tuple[str, ...] = ()


def completion(overview: PoolOverview, text: str, cursor: int, prefs: Prefs) -> Completion:
    """Complete the word before the cursor: a field, one of its values, or a saved filter by its name.

    As far as all that may follow is the same, as in a shell; the name of a saved filter becomes that filter.
    """
    unchanged = Completion(text, cursor)
    behind = text[cursor:]
    if behind and not behind[0].isspace() and behind[0] != ")":
        return unchanged
    begin = _beginning(text[:cursor])
    piece = text[begin:cursor]
    if piece.startswith(SAVED):
        return _saved(text, begin, cursor, prefs)
    value = _VALUE.fullmatch(piece.casefold())
    if value is None:
        names = [f"{name}{_COMPARES if FIELDS[name].is_compared else ':'}" for name in OF_ACCOUNTS]
        found = [name for name in names if name.startswith(piece.casefold())]
        return _put(text, begin, cursor, found, found, "")
    field, before = value[1], begin + value.end(2)
    if field not in FIELDS or FIELDS[field].is_compared:
        return unchanged
    wanted = text[before:cursor].removeprefix('"').casefold()
    known = Looker(overview, prefs).values(field)
    found = [each for each in known if each.casefold().startswith(wanted)]
    return _put(text, before, cursor, found, [value_text(each) for each in found], " ")


def _put(
    text: str, begin: int, cursor: int, found: Sequence[str], typed: Sequence[str], after: str
) -> Completion:
    """`typed` is how each that was found is typed; `after` follows the only one."""
    if len(found) == 1:
        end = "" if text[cursor:] else after
        return _with(text, begin, cursor, typed[0] + end)
    common = _common(found)
    is_open = text[begin:cursor].startswith('"') or value_text(common) != common
    if common and is_open:
        # closed by who types on
        common = quoted(common)[:-1]
    done = _with(text, begin, cursor, common) if len(common) > cursor - begin else Completion(text, cursor)
    return Completion(done.text, done.cursor, tuple(typed))


def _saved(text: str, begin: int, cursor: int, prefs: Prefs) -> Completion:
    name = text[begin + len(SAVED) : cursor].casefold()
    known = dict(prefs.filters)
    found = [each for each in known if each.startswith(name)]
    if name in known or len(found) == 1:
        return _with(
            text, begin, cursor, _inserted(text, begin, cursor, known[name if name in known else found[0]])
        )
    names = [SAVED + each for each in found]
    return _put(text, begin, cursor, names, names, "")


def _inserted(text: str, begin: int, cursor: int, saved: str) -> str:
    """A saved filter as it stands among what else is typed: in parentheses where that binds closer."""
    stands_alone = not text[:begin].strip() and not text[cursor:].strip()
    is_left_out = text[begin - 1 : begin] in PREFIXES
    query = parse(saved).query
    groups = isinstance(query, Or) or (isinstance(query, And) and is_left_out)
    return f"({saved})" if groups and not stands_alone else saved


def _common(texts: Sequence[str]) -> str:
    """What all of them begin with, in any case."""
    columns = zip(*texts, strict=False)
    alike = takewhile(lambda letters: len({each.casefold() for each in letters}) == 1, columns)
    return "".join(letters[0] for letters in alike)


def _with(text: str, begin: int, cursor: int, put: str) -> Completion:
    return Completion(f"{text[:begin]}{put}{text[cursor:]}", begin + len(put))


def _beginning(text: str) -> int:
    """Where the word begins that the text ends in, after what leaves it out or groups it."""
    begin, in_quotes = 0, False
    for index, letter in enumerate(text):
        if in_quotes:
            in_quotes = letter != '"' or text[index - 1] == "\\"
        elif letter == '"' and (index == begin or text[index - 1] in _BEFORE_QUOTE):
            in_quotes = True
        elif letter.isspace() or (index == begin and letter in ("(", *PREFIXES)):
            begin = index + 1
    return begin
