"""What a filter means: a tree of what is looked for, and whether it lets something through."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final, Protocol, TypeAlias

from msgspec import Struct

from poolwatch.domain.query.fields import FIELDS, is_equal


class Word(Struct, frozen=True):
    """A text, in small letters, that is looked for anywhere."""

    text: str


class NeedsYou(Struct, frozen=True):
    """What needs the operator."""


class Look(Struct, frozen=True):
    """A text that one of a field's texts begins with, or is if it is `exact`."""

    field: str
    wanted: str
    exact: bool = False


class Compare(Struct, frozen=True):
    """A field's figure beside another one; `sign` is one of SIGNS."""

    field: str
    sign: str
    wanted: Decimal


class Not(Struct, frozen=True):
    """All that the part does not let through."""

    part: Query


class And(Struct, frozen=True):
    """What all parts let through; without any, everything."""

    parts: tuple[Query, ...] = ()


class Or(Struct, frozen=True):
    """What one of the parts lets through."""

    parts: tuple[Query, ...]


#: What is looked for in one place.
Leaf: TypeAlias = Word | NeedsYou | Look | Compare
Query: TypeAlias = Leaf | Not | And | Or

#: The empty filter.
EVERYTHING: Final = And()
EQUAL: Final = "="
_COMPARED: Final[dict[str, Callable[[Decimal | float, Decimal], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
#: What stands between a field and the figure that it is compared with; the longer ones first.
SIGNS: Final = (*_COMPARED, EQUAL)


class Subject(Protocol):
    """Something that a filter lets through or not."""

    @property
    def needs_you(self) -> bool:
        """Whether it needs the operator."""

    def everything(self) -> Iterable[str]:
        """The texts that a word is looked for in."""

    def texts(self, field: str) -> Iterable[str]:
        """The texts of a field; none where it has no such field, or nobody knows."""

    def figure(self, field: str) -> Decimal | float | None:
        """The figure of a field; None where there is none, or nobody knows."""


def lets(query: Query, subject: Subject) -> bool:
    """Whether the filter lets it through. An unknown figure is neither more nor less than any, nor equal.

    So `weekly>=80` and `weekly<80` both leave out what is unknown, and `not weekly>=80` lets it through.
    """
    match query:
        case Word(text):
            return any(text in each.casefold() for each in subject.everything())
        case Look(field, wanted, exact):
            texts = (each.casefold() for each in subject.texts(field))
            return any(each == wanted if exact else each.startswith(wanted) for each in texts)
        case Compare(field):
            figure = subject.figure(field)
            return figure is not None and compares(query, figure)
        case NeedsYou():
            return subject.needs_you
        case Not(part):
            return not lets(part, subject)
        case And(parts):
            return all(lets(part, subject) for part in parts)
        case Or(parts):
            return any(lets(part, subject) for part in parts)


def compares(leaf: Compare, figure: Decimal | float) -> bool:
    """Whether a figure of its field is what it asks for."""
    if leaf.sign == EQUAL:
        return is_equal(FIELDS[leaf.field].kind, figure, leaf.wanted)
    return _COMPARED[leaf.sign](figure, leaf.wanted)


def foreseen(query: Query, answer: Callable[[Leaf], bool | None]) -> bool | None:
    """Whether it will be let through, by what is known of each leaf; None where that cannot be told yet."""
    match query:
        case Not(part):
            inner = foreseen(part, answer)
            return None if inner is None else not inner
        case And(parts):
            found = {foreseen(part, answer) for part in parts}
            return False if False in found else None if None in found else True
        case Or(parts):
            found = {foreseen(part, answer) for part in parts}
            return True if True in found else None if None in found else False
        case _:
            return answer(query)


def both(parts: Iterable[Query]) -> Query:
    """What all of them let through."""
    flat: list[Query] = []
    for part in parts:
        flat += part.parts if isinstance(part, And) else (part,)
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def either(parts: Iterable[Query]) -> Query:
    """What one of them lets through; of none: everything."""
    flat: list[Query] = []
    for part in parts:
        flat += part.parts if isinstance(part, Or) else (part,)
    if not flat or EVERYTHING in flat:
        return EVERYTHING
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def opposite(part: Query) -> Query:
    """What it does not let through."""
    return part.part if isinstance(part, Not) else Not(part)


def leaves(query: Query) -> Iterator[Leaf]:
    """What is looked for, in the order in which it stands."""
    match query:
        case Not(part):
            yield from leaves(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            yield query


def depth(query: Query) -> int:
    """How deep its groups are nested."""
    match query:
        case Not(part):
            return 1 + depth(part)
        case And(parts) | Or(parts):
            return 1 + max(map(depth, parts), default=0)
        case _:
            return 0
