"""Channels, made from settings; of each kind only what is configured is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.config.settings import NetSettings
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import ChannelKind
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.host.files import in_foreign_hands

if TYPE_CHECKING:
    from poolwatch.notify.channel import Channel
    from poolwatch.notify.desktop import ToTerminal


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
