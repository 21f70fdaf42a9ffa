"""Connections that are kept between requests."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from typing import Final

from msgspec import Struct

from poolwatch.net.conversation import Conversation, Received
from poolwatch.net.dial import dial
from poolwatch.net.lookup import Resolver
from poolwatch.net.progress import Progress
from poolwatch.net.request import Request

_KEPT_SECONDS: Final = 30.0

_Place = tuple[str, str, int]


class _Kept(Struct, frozen=True):
    conversation: Conversation
    until: float


class Transport:
    """Sends requests over HTTP/1.1 alone, never through a proxy; use it in one event loop."""

    def __init__(self, tls: ssl.SSLContext, resolver: Resolver) -> None:
        self._tls = tls
        self._resolver = resolver
        self._kept: dict[_Place, list[_Kept]] = defaultdict(list)

    async def aclose(self) -> None:
        """Close what is kept."""
        kept, self._kept = self._kept, defaultdict(list)
        for each in (each for place in kept.values() for each in place):
            each.conversation.end()
        await asyncio.sleep(0)  # the sockets are closed in the loop's next turn

    async def exchange(self, request: Request, progress: Progress) -> Received:
        """Send one request and read its whole answer.

        Raises:
            TooLargeError: the body is larger than the cap.
            One of BROKEN: there is no complete answer.
        """
        place = request.address.place
        conversation = self._kept_one(place)
        if conversation is None:
            scheme, host, port = place
            tls = self._tls if scheme == "https" else None
            conversation = Conversation(await dial(host, port, tls, self._resolver, progress))
        received = await conversation.ask(request, progress)
        if conversation.may_be_kept:
            until = asyncio.get_running_loop().time() + _KEPT_SECONDS
            self._kept[place].append(_Kept(conversation, until))
        return received

    def _kept_one(self, place: _Place) -> Conversation | None:
        kept, now = self._kept[place], asyncio.get_running_loop().time()
        while kept:
            last = kept.pop()
            if now < last.until and last.conversation.may_go_on():
                return last.conversation
            last.conversation.end()
        return None
