"""What the torture found once, each in the smallest form that shows it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from poolwatch.custody.attempt import RefreshJournal as Journal
from poolwatch.custody.attempt import unsealed
from poolwatch.custody.recovery import recover
from poolwatch.custody.token_step import arguments, spend
from poolwatch.domain.account import Secret
from poolwatch.domain.refresh import BlockReason, TokenOutcome
from poolwatch.domain.values import replace
from poolwatch.host.files import write_all
from poolwatch.once.journal import Stage, unresolved
from poolwatch.once.process import UNREPORTED
from poolwatch.words.messages import failure_text
from tests.custody.rooms import NOW, Room, codex_document, running_room, write_json
from tests.support.token_server import CANARY
from tests.torture.disk import DiskFault
from tests.torture.disks import started_by
from tests.torture.forge import Forge, Job


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    yield from running_room(tmp_path)


def _no_rename(monkeypatch: pytest.MonkeyPatch, allowed: Callable[[str], bool] = lambda _: False) -> None:
    real = os.replace

    def refuse(source: Path, target: Path) -> None:
        if not allowed(str(target)):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse)


def test_a_disk_on_which_nothing_can_be_renamed_any_more_keeps_the_reply(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = room.file.read_bytes(), room.seen()
    with monkeypatch.context() as patch:
        _no_rename(patch)
        step = room.spend()
    assert step.outcome is TokenOutcome.FAILED
    assert step.failure is not None
    assert "kept" in failure_text(step.failure)
    assert room.file.read_bytes() == before
    assert unsealed(room.state.part(room.key)) is not None
    assert room.keeps_valid_token()
    assert room.spend("a2", seen=seen).outcome is TokenOutcome.ADOPTED
    assert room.holds_valid_token()
    assert len(room.server.posts) == 1
    assert [path.suffix for path in room.state.custody.iterdir()] == [".journal"]


def test_a_reply_that_can_be_kept_nowhere_is_called_lost(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    before = room.file.read_bytes()
    tools = room.tools()

    def then_fail(token: Secret) -> object:
        verdict = tools.send(token)

        def no_write(handle: int, content: bytes) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        journal = room.state.journal(room.errand().account).stat().st_ino
        real = os.write
        monkeypatch.setattr(
            os,
            "write",
            lambda handle, content: (real if os.fstat(handle).st_ino == journal else no_write)(
                handle, content
            ),
        )
        return verdict

    with monkeypatch.context():
        step = room.spend(tools=replace(tools, send=then_fail))  # type: ignore[arg-type] # answers as send does
    monkeypatch.undo()
    assert step.outcome is TokenOutcome.AMBIGUOUS
    assert step.failure is not None
    assert str(room.file) in failure_text(step.failure)
    assert room.file.read_bytes() == before
    found = recover(room.state.root, room.fingerprint, NOW)
    assert isinstance(found, tuple)
    assert [one.step.outcome for one in found] == [TokenOutcome.AMBIGUOUS]


def test_a_reply_for_a_file_with_another_login_that_cannot_be_kept_is_called_lost(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = room.tools()
    other = codex_document(f"rt_{CANARY}_900", account="acc-2")

    def swap(token: Secret) -> object:
        verdict = tools.send(token)
        write_json(room.file, other)
        _no_rename(monkeypatch)
        room.state.part(room.key).unlink()
        return verdict

    step = room.spend(tools=replace(tools, send=swap))  # type: ignore[arg-type] # answers as send does
    assert step.outcome is TokenOutcome.AMBIGUOUS


def test_a_sending_whose_note_could_not_be_forced_to_disk_was_none(room: Room) -> None:
    mark = room.login.refresh_fingerprint
    sending = replace(room.errand(), refresh_fingerprint=mark).entry(Stage.SENDING, NOW)
    journal = Journal(room.state.journal(sending.account))
    journal.append(sending)
    assert set(unresolved(journal.entries())) == {mark}
    blocked = room.spend("a2", seen=room.seen())
    assert blocked.block is BlockReason.ASK_FIRST
    assert set(unresolved(journal.entries())) == {mark}
    journal.append(room.errand().entry(Stage.ENDED, NOW, replace(blocked, block=BlockReason.PATH)))
    assert unresolved(journal.entries()) == {}


async def test_a_note_that_cannot_be_forced_to_disk_is_a_blocked_path(room: Room, tmp_path: Path) -> None:
    request = room.request()
    # the folder of the new journal, the space for the login, that for the reply, and then the note
    fault = DiskFault(str(tmp_path), str(tmp_path / "report"), "fsync", 3, "EIO", lasting=True)
    with Forge() as forge:

        def start(order: Sequence[str], environment: Mapping[str, str]) -> Job:
            return forge.custody(order, disk=fault)

        with started_by(start):
            step = await spend(request, room.fingerprint, NOW)
        assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.PATH)
        assert step.detail == str(room.state.custody)
        assert forge.custody(arguments(request, "b2"), disk=fault).wait() == UNREPORTED
    assert room.server.posts == []


def test_a_disk_that_takes_half_of_each_write_gets_every_byte(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, view: real(handle, bytes(view)[: len(view) // 2 + 1]))
        read, write = os.pipe()
        write_all(write, b"every byte of it")
        assert room.spend().outcome is TokenOutcome.REFRESHED
    assert os.read(read, 100) == b"every byte of it"
    os.close(read)
    os.close(write)
    assert room.holds_valid_token()
    stages = [entry.stage for entry in Journal(room.state.journal(room.errand().account)).entries()]
    assert stages == [Stage.BEGUN, Stage.SENDING, Stage.ENDED]


def test_the_space_of_a_killed_process_is_given_back(room: Room) -> None:
    errand = room.errand("0123456789abcdef")
    Journal(room.state.journal(errand.account)).append(errand.entry(Stage.BEGUN, NOW))
    users = room.file.with_name(f".{room.file.name}.mybackup.tmp")
    unknown = room.file.with_name(".poolwatch-fedcba9876543210.tmp")
    for path in (errand.space, users, unknown):
        path.write_bytes(bytes(1000))
    assert room.spend().outcome is TokenOutcome.REFRESHED
    assert not errand.space.exists()
    assert users.exists()
    # a name like ours, of an attempt that no journal knows
    assert unknown.exists()


def test_nothing_slow_lies_between_the_note_and_the_request(room: Room) -> None:
    journal = Journal(room.state.journal(room.errand().account))
    noted: list[int] = []
    tools = replace(room.tools(), prepare=lambda: noted.append(len(journal.entries())))
    assert room.spend(tools=tools).outcome is TokenOutcome.REFRESHED
    assert noted == [0]
