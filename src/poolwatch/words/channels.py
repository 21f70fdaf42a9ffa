"""Words of channels: how each does, why one did not take a notice, and what `channels` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import Text, mark, n_

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

# --- how a channel does
refused: Final = Text("refused: {why}")
is_gone: Final = Text("gone: {why}", "gone")
_taken: Final = Text("ok, last {when}")
_fails: Final = Text("failing since {since}: {why}", "failing since {since}")
_next_try: Final = Text("{state}, next try {at}", "{state}")
_waiting: Final = Text("{state}, {waiting}")

# --- `channels`
NONE: Final = Text("no channel is configured: {command}")
no_kind: Final = Text("there is no kind {kind}; there are {kinds}")
no_kind_but: Final = Text("there is no kind {kind}; did you mean {near}? There are {kinds}")
no_channel: Final = Text("there is no channel {name}")
no_channel_but: Final = Text("there is no channel {name}; did you mean {near}?")
is_there: Final = Text("there is a channel {name} already; name this one with --name")
took: Final = Text("{name} took the test notice")
did_not_take: Final = Text("{name} did not take the test notice: {why}")
nothing_written: Final = Text("not written: {why}")
written: Final = Text("{name} took the test notice and is in {path}")
name_it: Final = Text(
    "an alert goes there if it says channels = [{name}]; poolwatch's own alerts if [notify] channels names it"
)
#: Rules and channels are those with which a poolwatch began.
WITH_THE_NEXT: Final = Text("a poolwatch that runs takes that up when it is started again")
taken_out: Final = Text("{name} is not in {path} any more; what its settings named stays where it is")
NO_COMMAND: Final = Text("a program is typed after --, with its arguments: channels add exec -- PROGRAM ARG")
NOT_A_PROGRAM: Final = Text("only a channel of kind exec takes a program")

# --- what is wrong with one
open_to_others: Final = Text("{path} can be read by others (mode {mode})")
no_program: Final = Text("{program} is no program that can be run")
UNSIGNED: Final = Text("its notices are not signed: whoever knows the address can send some")
SIGN: Final = Text("name a secret in secret_file or secret_env")
of_channel: Final = Text("{name}: {told}")
UNUSED: Final = Text("no notice yet")


def takes(last: str, waiting: int) -> str:
    """That it took what it was sent, and when last."""
    return _with_waiting(_taken(last), waiting)


def never_used(waiting: int) -> str:
    """That it was sent nothing yet."""
    return _with_waiting(UNUSED(), waiting)


def fails(since: str, why: str, next_try: str, waiting: int) -> str:
    """Since when it takes nothing, why, and how that goes on."""
    return _with_waiting(_next_try(_fails(since, why), next_try), waiting)


def _with_waiting(state: str, waiting: int) -> str:
    if not waiting:
        return state
    return _waiting(state, n_("{count} waiting", "{count} waiting", waiting))
