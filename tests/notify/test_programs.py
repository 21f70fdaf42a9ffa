from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from poolwatch.domain.message import message
from poolwatch.domain.notices import ChannelKind, SendOutcome
from poolwatch.domain.values import replace
from poolwatch.notify import apprise
from poolwatch.notify.apprise import Apprise
from poolwatch.notify.exec import Exec
from tests.net.script import Script, reply
from tests.notify.notices import NOTICE, channel, private, program, why

ENV = {"PATH": os.environ["PATH"], "HOME": "/", "LANG": "C.UTF-8", "TZ": "Asia/Kolkata", "API_KEY": "geheim"}


def runner(*command: str, deadline: float = 5.0) -> Exec:
    return Exec(channel(ChannelKind.EXEC, command=command), ENV, None, deadline)


def is_running(pid: int) -> bool:
    """Whether a process is there, and no zombie that its new parent has not fetched yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid: int) -> None:
    for _ in range(200):
        if not is_running(pid):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(pid)


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def read_when_there(path: Path) -> str:
    for _ in range(500):
        if (text := read(path)).endswith("\n"):
            return text
        await asyncio.sleep(0.01)
    raise AssertionError(path)


async def test_a_program_gets_json_on_stdin_and_four_variables(tmp_path: Path) -> None:
    script = program(
        tmp_path, "hook", f'cat > {tmp_path}/in; env > {tmp_path}/env; pwd > {tmp_path}/at; echo "$1"'
    )
    sent = await runner(script, "$(touch /tmp/never); *").send(NOTICE)
    assert sent.outcome is SendOutcome.TAKEN
    assert (tmp_path / "in").read_bytes() == NOTICE.body
    assert json.loads((tmp_path / "in").read_text())["type"] == "alert.firing"
    given = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert {name: given.get(name) for name in ("PATH", "HOME", "LANG", "TZ")} == {
        name: ENV[name] for name in ("PATH", "HOME", "LANG", "TZ")
    }
    # a shell sets some of its own
    assert set(given) <= {"PATH", "HOME", "LANG", "TZ", "PWD", "SHLVL", "_", "OLDPWD"}
    assert (tmp_path / "at").read_text() == "/\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("exit 3", "hook ended with 3"),
        (
            "echo one; echo 'no such\x1b[31m room' >&2; echo; exit 1",
            r"hook ended with 1: no such\x1b[31m room",
        ),
        ("kill -9 $$", "hook was ended by signal 9"),
        ("yes geheim | head -c 5000000; echo; echo end; exit 1", "hook ended with 1: end"),
        # reads nothing of what it is given
        ("exec <&-; exit 7", "hook ended with 7"),
    ],
)
async def test_what_does_not_end_with_0_has_not_taken_it(tmp_path: Path, text: str, told: str) -> None:
    assert why(await runner(program(tmp_path, "hook", text)).send(NOTICE)) == told


async def test_more_than_a_pipe_holds_goes_in(tmp_path: Path) -> None:
    script = program(tmp_path, "hook", f"sleep 0.05; wc -c > {tmp_path}/count")
    large = replace(NOTICE, body=b"x" * 300_000)
    assert (await runner(script).send(large)).outcome is SendOutcome.TAKEN
    assert (tmp_path / "count").read_text().strip() == "300000"


@pytest.mark.parametrize("name", ["/nowhere/hook", "not-on-the-path"])
async def test_a_program_that_is_not_there_is_told(name: str) -> None:
    said = why(await runner(name).send(NOTICE))
    assert said == f"{Path(name).name} cannot be started (no such file or directory)"


async def test_its_whole_group_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    stubborn = "trap '' TERM HUP INT"
    script = program(
        tmp_path,
        "hook",
        f'{stubborn}; sh -c "{stubborn}; sleep 60; :" & echo $$ $! > {tmp_path}/pids; sleep 60; :',
    )
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (
        why(await runner(script, deadline=0.3).send(NOTICE)) == "hook did not end within 0.3 s, and was ended"
    )
    # a child that ignores SIGTERM and holds its stdout is not waited for
    assert loop.time() - began < 5
    for pid in (await read_when_there(tmp_path / "pids")).split():
        await gone(int(pid))


async def test_cancelled_it_leaves_nothing_running(tmp_path: Path) -> None:
    script = program(tmp_path, "hook", f"sleep 60 & echo $$ $! > {tmp_path}/pids; wait")
    sending = asyncio.create_task(runner(script).send(NOTICE))
    pids = (await read_when_there(tmp_path / "pids")).split()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    for pid in pids:
        await gone(int(pid))


async def test_what_runs_on_in_the_background_holds_nothing_up(tmp_path: Path) -> None:
    script = program(tmp_path, "hook", f"sleep 60 & echo $! > {tmp_path}/pid; exit 0")
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await runner(script).send(NOTICE)).outcome is SendOutcome.TAKEN
    assert loop.time() - began < 2
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


async def test_one_runs_at_a_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = program(tmp_path, "hook", f"echo begin >> {log}; sleep 0.1; echo end >> {log}")
    one = runner(script)
    await asyncio.gather(*(one.send(NOTICE) for _ in range(3)))
    assert log.read_text().split() == ["begin", "end"] * 3


async def test_nothing_is_run_that_was_refused(tmp_path: Path) -> None:
    script = program(tmp_path, "hook", f"touch {tmp_path}/ran")
    settings = channel(ChannelKind.EXEC, command=(script,))
    refused = Exec(settings, ENV, message("channel.exited_silently", program="x", status=1))
    assert why(await refused.send(NOTICE)) == "x ended with 1"
    assert not (tmp_path / "ran").exists()


# --- apprise: the real library, against a receiver on this machine


def told_by_apprise(file: str, deadline: float = 30.0) -> Apprise:
    return Apprise(channel(ChannelKind.APPRISE, url_file=file), os.environ, deadline)


async def test_apprise_takes_a_notice_to_a_real_receiver(tmp_path: Path) -> None:
    async with Script([reply()]) as server:
        file = private(tmp_path / "url", f"json://user:geheim@localhost:{server.port}/path\n")
        sent = await told_by_apprise(file).send(NOTICE)
    assert sent.outcome is SendOutcome.TAKEN
    got = json.loads(server.bodies[0])
    assert (got["title"], got["message"], got["type"]) == (NOTICE.title, NOTICE.text, "warning")


async def test_what_apprise_could_not_deliver_is_told_without_its_address(tmp_path: Path) -> None:
    async with Script([reply(500)]) as server:
        file = private(tmp_path / "url", f"json://user:geheim@localhost:{server.port}/path")
        said = why(await told_by_apprise(file).send(NOTICE))
    assert said == "JSON did not take it"
    unknown = private(tmp_path / "unknown", "gopher://geheim")
    assert (
        why(await told_by_apprise(unknown).send(NOTICE)) == f"{unknown} holds no address that Apprise knows"
    )


async def test_an_address_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    two = private(tmp_path / "two", "ntfy://one\nntfy://two\n")
    assert why(await told_by_apprise(two).send(NOTICE)) == (
        f"{two} holds more than one line: each address is a channel of its own"
    )
    missing = str(tmp_path / "none")
    assert why(await told_by_apprise(missing).send(NOTICE)) == f"{missing} is not there"


async def test_without_the_extra_one_line_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise, "is_installed", lambda: False)
    file = private(tmp_path / "url", "ntfy://one")
    assert why(await told_by_apprise(file).send(NOTICE)) == (
        "channels of kind apprise need the extra: pip install 'poolwatch[notify]'"
    )


async def test_its_address_stands_on_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = program(
        tmp_path, "python", f'echo "$@" > {tmp_path}/argv; env > {tmp_path}/env; cat > {tmp_path}/in'
    )
    monkeypatch.setattr(sys, "executable", stand_in)
    file = private(tmp_path / "url", "ntfy://geheim")
    assert (await told_by_apprise(file).send(NOTICE)).outcome is SendOutcome.TAKEN
    assert (tmp_path / "argv").read_text() == "-P -m poolwatch.notify.apprise\n"
    assert "geheim" not in (tmp_path / "env").read_text()
    assert json.loads((tmp_path / "in").read_text())["address"] == "ntfy://geheim"


async def test_of_what_the_library_says_nothing_but_the_service_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = private(tmp_path / "url", "ntfy://geheim")
    for text, told in (
        ("echo ntfy; exit 4", "ntfy did not take it"),
        ("echo ntfy; echo failed: https://geheim@ntfy.example.com; exit 4", "apprise did not take it"),
        ("echo https://geheim@ntfy.example.com; exit 9", "apprise ended with 9"),
    ):
        monkeypatch.setattr(sys, "executable", program(tmp_path, "python", text))
        assert why(await told_by_apprise(file).send(NOTICE)) == told
