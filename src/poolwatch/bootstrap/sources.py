"""A configured source, made. Its kind's module, and what reads payloads for it, is loaded when it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import Secret
from poolwatch.net.client import HttpClient
from poolwatch.sources.banked_resets import ResetPace
from poolwatch.sources.login_files import LoginFiles
from poolwatch.sources.pools.keys import KeyStates
from poolwatch.sources.source import Source, SourceSetup

_MODULES: Final = {
    SourceKind.CODEX_HOME: "codex_home",
    SourceKind.AUTH_FILES: "auth_files",
    SourceKind.CODEX_PROXY: "pools.codex_proxy",
    SourceKind.CODEX_LB: "pools.codex_lb",
    SourceKind.CLI_PROXY_API: "pools.cli_proxy_api",
}


def load_kinds(kinds: Iterable[SourceKind]) -> None:
    """Load what these sources are made of, which takes a while: this is for a thread."""
    for kind in dict.fromkeys(kinds):
        import_module(f"poolwatch.sources.{_MODULES[kind]}")


def build_source(
    around: Surroundings,
    settings: SourceSettings,
    client: HttpClient,
    fingerprint: Callable[[Secret], str],
    key_states: KeyStates,
    *,
    shows_raw: bool = True,
) -> Source:
    """One source; `key_states` is what all processes remember of pools.

    `shows_raw`: somebody may want to see its answers as they came.
    """
    setup = SourceSetup(
        settings,
        client,
        home=around.home or Path("/"),
        env=around.env,
        deadline_seconds=around.settings.poll.timeout_seconds,
        fingerprint=fingerprint,
        key_states=key_states,
        shows_raw=shows_raw,
    )
    resets = ResetPace(memory_of(around, settings, "resets"))
    match settings.kind:
        case SourceKind.CODEX_PROXY:
            from poolwatch.sources.pools.codex_proxy import CodexProxy

            return CodexProxy(setup, resets=resets)
        case SourceKind.CODEX_LB:
            from poolwatch.sources.pools.codex_lb import CodexLb

            return CodexLb(setup)
        case SourceKind.CLI_PROXY_API:
            from poolwatch.sources.pools.cli_proxy_api import CliProxyApi

            return CliProxyApi(setup, resets=resets)
        case SourceKind.CODEX_HOME | SourceKind.AUTH_FILES:
            return _files_class(settings.kind)(
                setup, renews=around.renews, resets=resets, at_is_disk_time=True
            )


def memory_of(around: Surroundings, settings: SourceSettings, what: str) -> Path:
    """A file of this source in the state directory, whatever the source is called."""
    return around.state_dir / f"{settings.name.replace('%', '%25').replace('/', '%2F')}.{what}"


def _files_class(kind: SourceKind) -> type[LoginFiles]:
    if kind is SourceKind.CODEX_HOME:
        from poolwatch.sources.codex_home import CodexHomes

        return CodexHomes
    from poolwatch.sources.auth_files import AuthFiles

    return AuthFiles
