"""One `replace` for all values: structs, and the dataclasses of the rooms that load late.

Type checkers see the one of dataclasses, whose keywords they check field by field for structs too:
that of msgspec takes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace
else:
    from msgspec import Struct, structs

    def replace(value: Any, /, **changes: Any) -> Any:
        """The value with other fields."""
        if isinstance(value, Struct):
            return structs.replace(value, **changes)
        import dataclasses

        return dataclasses.replace(value, **changes)


__all__ = ["replace"]
