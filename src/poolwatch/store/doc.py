"""A stored JSON object, read key by key with the type that is expected there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Final, NoReturn, TypeAlias, TypeVar

from msgspec import DecodeError
from msgspec.json import decode

from poolwatch.host.instants import exact_instant

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
            import json  # few need it

            return cls(json.loads(text, parse_constant=_refuse))

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

    def instant(self, name: str) -> datetime | None:
        """An instant in UTC, or None."""
        text = self.text(name)
        return None if text is None else exact_instant(text)

    def need_instant(self, name: str) -> datetime:
        """An instant in UTC that must be there."""
        return exact_instant(self.need_text(name))

    def need_choice(self, name: str, kind: type[Choice]) -> Choice:
        """A member of a closed set that must be there."""
        return kind(self.need_text(name))


def as_json(fields: Fields) -> str:
    """Compact, pure ASCII: any text survives, lone surrogates included."""
    import json  # the first screen writes nothing

    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


def _wrong(name: str) -> ValueError:
    return ValueError(f"{name} has another type")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
