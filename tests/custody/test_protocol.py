from __future__ import annotations

import json
import os
import socket
import stat
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.custody.lock import held
from poolwatch.custody.protocol import Seen
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome
from tests.custody.rooms import LATER, NOW, Room, codex_document, make_room, write_json
from tests.support.token_server import CANARY, Exchange, Say, TokenServer


def test_a_refresh_puts_the_new_login_into_the_file_and_keeps_everything_else(room: Room) -> None:
    before = json.loads(room.file.read_text())
    step = room.spend()
    assert step.outcome is TokenOutcome.REFRESHED
    assert step.took_seconds is not None
    after = json.loads(room.file.read_text())
    assert after["tokens"]["refresh_token"] == room.server.valid == f"rt_{CANARY}_1"
    assert after["tokens"]["access_token"] == room.server.access
    assert after["last_refresh"] == "2026-11-20T21:00:00Z"
    for same in ("auth_mode", "OPENAI_API_KEY", "extra"):
        assert after[same] == before[same]
    assert after["tokens"]["inner_extra"] == before["tokens"]["inner_extra"]
    assert after["tokens"]["account_id"] == "acc-1"
    assert room.login.expires_at == LATER
    body = json.loads(room.server.bodies[0])
    assert body == {
        "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
        "grant_type": "refresh_token",
        "refresh_token": f"rt_{CANARY}_0",
    }


def test_the_file_is_private_and_as_codex_writes_it_whatever_the_umask(room: Room) -> None:
    old = os.umask(0o000)
    try:
        room.spend()
    finally:
        os.umask(old)
    assert stat.S_IMODE(room.file.stat().st_mode) == 0o600
    text = room.file.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    every = [path for path in room.state.root.rglob("*") if path.is_file()]
    assert every
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in every)
    assert all(
        stat.S_IMODE(path.stat().st_mode) == 0o700 for path in room.state.root.rglob("*") if path.is_dir()
    )


def test_nothing_is_left_behind_by_a_refresh(room: Room) -> None:
    room.spend()
    assert [path.name for path in room.file.parent.iterdir()] == ["ann.json"]
    assert [path.suffix for path in room.state.custody.iterdir()] == [".journal"]
    said = b"".join(path.read_bytes() for path in room.state.root.rglob("*") if path.is_file())
    assert CANARY.encode() not in said


def test_a_link_stays_a_link_and_its_target_gets_the_login(room: Room, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(room.file)
    through = replace(room, file=link)
    assert through.spend().outcome is TokenOutcome.REFRESHED
    assert link.is_symlink()
    assert room.holds_valid_token()


@pytest.mark.parametrize("missing", ["refresh_token", "id_token"])
def test_a_token_that_the_reply_leaves_out_is_kept(room: Room, missing: str) -> None:
    before = json.loads(room.file.read_text())["tokens"]
    room.server.script.append(Exchange(omit=(missing,)))
    assert room.spend().outcome is TokenOutcome.REFRESHED
    after = json.loads(room.file.read_text())["tokens"]
    assert after[missing] == before[missing]
    assert after["access_token"] == room.server.access
    assert room.holds_valid_token()
    # and the kept refresh token is good for the next one
    assert room.spend("a2").outcome is TokenOutcome.REFRESHED


def test_a_reply_with_a_refresh_token_alone_does_not_lose_it(room: Room) -> None:
    room.server.script.append(Exchange(omit=("access_token",)))
    step = room.spend()
    assert step.outcome is TokenOutcome.FAILED
    assert room.holds_valid_token()


def test_cliproxy_files_keep_their_shape(room: Room) -> None:
    tokens = codex_document()["tokens"]
    assert isinstance(tokens, dict)
    flat = {name: tokens[name] for name in ("id_token", "access_token", "refresh_token", "account_id")}
    document = {
        "type": "codex",
        "email": "ann@example.com",
        **flat,
        "expired": "2026-11-20T20:00:00+01:00",
        "note": "x",
    }
    write_json(room.file, document)
    assert room.spend().outcome is TokenOutcome.REFRESHED
    after = json.loads(room.file.read_text())
    assert after["refresh_token"] == room.server.valid
    assert after["expired"] == LATER.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert after["last_refresh"] == "2026-11-20T21:00:00Z"
    assert (after["note"], after["email"], "tokens" in after) == ("x", "ann@example.com", False)


def test_a_login_that_changed_meanwhile_is_adopted(room: Room) -> None:
    seen = room.seen()
    write_json(room.file, codex_document(f"rt_{CANARY}_77"))
    before = room.file.read_bytes()
    assert room.spend(seen=seen).outcome is TokenOutcome.ADOPTED
    assert room.server.posts == []
    assert room.file.read_bytes() == before


def test_another_account_in_the_file_is_left_alone(room: Room) -> None:
    seen = room.seen()
    write_json(room.file, codex_document(f"rt_{CANARY}_77", account="acc-2"))
    before = room.file.read_bytes()
    step = room.spend(seen=seen)
    assert step.outcome is TokenOutcome.FAILED
    assert step.failure is not None
    assert step.failure.kind is FailureKind.OTHER_ACCOUNT
    assert (room.server.posts, room.file.read_bytes()) == ([], before)


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
    assert (step.outcome, step.problem) == (TokenOutcome.REJECTED_FOR_GOOD, LoginProblem.USED_ELSEWHERE)
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


LOST = [
    Exchange(status=502),
    Exchange(status=504, instead=b"<html>"),
    Exchange(reset=True),
    *(Exchange(cut=cut) for cut in (0, 1, 17, 300, -2, -1)),
    Exchange(instead=b"not json at all"),
    Exchange(instead=b'{"hello": 1}'),
    Exchange(instead=b"x" * 70_000),
    Exchange(instead=b"\x1f\x8b\x08garbage", headers=("Content-Encoding: gzip",)),
]


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
    assert "https" in step.failure.message


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
        assert "bytes free" in step.failure.message
    assert (room.server.posts, room.file.read_bytes()) == ([], before)
    assert [path.name for path in room.file.parent.iterdir()] == ["ann.json"]


def test_failpoints_sleep_outside_tests(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLWATCH_FAILPOINT", "preflight:EIO")
    assert room.spend().outcome is TokenOutcome.REFRESHED


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
    assert room.spend("a2").block is BlockReason.PATH
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


def test_a_held_lock_means_another_process_is_at_it(room: Room) -> None:
    with held(room.state.lock(room.key)) as mine:
        assert mine
        assert room.spend().block is BlockReason.HOST_BUSY
    assert room.server.posts == []


def test_a_file_without_refresh_token_needs_a_sign_in(room: Room) -> None:
    document = codex_document()
    tokens = document["tokens"]
    assert isinstance(tokens, dict)
    del tokens["refresh_token"]
    write_json(room.file, document)
    step = room.spend()
    assert (step.outcome, step.problem) == (TokenOutcome.REJECTED_FOR_GOOD, LoginProblem.UNUSABLE_FILE)


def test_seen_survives_the_command_line() -> None:
    for seen in (Seen("ab", "cd"), Seen(None, "cd"), Seen("ab", None), Seen(None, None)):
        assert Seen.parse(str(seen)) == seen


@given(
    answers=st.lists(st.sampled_from([Exchange(), Say(500), Say(401), *LOST]), min_size=1, max_size=4),
    try_once=st.booleans(),
)
@settings(max_examples=15)
def test_the_valid_token_is_always_kept_or_its_loss_said(
    tmp_path_factory: pytest.TempPathFactory, answers: list[Exchange | Say], try_once: bool
) -> None:
    with TokenServer(int(LATER.timestamp()), script=deque(answers)) as server:
        room = make_room(tmp_path_factory.mktemp("room"), server)
        said = False
        for number in range(len(answers)):
            sent = len(server.posts)
            step = room.spend(f"a{number}", try_once=try_once)
            assert not said or try_once or len(server.posts) == sent
            said = said or step.outcome is TokenOutcome.AMBIGUOUS
            assert room.holds_valid_token() or said
