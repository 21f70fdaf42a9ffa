"""What every value is made with: instants that can be, the one that nobody knows, one `replace` for all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    # type checkers check its keywords field by field, for structs too: that of msgspec takes anything
    from dataclasses import replace  # noqa: TID251 - this is its home
else:
    from msgspec import Struct, structs

    def replace(value: Any, /, **changes: Any) -> Any:
        """The value with other fields."""
        if isinstance(value, Struct):
            return structs.replace(value, **changes)
        import dataclasses

        return dataclasses.replace(value, **changes)  # noqa: TID251 - likewise


__all__ = ["BEYOND", "UNDATED", "is_undated", "replace"]

#: The instant of figures whose age nobody tells. It lies before all others, so that such figures are old.
UNDATED: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: No service means an instant from then on, whatever it says: so all that is reckoned stays in the calendar.
BEYOND: Final = datetime(2200, 1, 1, tzinfo=UTC)


def is_undated(at: datetime) -> bool:
    """Whether this stands for an instant that nobody knows."""
    return at <= UNDATED
