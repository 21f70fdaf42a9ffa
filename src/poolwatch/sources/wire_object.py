"""Objects on the wire, read field by field: each field's annotation says how."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Self, TypeVar, get_type_hints

from msgspec import Struct

from poolwatch.sources.lenient import Reader, all_said, reader_in

W = TypeVar("W", bound="WireObject")


class WireObject(Struct, frozen=True):
    """A wire object: unknown keys are ignored, and no field can spoil another.

    Each field is annotated with its reader.
    """

    @classmethod
    def of(cls, value: object) -> Self | None:
        """The object that a JSON value is; None of anything else."""
        return cls(*all_said(_readers(cls), value)) if isinstance(value, dict) else None


def list_of(wire: type[W], most: int) -> Callable[[object], list[W] | None]:
    """A reader for a list of objects: of the first `most` entries those that are objects."""

    def read(value: object) -> list[W] | None:
        if not isinstance(value, list):
            return None
        return [found for entry in value[:most] if (found := wire.of(entry)) is not None]

    return read


@cache
def _readers(wire: type[WireObject]) -> tuple[tuple[str, Reader], ...]:
    hints = get_type_hints(wire, include_extras=True)
    return tuple((name, reader_in(hints[name].__metadata__)) for name in wire.__struct_fields__)
