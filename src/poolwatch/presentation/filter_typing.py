"""What is wrong with a filter that is being typed, and what the key that completes makes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final, Protocol

from msgspec import Struct

from poolwatch.domain.query.fields import FIELDS, Among
from poolwatch.domain.query.language import (
    BEGUN,
    PREFIXES,
    SAVED,
    foreign,
    parse,
    quoted,
    value_text,
)
from poolwatch.domain.query.tree import And, Look, Or, Query, Word, leaves
from poolwatch.presentation.filter import Saved, typed
from poolwatch.words import query as told

#: A mistake names so many values at most.
_NAMED: Final = 6


class Searched(Protocol):
    """What a filter is typed for."""

    @property
    def among(self) -> Among:
        """What that is."""

    @property
    def saved(self) -> Saved:
        """The saved filters."""

    def finds(self, query: Query) -> bool:
        """Whether a word or a value is anywhere in it."""

    def values(self, field: str) -> Sequence[str]:
        """What a field of texts may hold."""


def mistake(searched: Searched, text: str, *, is_whole: bool = False) -> str:
    """What is wrong with a filter first, or "": a field or a value that nothing has, or that cannot be.

    `is_whole`: no more is typed, so that nothing may be left open.
    """
    parsed = typed(text, searched.saved)
    for fault in parsed.faults:
        if fault.kind in BEGUN:
            continue
        if not fault.word or not searched.finds(Word(fault.word)):
            return told.fault_text(fault, searched.among)
    field = foreign(parsed.query, searched.among)
    if field is not None:
        return told.foreign(field, searched.among)
    for leaf in leaves(parsed.query):
        if isinstance(leaf, Look) and (wrong := _wrong_look(leaf, searched)):
            return wrong
        if isinstance(leaf, Word) and (wrong := _wrong_name(leaf, text, searched)):
            return wrong
    begun = next((fault for fault in parsed.faults if fault.kind in BEGUN), None)
    return told.fault_text(begun) if is_whole and begun is not None else ""


def _wrong_look(look: Look, searched: Searched) -> str:
    if searched.finds(look):
        return ""
    known = searched.values(look.field)
    folded = [value.casefold() for value in known]
    if look.wanted in folded or (not look.exact and any(each.startswith(look.wanted) for each in folded)):
        return ""
    near = told.nearest_text(look.wanted, known)
    if near:
        return told.no_value_near(look.field, look.wanted, near)
    return told.no_value(look.field, look.wanted, ", ".join(known[:_NAMED]))


def _wrong_name(word: Word, text: str, searched: Searched) -> str:
    """Of a word that looks like the name of a saved filter, and is none."""
    if not word.text.startswith(SAVED) or word.text not in text.casefold().split() or searched.finds(word):
        return ""
    names = [SAVED + name for name, _ in searched.saved]
    near = told.nearest_text(word.text, names)
    return told.no_saved_near(word.text, near) if near else told.no_saved(word.text, "  ".join(names))


# --- completion

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


def completion(searched: Searched, text: str, cursor: int) -> Completion:
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
        return _saved(text, begin, cursor, searched.saved)
    value = _VALUE.fullmatch(piece.casefold())
    if value is None:
        names = [f"{name}{_COMPARES if FIELDS[name].is_compared else ':'}" for name in searched.among.fields]
        found = [name for name in names if name.startswith(piece.casefold())]
        return _put(text, begin, cursor, found, found, "")
    field, before = value[1], begin + value.end(2)
    if field not in searched.among.fields or FIELDS[field].is_compared:
        return unchanged
    wanted = text[before:cursor].removeprefix('"').casefold()
    found = [each for each in searched.values(field) if each.casefold().startswith(wanted)]
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


def _saved(text: str, begin: int, cursor: int, saved: Saved) -> Completion:
    name = text[begin + len(SAVED) : cursor].casefold()
    known = dict(saved)
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
