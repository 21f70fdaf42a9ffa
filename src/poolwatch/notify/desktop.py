"""The channel `desktop`: a notice on the screen of whoever works at this terminal, or at this machine."""

from __future__ import annotations

import html
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.domain.alerts import Severity
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import Outgoing, SendOutcome, Sent
from poolwatch.domain.text import visible
from poolwatch.host.threads import in_thread
from poolwatch.notify.exec import home_folder, not_started, run_program

#: Writes a sequence to the terminal that poolwatch is open on; False where there is none now.
ToTerminal = Callable[[str], bool]

_PROGRAM: Final = "notify-send"
_SECONDS: Final = 10.0
_TMUX_SECONDS: Final = 2.0
_BELL: Final = "\a"
#: An OSC 9 whose text begins with a number is something else to some terminals.
_BEFORE: Final = "poolwatch: "
_LONGEST: Final = 240
_URGENCY: Final = {Severity.INFO: "low", Severity.WARNING: "normal", Severity.CRITICAL: "critical"}
#: Where there is a desktop, one of them is set.
_DESKTOPS: Final = ("DBUS_SESSION_BUS_ADDRESS", "WAYLAND_DISPLAY", "DISPLAY")
_KEPT: Final = (*_DESKTOPS, "XDG_RUNTIME_DIR", "XAUTHORITY", "PATH", "HOME", "LANG", "TZ")
_TMUX_KEPT: Final = ("TMUX", "TMUX_PANE", "TMUX_TMPDIR", "PATH", "HOME", "LANG")
#: What tmux tells of the pane: whether it lets sequences through, and whether somebody sees it.
_TMUX_ASKED: Final = "#{allow-passthrough} #{window_active} #{session_attached}"
#: Terminals that show OSC 9, by TERM_PROGRAM and TERM.
_SHOWING: Final = frozenset({"iTerm.app", "WezTerm", "ghostty", "xterm-kitty", "xterm-ghostty"})


class Desktop:
    """Tells the terminal by OSC 9, and the desktop by notify-send where the terminal may not show it.

    No terminal says whether it showed something: what one was sent counts as taken.
    """

    def __init__(
        self, settings: ChannelSettings, env: Mapping[str, str], to_terminal: ToTerminal | None
    ) -> None:
        self._bell = settings.bell
        self._env = env
        self._to_terminal = to_terminal

    async def send(self, notice: Outgoing) -> Sent:
        hindrance = await self._tell_terminal(notice)
        if hindrance is None and self._shows_osc_9():
            return Sent(SendOutcome.TAKEN)
        failed = await self._tell_desktop(notice)
        if hindrance is None or failed is None:
            return Sent(SendOutcome.TAKEN)
        return Sent(SendOutcome.FAILED, failed if failed.code != _NOBODY.code else hindrance)

    def _shows_osc_9(self) -> bool:
        return not self._env.get("TMUX") and not _SHOWING.isdisjoint(
            (self._env.get("TERM_PROGRAM", ""), self._env.get("TERM", ""))
        )

    async def _tell_terminal(self, notice: Outgoing) -> Message | None:
        """Write it to the terminal; what keeps it from there."""
        if self._to_terminal is None:
            return _NOBODY
        wraps = bool(self._env.get("TMUX"))
        hindrance = await self._tmux_hindrance() if wraps else None
        # tmux itself hears the bell, and marks the window
        bell = _BELL if self._bell else ""
        if hindrance is not None:
            self._to_terminal(bell)
            return hindrance
        told = sequence(notice.title, in_tmux=wraps) + bell
        return None if self._to_terminal(told) else _NOBODY

    async def _tmux_hindrance(self) -> Message | None:
        """Why a sequence would not get through tmux to a terminal that somebody sees."""
        argv = ("tmux", "display-message", "-p", "-t", self._env.get("TMUX_PANE", ""), _TMUX_ASKED)
        try:
            ended = await run_program(
                argv, b"", self._kept(_TMUX_KEPT), folder=home_folder(self._env), seconds=_TMUX_SECONDS
            )
        except (OSError, ValueError, RuntimeError) as error:
            return not_started("tmux", error)
        words = ended.line.split()
        if ended.status != 0 or not 2 <= len(words) <= 3:
            return message("channel.tmux_silent")
        # tmux before 3.3 has no such option, and lets everything through
        passes = words[0] if len(words) == 3 else "on"
        if passes in ("off", "0"):
            return message("channel.tmux_refuses")
        is_seen = words[-1] != "0" and (words[-2] != "0" or passes in ("all", "2"))
        return None if is_seen else message("channel.tmux_unseen")

    async def _tell_desktop(self, notice: Outgoing) -> Message | None:
        """Have notify-send show it; what keeps it from that."""
        if not any(self._env.get(name) for name in _DESKTOPS):
            return _NOBODY
        program = await in_thread(partial(shutil.which, _PROGRAM, path=self._env.get("PATH", "")))
        if program is None:
            return _NOBODY
        options = ("--app-name=poolwatch", f"--urgency={_URGENCY[notice.severity]}", "--")
        # in its body desktops read marks of HTML
        argv = (program, *options, notice.title, html.escape(notice.text, quote=False))
        try:
            ended = await run_program(
                argv, b"", self._kept(_KEPT), folder=home_folder(self._env), seconds=_SECONDS
            )
        except (OSError, ValueError, RuntimeError) as error:
            return not_started(_PROGRAM, error)
        return ended.why(_PROGRAM, _SECONDS)

    def _kept(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: self._env[name] for name in names if name in self._env}


_NOBODY: Final = message("channel.no_screen")


def sequence(title: str, *, in_tmux: bool) -> str:
    """The OSC 9 that shows a title; for tmux in the wrapping that has it hand it on."""
    told = f"\x1b]9;{_BEFORE}{visible(title, _LONGEST)}\x07"
    if not in_tmux:
        return told
    doubled = told.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
