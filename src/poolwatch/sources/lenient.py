"""Models of what services send. Each field is read on its own, so that a bad one costs no other.

A field is a value or None. Where it matters why there is none it is `Said`: None where the service says so,
`Unsaid` where the field is absent or malformed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Final, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, PlainValidator

from poolwatch.domain.text import visible_or_none
from poolwatch.domain.usage import Said, Unsaid
from poolwatch.domain.values import BEYOND
from poolwatch.sources.json_body import NumberText
from poolwatch.sources.redaction import without_tokens

T = TypeVar("T")
M = TypeVar("M", bound="LenientModel")
#: Makes a value of what the wire says, or None of what it cannot use; it raises nothing.
Reader: TypeAlias = Callable[[object], object]

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,28})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_BLANKS: Final = " \t\r\n"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_ABOVE: Final = 10**11
_BEYOND_SECONDS: Final = int(BEYOND.timestamp())
_LARGEST_PERCENT: Final = 999_999
_LARGEST_COUNT: Final = 10**9
_MOST_DIGITS: Final = 18
_LARGEST_NUMBER: Final = 10**_MOST_DIGITS - 1
_LARGEST_TOKENS: Final = 10**15
_DATE_LENGTH: Final = len("2026-11-20")
#: far more than is ever shown of a text
_LONGEST_TEXT: Final = 4_000


class LenientModel(BaseModel):
    """An object that a service sends: unknown keys are ignored, and every field has a lenient reader.

    A model of keys in camel case adds `model_config = ConfigDict(alias_generator=to_camel)`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def read(cls, value: object) -> Self | None:
        """The object that a JSON value is; None of anything else."""
        return cls.model_validate(value) if isinstance(value, dict) else None


def lenient(read: Reader) -> PlainValidator:
    """Annotates a field with its reader: null stays None, and what cannot be read is malformed."""

    def field(value: object) -> object:
        if value is None:
            return None
        found = read(value)
        return Unsaid.MALFORMED if found is None else found

    return PlainValidator(field)


def list_of(model: type[M], most: int) -> Callable[[object], list[M] | None]:
    """A reader for a list of objects: of the first `most` entries those that are objects."""

    def read(value: object) -> list[M] | None:
        if not isinstance(value, list):
            return None
        return [found for entry in value[:most] if (found := model.read(entry)) is not None]

    return read


def _number(value: object) -> int | Decimal | None:
    """A number from a JSON number or text, by the money grammar: up to 18 digits, and 28 behind the dot.

    An exponent is written out: services print a zero of ten places as `0E-10`.
    """
    # a bool, which is an int too, is no number
    if type(value) is int:
        return value if -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER else None
    if not isinstance(value, str):
        return None
    digits = value.strip(_BLANKS)
    found = _NUMBER.fullmatch(digits)
    if found is None:
        return None
    number = Decimal(digits)
    if found[2] is None:
        return number
    return None if number and number.adjusted() >= _MOST_DIGITS else Decimal(f"{number:f}")


def decimal(value: object) -> Decimal | None:
    """A number with the digits as they were sent; None when it is anything else."""
    number = _number(value)
    return None if number is None else Decimal(number)


def percent(value: object) -> float | None:
    """A percentage as given, also below 0 and above 100; None beyond 999999."""
    number = _number(value)
    return float(number) if number is not None and -_LARGEST_PERCENT <= number <= _LARGEST_PERCENT else None


def whole(value: object) -> int | None:
    """A whole number up to 10^9 either way."""
    number = _number(value)
    if number is None or not -_LARGEST_COUNT <= number <= _LARGEST_COUNT or number % 1:
        return None
    return int(number)


def count(value: object) -> int | None:
    """A whole number that is not negative."""
    number = whole(value)
    return number if number is not None and number >= 0 else None


def tokens(value: object) -> int | None:
    """A count of tokens, which may be far larger than any other."""
    number = decimal(value)
    return int(number) if number is not None and 0 <= number < _LARGEST_TOKENS and number % 1 == 0 else None


def day(value: object) -> date | None:
    """A day, alone or with a time behind it."""
    if not isinstance(value, str) or value[_DATE_LENGTH : _DATE_LENGTH + 1] not in ("", "T", " "):
        return None
    try:
        return date.fromisoformat(value[:_DATE_LENGTH])
    except ValueError:
        return None


def length(value: object) -> int | None:
    """A length in seconds, which is above 0."""
    number = whole(value)
    return number if number is not None and number > 0 else None


def flag(value: object) -> bool | None:
    """A JSON boolean and nothing like it."""
    return value if isinstance(value, bool) else None


def text(value: object) -> str | None:
    """A text, made safe to show; blank is none, and a number is no text."""
    if not isinstance(value, str) or isinstance(value, NumberText):
        return None
    return visible_or_none(without_tokens(value[:_LONGEST_TEXT]))


def epoch(value: object) -> datetime | None:
    """An instant from seconds since 1970, or milliseconds above 10^11; None where none can be meant.

    0 is no instant: it stands where nothing is known.
    """
    number = _number(value)
    if number is None or number < 1:
        return None
    if number > _MILLISECONDS_ABOVE:
        number = Decimal(number) / 1000
    if number >= _BEYOND_SECONDS:
        return None
    if isinstance(number, int):
        return datetime.fromtimestamp(number, UTC)
    return _EPOCH + timedelta(seconds=int(number), microseconds=int(number % 1 * 1_000_000))


def instant(value: object) -> datetime | None:
    """An instant from an epoch or from an RFC 3339 text with a zone, in UTC.

    The zero of a clock (1970, or year 1 as Go prints it) is no instant.
    """
    number = epoch(value)
    if number is not None or not isinstance(value, str):
        return number
    try:
        parsed = datetime.fromisoformat(value.strip(_BLANKS))
        return parsed.astimezone(UTC) if parsed.tzinfo is not None and _EPOCH < parsed < BEYOND else None
    except (ValueError, OverflowError):
        return None


def minute_after(at: datetime, seconds: int) -> datetime | None:
    """The instant so many seconds after `at`, half-up to the minute; None outside the calendar."""
    try:
        exact = at + timedelta(seconds=seconds)
        minutes = Decimal((exact - _EPOCH) // timedelta(microseconds=1)) / 60_000_000
        found = _EPOCH + timedelta(minutes=int(minutes.quantize(Decimal(1), ROUND_HALF_UP)))
    except OverflowError:
        return None
    return found if _EPOCH < found < BEYOND else None


def known(said: Said[T]) -> T | None:
    """The value where there is one."""
    return None if isinstance(said, Unsaid) else said


#: The type of a field within an object, where absent, null and malformed are all unknown, and its reader.
Money = Annotated[Decimal | None, PlainValidator(decimal)]
Percent = Annotated[float | None, PlainValidator(percent)]
Count = Annotated[int | None, PlainValidator(count)]
Tokens = Annotated[int | None, PlainValidator(tokens)]
Day = Annotated[date | None, PlainValidator(day)]
Length = Annotated[int | None, PlainValidator(length)]
Whole = Annotated[int | None, PlainValidator(whole)]
Flag = Annotated[bool | None, PlainValidator(flag)]
Text = Annotated[str | None, PlainValidator(text)]
Epoch = Annotated[datetime | None, PlainValidator(epoch)]
Instant = Annotated[datetime | None, PlainValidator(instant)]
