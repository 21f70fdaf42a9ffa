from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.support.upstream import Upstream


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """The small pool; tests that spend a token do so with an account of their own."""
    with Upstream(tmp_path_factory.mktemp("cli") / "demo") as upstream:
        yield upstream


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A machine where nothing is configured."""
    return Desk(tmp_path)


@pytest.fixture
def pool_desk(tmp_path: Path, served: Upstream) -> Desk:
    """A machine that monitors the small pool, with nothing read yet."""
    return Desk(tmp_path, served.config)
