from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from poolwatch.net.client import HttpClient


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as opened:
        yield opened
