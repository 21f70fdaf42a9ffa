"""Words of channels: why one did not take a notice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import mark

#: Why a try failed. `place` is a file or a variable, `host` a server's name.
TEXTS: Final[Mapping[str, str]] = {
    # secrets
    "channel.file": mark("{path} {why}"),
    "channel.unread": mark("{place} could not be read in time"),
    "channel.no_variable": mark("the variable {name} is not set"),
    "channel.empty": mark("{place} is empty"),
    "channel.bad_secret": mark(
        "{place} holds no signing secret: whsec_ and 24 to 64 bytes in base64, one on a line"
    ),
    # webhook
    "channel.answered": mark("{host} answered {status}"),
    "channel.redirects": mark("{host} redirects elsewhere ({status}); not followed"),
    "channel.gone": mark(
        "{host} answered 410: it wants no more notices, and gets none until the channel is changed"
    ),
    # email
    "channel.mail_answered": mark("{host} did not take the mail: {status} {said}"),
    "channel.mail_refused": mark("{host} refused {addresses}: {status} {said}"),
    "channel.mail_login": mark("{host} refused the user or the password ({status})"),
    "channel.mail_no_login": mark("{host} offers no way to sign in that poolwatch knows"),
    "channel.mail_no_tls": mark("{host} offers no STARTTLS; nothing was sent"),
    "channel.mail_broke_off": mark("{host} broke off"),
    "channel.mail_slow": mark("{host} did not take the mail within {seconds} s"),
    # desktop
    "channel.no_screen": mark(
        "poolwatch is open on no terminal, and there is no notify-send with a desktop to show it on"
    ),
    "channel.tmux_refuses": mark("tmux keeps notices from its terminal: tmux set -g allow-passthrough on"),
    "channel.tmux_unseen": mark("nobody sees the tmux window of poolwatch"),
    "channel.tmux_silent": mark("tmux does not say whether it lets notices through"),
    # programs
    "channel.untrusted": mark(
        "{path} {why}: programs are run only by a configuration that nobody else can change"
    ),
    "channel.not_started": mark("{program} cannot be started ({reason})"),
    "channel.exited": mark("{program} ended with {status}: {said}"),
    "channel.exited_silently": mark("{program} ended with {status}"),
    "channel.signalled": mark("{program} was ended by signal {number}"),
    "channel.too_slow": mark("{program} did not end within {seconds} s, and was ended"),
    # apprise
    "channel.no_apprise": mark("channels of kind apprise need the extra: pip install 'poolwatch[notify]'"),
    "channel.no_service": mark("{place} holds no address that Apprise knows"),
    "channel.one_address": mark("{place} holds more than one line: each address is a channel of its own"),
    "channel.not_taken": mark("{service} did not take it"),
}
