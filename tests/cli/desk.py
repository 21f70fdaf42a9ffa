"""Where commands are run as a person runs them: real processes, an empty home, their own state directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias

from tests.support import forked
from tests.support.mounts import LOCAL_DISK
from tests.support.upstream import Upstream

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
PROGRAM = (sys.executable, "-m", "poolwatch")
_MAIN = "\nimport runpy\nrunpy.run_module('poolwatch', run_name='__main__', alter_sys=True)\n"
_PATIENCE_SECONDS = 60.0
#: What Python or poolwatch say when something broke that should not have.
_BROKEN = ("Traceback", "an error of its own", "Exception ignored", "never awaited")


@dataclass(frozen=True)
class Ran:
    """How one command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines on stdout."""
        return self.out.splitlines()

    def json(self) -> Json:
        """stdout as one JSON document."""
        found: Json = json.loads(self.out)
        return found


def run_command(
    arguments: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    *,
    stdout: int | None = None,
    umask: int = -1,
    timeout: float = _PATIENCE_SECONDS,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end without a terminal, as a fork where that comes to the same."""
    if forked.suits(env):
        return forked.run(arguments, env, cwd, stdout=stdout, umask=umask, timeout=timeout)
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        umask=umask,
        timeout=timeout,
        cwd=cwd,
    )


class Desk:
    """One person's surroundings; every command that ends here must end in order."""

    def __init__(self, root: Path, config: Path | None = None) -> None:
        self.root = root
        self.home = root / "home"
        self.state = root / "state"
        self.home.mkdir(parents=True, exist_ok=True)
        temporary = root / "tmp"
        temporary.mkdir(exist_ok=True)
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        self.env = {
            **coverage,
            **LOCAL_DISK,
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            # what `config edit` keeps of a wrong file stays here
            "TMPDIR": str(temporary),
            "POOLWATCH_STATE_DIR": str(self.state),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "TZ": "UTC",
        }
        if config is not None:
            self.env["POOLWATCH_CONFIG"] = str(config)

    @property
    def usual_config(self) -> Path:
        """Where the configuration is when nothing says otherwise."""
        return self.home / ".config" / "poolwatch" / "config.toml"

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, stdout: int | None = None) -> Ran:
        """Run a command to its end without a terminal."""
        surroundings = self.env | dict(env or {})
        ended = run_command(arguments, surroundings, self.root, stdout=stdout, timeout=_PATIENCE_SECONDS)
        err = ended.stderr.decode()
        for words in _BROKEN:
            assert words not in err, f"poolwatch {' '.join(arguments)}:\n{err}"
        return Ran(ended.returncode, (ended.stdout or b"").decode(), err)

    def start(
        self,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        prelude: str = "",
    ) -> subprocess.Popen[bytes]:
        """Start a command and leave it running; `prelude` is Python that its process runs before."""
        program = (sys.executable, "-c", prelude + _MAIN) if prelude else PROGRAM
        return subprocess.Popen(
            [*program, *arguments],
            env=self.env,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=self.root,
            # whoever runs the tests in the background ignores ctrl+c, and would hand that down
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - it takes no lock
        )

    def shell(self, script: str) -> Ran:
        """Run a shell script in which `$P` is the program."""
        env = self.env | {"P": " ".join(PROGRAM)}
        ended = subprocess.run(
            ["sh", "-c", script], env=env, capture_output=True, timeout=_PATIENCE_SECONDS, cwd=self.root
        )
        return Ran(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def source_toml(upstream: Upstream, kind: str, name: str, path: Path | str, custody: str = "") -> str:
    """One `[[sources]]` table that asks the simulated upstream."""
    rows = ["[[sources]]", f'kind = "{kind}"', f'name = "{name}"', f'path = "{path}"']
    rows += [f'custody = "{custody}"'] if custody else []
    rows += [f'base_url = "{upstream.base_url}"', f'token_url = "{upstream.token_url}"']
    return "\n".join(rows) + "\n"


def config_of(path: Path, *tables: str) -> Path:
    """A configuration file of these tables; nothing is handed to a codex that may be installed here."""
    path.write_text("[refresh]\ndelegate_to_codex = false\n\n" + "\n".join(tables))
    path.chmod(0o600)
    return path


def at(document: Json, *way: str | int) -> Json:
    """What stands there in a JSON document."""
    for step in way:
        if isinstance(step, str):
            assert isinstance(document, Mapping), f"{step}: not in an object"
            document = document[step]
        else:
            assert isinstance(document, Sequence)
            assert not isinstance(document, str)
            document = document[step]
    return document


def rows(document: Json, *way: str | int) -> list[Mapping[str, Json]]:
    """A list of objects in a JSON document."""
    found = at(document, *way)
    assert isinstance(found, list)
    assert all(isinstance(row, dict) for row in found)
    return found
