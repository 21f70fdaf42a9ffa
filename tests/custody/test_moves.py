"""Logins that are moved, replaced or restored around a refresh, and memories that are damaged or gone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from poolwatch.custody.attempt import RefreshAttempt as Errand
from poolwatch.custody.attempt import RefreshJournal as Journal
from poolwatch.custody.login_file import read_login
from poolwatch.custody.login_lock import NOTE_CAP_BYTES, login_held, note_sending, read_note
from poolwatch.custody.own_folder import Imported, Refused, import_logins, move_away, set_aside
from poolwatch.custody.recovery import recover, recover_one
from poolwatch.custody.state_dir import KEY_FILE, Fingerprinter, StateDir, account_key
from poolwatch.custody.waiting import damaged_replies, kept_logins
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.words.messages import failure_text, file_text, message_text
from tests.custody.rooms import NOW, Room, codex_document, write_json
from tests.support.token_server import CANARY, Exchange, Say

IDS = ("user-Ann", "acc-1")


def spend_and(room: Room, change: Callable[[], object], attempt: str = "a1") -> TokenStep:
    """A refresh around which something else happens after the service has answered."""
    tools = room.tools()

    def send(token: Secret) -> object:
        verdict = tools.send(token)
        change()
        return verdict

    return room.spend(attempt, tools=replace(tools, send=send))  # type: ignore[arg-type] # answers as send does


def killed_at(room: Room, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    """A refresh whose process ends at a step."""

    class EndError(BaseException):
        pass

    def end(step: str) -> None:
        if step == point:
            raise EndError

    with monkeypatch.context() as patch:
        for module in ("custody.protocol", "custody.login_writer", "once.replies"):
            patch.setattr(f"poolwatch.{module}.reach", end)
        with pytest.raises(EndError):
            room.spend()


def other_state(room: Room, tmp_path: Path) -> Room:
    """The same login, under a state directory that knows nothing."""
    state = StateDir(tmp_path / "state-2")
    assert state.prepare() is None
    fingerprint = Fingerprinter.from_state_dir(state.root)
    assert isinstance(fingerprint, Fingerprinter)
    return replace(room, state=state, fingerprint=fingerprint)


def kept_paths(room: Room) -> list[Path]:
    return [kept.path for kept in kept_logins(room.state, room.fingerprint)]


def found(room: Room, *files: Path) -> list[tuple[Path, TokenOutcome]]:
    told = recover(room.state.root, room.fingerprint, NOW, files)
    assert not isinstance(told, FileProblem)
    return [(each.file, each.step.outcome) for each in told]


def moved_to(room: Room, file: Path) -> Room:
    return replace(room, file=file)


# a reply whose file changed


def test_a_reply_whose_file_was_renamed_comes_home_where_the_login_lies_now(room: Room) -> None:
    new = room.file.with_name("renamed.json")
    step = spend_and(room, lambda: room.file.rename(new))
    assert step.failure is not None
    assert step.failure.kind is FailureKind.KEPT
    assert step.detail == str(kept_paths(room)[0])
    assert found(room, new) == [(new, TokenOutcome.REFRESHED)]
    assert moved_to(room, new).holds_valid_token()
    assert kept_paths(room) == []
    assert len(room.server.posts) == 1


def test_a_reply_that_another_process_brought_home_is_not_called_lost(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(room, monkeypatch, "stored")
    sent = replace(room.errand(), refresh_fingerprint=room.login.refresh_fingerprint)
    assert found(room, room.file) == [(room.file, TokenOutcome.REFRESHED)]
    assert recover_one(room.state, sent, room.fingerprint, NOW).outcome is TokenOutcome.REFRESHED


def test_a_login_that_goes_home_while_it_is_looked_for_hides_no_other(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend_and(room, room.file.unlink)
    [stays] = kept_paths(room)
    goes = room.state.kept("a2")
    shutil.copy(stays, goes)

    def read(path: Path, fingerprint: Fingerprinter) -> object:
        login = read_login(path, fingerprint)
        goes.unlink(missing_ok=True)
        return login

    monkeypatch.setattr("poolwatch.custody.waiting.read_login", read)
    monkeypatch.setattr(StateDir, "kept_names", lambda self: [goes.name, stays.name])
    assert kept_paths(room) == [stays]


def test_the_next_refresh_adopts_what_waits_and_sends_nothing(room: Room) -> None:
    new = room.file.with_name("renamed.json")
    spend_and(room, lambda: room.file.rename(new))
    step = moved_to(room, new).spend("a2")
    assert step.outcome is TokenOutcome.ADOPTED
    assert moved_to(room, new).holds_valid_token()
    assert (kept_paths(room), len(room.server.posts)) == ([], 1)


def test_a_file_that_is_put_back_gets_the_login_that_waits_for_it(room: Room) -> None:
    old = room.file.read_bytes()
    spend_and(room, room.file.unlink)
    assert len(kept_paths(room)) == 1
    room.file.write_bytes(old)
    assert found(room, room.file) == [(room.file, TokenOutcome.REFRESHED)]
    assert room.holds_valid_token()


def test_a_file_without_a_refresh_token_gets_it_too(room: Room) -> None:
    spend_and(room, room.file.unlink)
    document = codex_document()
    tokens = document["tokens"]
    assert isinstance(tokens, dict)
    del tokens["refresh_token"]
    write_json(room.file, document)
    assert found(room, room.file) == [(room.file, TokenOutcome.REFRESHED)]
    assert room.holds_valid_token()


def test_an_older_backup_in_the_place_of_the_file_takes_the_reply(room: Room) -> None:
    backup = room.file.read_bytes()
    assert room.spend().outcome is TokenOutcome.REFRESHED
    step = spend_and(room, lambda: room.file.write_bytes(backup), "a2")
    assert step.outcome is TokenOutcome.REFRESHED
    assert room.holds_valid_token()
    assert kept_paths(room) == []


def test_a_new_sign_in_is_left_alone_and_the_reply_stays_named(room: Room) -> None:
    other = codex_document(f"rt_{CANARY}_900")
    step = spend_and(room, lambda: write_json(room.file, other))
    assert (step.outcome, step.detail) == (TokenOutcome.ADOPTED, str(kept_paths(room)[0]))
    assert found(room, room.file) == []
    assert json.loads(room.file.read_text()) == other
    assert len(kept_paths(room)) == 1


def test_a_kept_login_of_another_account_never_gets_into_the_file(room: Room) -> None:
    before = room.file.read_bytes()
    room.server.script.append(Exchange(account="acc-9"))
    assert room.spend().outcome is TokenOutcome.AMBIGUOUS
    room.file.write_bytes(before)
    found(room, room.file)
    assert room.file.read_bytes() == before
    assert len(kept_paths(room)) == 1


def test_a_kept_login_that_was_copied_home_by_hand_waits_no_longer(room: Room) -> None:
    spend_and(room, room.file.unlink)
    (kept,) = kept_paths(room)
    room.file.write_bytes(kept.read_bytes())
    assert found(room, room.file) == []
    assert kept_paths(room) == []
    assert room.holds_valid_token()


def test_a_kept_login_is_named_by_its_attempt_when_its_tokens_tell_nothing(room: Room) -> None:
    old = room.file.read_bytes()
    room.server.script.append(Exchange(omit=("id_token",), opaque=True))
    spend_and(room, room.file.unlink)
    (kept,) = kept_logins(room.state, room.fingerprint)
    assert (kept.login.user_id, kept.account) == (None, room.errand().account)
    room.file.write_bytes(old)
    assert found(room, room.file) == [(room.file, TokenOutcome.REFRESHED)]
    assert room.holds_valid_token()


def test_a_state_directory_that_is_taken_away_in_mid_flight_loses_nothing(room: Room) -> None:
    step = spend_and(room, lambda: shutil.rmtree(room.state.root))
    assert step.outcome is TokenOutcome.REFRESHED
    assert room.holds_valid_token()


def test_not_even_with_the_file_gone_too(room: Room) -> None:
    def take_away() -> None:
        shutil.rmtree(room.state.root)
        room.file.unlink()

    step = spend_and(room, take_away)
    assert step.failure is not None
    assert step.failure.kind is FailureKind.KEPT
    assert room.server.valid in Path(step.detail or "").read_text()


# the pending reply


@pytest.mark.parametrize("point", ["filled", "stored", "merged"])
@pytest.mark.parametrize("relinked", [False, True])
@pytest.mark.parametrize("by", ["start", "refresh"])
def test_a_pending_reply_finds_the_login_where_it_lies_now(
    room: Room, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, point: str, relinked: bool, by: str
) -> None:
    killed_at(room, monkeypatch, point)
    new = tmp_path / "elsewhere" / "ann.json"
    new.parent.mkdir(mode=0o700)
    room.file.rename(new)
    if relinked:
        room.file.symlink_to(new)
    listed = room.file if relinked else new
    if by == "start":
        assert found(room, listed) == [(new, TokenOutcome.REFRESHED)]
    else:
        assert moved_to(room, listed).spend("a2").outcome is TokenOutcome.ADOPTED
    assert moved_to(room, new).holds_valid_token()
    assert len(room.server.posts) == 1
    assert [path.suffix for path in room.state.custody.iterdir()] == [".journal"]
    assert [path.name for path in room.file.parent.iterdir() if path.suffix == ".tmp"] == []


def test_a_pending_reply_under_the_key_of_an_older_poolwatch_is_finished(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(room, monkeypatch, "stored")
    old = hashlib.sha256(os.fsencode(room.real) + b"\0acc-1").hexdigest()[:32]
    room.state.pending(room.key).rename(room.state.pending(old))
    assert room.spend("a2").outcome is TokenOutcome.ADOPTED
    assert room.holds_valid_token()
    assert not room.state.pending(old).exists()


def damage_it(path: Path, how: str) -> None:
    match how:
        case "zeroed":
            path.write_bytes(bytes(4096))
        case "garbage":
            path.write_bytes(bytes(range(256)))
        case "empty":
            path.write_bytes(b"")
        case "a folder":
            path.unlink()
            path.mkdir()
        case _:
            path.unlink()
            os.mkfifo(path)


@pytest.mark.parametrize("damage", ["zeroed", "garbage", "empty", "a folder", "a pipe"])
def test_a_damaged_reply_is_set_aside_and_said_and_a_new_sign_in_goes_on(
    room: Room, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    killed_at(room, monkeypatch, "stored")
    damage_it(room.state.pending(room.key), damage)
    step = room.spend("a2")
    assert step.block is BlockReason.ASK_FIRST
    assert step.failure is not None
    (aside,) = damaged_replies(room.state)
    assert str(aside) in failure_text(step.failure)
    assert "damaged" in failure_text(step.failure)
    assert len(room.server.posts) == 1
    write_json(room.file, codex_document(room.server.sign_in()))
    assert room.spend("a3").outcome is TokenOutcome.REFRESHED
    assert room.holds_valid_token()


@pytest.mark.parametrize("damage", ["garbage", "a folder", "a pipe"])
def test_damaged_space_for_a_reply_is_no_obstacle(room: Room, damage: str) -> None:
    part = room.state.part(room.key)
    part.write_bytes(b"")
    damage_it(part, damage)
    assert room.spend().outcome is TokenOutcome.REFRESHED
    assert room.holds_valid_token()


# one login, one lock, one memory


def lose_the_reply(room: Room) -> None:
    room.server.script.append(Exchange(cut=0))
    assert room.spend().outcome is TokenOutcome.AMBIGUOUS


def test_another_state_directory_does_not_replay_a_token(room: Room, tmp_path: Path) -> None:
    lose_the_reply(room)
    second = other_state(room, tmp_path)
    step = second.spend("b1")
    assert (step.block, step.lost_at) == (BlockReason.ASK_FIRST, NOW)
    assert len(room.server.posts) == 1
    assert second.spend("b2", try_once=True).problem is LoginProblem.USED_ELSEWHERE


def test_a_deleted_state_directory_is_no_reason_to_send_a_token_again(room: Room) -> None:
    lose_the_reply(room)
    shutil.rmtree(room.state.root)
    assert room.state.prepare() is None
    assert room.spend("b1").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


def test_nor_is_a_deleted_key(room: Room) -> None:
    lose_the_reply(room)
    (room.state.root / KEY_FILE).unlink()
    fingerprint = Fingerprinter.from_state_dir(room.state.root)
    assert isinstance(fingerprint, Fingerprinter)
    assert replace(room, fingerprint=fingerprint).spend("b1").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


@pytest.mark.parametrize("how", ["flipped", "zeroed", "cut"])
def test_nor_is_a_journal_that_fails_its_checksums(room: Room, how: str) -> None:
    lose_the_reply(room)
    journal = room.state.journal(room.errand().account)
    text = journal.read_bytes()
    broken = {"flipped": text.replace(b"a1", b"a2"), "zeroed": bytes(len(text)), "cut": b""}[how]
    journal.write_bytes(broken)
    assert room.spend("b1").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


def test_a_damaged_journal_is_doubted_where_nothing_stands_beside_the_login(room: Room) -> None:
    lose_the_reply(room)
    journal = room.state.journal(room.errand().account)
    journal.write_bytes(bytes(500))
    room.note.write_bytes(b"")
    assert room.spend("b1").block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


def test_a_damaged_note_is_doubted_where_there_is_no_journal(room: Room, tmp_path: Path) -> None:
    lose_the_reply(room)
    room.note.write_bytes(b"{broken\n")
    assert other_state(room, tmp_path).spend("b1").block is BlockReason.ASK_FIRST


def test_lines_from_before_there_were_checksums_count(room: Room) -> None:
    lose_the_reply(room)
    journal = room.state.journal(room.errand().account)
    lines = [json.loads(text) for text in journal.read_text().splitlines()]
    for line in lines:
        del line["sum"]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert Journal(journal).read()[1] is False
    room.note.unlink()
    assert room.spend("b1").block is BlockReason.ASK_FIRST


def test_what_was_never_sent_goes_on_without_any_memory(room: Room, tmp_path: Path) -> None:
    assert other_state(room, tmp_path).spend("b1").outcome is TokenOutcome.REFRESHED
    assert room.holds_valid_token()


def test_a_token_that_came_back_whole_may_go_again_as_the_journal_says(room: Room) -> None:
    room.server.script.append(Say(500))
    assert room.spend().outcome is TokenOutcome.FAILED
    assert room.spend("a2").outcome is TokenOutcome.REFRESHED


def test_the_note_is_private_and_holds_no_token_and_stays_one_file(room: Room) -> None:
    for number in range(3):
        assert room.spend(f"a{number}").outcome is TokenOutcome.REFRESHED
    assert room.note.stat().st_mode & 0o777 == 0o600
    assert CANARY not in room.note.read_text()
    assert [sent.outcome for sent in read_note(room.real, IDS).sendings] == [None, TokenOutcome.REFRESHED] * 3


def test_a_long_note_is_cut_and_remembers_its_newest_tokens(room: Room) -> None:
    errand = room.errand()
    inode = None
    for number in range(200):
        note_sending(replace(errand, id=f"{number}"), Secret(f"rt_{number}"), "key")
        inode = inode or room.note.stat().st_ino
    note = read_note(room.real, IDS)
    assert room.note.stat().st_size <= NOTE_CAP_BYTES + 1000
    assert room.note.stat().st_ino == inode
    assert not note.damaged
    assert [sent.attempt for sent in note.of(Secret("rt_199"))] == ["199"]


def test_a_crash_while_a_note_is_cut_forgets_no_new_token(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    errand = room.errand()
    number = 0
    while not room.note.exists() or room.note.stat().st_size <= NOTE_CAP_BYTES:
        note_sending(replace(errand, id=f"{number}"), Secret(f"rt_{number}"), "key")
        number += 1

    def crash(handle: int, length: int) -> None:
        raise OSError(5, "crashed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", crash)
        with pytest.raises(OSError, match="crashed"):
            note_sending(replace(errand, id="next"), Secret("rt_next"), "key")
    note = read_note(room.real, IDS)
    assert all(note.of(Secret(f"rt_{each}")) for each in range(number - 10, number))


def test_two_state_directories_at_once_send_one_request(room: Room, tmp_path: Path) -> None:
    second = other_state(room, tmp_path)
    room.server.release.clear()
    steps: list[TokenStep] = []
    first = threading.Thread(target=lambda: steps.append(room.spend()))
    first.start()
    assert room.server.arrived.wait(20)
    patient = replace(second.tools(), patience_seconds=20.0)
    waiting = threading.Thread(target=lambda: steps.append(second.spend("b1", tools=patient)))
    waiting.start()
    room.server.release.set()
    first.join(30)
    waiting.join(30)
    assert [step.outcome for step in steps] == [TokenOutcome.REFRESHED, TokenOutcome.ADOPTED]
    assert len(room.server.posts) == 1


@pytest.mark.parametrize("odd", ["a folder", "a pipe", "a link"])
def test_what_cannot_be_a_lock_beside_the_login_is_named(room: Room, odd: str) -> None:
    match odd:
        case "a folder":
            room.note.mkdir()
        case "a pipe":
            os.mkfifo(room.note)
        case _:
            room.note.symlink_to(room.file)
    step = room.spend()
    assert (step.outcome, step.block) == (TokenOutcome.BLOCKED, BlockReason.PATH)
    assert step.failure is not None
    assert room.note.name in failure_text(step.failure)
    assert room.server.posts == []


def test_a_login_without_both_ids_that_is_renamed_is_known_by_its_token(room: Room) -> None:
    document = codex_document(room.server.valid, user="")
    write_json(room.file, document)
    lost = Errand(room.real, "a1", NOW, room.login.account_id, room.login.user_id)
    assert None in lost.ids
    room.server.script.append(Exchange(cut=0))
    assert room.spend(errand=lost).outcome is TokenOutcome.AMBIGUOUS
    new = room.file.with_name("renamed.json")
    room.file.rename(new)
    moved = replace(lost, file=new, id="a2")
    step = moved_to(room, new).spend(errand=moved, seen=moved_to(room, new).seen())
    assert step.block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


# what may be removed


def test_files_of_the_user_beside_a_login_stay(room: Room) -> None:
    names = [
        ".ann.json.mybackup.tmp",
        ".ann.json.0123456789abcdef.tmp",
        ".poolwatch-mine.tmp",
        "ann.json.tmp",
    ]
    for name in names:
        room.file.with_name(name).write_bytes(b"mine")
    room.spend()
    assert room.beside() == sorted(["ann.json", *names])


# moving commands


def take(room: Room, source: Path, folder: Path) -> Imported | Refused:
    taken = import_logins(source, folder, room.state, room.fingerprint, NOW)
    assert not isinstance(taken, FileProblem), file_text(taken)
    (one,) = taken
    return one


def test_a_kept_login_is_imported_over_the_dead_copy_and_waits_no_longer(room: Room, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "logins"
    first = take(room, room.file, folder)
    assert isinstance(first, Imported)
    spend_and(room, room.file.unlink)
    (kept,) = kept_paths(room)
    again = take(room, kept, folder)
    assert isinstance(again, Imported)
    assert moved_to(room, again.file).holds_valid_token()
    assert not kept.exists()
    # the dead copy was set aside, not deleted
    assert any(".poolwatch-aside-" in path.name for path in folder.iterdir())


def test_a_kept_login_whose_account_has_a_newer_one_is_refused_and_stays(room: Room, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "logins"
    spend_and(room, room.file.unlink)
    (kept,) = kept_paths(room)
    newer = write_json(tmp_path / "newer.json", codex_document(f"rt_{CANARY}_900"))
    assert isinstance(take(room, newer, folder), Imported)
    refused = take(room, kept, folder)
    assert isinstance(refused, Refused)
    assert refused.held_in is not None
    assert kept.exists()


def test_an_import_waits_for_the_refresh_at_work_and_takes_the_new_login(room: Room, tmp_path: Path) -> None:
    room.server.release.clear()
    refreshing = threading.Thread(target=room.spend)
    refreshing.start()
    assert room.server.arrived.wait(20)
    taken: list[Imported | Refused] = []
    importing = threading.Thread(
        target=lambda: taken.append(take(room, room.file, tmp_path / "data" / "logins"))
    )
    importing.start()
    room.server.release.set()
    refreshing.join(30)
    importing.join(30)
    (one,) = taken
    assert isinstance(one, Imported)
    assert one.refresh == Secret(room.server.valid)


def test_an_import_that_cannot_wait_longer_moves_nothing(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "logins"
    monkeypatch.setattr("poolwatch.custody.own_folder.PATIENCE_SECONDS", 0.0)
    with login_held(room.state, room.real, IDS) as mine:
        assert mine
        refused = take(room, room.file, folder)
    assert isinstance(refused, Refused)
    assert "nothing was moved" in message_text(refused.why)
    assert [path.name for path in folder.iterdir()] == [".lock"]


# what a command that waited for a refresh finds


def meanwhile(room: Room, refreshed: Room, work: Callable[[], object], change: Callable[[], object]) -> None:
    """Refresh a login; while the answer is on its way begin to work, then change something."""
    room.server.release.clear()
    refreshing = threading.Thread(target=refreshed.spend)
    working = threading.Thread(target=work)
    refreshing.start()
    assert room.server.arrived.wait(20)
    working.start()
    time.sleep(0.3)
    change()
    room.server.release.set()
    refreshing.join(30)
    working.join(30)


def test_an_import_sets_no_copy_aside_that_was_renewed_while_it_waited(room: Room, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "logins"
    first = take(room, room.file, folder)
    assert isinstance(first, Imported)
    own = moved_to(room, first.file)
    other = write_json(tmp_path / "other.json", codex_document(f"rt_{CANARY}_900"))
    taken: list[Imported | Refused] = []
    meanwhile(room, own, lambda: taken.append(take(room, other, folder)), lambda: None)
    assert own.holds_valid_token()
    assert [type(each) for each in taken] == [Refused]


def test_what_holds_another_account_by_now_is_not_moved_away(room: Room, tmp_path: Path) -> None:
    bob = write_json(room.file.with_name("bob.json"), codex_document("rt_bob", user="user-Bob"))
    moved: list[Path | FileProblem] = []
    meanwhile(
        room,
        room,
        lambda: moved.append(move_away(room.state, room.file, tmp_path / "removed", NOW)),
        lambda: bob.replace(room.file),
    )
    assert [type(each) for each in moved] == [FileProblem]
    assert room.login.user_id == "user-Bob"


def test_a_copy_that_was_renewed_while_a_command_waited_is_no_copy_any_more(room: Room) -> None:
    token = room.login.refresh
    moved: list[Path | FileProblem] = []
    meanwhile(room, room, lambda: moved.append(set_aside(room.state, room.file, NOW, token)), lambda: None)
    assert [type(each) for each in moved] == [FileProblem]
    assert room.holds_valid_token()


def test_an_import_takes_along_what_is_known_of_the_token(room: Room, tmp_path: Path) -> None:
    lose_the_reply(room)
    second = other_state(room, tmp_path)
    taken = take(second, room.file, tmp_path / "data-2" / "logins")
    assert isinstance(taken, Imported)
    own = moved_to(second, taken.file)
    step = own.spend("b1", errand=replace(room.errand("b1"), file=taken.file))
    assert step.block is BlockReason.ASK_FIRST
    assert len(room.server.posts) == 1


def test_an_import_that_one_login_keeps_from_ending_tells_of_the_others(room: Room, tmp_path: Path) -> None:
    bob = codex_document("rt_bob", user="user-Bob")
    source = write_json(tmp_path / "both.json", {"accounts": [codex_document(), bob]})
    room.state.lock(account_key("user-Bob", "acc-1", source)).mkdir()
    taken = import_logins(source, tmp_path / "data" / "logins", room.state, room.fingerprint, NOW)
    assert not isinstance(taken, FileProblem)
    assert [type(each) for each in taken] == [Imported, Refused]
