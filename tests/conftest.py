"""Every test runs as if on a bare machine: no home, no locale, no proxy, no terminal of the caller's."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import time

# Textual reads these while it is imported, so a fixture would come too late.
for _name in [name for name in os.environ if name.startswith(("TEXTUAL_", "POOLWATCH_"))]:
    if not _name.startswith("TEXTUAL_SNAPSHOT_"):  # the snapshot plugin's own
        del os.environ[_name]
for _name in (
    *("NO_COLOR", "COLORTERM", "FORCE_COLOR", "COLUMNS", "LINES", "TERM_PROGRAM", "LC_TERMINAL"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_CONNECTION", "CODEX_HOME"),
    *("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"),
):
    os.environ.pop(_name, None)
os.environ.update(TERM="xterm-256color", TZ="UTC", TEXTUAL_ANIMATIONS="none")
time.tzset()
# a shell starts what runs in its background deaf to Ctrl+C, and programs hand that on
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from pathlib import Path  # noqa: E402 - the environment comes first

import pytest  # noqa: E402 - likewise
from hypothesis import settings  # noqa: E402 - likewise

from tests.support.mounts import LOCAL_DISK  # noqa: E402 - likewise

os.environ.update(LOCAL_DISK)

# Runs are the same every time; a slow machine is no failure.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """Let the garbage collector look at what tests make, and no more at the thousands of tests themselves."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _own_home(_homes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # pytest numbers its folders, and reads all of them to find the next number: thousands, for each test
    home = Path(tempfile.mkdtemp(dir=_homes))
    monkeypatch.setenv("HOME", str(home))
    return home
