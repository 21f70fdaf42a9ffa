from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.custody.rooms import Room, running_room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    yield from running_room(tmp_path)
