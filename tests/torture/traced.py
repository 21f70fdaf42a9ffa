"""A custody process that notes when it passed each step: `python -m tests.torture.traced REPORT ...`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from poolwatch.custody import __main__ as custody
from poolwatch.custody import login_writer, protocol
from poolwatch.once import replies


def main() -> int:
    """Run the process, then write the moments in nanoseconds of the clock that processes share."""
    steps: dict[str, int] = {}

    def reach(step: str) -> None:
        steps.setdefault(step, time.monotonic_ns())

    for module in (replies, protocol, login_writer):
        module.reach = reach  # type: ignore[attr-defined] # the name under which it calls the failpoint
    status = custody.main(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(steps))
    return status


if __name__ == "__main__":
    sys.exit(main())
