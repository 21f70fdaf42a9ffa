"""`L` on a real terminal: codex gets it, and poolwatch takes it back however that ends."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from poolwatch.store.audit import AuditLog
from tests.cli.desk import PROGRAM, Desk, source_toml
from tests.e2e.test_terminal import is_clean
from tests.support.terminal import Terminal
from tests.support.upstream import Upstream

#: A codex that can sign in: it does what the file beside it says, and notes how it was called.
CODEX = """#!{python}
import json, os, pathlib, shutil, sys, time
beside = pathlib.Path(__file__).parent
called = {{"arguments": sys.argv[1:], "home": os.environ.get("CODEX_HOME"), "tty": os.isatty(0)}}
(beside / "called.json").write_text(json.dumps(called))
print("Open https://auth.example.com/device", flush=True)
way = (beside / "way").read_text()
if way == "wait":
    os.system("stty raw isig")
    print("waiting for you", flush=True)
    time.sleep(600)
if way == "fail":
    sys.exit("codex-says-no")
shutil.copy(beside / "login.json", pathlib.Path(os.environ["CODEX_HOME"], "auth.json"))
sys.exit(7 if way == "go badly" else 0)
"""


@dataclass(frozen=True)
class Scene:
    """A home whose login has expired, and a codex that can sign in."""

    desk: Desk
    home: Path
    program: Path

    @property
    def called(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.program.parent / "called.json").read_text())
        return found

    def codex_will(self, way: str) -> None:
        (self.program.parent / "way").write_text(way)

    def env(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in self.desk.env.items() if not name.startswith("SSH_")}
        return {**kept, "PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}", **more}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    with Upstream(tmp_path_factory.mktemp("sign-in") / "demo", accounts=12) as upstream:
        yield upstream


@pytest.fixture
def scene(tmp_path: Path, served: Upstream) -> Scene:
    program = tmp_path / "bin" / "codex"
    program.parent.mkdir()
    program.write_text(CODEX.format(python=sys.executable))
    program.chmod(0o755)
    [file] = served.account("alice").files
    (program.parent / "login.json").write_bytes(file.read_bytes())
    home = tmp_path / "home" / "07"
    home.mkdir(parents=True)
    (home / "auth.json").write_text(json.dumps(expired(json.loads(file.read_text()))))
    config = tmp_path / "own.toml"
    config.write_text(source_toml(served, "codex-home", "homes", home))
    return Scene(Desk(tmp_path, config), home, program)


def expired(login: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The same login with a token that is over."""
    head, body, end = login["tokens"]["access_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["exp"] = 1_700_000_000
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return {**login, "tokens": {**login["tokens"], "access_token": f"{head}.{body}.{end}"}}


def noted(scene: Scene) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """What stands in the audit log of acts, old to new: each with its end, None for a begin."""
    return [(each.act, each.outcome, each.codes) for each in AuditLog(scene.desk.state).entries()]


def opened(terminal: Terminal) -> None:
    terminal.wait_for(lambda text: "login expired" in text and "L sign in" in text)


def test_codex_signs_in_and_the_usage_is_read(scene: Scene) -> None:
    scene.codex_will("go well")
    with Terminal([*PROGRAM, "--view", "table"], scene.env(), columns=120) as terminal:
        opened(terminal)
        terminal.press("L")
        terminal.wait_for(lambda text: re.search(r"● alice@example.com +Pro +active", text) is not None)
        assert b"Open https://auth.example.com/device" in bytes(terminal.raw)
        assert scene.called == {"arguments": ["login"], "home": str(scene.home), "tty": True}
        # the account needs nothing any more: the key is not offered, and says so
        terminal.wait_for(lambda text: "L sign in" not in text)
        terminal.press("L")
        terminal.wait_for("alice@example.com needs no new login")
        terminal.press("q")
        assert terminal.end() == 0
        is_clean(terminal)
    assert noted(scene) == [("sign_in", None, ()), ("sign_in", "done", ())]
    assert {each.by for each in AuditLog(scene.desk.state).entries()} == {"app"}


def test_over_ssh_a_code_is_typed_elsewhere(scene: Scene) -> None:
    scene.codex_will("go well")
    with Terminal([*PROGRAM, "--view", "table"], scene.env(SSH_TTY="/dev/pts/9"), columns=120) as terminal:
        opened(terminal)
        assert "codex login --device-auth" in terminal.text
        terminal.press("L")
        terminal.wait_for(lambda text: re.search(r"● alice@example.com +Pro +active", text) is not None)
        assert scene.called["arguments"] == ["login", "--device-auth"]
        terminal.press("q")
        assert terminal.end() == 0


def test_ctrl_c_in_the_middle_comes_back_to_the_screen(scene: Scene) -> None:
    before = (scene.home / "auth.json").read_bytes()
    scene.codex_will("wait")
    with Terminal([*PROGRAM, "--view", "table"], scene.env(), columns=120) as terminal:
        opened(terminal)
        terminal.press("L")
        terminal.wait_for("waiting for you")
        assert terminal.modes()[1049] is False, "codex has the usual screen"
        terminal.resize(100, 30)
        terminal.press("q\x03")
        terminal.wait_for("the sign-in was given up")
        terminal.wait_for(lambda text: "login expired" in text and "L sign in" in text)
        assert (scene.home / "auth.json").read_bytes() == before
        assert terminal.running, "neither ctrl+c nor what was typed for codex ends the app"
        terminal.press("q")
        assert terminal.end() == 0
        is_clean(terminal)
        during = bytes(terminal.raw).split(b"waiting for you")[1].split(b"\x1b[?1049h")[0]
        assert b"\x1b" not in during, "nothing is drawn while codex has the terminal"


def test_what_codex_says_when_it_fails_can_be_read(scene: Scene) -> None:
    scene.codex_will("fail")
    with Terminal([*PROGRAM, "--view", "table"], scene.env(), columns=120) as terminal:
        opened(terminal)
        terminal.press("L")
        terminal.wait_for(lambda text: "codex-says-no" in text and "status 1. Enter goes back" in text)
        terminal.press("\r")
        terminal.wait_for(lambda text: "codex ended with status 1" in text and "Enter" not in text)
        opened(terminal)
        # the Enter was for that question, and opened nothing
        assert "ACCOUNT" in terminal.text
        terminal.press("q")
        assert terminal.end() == 0
        is_clean(terminal)


def test_without_codex_the_command_is_said(scene: Scene) -> None:
    scene.program.unlink()
    with Terminal([*PROGRAM, "--view", "table"], scene.env(PATH="/nowhere"), columns=120) as terminal:
        opened(terminal)
        terminal.press("L")
        terminal.wait_for(
            lambda text: "no codex on the PATH" in text and "CODEX_HOME=~/07 codex login" in text
        )
        terminal.press("q")
        assert terminal.end() == 0


def test_a_codex_that_cannot_be_run_gives_the_screen_back(scene: Scene) -> None:
    scene.program.write_text("#!/nowhere/python\n")
    with Terminal([*PROGRAM, "--view", "table"], scene.env(), columns=120) as terminal:
        opened(terminal)
        terminal.press("L")
        terminal.wait_for("codex could not be started")
        terminal.press("?")
        terminal.wait_for("MAIN SCREEN")
        terminal.press("qq")
        assert terminal.end() == 0
        is_clean(terminal)


def test_the_app_is_ended_while_codex_has_the_terminal(scene: Scene) -> None:
    scene.codex_will("wait")
    with Terminal([*PROGRAM, "--view", "table"], scene.env(), columns=120) as terminal:
        opened(terminal)
        terminal.press("L")
        terminal.wait_for("waiting for you")
        terminal.signal(signal.SIGTERM)
        assert terminal.end() == 128 + signal.SIGTERM
        is_clean(terminal)
    assert noted(scene) == [("sign_in", None, ()), ("sign_in", "stopped", ())]


def dead_login(scene: Scene, served: Upstream) -> Path:
    """A file that poolwatch keeps, whose login no renewal helps; codex will write another one."""
    pool = scene.desk.root / "pool"
    pool.mkdir()
    file = pool / "seven.json"
    login = json.loads((scene.home / "auth.json").read_text())
    # dead for good: its own renewal is no remedy
    file.write_text(json.dumps(login))
    config = scene.desk.root / "own.toml"
    config.write_text(source_toml(served, "auth-files", "pool", pool, custody="poolwatch"))
    served.judge_login("alice", refresh="invalidated")
    new = json.loads((scene.program.parent / "login.json").read_text())
    new["tokens"]["refresh_token"] = "fake-and-not-the-dead-one"
    (scene.program.parent / "login.json").write_text(json.dumps(new))
    return file


def press_l_on_a_dead_login(terminal: Terminal) -> None:
    terminal.wait_for("login expired")
    terminal.press("r")
    terminal.wait_for(lambda text: "revoked by a sign-out" in text and "L sign in" in text)
    terminal.press("L")


def test_a_login_that_poolwatch_keeps_goes_to_its_file(scene: Scene, served: Upstream) -> None:
    scene.codex_will("go well")
    file = dead_login(scene, served)
    with Terminal([*PROGRAM, "--view", "table"], scene.env(), columns=120) as terminal:
        press_l_on_a_dead_login(terminal)
        terminal.wait_for(lambda text: re.search(r"● alice@example.com +Pro +active", text) is not None)
        terminal.press("q")
        assert terminal.end() == 0
    assert file.read_bytes() == (scene.program.parent / "login.json").read_bytes()
    assert [each.name for each in file.parent.iterdir() if not each.name.startswith(".")] == ["seven.json"]
    home = str(scene.called["home"])
    assert home.startswith(str(scene.desk.state))
    assert not Path(home).exists()
    ends = [(act, outcome) for act, outcome, _ in noted(scene) if outcome is not None]
    assert ends == [("refresh", "failed"), ("sign_in", "done")]


def test_a_login_that_codex_left_as_it_ended_badly_is_named_until_it_is_home(
    scene: Scene, served: Upstream
) -> None:
    scene.codex_will("go badly")
    file = dead_login(scene, served)
    before = file.read_bytes()
    with Terminal([*PROGRAM, "--view", "table"], scene.env(), columns=160) as terminal:
        press_l_on_a_dead_login(terminal)
        terminal.wait_for("status 7. Enter goes back")
        terminal.press("\r")
        terminal.wait_for("codex ended with status 7, but left a login: it waits in")
        terminal.press("j")
        terminal.wait_for(lambda text: re.search(r"poolwatch accounts import \S+/sign-in-", text) is not None)
        terminal.press("q")
        assert terminal.end() == 0
    assert file.read_bytes() == before
    waits = Path(str(scene.called["home"]), "auth.json")
    assert waits.read_bytes() == (scene.program.parent / "login.json").read_bytes()
    listed = scene.desk.run("accounts", "list", "--config", str(scene.desk.root / "own.toml"))
    assert f"accounts import {waits}" in listed.out
