"""What a request says of itself beside its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from poolwatch import __version__
from poolwatch.domain.account import Secret

USER_AGENT: Final = f"poolwatch/{__version__}"

Headers = Mapping[str, str | Secret]

_SENDABLE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")


def plain(value: str | Secret) -> str:
    """What is sent for it: call this only in the expression that sends or judges it."""
    return value.reveal() if isinstance(value, Secret) else value


def unsendable(headers: Headers) -> str | None:
    """The first header whose value has characters that cannot stand there; None when all can be sent."""
    return next((name for name, value in headers.items() if not _SENDABLE.fullmatch(plain(value))), None)
