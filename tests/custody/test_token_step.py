from __future__ import annotations

import asyncio
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.custody.token_step import token_step
from poolwatch.domain.account import Custody, LoginKind, TokenFacts
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.words.messages import failure_text
from tests.custody.rooms import LATER, Room, codex_document, write_json
from tests.support.token_server import CANARY, Exchange, Say


async def step(room: Room, custody: Custody = Custody.POOLWATCH, **ask: object) -> TokenStep:
    return await token_step(room.listing(custody), room.file, room.rules(), room.ask(**ask))


async def test_poolwatch_custody_refreshes_a_token_that_still_lives(room: Room) -> None:
    write_json(room.file, codex_document(room.server.valid, expires=LATER))
    assert (await step(room)).outcome is TokenOutcome.REFRESHED
    assert room.holds_valid_token()


async def test_what_another_process_refreshed_is_adopted(room: Room) -> None:
    listing = room.listing()
    write_json(room.file, codex_document(f"rt_{CANARY}_5", expires=LATER))
    found = await token_step(listing, room.file, room.rules(), room.ask())
    assert found.outcome is TokenOutcome.ADOPTED
    assert found.refresh_fingerprint == room.login.refresh_fingerprint
    assert room.server.posts == []


async def test_an_expired_newcomer_is_refreshed(room: Room) -> None:
    listing = replace(room.listing(), token=TokenFacts(fingerprint="old"))
    assert (await token_step(listing, room.file, room.rules(), room.ask())).outcome is TokenOutcome.REFRESHED


async def test_dead_and_lost_tokens_start_no_process(room: Room) -> None:
    room.server.script.append(Exchange(reset=True))
    assert (await step(room)).outcome is TokenOutcome.AMBIGUOUS
    again = await step(room)
    assert (again.block, again.refresh_fingerprint) == (BlockReason.ASK_FIRST, room.login.refresh_fingerprint)
    assert again.lost_at is not None
    dead = await step(room, try_once=True)
    assert (dead.outcome, dead.problem) == (TokenOutcome.REJECTED_FOR_GOOD, LoginProblem.USED_ELSEWHERE)
    assert (await step(room, try_once=True)).outcome is TokenOutcome.REJECTED_FOR_GOOD
    assert len(room.server.posts) == 2


async def test_a_failed_refresh_may_be_repeated(room: Room) -> None:
    room.server.script.append(Say(503))
    assert (await step(room)).outcome is TokenOutcome.FAILED
    assert (await step(room)).outcome is TokenOutcome.REFRESHED


async def test_the_same_token_in_two_places_is_not_spent(room: Room) -> None:
    mark = room.login.refresh_fingerprint
    found = await step(room, other_holders=frozenset({mark}))
    assert (found.outcome, found.block) == (TokenOutcome.BLOCKED, BlockReason.CONFLICT)
    assert found.failure is not None
    assert found.failure.kind is FailureKind.CONFLICT
    assert room.server.posts == []


async def test_read_only_spends_nothing(room: Room) -> None:
    found = await token_step(room.listing(), room.file, room.rules(read_only=True), room.ask())
    assert found.block is BlockReason.READ_ONLY
    assert room.server.posts == []


@pytest.mark.parametrize("custody", [Custody.CODEX, Custody.OTHER])
async def test_logins_of_others_are_read_and_never_spent(room: Room, custody: Custody) -> None:
    write_json(room.file, codex_document(room.server.valid, expires=LATER))
    listing = room.listing(custody)
    assert (await step(room, custody)).outcome is TokenOutcome.CURRENT
    write_json(room.file, codex_document(f"rt_{CANARY}_5", expires=LATER + timedelta(days=1)))
    found = await token_step(listing, room.file, room.rules(), room.ask())
    assert found.outcome is TokenOutcome.ADOPTED
    assert room.server.connections == 0


@pytest.mark.parametrize("rejected", [True, False])
async def test_another_tool_must_renew_an_expired_login(room: Room, rejected: bool) -> None:
    if rejected:
        write_json(room.file, codex_document(room.server.valid, expires=LATER))
    marks = frozenset({room.login.fingerprint}) if rejected else frozenset()
    found = await step(room, Custody.OTHER, rejected=marks)
    assert (found.outcome, found.block) == (TokenOutcome.BLOCKED, BlockReason.OTHER_MUST_RENEW)
    assert found.detail == "CLIProxyAPI"
    assert room.server.connections == 0


async def test_static_logins_have_nothing_to_renew(room: Room) -> None:
    personal = replace(room.listing(Custody.STATIC), login=LoginKind.PERSONAL_ACCESS_TOKEN)
    api_key = replace(room.listing(Custody.STATIC), login=LoginKind.API_KEY)
    assert await token_step(personal, room.file, room.rules(), room.ask()) == TokenStep(TokenOutcome.NONE)
    agent = replace(api_key, login=LoginKind.AGENT_IDENTITY)
    keyring = replace(room.listing(Custody.CODEX), login=LoginKind.KEYRING)
    room.file.unlink()
    for listing in (api_key, agent, keyring):
        found = await token_step(listing, room.file, room.rules(), room.ask())
        assert (found.outcome, found.block) == (TokenOutcome.NONE, BlockReason(listing.login.value))


async def test_a_new_kind_of_login_is_taken_over(room: Room) -> None:
    listing = room.listing(Custody.CODEX)
    write_json(room.file, {"OPENAI_API_KEY": "sk-1"})
    found = await token_step(listing, room.file, room.rules(), room.ask())
    assert found == TokenStep(TokenOutcome.ADOPTED)


async def test_a_vanished_file_names_its_path(room: Room) -> None:
    listing = room.listing()
    room.file.unlink()
    found = await token_step(listing, room.file, room.rules(), room.ask())
    assert (found.block, found.detail) == (BlockReason.PATH, str(room.file))
    assert found.failure is not None
    assert "not there" in failure_text(found.failure)


async def test_an_interrupted_refresh_is_finished_before_anything_else(
    room: Room, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POOLWATCH_TEST", "1")
    monkeypatch.setenv("POOLWATCH_FAILPOINT", "merged:EIO")
    assert (await step(room)).outcome is TokenOutcome.FAILED
    monkeypatch.delenv("POOLWATCH_FAILPOINT")
    assert (await step(room)).outcome is TokenOutcome.ADOPTED
    assert room.holds_valid_token()
    assert len(room.server.posts) == 1


OWN_FILES = {
    "lock": lambda room: room.state.lock(room.key),
    "journal": lambda room: room.state.journal(room.errand().account),
    "dead": lambda room: room.state.dead,
}


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "link"])
@pytest.mark.parametrize("name", OWN_FILES)
async def test_what_is_no_file_where_poolwatch_keeps_one_is_named_at_once(
    room: Room, name: str, kind: str
) -> None:
    path = OWN_FILES[name](room)
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "device":
            if os.geteuid() != 0:
                pytest.skip("only root makes devices")
            try:
                os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
            except OSError:
                pytest.skip("no devices are made here")
        case "folder":
            path.mkdir()
        case _:
            path.symlink_to(room.file)
    async with asyncio.timeout(10):
        found = await step(room)
    assert (found.outcome, found.block) == (TokenOutcome.BLOCKED, BlockReason.PATH)
    assert found.failure is not None
    assert failure_text(found.failure) == (
        f"not spent: {path} is not a regular file: move it away, a new one is made"
    )
    assert room.server.posts == []


async def test_a_lock_of_codex_that_is_no_file_is_named(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolwatch.custody.token_step.find_codex", lambda environ: Path("/bin/false"))
    os.mkfifo(room.state.lock("codex"))
    async with asyncio.timeout(10):
        found = await step(room, Custody.CODEX)
    assert found.failure is not None
    assert f"codex was not asked: {room.state.lock('codex')} is not a regular file" in failure_text(
        found.failure
    )
