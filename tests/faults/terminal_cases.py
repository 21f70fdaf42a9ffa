"""Where the app can be, and every way in which it or its terminal can go."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from poolwatch.domain.values import replace
from tests.faults.terminal_app import Setting, TerminalApp, Trouble, start

#: Within this the terminal is restored, or the process gone.
LIMIT_SECONDS: Final = 2.0
_ALTERNATE: Final = "raw:\x1b[?1049h"


@dataclass(frozen=True)
class Situation:
    """Keys, and what is painted then; where that is empty, whatever is painted."""

    name: str
    steps: tuple[tuple[str, str], ...]
    columns: int = 80
    rows: int = 24
    env: Mapping[str, str] | None = None
    #: "read" just now, so that nothing is asked; "hung": asked and never answered; "none" is configured
    service: str = "read"
    #: another process holds the poll lock
    viewer: bool = False
    #: q is a letter here
    typing: bool = False
    #: a page over the main screen: q goes back first
    page: bool = False


def _at(name: str, *steps: tuple[str, str], shows: str = "carol@", **more: object) -> Situation:
    """A situation that begins when this is shown."""
    begun = Situation(name, (("", shows), *steps))
    return replace(begun, **more)  # type: ignore[arg-type] # fields of the class


_STARTING: Final = Situation("starting", (("", _ALTERNATE),))
_REFRESHING: Final = _at("refreshing", ("/alice\rr", "token"))
_HUNG: Final = _at("help over polls that hang", ("?", "Keys"), service="hung", page=True)
#: The first three are those of the test suite.
SITUATIONS: Final = (
    _STARTING,
    _REFRESHING,
    _HUNG,
    _at("wall"),
    _at("table", ("v", "")),
    _at("hive", ("vv", "")),
    _at("typing a filter", ("/ali", "keep the filter"), typing=True),
    _at("detail", ("\r", ""), page=True),
    _at("raw payload", ("x", ""), page=True),
    _at("palette", ("\x10", ""), typing=True),
    _at("refreshing many", ("R", "")),
    _at("paused", ("p", "")),
    _at("another theme, masked", ("tm", ""), shows="NEXT"),
    _at("polls that hang", service="hung"),
    _at("beside another poolwatch", viewer=True),
    _at("first run", service="none", shows="demo"),
    _at("20x5", columns=20, rows=5, shows="fresh"),
    _at("300x100", columns=300, rows=100),
    _at("no colour, plain locale", env={"NO_COLOR": "1", "LANG": "C"}),
    _at("help over a filter", ("/a\r", ""), ("?", "Keys"), page=True),
)
SUITE_SITUATIONS: Final = SITUATIONS[:3]

Way = Callable[["Case"], float]


@dataclass
class Case:
    """One situation and one way out of it, with a folder of its own."""

    situation: Situation
    way: str
    folder: Path
    env: Mapping[str, str]
    #: a state directory whose readings are shown at once
    state: Path

    def run(self) -> float:
        """Play it; how long the way out took. Raises Trouble."""
        return _WAYS[self.way](self)

    def setting(self, **more: object) -> Setting:
        """How the app is started here."""
        state = self.folder / "state"
        if not state.exists():
            shutil.copytree(self.state, state)
        env = dict(self.env) | {"POOLWATCH_STATE_DIR": str(state)} | dict(self.situation.env or {})
        made = Setting(env, (), self.situation.columns, self.situation.rows)
        return replace(made, **more)  # type: ignore[arg-type] # fields of the class

    def reach(self, app: TerminalApp) -> None:
        """Bring the app where it should be."""
        for keys, shows in self.situation.steps:
            since = len(app.raw)
            if keys:
                app.press(keys)
            if shows:
                app.wait_for(shows, since)
            elif keys:
                app.quiet(0.05)

    def started(self, **more: object) -> TerminalApp:
        """The app in its situation."""
        setting = self.setting(**more)
        if self.situation.viewer:
            from poolwatch.store.polling import PollLock

            if not PollLock(self.folder / "state").try_acquire(datetime.now(UTC)):
                raise Trouble("the poll lock is not free")
        app = start(setting)
        try:
            self.reach(app)
        except BaseException:
            app.kill()
            raise
        return app


def _leave(case: Case, act: Callable[[TerminalApp], None], codes: set[int], **more: object) -> float:
    """Start, act, and look at what is left; the terminal must be as it was."""
    app = case.started(**more)
    try:
        act(app)
        took = app.gone_within(LIMIT_SECONDS)
        _expect(app, codes)
        return took
    finally:
        app.kill()


def _expect(app: TerminalApp, codes: set[int]) -> None:
    wrong = app.unclean()
    if app.status not in codes:
        wrong.append(f"exit code {app.status}, not {sorted(codes)}: {app.plain[-600:]!r}")
    if wrong:
        raise Trouble("; ".join(wrong))


def _press_exit(case: Case) -> tuple[Callable[[TerminalApp], None], set[int]]:
    if case.situation.typing or case.situation is _STARTING:
        return lambda app: app.press("\x03"), {130}
    return lambda app: app.press("qq" if case.situation.page else "q"), {0}


def _exit(case: Case) -> float:
    act, codes = _press_exit(case)
    return _leave(case, act, codes)


def _error(case: Case) -> float:
    if case.situation is _STARTING:
        return _leave(case, lambda app: None, {1}, error="compose")
    return _leave(case, lambda app: app.press("\x03"), {1}, error="key")


def _interrupts(case: Case) -> float:
    """Ctrl+c again and again, also while it leaves."""

    def act(app: TerminalApp) -> None:
        for _ in range(20):
            if not app.ended():
                os.kill(app.pid, signal.SIGINT)
            app.read(0.005)

    return _leave(case, act, {130})


def _signal(number: signal.Signals) -> Way:
    def way(case: Case) -> float:
        # before the app listens to signals it has the usual fate of programs
        codes = {128 + number} | ({-number} if case.situation is _STARTING else set())
        return _leave(case, lambda app: os.kill(app.pid, number), codes)

    return way


def _kill(case: Case) -> float:
    app = case.started()
    try:
        os.kill(app.pid, signal.SIGKILL)
        return app.gone_within(LIMIT_SECONDS)
    finally:
        app.kill()


def _suspend(case: Case) -> float:
    act, codes = _press_exit(case)
    app = case.started()
    try:
        if case.situation is _STARTING:
            app.quiet(0.1)
        _stop_and_go(app, signal.SIGSTOP)
        took = _stop_and_go(app, signal.SIGTSTP)
        _is_calm(app)
        act(app)
        took = max(took, app.gone_within(LIMIT_SECONDS))
        _expect(app, codes)
        return took
    finally:
        app.kill()


def _stop_and_go(app: TerminalApp, number: signal.Signals) -> float:
    """Stop it and let it go on; how long it took to stop."""
    os.kill(app.pid, number)
    begun = time.monotonic()
    while not os.waitid(os.P_PID, app.pid, os.WSTOPPED | os.WNOHANG):
        app.read(0.02)
        if time.monotonic() - begun > 20:
            raise Trouble(f"it does not stop at {number.name}")
    took = time.monotonic() - begun
    app.quiet(0.05)
    wrong = app.unclean() if number is signal.SIGTSTP else []
    if wrong:
        raise Trouble(f"stopped: {'; '.join(wrong)}")
    since = len(app.raw)
    os.kill(app.pid, signal.SIGCONT)
    app.wait_for(_ALTERNATE, since)
    app.quiet(0.1)
    painted = "".join(app.painted(since).split())
    if len(painted) < 50:
        raise Trouble(f"painted after a stop: {painted!r}")
    return took


def _closed(case: Case) -> float:
    return _hung_up(case, deaf=False)


def _lost(case: Case) -> float:
    return _hung_up(case, deaf=True)


def _hung_up(case: Case, *, deaf: bool) -> float:
    app = case.started(deaf=deaf)
    try:
        before = app.cpu_now()
        app.close_terminal()
        took = app.gone_within(LIMIT_SECONDS)
        _not_spinning(app, before)
        # while it starts, the first thing that it cannot write ends it like any command
        codes = {129, -signal.SIGHUP} | ({1} if case.situation is _STARTING else set())
        if app.status not in codes:
            raise Trouble(f"exit code {app.status}, not 129: {app.plain[-600:]!r}")
        return took
    finally:
        app.kill()


def _server_killed(case: Case) -> float:
    """The program that holds the terminal, as tmux and sshd do, is killed with -9."""
    app = case.started()
    try:
        ours, theirs = socket.socketpair()
        holder = os.fork()
        if not holder:
            # its own copy of the terminal's end is the last one
            theirs.send(b"x")
            signal.pause()
            os._exit(0)
        ours.recv(1)
        before = app.cpu_now()
        app.close_terminal()
        time.sleep(0.05)
        if app.ended():
            raise Trouble("it left a terminal that was still there")
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        took = app.gone_within(LIMIT_SECONDS)
        _not_spinning(app, before)
        return took
    finally:
        app.kill()


def _storm(case: Case) -> float:
    act, codes = _press_exit(case)
    app = case.started()
    try:
        for turn in range(40):
            app.resize(*((1, 1), (20, 5), (200, 60), (81, 25), (60, 15))[turn % 5])
            app.read(0.003)
        app.resize(case.situation.columns, case.situation.rows)
        since = len(app.raw)
        app.quiet(0.15)
        if len(app.raw) == since:
            raise Trouble("nothing was painted after the storm")
        _is_calm(app)
        act(app)
        took = app.gone_within(LIMIT_SECONDS)
        _expect(app, codes)
        return took
    finally:
        app.kill()


def _not_spinning(app: TerminalApp, before: float) -> None:
    if app.cpu_seconds - before > LIMIT_SECONDS:
        raise Trouble(f"{app.cpu_seconds - before:.1f} s of processor time after its terminal was gone")


def _is_calm(app: TerminalApp) -> None:
    """Whoever spins takes all of these; whoever waits, next to nothing."""
    app.quiet(0.05)
    before, begun = app.cpu_now(), time.monotonic()
    while time.monotonic() - begun < 0.25:
        app.read(0.05)
    if app.cpu_now() - before > 0.2:
        raise Trouble("it spins")


_WAYS: Final[Mapping[str, Callable[[Case], float]]] = {
    "exit": _exit,
    "exception": _error,
    "INT": _interrupts,
    "TERM": _signal(signal.SIGTERM),
    "HUP": _signal(signal.SIGHUP),
    "QUIT": _signal(signal.SIGQUIT),
    "kill -9": _kill,
    "suspend and resume": _suspend,
    "closed terminal": _closed,
    "lost connection, HUP ignored": _lost,
    "terminal server killed": _server_killed,
    "resize storm": _storm,
}
WAYS: Final = tuple(_WAYS)
