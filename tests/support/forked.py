"""Commands as forks of one warm interpreter: each is a process of its own, without half a second of imports.

`run(arguments, env, cwd)` behaves like `subprocess.run([python, -m, poolwatch, *arguments])`. One server per
test process is started when it is first needed and ends when its stdin closes. What an interpreter reads of
its environment when it starts (`PYTHON*`, the locale) is the same for all; a test that is about those starts
a process itself.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

_FRAME: Final = 1 << 20
_STARTING: Final = threading.Lock()


def suits(env: Mapping[str, str]) -> bool:
    """Whether a fork can stand for a new interpreter in this environment."""
    return env.get("LANG") == "C.UTF-8" and not any(name.startswith(("PYTHON", "LC_")) for name in env)


def run(
    arguments: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    *,
    stdout: int | None = None,
    umask: int = -1,
    timeout: float,
) -> subprocess.CompletedProcess[bytes]:
    """`poolwatch ARGUMENTS` to its end, without a terminal; `stdout` may be a descriptor to write to."""
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line,
    ):
        line.connect(_server())
        line.settimeout(timeout)
        given = {"argv": list(arguments), "env": dict(env), "cwd": str(cwd), "umask": umask}
        asked = json.dumps(given).encode()
        written = out.fileno() if stdout is None else stdout
        socket.send_fds(line, [asked], [nothing.fileno(), written, err.fileno()])
        pid = int(line.recv(64))
        try:
            code = int(line.recv(64))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(list(arguments), code, out.read(), err.read())


def _server() -> str:
    with _STARTING:
        return _started()


@functools.cache
def _started() -> str:
    folder = tempfile.mkdtemp(prefix="forked-")
    address = f"{folder}/line"
    server = subprocess.Popen(
        [sys.executable, "-m", __name__, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"

    def end() -> None:
        server.communicate()
        Path(address).unlink()
        Path(folder).rmdir()

    atexit.register(end)
    return address


def _warm_up() -> None:
    """Load and make what all commands do, but the screen, which none draws here, and the demo."""
    import poolwatch

    for found in pkgutil.walk_packages(poolwatch.__path__, "poolwatch."):
        if not found.name.startswith(("poolwatch.ui", "poolwatch.demo")) and "__main__" not in found.name:
            importlib.import_module(found.name)
    importlib.import_module("httpx")
    importlib.import_module("poolwatch.cli.app").parser()
    gc.collect()
    gc.freeze()


def _serve(address: str) -> list[str]:
    """Fork for each call; returns in the child, with what it is to run."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(16)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready: list[int] = select.select([0, listener.fileno(), *running], [], [])[0]
        if 0 in ready:
            sys.exit()
        for ended in running.keys() & set(ready):
            pid, line = running.pop(ended)
            os.close(ended)
            line.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            line.close()
        if listener.fileno() in ready:
            line, _ = listener.accept()
            asked, fds, _, _ = socket.recv_fds(line, _FRAME, 3)
            pid = os.fork()
            if pid == 0:
                for held in (listener, line):
                    held.close()
                for held_fd, (_, held) in running.items():
                    os.close(held_fd)
                    held.close()
                return _become(json.loads(asked), fds)
            for fd in fds:
                os.close(fd)
            running[os.pidfd_open(pid)] = (pid, line)
            line.send(b"%d" % pid)


def _become(asked: dict[str, object], fds: Sequence[int]) -> list[str]:
    for fd, standard in zip(fds, (0, 1, 2), strict=True):
        os.dup2(fd, standard)
        os.close(fd)
    argv, env, cwd, umask = asked["argv"], asked["env"], asked["cwd"], asked["umask"]
    assert isinstance(argv, list)
    assert isinstance(env, dict)
    assert isinstance(umask, int)
    if umask >= 0:
        os.umask(umask)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(str(cwd))
    return [str(argument) for argument in argv]


def _run() -> NoReturn:
    """Run the command and end as an interpreter does, short of taking its modules apart.

    That copies all memory of the warm one, and takes longer than most commands.
    """
    code: object = 0
    try:
        runpy.run_module("poolwatch", run_name="__main__", alter_sys=True)
    except SystemExit as asked:
        code = asked.code
    threading._shutdown()  # type: ignore[attr-defined]  # as in the forks of multiprocessing
    atexit._run_exitfuncs()
    # what was never awaited, or cannot be closed, is said now
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    assert code is None or isinstance(code, int)
    os._exit(code or 0)


if __name__ == "__main__":
    _warm_up()
    sys.argv[1:] = _serve(sys.argv[1])
    _run()
