"""HTTP/1.1 over one line, one request after the other.

There are no cookies shared between accounts, no proxies or netrc from the environment, no redirects and no
decoding of bodies: h11 knows the grammar and nothing else.
"""

from __future__ import annotations

from typing import Final

import h11
from msgspec import Struct

from poolwatch.net.headers import plain
from poolwatch.net.line import Line
from poolwatch.net.progress import Phase, Progress, TooLargeError
from poolwatch.net.request import Request

#: Whatever the library and the system raise when an exchange breaks.
BROKEN: Final = (h11.ProtocolError, OSError, EOFError, UnicodeError)

#: status line, headers and chunk sizes, which are not body
_HEAD_ALLOWANCE: Final = 128 * 1024
_LONGEST_HEAD: Final = 100 * 1024


class Received(Struct, frozen=True):
    """Status, headers by their lower-case names, and undecoded body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Conversation:
    """Asks over a line of its own, and knows whether it may ask again."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)

    @property
    def may_be_kept(self) -> bool:
        """Whether another request may come to be sent: nothing says by now that the peer hangs up."""
        return self._state.our_state is h11.IDLE and self._line.is_open

    def may_go_on(self) -> bool:
        """Whether it may be sent now: a peer that says something unasked says that it hangs up."""
        return self._state.our_state is h11.IDLE and self._line.is_quiet()

    def end(self) -> None:
        """Hang up."""
        self._line.cut()

    async def ask(self, request: Request, progress: Progress) -> Received:
        """Send one request and read its whole answer; ends the line unless it may go on.

        Raises:
            TooLargeError: the body is larger than the cap.
            One of BROKEN: there is no complete answer.
        """
        try:
            await self._send(request, progress)
            received = await self._answer(progress)
            self._settle()
        except BaseException:
            self.end()
            raise
        return received

    async def _send(self, request: Request, progress: Progress) -> None:
        data = self._state.send(
            h11.Request(
                method=request.method,
                target=request.address.target,
                headers=[(name, plain(value)) for name, value in request.headers.items()],
            )
        )
        for event in (*((h11.Data(request.body),) if request.body else ()), h11.EndOfMessage()):
            data = (data or b"") + (self._state.send(event) or b"")
        progress.phase = Phase.SENDING
        # counted before: what was handed to the system may arrive, whatever comes then
        progress.written += len(data or b"")
        await self._line.write(data or b"")
        progress.phase = Phase.ANSWER

    async def _answer(self, progress: Progress) -> Received:
        while not isinstance(head := await self._event(progress), h11.Response):
            if not isinstance(head, h11.InformationalResponse):
                raise h11.RemoteProtocolError("no answer to what was asked")
        body = bytearray()
        while isinstance(event := await self._event(progress), h11.Data):
            body += event.data
            if len(body) > progress.cap_bytes:
                raise TooLargeError
        if not isinstance(event, h11.EndOfMessage):
            raise h11.RemoteProtocolError("the answer does not end")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
        return Received(head.status_code, headers, bytes(body))

    async def _event(self, progress: Progress) -> object:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            data = await self._line.read()
            progress.received += len(data)
            progress.ended = not data
            if progress.received > progress.cap_bytes + _HEAD_ALLOWANCE:
                raise TooLargeError
            if not data and self._state.their_state is h11.SEND_RESPONSE:
                raise EOFError("no answer")
            self._state.receive_data(data)
        return event

    def _settle(self) -> None:
        """Be ready for the next request, where both sides are done with this one and nothing is left over."""
        state = self._state
        if state.our_state is h11.DONE and state.their_state is h11.DONE and not state.trailing_data[0]:
            state.start_next_cycle()
        else:
            self.end()
