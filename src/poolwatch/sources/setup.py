"""What a source is made with, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poolwatch.config.settings import SourceSettings
from poolwatch.net.client import HttpClient


@dataclass(frozen=True, slots=True)
class SourceSetup:
    """Settings and surroundings of one source; the deadline in seconds covers one request with its answer."""

    settings: SourceSettings
    client: HttpClient
    home: Path
    #: may hold keys
    env: Mapping[str, str] = field(repr=False)
    deadline_seconds: float
