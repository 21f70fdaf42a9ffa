"""What a source is made with, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from poolwatch.config.settings import SourceSettings
from poolwatch.net.client import HttpClient


class SourceSetup(Struct, frozen=True, eq=False):
    """Settings and surroundings of one source; the deadline in seconds covers one request with its answer."""

    settings: SourceSettings
    client: HttpClient
    home: Path
    env: Mapping[str, str]
    deadline_seconds: float

    def __repr__(self) -> str:
        # the environment may hold keys
        return f"SourceSetup({self.settings.name!r})"
