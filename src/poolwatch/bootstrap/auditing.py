"""Who acts in this process, and the audit log that it is noted in."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import complain
from poolwatch.config.paths import state_directory
from poolwatch.config.problems import ConfigProblem
from poolwatch.domain.audit import By, Deed, Doer, Outcome
from poolwatch.monitor.auditing import Auditor, Doing
from poolwatch.presentation.masking import masked
from poolwatch.store.audit import AuditLog
from poolwatch.words.messages import message_text


def doer_of(env: Mapping[str, str], by: By) -> Doer:
    """The user of this process, by the system; of where he came from, what the environment says."""
    number = os.geteuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:
        user = str(number)
    return Doer(by, user, os.getpid(), env.get("SSH_CONNECTION") or None, env.get("SUDO_USER") or None)


def auditor_of(state_dir: Path, env: Mapping[str, str], by: By, now: Callable[[], datetime]) -> Auditor:
    """What notes the acts of this process; nothing is opened before there is one."""
    return Auditor(AuditLog(state_dir), doer_of(env, by), now)


@contextmanager
def audited(env: Mapping[str, str], deed: Deed, *, mask: bool = False) -> Iterator[Doing]:
    """Note what a command does while the block does it; where that is impossible, it is said."""
    state_dir = state_directory(env)
    if isinstance(state_dir, ConfigProblem):
        complain(state_dir.text)
        yield Doing(deed)
        return
    auditor = auditor_of(state_dir, env, By.COMMAND, RealClock().now)
    told: list[str] = []

    def tell() -> None:
        if auditor.trouble is not None and not told:
            told.append(message_text(auditor.trouble))
            complain(masked(told[0], [str(state_dir)]) if mask else told[0])

    auditor.on_trouble = tell
    with auditor.noting(deed) as doing:
        yield doing


def ended(doing: Doing, code: int) -> int:
    """The exit code of a command, after it was noted how that ended."""
    doing.ended(Outcome.FAILED if code else Outcome.DONE)
    return code
