from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from poolwatch.net.client import HttpClient
from tests.support.cli_proxy_server import CliProxyServer, login


@pytest.fixture
def client() -> HttpClient:
    return HttpClient()


@pytest.fixture
async def pool() -> AsyncIterator[CliProxyServer]:
    async with CliProxyServer([login(1), login(2)]) as server:
        yield server
