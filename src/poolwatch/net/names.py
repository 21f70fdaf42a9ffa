"""An event loop whose name lookups hold nothing up: not each other, and not the exit."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from poolwatch.host.threads import in_thread

T = TypeVar("T")

_Found = list[Any]


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's own, with name lookups on daemon threads: those of its executor are joined at exit.

    Whoever asks for a name that is being looked up shares that lookup, so that a name service which hangs
    costs one thread for each name.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lookups: dict[tuple[object, ...], asyncio.Task[_Found]] = {}

    async def getaddrinfo(
        self,
        host: str | bytes | None,
        port: str | bytes | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - as asyncio calls it
        proto: int = 0,
        flags: int = 0,
    ) -> _Found:
        """As in asyncio."""
        key = (host, port, family, type, proto, flags)
        if key not in self._lookups:
            lookup = self.create_task(in_thread(partial(socket.getaddrinfo, *key)))
            self._lookups[key] = lookup
            lookup.add_done_callback(lambda _: self._lookups.pop(key))
        try:
            return await asyncio.shield(self._lookups[key])
        except RuntimeError as error:  # there is no thread to be had
            raise OSError(errno.EAGAIN, str(error)) from error

    def is_looking_up(self, name: bytes) -> bool:
        """Whether the name service was asked for it and has not answered yet."""
        return any(key[0] in (name, name.decode("ascii")) for key in self._lookups)


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on this event loop."""
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(main)
