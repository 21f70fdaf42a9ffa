"""Writers of the audit log, killed in the middle of a line: `python -m tests.store.audit_killed FOLDER`.

Each dies by SIGKILL after so many bytes of its line are on their way to disk; then another one writes.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from poolwatch.domain.audit import Act, By, ChainReport, Deed, Doer
from poolwatch.store.audit import AuditLog

DOER = Doer(By.COMMAND, "ann", 4711)
DEED = Deed(Act.REFRESH, ("3f2a90b1",))
#: The last one is all but the end of the line.
CUTS = (0, 1, 40, 200, -1)


def killed_at(log: AuditLog, cut: int) -> None:
    """Append in a process that is killed after `cut` bytes."""
    pid = os.fork()
    if pid == 0:
        write = os.write

        def die(handle: int, content: bytes | memoryview) -> int:
            write(handle, bytes(content)[:cut])
            os.kill(os.getpid(), signal.SIGKILL)
            return 0

        with mock.patch.object(os, "write", die):
            log.append(datetime.now(UTC), DEED, DOER)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def main(folder: Path) -> None:
    log = AuditLog(folder)
    assert log.append(datetime.now(UTC), DEED, DOER) == 1
    for cut in CUTS:
        killed_at(log, cut)
        found = log.check()
        assert isinstance(found, ChainReport)
        sys.stdout.write(f"{cut} {found.half_bytes} {found.entries} {found.broken}\n")
        assert isinstance(log.append(datetime.now(UTC), DEED, DOER), int)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
