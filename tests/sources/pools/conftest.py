from __future__ import annotations

import pytest

from poolwatch.net.client import HttpClient


@pytest.fixture
def client() -> HttpClient:
    return HttpClient()
