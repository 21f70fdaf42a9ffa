"""Words of the daemon: what it says as it runs, its unit for systemd, and what `doctor` finds of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import _, mark, n_

TEXTS: Final[Mapping[str, str]] = {
    # what it says as it runs
    "started": mark("started: poolwatch {version}, pid {pid}, {monitored}"),
    "polling": mark("polling"),
    "waiting": mark("waiting: {holder} is polling; this daemon takes over when that ends"),
    "ending": mark("ending"),
    "ended_late": mark("ended before all was saved: a disk did not answer within {seconds} s"),
    "unwritten_lines": mark("(lines that nobody took: {count})"),
    "why": mark("{event}: {why}"),
    "event": mark("{subject}: {event}"),
    # the unit: comments that stand above what they explain
    "unit.where": mark("A unit of systemd for this user. Write it to {path}, and then:"),
    "unit.linger": mark("without the next line the daemon ends when you log out:"),
    "unit.secret": mark(
        "{names}: read from the environment, and not written here. Put NAME=value into a file that"
        " only you can read, and name it:"
    ),
    "unit.restart": mark("configuration errors last until somebody corrects them"),
    "unit.kill": mark(
        "a login that is being renewed is finished by a process of its own, which must not be stopped"
    ),
    "unit.hardening": mark(
        "no ProtectHome, ProtectSystem or PrivateTmp: logins are renewed where they lie, and codex,"
        " which poolwatch may start, has to run as it does for you"
    ),
    # doctor
    "no_systemd": mark("no systemd runs here: poolwatch daemon is kept running by other means"),
    "no_unit": mark("no unit for systemd; poolwatch polls while the app is open"),
    "unit_there": mark("unit {path}"),
    "unit_new": mark("{path} is there, and systemd has not read it yet"),
    "program_gone": mark("{path} starts {program}, which is not there"),
    "write_unit": mark("poolwatch daemon --print-unit > {path} && systemctl --user daemon-reload"),
    "not_enabled": mark("the daemon is not started when the machine starts"),
    "no_linger": mark("linger is off: the daemon ends when you log out"),
    "linger": mark("linger is on: the daemon goes on when you log out"),
    "is_running": mark("the daemon runs ({state})"),
    "not_running": mark("the daemon does not run ({state})"),
    "start_unit": mark("systemctl --user start {unit}; why it ended: journalctl --user -u {unit}"),
    "no_systemctl": mark("there is no systemctl on the PATH"),
    "no_answer_in_time": mark("no answer within {seconds} s"),
    "no_words": mark("it gives no reason"),
    "no_answer": mark("systemd does not say whether the daemon runs: {reason}"),
    "ask_systemd": mark("ask it in a login of your own: systemctl --user status {unit}"),
    "polls": mark("{holder} is polling"),
}


def watched(accounts: int, active: int, exhausted: int, needs_you: int, rest: int) -> str:
    """How many accounts there are, and how they stand."""
    counted = n_("{count} account", "{count} accounts", accounts)
    standing = _("{active} active, {exhausted} exhausted", active=active, exhausted=exhausted)
    told = f"{counted}: {standing}, {n_('{count} needs you', '{count} need you', needs_you)}"
    return f"{told}, {n_('{count} other', '{count} others', rest)}" if rest else told


def said(code: str, **blanks: object) -> str:
    """One of the texts, its blanks filled in."""
    return _(TEXTS[code], **blanks)
