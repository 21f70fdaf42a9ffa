"""What every channel is to the sender, and one try with any of them; and how one is made from settings.

Of each kind only what is configured is loaded.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from msgspec import Struct

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.config.settings import NetSettings
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import ChannelKind, MarkedChannel, Outgoing, SendOutcome, Sent
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.host.files import in_foreign_hands

if TYPE_CHECKING:
    from poolwatch.notify.desktop import ToTerminal

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


# -- making one


class ChannelSetup(Struct, frozen=True):
    """What channels stand on. `config` is the file that the settings come from.

    `to_terminal`: the terminal of the app; None where no app is open.
    """

    net: NetSettings
    env: Mapping[str, str]
    now: Callable[[], datetime]
    config: Path | None = None
    to_terminal: ToTerminal | None = None


def build_channel(settings: ChannelSettings, setup: ChannelSetup) -> Channel:
    """One channel. Loads modules, and looks at the configuration file where that counts: use a thread."""
    match ChannelKind(settings.kind):
        case ChannelKind.WEBHOOK:
            from poolwatch.net.client import HttpClient
            from poolwatch.notify.webhook import Webhook

            return Webhook(settings, HttpClient(setup.net, setup.env), setup.env, setup.now)
        case ChannelKind.EMAIL:
            from poolwatch.notify.email import Email

            return Email(settings, setup.net, setup.env)
        case ChannelKind.DESKTOP:
            from poolwatch.notify.desktop import Desktop

            return Desktop(settings, setup.env, setup.to_terminal)
        case ChannelKind.EXEC:
            from poolwatch.notify.exec import Exec

            return Exec(settings, setup.env, distrust(setup.config))
        case ChannelKind.APPRISE:
            from poolwatch.notify.apprise import Apprise

            return Apprise(settings, setup.env)


def distrust(config: Path | None) -> Message | None:
    """Why no program is run that a configuration names: somebody else can change it. None: it is trusted."""
    problem = None if config is None else in_foreign_hands(config)
    if problem is None or problem.is_missing:
        return None
    path = visible(str(problem.path), LONGEST_PATH)
    return message("channel.untrusted", path=path, why=Message(problem.code, problem.arguments))
