"""ccusage's native program, to measure beside: from npm, where there is one."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

_SECONDS = 120


def native_ccusage(folder: Path) -> Path | None:
    """The newest native program, installed into that folder; None where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    arch = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"@ccusage/ccusage-{sys.platform}-{arch}"
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", name]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    found = folder / "node_modules" / name / "bin" / "ccusage"
    if not found.exists():
        return None
    found.chmod(0o755)
    return found


def version_of(program: Path) -> str:
    """What it calls itself."""
    manifest = program.parent.parent / "package.json"
    return f"ccusage {json.loads(manifest.read_text())['version']}" if manifest.exists() else "ccusage"


def command_of(program: Path) -> list[str]:
    """All of it by days, without asking anybody."""
    return [str(program), "codex", "daily", "--offline", "--json"]
