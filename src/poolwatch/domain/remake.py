"""One `replace` for all values: structs, and the dataclasses of the rooms that load late.

Type checkers see the one of dataclasses, whose keywords they check field by field for structs too:
that of msgspec takes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace  # noqa: TID251 - this is its home
else:
    from msgspec import Struct, structs

    def replace(value: Any, /, **changes: Any) -> Any:
        """The value with other fields."""
        if isinstance(value, Struct):
            return structs.replace(value, **changes)
        import dataclasses

        return dataclasses.replace(value, **changes)  # noqa: TID251 - likewise


__all__ = ["replace"]
