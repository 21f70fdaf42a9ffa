"""The real program in processes of their own that need not load it first: a server forks them ready."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_READY = [
    "httpx",
    "poolwatch.__main__",
    "poolwatch.bootstrap.headless",
    "poolwatch.cli.app",
    "poolwatch.cli.doctor",
    "poolwatch.cli.refresh",
    "poolwatch.cli.sources",
    "poolwatch.cli.status",
    "poolwatch.sources.pools.cli_proxy_api",
    "poolwatch.sources.pools.codex_lb",
    "poolwatch.sources.pools.codex_proxy",
]
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(_READY)


def run_forked(words: tuple[str, ...], env: Mapping[str, str], output: Path) -> str:
    """What a command prints, both streams. It blocks: use a thread."""
    process = _SERVER.Process(target=_command, args=(words, dict(env), str(output)))
    process.start()
    process.join()
    return output.read_text()


def _command(words: tuple[str, ...], env: Mapping[str, str], output: str) -> None:
    os.environ.clear()
    os.environ.update(env)
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(handle, stream)
    from poolwatch.__main__ import main

    sys.argv = ["poolwatch", *words]
    sys.exit(main(words))
