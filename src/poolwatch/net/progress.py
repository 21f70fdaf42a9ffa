"""How far an exchange got: what a failure is called by, and whether a request may have left this machine."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Phase(Enum):
    """The step that an exchange is at."""

    LOOKUP = "lookup"
    CONNECTING = "connecting"
    TLS = "tls"
    SENDING = "sending"
    ANSWER = "answer"


class TooLargeError(Exception):
    """The answer has more bytes than the caller takes."""


class Progress(Struct):
    """What one exchange did on the wire; counts are application bytes, TLS handshakes left out."""

    cap_bytes: int
    phase: Phase = Phase.CONNECTING
    connected: bool = False
    written: int = 0
    received: int = 0
    ended: bool = False
    #: why no connection came to be, in words that follow the host's name
    trouble: str | None = None

    @property
    def met_a_closed_connection(self) -> bool:
        """Sent on a connection kept from before, which gave not one byte: the peer had hung up."""
        return not self.connected and self.received == 0
