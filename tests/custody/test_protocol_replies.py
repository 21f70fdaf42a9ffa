"""What the login service answers, and what becomes of the login."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome
from poolwatch.domain.values import replace
from poolwatch.words.messages import failure_text
from tests.custody.lost_replies import LOST
from tests.custody.rooms import LATER, NOW, Room, codex_document, write_json
from tests.support.token_server import CANARY, Exchange, Say, TokenServer


@pytest.mark.parametrize(
    ("status", "code", "problem"),
    [
        (401, "refresh_token_reused", LoginProblem.USED_ELSEWHERE),
        (400, "Refresh_Token_REUSED", LoginProblem.USED_ELSEWHERE),
        (400, "refresh_token_invalidated", LoginProblem.INVALIDATED),
        (401, "refresh_token_expired", LoginProblem.REFRESH_EXPIRED),
        (400, "invalid_grant", LoginProblem.REJECTED),
        (401, "whatever", LoginProblem.REJECTED),
    ],
)
def test_a_dead_token_is_never_sent_again_and_the_file_is_untouched(
    room: Room, status: int, code: str, problem: LoginProblem
) -> None:
    before = room.file.read_bytes()
    room.server.script.append(Say(status, json.dumps({"error": {"code": code}}).encode()))
    first = room.spend()
    again = room.spend("a2", try_once=True)
    for step in (first, again):
        assert (step.outcome, step.problem) == (TokenOutcome.REJECTED_FOR_GOOD, problem)
        assert step.refresh_fingerprint == room.login.refresh_fingerprint
    assert len(room.server.posts) == 1
    assert room.file.read_bytes() == before


def test_a_dead_token_is_remembered_by_the_journal_alone(room: Room) -> None:
    room.server.script.append(Say(401))
    room.spend()
    room.state.dead.unlink()
    assert room.spend("a2").outcome is TokenOutcome.REJECTED_FOR_GOOD
    assert len(room.server.posts) == 1


def test_a_new_login_after_a_dead_one_is_sent(room: Room) -> None:
    room.server.script.append(Say(401))
    room.spend()
    room.server.valid = f"rt_{CANARY}_50"
    write_json(room.file, codex_document(room.server.valid))
    assert room.spend("a2").outcome is TokenOutcome.REFRESHED


def test_reused_while_the_disk_has_a_newer_token_is_adopted(room: Room) -> None:
    tools = room.tools()
    newer = codex_document(f"rt_{CANARY}_9")

    def send_late(token: Secret) -> object:
        write_json(room.file, newer)
        return tools.send(token)

    room.server.script.append(Say(401, b'{"error":{"code":"refresh_token_reused"}}'))
    step = room.spend(tools=replace(tools, send=send_late))  # type: ignore[arg-type] # answers as send does
    assert step.outcome is TokenOutcome.ADOPTED
    assert json.loads(room.file.read_text()) == newer
    assert not room.state.dead.exists()


def test_a_token_that_was_exchanged_before_is_not_replayed_from_a_backup(room: Room, tmp_path: Path) -> None:
    backup = room.file.read_bytes()
    room.spend()
    room.file.write_bytes(backup)
    step = room.spend("a2")
    assert (step.outcome, step.problem) == (TokenOutcome.REJECTED_FOR_GOOD, LoginProblem.OUTDATED)
    assert step.failure is not None
    assert "poolwatch renewed this login at 2026-11-20T21:00:00Z" in failure_text(step.failure)
    other = tmp_path / "elsewhere" / "copy.json"
    other.parent.mkdir(mode=0o700)
    other.write_bytes(backup)
    assert replace(room, file=other).spend("a3").outcome is TokenOutcome.REJECTED_FOR_GOOD
    assert len(room.server.posts) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Say(500), FailureKind.UPSTREAM_ERROR),
        (Say(503), FailureKind.UPSTREAM_ERROR),
        (Say(403, b"<html>Just a moment"), FailureKind.EDGE_BLOCKED),
        (Say(400, b'{"error":"invalid_request"}'), FailureKind.UPSTREAM_ERROR),
        (Say(429, b"{}", ("Retry-After: 120",)), FailureKind.THROTTLED),
    ],
)
def test_a_complete_refusal_leaves_the_token_good(room: Room, answer: Say, kind: FailureKind) -> None:
    before = room.file.read_bytes()
    room.server.script.append(answer)
    step = room.spend()
    assert step.outcome is TokenOutcome.FAILED
    assert step.failure is not None
    assert step.failure.kind is kind
    if answer.status == 429:
        assert step.retry_at is not None
        assert (step.retry_at - NOW).total_seconds() == 120
    assert room.file.read_bytes() == before
    assert room.spend("a2").outcome is TokenOutcome.REFRESHED


@pytest.mark.parametrize("answer", LOST, ids=str)
def test_a_lost_reply_is_said_and_the_token_not_replayed(room: Room, answer: Exchange) -> None:
    before = room.file.read_bytes()
    room.server.script.append(answer)
    step = room.spend()
    assert step.outcome is TokenOutcome.AMBIGUOUS
    assert step.lost_at == NOW
    again = room.spend("a2")
    assert (again.outcome, again.block) == (TokenOutcome.BLOCKED, BlockReason.ASK_FIRST)
    assert again.lost_at == NOW
    assert again.failure is not None
    assert again.failure.kind is FailureKind.AMBIGUOUS
    assert len(room.server.posts) == 1
    assert room.file.read_bytes() == before


def test_trying_once_settles_a_lost_reply(room: Room) -> None:
    room.server.script.extend([Exchange(reset=True), Exchange()])
    room.spend()
    step = room.spend("a2", try_once=True)
    assert (step.outcome, step.problem) == (TokenOutcome.REJECTED_FOR_GOOD, LoginProblem.USED_ELSEWHERE)


def test_trying_once_succeeds_where_the_service_had_not_spent_it(room: Room) -> None:
    room.server.script.append(Say(502))
    room.spend()
    assert room.spend("a2", try_once=True).outcome is TokenOutcome.REFRESHED
    assert room.spend("a3").outcome is TokenOutcome.REFRESHED


def test_a_failed_try_does_not_settle_the_lost_reply(room: Room) -> None:
    room.server.script.extend([Say(502), Say(500)])
    room.spend()
    assert room.spend("a2", try_once=True).outcome is TokenOutcome.FAILED
    assert room.spend("a3").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 2


def test_a_silent_service_is_a_lost_reply(room: Room) -> None:
    room.server.release.clear()
    assert room.spend(tools=room.tools(deadline=0.3)).outcome is TokenOutcome.AMBIGUOUS


def test_a_sender_that_breaks_is_a_lost_reply(room: Room) -> None:
    def broken(token: Secret) -> object:
        raise RuntimeError(token.reveal())

    tools = replace(room.tools(), send=broken)  # type: ignore[arg-type] # it never answers
    step = room.spend(tools=tools)
    assert step.outcome is TokenOutcome.AMBIGUOUS
    assert CANARY not in repr(step)
    assert room.spend("a2").block is BlockReason.ASK_FIRST


def test_a_redirect_is_refused_and_nothing_goes_there(room: Room) -> None:
    with TokenServer(int(LATER.timestamp())) as second:
        for status in (307, 308, 302):
            room.server.script.append(Say(status, b"", (f"Location: {second.url}",)))
            assert room.spend(f"r{status}").outcome is TokenOutcome.FAILED
        assert second.connections == 0
    assert room.spend("a2").outcome is TokenOutcome.REFRESHED


def test_a_refused_connection_is_retryable(room: Room) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    step = room.spend(tools=room.tools(f"http://127.0.0.1:{port}/token"))
    assert step.outcome is TokenOutcome.FAILED
    assert step.failure is not None
    assert step.failure.kind is FailureKind.UNREACHABLE
    assert room.spend("a2").outcome is TokenOutcome.REFRESHED


def test_plain_http_to_another_machine_gets_nothing(room: Room) -> None:
    step = room.spend(tools=room.tools("http://login.example.com/token"))
    assert step.outcome is TokenOutcome.FAILED
    assert step.failure is not None
    assert "https" in failure_text(step.failure)
