"""A configured source, made. Importing this loads what speaks HTTP and reads payloads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import Secret
from poolwatch.net.client import HttpClient
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.codex_home import CodexHomes
from poolwatch.sources.login_files import LoginFiles


def build_source(
    around: Surroundings,
    settings: SourceSettings,
    client: HttpClient,
    fingerprint: Callable[[Secret], str],
) -> LoginFiles | None:
    """One source, or None for a kind that is not monitored yet."""
    kinds = {SourceKind.CODEX_HOME: CodexHomes, SourceKind.AUTH_FILES: AuthFiles}
    kind = kinds.get(settings.kind)
    if kind is None:
        return None
    return kind(
        settings,
        client,
        fingerprint,
        home=around.home or Path("/"),
        env=around.env,
        deadline_seconds=around.settings.poll.timeout_seconds,
        renews=around.renews,
    )
