"""One source by itself, for commands that look at no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.sources import build_source
from poolwatch.bootstrap.store_port import StoredKeyStates
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.token_port import fingerprinter_of
from poolwatch.config.settings import SourceSettings
from poolwatch.net.client import HttpClient
from poolwatch.sources.pools.keys import KeyStates
from poolwatch.sources.source import Source
from poolwatch.store.store import Store


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
