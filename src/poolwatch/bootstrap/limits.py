"""What watches limits in a run, and tells of them: put together once the first screen stands.

Of what nobody has configured nothing is loaded, and no channel before its first notice.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from poolwatch.monitor.limits import Beside, LimitWork, Task

if TYPE_CHECKING:
    from poolwatch.bootstrap.running import Running
    from poolwatch.config.limit_settings import ChannelSettings
    from poolwatch.domain.notices import Notice, Outgoing
    from poolwatch.domain.state import PoolState
    from poolwatch.monitor.sender import Sender
    from poolwatch.notify.channel import Channel

_NO_SENDER: Final = "monitor.no_sender"


def limit_work(running: Running) -> LimitWork:
    """All that there is to do in this run."""
    if not running.around.settings.channels:
        return LimitWork((Task(_NO_SENDER, _send_nothing),))
    sender = sender_of(running)
    return LimitWork((Task(_NO_SENDER, sender.run),), (sender.recall,))


def sender_of(running: Running) -> Sender:
    """Who sends the notices of this run, over the channels of its configuration."""
    from poolwatch.monitor.sender import Line, Sender
    from poolwatch.notify.channel import marked

    lines = [
        Line(marked(settings), partial(_channel, running, settings))
        for settings in running.around.settings.channels
    ]
    return Sender(lines, partial(_outgoing, running))


async def _send_nothing(beside: Beside) -> None:
    """No channel is configured: what waits for one that was is given up in time."""
    await beside.store.set_up_channels((), beside.clock.now())
    await asyncio.get_running_loop().create_future()


def _channel(running: Running, settings: ChannelSettings) -> Channel:
    from poolwatch.bootstrap.channels import channel_setup
    from poolwatch.notify.building import build_channel

    return build_channel(settings, channel_setup(running.around, running.to_terminal))


def _outgoing(running: Running, notice: Notice, state: PoolState, _now: datetime) -> Outgoing:
    """The notice in words, with the names that accounts have now."""
    from poolwatch.presentation.account_names import AccountNames
    from poolwatch.presentation.notices import NoticeWords

    settings = running.around.settings
    accounts = {key.id: account for key, account in state.accounts.items()}
    return NoticeWords(AccountNames(accounts, settings.ui.mask), settings.pool_name).outgoing(notice)
