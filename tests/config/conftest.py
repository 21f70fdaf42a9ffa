"""Files that resist."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def unreadable(tmp_path: Path) -> Iterator[Path]:
    """A path that cannot be read: closed by its mode, which the super-user ignores, or below a plain file."""
    if os.geteuid() == 0:
        blocker = tmp_path / "blocker"
        blocker.write_bytes(b"")
        yield blocker / "config.toml"
    else:
        path = tmp_path / "closed.toml"
        path.write_bytes(b"")
        path.chmod(0)
        yield path
        path.chmod(0o600)
