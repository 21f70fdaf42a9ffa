"""Memories that are damaged in part: what is left of them decides, and one damage silences no other login."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from poolwatch.custody.attempt import RefreshAttempt as Errand
from poolwatch.custody.recovery import recover
from poolwatch.custody.waiting import damaged_replies, kept_logins
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.refresh import BlockReason, TokenOutcome
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.words.messages import failure_text
from tests.custody.rooms import LATER, NOW, Room, codex_document, write_json
from tests.custody.test_moves import (
    found,
    kept_paths,
    killed_at,
    lose_the_reply,
    moved_to,
    spend_and,
)
from tests.support.token_server import CANARY, Exchange, Say, TokenServer, claims_of, make_jwt


def zero_lines(room: Room, with_text: str) -> None:
    """Zero the lines of the journal that hold a text."""
    journal = room.state.journal(room.key)
    lines = journal.read_bytes().splitlines()
    journal.write_bytes(
        b"".join((bytes(len(each)) if with_text.encode() in each else each) + b"\n" for each in lines)
    )


# one line of the journal


@pytest.mark.parametrize("killed", [False, True])
def test_a_sending_whose_own_line_is_damaged_is_not_taken_for_harmless(
    room: Room, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    if killed:
        killed_at(room, monkeypatch, "replied")
    else:
        lose_the_reply(room)
    zero_lines(room, '"state":"sending"')
    assert room.spend("b1").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


def test_a_later_attempt_that_came_to_nothing_does_not_stand_for_a_damaged_one(room: Room) -> None:
    lose_the_reply(room)
    room.server.script.append(Say(500))
    assert room.spend("a2", try_once=True).outcome is TokenOutcome.FAILED
    zero_lines(room, '"attempt":"a1"')
    assert room.spend("b1").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 2


def test_a_login_without_both_ids_is_known_where_it_lay_before(room: Room) -> None:
    room.server.user = ""
    write_json(room.file, codex_document(room.server.valid, user=""))
    here, there = room.file, room.file.with_name("there.json")
    ids = {"account_id": room.login.account_id, "user_id": room.login.user_id}
    assert None in ids.values()
    assert room.spend(errand=Errand(here, "a1", NOW, **ids)).outcome is TokenOutcome.REFRESHED
    here.rename(there)
    moved = moved_to(room, there)
    room.server.script.append(Exchange(cut=0))
    assert moved.spend(errand=Errand(there, "a2", NOW, **ids)).outcome is TokenOutcome.AMBIGUOUS
    there.rename(here)
    # this place has a journal of its own, which knows nothing of that token
    assert room.spend(errand=Errand(here, "a3", NOW, **ids)).block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 2


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_a_login_without_both_ids_that_is_renamed_is_known_by_any_note_beside_it(
    room: Room, how: str
) -> None:
    write_json(room.file, codex_document(room.server.valid, user=""))
    lost = Errand(room.real, "a1", NOW, room.login.account_id, room.login.user_id)
    room.server.script.append(Exchange(cut=0))
    assert room.spend(errand=lost).outcome is TokenOutcome.AMBIGUOUS
    journal = room.state.journal(lost.account)
    if how == "gone":
        journal.unlink()
    else:
        journal.write_bytes(bytes(300))
    new = room.file.with_name("renamed.json")
    room.file.rename(new)
    step = moved_to(room, new).spend(errand=replace(lost, file=new, id="a2"))
    assert step.block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


@pytest.mark.parametrize(
    "line",
    [
        {"state": "begun", "attempt": "x/y", "file": "/nowhere/x"},
        {"state": "begun", "attempt": "x\0", "file": "/nowhere/x"},
        {"state": "begun", "attempt": "x"},
        {"state": "sending", "attempt": "x", "file": "/nowhere/x\0", "refresh_fingerprint": "q"},
        {"state": "sending", "attempt": "x", "file": "/nowhere/\ud800", "refresh_fingerprint": "q"},
        {"state": "sending", "attempt": "x", "file": "/", "refresh_fingerprint": "q"},
    ],
)
def test_a_journal_line_that_names_no_file_ends_nothing(room: Room, line: dict[str, object]) -> None:
    text = json.dumps({**line, "at": "2026-11-20T20:00:00Z"})
    room.state.journal(room.key).write_text(text + "\n")
    assert found(room, room.file) == []
    assert room.spend(try_once=True).outcome is TokenOutcome.REFRESHED


@pytest.mark.parametrize(
    "head",
    [
        {"file": "/nowhere/x\0", "attempt": "a"},
        {"file": "/nowhere/\ud800", "attempt": "a"},
        {"file": "/", "attempt": "a"},
        {"file": "x.json", "attempt": "a"},
        {"file": "/nowhere/x", "attempt": "../../a"},
        {"file": "/nowhere/x", "attempt": "a\0"},
        {"file": "/nowhere/x", "attempt": "a" * 400},
    ],
)
def test_a_reply_whose_head_names_no_file_is_damaged(room: Room, head: dict[str, str]) -> None:
    text = json.dumps({**head, "at": "2026-11-20T20:00:00Z"}).encode()
    room.state.pending(room.key).write_bytes(text + b"\n" + b'{"refresh_token": "rt_x"}')
    assert found(room, room.file) == []
    assert len(damaged_replies(room.state)) == 1
    assert room.spend().outcome is TokenOutcome.REFRESHED


@pytest.mark.parametrize("flipped", ["fingerprint", "account", "token"])
def test_a_reply_with_one_wrong_letter_is_damaged(
    room: Room, monkeypatch: pytest.MonkeyPatch, flipped: str
) -> None:
    mark = room.login.refresh_fingerprint
    killed_at(room, monkeypatch, "stored")
    texts = {"fingerprint": mark or "", "account": '"account_id":"acc-1', "token": room.server.valid}
    text = texts[flipped].encode()
    pending = room.state.pending(room.key)
    whole = pending.read_bytes()
    assert text in whole
    pending.write_bytes(whole.replace(text, text[:-1] + bytes([text[-1] ^ 1]), 1))
    found(room, room.file)
    assert len(damaged_replies(room.state)) == 1
    assert room.spend("a2").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


def test_a_reply_from_before_there_were_checksums_is_finished(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(room, monkeypatch, "stored")
    pending = room.state.pending(room.key)
    head, _, body = pending.read_bytes().partition(b"\n")
    note = json.loads(head)
    del note["sum"], note["body"]
    pending.write_bytes(json.dumps(note).encode() + b"\n" + body)
    assert found(room, room.file) == [(room.file, TokenOutcome.REFRESHED)]
    assert room.holds_valid_token()


def test_an_unreadable_reply_goes_aside_though_its_space_is_a_folder(room: Room) -> None:
    room.state.pending(room.key).write_bytes(room.errand("a0").sealed(b"garbage"))
    room.state.part(room.key).mkdir()
    room.spend()
    assert room.spend("a2").block is not BlockReason.PATH
    assert not room.state.pending(room.key).exists()


def test_a_reply_that_nobody_may_read_is_not_damaged(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at(room, monkeypatch, "stored")
    room.state.pending(room.key).chmod(0)
    assert found(room, room.file) == [(room.file, TokenOutcome.REFRESHED)]
    assert room.holds_valid_token()
    assert damaged_replies(room.state) == ()


def test_a_kept_login_that_nobody_may_read_is_named_all_the_same(room: Room) -> None:
    spend_and(room, room.file.unlink)
    (kept,) = kept_paths(room)
    kept.chmod(0)
    assert kept_paths(room) == [kept]


# what lies beside


def test_an_odd_journal_leaves_kept_logins_named(room: Room) -> None:
    spend_and(room, room.file.unlink)
    (room.state.custody / "ffff.journal").mkdir()
    assert len(kept_paths(room)) == 1


def test_an_odd_journal_leaves_the_other_accounts_asked_about(room: Room) -> None:
    lose_the_reply(room)
    (room.state.custody / "0000.journal").mkdir()
    assert found(room, room.file) == [(room.file, TokenOutcome.AMBIGUOUS)]


def test_an_odd_note_beside_one_login_leaves_the_others_looked_after(room: Room, tmp_path: Path) -> None:
    old = room.file.read_bytes()
    spend_and(room, room.file.unlink)
    room.file.write_bytes(old)
    room.note.unlink()
    room.note.mkdir()
    with TokenServer(int(LATER.timestamp()), f"rt_{CANARY}_5000", user="user-Bob") as server:
        file = write_json(tmp_path / "pool-2" / "bob.json", codex_document(server.valid, user="user-Bob"))
        bob = replace(room, file=file, server=server)
        server.script.append(Exchange(cut=0))
        bob.spend(errand=Errand(file, "b1", NOW, "acc-1", "user-Bob"))
        told = recover(room.state.root, room.fingerprint, NOW, [room.file, file])
    assert not isinstance(told, FileProblem)
    assert [(each.file, each.step.outcome) for each in told] == [(file, TokenOutcome.AMBIGUOUS)]


def test_a_kept_login_that_cannot_be_read_is_told_as_damaged(room: Room) -> None:
    spend_and(room, room.file.unlink)
    (kept,) = kept_paths(room)
    kept.write_bytes(bytes(100))
    assert kept_paths(room) == []
    assert damaged_replies(room.state) == (kept,)


def test_a_kept_login_that_is_brought_home_meanwhile_is_no_error(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend_and(room, room.file.unlink)
    (kept,) = kept_logins(room.state, room.fingerprint)

    def read_and_lose(path: Path, _: object) -> object:
        path.unlink()
        return kept.login

    monkeypatch.setattr("poolwatch.custody.waiting.read_login", read_and_lose)
    assert kept_logins(room.state, room.fingerprint) == ()


def test_an_id_token_of_another_person_never_gets_into_the_file(room: Room) -> None:
    before = room.file.read_bytes()
    access = make_jwt(claims_of("user-Ann", "acc-1", int(LATER.timestamp())), "access-1")
    identity = make_jwt({**claims_of("user-Bob", "acc-9"), "email": "bob@example.com"}, "id-1")
    reply = {"access_token": access, "refresh_token": f"rt_{CANARY}_1", "id_token": identity}
    room.server.script.append(Exchange(instead=json.dumps(reply).encode()))
    assert room.spend().outcome is TokenOutcome.AMBIGUOUS
    # the login that was sent is older than the one that is kept, and of the same account by its access token
    assert len(kept_paths(room)) == 1
    found(room, room.file)
    room.spend("a2")
    assert room.file.read_bytes() == before
    assert len(kept_paths(room)) == 1


def test_a_reply_that_could_not_be_kept_as_a_login_is_said_to_be_where_it_is(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        full = partial(FileProblem, "file.no_space")
        patch.setattr("poolwatch.custody.login_writer.write_whole", lambda path, _: full(path))
        step = spend_and(room, room.file.unlink)
    assert step.failure is not None
    assert step.failure.kind is FailureKind.BLOCKED
    assert step.detail == str(room.state.pending(room.key))
    assert room.server.valid in Path(step.detail).read_text()
    assert "bytes free" in failure_text(step.failure)
    # as soon as there is room
    found(room, room.file)
    assert len(kept_paths(room)) == 1
