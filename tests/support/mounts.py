"""Tests run as if everything lay on one local disk, whatever the machine has mounted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_TABLE: Final = Path(__file__).with_name("mountinfo")
#: What processes of poolwatch take their mounts from in tests.
LOCAL_DISK: Final = {"POOLWATCH_TEST": "1", "POOLWATCH_TEST_MOUNTS": str(_TABLE)}
