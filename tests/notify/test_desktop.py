from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from poolwatch.domain.alerts import Severity
from poolwatch.domain.notices import ChannelKind, SendOutcome
from poolwatch.domain.values import replace
from poolwatch.notify.desktop import Desktop, sequence
from tests.notify.notices import NOTICE, channel, program, why

SHOWN = "\x1b]9;poolwatch: poolwatch: 2 alerts\x07"
DESKTOP = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}


class Terminal:
    """What was written to it; `is_there`: an app is open on it."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.written = ""
        self.is_there = is_there

    def write(self, text: str) -> bool:
        if self.is_there:
            self.written += text
        return self.is_there


def desktop(env: Mapping[str, str], terminal: Terminal | None = None, *, bell: bool = False) -> Desktop:
    usual = {"PATH": "/usr/bin:/bin", "HOME": "/"}
    write = None if terminal is None else terminal.write
    return Desktop(channel(ChannelKind.DESKTOP, bell=bell), {**usual, **env}, write)


def stand_in(folder: Path, ends: str = "exit 0") -> dict[str, str]:
    """An environment whose notify-send notes its arguments."""
    program(folder / "bin", "notify-send", f'printf "%s\\n" "$@" >> {folder}/args; {ends}')
    return {**DESKTOP, "PATH": f"{folder / 'bin'}:/usr/bin:/bin"}


@pytest.mark.parametrize("env", [{"TERM_PROGRAM": "WezTerm"}, {"TERM": "xterm-kitty"}])
async def test_a_terminal_that_shows_notices_is_told_alone(tmp_path: Path, env: dict[str, str]) -> None:
    terminal = Terminal()
    sent = await desktop({**stand_in(tmp_path), **env}, terminal).send(NOTICE)
    assert sent.outcome is SendOutcome.TAKEN
    assert terminal.written == SHOWN
    assert not (tmp_path / "args").exists()


async def test_beside_another_terminal_the_desktop_is_told_too(tmp_path: Path) -> None:
    terminal = Terminal()
    notice = replace(NOTICE, severity=Severity.CRITICAL, title="--help", text="<b>5 & 6</b>\nand more")
    sent = await desktop({**stand_in(tmp_path), "TERM": "xterm"}, terminal).send(notice)
    assert sent.outcome is SendOutcome.TAKEN
    assert terminal.written == "\x1b]9;poolwatch: --help\x07"
    assert (tmp_path / "args").read_text().splitlines() == [
        *("--app-name=poolwatch", "--urgency=critical", "--", "--help"),
        *("&lt;b&gt;5 &amp; 6&lt;/b&gt;", "and more"),
    ]


async def test_without_an_app_the_desktop_is_told(tmp_path: Path) -> None:
    for terminal in (None, Terminal(is_there=False)):
        assert (await desktop(stand_in(tmp_path), terminal).send(NOTICE)).outcome is SendOutcome.TAKEN
    assert (tmp_path / "args").read_text().count("--app-name") == 2


async def test_a_desktop_that_fails_is_told(tmp_path: Path) -> None:
    env = stand_in(tmp_path, "echo 'no bus' >&2; exit 1")
    assert why(await desktop(env).send(NOTICE)) == "notify-send ended with 1: no bus"
    # what the terminal was sent counts
    assert (await desktop(env, Terminal()).send(NOTICE)).outcome is SendOutcome.TAKEN


@pytest.mark.parametrize("env", [{}, {**DESKTOP, "PATH": "/nowhere"}])
async def test_with_neither_it_fails_with_a_word(tmp_path: Path, env: dict[str, str]) -> None:
    assert why(await desktop(env).send(NOTICE)) == (
        "poolwatch is open on no terminal, and there is no notify-send with a desktop to show it on"
    )


async def test_over_ssh_no_desktop_is_sought(tmp_path: Path) -> None:
    env = {name: value for name, value in stand_in(tmp_path).items() if name not in DESKTOP}
    assert (await desktop(env, Terminal()).send(NOTICE)).outcome is SendOutcome.TAKEN
    assert not (tmp_path / "args").exists()


async def test_the_bell_rings_where_it_is_wanted() -> None:
    terminal = Terminal()
    await desktop({"TERM_PROGRAM": "ghostty"}, terminal, bell=True).send(NOTICE)
    assert terminal.written == f"{SHOWN}\a"


def test_no_text_steers_the_terminal() -> None:
    evil = "4;1;50 \x1b]0;title\x07 \x9d9;x\x9c \u202e"
    told = sequence(evil, in_tmux=False)
    # what begins with a number is a progress bar to some terminals
    assert told == "\x1b]9;poolwatch: 4;1;50 \\x1b]0;title\\x07 \\x9d9;x\\x9c \\u202e\x07"
    assert len(sequence("x" * 9_999, in_tmux=False)) < 300


def test_in_tmux_it_is_wrapped() -> None:
    assert sequence("x", in_tmux=True) == "\x1bPtmux;\x1b\x1b]9;poolwatch: x\x07\x1b\\"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("on 1 1", None),
        ("all 0 1", None),
        ("1 1", None),  # before 3.3 there is no such option
        ("off 1 1", "tmux keeps notices from its terminal: tmux set -g allow-passthrough on"),
        ("on 0 1", "nobody sees the tmux window of poolwatch"),
        ("all 1 0", "nobody sees the tmux window of poolwatch"),
        ("no server running", "tmux does not say whether it lets notices through"),
    ],
)
async def test_tmux_is_asked_whether_it_lets_notices_through(
    tmp_path: Path, said: str, told: str | None
) -> None:
    program(tmp_path / "bin", "tmux", f"echo '{said}'; case '{said}' in no*) exit 1;; esac")
    env = {"TMUX": "/x,1,0", "TMUX_PANE": "%3", "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    terminal = Terminal()
    sent = await desktop(env, terminal, bell=True).send(NOTICE)
    if told is None:
        assert sent.outcome is SendOutcome.TAKEN
        assert terminal.written == f"\x1bPtmux;\x1b{SHOWN}\x1b\\\a"
    else:
        assert why(sent) == told
        # the bell is tmux's own
        assert terminal.written == "\a"


@pytest.fixture
def real_tmux(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a program in a pane of a real tmux, to which nobody is attached."""
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("tmux is not installed")
    socket = tmp_path / "s"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    start = [tmux, "-S", str(socket), "-f", "/dev/null", "new-session", "-d", "sleep 60"]
    subprocess.run(start, check=True, env=env)
    pane = subprocess.run(
        [tmux, "-S", str(socket), "display-message", "-p", "#{pane_id} #{pid}"],
        check=True,
        env=env,
        capture_output=True,
        text=True,
    ).stdout.split()
    yield {**env, "TMUX": f"{socket},{pane[1]},0", "TMUX_PANE": pane[0]}
    subprocess.run([tmux, "-S", str(socket), "kill-server"], env=env)


async def test_a_real_tmux_answers(real_tmux: dict[str, str]) -> None:
    assert why(await desktop(real_tmux, Terminal()).send(NOTICE)) in (
        "tmux keeps notices from its terminal: tmux set -g allow-passthrough on",
        "nobody sees the tmux window of poolwatch",
    )
    await asyncio.to_thread(subprocess.run, ["tmux", "set", "-g", "allow-passthrough", "on"], env=real_tmux)
    assert (
        why(await desktop(real_tmux, Terminal()).send(NOTICE)) == "nobody sees the tmux window of poolwatch"
    )
