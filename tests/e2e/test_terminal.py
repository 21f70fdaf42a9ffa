"""The app on a real pseudo terminal: it paints, refreshes, resizes, and leaves the terminal as it was."""

from __future__ import annotations

import base64
import json
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import PROGRAM, Desk, config_of, source_toml
from tests.support.terminal import Terminal
from tests.support.upstream import Upstream

#: Private modes that must be off when the app has left: alternate screen, mouse, focus, paste, size reports.
_OFF = (47, 1047, 1049, 9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004, 2026, 2031, 2048)
_CURSOR = 25
#: The only operating system commands the app may send: its title, and the usual shape of the mouse pointer.
_COMMANDS = re.compile(rb"2;poolwatch[^\x00-\x1f]*|22;default")

EVIL_NAME = "\x1b[31mevil\x1b]0;owned\x07\u202egnp.exe"
EVIL_MAIL = "\x1b]52;c;b3duZWQ=\x07mal\x9b2J\u2066ory\r\n@example.com"

#: A program that is the app, except that one key makes it fail with a secret at hand.
_CRASHING = """
import sys
from poolwatch.ui.app import PoolApp

def broken(self):
    token = "rt-canary-in-a-local"
    raise RuntimeError(f"canary-in-a-message {token}")

PoolApp.action_help = broken
from poolwatch.__main__ import main
sys.exit(main([]))
"""


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    with Upstream(tmp_path_factory.mktemp("terminal") / "demo", accounts=12) as served:
        yield served


@pytest.fixture
def desk(tmp_path: Path, upstream: Upstream) -> Desk:
    return Desk(tmp_path, upstream.config)


def is_clean(terminal: Terminal) -> None:
    """The terminal is as it was before the app came."""
    assert terminal.after == terminal.before
    modes = terminal.modes()
    assert modes.get(1049) is False, "the alternate screen was used and left"
    assert [mode for mode in _OFF if modes.get(mode)] == []
    assert modes.get(_CURSOR) is not False
    raw = bytes(terminal.raw)
    # a keyboard protocol that was pushed is popped again
    assert len(re.findall(rb"\x1b\[>[0-9]*u", raw)) == len(re.findall(rb"\x1b\[<[0-9]*u", raw))
    assert raw.count(b"\x1b[22;0t") == raw.count(b"\x1b[23;0t")


def test_the_demo_paints_soon_and_ends_with_its_upstream(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with Terminal([*PROGRAM, "demo", "--accounts", "12"], desk.env | {"TMPDIR": str(tmp_path)}) as terminal:
        assert terminal.wait_for("NEXT UP") < 15
        terminal.wait_for("fresh 11/12")
        assert "✕1 ◐3 ●8" in terminal.text
        for drawn in (
            r"┏━ ✕ carol@example.com ━+ Business ━┓",
            r"┗━ r renews it ━+ 4h ago ━┛",
            r"╭─ ◐ bob ─+ Plus ─╮",
        ):
            terminal.wait_for(lambda text, drawn=drawn: re.search(drawn, text) is not None)  # type: ignore[misc]  # a default binds the loop's value
        # the key that is proposed first goes well, and shows what it brought
        terminal.press("r")
        # on a slow machine the next poll of it ends that line at once, and its card alone tells
        terminal.wait_for(
            lambda text: re.search(r"carol@example.com: .*ok.* · weekly 33 → \d+%|✕0 ◐3 ●9", text) is not None
        )
        [folder] = tmp_path.glob("poolwatch-demo-*")
        terminal.press("q")
        assert terminal.end() == 0
        is_clean(terminal)
        assert not folder.exists()
    assert list(desk.home.iterdir()) == []
    assert not desk.state.exists()


def _select(terminal: Terminal, label: str) -> None:
    """Move down, row by row, to an account."""
    while (marked := _marked(terminal.text)) is None or label not in marked:
        terminal.press("j")
        terminal.wait_for(lambda text, before=marked: _marked(text) != before)  # type: ignore[misc]  # a default binds the loop's value


def _marked(text: str) -> str | None:
    return next((line for line in text.splitlines() if line.startswith("▌")), None)


def test_r_shows_both_steps_and_then_what_changed(desk: Desk, upstream: Upstream) -> None:
    before = upstream.account("alice")
    with Terminal([*PROGRAM, "--view", "table"], desk.env) as terminal:
        terminal.wait_for(lambda text: re.search(r"alice@example.com +active +58%", text) is not None)
        _select(terminal, "alice@example.com")
        upstream.script("alice", {"delay_seconds": 0.8}, endpoint="token")
        upstream.script("alice", {"delay_seconds": 0.8})
        terminal.press("r")
        terminal.wait_for("token …")
        # the previous reading stays until the new one is there
        assert "58%" in terminal.text
        terminal.wait_for(lambda text: re.search(r"token ok [0-9.]+s → usage …", text) is not None)
        # both steps and all changes are too long for the line, and the changes are what was asked for
        terminal.wait_for(lambda text: "alice@example.com: ok · 5h 58 → 61% · weekly" in text)
        terminal.wait_for(lambda text: re.search(r"alice@example.com +active · ok +61%", text) is not None)
        now = upstream.account("alice")
        assert (now.token_posts, now.refreshes) == (before.token_posts + 1, before.refreshes + 1)
        terminal.press("q")
        assert terminal.end() == 0
        is_clean(terminal)


def test_a_window_that_changes_its_size(desk: Desk) -> None:
    with Terminal(PROGRAM, desk.env) as terminal:
        terminal.wait_for("fresh 1")
        for columns, rows in ((120, 40), (60, 15), (200, 60), (20, 5), (80, 24)):
            terminal.resize(columns, rows)
            if columns >= 60:
                terminal.wait_for(lambda text, rows=rows: "carol@" in text and text.count("\n") == rows - 1)  # type: ignore[misc]  # a default binds the loop's value
        terminal.wait_for(lambda text: "NEXT UP" in text and "? help" in text.splitlines()[0])
        terminal.press("q")
        assert terminal.end() == 0
        is_clean(terminal)


@pytest.mark.parametrize(
    ("way", "code"),
    [
        ("q", 0),
        ("ctrl+c", 130),
        ("SIGINT", 130),
        ("SIGTERM", 143),
        ("SIGHUP", 129),
        ("SIGQUIT", 131),
        ("crash", 1),
    ],
)
def test_every_way_out_leaves_a_clean_terminal(desk: Desk, way: str, code: int) -> None:
    command = [sys.executable, "-c", _CRASHING] if way == "crash" else list(PROGRAM)
    with Terminal(command, desk.env) as terminal:
        terminal.wait_for("NEXT UP")
        if way.startswith("SIG"):
            terminal.signal(signal.Signals[way])
        else:
            terminal.press({"ctrl+c": "\x03", "crash": "?"}.get(way, way))
        assert terminal.end() == code
        is_clean(terminal)
        left = bytes(terminal.raw).rpartition(b"\x1b[?1049l")[2]
        assert b"Traceback" not in terminal.raw
        assert b"canary" not in terminal.raw
        if way == "crash":
            assert b"poolwatch stopped because of an error of its own" in left
            assert b"RuntimeError" in left
        else:
            assert re.sub(rb"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[=>78]|[\r\n]", b"", left) == b""


def test_a_closed_window_ends_the_app(desk: Desk) -> None:
    with Terminal(PROGRAM, desk.env) as terminal:
        terminal.wait_for("NEXT UP")
        assert terminal.hang_up(seconds=5) == 129
    # the lock is free again, and what was read is kept
    line = desk.run("status", "--line")
    assert line.code == 0
    assert line.out.startswith("pw ●")


def _poisoned(file: Path, mail: str) -> str:
    """The login of a file under another e-mail; its access token stays as it is."""
    content = json.loads(file.read_text())
    held = content.get("tokens", content)
    head, claims, mark = held["id_token"].split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    told["email"] = mail
    claims = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    held["id_token"] = f"{head}.{claims}.{mark}"
    if "email" in content:
        content["email"] = mail
    return json.dumps(content)


def test_nothing_poisoned_reaches_the_terminal(tmp_path: Path, upstream: Upstream) -> None:
    home = tmp_path / "homes" / EVIL_NAME
    home.mkdir(parents=True)
    pool = tmp_path / "pool"
    pool.mkdir()
    for source, file in (("dan", home / "auth.json"), ("ops", pool / "ops.json")):
        file.write_text(_poisoned(upstream.account(source).files[0], EVIL_MAIL))
        file.chmod(0o600)
    desk = Desk(
        tmp_path,
        config_of(
            tmp_path / "own.toml",
            source_toml(upstream, "codex-home", "homes", tmp_path / "homes" / "*"),
            source_toml(upstream, "auth-files", "pool", pool),
        ),
    )
    evil = {"plan_type": "pro\x1b[2J\x1b]0;plan\x07", "email": EVIL_MAIL}
    upstream.patch_usage("ops", evil)
    try:
        with Terminal(PROGRAM, desk.env, columns=120, rows=40) as terminal:
            terminal.wait_for(lambda text: r"\x1b[31mevil" in text and r"\x1b]52;c;" in text)
            terminal.wait_for("fresh 2 of 2")
            for keys in ("v", "v", "v", "\r", "\x1b", "j", "\r", "x", "\x1b", "\x1b", "/evil\r", "?"):
                terminal.press(keys)
                # what was asked for is drawn before the next key
                terminal.wait_for(lambda text: bool(text.strip()))
            terminal.press("\x1b")
            terminal.press("\x03")
            assert terminal.end() == 130
            is_clean(terminal)
    finally:
        upstream.patch_usage("ops", None)
    raw = bytes(terminal.raw)
    for poison in (b"\x1b[31mevil", b"\x1b]0;", b"\x1b]52", b"\xc2\x9b"):
        assert poison not in raw
    for hidden in "\u202e\u2066\u202d\u200b":
        assert hidden.encode() not in raw
    assert terminal.beyond_known_sequences() == b""
    assert [sent for sent in terminal.titles_and_commands() if not _COMMANDS.fullmatch(sent)] == []
    for command in ("status", "status --json", "accounts", "doctor", "next", "refresh --all"):
        ran = desk.run(*command.split())
        both = ran.out + ran.err
        assert not [char for char in both if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0]
        assert "\u202e" not in both
        assert "\u2066" not in both
