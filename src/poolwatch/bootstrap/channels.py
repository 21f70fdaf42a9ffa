"""Channels of a run: built from its settings, tried with a notice, and what is wrong with them."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import tell_terminal
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.domain.alerts import Severity
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import ChannelHealth, ChannelKind, Notice, NoticeKind, Sent
from poolwatch.host.threads import in_thread
from poolwatch.notify.channel import ChannelSetup, build_channel, distrust, try_once
from poolwatch.notify.secret_file import SecretPlace, signing_keys
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.notices import NoticeWords
from poolwatch.store.opening import FILE_NAME
from poolwatch.store.store import Store
from poolwatch.words import channels as words
from poolwatch.words.messages import message_text

if TYPE_CHECKING:
    from poolwatch.notify.desktop import ToTerminal

_ID_BYTES: Final = 16


def channel_setup(around: Surroundings, to_terminal: ToTerminal | None = None) -> ChannelSetup:
    """What the channels of this run stand on."""
    settings = around.settings
    return ChannelSetup(settings.net, around.env, RealClock().now, settings.path, to_terminal)


async def try_channel(around: Surroundings, settings: ChannelSettings) -> Sent:
    """Send a test notice over one channel, which need not be in the configuration."""
    notice_id, now = secrets.token_hex(_ID_BYTES), RealClock().now()
    notice = Notice(notice_id, settings.name, NoticeKind.TEST, now, Severity.INFO)
    wording = NoticeWords(AccountNames({}, around.settings.ui.mask), around.settings.pool_name)
    channel = await in_thread(partial(build_channel, settings, channel_setup(around, tell_terminal)))
    return await try_once(channel, wording.outgoing(notice))


async def health_of_channels(around: Surroundings) -> Mapping[str, ChannelHealth]:
    """How the channels do, by name, as the process that sends last noted it."""
    if not (around.state_dir / FILE_NAME).exists():
        return {}
    now = RealClock().now()
    store = Store(around.state_dir, now)
    try:
        return {each.name: each for each in await store.channel_health(now)}
    finally:
        await store.aclose()


class ChannelFlaw(Struct, frozen=True):
    """What is wrong with how a channel is set up; `sends`: notices go out all the same."""

    words: str
    remedy: str = ""
    sends: bool = False


def flaws_of(around: Surroundings, settings: ChannelSettings) -> Iterator[ChannelFlaw]:
    """Everything that is wrong with one channel, as far as this machine can tell. Opens files."""
    kind = ChannelKind(settings.kind)
    if kind is ChannelKind.WEBHOOK:
        place = SecretPlace(settings.secret_file, settings.secret_env)
        keys = signing_keys(place, around.env) if place.is_named else ()
        if isinstance(keys, Message):
            yield ChannelFlaw(message_text(keys))
        elif not keys:
            yield ChannelFlaw(words.UNSIGNED(), words.SIGN(), sends=True)
    for file in (settings.password_file, settings.url_file):
        found = SecretPlace(file).read(around.env) if file is not None else None
        if isinstance(found, Message):
            yield ChannelFlaw(message_text(found))
    for file in filter(None, (settings.secret_file, settings.password_file, settings.url_file)):
        mode = SecretPlace(file).open_mode()
        if mode is not None:
            told = words.open_to_others(around.told_path(file), mode)
            yield ChannelFlaw(told, f"chmod go-rwx {around.told_path(file, as_word=True)}", sends=True)
    if kind is ChannelKind.EXEC:
        refused = distrust(around.settings.path)
        if refused is not None:
            yield ChannelFlaw(message_text(refused))
        program = settings.command[0]
        if shutil.which(program, path=around.env.get("PATH", "")) is None:
            yield ChannelFlaw(words.no_program(around.told_path(program)))
    if kind is ChannelKind.APPRISE:
        from poolwatch.notify.apprise import is_installed  # few have one

        if not is_installed():
            yield ChannelFlaw(message_text(message("channel.no_apprise")))
