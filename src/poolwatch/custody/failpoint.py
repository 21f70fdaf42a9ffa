"""Named points at which a test may end the process or fail a disk; outside tests they do nothing."""

from __future__ import annotations

import errno
import os
import signal


def reach(step: str) -> None:
    """Pass a named point. With POOLWATCH_TEST=1, POOLWATCH_FAILPOINT=<step>:kill|stop|EIO|ENOSPC acts on it.

    Raises:
        OSError: the failure that a test asked for here.
    """
    if os.environ.get("POOLWATCH_TEST") != "1":
        return
    name, _, what = os.environ.get("POOLWATCH_FAILPOINT", "").partition(":")
    if name != step:
        return
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    code = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}[what]
    raise OSError(code, os.strerror(code))
