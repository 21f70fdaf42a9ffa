"""Name lookups that can hang without holding anything else up."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

Lookup = Callable[[str, int], Sequence[str]]

_MAX_LOOKUPS: Final = 8


class Resolver:
    """Name lookups on threads of their own: a hanging one blocks no other work and no exit.

    Callers that ask for a name already being looked up share that lookup.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._running: dict[tuple[str, int], asyncio.Future[Sequence[str] | Exception]] = {}

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses in the order to try them.

        Raises:
            OSError: there are none, or too many lookups hang already.
        """
        with suppress(ValueError):
            return (str(ipaddress.ip_address(host)),)
        key = (host, port)
        future = self._running.get(key)
        if future is None:
            if len(self._running) >= _MAX_LOOKUPS:
                raise OSError("too many name lookups hang")
            loop = asyncio.get_running_loop()
            future = self._running[key] = loop.create_future()
            thread = threading.Thread(
                target=self._work, args=(loop, key, future), name=f"lookup-{host}", daemon=True
            )
            thread.start()
        found = await asyncio.shield(future)
        if isinstance(found, Exception):
            raise OSError("name lookup failed") from found
        return found

    def _work(
        self,
        loop: asyncio.AbstractEventLoop,
        key: tuple[str, int],
        future: asyncio.Future[Sequence[str] | Exception],
    ) -> None:
        found: Sequence[str] | Exception
        try:
            found = self._lookup(*key)
        except (OSError, UnicodeError) as error:
            found = error

        def hand_over() -> None:
            self._running.pop(key, None)
            if not future.done():
                future.set_result(found)

        with suppress(RuntimeError):  # the loop is gone, and so is everybody who asked
            loop.call_soon_threadsafe(hand_over)


def system_lookup(host: str, port: int) -> Sequence[str]:
    """The system's answer, without duplicates."""
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(row[4][0]) for row in rows))
