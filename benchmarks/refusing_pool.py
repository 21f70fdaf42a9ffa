"""A codex-proxy that asks for none of its accounts: `python -m benchmarks.refusing_pool N`.

It prints its port and ends with its stdin. Each quota is refused (409), the list has the figures of before.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.pool import plain_env, program
from benchmarks.process import run

_HEAD: Final = b"\r\n\r\n"
_LIST: Final = b"/auth/accounts"


class RefusingPool:
    """Such a pool in a process of its own, and what poolwatch needs to watch it. A context manager."""

    def __init__(self, folder: Path, accounts: int) -> None:
        folder.mkdir()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.refusing_pool", str(accounts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**plain_env(), "PYTHONPATH": ":".join(sys.path)},
        )
        port = int(self._server.stdout.readline()) if self._server.stdout is not None else 0
        config = folder / "config.toml"
        config.write_text(
            "[poll]\ninterval_seconds = 30\n"
            f'[[sources]]\nkind = "codex-proxy"\nurl = "http://127.0.0.1:{port}"\n'
        )
        self.env: Mapping[str, str] = {
            **plain_env(),
            "HOME": str(folder),
            "POOLWATCH_CONFIG": str(config),
            "POOLWATCH_STATE_DIR": str(folder / "state"),
            "POOLWATCH_DATA_DIR": str(folder / "data"),
        }
        run([program(), "status", "--json", "--max-age", "0"], self.env)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate(timeout=20)


def _row(number: int) -> dict[str, object]:
    window = {"used_percent": number % 90, "reset_at": 1_999_999_999, "limit_reached": False}
    return {
        "id": f"a{number}",
        "email": f"pool{number:04}@example.com",
        "accountId": f"acc-{number}",
        "userId": f"user-{number}",
        "label": f"member{number:04}",
        "planType": "plus",
        "status": "refreshing",
        "usage": {"request_count": number, "input_tokens": 12345, "output_tokens": 678, "last_used": None},
        "quotaFetchedAt": "2026-11-20T20:00:00.000Z",
        "quota": {
            "plan_type": "plus",
            "rate_limit": {**window, "allowed": True, "limit_window_seconds": 18000},
            "secondary_rate_limit": {**window, "limit_window_seconds": 604800},
            "credits": {"has_credits": False, "unlimited": False, "balance": 0},
        },
    }


async def _serve(accounts: int) -> None:
    listed = json.dumps({"accounts": [_row(number) for number in range(accounts)]}).encode()
    refused = b'{"error": "Account is refreshing, cannot query quota"}'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(_HEAD)
                is_list = head.split(b" ", 2)[1] == _LIST
                status, body = (b"200 OK", listed) if is_list else (b"409 Conflict", refused)
                writer.write(
                    b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d%s%s"
                    % (status, len(body), _HEAD, body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def watch() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
