"""What a source is made with, whatever stands behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from poolwatch.config.settings import SourceSettings
from poolwatch.custody.fingerprint import KEY_BYTES, Fingerprinter
from poolwatch.domain.account import Secret
from poolwatch.net.client import HttpClient
from poolwatch.sources.pools.keys import OwnStandings, Standings


def _own_fingerprints() -> Callable[[Secret], str]:
    return Fingerprinter(secrets.token_bytes(KEY_BYTES))


class SourceSetup(Struct, frozen=True, eq=False):
    """Settings and surroundings of one source; the deadline in seconds covers one request with its answer.

    `fingerprint` and `standings` are by what processes tell each other which secrets a pool refused; unset,
    this one remembers by itself. `shows_raw`: somebody may want to see answers as they came.
    """

    settings: SourceSettings
    client: HttpClient
    home: Path
    env: Mapping[str, str]
    deadline_seconds: float
    fingerprint: Callable[[Secret], str] = field(default_factory=_own_fingerprints)
    standings: Standings = field(default_factory=OwnStandings)
    shows_raw: bool = True

    def __repr__(self) -> str:
        # the environment may hold keys
        return f"SourceSetup({self.settings.name!r})"
