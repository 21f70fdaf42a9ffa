"""`status` with options that need no parser: loading one takes longer than reading many accounts.

Only what the parser would take in the very same way is taken here; all else goes to the parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

# `typing` takes time to load; type checkers take these names for theirs
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from poolwatch.cli.status import StatusWish

_SECONDS: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)


def plain_status(arguments: Sequence[str]) -> int | None:
    """Run `status` with what stands behind it on the command line; None when it wants the parser."""
    wish = wish_of(arguments)
    if wish is None:
        return None
    from poolwatch.cli.status import print_status

    return print_status(wish)


def wish_of(arguments: Sequence[str]) -> StatusWish | None:
    """What these arguments ask for, or None when they want the parser."""
    given = _told(arguments)
    if given is None:
        return None
    from poolwatch.cli.status import StatusWish

    return StatusWish(
        Path(given["--config"]) if "--config" in given else None,
        given.get("", ""),
        "--json" in given,
        float(given["--max-age"]) if "--max-age" in given else None,
        "--mask" in given,
    )


def _told(arguments: Sequence[str]) -> dict[str, str] | None:
    """Options by name, and the filter under the empty name; None for anything out of the ordinary."""
    given: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, value = rest.pop(0), ""
        if name[:1] != "-":
            name, value = "", name
        elif name.partition("=")[0] in ("--max-age", "--config"):
            name, is_joined, value = name.partition("=")
            if not is_joined:
                if not rest:
                    return None
                value = rest.pop(0)
            if not value or value[0] == "-" or (name == "--max-age" and not _SECONDS.fullmatch(value)):
                return None
        elif name not in ("--json", "--mask"):
            return None
        if name in given:
            return None
        given[name] = value
    return given
