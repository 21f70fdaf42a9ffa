"""Processes of the custody room: started apart from the caller, and waited for without holding it up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeVar

_Result = TypeVar("_Result")
#: What a Python process needs to find itself; everything else of the environment stays behind.
_KEPT: Final = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV"}
)
_TEST_ONLY: Final = ("POOLWATCH_TEST", "POOLWATCH_FAILPOINT", "COVERAGE_")


def bare_environment(environ: Mapping[str, str], also: Collection[str] = ()) -> dict[str, str]:
    """The few variables that a spending process gets, and `also` these; no key or setting is among them."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or name in also or name.startswith("PYTHON")
    }
    if environ.get("POOLWATCH_TEST") == "1":
        kept |= {name: value for name, value in environ.items() if name.startswith(_TEST_ONLY)}
    return kept


def full_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a codex that is started as its owner would: all but poolwatch's own variables."""
    kept = {name: value for name, value in environ.items() if not name.startswith("POOLWATCH_")}
    return kept | bare_environment(environ)


def start_apart(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `python -m poolwatch.custody` in a session of its own, tied to no terminal. Raises OSError."""
    return subprocess.Popen(
        # -P: a folder that poolwatch happens to be started in has no say in what is imported
        [sys.executable, "-P", "-m", "poolwatch.custody", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,
        close_fds=True,
    )


def own_environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ
