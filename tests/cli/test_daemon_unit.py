"""The unit of systemd starts this very program as it was called, and `doctor` says how it stands."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.bootstrap.systemd import own_program, unit_text
from poolwatch.cli.daemon import daemon_findings
from poolwatch.cli.finding import Grade
from poolwatch.store.polling import PollLock
from tests.cli.desk import Desk

SECRET = "key-that-nobody-shall-see"
CONFIG = """
[net]
proxy = "env"
[[sources]]
kind = "codex-lb"
url = "http://127.0.0.1:2455"
api_key_env = "POOLWATCH_LB"
dashboard_password_env = "LB_PASSWORD"
[[channels]]
name = "ops"
kind = "webhook"
url = "https://hooks.example.com"
secret_env = "HOOK_SECRET"
"""


def around(folder: Path, env: Mapping[str, str] | None = None, config: str | None = None) -> Surroundings:
    path = None
    if config is not None:
        path = folder / "own.toml"
        path.write_text(config)
    own = {"HOME": str(folder), "PATH": str(folder / "bin"), **(env or {})}
    found = look_around(Options(path), own)
    assert isinstance(found, Surroundings), found
    return found


def values(unit: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{name}=")]


def test_a_unit_starts_the_program_that_prints_it(tmp_path: Path) -> None:
    unit = unit_text(around(tmp_path), ["/opt/pw/bin/poolwatch"], mask=False)
    assert values(unit, "ExecStart") == ["/opt/pw/bin/poolwatch daemon"]
    assert values(unit, "Restart") == ["on-failure"]
    assert values(unit, "RestartPreventExitStatus") == ["2 3"]
    assert values(unit, "KillMode") == ["process"]
    assert values(unit, "WantedBy") == ["default.target"]
    assert "# Write it" not in unit
    assert "~/.config/systemd/user/poolwatch.service" in unit.splitlines()[0]
    assert "#   loginctl enable-linger" in unit
    # what would keep codex's home, or the lock beside a login, from it
    assert not [line for line in unit.splitlines() if line.startswith(("Protect", "Private", "ReadOnly"))]


def test_the_program_is_named_from_the_root_on(tmp_path: Path) -> None:
    script = tmp_path / "poolwatch"
    script.write_text("")
    script.chmod(0o755)
    assert own_program([str(script)]) == (str(script),)
    assert own_program(["/x/poolwatch/__main__.py"]) == (sys.executable, "-P", "-m", "poolwatch")
    assert own_program([str(tmp_path / "gone")]) == (sys.executable, "-P", "-m", "poolwatch")


def test_what_the_configuration_depends_on_is_in_it_and_no_secret(tmp_path: Path) -> None:
    env = {
        "POOLWATCH_LB": SECRET,
        "LB_PASSWORD": SECRET,
        "HOOK_SECRET": SECRET,
        "HTTPS_PROXY": f"http://me:{SECRET}@proxy.example.com",
        "OPENAI_API_KEY": SECRET,
        "POOLWATCH_STATE_DIR": "~/state",
        "POOLWATCH_POLL__INTERVAL_SECONDS": "60",
        "POOLWATCH_CONFIG": "/not/this",
    }
    unit = unit_text(around(tmp_path, env, CONFIG), ["/p"], mask=True)
    assert SECRET not in unit
    assert values(unit, "ExecStart") == [f"/p daemon --mask --config {tmp_path}/own.toml"]
    assert values(unit, "Environment") == [
        f"POOLWATCH_STATE_DIR={tmp_path}/state",
        "POOLWATCH_POLL__INTERVAL_SECONDS=60",
        f"PATH={tmp_path}/bin",
    ]
    [named] = [line for line in unit.splitlines() if "POOLWATCH_LB" in line]
    assert named.startswith("# HTTPS_PROXY, NO_PROXY, POOLWATCH_LB, LB_PASSWORD, HOOK_SECRET: read from")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="nobody but systemd knows")
@pytest.mark.parametrize("odd", ["a b%c$HOME;\udcff", "\"d'\\e\x1b"])
def test_systemd_takes_it_whatever_stands_in_paths(tmp_path: Path, odd: str) -> None:
    folder = tmp_path / odd
    folder.mkdir()
    program = folder / "poolwatch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "poolwatch.service"
    text = unit_text(around(folder, {"PATH": "/bin"}, "pool_name = 'x'"), [str(program)], mask=False)
    unit.write_text(text)
    env = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    command = ["systemd-analyze", "--user", "verify", "--man=no", str(unit)]
    ran = subprocess.run(command, env=env, capture_output=True, timeout=60)
    # it would say so if the path that it understood were that of no program
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_the_command_prints_it_and_starts_nothing(desk: Desk) -> None:
    ran = desk.run("daemon", "--print-unit")
    assert (ran.code, ran.err) == (0, "")
    assert "[Service]" in ran.lines
    assert not desk.state.exists()


class Machine:
    """A machine on which systemd runs, as far as `doctor` looks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.booted, self.linger = folder / "booted", folder / "linger"
        self.linger.mkdir()
        self.booted.mkdir()
        (folder / "bin").mkdir()

    def says(self, *lines: str, code: int = 0) -> None:
        """What `systemctl show` answers."""
        script = self.folder / "bin" / "systemctl"
        told = "\n".join(f"echo '{line}'" + (" >&2" if code else "") for line in lines)
        script.write_text(f"#!/bin/sh\n{told}\nexit {code}\n")
        script.chmod(0o755)

    def findings(self) -> list[tuple[Grade, str, str]]:
        found = daemon_findings(around(self.folder), self.booted, self.linger)
        return [(each.grade, each.words, each.remedy) for each in found]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_systemd_doctor_says_so(machine: Machine) -> None:
    machine.booted.rmdir()
    [(grade, words, _)] = machine.findings()
    assert grade is Grade.OK
    assert words.startswith("no systemd runs here")


def test_without_a_unit_nothing_is_amiss(machine: Machine) -> None:
    machine.says("LoadState=not-found")
    [(grade, words, _)] = machine.findings()
    assert (grade, words[:19]) == (Grade.OK, "no unit for systemd")


def test_a_unit_that_systemd_has_not_read(machine: Machine) -> None:
    machine.says("LoadState=not-found")
    unit = machine.folder / ".config/systemd/user/poolwatch.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("")
    [(grade, words, remedy)] = machine.findings()
    assert (grade, remedy) == (Grade.NOTE, "systemctl --user daemon-reload")
    assert "has not read it" in words


def test_a_bus_that_cannot_be_asked_is_told_where_there_is_a_unit(machine: Machine) -> None:
    machine.says("Failed to connect to bus: No medium found", code=1)
    assert [grade for grade, _, _ in machine.findings()] == [Grade.OK]
    unit = machine.folder / ".config/systemd/user/poolwatch.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("")
    [(grade, words, _)] = machine.findings()
    assert grade is Grade.NOTE
    assert words.endswith("whether the daemon runs: Failed to connect to bus: No medium found")


def test_a_unit_that_runs_is_in_order_but_for_linger(machine: Machine) -> None:
    start = f"ExecStart={{ path={sys.executable} ; argv[]={sys.executable} daemon ; }}"
    machine.says("LoadState=loaded", "UnitFileState=enabled", "ActiveState=active", "SubState=running", start)
    told = machine.findings()
    assert [(words, remedy) for grade, words, remedy in told if grade is not Grade.OK] == [
        ("linger is off: the daemon ends when you log out", "loginctl enable-linger")
    ]
    (machine.linger / pwd.getpwuid(os.geteuid()).pw_name).touch()
    assert {grade for grade, _, _ in machine.findings()} == {Grade.OK}


def test_a_unit_that_does_not_run_and_whose_program_is_gone(machine: Machine) -> None:
    (machine.linger / pwd.getpwuid(os.geteuid()).pw_name).touch()
    start = "ExecStart={ path=/gone/poolwatch ; argv[]=/gone/poolwatch daemon ; }"
    machine.says("LoadState=loaded", "UnitFileState=disabled", "ActiveState=failed", "SubState=failed", start)
    told = [(grade, words) for grade, words, _ in machine.findings() if grade is not Grade.OK]
    path = machine.folder / ".config/systemd/user/poolwatch.service"
    assert told == [
        (Grade.ERROR, f"{path} starts /gone/poolwatch, which is not there"),
        (Grade.NOTE, "the daemon is not started when the machine starts"),
        (Grade.NOTE, "the daemon does not run (failed, failed)"),
    ]


def test_who_polls_is_told(machine: Machine) -> None:
    machine.says("LoadState=not-found")
    here = around(machine.folder)
    lock = PollLock(here.state_dir, is_daemon=True)
    assert lock.try_acquire(datetime(2026, 11, 20, tzinfo=UTC))
    told = machine.findings()[0][1]
    assert told == f"poolwatch daemon (pid {os.getpid()} on {os.uname().nodename}) is polling"
    lock.release()
