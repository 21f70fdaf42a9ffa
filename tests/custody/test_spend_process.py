"""The spending process: killed callers, killed helpers, crowds, and what others can see of it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from poolwatch.config.settings import DEFAULT_NET, NetSettings
from poolwatch.custody.recovery import Recovered, recover
from poolwatch.custody.state_dir import KEY_FILE
from poolwatch.custody.token_step import arguments, spend, start_apart, token_step
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.refresh import Awaited, BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.host.locks import held, is_stopped, lock_holder
from poolwatch.host.threads import in_thread
from poolwatch.once.process import UNREPORTED, bare_environment, told
from tests.custody.rooms import NOW, Room, codex_document, write_json
from tests.net.certificates import certificates
from tests.net.script import Script, reply
from tests.support.token_server import CANARY, Exchange

CALLER = """
import asyncio, sys
from datetime import datetime, UTC
from pathlib import Path
from poolwatch.custody.state_dir import Fingerprinter
from poolwatch.custody.protocol import Seen
from poolwatch.custody.token_step import SpendRequest, spend
state, file, url, seen = sys.argv[1:]
request = SpendRequest(Path(state), Path(file), url, Seen.parse(seen), "acc-1", "user-Ann")
asyncio.run(spend(request, Fingerprinter.from_state_dir(Path(state)), datetime.now(UTC)))
"""


async def refresh(room: Room, *, try_once: bool = False) -> TokenStep:
    return await spend(room.request(try_once=try_once), room.fingerprint, NOW)


def start_caller(room: Room) -> subprocess.Popen[bytes]:
    order = [str(room.state.root), str(room.real), room.server.url, str(room.seen())]
    return subprocess.Popen([sys.executable, "-c", CALLER, *order], start_new_session=True)


def wait_for_helper(room: Room) -> None:
    """The lock is free again when the helper is done."""
    with held(room.state.lock(room.key), patience_seconds=20) as mine:
        assert mine


async def test_a_refresh_in_its_own_process(room: Room) -> None:
    step = await refresh(room)
    assert step.outcome is TokenOutcome.REFRESHED
    assert step.took_seconds is not None
    assert room.holds_valid_token()
    assert len(room.server.posts) == 1


async def test_an_outcome_comes_back_whole(room: Room) -> None:
    room.server.script.append(Exchange(reset=True))
    first = await refresh(room)
    assert first.outcome is TokenOutcome.AMBIGUOUS
    assert first.failure is not None
    assert first.failure.kind is FailureKind.AMBIGUOUS
    assert first.lost_at is not None
    assert first.refresh_fingerprint == room.login.refresh_fingerprint
    assert (await refresh(room)).block is BlockReason.ASK_FIRST
    assert (await refresh(room, try_once=True)).outcome is TokenOutcome.REJECTED_FOR_GOOD


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_caller_that_ends_in_a_refresh_loses_nothing(room: Room, number: signal.Signals) -> None:
    room.server.release.clear()
    caller = start_caller(room)
    assert room.server.arrived.wait(20)
    os.killpg(caller.pid, number)
    if number is not signal.SIGKILL:
        os.kill(caller.pid, signal.SIGKILL)
    caller.wait(10)
    room.server.release.set()
    wait_for_helper(room)
    assert room.holds_valid_token()
    assert len(room.server.posts) == 1


async def test_cancelling_the_wait_does_not_stop_the_refresh(room: Room) -> None:
    room.server.release.clear()
    task = asyncio.create_task(refresh(room))
    assert await asyncio.to_thread(room.server.arrived.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    room.server.release.set()
    await asyncio.to_thread(wait_for_helper, room)
    assert room.holds_valid_token()


def helper_pids(room: Room) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if b"poolwatch.custody" in words and os.fsencode(room.state.root) in words:
            found.append(int(entry.name))
    return found


def test_the_helper_ignores_signals_and_shows_no_token(room: Room) -> None:
    room.server.release.clear()
    helper = start_apart(
        arguments(room.request(), "a1"), bare_environment({**os.environ, "SECRET_KEY": CANARY})
    )
    assert room.server.arrived.wait(20)
    assert helper_pids(room) == [helper.pid]
    process = Path("/proc") / str(helper.pid)
    for place in ("cmdline", "environ"):
        assert CANARY.encode() not in (process / place).read_bytes()
    assert {str((process / "fd" / name).readlink()) for name in "012"} == {os.devnull}
    assert os.getsid(helper.pid) == helper.pid
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        os.kill(helper.pid, number)
    room.server.release.set()
    assert helper.wait(20) == 0
    assert room.holds_valid_token()
    for path in room.state.root.rglob("*"):
        assert path.is_dir() or path.name == KEY_FILE or CANARY.encode() not in path.read_bytes()


UNSENT = ["locked", "read", "preflight", "journal"]
LOST = ["sending", "replied", "pending"]
STORED = ["filled", "renamed", "stored", "merged", "replaced", "done"]


@pytest.mark.parametrize("point", [*UNSENT, *LOST, *STORED])
async def test_a_killed_helper_leaves_a_whole_file_and_a_known_state(
    room: Room, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    before = room.file.read_bytes()
    deadly = {**os.environ, "POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": f"{point}:kill"}
    with monkeypatch.context() as patch:
        # for the helper alone: this process goes on to look after what is left
        patch.setattr("poolwatch.custody.token_step.own_environment", lambda: deadly)
        step = await refresh(room)
    if point in STORED:
        assert step.outcome is TokenOutcome.REFRESHED
        assert room.holds_valid_token()
        if point == "done":
            # stored and noted: only the copy was not yet let go of
            assert isinstance(recover(room.state.root, room.fingerprint, NOW), tuple)
        assert not list(room.state.custody.glob("*.pending*"))
        assert room.beside() == ["ann.json"]
        return
    assert room.file.read_bytes() == before
    if point in UNSENT:
        assert step.outcome is TokenOutcome.FAILED
        assert room.server.posts == []
        assert (await refresh(room)).outcome is TokenOutcome.REFRESHED
    else:
        assert step.outcome is TokenOutcome.AMBIGUOUS
        sent = len(room.server.posts)
        assert (await refresh(room)).block is BlockReason.ASK_FIRST
        assert len(room.server.posts) == sent


@pytest.mark.parametrize("point", ["filled", "stored", "merged", "replaced", "done"])
def test_the_next_start_finishes_what_was_interrupted(
    room: Room, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    environment = {**os.environ, "POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": f"{point}:kill"}
    assert (
        start_apart(arguments(room.request(), "a1"), bare_environment(environment)).wait(20)
        == -signal.SIGKILL
    )
    found = recover(room.state.root, room.fingerprint, NOW)
    assert isinstance(found, tuple)
    assert [(one.file, one.step.outcome, one.account_id) for one in found] == [
        (room.real, TokenOutcome.REFRESHED, "acc-1")
    ]
    assert room.holds_valid_token()
    assert recover(room.state.root, room.fingerprint, NOW) == ()
    assert len(room.server.posts) == 1
    assert room.beside() == ["ann.json"]


def test_what_was_interrupted_is_told_of_the_workspace_that_the_file_chooses(room: Room) -> None:
    before = json.loads(room.file.read_text())
    write_json(room.file, {**before, "tokens": {**before["tokens"], "account_id": "acc-chosen"}})
    for point, outcome in (("filled", TokenOutcome.REFRESHED), ("replied", TokenOutcome.AMBIGUOUS)):
        environment = {**os.environ, "POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": f"{point}:kill"}
        start_apart(arguments(room.request(), point), bare_environment(environment)).wait(20)
        found = recover(room.state.root, room.fingerprint, NOW)
        assert isinstance(found, tuple)
        assert [(one.step.outcome, one.account_id) for one in found] == [(outcome, "acc-chosen")]


def test_the_next_start_tells_of_a_lost_reply_until_the_login_changes(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, "POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": "replied:kill"}
    start_apart(arguments(room.request(), "a1"), bare_environment(environment)).wait(20)
    for _ in range(2):
        found = recover(room.state.root, room.fingerprint, NOW)
        assert isinstance(found, tuple)
        (one,) = found
        assert isinstance(one, Recovered)
        assert (one.step.outcome, one.user_id) == (TokenOutcome.AMBIGUOUS, "user-Ann")
        assert one.step.lost_at is not None
        assert one.step.refresh_fingerprint == room.login.refresh_fingerprint
    write_json(room.file, codex_document(f"rt_{CANARY}_42"))
    assert recover(room.state.root, room.fingerprint, NOW) == ()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is waited for is told after a moment."""
    monkeypatch.setattr("poolwatch.custody.token_step.told", partial(told, after_seconds=0.1))


@pytest.mark.usefixtures("soon")
async def test_a_helper_that_was_stopped_is_named_and_goes_on(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = {**os.environ, "POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": "read:stop"}
    monkeypatch.setattr("poolwatch.custody.token_step.own_environment", lambda: stopping)
    seen: list[Awaited] = []

    def let_go_on(found: Awaited) -> None:
        seen.append(found)
        if found.stopped and found.pid is not None:
            os.kill(found.pid, signal.SIGCONT)

    async with asyncio.timeout(60):
        step = await token_step(room.listing(), room.file, room.rules(), room.ask(), on_waiting=let_go_on)
    assert step.outcome is TokenOutcome.REFRESHED
    assert {found.pid for found in seen if found.pid} == {seen[-1].pid}
    assert any(found.stopped for found in seen)


@pytest.mark.usefixtures("soon")
async def test_the_stopped_holder_of_a_lock_is_named_not_the_helper_that_waits_for_it(room: Room) -> None:
    code = (
        "import os, signal, sys, pathlib\nfrom poolwatch.host.locks import held\n"
        "with held(pathlib.Path(sys.argv[1])):\n    os.kill(os.getpid(), signal.SIGSTOP)"
    )
    path = room.state.lock(room.key)
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)])  # noqa: ASYNC220 - it takes no time
    await asyncio.to_thread(os.waitid, os.P_PID, holder.pid, os.WSTOPPED)
    assert lock_holder(path) == holder.pid
    seen: list[Awaited] = []

    def end_it(found: Awaited) -> None:
        seen.append(found)
        holder.kill()

    async with asyncio.timeout(60):
        step = await token_step(room.listing(), room.file, room.rules(), room.ask(), on_waiting=end_it)
    assert seen[0] == Awaited(holder.pid, stopped=True)
    assert step.outcome is TokenOutcome.REFRESHED
    holder.wait(10)
    assert lock_holder(path) is None
    assert not is_stopped(holder.pid)


def test_a_start_leaves_a_running_refresh_alone(room: Room) -> None:
    room.server.release.clear()
    helper = start_apart(arguments(room.request(), "a1"), bare_environment(os.environ))
    assert room.server.arrived.wait(20)
    assert recover(room.state.root, room.fingerprint, NOW) == ()
    room.server.release.set()
    assert helper.wait(20) == 0
    assert room.holds_valid_token()


def test_a_state_directory_without_history_has_nothing_to_recover(room: Room, tmp_path: Path) -> None:
    assert recover(tmp_path / "none", room.fingerprint, NOW) == ()
    assert recover(room.state.root, room.fingerprint, NOW) == ()


def test_a_crowd_on_one_login_sends_one_request_a_round(room: Room) -> None:
    for number in range(3):
        order = arguments(room.request(), f"round-{number}")
        crowd = [
            start_apart(
                [word.replace(f"round-{number}", f"r{number}-{one}") for word in order],
                bare_environment(os.environ),
            )
            for one in range(10)
        ]
        assert [process.wait(60) for process in crowd] == [0] * 10
        assert len(room.server.posts) == number + 1
        assert room.holds_valid_token()


def test_a_helper_that_cannot_note_anything_sends_nothing(room: Room) -> None:
    journal = room.state.journal(room.errand().account)
    journal.symlink_to(room.state.root / "elsewhere")
    helper = start_apart(arguments(room.request(), "a1"), bare_environment(os.environ))
    assert helper.wait(20) == UNREPORTED
    assert room.server.posts == []


async def test_a_journal_that_cannot_be_written_blocks(room: Room) -> None:
    room.state.journal(room.errand().account).symlink_to(room.state.root / "elsewhere")
    step = await refresh(room)
    assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.PATH)


async def test_a_state_path_that_is_a_file_blocks(room: Room, tmp_path: Path) -> None:
    wrong = tmp_path / "file"
    wrong.write_text("x")
    request = room.request()
    moved = type(request)(wrong, request.file, request.token_url, request.seen, "acc-1", "user-Ann")
    step = await spend(moved, room.fingerprint, NOW)
    assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.PATH)
    assert room.server.posts == []


async def test_work_on_a_thread_hands_over_errors_and_ends_with_the_program() -> None:
    def fails() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await in_thread(fails)
    names = await in_thread(lambda: threading.current_thread().daemon)
    assert names


def test_the_program_ends_while_a_refresh_runs(room: Room) -> None:
    room.server.release.clear()
    code = CALLER.replace("asyncio.run(spend(", "asyncio.run(asyncio.wait_for(spend(").replace(
        "datetime.now(UTC)))", "datetime.now(UTC)), 1.5))"
    )
    order = [str(room.state.root), str(room.real), room.server.url, str(room.seen())]
    started = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", code, *order], capture_output=True, timeout=30)
    assert b"TimeoutError" in ended.stderr
    assert time.monotonic() - started < 15
    assert CANARY.encode() not in ended.stderr + ended.stdout
    assert room.server.arrived.wait(20)
    room.server.release.set()
    wait_for_helper(room)
    assert room.holds_valid_token()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificates with openssl")
@pytest.mark.parametrize("by", ["setting", "variable", ""])
async def test_the_network_is_told_to_the_process_that_spends(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    file = await in_thread(lambda: certificates(folder) / "right.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file, file.with_suffix(".key"))
    net = NetSettings(ca_file=str(file)) if by == "setting" else DEFAULT_NET
    if by == "variable":
        monkeypatch.setenv("CODEX_CA_CERTIFICATE", str(file))
    async with Script([reply(400, b'{"error": "invalid_grant"}')], tls=tls) as server:
        request = replace(room.request(), token_url=server.url, net=net)
        step = await spend(request, room.fingerprint, NOW)
    assert step.outcome is (TokenOutcome.REJECTED_FOR_GOOD if by else TokenOutcome.FAILED)
    assert len(server.requests) == bool(by)
