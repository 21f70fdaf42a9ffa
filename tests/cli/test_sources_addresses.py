"""`sources add` takes the addresses that the configuration takes, and sends nothing to any other."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk

KEY = "sk-fake-of-a-pool-0123456789"
PASSWORD = "fake-pass-word"


class Listener:
    """Counts who connects, and hangs up at once."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.came = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.came += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def key(desk: Desk) -> Path:
    path = desk.root / "pool.key"
    path.write_text(KEY)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("kind", ["codex-proxy", "codex-lb", "cli-proxy-api"])
@pytest.mark.parametrize(
    "address",
    [
        f"http://me:{PASSWORD}@127.0.0.1:PORT",
        f"HTTP://{PASSWORD}@127.0.0.1:PORT/x",
        "http://127.0.0.1:PORT?to=elsewhere",
        "http://127.0.0.1:PORT/#x",
        "http://127.0.0.1:PORT/a b",
        "ftp://127.0.0.1:PORT",
        "127.0.0.1:PORT",
        "http://0.0.0.0:PORT",
        "http://127.1:PORT",
    ],
)
def test_what_the_configuration_refuses_is_sent_nothing(
    desk: Desk, listener: Listener, key: Path, kind: str, address: str
) -> None:
    address = address.replace("PORT", str(listener.port))
    ran = desk.run("sources", "add", kind, address, "--api-key-file", str(key))
    assert (ran.code, ran.out, listener.came) == (2, "", 0)
    assert ran.err.startswith("poolwatch: url ")
    assert "nothing was sent or written" in ran.err
    assert PASSWORD not in ran.err
    assert not desk.usual_config.exists()
    config = desk.root / "own.toml"
    config.write_text(f'[[sources]]\nkind = "{kind}"\nurl = "{address}"\napi_key_file = "{key}"\n')
    checked = desk.run("config", "check", "--config", str(config))
    assert checked.code == 3
    assert PASSWORD not in checked.err
    why = ran.err.removeprefix("poolwatch: ").partition(";")[0].partition(" (--insecure")[0]
    assert f"{config}:3: sources[0].{why}" in checked.err


def test_a_key_in_the_clear_wants_to_be_said(desk: Desk, listener: Listener, key: Path) -> None:
    address = f"http://0.0.0.0:{listener.port}"
    refused = desk.run("sources", "add", "codex-proxy", address, "--api-key-file", str(key))
    assert "add the line insecure = true to this [[sources]] (--insecure writes it)" in refused.err
    assert listener.came == 0
    asked = desk.run("sources", "add", "codex-proxy", address, "--api-key-file", str(key), "--insecure")
    deadline = time.monotonic() + 10
    while not listener.came and time.monotonic() < deadline:
        time.sleep(0.01)
    assert asked.code == 1
    assert listener.came, "and then it is asked"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["auth-files", f"https://me:{PASSWORD}@pool.example.com"],
            "a running pool is added with: poolwatch",
        ),
        (
            ["codex-home", f"http://me:{PASSWORD}@127.0.0.1:9/x"],
            "a running pool is added with: poolwatch",
        ),
        ([f"https://me:{PASSWORD}@pool.example.com", "codex-proxy"], "the kind comes first"),
        ([f"https://me:{PASSWORD}@pool.example.com"], "the kind comes first"),
        (
            ["codex-proxy", "https://x.example.com", f"https://me:{PASSWORD}@y.example.com"],
            "unexpected extra",
        ),
        (
            ["codex-proxy", "https://x.example.com", f"--https://me:{PASSWORD}@y.example.com"],
            "No such option",
        ),
        (["codex-home", "~/x", "--insecure"], "for pools and balances only"),
        (["auth-files", "~nobody/x"], "~USER"),
        (["codex-lb", "http://127.0.0.1:9", "--api-key-env", "sk-fake-key"], "never the secret itself"),
    ],
)
def test_no_message_repeats_a_password(desk: Desk, arguments: list[str], said: str) -> None:
    ran = desk.run("sources", "add", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert PASSWORD not in ran.err
    assert "sk-fake-key" not in ran.err
