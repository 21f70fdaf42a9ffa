"""A stored JSON object, read key by key with the type that is expected there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Final, NoReturn, TypeAlias, TypeVar

from msgspec import DecodeError
from msgspec.json import decode

from poolwatch.store.instants import from_text

Choice = TypeVar("Choice", bound=StrEnum)

#: What is written: plain JSON values under names of this room's choosing.
Fields: TypeAlias = dict[str, object]

#: Everything that reading a damaged document can raise.
UNREADABLE: Final = (ValueError, TypeError, ArithmeticError, RecursionError)


class Doc:
    """One JSON object. An absent key and null are the same; a value of the wrong type is a ValueError."""

    __slots__ = ("_fields",)

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise ValueError("not an object")  # noqa: TRY004 - one kind of error for all damage
        self._fields: Mapping[str, object] = value

    @classmethod
    def parse(cls, text: object) -> Doc:
        """The object in a text column. NaN and the infinities are damage."""
        if not isinstance(text, str):
            raise ValueError("not a text")  # noqa: TRY004 - one kind of error for all damage
        try:
            return cls(decode(text))
        except (DecodeError, UnicodeEncodeError):
            # lone surrogates are stored, and msgspec does not read them
            return cls(json.loads(text, parse_constant=_refuse))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the object, in order."""
        return tuple(self._fields)

    def has(self, name: str) -> bool:
        """Whether anything but null stands there."""
        return self._fields.get(name) is not None

    def need(self, name: str) -> object:
        """Whatever stands there, but not nothing."""
        value = self._fields.get(name)
        if value is None:
            raise _wrong(name)
        return value

    def text(self, name: str) -> str | None:
        """A text, or None."""
        value = self._fields.get(name)
        if value is None or isinstance(value, str):
            return value
        raise _wrong(name)

    def need_text(self, name: str) -> str:
        """A text that must be there."""
        value = self._fields.get(name)
        if isinstance(value, str):
            return value
        raise _wrong(name)

    def flag(self, name: str) -> bool | None:
        """A truth value, or None."""
        value = self._fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise _wrong(name)

    def number(self, name: str) -> float | None:
        """A number, or None."""
        value = self._fields.get(name)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            return value
        raise _wrong(name)

    def whole(self, name: str) -> int | None:
        """A whole number, or None."""
        value = self._fields.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise _wrong(name)

    def decimal(self, name: str) -> Decimal | None:
        """A decimal kept as text, digit for digit, or None."""
        text = self.text(name)
        if text is None:
            return None
        value = Decimal(text)
        if not value.is_finite():
            raise _wrong(name)
        return value

    def figure(self, name: str) -> float | Decimal | None:
        """A decimal where a text stands, else a number, or None."""
        if isinstance(self._fields.get(name), str):
            return self.decimal(name)
        return self.number(name)

    def instant(self, name: str) -> datetime | None:
        """An instant in UTC, or None."""
        text = self.text(name)
        return None if text is None else from_text(text)

    def need_instant(self, name: str) -> datetime:
        """An instant in UTC that must be there."""
        return from_text(self.need_text(name))

    def choice(self, name: str, kind: type[Choice]) -> Choice | None:
        """A member of a closed set, or None. A member of another version's set is damage."""
        text = self.text(name)
        return None if text is None else kind(text)

    def need_choice(self, name: str, kind: type[Choice]) -> Choice:
        """A member of a closed set that must be there."""
        return kind(self.need_text(name))

    def part(self, name: str) -> Doc | None:
        """An object within, or None."""
        value = self._fields.get(name)
        return None if value is None else Doc(value)

    def items(self, name: str) -> list[object]:
        """A list; empty when absent."""
        value = self._fields.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        raise _wrong(name)

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty when absent."""
        values = self.items(name)
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) != len(values):
            raise _wrong(name)
        return texts


def tidy(fields: Fields) -> Fields:
    """Without the keys that say nothing: an absent key reads as None."""
    return {name: value for name, value in fields.items() if value is not None}


def as_json(fields: Fields) -> str:
    """Compact, pure ASCII: any text survives, lone surrogates included."""
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


def finite(value: float | None) -> float | None:
    """The number, None for those that JSON has no word for."""
    return value if value is None or isfinite(value) else None


def digits(value: Decimal | None) -> str | None:
    """The decimal as text, digit for digit; None for what is no amount."""
    return None if value is None or not value.is_finite() else str(value)


def _wrong(name: str) -> ValueError:
    return ValueError(f"{name} has another type")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
