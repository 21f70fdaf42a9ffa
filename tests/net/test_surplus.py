"""A faulty server sends answers too many; none of them is taken for another account's."""

from __future__ import annotations

import asyncio
import re

from poolwatch.domain.account import Secret
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Reply
from tests.net.script import reply

ACCOUNTS = 1_000


async def test_no_figures_of_one_account_come_under_another() -> None:
    last = b"nobody"

    async def faulty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal last
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"Bearer (\w+)", head)
                assert found is not None
                writer.write(reply(200, found[1]) + reply(200, last))
                last = found[1]
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()

    async with await asyncio.start_server(faulty, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/usage"
        client = HttpClient()

        async def is_its_own(number: int) -> bool:
            token = f"token{number}"
            headers = {"Authorization": Secret(f"Bearer {token}")}
            got = await client.get(url, headers, deadline_seconds=30)
            assert isinstance(got, Reply)
            return got.body == token.encode()

        own = await asyncio.gather(*(is_its_own(number) for number in range(ACCOUNTS)))
    assert own.count(False) == 0
