"""The simulator as a program: its one line, its end, its files, its start-up time."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.demo.talk import call, usage
from tests.support.upstream import Upstream

from poolwatch.demo.__main__ import main

SERVE = [sys.executable, "-m", "poolwatch.demo", "--serve"]
NOW = "2026-11-20T21:00:00Z"


def start(*options: str, **more: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*SERVE, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {name: str(value) for name, value in more.items()},
    )


def first_line(process: "subprocess.Popen[bytes]") -> dict[str, str]:
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert isinstance(line, dict)
    return line


def test_one_line_then_it_serves_until_stdin_closes(tmp_path: Path) -> None:
    process = start("--accounts", "3", TMPDIR=tmp_path)
    line = first_line(process)
    assert set(line) == {"base_url", "token_url", "config", "home", "started_at"}
    assert call(line["base_url"] + "/wham/usage").status == 401
    home = Path(line["home"])
    assert home.parent == tmp_path
    assert Path(line["config"]).is_file()
    rest, complaints = process.communicate(timeout=10)
    assert (process.returncode, rest, complaints) == (0, b"", b"")
    assert not home.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    process = start("--accounts", "3", TMPDIR=tmp_path)
    home = Path(first_line(process)["home"])
    process.send_signal(number)
    assert process.wait(10) == 128 + number
    assert process.communicate()[1] == b""
    assert not home.exists()


def test_an_open_connection_does_not_hold_it_up(tmp_path: Path) -> None:
    import socket
    from urllib.parse import urlsplit

    process = start("--accounts", "3", TMPDIR=tmp_path)
    port = urlsplit(first_line(process)["base_url"]).port
    with socket.create_connection(("127.0.0.1", port or 0)) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\n")
        _, complaints = process.communicate(timeout=10)
    assert (process.returncode, complaints) == (0, b"")


def test_stdin_that_is_no_pipe_says_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*SERVE, "--accounts", "2", "--home", str(tmp_path / "d")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        line = first_line(process)
        assert call(line["base_url"] + "/wham/usage").status == 401
        assert process.poll() is None
        process.terminate()
    assert process.returncode == 143
    assert (tmp_path / "d" / "config.toml").is_file()


def test_the_same_seed_serves_the_same_pool(tmp_path: Path) -> None:
    pools = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        with Upstream(tmp_path / name, accounts=60, seed=seed, freeze=NOW) as upstream:
            pools.append(
                {
                    label: (account.usage, account.refresh_fingerprints)
                    for label, account in upstream.state().accounts.items()
                }
            )
    assert pools[0] == pools[1]
    assert pools[0] != pools[2]


def test_a_thousand_accounts_start_quickly_and_are_served(tmp_path: Path) -> None:
    begun = time.monotonic()
    with Upstream(tmp_path / "demo", accounts=1_000) as upstream:
        # 2 s is the aim on a machine of its own; this one may be busy
        assert time.monotonic() - begun < 5
        seen = upstream.state().accounts
        assert len(seen) == 1_000
        assert sum(len(account.files) for account in seen.values()) == 1_002
        assert usage(upstream, list(seen)[-1]).status in (200, 401)


def test_without_control_there_are_no_control_endpoints(tmp_path: Path) -> None:
    process = start("--accounts", "2", "--home", str(tmp_path / "demo"))
    root = first_line(process)["base_url"].removesuffix("/backend-api")
    assert call(root + "/_demo/state").status == 404
    process.communicate(timeout=10)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--serve", "--accounts", "0"],
        ["--serve", "--accounts", "many"],
        ["--serve", "--speed", "0"],
        ["--serve", "--speed", "nan"],
        ["--serve", "--port", "70000"],
        ["--serve", "--freeze", "yesterday"],
        ["--serve", "--freeze", "2026-11-20T21:00:00"],
    ],
)
def test_wrong_options_are_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert capsys.readouterr().out == ""


def test_a_port_in_use_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with Upstream(tmp_path / "demo", accounts=2) as upstream:
        process = start("--port", str(upstream.port), TMPDIR=tmp_path)
        out, complaints = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, b"")
    assert f"port {upstream.port}".encode() in complaints
    assert not list(tmp_path.glob("poolwatch-demo-*"))


@pytest.mark.parametrize("name", ["config.toml", "homes", "pool"])
def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    process = start("--home", str(tmp_path))
    out, complaints = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, b"")
    assert str(tmp_path / name).encode() in complaints
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_pool_of_another_size_is_not_continued(tmp_path: Path) -> None:
    with Upstream(tmp_path / "demo", accounts=2):
        pass
    process = start("--home", str(tmp_path / "demo"), "--accounts", "3")
    _, complaints = process.communicate(timeout=10)
    assert process.returncode == 1
    assert b"name another folder" in complaints


def test_time_moves_and_the_date_is_right_unless_frozen(tmp_path: Path) -> None:
    with Upstream(tmp_path / "demo", accounts=12, speed=2_000) as upstream:
        first = upstream.state()
        assert abs(first.now - time.time()) < 5
        deadline = time.monotonic() + 10
        while upstream.account("alice").usage == first.accounts["alice"].usage:
            assert time.monotonic() < deadline


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; import poolwatch.demo.__main__; "
        "foreign = ('httpx', 'pydantic', 'textual', 'rich', 'typer'); "
        "print([n for n in sys.modules if n.split('.')[0] in foreign"
        " or n.startswith('poolwatch.') and not n.startswith('poolwatch.demo')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tempfile.gettempdir()
    )
    assert (ran.stdout.strip(), ran.returncode) == ("[]", 0)
