"""How a filter is read from what is typed, and written again.

    query  = all ("or" all)*                    `or` binds least
    all    = part part*                         a blank is "and"
    part   = ("not" | "-" | "!") part | "(" query ")" | "!" | word | field
    field  = name ":" text | name "=" text | name (">=" | "<=" | ">" | "<" | "=") figure

A text with blanks stands in double quotes, in which a backslash stands before a quote or another backslash.
"-" and "!" stand right before what they leave out. Everything is read in small letters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field

from poolwatch.domain.query.fields import FIELDS, Among, figure_text, read_figure
from poolwatch.domain.query.tree import (
    EQUAL,
    EVERYTHING,
    SIGNS,
    And,
    Compare,
    Leaf,
    Look,
    NeedsYou,
    Not,
    Or,
    Query,
    Word,
    both,
    depth,
    either,
    foreseen,
    leaves,
    opposite,
)

_OR: Final = "or"
_NOT: Final = "not"
#: No word of the language, for a blank means it.
_AND: Final = "and"
#: The word that keeps only what needs the operator.
NEEDS_YOU: Final = "!"
#: Right before something, it is left out.
PREFIXES: Final = ("-", "!")
#: Before the name of a saved filter.
SAVED: Final = "@"
_COLON: Final = ":"
_OF_IMPORTS: Final = ("operation", "user")
_NAMED: Final = re.compile(rf"([a-z0-9_]+)({_COLON}|{'|'.join(SIGNS)})")
#: No group is nested deeper; what would be is read as a letter.
DEEPEST: Final = 40


class FaultKind(StrEnum):
    """What is wrong with a filter."""

    NO_FIELD = "no_field"
    #: a figure is compared, and with a figure
    NOT_COMPARED = "not_compared"
    #: a text is not compared
    NOT_A_FIGURE = "not_a_figure"
    AND = "and"
    CLOSES_NOTHING = "closes_nothing"
    TOO_DEEP = "too_deep"
    # what may be on its way while somebody types
    OPEN_QUOTE = "open_quote"
    OPEN_GROUP = "open_group"
    NOTHING_BESIDE = "nothing_beside"


#: They go as more is typed.
BEGUN: Final = frozenset({FaultKind.OPEN_QUOTE, FaultKind.OPEN_GROUP, FaultKind.NOTHING_BESIDE})


class Fault(Struct, frozen=True):
    """One thing that is wrong: `name` is a field or a word of the language.

    `word` is what is looked for instead, as any word; a name may well hold it, and then nothing is wrong.
    """

    kind: FaultKind
    name: str = ""
    word: str = ""


class Parsed(Struct, frozen=True):
    """What was typed, as it is understood."""

    query: Query = EVERYTHING
    faults: tuple[Fault, ...] = ()


_NONE: Final[Mapping[str, Query]] = MappingProxyType({})


def parse(text: str, saved: Mapping[str, Query] = _NONE) -> Parsed:
    """The filter that was typed. `@name` is the saved one of that name; without one it is a word.

    Half a word on its way says nothing yet: `weekly>`, `plan:`, `-`, and `or` with nothing beside it.
    """
    return _Reader(text.casefold(), saved).read()


def query_of(text: str, saved: Mapping[str, Query] = _NONE) -> Query:
    """The filter alone."""
    return parse(text, saved).query


class _Group(Struct):
    """A group that is being read: what stands between its `or`s."""

    is_left_out: bool = False
    alternatives: list[list[Query]] = field(default_factory=lambda: [[]])
    #: whether the next part is left out, for a `not` stands before it
    turned: bool = False
    #: the last word, where that is `or` or `not`
    pending: str = ""

    def add(self, part: Query | None, *, is_left_out: bool = False) -> None:
        """One more part; None: one of which nothing is known yet."""
        turned, self.turned = self.turned is not is_left_out, False
        self.pending = ""
        if part is not None:
            self.alternatives[-1].append(opposite(part) if turned else part)

    @property
    def query(self) -> Query | None:
        """What it means; None where nothing stands in it."""
        known = [both(parts) for parts in self.alternatives if parts]
        return either(known) if known else None


class _Reader:
    """Reads one filter from its first letter to its last."""

    def __init__(self, text: str, saved: Mapping[str, Query]) -> None:
        self._text = text
        self._saved = saved
        self._at = 0
        self._groups = [_Group()]
        self._faults: list[Fault] = []

    def read(self) -> Parsed:
        text = self._text
        while self._at < len(text):
            if text[self._at].isspace():
                self._at += 1
            elif text[self._at] == ")" and len(self._groups) > 1:
                self._at += 1
                self._close()
            else:
                self._part()
        if len(self._groups) > 1:
            self._faults.append(Fault(FaultKind.OPEN_GROUP))
        while len(self._groups) > 1:
            self._close()
        self._end(self._groups[0])
        return Parsed(self._groups[0].query or EVERYTHING, tuple(self._faults))

    def _part(self) -> None:
        """One part, or the beginning of a group."""
        is_left_out = self._text[self._at] in PREFIXES and not self._is_end(self._at + 1)
        if is_left_out:
            self._at += 1
        if self._text[self._at] == "(":
            if len(self._groups) <= DEEPEST:
                self._at += 1
                self._groups.append(_Group(is_left_out))
                return
            self._faults.append(Fault(FaultKind.TOO_DEEP))
        group = self._groups[-1]
        if self._text[self._at] == '"':
            text = self._quoted()
            group.add(Word(text) if text else None, is_left_out=is_left_out)
            return
        named = _NAMED.match(self._text, self._at)
        if named is not None and self._text[named.end() : named.end() + 1] == '"':
            self._at = named.end()
            part = self._of_field(named[1], named[2], self._quoted(), named[0])
            group.add(part, is_left_out=is_left_out)
            return
        word = self._bare()
        if word in (_OR, _NOT) and not is_left_out:
            self._link(group, word)
        else:
            group.add(self._of_word(word, is_left_out=is_left_out), is_left_out=is_left_out)

    def _link(self, group: _Group, word: str) -> None:
        if word == _NOT:
            group.turned = not group.turned
        else:
            if not group.alternatives[-1]:
                self._faults.append(Fault(FaultKind.NOTHING_BESIDE, word))
            group.turned = False
            group.alternatives.append([])
        group.pending = word

    def _close(self) -> None:
        group = self._groups.pop()
        self._end(group)
        self._groups[-1].add(group.query, is_left_out=group.is_left_out)

    def _end(self, group: _Group) -> None:
        if group.pending:
            self._faults.append(Fault(FaultKind.NOTHING_BESIDE, group.pending))

    def _is_end(self, at: int) -> bool:
        """Whether a word is over there."""
        if at >= len(self._text) or self._text[at].isspace():
            return True
        return self._text[at] == ")" and len(self._groups) > 1

    def _bare(self) -> str:
        """A word to its end; `not` and `or` end before a parenthesis, and one that it opens is its own."""
        begin, opened = self._at, 0
        while self._at < len(self._text) and not self._text[self._at].isspace():
            letter = self._text[self._at]
            if letter == "(":
                if self._text[begin : self._at] in (_OR, _NOT):
                    break
                opened += 1
            elif letter == ")":
                if not opened and len(self._groups) > 1:
                    break
                opened -= 1
            self._at += 1
        return self._text[begin : self._at]

    def _quoted(self) -> str:
        """A text in quotes, without them; one that is never closed goes on to the end."""
        self._at += 1
        out: list[str] = []
        while self._at < len(self._text):
            letter = self._text[self._at]
            self._at += 1
            if letter == '"':
                return "".join(out)
            if letter == "\\" and self._text[self._at : self._at + 1] in ('"', "\\"):
                letter = self._text[self._at]
                self._at += 1
            out.append(letter)
        self._faults.append(Fault(FaultKind.OPEN_QUOTE))
        return "".join(out)

    def _of_word(self, word: str, *, is_left_out: bool) -> Query | None:
        """What a word without quotes means; `is_left_out`: a prefix stands before it."""
        if word in PREFIXES and word != NEEDS_YOU and not is_left_out:
            return None
        saved = self._saved.get(word[1:]) if word.startswith(SAVED) else None
        if saved is not None and depth(saved) + len(self._groups) <= DEEPEST:
            return saved
        named = _NAMED.match(word)
        before, colon, after = word.partition(_COLON)
        if colon and not after and (named is None or named[2] != EQUAL):
            return None
        if named is not None:
            return self._of_field(named[1], named[2], word[named.end() :], named[0])
        if colon and not before:
            word = after
        if word == _AND:
            self._faults.append(Fault(FaultKind.AND, word=word))
        if word.count(")") > word.count("("):
            self._faults.append(Fault(FaultKind.CLOSES_NOTHING, word=word))
        return NeedsYou() if word == NEEDS_YOU else Word(word)

    def _of_field(self, name: str, sign: str, value: str, written: str) -> Query | None:
        """What a field and its value mean; a word where there is no such field, or it has no such value."""
        known, word = FIELDS.get(name), f"{written}{value}"
        if known is None:
            if not value and sign == _COLON:
                return None
            self._faults.append(Fault(FaultKind.NO_FIELD, name, word))
        elif known.is_compared:
            figure = read_figure(known.kind, value) if sign != _COLON else None if value else ""
            if isinstance(figure, Decimal):
                return Compare(name, sign, figure)
            if figure is not None:
                return None
            self._faults.append(Fault(FaultKind.NOT_COMPARED, name, word))
        elif sign in (_COLON, EQUAL):
            return Look(name, value, sign == EQUAL) if value else None
        else:
            self._faults.append(Fault(FaultKind.NOT_A_FIGURE, name, word))
        return Word(word)


def foreign(query: Query, among: Among) -> str | None:
    """What it looks for first that none of these has: a field, or what needs the operator."""
    for leaf in leaves(query):
        if isinstance(leaf, Look | Compare) and leaf.field not in among.fields:
            return leaf.field
        if isinstance(leaf, NeedsYou) and among is Among.USE:
            return NEEDS_YOU
    return None


def is_of_imports(query: Query) -> bool:
    """Whether it finds imported usage alone: session files tell no operation and no user."""

    def of_files(leaf: Leaf) -> bool | None:
        return False if isinstance(leaf, Look) and leaf.field in _OF_IMPORTS else None

    return foreseen(query, of_files) is False


def written(query: Query) -> str:
    """The filter as it may be typed: to parse that gives it back."""
    match query:
        case Word(text):
            return _word(text)
        case NeedsYou():
            return NEEDS_YOU
        case Look(name, wanted, exact):
            return f"{name}{EQUAL if exact else _COLON}{value_text(wanted)}"
        case Compare(name, sign, wanted):
            return f"{name}{sign}{figure_text(FIELDS[name].kind, wanted)}"
        case Not(part):
            return f"{_NOT} ({written(part)})" if isinstance(part, And | Or) else f"-{written(part)}"
        case And(parts):
            return " ".join(f"({written(each)})" if isinstance(each, Or) else written(each) for each in parts)
        case Or(parts):
            return f" {_OR} ".join(map(written, parts))


def value_text(text: str) -> str:
    """A value as it stands behind a field's colon: in quotes where it needs them."""
    needs = not text or any(letter in '()"' or letter.isspace() for letter in text)
    return quoted(text) if needs else text


def quoted(text: str) -> str:
    """The text in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _word(text: str) -> str:
    is_plain = text[:1] not in (*PREFIXES, SAVED) and value_text(text) == text
    return text if is_plain and query_of(text) == Word(text) else quoted(text)
