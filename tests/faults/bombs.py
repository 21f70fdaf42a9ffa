"""One look at a pool of bombs, and what it cost: `python -m tests.faults.bombs FOLDER`, JSON on stdout.

The services run in the process that starts this one, so that their memory does not count.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.headless import look
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.domain.overview import PoolOverview
from poolwatch.words.messages import failure_text
from tests.sources.logins import access_token, codex_login

Writer = asyncio.StreamWriter
_GOOD: Final = b'{"plan_type": "plus", "rate_limit": {"primary_window": {"used_percent": 42}}}'


def _whole(body: bytes, **headers: str) -> bytes:
    named = {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body


@cache
def _bomb(levels: int) -> bytes:
    # 100 MB in 100 KB, and 5 GB in 15 KB
    return gzip.compress(bytes(100_000_000) if levels == 1 else _bomb(1) * 50, 6)


def _bombing(levels: int, **headers: str) -> Callable[[Writer], Awaitable[None]]:
    async def say(writer: Writer) -> None:
        await _said(_whole(_bomb(levels), **headers))(writer)

    return say


def _said(answer: bytes) -> Callable[[Writer], Awaitable[None]]:
    async def say(writer: Writer) -> None:
        writer.write(answer)
        await writer.drain()

    return say


def _endless(first: bytes, piece: bytes, pause: float = 0.0) -> Callable[[Writer], Awaitable[None]]:
    async def say(writer: Writer) -> None:
        writer.write(first)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return say


_OK: Final = b"HTTP/1.1 200 OK\r\n"
_CHUNKED: Final = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
#: What each account's service does; all but the good ones are bombs.
BOMBS: Final[dict[str, Callable[[Writer], Awaitable[None]]]] = {
    "good-1": _said(_whole(_GOOD)),
    "gzip": _bombing(1, Content_Encoding="gzip"),
    "gzip-twice": _bombing(2, Content_Encoding="gzip, gzip"),
    "gzip-unsaid": _bombing(1),
    "brotli": _said(_whole(b"\x00" * 1000, Content_Encoding="br")),
    "endless-chunks": _endless(_CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "endless-body": _endless(_OK + b"\r\n", b" " * 65536),
    "endless-headers": _endless(_OK, b"X-Much: " + b"y" * 60_000 + b"\r\n"),
    "said-huge": _said(_OK + b"Content-Length: 99999999999\r\n\r\n" + b" " * 100_000),
    "slow-headers": _endless(_OK, b"X: y\r\n", 0.05),
    "slow-body": _endless(_OK + b"Content-Length: 100000\r\n\r\n", b" ", 0.05),
    "slow-chunks": _endless(_CHUNKED, b"1\r\n \r\n", 0.05),
    "silent": _endless(b"", b"", 0.5),
    "deep": _said(_whole(b"[" * 200_000 + b"]" * 200_000)),
    "deep-objects": _said(_whole(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    "long-number": _said(_whole(b'{"plan_type": "x", "credits": {"balance": ' + b"9" * 1_000_000 + b"}}")),
    "long-text": _said(_whole(b'{"plan_type": "' + b"x" * 1_000_000 + b'", "credits": null}')),
    "many-buckets": _said(
        _whole(b'{"additional_rate_limits": [' + b",".join([b'{"limit_name":"x"}'] * 50_000) + b"]}")
    ),
    "many-members": _said(_whole(b"{" + b",".join(b'"%d":{}' % each for each in range(80_000)) + b"}")),
    "token-like": _said(_whole(b'"' + b"eyJ" * 300_000 + b'"')),
    "page": _said(_whole(b"<html>sign in</html>", Content_Type="text/html")),
    "good-2": _said(_whole(_GOOD)),
}  # fmt: skip


async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
    """Do to whoever asks what the account's name says."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            name = head.partition("chatgpt-account-id: ")[2].partition("\r\n")[0]
            await BOMBS.get(name, BOMBS["good-1"])(writer)
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


def lay_out(folder: Path, url: str) -> None:
    """Logins for all of them, and the configuration."""
    # made before the clocks run
    _bomb(2)
    pool = folder / "pool"
    pool.mkdir(parents=True)
    expires = datetime.now(UTC) + timedelta(days=3)  # noqa: DTZ005, RUF100 - the program's own clock judges it
    for name in BOMBS:
        (pool / f"{name}.json").write_text(codex_login(access_token(f"user-{name}", name, expires)))
        (pool / f"{name}.json").chmod(0o600)
    source = (
        f'[[sources]]\nkind = "auth-files"\nname = "pool"\npath = "{pool}"\nbase_url = "{url}/backend-api"\n'
    )
    (folder / "config.toml").write_text(f"[poll]\ntimeout_seconds = 2\n\n{source}")


async def _look(folder: Path, *, only_good: bool) -> dict[str, str]:
    env = {"HOME": str(folder), "POOLWATCH_STATE_DIR": str(folder / "state")}
    around = look_around(Options(folder / "config.toml"), env)
    assert isinstance(around, Surroundings), around

    def choose(seen: PoolOverview) -> list[object]:
        return [key for key in seen.by_key if not only_good or key.account_id.startswith("good")]

    found = await look(around, timedelta(0), choose)  # type: ignore[arg-type]  # keys
    told: dict[str, str] = {}
    for key, account in found.state.accounts.items():
        used = [window.used_percent for window in account.usage.windows]
        told[key.account_id] = (
            failure_text(account.trouble) if account.trouble is not None else f"read {used}"
        )
    return told


def main() -> int:
    """A look at what is good, to have everything in memory; then at all of it."""
    folder = Path(sys.argv[1])
    asyncio.run(_look(folder, only_good=True))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.monotonic()
    told = asyncio.run(_look(folder, only_good=False))
    took = time.monotonic() - begun
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    sys.stdout.write(json.dumps({"told": told, "took": took, "grown_mib": grown}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
