"""Sources, made from settings, and what all processes remember of pools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.settings import NetSettings
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Secret
from poolwatch.domain.state import KeyState
from poolwatch.monitor.custodian import fingerprinter_of
from poolwatch.net.client import HttpClient
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.banked_resets import ResetPace
from poolwatch.sources.codex_home import CodexHomes
from poolwatch.sources.pools.cli_proxy_api import CliProxyApi
from poolwatch.sources.pools.codex_lb import CodexLb
from poolwatch.sources.pools.codex_proxy import CodexProxy
from poolwatch.sources.pools.keys import KeyStates
from poolwatch.sources.source import ResettingSource, Source, SourceSetup
from poolwatch.store.store import Store

_CLASSES: Final[dict[SourceKind, Callable[[SourceSetup], Source]]] = {
    SourceKind.CODEX_HOME: CodexHomes,
    SourceKind.AUTH_FILES: AuthFiles,
    SourceKind.CODEX_PROXY: CodexProxy,
    SourceKind.CODEX_LB: CodexLb,
    SourceKind.CLI_PROXY_API: CliProxyApi,
}
#: How old what other processes remember of secrets may be here.
_KEY_STATES_SECONDS: Final = 0.25


def build_source(
    around: Surroundings,
    settings: SourceSettings,
    client: HttpClient,
    fingerprint: Callable[[Secret], str],
    key_states: KeyStates,
) -> Source:
    """One source; `key_states` is what all processes remember of pools."""
    setup = SourceSetup(
        settings,
        client,
        home=around.home or Path("/"),
        env=around.env,
        deadline_seconds=around.settings.poll.timeout_seconds,
        fingerprint=fingerprint,
        key_states=key_states,
        resets=ResetPace(memory_of(around, settings, "resets")),
        renews=around.renews,
    )
    return _CLASSES[settings.kind](setup)


class ResetSetup(Struct, frozen=True):
    """What a process of its own makes the source with that has a banked reset used; no secret is in it."""

    source: SourceSettings
    net: NetSettings
    state_dir: str
    home: str | None
    deadline_seconds: float


def resetting_source(
    setup: ResetSetup, env: Mapping[str, str], fingerprint: Callable[[Secret], str]
) -> ResettingSource:
    """The source, for one event loop."""
    made = _CLASSES[setup.source.kind](
        SourceSetup(
            setup.source,
            HttpClient(setup.net, env),
            home=Path(setup.home or "/"),
            env=env,
            deadline_seconds=setup.deadline_seconds,
            fingerprint=fingerprint,
        )
    )
    if not isinstance(made, ResettingSource):
        raise TypeError(setup.source.kind)
    return made


def memory_of(around: Surroundings, settings: SourceSettings, what: str) -> Path:
    """A file of this source in the state directory, whatever the source is called."""
    return around.state_dir / f"{settings.name.replace('%', '%25').replace('/', '%2F')}.{what}"


@asynccontextmanager
async def lone_source(around: Surroundings, settings: SourceSettings) -> AsyncIterator[Source]:
    """The source; of a pool, with what all processes remember of it."""
    fingerprint, _ = await asyncio.to_thread(fingerprinter_of, around.state_dir)
    client = HttpClient(around.settings.net, around.env)
    if not settings.kind.is_pool:
        yield build_source(around, settings, client, fingerprint, KeyStates())
        return
    store = Store(around.state_dir, RealClock().now())
    try:
        yield build_source(around, settings, client, fingerprint, StoredKeyStates(store))
    finally:
        await store.aclose()


class StoredKeyStates(KeyStates):
    """How secrets stand with pools, in the store; where that cannot be written, this process remembers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own = KeyStates()
        self._read: dict[str, KeyState] = {}
        self._read_at: float | None = None

    async def known(self) -> Mapping[str, KeyState]:
        """All that is remembered, at most a moment old."""
        now = asyncio.get_running_loop().time()
        if self._read_at is None or now - self._read_at > _KEY_STATES_SECONDS:
            self._read_at = now
            self._read = {**await self._store.key_states(), **await self._own.known()}
        return self._read

    async def keep(self, mark: str, state: KeyState, now: datetime) -> None:
        """Remember one."""
        self._read[mark] = state
        # here first, so that a look at the store that began before does not miss it
        await self._own.keep(mark, state, now)
        if await self._store.put_key_state(mark, state, now):
            await self._own.drop(mark)

    async def drop(self, mark: str) -> None:
        """Forget one."""
        self._read.pop(mark, None)
        await self._own.drop(mark)
        await self._store.drop_key_state(mark)

    async def claim_try(self, mark: str, now: datetime) -> bool:
        """Whether what is refused may be sent once, by hand; at most once a minute over all processes."""
        claimed = await self._store.claim_try(mark, now)
        own = await self._own.claim_try(mark, now)
        return own if claimed is None else claimed and own

    async def claim_trial(self, mark: str, now: datetime) -> bool:
        """Whether it is for this process to find out how a secret stands, of which nothing is known."""
        claimed = await self._store.claim_trial(mark, now)
        self._read_at = None
        return claimed is not False

    async def end_trial(self, mark: str) -> None:
        """Nothing was found out."""
        await self._store.end_trial(mark)
        self._read_at = None
