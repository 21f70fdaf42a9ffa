"""The sentences for the codes of the monitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import mark

#: By code; each text is marked for translation, its blanks are named.
TEXTS: Final[Mapping[str, str]] = {
    "monitor.no_room": mark("this machine has no room for it: too many processes, or no memory"),
    "monitor.internal_error": mark("internal error: {type}"),
    "monitor.source_hangs": mark("no answer for {seconds} s: its disk or its server hangs"),
    "monitor.left_out": mark("{source}: {left_out}"),
    "monitor.viewer": mark("read-only: another poolwatch ({holder}) is polling"),
    "monitor.login_waits": mark(
        "a login waits in {path}: poolwatch accounts list tells the command that brings it home"
    ),
    "monitor.login_gone": mark("the login is not there any more"),
    "monitor.nothing_remembered": mark("nothing can be remembered: {path} {why}"),
    "monitor.not_spent": mark("not spent: {why}"),
    "monitor.unknown_process": mark("unknown process"),
    "monitor.process": mark("pid {pid} on {host}"),
    "monitor.owner_silent": mark("the poolwatch that polls ({holder}) did not answer"),
    "monitor.refreshed_without": mark(
        "the poolwatch that polls ({holder}) did not answer; refreshed without it"
    ),
    "monitor.readings_late": mark("some readings are still on their way"),
}
