from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.upstream import Upstream

NOW = "2026-11-20T21:00:00Z"


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    """A server of its own, with every named account, at a frozen instant."""
    with Upstream(tmp_path / "demo", accounts=40, freeze=NOW) as served:
        yield served
