"""How one raw value becomes a field: a value, None for "there is none", or malformed; never an exception."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, PlainValidator

from poolwatch.domain.text import visible_or_none
from poolwatch.domain.usage import Said, Unsaid
from poolwatch.sources.json_body import NumberText
from poolwatch.sources.redact import without_tokens

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_BLANKS: Final = " \t\r\n"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_ABOVE: Final = 10**11
_LARGEST_PERCENT: Final = 999_999
_LARGEST_COUNT: Final = 10**9
#: far more than is ever shown of a text
_LONGEST_TEXT: Final = 4_000


class WireModel(BaseModel):
    """A wire object: unknown keys are ignored, and no field can spoil another."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, protected_namespaces=())


def lenient(read: Callable[[object], T | None]) -> PlainValidator:
    """A validator that keeps null as None and turns whatever `read` cannot use into malformed."""

    def validate(value: object) -> Said[T]:
        if value is None:
            return None
        found = read(value)
        return Unsaid.MALFORMED if found is None else found

    return PlainValidator(validate)


def decimal(value: object) -> Decimal | None:
    """A number by the money grammar, from a JSON number or text; None when it is anything else."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value).strip(_BLANKS)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def percent(value: object) -> float | None:
    """A percentage as given, also below 0 and above 100; None beyond 999999."""
    number = decimal(value)
    return float(number) if number is not None and abs(number) <= _LARGEST_PERCENT else None


def whole(value: object) -> int | None:
    """A whole number up to 10^9 either way."""
    number = decimal(value)
    if number is None or number != number.to_integral_value() or abs(number) > _LARGEST_COUNT:
        return None
    return int(number)


def count(value: object) -> int | None:
    """A whole number that is not negative."""
    number = whole(value)
    return number if number is not None and number >= 0 else None


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
    """An instant from seconds since 1970, or milliseconds above 10^11; None outside the calendar."""
    number = decimal(value)
    if number is None or number <= 0:
        return None
    if number > _MILLISECONDS_ABOVE:
        number /= 1000
    try:
        return _EPOCH + timedelta(seconds=int(number), microseconds=int(number % 1 * 1_000_000))
    except OverflowError:
        return None


def instant(value: object) -> datetime | None:
    """An instant from an epoch or from an RFC 3339 text with a zone, in UTC."""
    number = epoch(value)
    if number is not None or not isinstance(value, str):
        return number
    try:
        parsed = datetime.fromisoformat(value.strip(_BLANKS))
        return parsed.astimezone(UTC) if parsed.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def minute_after(at: datetime, seconds: int) -> datetime | None:
    """The instant so many seconds after `at`, half-up to the minute; None outside the calendar."""
    try:
        exact = at + timedelta(seconds=seconds)
        minutes = Decimal((exact - _EPOCH) // timedelta(microseconds=1)) / 60_000_000
        return _EPOCH + timedelta(minutes=int(minutes.quantize(Decimal(1), ROUND_HALF_UP)))
    except OverflowError:
        return None


def nested(model: type[M]) -> Callable[[object], M | None]:
    """A reader for an object of its own."""

    def read(value: object) -> M | None:
        return model.model_validate(value) if isinstance(value, dict) else None

    return read


def known(said: Said[T]) -> T | None:
    """The value where there is one: within an object, absent, null and malformed are all unknown."""
    return None if isinstance(said, Unsaid) else said


Money = Annotated[Said[Decimal], lenient(decimal)]
Percent = Annotated[Said[float], lenient(percent)]
Count = Annotated[Said[int], lenient(count)]
Length = Annotated[Said[int], lenient(length)]
Whole = Annotated[Said[int], lenient(whole)]
Flag = Annotated[Said[bool], lenient(flag)]
Text = Annotated[Said[str], lenient(text)]
Epoch = Annotated[Said[datetime], lenient(epoch)]
Instant = Annotated[Said[datetime], lenient(instant)]
