"""The demo: the simulated upstream in a process of its own, and the app pointed at it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from poolwatch.bootstrap.printer import complain
from poolwatch.bootstrap.screen import run_app_in
from poolwatch.bootstrap.surroundings import Options


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The simulated pool: its size, its seed, and how fast it lives."""

    accounts: int = 12
    seed: int = 7
    speed: float = 20.0
    #: settings from options, as for the app itself: `ui.glyphs`, `ui.theme` …
    overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """The upstream's command line."""
        return ["--accounts", str(self.accounts), "--seed", str(self.seed), "--speed", str(self.speed)]


def run_demo(options: DemoOptions) -> int:
    """Open the app on the simulated pool; everything it writes goes into a folder that ends with it."""
    with tempfile.TemporaryDirectory(prefix="poolwatch-demo-") as folder:
        home = Path(folder)
        with upstream(options, home / "upstream") as config:
            if config is None:
                complain("the simulated upstream did not start; nothing was changed")
                return 1
            env = {
                **{name: value for name, value in os.environ.items() if not name.startswith("POOLWATCH_")},
                "HOME": str(home),
                # not as an option: commands to paste would name a file that ends with the demo
                "POOLWATCH_CONFIG": str(config),
                "POOLWATCH_STATE_DIR": str(home / "state"),
                "POOLWATCH_DATA_DIR": str(home / "data"),
            }
            env.pop("CODEX_HOME", None)
            return run_app_in(Options(overrides=options.overrides, simulated=True), env)


@contextmanager
def upstream(options: DemoOptions, home: Path) -> Iterator[Path | None]:
    """The running upstream's configuration file; it ends when its stdin closes, however we end."""
    command = [sys.executable, "-m", "poolwatch.demo", "--serve", "--home", str(home), *options.arguments]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline() if process.stdout is not None else b""
        yield _config_of(line)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _config_of(line: bytes) -> Path | None:
    try:
        return Path(json.loads(line)["config"])
    except (ValueError, KeyError, TypeError):
        return None


def serve_demo(options: DemoOptions, port: int, home: Path | None) -> int:
    """Serve only: one line of JSON, then HTTP until stdin closes or an interrupt."""
    from poolwatch.demo.__main__ import main

    place = ["--home", str(home)] if home is not None else []
    return main(["--serve", "--port", str(port), *place, *options.arguments])
