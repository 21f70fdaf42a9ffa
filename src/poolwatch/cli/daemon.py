"""`daemon`: poll without a screen; its unit for systemd, and what `doctor` finds of that."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.console import EXIT_OK, say_text
from poolwatch.bootstrap.log_lines import LogLines
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.systemd import UNIT, own_program, unit_path, unit_text
from poolwatch.cli.command import monitored, surroundings
from poolwatch.cli.finding import Finding, Grade
from poolwatch.domain.text import visible
from poolwatch.host.stopping import PATIENCE_SECONDS, Stop
from poolwatch.monitor.owner import holder_message
from poolwatch.store.polling import PollLock
from poolwatch.words.daemon import said
from poolwatch.words.messages import message_text

_AREA: Final = "daemon"
#: Is there where systemd runs the machine.
_BOOTED: Final = Path("/run/systemd/system")
#: Holds a file for each user whose services go on without a login.
_LINGER: Final = Path("/var/lib/systemd/linger")
_PATIENCE_SECONDS: Final = 3.0
_PROPERTIES: Final = "LoadState,UnitFileState,ActiveState,SubState,FragmentPath,ExecStart"
_STARTED: Final = frozenset({"enabled", "enabled-runtime", "linked", "linked-runtime", "static", "alias"})
_RUNS: Final = frozenset({"active", "activating", "reloading"})
_PROGRAM: Final = re.compile(r"\{ path=(.*?) ; argv")


def run_daemon(config: Path | None, *, mask: bool) -> int:
    """Poll until a signal comes."""
    # before all that may hang: from here on a signal ends it in order
    lines = LogLines(os.environ)
    stop = Stop(lambda: lines.say_last(said("ended_late", seconds=f"{PATIENCE_SECONDS:.0f}")))
    around = monitored(config, mask=mask)
    # takes time to load, and a unit is printed without
    from poolwatch.bootstrap.daemon import run_daemon as poll

    return poll(around, stop, lines)


def print_unit(config: Path | None, *, mask: bool) -> int:
    """Print a unit that starts this program on this configuration; its paths are whole, also when masked."""
    around = surroundings(config)
    say_text(unit_text(around, own_program(), mask=mask))
    return EXIT_OK


def daemon_findings(
    around: Surroundings, booted: Path = _BOOTED, linger: Path = _LINGER
) -> Iterator[Finding]:
    """Who polls, and how the unit of this user stands, where systemd runs."""
    yield from _holder(around)
    if not booted.is_dir():
        yield Finding(_AREA, Grade.OK, said("no_systemd"))
        return
    path = unit_path(around.env, around.home)
    shown = around.told_path(path)
    found = _unit(around.env)
    if isinstance(found, str):
        if os.path.lexists(path):
            remedy = said("ask_systemd", unit=UNIT)
            yield Finding(_AREA, Grade.NOTE, said("no_answer", reason=found), remedy)
        else:
            yield Finding(_AREA, Grade.OK, said("no_unit"))
        return
    if found.get("LoadState") == "not-found":
        if os.path.lexists(path):
            yield Finding(_AREA, Grade.NOTE, said("unit_new", path=shown), "systemctl --user daemon-reload")
        else:
            yield Finding(_AREA, Grade.OK, said("no_unit"))
        return
    yield from _state(found, around)
    if (linger / pwd.getpwuid(os.geteuid()).pw_name).exists():
        yield Finding(_AREA, Grade.OK, said("linger"))
    else:
        yield Finding(_AREA, Grade.NOTE, said("no_linger"), "loginctl enable-linger")


def _holder(around: Surroundings) -> Iterator[Finding]:
    holder = PollLock(around.state_dir).holder()
    if holder is not None:
        yield Finding(_AREA, Grade.OK, said("polls", holder=message_text(holder_message(holder))))


def _state(found: Mapping[str, str], around: Surroundings) -> Iterator[Finding]:
    """How a unit stands that systemd knows."""
    path = around.told_path(found.get("FragmentPath") or unit_path(around.env, around.home))
    program = _PROGRAM.search(found.get("ExecStart", ""))
    if program is not None and not os.access(program[1], os.X_OK):
        gone = said("program_gone", path=path, program=around.told_path(program[1]))
        yield Finding(_AREA, Grade.ERROR, gone, said("write_unit", path=path))
    else:
        yield Finding(_AREA, Grade.OK, said("unit_there", path=path))
    if found.get("UnitFileState") not in _STARTED:
        yield Finding(_AREA, Grade.NOTE, said("not_enabled"), f"systemctl --user enable {UNIT}")
    state = f"{found.get('ActiveState')}, {found.get('SubState')}"
    if found.get("ActiveState") in _RUNS:
        yield Finding(_AREA, Grade.OK, said("is_running", state=state))
    else:
        remedy = said("start_unit", unit=UNIT)
        yield Finding(_AREA, Grade.NOTE, said("not_running", state=state), remedy)


def _unit(env: Mapping[str, str]) -> dict[str, str] | str:
    """What systemd knows of the unit, by property; or why it does not say."""
    systemctl = shutil.which("systemctl", path=env.get("PATH"))
    if systemctl is None:
        return said("no_systemctl")
    try:
        asked = subprocess.run(
            [systemctl, "--user", "show", UNIT, f"--property={_PROPERTIES}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            env=dict(env),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return said("no_answer_in_time", seconds=f"{_PATIENCE_SECONDS:.0f}")
    except OSError as error:
        return visible(str(error.strerror))
    told = asked.stdout.decode("utf-8", "replace").splitlines()
    if asked.returncode or not told:
        words = asked.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        return visible(words) or said("no_words")
    return {name: value for name, _, value in (line.partition("=") for line in told)}
