from __future__ import annotations

import json
import os
import stat
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.custody.protocol import Seen
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome
from poolwatch.domain.values import replace
from poolwatch.host.locks import held
from tests.custody.lost_replies import LOST
from tests.custody.rooms import LATER, Room, codex_document, make_room, write_json
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
    assert room.beside() == ["ann.json"]
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


def chooses(room: Room, workspace: str) -> None:
    """The file chooses another workspace than its tokens were issued for."""
    document = codex_document(room.server.valid)
    tokens = document["tokens"]
    assert isinstance(tokens, dict)
    write_json(room.file, {**document, "tokens": {**tokens, "account_id": workspace}})


def test_a_login_that_is_used_for_another_workspace_is_renewed_as_what_it_is(room: Room) -> None:
    chooses(room, "acc-chosen")
    assert room.spend().outcome is TokenOutcome.REFRESHED
    assert (room.login.workspace, room.login.account_id) == ("acc-chosen", "acc-1")
    assert room.holds_valid_token()
    # and so it is after that
    assert room.spend("a2").outcome is TokenOutcome.REFRESHED


def test_a_lost_reply_is_remembered_whichever_workspace_is_chosen_since(room: Room) -> None:
    room.server.script.append(Exchange(cut=5))
    assert room.spend().outcome is TokenOutcome.AMBIGUOUS
    sent, before = len(room.server.posts), json.loads(room.file.read_text())
    write_json(room.file, {**before, "tokens": {**before["tokens"], "account_id": "acc-chosen"}})
    assert room.spend("a2").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == sent


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


def test_a_held_lock_means_another_process_is_at_it(room: Room) -> None:
    with held(room.state.lock(room.key)) as mine:
        assert mine
        assert room.spend().block is BlockReason.OWNER_SILENT
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
