"""The sentences for the codes of the HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: By code; each text is marked for translation, its blanks are named.
TEXTS: Final[Mapping[str, str]] = {}
