"""What every channel is to the sender, whatever way its notices take, and one try with any of them."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final, Protocol

import msgspec

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.domain.message import message
from poolwatch.domain.notices import ChannelKind, MarkedChannel, Outgoing, SendOutcome, Sent

#: A channel's own deadline ends a try sooner; a try that outlasts this one is ended from outside.
LONGEST_SECONDS: Final = 45.0
_MARK_DIGITS: Final = 32


def marked(settings: ChannelSettings) -> MarkedChannel:
    """The channel with its mark, which changes with any of its settings, and from which none can be read.

    Secrets stand in files, and are no part of it: a new one does not bring back a receiver that is gone.
    """
    mark = hashlib.sha256(msgspec.json.encode(settings)).hexdigest()[:_MARK_DIGITS]
    return MarkedChannel(settings.name, ChannelKind(settings.kind), mark)


class Channel(Protocol):
    """One way to a person. Its notices come one at a time, and may come twice with one `id`.

    A channel reads its secrets when it sends, and holds them no longer.
    """

    async def send(self, notice: Outgoing) -> Sent:
        """Try once to have it taken; TAKEN only when the receiver said so.

        It ends by a deadline of its own, 30 seconds at most, and holds up the event loop at no time. Whatever
        goes wrong outside is FAILED with a `why`, and nothing is raised but CancelledError: then it ends at
        once, leaves nothing running that the process would wait for, and the notice will be tried again. No
        `why` holds a secret: no address with its path or query, no answer of a receiver that was not
        sanitised.
        """


async def try_once(channel: Channel, notice: Outgoing, longest: float = LONGEST_SECONDS) -> Sent:
    """What became of one try, also with a channel that breaks its promises: no error ends the sender.

    Of an error its type alone is told: its text may hold anything.
    """
    try:
        async with asyncio.timeout(longest):
            return await channel.send(notice)
    except TimeoutError:
        return Sent(SendOutcome.FAILED, message("notices.no_answer", seconds=round(longest)))
    except Exception as error:  # noqa: BLE001 - whatever it is
        why = message("monitor.internal_error", type=type(error).__name__)
        return Sent(SendOutcome.FAILED, why)
