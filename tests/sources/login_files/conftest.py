"""What tests of login files stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poolwatch.net.client import HttpClient


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """An open client."""
    async with HttpClient() as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder."""
    return tmp_path
