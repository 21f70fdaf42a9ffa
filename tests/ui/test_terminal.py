"""On a real terminal: what is written, and how it is left."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyte
import pytest

from poolwatch.ui.terminal.input_filter import PASTE_SECONDS, STRING_SECONDS

ROOT = Path(__file__).parents[2]
#: A refresh of the screen's first picture is long done by then.
PATIENCE = 20.0


OTHER = """
import sys
from poolwatch.ui import terminal
terminal.IS_KNOWN = False
for name in ("calm_update", "driver", "input_filter"):
    sys.modules[f"poolwatch.ui.terminal.{name}"] = None
from tests.ui.run_app import main
sys.exit(main())
"""


@dataclass
class Terminal:
    """The app behind a pseudo terminal, whose bytes are kept."""

    scenario: str = ""
    #: Textual is of a version that was not read: none of what uses its private parts can be imported
    other_textual: bool = False
    columns: int = 100
    lines: int = 30
    seen: bytes = b""
    master: int = -1
    slave: int = -1
    before: list[object] = field(default_factory=list)
    process: subprocess.Popen[bytes] = field(init=False)
    #: what was drawn of `seen` so far
    drawn: tuple[bytes, pyte.Screen, pyte.ByteStream] | None = None

    def start(self) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.lines, self.columns, 0, 0))
        self.before = list(termios.tcgetattr(self.slave))
        program = ["-c", OTHER] if self.other_textual else ["-m", "tests.ui.run_app"]
        self.process = subprocess.Popen(
            [sys.executable, *program, self.scenario],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, cwd=ROOT, start_new_session=True,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "TERM": "xterm-256color"},
        )  # fmt: skip
        self.read_until(b"details")

    def read_until(self, wanted: bytes) -> None:
        end = time.monotonic() + PATIENCE
        while wanted not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            self.read_some(0.2)

    def read_some(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return b""
        try:
            read = os.read(self.master, 65536)
        except OSError:
            return b""
        self.seen += read
        return read

    def quiet(self, seconds: float = 0.5) -> bytes:
        """What comes until nothing has come for a while."""
        found = b""
        while read := self.read_some(seconds):
            found += read
        return found

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def leave(self) -> int:
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end
            self.read_some(0.05)
        self.quiet()
        return self.process.returncode

    def screen(self) -> list[str]:
        return list(self.model().display)

    def model(self) -> pyte.Screen:
        """The screen of a terminal that got all bytes; drawn on from where it was left."""
        before, screen, stream = self.drawn or (b"", pyte.Screen(self.columns, self.lines), None)
        if stream is None or not self.seen.startswith(before):
            before, screen = b"", pyte.Screen(self.columns, self.lines)
            stream = pyte.ByteStream(screen)
        # pyte takes the pushing of a title for text
        stream.feed(self.seen[len(before) :].replace(b"\x1b[22;0t", b"").replace(b"\x1b[>25u", b""))
        self.drawn = (self.seen, screen, stream)
        return screen

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for number in (self.master, self.slave):
            if number >= 0:
                os.close(number)


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    given = Terminal(getattr(request, "param", ""))
    given.start()
    try:
        yield given
    finally:
        given.close()


def is_restored(terminal: Terminal) -> bool:
    tail = terminal.seen[terminal.seen.rindex(b"\x1b[?1049l") - 200 :]
    codes = (b"\x1b[?25h", b"\x1b[?2004l", b"\x1b[?1004l", b"\x1b[<u", b"\x1b[23;0t")
    return all(code in tail for code in codes) and list(termios.tcgetattr(terminal.slave)) == terminal.before


def test_calm_and_the_way_out_by_key(terminal: Terminal) -> None:
    terminal.quiet()
    assert any("carol@example.com" in line for line in terminal.screen())
    assert terminal.seen.count(b"\x1b]2;") == 1
    assert "\x1b]2;poolwatch ✕1 ◐3\x07".encode() in terminal.seen
    assert terminal.seen.index(b"\x1b[22;0t") < terminal.seen.index(b"\x1b]2;")
    # neither losing nor gaining the focus, nor time, costs a byte
    terminal.press(b"\x1b[O")
    assert not terminal.quiet()
    terminal.press(b"\x1b[I")
    assert not terminal.quiet()
    # one move paints two rows and what speaks of the selection, not the screen
    terminal.press(b"j")
    moved = terminal.quiet()
    assert 0 < len(moved) < 3000
    terminal.press(b"\x0c")
    painted = terminal.quiet()
    for name in (b"carol@example.com", b"NEXT", b"filter"):
        assert name in painted
    assert b"\x1b]52" not in terminal.seen
    terminal.press(b"y")
    assert b"\x1b]52;c;" in terminal.quiet()
    terminal.press(b"q")
    assert terminal.leave() == 0
    assert is_restored(terminal)


@pytest.mark.parametrize("terminal", ["telling"], indirect=True)
def test_a_notice_reaches_the_terminal_and_costs_no_cell(terminal: Terminal) -> None:
    terminal.quiet()
    before = cells(terminal)
    terminal.press(b"u")
    terminal.read_until(b"\x1b]9;poolwatch: told: True\x07")
    terminal.press(b"\x0c")
    terminal.quiet()
    changed = [row for row, (now, was) in enumerate(zip(cells(terminal), before, strict=True)) if now != was]
    # the foot says what `u` did, and no other row has changed
    assert len(changed) <= 1
    terminal.press(b"q")
    assert terminal.leave() == 0
    assert is_restored(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_signals_restore_the_terminal(terminal: Terminal, number: signal.Signals) -> None:
    terminal.process.send_signal(number)
    assert terminal.leave() == 128 + number
    assert is_restored(terminal)


@pytest.mark.parametrize("terminal", ["deaf"], indirect=True)
def test_a_dropped_terminal_ends_it_where_hangups_are_ignored(terminal: Terminal) -> None:
    os.close(terminal.slave)
    os.close(terminal.master)
    terminal.slave = terminal.master = -1
    assert terminal.process.wait(PATIENCE) == 128 + signal.SIGHUP


@pytest.mark.parametrize("terminal", ["crash"], indirect=True)
def test_a_crash_says_where_and_not_what(terminal: Terminal) -> None:
    terminal.press(b"r")
    assert terminal.leave() == 1
    assert is_restored(terminal)
    report = terminal.seen[terminal.seen.rindex(b"\x1b[?1049l") :].decode()
    assert "ValueError" in report
    assert "poolwatch.ui.screens.refreshing:" in report
    assert b"very-secret" not in terminal.seen
    assert str(ROOT) not in report


def test_keys_in_one_packet_are_typed_one_by_one(terminal: Terminal) -> None:
    terminal.quiet()
    # letter by letter "quit", "refresh" and "refresh all" on the wall
    terminal.press(b"/qrR\x7f\x7f\x7fbob\r")
    terminal.quiet()
    assert terminal.process.poll() is None
    assert "filter bob" in terminal.screen()[0]
    terminal.press(b"q")
    assert terminal.leave() == 0


def cells(terminal: Terminal) -> list[list[pyte.screens.Char]]:
    """Every cell as it looks on a terminal that got all bytes: of a blank, what is seen of it."""
    screen = terminal.model()
    blank = pyte.screens.Char(" ")
    return [
        [
            cell
            if (cell := screen.buffer[y][x]).data != " "
            or cell.reverse
            or cell.underscore
            or cell.strikethrough
            else blank._replace(bg=cell.bg)
            for x in range(terminal.columns)
        ]
        for y in range(terminal.lines)
    ]


def test_what_differs_is_sent_and_a_whole_paint_changes_nothing(terminal: Terminal) -> None:
    terminal.quiet()
    for keys in (b"/bo\r", b"vv", b"sm%", b"t", b"?", b"q"):
        # the last one takes back what was said before it, as the next one does
        terminal.press(keys + b"\x0c")
        # on a busy machine the first filter takes its time
        terminal.quiet(1.0)
        left = cells(terminal)
        terminal.press(b"\x0c")
        assert terminal.quiet(0.3)
        # rows and not cells: pytest compares long lists for minutes
        assert [
            row for row, (now, was) in enumerate(zip(cells(terminal), left, strict=True)) if now != was
        ] == []
    terminal.press(b"/")
    opened = terminal.quiet(0.3)
    assert b"keep the filter" in opened
    # a line to type in, and not the whole screen again
    assert len(opened) < 2500


def test_after_a_stop_everything_is_painted_again(terminal: Terminal) -> None:
    terminal.quiet()
    before = cells(terminal)
    terminal.process.send_signal(signal.SIGTSTP)
    os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED)
    terminal.quiet(0.1)
    assert b"\x1b[?1049l" in terminal.seen
    terminal.seen = b""
    terminal.process.send_signal(signal.SIGCONT)
    terminal.read_until(b"details")
    terminal.quiet()
    assert cells(terminal) == before


def reader_woke(terminal: Terminal) -> int:
    """How often the threads beside the event loop's own have waited so far."""
    tasks = Path(f"/proc/{terminal.process.pid}/task")
    found = 0
    for task in tasks.iterdir():
        if task.name != str(terminal.process.pid):
            status = (task / "status").read_text()
            found += int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts what Linux counts")
def test_who_reads_keys_sleeps_until_one_comes(terminal: Terminal) -> None:
    terminal.quiet()
    end = time.monotonic() + PATIENCE
    woke = -1
    while woke != (woke := reader_woke(terminal)):
        assert time.monotonic() < end
        # five times what it waits for the rest of a sequence
        terminal.read_some(0.5)
    # an escape is told from the start of a sequence by the time that passes
    terminal.press(b"?")
    terminal.quiet()
    assert any("Keys" in line for line in terminal.screen()), terminal.screen()
    terminal.press(b"\x1b")
    terminal.quiet()
    assert any("carol@example.com" in line for line in terminal.screen())
    terminal.press(b"q")
    assert terminal.leave() == 0


HOSTILE = {
    "the release of a key": b"\x1b[113;1:3u",
    "no character": b"\x1b[1114112u",
    "half of a character": b"\x1b[55296u",
    "a size": b"\x1b[48;99999;99999;99999;99999t",
    "no size": b"\x1b[48;0;0;0;0t",
    "a command that does not end": b"\x1b]" + b"x" * 20_000,
    "an answer nobody asked for": b"\x1b[?1;2c",
    "a paste that does not end": b"\x1b[200~" + b"q" * 20_000,
    "a sequence that does not end": b"\x1b[" + b"1" * 20_000,
    "keys": b"j" * 20_000,
}


def write_all(terminal: Terminal, text: bytes) -> None:
    """Send all of it; a pseudo terminal takes a few kilobytes at a time."""
    os.set_blocking(terminal.master, False)
    end = time.monotonic() + PATIENCE
    while text:
        assert time.monotonic() < end
        try:
            text = text[os.write(terminal.master, text) :]
        except BlockingIOError:
            terminal.read_some(0.01)
    os.set_blocking(terminal.master, True)


def peak_megabytes(terminal: Terminal) -> int:
    status = Path(f"/proc/{terminal.process.pid}/status").read_text()
    return int(status.partition("\nVmHWM:")[2].split()[0]) // 1024


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_whatever_the_terminal_sends_q_still_leaves(terminal: Terminal, hostile: bytes) -> None:
    terminal.quiet()
    before = peak_megabytes(terminal)
    write_all(terminal, hostile)
    # longer than what is open stays so
    terminal.quiet((PASTE_SECONDS if hostile.startswith(b"\x1b[200~") else STRING_SECONDS) + 0.5)
    assert terminal.process.poll() is None
    assert peak_megabytes(terminal) - before < 150
    begun = time.monotonic()
    terminal.press(b"q")
    assert terminal.leave() == 0
    assert time.monotonic() - begun < 10
    assert is_restored(terminal)


@pytest.mark.parametrize("hostile", [b"\x1b]" + b"x" * 20_000, b"j" * 20_000], ids=["command", "keys"])
def test_ctrl_c_right_behind_a_flood_leaves(terminal: Terminal, hostile: bytes) -> None:
    terminal.quiet()
    write_all(terminal, hostile + b"\x03")
    begun = time.monotonic()
    assert terminal.leave() == 128 + signal.SIGINT
    assert time.monotonic() - begun < 10


def test_a_second_click_beside_the_palette_is_for_nobody(terminal: Terminal) -> None:
    click = b"\x1b[<0;1;1M\x1b[<0;1;1m"
    terminal.press(b"\x10")
    terminal.read_until(b"the events")
    terminal.quiet()
    terminal.press(click * 3)
    terminal.quiet()
    assert terminal.process.poll() is None
    assert any("carol@example.com" in line for line in terminal.screen())
    terminal.press(b"q")
    assert terminal.leave() == 0


def test_a_third_click_on_an_account_opens_it_no_second_time(terminal: Terminal) -> None:
    terminal.quiet()
    line = next(at for at, line in enumerate(terminal.screen(), 1) if "carol@example.com" in line)
    terminal.press(f"\x1b[<0;6;{line}M\x1b[<0;6;{line}m".encode() * 3)
    terminal.quiet()
    details = terminal.screen()
    terminal.press(b"\x1b")
    terminal.quiet()
    assert terminal.screen() != details
    assert any("NEXT UP" in line for line in terminal.screen())


def test_a_window_of_any_size_is_drawn_in_part(terminal: Terminal) -> None:
    terminal.quiet()
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 65_535, 65_535, 0, 0))
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.quiet(1)
    assert peak_megabytes(terminal) < 400
    terminal.press(b"q")
    assert terminal.leave() == 0


@pytest.mark.parametrize("terminal", ["unread"], indirect=True)
def test_a_crash_of_who_reads_keys_is_told_as_any_other(terminal: Terminal) -> None:
    terminal.press(b"r")
    assert terminal.leave() == 1
    assert is_restored(terminal)
    report = terminal.seen[terminal.seen.rindex(b"\x1b[?1049l") :].decode()
    assert "ValueError" in report
    assert "poolwatch.ui.terminal.driver:" in report
    assert b"very-secret" not in terminal.seen


SIZE = """
from poolwatch.ui.terminal.driver import TerminalDriver
print(*TerminalDriver._get_terminal_size(TerminalDriver.__new__(TerminalDriver)))
"""


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "77 33"),
        ({"COLUMNS": "50"}, "50 33"),
        ({"COLUMNS": "50", "LINES": "9"}, "50 9"),
        ({"COLUMNS": "99999", "LINES": "99999"}, "1000 500"),
    ],
)
def test_the_size_is_the_terminals_within_bounds(env: dict[str, str], said: str) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    subprocess.run(
        [sys.executable, "-c", SIZE], stdout=slave, env={**plain, **env}, timeout=PATIENCE, check=True
    )
    os.close(slave)
    assert os.read(master, 1000).decode().strip() == said
    os.close(master)
