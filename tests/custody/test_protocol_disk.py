"""Files and disks that fail before, while and after a token is spent."""

from __future__ import annotations

import json
import os
import stat

import pytest

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.refresh import BlockReason, TokenOutcome
from poolwatch.domain.values import replace
from poolwatch.once.process import reach
from poolwatch.words.messages import failure_text
from tests.custody.rooms import Room, codex_document, write_json
from tests.support.token_server import CANARY, Exchange


@pytest.mark.parametrize("point", ["preflight", "journal"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_bad_disk_is_found_before_the_token_is_spent(
    room: Room, monkeypatch: pytest.MonkeyPatch, point: str, error: str
) -> None:
    before = room.file.read_bytes()
    monkeypatch.setenv("POOLWATCH_TEST", "1")
    monkeypatch.setenv("POOLWATCH_FAILPOINT", f"{point}:{error}")
    step = room.spend()
    assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.PATH)
    assert step.detail == str(room.file.parent if point == "preflight" else room.state.custody)
    assert step.failure is not None
    assert step.failure.kind is FailureKind.BLOCKED
    if error == "ENOSPC":
        assert "bytes free" in failure_text(step.failure)
    assert (room.server.posts, room.file.read_bytes()) == ([], before)
    assert room.beside() == ["ann.json"]


def test_failpoints_sleep_outside_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLWATCH_FAILPOINT", "preflight:EIO")
    monkeypatch.delenv("POOLWATCH_TEST")
    reach("preflight")
    monkeypatch.setenv("POOLWATCH_TEST", "1")
    with pytest.raises(OSError, match="Input/output error"):
        reach("preflight")


def _hard_link(room: Room) -> None:
    os.link(room.file, room.file.with_name("second.json"))


def _open_folder(room: Room) -> None:
    room.file.parent.chmod(0o775)


def _read_only_folder(room: Room) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes where it likes")
    room.file.parent.chmod(0o500)


@pytest.mark.parametrize("spoil", [_hard_link, _open_folder, _read_only_folder])
def test_a_file_that_must_not_be_replaced_is_not_spent(room: Room, spoil: object) -> None:
    assert callable(spoil)
    spoil(room)
    before = room.file.read_bytes()
    step = room.spend()
    assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.PATH)
    assert (room.server.posts, room.file.read_bytes()) == ([], before)


def test_a_gone_or_broken_file_is_not_spent(room: Room) -> None:
    seen = room.seen()
    for content in (b"{", b"[]", b'{"a": 1}', None):
        if content is None:
            room.file.unlink()
        else:
            room.file.write_bytes(content)
        assert room.spend(seen=seen).block is BlockReason.PATH
    assert room.server.posts == []


def test_an_error_while_writing_home_keeps_the_login_for_the_next_refresh(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = room.file.read_bytes()
    seen = room.seen()
    monkeypatch.setenv("POOLWATCH_TEST", "1")
    monkeypatch.setenv("POOLWATCH_FAILPOINT", "merged:EIO")
    step = room.spend()
    assert step.outcome is TokenOutcome.FAILED
    assert step.detail == str(room.file)
    assert room.file.read_bytes() == before
    assert room.keeps_valid_token()
    # still broken: the old token is not sent again
    again = room.spend("a2")
    assert again.block is BlockReason.PATH
    assert again.failure is not None
    assert "could not be written" in failure_text(again.failure)
    assert "input/output error" in failure_text(again.failure)
    assert failure_text(again.failure).endswith("nothing was sent")
    monkeypatch.delenv("POOLWATCH_FAILPOINT")
    assert room.spend("a3", seen=seen).outcome is TokenOutcome.ADOPTED
    assert room.holds_valid_token()
    assert len(room.server.posts) == 1
    assert not room.state.pending(room.key).exists()


@pytest.mark.parametrize("point", ["pending", "filled", "replaced", "renamed"])
def test_an_error_around_the_pending_copy_does_not_lose_the_login(
    room: Room, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setenv("POOLWATCH_TEST", "1")
    monkeypatch.setenv("POOLWATCH_FAILPOINT", f"{point}:EIO")
    assert room.spend().outcome is TokenOutcome.REFRESHED
    assert room.holds_valid_token()
    monkeypatch.delenv("POOLWATCH_FAILPOINT")
    assert room.spend("a2").outcome is TokenOutcome.REFRESHED
    assert room.holds_valid_token()


@pytest.mark.parametrize(
    ("account", "outcome"), [("acc-2", TokenOutcome.FAILED), ("acc-1", TokenOutcome.ADOPTED)]
)
def test_a_sign_in_during_the_request_is_not_overwritten(
    room: Room, account: str, outcome: TokenOutcome
) -> None:
    tools = room.tools()
    other = codex_document(f"rt_{CANARY}_900", account=account)

    def swap(token: Secret) -> object:
        verdict = tools.send(token)
        write_json(room.file, other)
        return verdict

    step = room.spend(tools=replace(tools, send=swap))  # type: ignore[arg-type] # answers as send does
    assert step.outcome is outcome
    assert json.loads(room.file.read_text()) == other
    kept = json.loads(room.state.kept("a1").read_text())
    assert kept["tokens"]["refresh_token"] == room.server.valid
    assert kept["tokens"]["access_token"] == room.server.access
    assert stat.S_IMODE(room.state.kept("a1").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [None, b"{"])
def test_a_file_that_vanishes_during_the_request_is_not_made_anew(room: Room, content: bytes | None) -> None:
    tools = room.tools()

    def spoil(token: Secret) -> object:
        verdict = tools.send(token)
        if content is None:
            room.file.unlink()
        else:
            room.file.write_bytes(content)
        return verdict

    step = room.spend(tools=replace(tools, send=spoil))  # type: ignore[arg-type] # answers as send does
    assert step.outcome is TokenOutcome.FAILED
    assert step.failure is not None
    assert step.failure.kind is FailureKind.KEPT
    assert step.detail == str(room.state.kept("a1"))
    assert room.server.valid in room.state.kept("a1").read_text()
    assert room.file.exists() == (content is not None)


def test_a_reply_for_another_account_stays_out_of_the_file(room: Room) -> None:
    before = room.file.read_bytes()
    room.server.script.append(Exchange(account="acc-9"))
    step = room.spend()
    assert step.outcome is TokenOutcome.AMBIGUOUS
    assert step.failure is not None
    assert step.failure.kind is FailureKind.OTHER_ACCOUNT
    assert room.file.read_bytes() == before
    assert room.server.valid in room.state.kept("a1").read_text()
