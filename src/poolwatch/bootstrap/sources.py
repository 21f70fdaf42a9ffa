"""A configured source, made. Importing this loads what speaks HTTP and reads payloads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import Secret
from poolwatch.net.client import HttpClient
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.cli_proxy_api import CliProxyApi
from poolwatch.sources.codex_home import CodexHomes
from poolwatch.sources.codex_lb import CodexLb
from poolwatch.sources.codex_proxy import CodexProxy
from poolwatch.sources.reset_pace import ResetPace
from poolwatch.sources.source import Source


def build_source(
    around: Surroundings,
    settings: SourceSettings,
    client: HttpClient,
    fingerprint: Callable[[Secret], str],
    *,
    shows_raw: bool = True,
) -> Source:
    """One source; `shows_raw`: somebody may want to see its answers as they came."""
    home = around.home or Path("/")
    env = around.env
    seconds = around.settings.poll.timeout_seconds
    resets = ResetPace(around.state_dir / f"{settings.name}.resets")
    match settings.kind:
        case SourceKind.CODEX_PROXY:
            return CodexProxy(settings, client, home=home, env=env, deadline_seconds=seconds, resets=resets)
        case SourceKind.CODEX_LB:
            return CodexLb(settings, client, home=home, env=env, deadline_seconds=seconds)
        case SourceKind.CLI_PROXY_API:
            refused = around.state_dir / f"{settings.name}.refused"
            return CliProxyApi(
                settings,
                client,
                fingerprint,
                home=home,
                env=env,
                deadline_seconds=seconds,
                memory=refused,
                resets=resets,
            )
        case SourceKind.CODEX_HOME | SourceKind.AUTH_FILES:
            files = CodexHomes if settings.kind is SourceKind.CODEX_HOME else AuthFiles
            return files(
                settings,
                client,
                fingerprint,
                home=home,
                env=env,
                deadline_seconds=seconds,
                renews=around.renews,
                resets=resets,
                shows_raw=shows_raw,
                at_is_disk_time=True,
            )
