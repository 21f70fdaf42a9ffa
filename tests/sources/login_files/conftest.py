"""What tests of login files stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolwatch.net.client import HttpClient


@pytest.fixture
def client() -> HttpClient:
    """The client."""
    return HttpClient()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder."""
    return tmp_path
